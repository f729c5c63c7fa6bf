"""The report of a study as one HTML file: no script, no request, light or dark by the system, and for paper.

What it says is computed in `agon.data.study_evidence`; here it is put into words, tables and drawings.
Everything that comes from votes or their owner is escaped here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from pathlib import Path

from agon.arena.web.layout import MARK, plural
from agon.arena.web.leaderboard.board_command import command, condition_words, shell_words
from agon.arena.web.leaderboard.board_words import rule_name, settings_sentence
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import ALL
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.leaderboard.table import cards_html, half_text, score_text, table_html
from agon.arena.web.markdown.markdown import without_hidden
from agon.arena.web.tastes.audit_section import audits_html
from agon.data.files.writer import refuse_existing, whole_file
from agon.data.study_evidence import RatingConsistency, StudyReport, StudyVoter
from agon.ranking import InterAnnotatorAgreement, Leaderboard, PositionBias
from agon.ranking.errors import SourceError
from agon.ranking.leaderboard.row import rank_text
from agon.ranking.version import VERSION

_ROWS = 20  # rows of the table of voters
_INFO = ModelInfo()
_BAR = 120  # pixels of the longest bar


def write_report(report: StudyReport, to: str | Path, *, force: bool = False) -> Path:
    """Write the page, whole or not at all.

    Args:
        report: what was found.
        to: the file.
        force: whether a file that is there is replaced.

    Raises:
        SourceError: the file is there already, is a folder, or cannot be written.
    """
    path = Path(to)
    check_report_target(path, force=force)
    with whole_file(path) as file:
        file.write(report_html(report).encode())
    return path


def check_report_target(path: Path, *, force: bool) -> None:
    """Refuse a path before the work is done that `write_report` would refuse after it.

    Raises:
        SourceError: the file is there already, or is a folder.
    """
    if path.is_dir():
        raise SourceError(
            f"{path} is a folder, and a report is a file; name one, such as {path}/report.html."
        )
    refuse_existing(path, replace=force)


def report_html(report: StudyReport) -> str:
    """Return the whole page."""
    title = _title(report)
    parts = (
        _head(report, title),
        _board(report),
        _criteria(report),
        _agreement(report),
        _ratings(report.ratings),
        _sides(report),
        _attention(report),
        _voters(report),
        _judges(report),
        _left_out(report),
        _methods(report),
        _commands(report),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{_text(title)} · Agon</title><style>{_style()}</style></head>"
        '<body class="ag-root ag-page ag-report"><main id="main"><div class="ag-wrap">'
        f'<p class="ag-brand">{MARK}Agon</p>{"".join(parts)}</div></main>'
        f'<footer class="ag-foot"><div class="ag-wrap"><span>Agon {escape(VERSION)}</span>'
        f"<span>{plural(report.votes, 'vote')} counted</span></div></footer></body></html>"
    )


def _style() -> str:
    """The stylesheet of all pages, with its fonts inside."""
    folder = files("agon.arena.web") / "static"

    def inlined(found: re.Match[str]) -> str:
        data = base64.b64encode(folder.joinpath(*found[1].split("/")).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{data})"

    style = (folder / "agon.css").read_text(encoding="utf-8")
    style = re.sub(r'@font-face\{font-family:"Agon Math"[^}]*\}', "", style)  # a report has no formulas
    return re.sub(r"url\((fonts/[^)]+)\)", inlined, re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL))


def _text(text: str) -> str:
    """Text of anybody's as HTML."""
    return escape(without_hidden(text))


def _title(report: StudyReport) -> str:
    return "Report on votes" if report.study is None else f"Report of the study {report.study.name}"


