"""The leaderboard page: what it says in every state, that nothing can be injected, and who can read it."""

import re
from dataclasses import replace
from html import escape
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from agon.arena.core.roster import ModelCard
from agon.arena.web.about import about_html
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.page import no_board_html
from agon.arena.web.leaderboard.pictures.board_picture import board_png
from agon.arena.web.leaderboard.pictures.picture_text import drawable, drawn_width
from agon.arena.web.leaderboard.query import BoardQuery, BoardView, ChangedBoardError, Offer, QueryError
from agon.arena.web.leaderboard.who_answers import model_states
from agon.ranking import Leaderboard, rank
from agon.ranking.leaderboard.row import Row
from tests.support.boards import ABOUT, BOARD, HTML, INFO, SETTINGS, VOTES, Page, page_of, votes_of

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\u202e{{7*7}}"


@pytest.fixture(scope="module")
def page():
    return Page(HTML)


# ------------------------------------------------------------------------------------------- what it says


def test_the_conclusion_comes_first(page):
    assert page.text.split("Skip to the content")[1].count("Ann 2 and bob share the first place of 3.") >= 1
    assert page.named("h1")
    assert next(tag for tag, _ in page.tags if tag in {"h1", "h2", "table", "svg"} and tag != "svg") == "h1"


def test_the_table_has_the_rows_of_the_board(page):
    written = TABLE.search(page_of(BOARD, 1, INFO))[0]
    head, *rows = re.findall(r"<tr[^>]*>(.*?)</tr>", written, flags=re.DOTALL)
    assert re.sub(r"<[^>]*>", " ", head).split()[:4] == ["Rank", "↑", "Model", "Score"]
    assert len(rows) == len(BOARD.rows) == 4
    for row, written in zip(BOARD.rows, rows, strict=True):
        assert f"{row.votes:,}</td>" in written
        assert f"{row.score:,.0f} " in written


TABLE = re.compile(r'<table class="ag-lb">.*?</table>', re.DOTALL)


def test_names_organisations_prices_and_reliability_where_known(page):
    assert "Norrland Lab · open weights" in page.text
    assert "$0.60" in page.text
    assert "99.6%" in page.text
    assert "99.9%" in page.text  # 2,999 of 3,000 arrived: not 100%


WAYS = [
    ("", ["ann", "bob", "cy", "di"]),
    ("-votes", ["ann", "bob", "cy", "di"]),
    ("votes", ["di", "cy", "ann", "bob"]),
    ("-model", ["di", "cy", "bob", "Ann 2"]),
    ("price", ["Ann 2", "bob", "cy", "di"]),  # nobody knows the others' prices: they stand last
]


@pytest.mark.parametrize(("sort", "order"), WAYS)
def test_rows_in_the_order_asked_for(sort, order):
    text = page_of(BOARD, 1, INFO, query=BoardQuery(view=BoardView(sort=sort)))
    named = re.findall(r'<th scope="row" class="ag-m"><b><a [^>]*>(.*?)</a></b>', TABLE.search(text)[0])
    votes = {row.model: row.votes for row in BOARD.rows}
    assert sorted(named) == ["Ann 2", "bob", "cy", "di"]
    if "votes" in sort:
        found = [votes[{"Ann 2": "ann"}.get(name, name)] for name in named]
        assert found == sorted(votes.values(), reverse=sort.startswith("-"))
    else:
        assert named == [{"ann": "Ann 2"}.get(name, name) for name in order]
    assert ('aria-sort="descending"' in text) == sort.startswith("-")


def test_a_name_is_found_and_one_that_is_not_leads_back():
    found = Page(page_of(BOARD, 1, INFO, query=BoardQuery(view=BoardView(search="NORR"))))
    assert len(found.named("tr")) - len(found.named("th", scope="row")) == 3  # three heads: two of figures
    nothing = page_of(BOARD, 1, INFO, query=BoardQuery(view=BoardView(search="<zz>")))
    assert "No model here is called &lt;zz&gt;." in nothing
    assert 'href="./leaderboard"' in nothing
    assert '<table class="ag-lb">' not in nothing


