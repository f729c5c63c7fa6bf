"""Filters of the leaderboard page, and the command that makes its board again."""

import json
import shlex
from html import escape

import pandas as pd
import pytest

from agon.arena.cli.commands import main
from agon.arena.web.leaderboard.filters import ALL, Filter, FilterError
from agon.arena.web.leaderboard.page import command, leaderboard_html, unknown_filter_html
from agon.data import comparisons
from agon.ranking import rank
from tests.support.boards import BOARD, HTML, Page


@pytest.fixture(scope="module")
def page():
    return Page(HTML)


# ------------------------------------------------------------------------------------------------- filters


def test_filters_are_links_with_their_votes(page):
    chips = {a["href"]: a for a in page.named("a", class_="ag-chip")}
    assert list(chips) == [
        "/leaderboard",
        "/leaderboard?category=Writing+%26+co",
        "/leaderboard?category=Code",
        "/leaderboard?language=en",
        "/leaderboard?language=de",
    ]
    assert "German 12" in page.text


def test_the_current_filter_is_marked_and_kept_in_the_other_links():
    page = Page(
        leaderboard_html(
            BOARD, votes=9, categories={"Code": 5}, languages={"de": 5}, chosen=Filter("Code", "de")
        )
    )
    current = [a["href"] for a in page.named("a", class_="ag-chip", **{"aria-current": "true"})]
    assert current == ["/leaderboard?category=Code&language=de"] * 2
    assert page.named("a", href="/leaderboard?language=de")
    assert page.named("a", href="/leaderboard?category=Code")
    assert "blind votes on Code in German" in page.text


def test_many_categories_do_not_fill_the_page_and_the_current_one_is_shown():
    categories = {f"c{i:02}": 100 - i for i in range(20)}
    text = leaderboard_html(BOARD, votes=9, categories=categories, chosen=Filter("c15"))
    shown, rest = text.split('<details class="ag-more">')
    assert "category=c15" in shown
    assert "category=c18" in rest
    assert len(Page(text).named("a", class_="ag-chip")) == 21


def test_a_filter_is_read_from_the_address():
    known = ({"Code": 3}, {"de": 2})
    assert Filter.of({}, *known) == ALL
    assert Filter.of({"category": "Code", "language": "de"}, *known) == Filter("Code", "de")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"category": "Cod"}, "There are no votes with the category 'Cod'; did you mean 'Code'?"),
        ({"language": "xx"}, "There are no votes with the language 'xx'; known: de."),
        ({"categry": "Code"}, "There is no filter 'categry'; did you mean 'category'?"),
    ],
)
def test_an_unknown_filter_is_refused_by_name(query, sentence):
    with pytest.raises(FilterError) as caught:
        Filter.of(query, {"Code": 3}, {"de": 2})
    assert str(caught.value) == sentence
    assert escape(sentence) in unknown_filter_html(caught.value, votes=1)


def test_an_arena_without_categories_says_so():
    with pytest.raises(FilterError, match="name none yet"):
        Filter.of({"category": "Code"}, {}, {})


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
    chosen = Filter(category)
    board = rank(comparisons(str(path), where=chosen.condition or None), method, **options)
    words = shlex.split(command(board, str(path), chosen))
    assert words[:2] == ["agon", "rank"]
    try:
        main([*words[1:], "--format", "json"])
    except SystemExit as done:
        assert not done.code
    (again,) = json.loads(capsys.readouterr().out)["boards"]
    assert again["fingerprint"] == board.fingerprint
    assert again["models"] == board.to_dict()["models"]
