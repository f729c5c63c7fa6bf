"""What a reader of the leaderboard page asks for, and the command that makes its board again."""

import json
import shlex
from html import escape
from urllib.parse import parse_qsl

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.arena.cli.commands import main
from agon.arena.web.leaderboard.board_command import command
from agon.arena.web.leaderboard.page import no_board_html
from agon.arena.web.leaderboard.query import ALL, BoardQuery, BoardView, Offer, QueryError
from agon.arena.web.leaderboard.sources import About
from agon.data import comparisons
from agon.ranking import rank
from tests.support.boards import ABOUT, BOARD, HTML, Page, page_of

KNOWN = Offer(
    {"category": {"Code": 3}, "language": {"de": 2}}, ("bradley_terry", "borda"), ("length", "lists")
)
CODE_IN_GERMAN = BoardQuery((("category", "Code"), ("language", "de")))


@pytest.fixture(scope="module")
def page():
    return Page(HTML)


# ------------------------------------------------------------------------------------------------- filters


def test_filters_are_links_with_their_votes(page):
    chips = {a["href"]: a for a in page.named("a", class_="ag-chip")}
    assert list(chips) == [
        "./leaderboard",
        "./leaderboard?category=Writing+%26+co",
        "./leaderboard?category=Code",
        "./leaderboard?language=en",
        "./leaderboard?language=de",
    ]
    assert "German 12" in page.text


def test_the_current_filter_is_marked_and_kept_in_the_other_links():
    page = Page(
        page_of(BOARD, offer=Offer({"category": {"Code": 5}, "language": {"de": 5}}), query=CODE_IN_GERMAN)
    )
    current = [a["href"] for a in page.named("a", class_="ag-chip", **{"aria-current": "true"})]
    assert current == ["./leaderboard?category=Code&language=de"] * 2
    assert page.named("a", href="./leaderboard?language=de")
    assert page.named("a", href="./leaderboard?category=Code")
    assert "blind votes on Code in German" in page.text


def test_many_categories_do_not_fill_the_page_and_the_current_one_is_shown():
    categories = {f"c{i:02}": 100 - i for i in range(20)}
    offer = Offer({"category": categories})
    text = page_of(BOARD, offer=offer, query=BoardQuery((("category", "c15"),)))
    shown, rest = text.split('<details class="ag-more">')[:2]
    assert "category=c15" in shown
    assert "category=c18" in rest
    assert len(Page(text).named("a", class_="ag-chip")) == 21


def test_a_filter_is_read_from_the_address():
    assert BoardQuery.of({}, KNOWN) == ALL
    assert BoardQuery.of({"language": "de", "category": "Code"}, KNOWN) == CODE_IN_GERMAN
    given = {"adjust": "lists,length", "all": "1", "category": "Code"}
    assert BoardQuery.of(given, KNOWN) == BoardQuery(
        (("category", "Code"),), adjust=("length", "lists"), view=BoardView(everyone=True)
    )
    assert BoardQuery.of({"rule": "borda"}, KNOWN).rule == "borda"