def test_the_difference_from_a_model_is_that_of_the_board():
    text = page_of(BOARD, 1, INFO, query=BoardQuery(view=BoardView(base="cy", columns=("votes",))))
    gap = BOARD.difference("ann", "cy")
    assert f"+{gap.difference:.0f} (+{gap.lower:.0f} to +{gap.upper:.0f})</td>" in text
    assert "Less cy" in text
    assert "Price" not in re.sub("<fieldset.*?</fieldset>", "", text)


def test_bands_are_shaded_and_none_is_certainly_below_its_first():
    many = rank(
        votes_of(
            *[(i, j, 1) for i in range(4) for j in range(4) if i != j for _ in range(8 - 2 * i)],
            models=list("abcd"),
        )
    )
    first = {band[0] for band in many.bands}
    assert [model for band in many.bands for model in band] == [row.model for row in many.ranked]
    for band in many.bands:
        assert all((many.difference(band[0], model).lower or 0) <= 0 for model in band[1:])
    for before, band in zip(many.bands, many.bands[1:], strict=False):
        assert many.difference(before[0], band[0]).lower > 0
    text = TABLE.search(page_of(many, 1))[0]
    assert len(first) > 1
    assert text.count("<tbody") == len(many.bands)


def test_a_permalink_of_another_board_is_a_sentence_and_a_way_on():
    mark = BOARD.fingerprint[:16]
    assert f"at={mark}" in page_of(BOARD, 1)
    assert page_of(BOARD, 1, query=BoardQuery(view=BoardView(at=mark)))
    for other in ("0" * 16, mark[:4]):
        with pytest.raises(ChangedBoardError, match=f"{other}, and today's is {mark}"):
            page_of(BOARD, 1, query=BoardQuery(view=BoardView(at=other)))


@pytest.mark.parametrize(("one", "two"), [("Макс", "Мину"), ("كبير", "صغير"), ("通义", "文心"), ("Éa", "Èa")])
def test_the_picture_of_a_board_has_the_letters_of_its_names(one, two):
    """Letters that no font here has would be boxes, the same for any two."""
    if not drawable(one + two):
        pytest.skip(f"no font of this machine has {one}")
    drawn = [
        board_png(replace(BOARD, rows=(replace(BOARD.rows[0], model=name),)), ModelInfo())
        for name in (one, two)
    ]
    assert drawn[0] != drawn[1]
    assert drawn_width(f"{one} v2", 15) == pytest.approx(drawn_width(one, 15) + drawn_width(" v2", 15), abs=1)


def test_the_picture_of_a_board_is_a_png_with_its_rows():
    drawn = Image.open(BytesIO(board_png(BOARD, INFO)))
    assert (drawn.format, drawn.width) == ("PNG", 2000)
    fewer = Image.open(BytesIO(board_png(replace(BOARD, rows=BOARD.rows[:1]), INFO)))
    assert drawn.height - fewer.height == 3 * 2 * 34


def test_columns_that_nothing_is_known_of_are_left_out():
    text = Page(page_of(BOARD, 4)).text
    assert "Price" not in text
    assert "Reliability" not in text


def test_a_provisional_model_is_drawn_open_and_says_what_is_missing(page):
    assert "Provisional 4 of 30 votes" in page.text
    assert page.named("line", stroke_dasharray="3 3") or page.named("line", **{"stroke-dasharray": "3 3"})


def test_every_interval_is_said_in_words(page):
    said = [a["aria-label"] for a in page.named("svg", role="img")]
    for row in BOARD.rows:
        words = f"Score {row.score:,.0f}, 95% interval {row.lower:,.0f} to {row.upper:,.0f}"
        assert said.count(words) >= 2  # in the table and on the card


def test_the_notice_the_votes_and_the_remarks(page):
    assert "A demonstration." in page.text
    assert "1,204 votes counted" in page.text
    for remark in BOARD.remarks():
        assert remark in page.text


def test_the_remarks_call_models_by_the_names_shown():
    known = ModelInfo({"di": ModelCard("di", "Di <the Third>")})
    text = Page(page_of(BOARD, 1, known)).text
    assert "fewer than 30 votes, 1 model: Di <the Third>;" in text
    assert "1 model: di;" in "".join(BOARD.remarks())


def rows_of(*ranges):
    """A ranked board of made-up models a, b, c, ... with these rank ranges."""
    return [
        Row(i + 1, chr(97 + i), 1000.0 - i, 900.0, 1100.0, low, high, 50, "ranked")
        for i, (low, high) in enumerate(ranges)
    ]


