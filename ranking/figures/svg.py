"""Figures as SVG, without a browser: what our drawings are made of, and nothing else of Plotly's schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import unescape
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np

from agon.ranking.errors import OptionError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

WIDTH = 860
INK, FAINT, GRID = "#1f2228", "#5b6067", "#e6e7e9"


def to_svg(figure: Figure | Mapping[str, Any]) -> str:
    """Write a figure of this library as SVG; needs no browser and no kaleido.

    Args:
        figure: what `board.plot()`, `board.difference_map()`, `win_rate_map(votes)`, `rank_by(...).plot()`
            or `board.compare(other).plot()` returned.

    Raises:
        OptionError: something else, or a figure with traces that this library does not draw.
    """
    plain: Any = figure.to_plotly_json() if hasattr(figure, "to_plotly_json") else figure
    if not isinstance(plain, Mapping) or not {"data", "layout"} <= plain.keys():
        raise OptionError(f"to_svg takes a figure, such as board.plot(), not a {type(figure).__name__}.")
    strange = {trace.get("type", "scatter") for trace in plain["data"]} - {"scatter"}
    if strange:
        raise OptionError(
            f"to_svg draws the figures of this library, not {', '.join(sorted(strange))}; "
            "figure.write_image needs kaleido: pip install 'agon-arena[plots]'."
        )
    return _Page(plain).write()


class _Axis:
    """Where numbers of one axis lie on the page."""

    def __init__(self, axis: Mapping[str, Any], start: float, length: float, *, up: bool) -> None:
        low, high = axis["range"]
        first, last = axis.get("domain", (0.0, 1.0))
        if up:
            start, length = start + length * (1 - last), length * (last - first)
            self.edge, self.slope = start + length, -length / (high - low)
        else:
            start, length = start + length * first, length * (last - first)
            self.edge, self.slope = start, length / (high - low)
        self.start, self.length, self.low = start, length, low
        self.ticks, self.texts = _ticks(axis)

    def __call__(self, value: float) -> float:
        return float(self.edge + (value - self.low) * self.slope)


class _Page:
    """One figure: margins from its texts, then every part of it."""

    def __init__(self, figure: Mapping[str, Any]) -> None:
        self.data, self.layout = figure["data"], figure["layout"]
        self.parts: list[str] = []
        self.title = str(self.layout.get("title", {}).get("text", "")).split("<br>")
        self.width = float(self.layout.get("width") or WIDTH)
        self.faint = self.layout.get("font", {}).get("color", FAINT)
        self.paper = self.layout.get("paper_bgcolor", "#ffffff")
        self.height = float(self.layout["height"])

    def write(self) -> str:
        """The whole document."""
        margin = self.layout["margin"]
        left, top = float(margin["l"]), float(margin["t"])
        inner = self.width - left - margin["r"], self.height - top - margin["b"]
        axes = {}
        for name in sorted(name for name in self.layout if name.startswith("yaxis")):
            number = name.removeprefix("yaxis")
            x = _Axis(self.layout[f"xaxis{number}"], left, inner[0], up=False)
            y = _Axis(self.layout[name], top, inner[1], up=True)
            axes[number] = x, y
            self._frame(self.layout[f"xaxis{number}"], self.layout[name], x, y)
        for shape in self.layout.get("shapes", ()):
            self._rectangle(shape, *axes[""])
        for trace in self.data:
            self._trace(trace, *axes[str(trace.get("yaxis", "y")).removeprefix("y")])
        for note in self.layout.get("annotations", ()):
            x, y = left + inner[0] * note["x"], top + inner[1] * (1 - note["y"])
            self._text(x, y - 5, note["text"], 12, INK)
        for number, line in enumerate(self.title):
            self._text(12, 26 + 20 * number, line, 14, INK)
        body = "\n".join(self.parts)
        heading = escape(unescape(" ".join(self.title)))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'width="{self.width:g}" height="{self.height:g}" role="img" '
            f"font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\">\n<title>{heading}</title>\n"
            f'<rect width="100%" height="100%" fill="{self.paper}"/>\n{body}\n</svg>\n'
        )

    def _frame(self, across: Mapping[str, Any], up: Mapping[str, Any], x: _Axis, y: _Axis) -> None:
        """Grid, numbers and names of two axes."""
        bottom = y.start + y.length
        for value, text in zip(x.ticks, x.texts, strict=True):
            at = x(value)
            if across.get("showgrid") is not False:
                self._line(at, y.start, at, bottom, GRID)
            if across.get("side") == "top":
                self._text(at, y.start - 8, text, 12, self.faint, turn=across.get("tickangle", 0))
            else:
                self._text(at, bottom + 17, text, 12, self.faint, "middle")
        for value, text in zip(y.ticks, y.texts, strict=True):
            if up.get("showgrid") is not False:
                self._line(x.start, y(value), x.start + x.length, y(value), GRID)
            if up.get("showticklabels") is not False:
                self._text(x.start - 8, y(value) + 4, text, 12, self.faint, "end")
        if across.get("title", {}).get("text"):
            self._text(x.start, bottom + 37, across["title"]["text"], 12, self.faint)
        if up.get("title", {}).get("text"):
            middle = y.start + y.length / 2
            self._text(18, middle, up["title"]["text"], 12, self.faint, "middle", turn=-90)

    def _trace(self, trace: Mapping[str, Any], x: _Axis, y: _Axis) -> None:
        """Intervals, lines, points and texts of one trace."""
        places = [(x(float(a)), y(float(b))) for a, b in zip(trace["x"], trace["y"], strict=True)]
        mode, error = trace.get("mode", "markers"), trace.get("error_x") or {}
        if error.get("visible"):
            ends = zip(trace["x"], error["arrayminus"], error["array"], places, strict=True)
            for value, less, more, (_, at) in ends:
                low = max(x(float(value) - float(less)), x.start)
                high = min(x(float(value) + float(more)), x.start + x.length)
                self._line(low, at, high, at, error["color"], error["thickness"])
        if "lines" in mode:
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
            line = trace["line"]
            self.parts.append(
                f'<polyline points="{points}" fill="none" stroke="{line["color"]}" '
                f'stroke-width="{line["width"]}"/>'
            )
        if "markers" in mode:
            marker = trace["marker"]
            colours = _each(marker["color"], len(places))
            for (a, b), colour in zip(places, colours, strict=True):
                self.parts.append(
                    f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{marker["size"] / 2:g}" fill="{colour}"/>'
                )
        if "text" in mode:
            font = trace.get("textfont") or {}
            right = trace.get("textposition") == "middle right"
            colours = _each(font.get("color", INK), len(places))
            said = trace.get("hovertext") or [""] * len(places)
            for (a, b), text, colour, words in zip(places, trace["text"], colours, said, strict=True):
                how = "start" if right else "middle"
                self._text(a + 9 * right, b + 4, text, font.get("size", 12), colour, how, words=words)

    def _rectangle(self, shape: Mapping[str, Any], x: _Axis, y: _Axis) -> None:
        left, right = sorted((x(shape["x0"]), x(shape["x1"])))
        top, bottom = sorted((y(shape["y0"]), y(shape["y1"])))
        self.parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" '
            f'fill="{shape["fillcolor"]}"/>'
        )

    def _line(self, x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> None:
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width:g}"/>'
        )

    def _text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str,
        anchor: str = "start",
        turn: float = 0,
        words: str = "",
    ) -> None:
        if not text:
            return
        more = f"<title>{escape(unescape(words.replace('<br>', ' ')))}</title>" if words else ""
        turned = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}" '
            f'text-anchor="{anchor}"{turned}>{escape(unescape(text))}{more}</text>'
        )


def _each(value: Any, number: int) -> Sequence[str]:
    return [value] * number if isinstance(value, str) else list(value)


def _ticks(axis: Mapping[str, Any]) -> tuple[Sequence[float], Sequence[str]]:
    """The numbers of an axis that are written, and how; round ones if it names none."""
    if axis.get("tickvals") is not None:
        texts = axis.get("ticktext") or axis["tickvals"]
        return [float(value) for value in axis["tickvals"]], list(map(str, texts))
    low, high = sorted(map(float, axis["range"]))
    rough = (high - low) / (axis.get("nticks") or 9)
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    values = np.arange(ceil(low / step), floor(high / step) + 1) * step
    digits = max(0, -floor(log10(step)))
    return values.tolist(), [f"{value + 0.0:,.{digits}f}".replace("-", "−") for value in values.tolist()]