def _section(heading: str, *parts: str) -> str:
    """A section with what there is in it; nothing without."""
    body = "".join(parts)
    return f'<section class="ag-section"><h2>{heading}</h2>{body}</section>' if body else ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A table of cells that are HTML already, the first of each row its heading, the others to the right."""
    first, *others = columns
    head = f'<th scope="col">{first}</th>' + "".join(
        f'<th scope="col" class="ag-r">{one}</th>' for one in others
    )
    body = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(f'<td class="ag-r">{one}</td>' for one in cells)
        + "</tr>"
        for name, *cells in rows
    )
    return (
        f'<div class="ag-numbers" tabindex="0" role="group" aria-label="{caption}"><table><caption'
        f' class="ag-sr">{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d %B %Y}".lstrip("0")


def _span(report: StudyReport) -> str:
    if report.first is None or report.last is None:
        return ""
    first, last = _day(report.first), _day(report.last)
    return first if first == last else f"{first} to {last}"


def _head(report: StudyReport, title: str) -> str:
    board, study = report.board, report.study
    said = report.conclusion() if report.leads else board.conclusion(_INFO.name)
    counted = [plural(len(board.rows), "model")]
    if report.prompts is not None:
        counted.append(plural(report.prompts, "prompt"))
    if report.voters:
        counted.append(plural(len(report.voters), "voter"))
    counted.append(plural(report.votes, "vote"))
    lead = f"{', '.join(counted)}{', ' + _span(report) if _span(report) else ''}."
    if study is not None and study.closed is not None:
        how = {
            "decision": "with a decision",
            "quota": "at its quota",
            "complete": "with all its votes",
            "hand": "by its owner",
        }[study.closed.by]
        lead += f" Ended on {_day(study.closed.created.timestamp())} {how}: {study.closed.sentence}"
    elif study is not None:
        lead += " The study is not ended yet."
    return (
        f'<div class="ag-phead"><p class="ag-label">{_text(title)}</p><h1>{_text(said)}</h1>'
        f'<p class="ag-lead">{_text(lead)}</p></div>'
    )


def _board(report: StudyReport) -> str:
    board, said = report.board, report.board.conclusion(_INFO.name)
    remarks = "".join(
        f'<li class="ag-note"><span>{_text(text)}</span></li>' for text in board.remarks(_INFO.name)
    )
    return _section(
        "The board",
        f"<p>A rank is a range: all models are within theirs at {board.level:.0%} certainty. The shaded "
        "stripe is the interval of the first model.</p>",
        table_html(board, _INFO, said),
        cards_html(board, _INFO),
        f'<div class="ag-under"><p>{_text(settings_sentence(board))}</p></div>',
        f'<ul class="ag-diag">{remarks}</ul>' if remarks else "",
    )


def _criteria(report: StudyReport) -> str:
    if not report.criteria:
        return ""
    boards = {"as a whole": report.board, **report.criteria}
    names = [row.model for row in report.board.rows]
    rows = [(_text(_INFO.name(name)), *(_cell(board, name) for board in boards.values())) for name in names]
    said = "".join(
        f"<dt>{_text(name)}</dt><dd>{_text(_said(report, name, board))}</dd>"
        for name, board in report.criteria.items()
    )
    return _section(
        "By criterion",
        _table(["Model", *map(_text, boards)], rows, "Ranks and scores by criterion"),
        f'<dl class="ag-asks">{said}</dl>',
    )


def _said(report: StudyReport, name: str, board: Leaderboard) -> str:
    """What is decided by a criterion."""
    return report.leads[name].conclusion() if name in report.leads else board.conclusion(_INFO.name)


def _cell(board: Leaderboard, model: str) -> str:
    """Ranks and score of one model on one board."""
    if model not in board:
        return "–"
    row = board[model]
    if row.score is None:
        return rank_text(row) or "–"
    return f"<b>{rank_text(row)}</b> {score_text(board, row.score)} {half_text(board, row)}"


def _agreement(report: StudyReport) -> str:
    found = {name or "as a whole": one for name, one in report.agreement.items()}
    known = {name: one for name, one in found.items() if isinstance(one, InterAnnotatorAgreement)}
    if not known:
        return _section("Agreement between voters", f"<p>{_text(str(report.agreement['']))}</p>")
    rows = [
        (
            _text(name),
            _signed(one.alpha),
            f"{_signed(one.lower)} to {_signed(one.upper)}",
            f"{one.units:,}",
            f"{one.votes:,}",
        )
        for name, one in known.items()
    ]
    columns = ("Verdict", "α", f"{report.level:.0%} interval", "judged repeatedly", "votes on them")
    return _section(
        "Agreement between voters",
        "<p>Krippendorff’s α of win, loss, tie and “both bad” on the same two models and the same prompt: 1 "
        "is perfect agreement, 0 is chance; intervals by drawing what was judged with replacement. A low α "
        "does not make a board wrong: its intervals allow for voters who differ.</p>",
        _table(columns, rows, "Agreement between voters"),
    )


def _signed(number: float) -> str:
    """A number with a minus sign that is one."""
    return f"{number:.2f}".replace("-", "−")


def _ratings(found: RatingConsistency | None) -> str:
    if found is None:
        return ""
    rows = [(_text(_INFO.name(name)), f"{mean:.2f}", f"{n:,}") for name, (mean, n) in found.means.items()]
    ties = (
        f" Of {found.tied:,} ties {found.tied_alike:,} are between answers rated alike." if found.tied else ""
    )
    return _section(
        "Ratings beside choices",
        f"<p>{_text(found.conclusion() + ties)}</p>",
        _table(("Model", "mean of 1 to 7", "ratings"), rows, "Mean ratings"),
    )


def _sides(report: StudyReport) -> str:
    found = report.sides
    if isinstance(found, PositionBias):
        even = found.lower <= 0 <= found.upper
        said = "The sides are even as far as the votes can tell." if even else "One side is favoured."
        body = f"<p>{said} {_text(found.conclusion())} No board takes sides into account.</p>"
    else:
        body = f"<p>Not known: {_text(found)}</p>"
    noise = ""
    if report.noise is not None:
        noise = f"<p>{_text(report.noise.conclusion())} These battles (A/A) count on no board.</p>"
    elif report.study is not None:
        noise = "<p>No model was drawn against itself (A/A), so the noise of votes was not measured.</p>"
    return _section("Left and right", body, noise)


def _attention(report: StudyReport) -> str:
    if not report.items:
        return ""
    rows = [(f"Item {item}", f"{passed:,} of {asked:,}") for item, (passed, asked) in report.items.items()]
    without = "" if report.without_inattentive is None else f"<p>{_text(report.without_inattentive)}</p>"
    return _section(
        "Attention items",
        "<p>Battles whose best answer is known. They count on no board, and nobody’s votes were left out for "
        "them.</p>",
        _table(("Item", "answered right"), rows, "Attention items"),
        without,
    )


def _voters(report: StudyReport) -> str:
    if not report.voters:
        return ""
    most = max(one.votes for one in report.voters)
    attention, skips = any(one.asked for one in report.voters), report.study is not None
    columns = ["Voter", "votes", "with the board"] + ["skipped"] * skips + ["attention items"] * attention
    rows = [_voter(one, most, skips=skips, attention=attention) for one in report.voters[:_ROWS]]
    hidden = report.voters[_ROWS:]
    more = (
        f"<p>And {plural(len(hidden), 'voter')} more, with "
        f"{plural(sum(one.votes for one in hidden), 'vote')}.</p>"
        if hidden
        else ""
    )
    share = most / max(report.votes, 1)
    return _section(
        "Who voted",
        f"<p>{plural(len(report.voters), 'voter')}; the busiest cast {share:.0%} of the votes. “With the "
        "board” is the share of a voter’s choices for the model that the board has above, a tie counting "
        "half.</p>",
        _table(columns, rows, "Voters"),
        more,
    )


def _voter(one: StudyVoter, most: int, *, skips: bool, attention: bool) -> list[str]:
    width = _BAR * one.votes / most
    bar = (
        f'<svg class="ag-tally" viewBox="0 0 {_BAR} 8" width="{_BAR}" height="8" aria-hidden="true">'
        f'<rect x="{_BAR - width:.1f}" width="{width:.1f}" height="8" rx="1" fill="var(--accent)"/></svg>'
    )
    cells = [
        _text(one.label),
        f"{bar}{one.votes:,}",
        "–" if one.agreement is None else f"{one.agreement:.0%}",
    ]
    if skips:
        cells.append(f"{one.skips or 0:,}")
    if attention:
        cells.append(f"{one.passed:,} of {one.asked:,}" if one.asked else "–")
    return cells


def _judges(report: StudyReport) -> str:
    if not report.audits:
        return ""
    lead = (
        "<p>How far the verdicts of language models go with votes of people on the same answers, and what "
        "sways them. No board of this report counts them; judges that are refused should count on none.</p>"
    )
    return _section("Judges", lead, audits_html(report.audits))


def _left_out(report: StudyReport) -> str:
    lines = [f"{plural(number, 'vote')} {why}." for why, number in report.left_out.items()]
    lines += [
        f"{plural(number, 'battle')} drawn again, because an answer failed ({why})."
        for why, number in report.drawn_anew.items()
    ]
    if report.unjudged:
        lines.append(f"{plural(report.unjudged, 'battle')} drawn and not judged.")
    if report.study is not None:
        seats: dict[int, int] = {}
        for one in report.study.invitations:
            seats[one.seat] = seats.get(one.seat, 0) + 1
        lines += [f"Seat {seat} was given to another person." for seat, held in seats.items() if held > 1]
    items = "".join(f"<li>{_text(line)}</li>" for line in lines) or "<li>Every vote counts.</li>"
    skipped = [(_text(why), f"{number:,}") for why, number in report.skips.items()]
    return _section(
        "What does not count",
        f'<div class="ag-prose"><ul>{items}</ul></div>',
        _table(("Skipped, because", "battles"), skipped, "Skips") if skipped else "",
    )


def methods_paragraph(report: StudyReport) -> str:
    """How it was done, to be in_quotes."""
    board, study = report.board, report.study
    models = plural(len(board.rows), "model")
    prompts = "" if report.prompts is None else f" on {plural(report.prompts, 'prompt')}"
    if study is None:
        said = [f"{plural(report.votes, 'vote')}{_by(report)} compared {models}{prompts}."]
    else:
        design = study.design
        answers = int(design.get("answers", 2))
        said = [
            f"{plural(len(report.voters), 'voter')} of {study.voters} invited compared the answers of "
            f"{models}{prompts} blind, {answers} at a time, with order and sides by a schedule, each "
            f"comparison by {plural(int(design.get('overlap', 1)), 'voter')}, and cast "
            f"{plural(report.votes, 'vote')}."
        ]
        if report.criteria:
            said.append(f"Each battle was also judged by {_listed(list(report.criteria))}.")
    clustered = board.settings.get("cluster")
    by = f", clustered by {' and '.join(str(clustered).split(','))}" if clustered else ""
    said.append(
        f"Scores are those of a {rule_name(board.method)} model, a tie counting half, on the scale of Elo, "
        f"with {report.level:.0%} intervals from the sandwich covariance{by}; ranks hold for all "
        "pairs at once."
    )
    if report.leads:
        said.append(
            f"A model leads once the votes say so at {report.level:.0%} however often one looks (a mixture "
            "of likelihood ratios), all of the panel have voted, and Student’s t of the voters says so at a "
            "quarter of what that level leaves out."
        )
    alpha = report.agreement[""]
    if isinstance(alpha, InterAnnotatorAgreement):
        said.append(
            f"Krippendorff’s α is {_signed(alpha.alpha)} ({_signed(alpha.lower)} to {_signed(alpha.upper)})."
        )
    said.append(
        f"Computed with Agon {VERSION}; fingerprint of the votes and settings {board.fingerprint[:16]}."
    )
    return " ".join(said)


def _by(report: StudyReport) -> str:
    return f" of {plural(len(report.voters), 'voter')}" if report.voters else ""


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _methods(report: StudyReport) -> str:
    return _section(
        "Methods",
        f'<blockquote class="ag-card ag-pad ag-quote">{_text(methods_paragraph(report))}</blockquote>',
    )


def reproduce(report: StudyReport) -> Mapping[str, str]:
    """What each command shows → the command."""
    about = About(report.words, "vote", report.votes, where=report.where)
    every = [*report.words, *condition_words(about, ALL)]
    found = {"The board": command(report.board, about)}
    for name, board in report.criteria.items():
        words = (*report.words, "--criterion", name)
        found[f"By {name}"] = command(board, About(words, "vote", report.votes, where=report.where))
    if report.leads and report.level == 0.95:
        panel = ("--panel", str(report.leads[""].panel))
        found["The decision"] = shell_words(["agon", "explain", "panel", *every, *panel])
    if isinstance(report.agreement[""], InterAnnotatorAgreement) and report.level == 0.95:
        found["Agreement"] = shell_words(["agon", "explain", "agreement", *every])
    if isinstance(report.sides, PositionBias) and report.level == 0.95:
        found["Left and right"] = shell_words(["agon", "explain", "sides", *every])
    for file in report.judged:
        audited = ["agon", "judge", file, "--audit", "--voted", report.words[0]]
        found[f"The judges of {file}"] = shell_words(audited)
    study = () if report.study is None else ("--study", report.study.name)
    judges = [word for file in report.judged for word in ("--judges", file)]
    page = ["agon", "report", *report.words, *study, *judges, "--to", "report.html"]
    found["This page"] = shell_words(page)
    return found


def _commands(report: StudyReport) -> str:
    items = "".join(
        f'<p class="ag-label">{_text(what)}</p><code class="ag-cmd" tabindex="0">{_text(how)}</code>'
        for what, how in reproduce(report).items()
    )
    return _section("To reproduce it", items)