@pytest.mark.parametrize(
    ("ranges", "sentence"),
    [
        ([(1, 1), (2, 3), (2, 3)], "a is first of 3, and no other model is within reach at 95%."),
        ([(1, 2), (1, 2), (3, 3)], "a is first of 3, but b could be first too at 95%."),
        ([(1, 3), (1, 3), (1, 3)], "a is first of 3, but b and c could be first too at 95%."),
        ([(1, 5)] * 5, "a is first of 5, but b, c, d and e could be first too at 95%."),
        ([(None, None)] * 2, "a is first of 2; no interval was computed."),
        ([(1, 1)], "a is the only model with a rank."),
        ([], "No model can be ranked yet: see what is missing."),
    ],
)
def test_who_leads_and_who_cannot_be_told_apart(ranges, sentence):
    board = replace(BOARD, rows=tuple(rows_of(*ranges)), lead=None)
    assert board.conclusion(ModelInfo().name) == sentence


# ------------------------------------------------------------------------------------------- every state


def test_an_empty_board_invites():
    page = Page(page_of(None, 0))
    assert "No votes yet: the first one can be yours." in page.text
    assert page.named("a", href="./", class_="ag-btn ag-go")


def test_an_empty_filter_leads_back():
    page = Page(page_of(None, 9, query=BoardQuery((("category", "Code"), ("language", "de")))))
    assert "No votes on Code in German yet." in page.text
    assert page.named("a", href="./leaderboard", class_="ag-btn")


def test_before_anyone_is_ranked_the_page_says_how_many_votes_are_needed():
    votes = votes_of((0, 1, 1), (0, 1, 0), (1, 2, 1), (1, 2, 0), models=["a", "b", "c"], times=5)
    text = Page(page_of(rank(votes), 20)).text
    assert "No model can be ranked yet: see what is missing." in text
    # a and c were shown 10 times, b 20 times: 20 + 10 + 20 are missing, two of them in each vote
    assert "A model is ranked from 30 votes on; b is nearest with 20. About 25 more votes" in text


def test_models_that_won_or_lost_everything_are_ranked_and_say_so():
    votes = votes_of((0, 1, 1), models=["a", "b"], times=50)
    text = Page(page_of(rank(votes), 50)).text
    assert "a leads 1 other at 95%, however often one looks." in text
    assert "never beaten" in text
    assert "never won" in text


def test_other_components_stand_apart_with_a_sentence_of_their_own():
    votes = votes_of((0, 1, 1), (0, 1, 0), (2, 3, 1), (2, 3, 0), models=["a", "b", "c", "d"], times=25)
    board = rank(votes)
    page = Page(page_of(board, 100, pairs=votes.pairs))
    assert len(board.components) == 1
    assert "Not yet connected" in page.text
    assert "c and d have only been linked with one another" in page.text
    assert len(page.named("table", class_="ag-lb")) == 2
    assert "2 components" in page.text


def test_a_score_that_is_not_bounded_ends_in_an_arrow():
    row = Row(None, "a", 1000.0, None, 1100.0, None, None, 9, "provisional")
    board = Leaderboard((row,), "bradley_terry", SETTINGS, 0.95, "differences", (), "f" * 64)
    text = page_of(board, 9)
    assert "95% interval unbounded to 1,100" in text
    assert "No model can be ranked yet: see what is missing." in text


@pytest.mark.parametrize("method", ["win_rate", "copeland", "minimax", "elo"])
def test_boards_of_other_scales_and_methods(method):
    board = rank(VOTES, method)
    page = Page(page_of(board, 1, pairs=VOTES.pairs))
    assert board.number(board.rows[0].score) in page.text or f"{board.rows[0].score:,.0f}" in page.text


# ---------------------------------------------------------------------------------------------- injection


