"""The reading pages as a folder of files: no server and no script is needed to read them."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from agon.arena.web.languages.texts import speaking
from agon.arena.web.layout import Site
from agon.arena.web.leaderboard.addresses import Link
from agon.arena.web.leaderboard.boards import Compared, Made, make_board
from agon.arena.web.leaderboard.page import leaderboard_html
from agon.arena.web.leaderboard.pictures.badges import badge_svg, model_badge_svg
from agon.arena.web.leaderboard.pictures.board_picture import board_png
from agon.arena.web.leaderboard.query import ALL, DEFAULT_RULE, PLAIN_VIEW, BoardQuery, BoardView, Offer
from agon.arena.web.leaderboard.sources import About, BoardSource
from agon.arena.web.lens.auditing import make_audit
from agon.arena.web.lens.data_page import Badges, data_html
from agon.arena.web.lens.decide_page import ANYTHING, decide_html
from agon.arena.web.lens.deciding import make_decision
from agon.arena.web.lens.integrity_page import integrity_html
from agon.arena.web.lens.lens_values import rules_values
from agon.arena.web.lens.method_page import method_html
from agon.arena.web.lens.rules_page import rules_html
from agon.arena.web.lens.stability import Lens, look_through
from agon.arena.web.models.board_series import ValueBoards, rank_history
from agon.arena.web.models.comparison_page import comparison_html
from agon.arena.web.models.history_page import history_html
from agon.arena.web.models.model_page import model_html
from agon.arena.web.models.overview_page import overview_html
from agon.arena.web.models.routes import column_asked
from agon.arena.web.tastes.kinds_section import SeenTastes, make_tastes, tastes_values
from agon.arena.web.tastes.prediction_section import Predicted, make_prediction, prediction_values
from agon.ranking import Leaderboard
from agon.ranking.analysis.rule_comparison import RuleComparison
from agon.ranking.errors import AgonError, OptionError, SourceError
from agon.ranking.leaderboard.exchange import boards_to_csv
from agon.ranking.leaderboard.leaderboard import boards_to_json

_FOLDER = Site(
    {
        "leaderboard": ("index.html", "Leaderboard"),
        "overview": ("overview.html", "Overview"),
        "rules": ("rules.html", "Rules"),
        "decide": ("decide.html", "Decide"),
        "integrity": ("integrity.html", "Integrity"),
    },
    None,
    "static/",
    {"method.html": "Method", "data.html": "Data"},
)
_OF_RULES = {"rules": "rules.html"} | {
    name: name for name in ("rules.json", "prediction.json", "tastes.json")
}
MOST_MODEL_PAGES = 200
EVERY_ROW_SHOWN = BoardView(everyone=True)
_MARK = "agon-pages.json"  # says that a folder was made here, and may be made again


@dataclass(frozen=True, slots=True)
class Published:
    """What was written.

    Attributes:
        folder: where.
        pages: how many.
        left_out: rule → why these votes have no such board.
    """

    folder: Path
    pages: int
    left_out: dict[str, str]


def publish_pages(
    source: BoardSource,
    to: Path,
    *,
    force: bool = False,
    language: str = "en",
    progress: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> Published:
    """Write the leaderboard under every rule and of every kind of votes, and the page of rules, as files.

    Args:
        source: the votes.
        to: the folder: not there, empty, or with `force` one that was published before.
        force: whether such a folder is replaced.
        language: of the pages, one of PAGE_LANGUAGES; data and pictures are the same in all.
        progress: given a sentence, opened around each board.

    Raises:
        OptionError: the folder holds something else.
        SourceError: there are no votes, or it cannot be written; what was there before is as it was.
    """
    _check(to, force)
    with speaking(language):
        return _published(source, to, progress)


def _published(
    source: BoardSource, to: Path, progress: Callable[[str], AbstractContextManager[object]]
) -> Published:
    """Make the pages in the language that is spoken, and put them in place."""
    about = replace(source.about(), site=_FOLDER)
    offer = source.offer({})
    made: dict[BoardQuery, tuple[str, Made]] = {}
    left_out: dict[str, str] = {}
    for query, name in _queries(offer).items():
        try:
            with progress(f"ranking: {name}"):
                board = make_board(source, query)
        except AgonError as error:
            left_out[query.rule] = str(error)
            continue
        if board.board is not None:
            made[query] = name, board
    if ALL not in made:
        raise SourceError(left_out.get(DEFAULT_RULE, "There are no votes to publish."))
    with progress("comparing the rules"):
        rules = (lens := _rules(source)).rules
    whole = made[ALL][1].board
    models = {
        row.model: f"model-{number}-{_slug(row.model)}.html"
        for number, row in enumerate((whole.rows if whole else ())[:MOST_MODEL_PAGES], 1)
    }
    link = _links(made, models, rules)
    more = _more_pages(source, about, offer, progress)
    more["method.html"] = method_html(about=about, offer=offer)
    more |= _data_files(source, whole, models, about, link)
    more |= _model_pages(source, made[ALL][1], models, rules, about, link)
    if rules is not None:
        with progress("asking the rules about votes held out"):
            predicted = make_prediction(source, ALL)
        with progress("looking for kinds of voters"):
            more |= _rules_files(lens, predicted, make_tastes(source, ALL), about, link)
    number = len(made) + sum(name.endswith(".html") for name in more)

    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=to.parent, prefix=f".{to.name}.") as folder:
            pages = Path(folder) / "pages"
            pages.mkdir(mode=0o755)
            for query, (name, board) in made.items():
                if board.board is None:
                    continue
                text = leaderboard_html(
                    board.board,
                    about=about,
                    pairs=board.pairs,
                    offer=source.offer(query.chosen) if query.where else offer,
                    query=replace(query, view=EVERY_ROW_SHOWN),
                    link=link,
                )
                (pages / f"{name}.html").write_text(text, encoding="utf-8")
                (pages / f"{name}.png").write_bytes(board_png(board.board, about.info))
                (pages / f"{name}.csv").write_text(boards_to_csv([board.board]), encoding="utf-8")
                (pages / f"{name}.json").write_text(boards_to_json([board.board]), encoding="utf-8")
            for name, text in more.items():
                (pages / name).write_text(text, encoding="utf-8")
            _copy_static(pages / "static")
            written = {"pages": number, "left_out": left_out}
            (pages / _MARK).write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
            _put_in_place(pages, to, Path(folder) / "before")
    except OSError as error:
        raise SourceError(f"{to} cannot be written: {error.strerror}.") from None
    return Published(to, number, left_out)


def _rules_files(
    lens: Lens, predicted: Predicted, tastes: SeenTastes, about: About, link: Link
) -> dict[str, str]:
    """The files of the page of rules."""
    page = rules_html(lens, predicted, tastes, about=about, offer=Offer(), link=link, form=False)
    data = {"rules.json": rules_values(lens), "prediction.json": prediction_values(predicted)}
    data["tastes.json"] = tastes_values(tastes)
    return {"rules.html": page} | {
        name: json.dumps(values, ensure_ascii=False) for name, values in data.items()
    }


def _more_pages(
    source: BoardSource,
    about: About,
    offer: Offer,
    progress: Callable[[str], AbstractContextManager[object]],
) -> dict[str, str]:
    """The files of the pages beside boards and rules, by their names."""
    with progress("deciding"):
        made = make_decision(source, ANYTHING)
    with progress("looking through the votes"):
        audit = make_audit(source, ALL)
    told = {"schema": 1, "decision": made.decision and made.decision.to_dict()}
    return {
        "decide.html": decide_html(made, about=about, offer=offer, form=False),
        "decide.json": json.dumps(told, ensure_ascii=False, default=str),
        "integrity.html": integrity_html(audit, about=about),
    }


def _links(
    made: Mapping[BoardQuery, tuple[str, Made]], models: Mapping[str, str], rules: RuleComparison | None
) -> Link:
    """The files of the pages that are written; the others have none."""
    of_all = {"overview": "overview.html", "history": "history.html"}
    of_all |= {f"model:{model}": file for model, file in models.items()}
    of_all |= _OF_RULES if rules is not None else {}
    if len(models) > 1:
        of_all["compare:" + "\n".join(list(models)[:2])] = "compare.html"

    def link(query: BoardQuery, form: str = "") -> str | None:
        if form not in ("", "csv", "json", "png"):
            of_rules = form in _OF_RULES and not query.where
            return of_all.get(form) if query.plain == ALL or of_rules else None
        found = made.get(query.plain) if query.view in (PLAIN_VIEW, EVERY_ROW_SHOWN) else None
        return f"{found[0]}.{form or 'html'}" if found else None

    return link


def _data_files(
    source: BoardSource, board: Leaderboard | None, models: Mapping[str, str], about: About, link: Link
) -> dict[str, str]:
    """The files of the page of data, and of the badges."""
    files = {model: f"badge-{name.removesuffix('.html')}.svg" for model, name in models.items()}
    badges = Badges("badge.svg", files, "index.html", "https://ADDRESS-OF-THESE-PAGES/")
    span = source.span()
    last = span and span[1]
    return {
        "data.html": data_html(board, about=about, badges=badges, api=False, link=link),
        "badge.svg": badge_svg(board, about),
        **{file: model_badge_svg(board, board[model], about, last) for model, file in files.items() if board},
    }


def _model_pages(
    source: BoardSource,
    made: Made,
    models: Mapping[str, str],
    rules: RuleComparison | None,
    about: About,
    link: Link,
) -> dict[str, str]:
    """The files of the overview, the ranks over time, a comparison of the first two, and each model."""
    offer = source.offer({})
    column = column_asked(offer, None)
    by_value = ValueBoards(column)(source, ALL) if column else {}
    try:
        moments = rank_history(source, ALL)
    except AgonError:
        moments = ()
    none = Offer()  # what else could be asked for has no page
    texts = {
        "overview.html": overview_html(
            made.board, by_value, column, about=about, offer=none, query=ALL, link=link
        ),
        "history.html": history_html(moments, about=about, offer=none, query=ALL, link=link),
    }
    if len(models) > 1:
        first = list(models)[:2]
        texts["compare.html"] = comparison_html(
            made, by_value, column, first, about=about, offer=none, query=ALL, link=link
        )
    for model, file in models.items():
        texts[file] = model_html(
            model,
            made,
            Compared(rules),
            by_value,
            column,
            moments,
            about=about,
            offer=none,
            query=ALL,
            link=link,
        )
    return texts


def _check(to: Path, force: bool) -> None:
    """Refuse a folder that holds something else than pages of before.

    Raises:
        OptionError: it does.
    """
    if to.is_file():
        raise OptionError(f"{to} is a file, and the pages are a folder; name another with --to.")
    if to.exists() and to.samefile("."):
        raise OptionError(f"{to} is the folder you are in; name one that is not there with --to.")
    if not to.exists() or not any(to.iterdir()):
        return
    if not (to / _MARK).exists():
        raise OptionError(f"{to} holds something else; name a folder that is not there with --to.")
    if not force:
        raise OptionError(f"{to} was published before; give --force to write it anew.")


def _put_in_place(pages: Path, to: Path, before: Path) -> None:
    """Rename the pages to the folder's name, or leave there what was there."""
    if to.exists():
        to.rename(before)
    try:
        pages.rename(to)
    except OSError:
        if before.exists():
            before.rename(to)
        raise


def _queries(offer: Offer) -> dict[BoardQuery, str]:
    """The boards that get a page, with the names of their files: all rules, features, and kinds of votes."""
    found = {ALL: "index"}
    for rule in offer.rules:
        found.setdefault(ALL.under(rule), f"rule-{rule}")
    for feature in offer.features:
        found[ALL.toggled(feature, offer.features)] = f"adjust-{feature}"
    columns = list(offer.filters)
    for column, values in offer.filters.items():
        for number, value in enumerate(values, 1):
            name = f"{_slug(column)}-{number}-{_slug(value)}"
            found[ALL.within(column, value, columns)] = name
    return found


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "x"


def _rules(source: BoardSource) -> Lens:
    votes = source.votes({})
    try:
        return Lens() if votes is None else look_through(votes)
    except AgonError:
        return Lens()


# Files of pages that are not published.
_NOT_READING = ("battle.*", "ballot.js", "attachments.js", "gradio.js", "lens.js")


def _copy_static(to: Path) -> None:
    """Style, theme, icon and fonts."""
    with_fonts = files("agon.arena.web") / "static"
    shutil.copytree(
        str(with_fonts),
        to,
        ignore=shutil.ignore_patterns(*_NOT_READING, "__pycache__"),
    )
