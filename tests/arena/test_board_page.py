"""The leaderboard page: what it says in every state, that nothing can be injected, and who can read it."""

import json
import re
import shlex
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.about_page import about_html
from arena.board_figures import Rates, figures_html
from arena.board_page import (
    ALL,
    Filter,
    FilterError,
    command,
    conclusion,
    leaderboard_html,
    unknown_filter_html,
)
from arena.board_rows import Axis, Known, Reliability, axis_of
from arena.cli import main
from arena.lineup import ModelCard
from ranking import Comparisons, Leaderboard, PairCounts, rank
from ranking.leaderboard import Row

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\u202e{{7*7}}"
SETTINGS = {"scale": "elo", "min_votes": 30, "interval": "sandwich", "votes": 9, "version": "1"}
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """The tags of a page, checked to nest; the text without scripts; and the data in scripts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.words, self.data = [], [], [], {}
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID and self.get_starttag_text()[-2] != "/":
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag == "script":
            self.data[attributes.get("id")] = json.loads(data)
        else:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def named(self, tag, **wanted):
        wanted = {name.rstrip("_"): value for name, value in wanted.items()}
        return [a for t, a in self.tags if t == tag and wanted.items() <= a.items()]


def votes_of(*results, models, times=20):
    """Comparisons from (i, j, share of i): 1 a win, 0 a loss, 0.5 a tie; each so many times."""
    rows = [result for result in results for _ in range(times)]
    places = {1: [1, 2], 0: [2, 1], 0.5: [1, 1]}
    return Comparisons.of(models, [[i, j] for i, j, _ in rows], [places[share] for _, _, share in rows])


@pytest.fixture(scope="module")
def votes():
    """Ann and Bob beat one another equally often and both beat Cy three times in four; Di has few votes."""
    rounds = [(0, 1, 1), (0, 1, 0), *[(0, 2, 1), (1, 2, 1)] * 3, (0, 2, 0), (1, 2, 0)]
    many = votes_of(*rounds, models=["ann", "bob", "cy", "di"])
    few = [[3, 2]] * 4
    shown = np.vstack([[[i, j] for i, j, _ in rounds for _ in range(20)], few])
    places = np.vstack(
        [[[1, 2] if s else [2, 1] for _, _, s in rounds for _ in range(20)], [[1, 2]] * 3, [[2, 1]]]
    )
    assert len(many.ballots.votes) == 4
    return Comparisons.of(["ann", "bob", "cy", "di"], shown, places)


@pytest.fixture(scope="module")
def board(votes):
    return rank(votes)


KNOWN = Known(
    {"ann": ModelCard("ann", "Ann 2", "Norrland Lab", "open weights", 0.6)},
    {"ann": Reliability(1000, 4), "bob": Reliability(3000, 1)},
)


@pytest.fixture(scope="module")
def page(board, votes):
    return Page(
        leaderboard_html(
            board,
            votes=1204,
            known=KNOWN,
            pairs=votes.pairs,
            categories={"Code": 60, "Writing & co": 144},
            languages={"de": 12, "en": 80},
            notice="A demonstration.",
            yours=3,
        )
    )


# ------------------------------------------------------------------------------------------- what it says


def test_the_conclusion_comes_first(page):
    assert (
        page.text.split("Skip to the content")[1].count("Ann 2 and bob lead, and cannot be told apart.") >= 1
    )
    assert page.named("h1")
    assert next(tag for tag, _ in page.tags if tag in {"h1", "h2", "table", "svg"} and tag != "svg") == "h1"


def test_the_table_has_the_rows_of_the_board(page, board):
    written = TABLE.search(leaderboard_html(board, votes=1, known=KNOWN))[0]
    head, *rows = re.findall(r"<tr[^>]*>(.*?)</tr>", written, flags=re.DOTALL)
    assert head.startswith('<th scope="col">Rank</th><th scope="col">Model</th>')
    assert len(rows) == len(board.rows) == 4
    for row, written in zip(board.rows, rows, strict=True):
        assert f"{row.votes:,}</td>" in written
        assert f"{row.score:,.0f} " in written


TABLE = re.compile(r'<table class="ag-lb">.*?</table>', re.DOTALL)


def test_names_organisations_prices_and_reliability_where_known(page):
    assert "Norrland Lab · open weights" in page.text
    assert "$0.60" in page.text
    assert "99.6%" in page.text
    assert "99.9%" in page.text  # 2,999 of 3,000 arrived: not 100%


def test_columns_that_nothing_is_known_of_are_left_out(board):
    text = Page(leaderboard_html(board, votes=4)).text
    assert "Price" not in text
    assert "Reliability" not in text


def test_a_provisional_model_is_drawn_open_and_says_what_is_missing(page):
    assert "Provisional 4 of 30 votes" in page.text
    assert page.named("line", stroke_dasharray="3 3") or page.named("line", **{"stroke-dasharray": "3 3"})


def test_every_interval_is_said_in_words(page, board):
    said = [a["aria-label"] for a in page.named("svg", role="img")]
    for row in board.rows:
        words = f"Score {row.score:,.0f}, 95% interval {row.lower:,.0f} to {row.upper:,.0f}"
        assert said.count(words) >= 2  # in the table and on the card


def test_the_notice_the_votes_and_the_remarks(page, board):
    assert "A demonstration." in page.text
    assert "1,204 votes counted" in page.text
    assert "Your votes 3" in page.text
    for remark in board.remarks():
        assert remark in page.text


def rows_of(*ranges):
    """A ranked board of made-up models a, b, c, ... with these rank ranges."""
    return [
        Row(i + 1, chr(97 + i), 1000.0 - i, 900.0, 1100.0, low, high, 50, "ranked")
        for i, (low, high) in enumerate(ranges)
    ]


@pytest.mark.parametrize(
    ("ranges", "sentence"),
    [
        ([(1, 1), (2, 3), (2, 3)], "a leads, and no other model is within reach."),
        ([(1, 2), (1, 2), (3, 3)], "a and b lead, and cannot be told apart."),
        ([(1, 3), (1, 3), (1, 3)], "a, b and c lead, and cannot be told apart."),
        ([(1, 5)] * 5, "a leads, but b, c and 2 more could be first too."),
        ([(None, None)] * 2, "a is first of 2; no interval was computed."),
        ([(1, 1)], "a is the only model with enough votes to be ranked."),
        ([], "No model can be ranked yet."),
    ],
)
def test_who_leads_and_who_cannot_be_told_apart(board, ranges, sentence):
    assert conclusion(replace(board, rows=tuple(rows_of(*ranges))), Known()) == sentence


# ------------------------------------------------------------------------------------------- every state


def test_an_empty_board_invites():
    page = Page(leaderboard_html(None, votes=0))
    assert "No votes yet: the first one can be yours." in page.text
    assert page.named("a", href="/", class_="ag-btn ag-go")
    assert not page.named("script", src="/static/plotly.min.js")


def test_an_empty_filter_leads_back():
    page = Page(leaderboard_html(None, votes=9, chosen=Filter("Code", "de")))
    assert "No votes on Code in German yet." in page.text
    assert page.named("a", href="/leaderboard", class_="ag-btn")


def test_before_anyone_is_ranked_the_page_says_how_many_votes_are_needed():
    votes = votes_of((0, 1, 1), (0, 1, 0), (1, 2, 1), (1, 2, 0), models=["a", "b", "c"], times=5)
    text = Page(leaderboard_html(rank(votes), votes=20)).text
    assert "No model can be ranked yet." in text
    # a and c were shown 10 times, b 20 times: 20 + 10 + 20 are missing, two of them in each vote
    assert "A model is ranked from 30 votes on; b is nearest with 20. About 25 more votes" in text


def test_models_without_bounds_are_told_what_is_missing():
    votes = votes_of((0, 1, 1), models=["a", "b"], times=50)
    text = Page(leaderboard_html(rank(votes), votes=50)).text
    assert "won or lost everything" in text or "not linked" in text


def test_other_components_stand_apart_with_a_sentence_of_their_own():
    votes = votes_of((0, 1, 1), (0, 1, 0), (2, 3, 1), (2, 3, 0), models=["a", "b", "c", "d"], times=25)
    board = rank(votes)
    page = Page(leaderboard_html(board, votes=100, pairs=votes.pairs))
    assert len(board.components) == 1
    assert "Not yet connected" in page.text
    assert "c and d have only been linked with one another" in page.text
    assert len(page.named("table", class_="ag-lb")) == 2
    assert "2 components" in page.text


def test_a_score_that_is_not_bounded_ends_in_an_arrow():
    row = Row(None, "a", 1000.0, None, 1100.0, None, None, 9, "provisional")
    board = Leaderboard((row,), "bradley_terry", SETTINGS, 0.95, "differences", (), "f" * 64)
    text = leaderboard_html(board, votes=9)
    assert "95% interval unbounded to 1,100" in text
    assert "No model can be ranked yet." in text


@pytest.mark.parametrize("method", ["win_rate", "copeland", "minimax", "elo"])
def test_boards_of_other_scales_and_methods(votes, method):
    board = rank(votes, method)
    page = Page(leaderboard_html(board, votes=1, pairs=votes.pairs))
    assert board.number(board.rows[0].score) in page.text or f"{board.rows[0].score:,.0f}" in page.text


# ---------------------------------------------------------------------------------------------- injection


def test_hostile_names_are_only_text():
    models = [HOSTILE, "b", "c"]
    votes = votes_of((0, 1, 1), (0, 1, 0), (1, 2, 1), (1, 2, 0), models=models)
    cards = {HOSTILE: ModelCard(HOSTILE, HOSTILE, HOSTILE, HOSTILE)}
    for known in (Known(), Known(cards)):
        text = leaderboard_html(
            rank(votes),
            votes=80,
            known=known,
            pairs=votes.pairs,
            categories={HOSTILE: 3},
            languages={HOSTILE: 3},
            chosen=Filter(HOSTILE, HOSTILE),
            notice=HOSTILE,
            log=HOSTILE,
        )
        page = Page(text)
        assert not page.named("img")
        assert "\u202e" not in text
        assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)
        assert {a.get("src") or a.get("type") for a in page.named("script")} == {
            "/static/theme.js",
            "/static/plotly.min.js",
            "/static/charts.js",
            "application/json",
        }
        labels = page.data["ag-figures"]["ag-forest"]["layout"]["yaxis"]["ticktext"]
        assert escape(HOSTILE.replace("\u202e", ""), quote=False) in labels  # Plotly reads tags in labels


def test_a_hostile_filter_is_only_text():
    with pytest.raises(FilterError) as caught:
        Filter.of({"category": HOSTILE}, {"Code": 1}, {})
    page = Page(unknown_filter_html(caught.value, votes=3))
    assert not page.named("img")
    assert "There is no such board." in page.text


@given(st.text(), st.text())
def test_no_text_breaks_the_page(name, organisation):
    rows = [Row(1, name, 1000.0, 990.0, 1010.0, 1, 1, 50, "ranked")]
    board = Leaderboard(tuple(rows), "bradley_terry", SETTINGS, 0.95, "differences", (), "f" * 64)
    known = Known({name: ModelCard(name, name, organisation)})
    page = Page(leaderboard_html(board, votes=9, known=known))
    assert len(page.named("table", class_="ag-lb")) == 1


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


def test_the_current_filter_is_marked_and_kept_in_the_other_links(board):
    page = Page(
        leaderboard_html(
            board, votes=9, categories={"Code": 5}, languages={"de": 5}, chosen=Filter("Code", "de")
        )
    )
    current = [a["href"] for a in page.named("a", class_="ag-chip", **{"aria-current": "true"})]
    assert current == ["/leaderboard?category=Code&language=de"] * 2
    assert page.named("a", href="/leaderboard?language=de")
    assert page.named("a", href="/leaderboard?category=Code")
    assert "blind votes on Code in German" in page.text


def test_many_categories_do_not_fill_the_page_and_the_current_one_is_shown(board):
    categories = {f"c{i:02}": 100 - i for i in range(20)}
    text = leaderboard_html(board, votes=9, categories=categories, chosen=Filter("c15"))
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
        ("bradley_terry", {"both_bad": "drop", "interval": "bootstrap", "rounds": 20, "seed": 4}),
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
            "category": [("other", category or "x")[i % 4 > 0] for i in range(120)],
        }
    )
    path = tmp_path / "my votes.csv"
    frame.to_csv(path, index=False)
    from data import comparisons

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


# ------------------------------------------------------------------------------------------------- figures


def test_win_rates_by_hand():
    pairs = PairCounts.of(
        ["a", "b", "c"],
        [[0, 6, 0], [2, 0, 0], [0, 0, 0]],
        [[0, 1, 0], [1, 0, 0], [0, 0, 0]],
        [[0, 1, 0], [1, 0, 0], [0, 0, 0]],
    )
    rates = Rates(["b", "a", "c"], pairs)
    assert rates.votes[0, 1] == 10
    assert rates.share[0, 1] == pytest.approx(0.3)  # 2 wins and 2 halves of 10
    assert rates.share[1, 0] == pytest.approx(0.7)
    assert np.isnan(rates.share[0, 2])


def test_the_figures_carry_the_numbers_of_the_board(page, board, votes):
    figures = page.data["ag-figures"]
    ranked, provisional = figures["ag-forest"]["data"]
    assert ranked["x"] == [row.score for row in board.ranked]
    assert ranked["error_x"]["array"] == [row.upper - row.score for row in board.ranked]
    assert provisional["y"] == [3]
    cells = figures["ag-heat"]["data"][0]
    at = next(i for i, text in enumerate(cells["hovertext"]) if text.startswith("Ann 2 against cy"))
    assert cells["text"][at] == "75"
    assert "won 75% of 80 votes" in cells["hovertext"][at]
    assert len(figures["ag-heat"]["layout"]["shapes"]) == len(cells["text"]) == 8  # di met only cy


def test_colours_are_names_of_tokens(page):
    colours = re.findall(
        r'"(?:color|fillcolor|bgcolor|bordercolor|gridcolor)": "([^"]+)"', json.dumps(page.data)
    )
    assert colours
    assert all(re.fullmatch(r"var\(--[a-z0-9-]+\)", colour) for colour in colours)


def test_each_figure_has_its_words_and_its_table(page):
    charts = page.named("div", class_="ag-chart")
    assert [chart["id"] for chart in charts] == ["ag-forest", "ag-heat"]
    assert all(chart["role"] == "img" and len(chart["aria-label"]) > 60 for chart in charts)
    assert len(page.named("details")) == 2
    assert "Ann 2 won 50% of 40 votes against bob." in charts[1]["aria-label"]


def test_a_board_of_one_model_has_no_heat_map(board):
    one = replace(board, rows=board.rows[:1])
    assert "ag-heat" not in figures_html(one, PairCounts.of(["ann", "bob"], [[0, 1], [0, 0]]), Known())


def test_the_heat_map_is_of_the_first_models_and_says_so():
    names = [f"m{i:02}" for i in range(20)]
    wins = np.ones((20, 20)) - np.eye(20)
    board = rank(PairCounts.of(names, 30 * wins), interval="none")
    text = figures_html(board, PairCounts.of(names, 30 * wins), Known())
    assert "the first 16 models" in text
    assert len(Page(text).data["ag-figures"]["ag-heat"]["layout"]["shapes"]) == 16 * 15


# ------------------------------------------------------------------------------------------------ drawing


@given(st.floats(-1e4, 1e4), st.floats(0.001, 1e4))
def test_ticks_are_few_round_and_on_the_axis(low, span):
    axis = Axis(low, low + span)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 6
    assert all(axis.low - 1e-9 * abs(low) <= tick <= axis.high + 1e-9 * abs(low) for tick in ticks)


def test_what_is_outside_the_axis_is_drawn_at_its_edge():
    axis = Axis(900, 1100, 404)
    assert axis.at(0) == 12
    assert axis.at(1000) == 202
    assert axis.at(9999) == 392


def test_a_wide_provisional_interval_does_not_squeeze_the_others(board):
    wide = replace(board.rows[-1], lower=-5000.0, upper=9000.0)
    axis = axis_of([*board.rows[:-1], wide])
    assert axis.low > 0
    assert axis.high < 2000


# ------------------------------------------------------------------------------------------- who can read it


@pytest.mark.parametrize(
    "text",
    [
        leaderboard_html(None, votes=0),
        about_html(votes=3),
        unknown_filter_html(FilterError("There is none."), votes=1),
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
            assert re.match(r"[/#](?!/)", attributes[name]), (tag, attributes)


def test_what_is_stored_makes_no_promise_the_code_does_not_keep():
    """Each sentence stands for something tested elsewhere; a new one needs its test."""
    text = Page(about_html()).text
    for promise in ("No network address", "No name, no e-mail", "No cookies but one"):
        assert promise in text