def test_hostile_names_are_only_text():
    models = [HOSTILE, "b", "c"]
    votes = votes_of((0, 1, 1), (0, 1, 0), (1, 2, 1), (1, 2, 0), models=models)
    cards = {HOSTILE: ModelCard(HOSTILE, HOSTILE, HOSTILE, HOSTILE)}
    for known in (ModelInfo(), ModelInfo(cards)):
        text = page_of(
            rank(votes),
            80,
            known,
            pairs=votes.pairs,
            offer=Offer({"category": {HOSTILE: 3}, "language": {HOSTILE: 3}, HOSTILE: {HOSTILE: 3}}),
            query=BoardQuery((("category", HOSTILE), ("language", HOSTILE), (HOSTILE, HOSTILE))),
            notice=HOSTILE,
            words=(HOSTILE,),
        )
        page = Page(text)
        assert not page.named("img")
        assert "\u202e" not in text
        assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)
        assert [a["src"] for a in page.named("script")] == ["./static/texts.js", "./static/theme.js"]
        assert escape(HOSTILE.replace("\u202e", ""), quote=False) in text[text.index("ag-heat") :]


def test_a_hostile_filter_is_only_text():
    with pytest.raises(QueryError) as caught:
        BoardQuery.of({"category": HOSTILE}, Offer({"category": {"Code": 1}}))
    page = Page(no_board_html(str(caught.value), about=ABOUT))
    assert not page.named("img")
    assert "There is no such board." in page.text


@given(st.text(), st.text())
@pytest.mark.slow
def test_no_text_breaks_the_page(name, organisation):
    rows = [Row(1, name, 1000.0, 990.0, 1010.0, 1, 1, 50, "ranked")]
    board = Leaderboard(tuple(rows), "bradley_terry", SETTINGS, 0.95, "differences", (), "f" * 64)
    known = ModelInfo({name: ModelCard(name, name, organisation)})
    page = Page(page_of(board, 9, known))
    assert len(page.named("table", class_="ag-lb")) == 1


# ------------------------------------------------------------------------------------------- who can read it


@pytest.mark.parametrize(
    "text",
    [
        page_of(None, 0),
        about_html(votes=3),
        no_board_html("There is none.", about=ABOUT),
    ],
    ids=["empty", "about", "unknown"],
)
def test_small_pages_have_one_heading_and_a_title(text):
    page = Page(text)
    assert len(page.named("h1")) == 1
    assert page.named("html", lang="en")
    assert page.named("main", id="main")


def test_the_board_is_readable_without_seeing_it(page):
    assert len(page.named("h1")) == 1
    assert all(a.get("scope") in {"col", "row"} for a in page.named("th"))
    assert len(page.named("caption")) == len(page.named("table"))
    for tag, attributes in page.tags:
        if attributes.get("role") == "img":
            assert attributes["aria-label"]
        if tag == "svg":
            assert (
                "aria-label" in attributes
                or attributes.get("aria-hidden") == "true"
                or hidden(page, attributes)
            )
        if "tabindex" in attributes and tag != "main":
            assert attributes["aria-label"]
    assert page.named("nav", **{"aria-label": "Which votes"})


def hidden(page, attributes):
    """The marks of the cards stand in a part that is hidden as a whole."""
    return attributes.get("viewbox", "").endswith(" 16")


def test_nothing_on_the_page_runs_inline_or_comes_from_elsewhere(page):
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert "style" not in attributes
        for name in {"src", "href"} & attributes.keys():
            assert re.match(r"\./|[/#](?!/)", attributes[name]), (tag, attributes)


def test_what_is_stored_makes_no_promise_the_code_does_not_keep():
    """Each sentence stands for something tested elsewhere; a new one needs its test."""
    text = Page(about_html()).text
    for promise in ("No network address", "No name, no e-mail", "No cookies but one"):
        assert promise in text


def test_a_model_with_few_votes_is_marked_as_preliminary_beside_its_rank():
    ranked = [row for row in BOARD.rows if row.status == "ranked"]
    least = sorted(row.votes for row in ranked)[1] + 1  # two of them have fewer
    info = replace(INFO, preliminary=least)
    text = Page(page_of(BOARD, 4, info)).text
    few = [row for row in ranked if row.votes < least]
    for row in few:
        assert f"Preliminary {row.votes} of {least} votes" in text
        assert f"preliminary: {row.votes} of {least} votes" in text, "on a card"
    states = {one.model: (one.life, one.votes) for one in model_states(BOARD, info)}
    for row in ranked:
        assert states[row.model] == ("preliminary" if row in few else "listed", row.votes)
    assert "Preliminary" not in Page(page_of(BOARD, 4)).text
    gone = replace(info, gone=frozenset({few[0].model}))
    assert gone.life(few[0].model, few[0].votes) == "retired"
