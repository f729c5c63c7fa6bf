"""What the verdicts of judges are worth, in a report: the audit of each with its figures and its curve."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite, sqrt

from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import JudgeAudit
from agon.ranking.inference.shares import wilson_interval
from agon.ranking.judges.audit_result import AuditMeasure

_SIDE, _LEFT, _TOP = 220.0, 44.0, 10.0  # pixels of the drawn square, and what is free beside it


def audits_html(audits: Sequence[JudgeAudit]) -> str:
    """Return the audits, one below the other; nothing without one."""
    return "".join(map(_audit, audits))


def _text(text: str) -> str:
    return escape(without_hidden(text))


def _audit(one: JudgeAudit) -> str:
    verdict = "Passed" if one.passed else "Refused"
    known = [measure for measure in one.measures if isfinite(measure.value)]
    unknown = "".join(f"<li>{_text(m.said)}</li>" for m in one.measures if not isfinite(m.value))
    found = "".join(
        f'<li class="ag-note"><span>{_text(measure.said)}</span></li>' for measure in known if measure.found
    )
    rest = f'<p>Not known:</p><div class="ag-prose"><ul>{unknown}</ul></div>' if unknown else ""
    return (
        f'<article class="ag-judge"><h3>{_text(one.judge)} <span class="ag-pill'
        f'{"" if one.passed else " ag-dash"}">{verdict}</span></h3><p>{_text(one.conclusion())}</p>'
        + (f'<ul class="ag-diag">{found}</ul>' if found else "")
        + _figures(known, one.level, f"Audit of {one.judge}")
        + _curve(one)
        + f"{rest}</article>"
    )


def _figures(measures: Sequence[AuditMeasure], level: float, caption: str) -> str:
    rows = "".join(
        f'<tr><th scope="row">{"<b>" if m.found else ""}{_text(m.label)}{"</b>" if m.found else ""}</th>'
        f'<td class="ag-r">{_figure(m.value)}</td>'
        f'<td class="ag-r">{_figure(m.lower)} to {_figure(m.upper)}</td>'
        f'<td class="ag-r">{"–" if m.expected is None else _figure(m.expected)}</td>'
        f'<td class="ag-r">{m.number:,}</td></tr>'
        for m in measures
    )
    heads = ("value", f"{level:.0%} interval", "of a judge without the fault", "rests on")
    head = '<th scope="col">Figure</th>' + "".join(f'<th scope="col" class="ag-r">{h}</th>' for h in heads)
    return _table(caption, head, rows)


def _table(caption: str, head: str, rows: str) -> str:
    said = _text(caption)
    return (
        f'<div class="ag-numbers" tabindex="0" role="group" aria-label="{said}"><table><caption'
        f' class="ag-sr">{said}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _figure(value: float) -> str:
    """Shares and correlations with two digits, Elo points without."""
    if not isfinite(value):
        return "…"
    text = f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2f}"
    return text.removeprefix("-") if text == "-0.00" else text.replace("-", "−")


def _curve(one: JudgeAudit) -> str:
    """How often people agreed by how sure the judge was, as a drawing and as a table."""
    if not one.curve:
        return ""

    def at(sure: float, right: float) -> tuple[float, float]:
        x, y = (min(max(share, low), 1.0) for share, low in ((sure, 0.5), (right, 0.0)))
        return round(_LEFT + (x - 0.5) * 2 * _SIDE, 1), round(_TOP + (1 - y) * _SIDE, 1)

    drawn, rows = "", ""
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, y = at(0.5, share)
        drawn += (
            f'<line x1="{_LEFT}" x2="{_LEFT + _SIDE}" y1="{y}" y2="{y}" stroke="var(--line)"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{share:.0%}</text>'
        )
    for share in (0.5, 0.75, 1.0):
        x, _ = at(share, 0.0)
        drawn += f'<text x="{x}" y="{_TOP + _SIDE + 18}" text-anchor="middle">{share:.0%}</text>'
    (x0, y0), (x1, y1) = at(0.5, 0.5), at(1.0, 1.0)
    drawn += f'<path d="M{x0} {y0}L{x1} {y1}" stroke="var(--ink-3)" stroke-dasharray="4"/>'
    most = max(cell.number for cell in one.curve)
    for cell in one.curve:
        low, high = wilson_interval(cell.right, cell.number, one.level)
        x, y = at(cell.sure, cell.right)
        bottom, top = at(cell.sure, low)[1], at(cell.sure, high)[1]
        drawn += (
            f'<path d="M{x} {bottom}V{top}" stroke="var(--accent)" stroke-width="2"/>'
            f'<circle cx="{x}" cy="{y}" r="{2.5 + 3.5 * sqrt(cell.number / most):.1f}" fill="var(--accent)"/>'
        )
        rows += (
            f'<tr><th scope="row">{cell.sure:.1%}</th><td class="ag-r">{cell.right:.1%}</td>'
            f'<td class="ag-r">{low:.1%} to {high:.1%}</td><td class="ag-r">{cell.number:,}</td></tr>'
        )
    drawn += (
        f'<text x="{_LEFT + _SIDE / 2}" y="{_TOP + _SIDE + 36}" text-anchor="middle">how sure it was</text>'
    )
    heads = ("People agreed", f"{one.level:.0%} interval as of independent votes", "Votes of people")
    head = '<th scope="col">Certainty of the judge</th>' + "".join(
        f'<th scope="col" class="ag-r">{h}</th>' for h in heads
    )
    said = _text(" ".join(cell.conclusion() for cell in one.curve))
    return (
        "<p>How often people agreed, by how sure the judge was; on the dashed line it is as sure as people "
        "bear out.</p>"
        f'<svg class="ag-reliability" viewBox="0 0 {_LEFT + _SIDE + 20:g} {_TOP + _SIDE + 44:g}" role="img" '
        f'aria-label="{said}" font-size="12" fill="var(--ink-2)">{drawn}</svg>'
        + _table(f"Reliability of {one.judge}", head, rows)
    )