@given(
    st.dictionaries(
        st.sampled_from(["category", "language", "a b", 'it"s']), st.text(min_size=1), max_size=3
    ),
    st.sampled_from(["bradley_terry", "borda"]),
    st.sets(st.sampled_from(["length", "lists"])),
    st.builds(
        BoardView,
        everyone=st.booleans(),
        search=st.text().map(str.strip),
        sort=st.sampled_from(["", "votes", "-price"]),
        base=st.sampled_from(["", "a, b & c"]),
        columns=st.sampled_from([None, (), ("votes",), ("price", "state")]),
        at=st.sampled_from(["", "0123456789abcdef"]),
    ),
)
def test_an_address_leads_to_the_board_that_it_was_made_for(where, rule, adjust, view):
    columns = ["category", "language", "a b", 'it"s']
    offer = Offer(
        {c: {where.get(c, "x"): 1} for c in columns}, ("bradley_terry", "borda"), ("length", "lists")
    )
    chosen = tuple((column, where[column]) for column in columns if column in where)
    features = tuple(sorted(adjust)) if rule == "bradley_terry" else ()
    query = BoardQuery(chosen, rule, features, view)
    assert BoardQuery.of(dict(parse_qsl(query.parameters, keep_blank_values=True)), offer) == query


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"category": "Cod"}, "There are no votes with the category 'Cod'; did you mean 'Code'?"),
        ({"language": "xx"}, "There are no votes with the language 'xx'; known: de."),
        ({"categry": "Code"}, "There is no filter 'categry'; did you mean 'category'?"),
        ({"rule": "bordaa"}, "There is no rule 'bordaa' for these votes; did you mean 'borda'?"),
        ({"adjust": "lenght"}, "There is no feature 'lenght' to adjust for; did you mean 'length'?"),
        (
            {"rule": "borda", "adjust": "length"},
            "Only Bradley-Terry can be adjusted; leave out adjust= or rule=borda.",
        ),
    ],
)
def test_an_unknown_filter_is_refused_by_name(query, sentence):
    with pytest.raises(QueryError) as caught:
        BoardQuery.of(query, KNOWN)
    assert str(caught.value) == sentence
    assert escape(sentence) in no_board_html(str(caught.value), about=ABOUT)


def test_an_arena_without_categories_says_so():
    with pytest.raises(QueryError, match="name none yet"):
        BoardQuery.of({"category": "Code"}, Offer({"category": {}}))


# ----------------------------------------------------------------------------------------------- the command


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("bradley_terry", {}),
        (
            "bradley_terry",
            {"cluster": "voter", "min_votes": 10, "level": 0.9, "anchor": "b c", "anchor_score": 900.0},
        ),
        ("bradley_terry", {"both_bad": "drop", "interval": "bootstrap", "n_resamples": 20, "seed": 4}),
        ("bradley_terry", {"control": "length", "cluster": "voter"}),
        ("bradley_terry", {"reweight": "propensity", "floor": 0.2}),
        ("bradley_terry", {"reweight": "equal_pairs"}),
        ("elo", {"k": 8, "permutations": 20, "interval": "none"}),
    ],
)
@pytest.mark.parametrize("category", [None, 'it\'s $5 "now"'])
@pytest.mark.slow
def test_the_command_makes_the_same_board(tmp_path, capsys, method, options, category):
    """Cut by a shell and run, it has the same fingerprint and the same rows."""
    frame = pd.DataFrame(
        {
            "model_a": ["a", "b c", "d"] * 40,
            "model_b": ["b c", "d", "a"] * 40,
            "winner": (["model_a"] * 3 + ["model_b"] * 2 + ["tie"] + ["tie (bothbad)"]) * 17 + ["model_b"],
            "voter": [f"v{i % 7}" for i in range(120)],
            "length_a": [i * 37 % 200 + 1 for i in range(120)],
            "length_b": [i * 53 % 170 + 1 for i in range(120)],
            "pair_probability": [(0.1, 0.3, 0.5)[i % 3] for i in range(120)],
            "category": [("other", category or "x")[i % 4 > 0] for i in range(120)],
        }
    )
    path = tmp_path / "my votes.csv"
    frame.to_csv(path, index=False)
    query = BoardQuery((("category", category),) if category else ())
    board = rank(comparisons(str(path), where=query.condition({}) or None), method, **options)
    words = shlex.split(command(board, About((str(path),), "vote", 120), query))
    assert words[:2] == ["agon", "rank"]
    try:
        main([*words[1:], "--format", "json"])
    except SystemExit as done:
        assert not done.code
    (again,) = json.loads(capsys.readouterr().out)["boards"]
    assert again["fingerprint"] == board.fingerprint
    assert again["models"] == board.to_dict()["models"]
