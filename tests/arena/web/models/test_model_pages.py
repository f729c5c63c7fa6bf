"""Pages on models over real votes: their numbers are those of the command and of Python, in every state."""

import json
import random
import re
import shlex
import time
from html import unescape
from urllib.parse import quote, urlencode

import httpx
import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from agon.arena.cli.commands import main
from agon.arena.web.leaderboard.sources import VoteFile
from agon.arena.web.reading import reading_app
from agon.data import comparisons, read_any
from agon.ranking import rank, rank_by
from agon.ranking.leaderboard.row import rank_text
from tests.support.opened import opened_by

NAMES = ["lab/ann", "bob & co", "cy, the 2nd", "di", "ed"]


def frame_of(n=1500, seed=5):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 5, n)
    b = (a + rng.integers(1, 5, n)) % 5
    won = rng.random(n) < 1 / (1 + np.exp((a - b) * 0.5))
    names = np.array(NAMES)
    start = pd.Timestamp("2025-11-20").timestamp()
    return pd.DataFrame(
        {
            "model_a": names[a],
            "model_b": names[b],
            "winner": np.where(rng.random(n) < 0.1, "tie", np.where(won, "model_a", "model_b")),
            "language": rng.choice(["en", "de", "fr"], n),
            "category": rng.choice(["code", "law & order", "it's"], n),
            "length_a": rng.integers(20, 900, n),
            "length_b": rng.integers(20, 900, n),
            "timestamp": np.sort(start + rng.integers(0, 86400 * 90, n)),
        }
    )


def open_pages(path, **more):
    source = VoteFile([path], (path.name,), None, lambda paths: read_any(list(paths)), **more)
    return TestClient(reading_app(source), headers={"accept": "text/html"})


@pytest.fixture(scope="module")
def votes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    frame = frame_of()
    frame.to_csv(folder / "votes.csv", index=False)
    facts = {"lab/ann": {"price": 3.0, "licence": "mit"}, "di": {"price": 0.5}}
    with open_pages(folder / "votes.csv", facts=lambda _: facts) as client:  # one loop for all requests
        yield folder, frame, client


def page_at(client, path):
    while 'http-equiv="refresh"' in (page := client.get(path)).text:
        time.sleep(0.05)
    return page


def cells(text, title):
    """{row: cells} of the table with a caption."""
    table = next(t for t in re.findall(r"<table.*?</table>", text, re.DOTALL) if f'ag-sr">{title}<' in t)
    rows = {}
    for row in re.findall(r"<tr>(.*?)</tr>", table.split("<tbody>")[1], re.DOTALL):
        name, *rest = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        rows[unescape(re.sub("<[^>]*>", "", name))] = [
            unescape(re.sub("<span.*?</span>|<[^>]*>", "", cell)) for cell in rest
        ]
    return rows


@pytest.fixture(scope="module")
def board_server(votes):
    """A client of `agon board` in a process of its own."""
    with (
        opened_by("board", "votes.csv", cwd=votes[0]) as opened,
        httpx.Client(base_url=opened.url, timeout=120, headers={"accept": "text/html"}) as client,
    ):
        yield client


def test_fifty_random_filters_and_rules_say_the_same_everywhere(votes, board_server, capsys, monkeypatch):
    """The page of a real server, its API, `agon rank` with the command below the page, and Python."""
    folder, frame, _ = votes
    client = board_server
    draw = random.Random(18)
    months = sorted(set(pd.to_datetime(frame.timestamp, unit="s").dt.strftime("%Y-%m")))
    kinds = {"language": ["en", "de", "fr"], "category": ["code", "law & order", "it's"], "month": months}
    rules = ["bradley_terry", "copeland", "davidson", "win_rate", "ranked_pairs", "pagerank"]
    monkeypatch.chdir(folder)
    for _ in range(50):
        where = {name: draw.choice(values) for name, values in kinds.items() if draw.random() < 0.5}
        rule = draw.choice(rules)
        adjust = ["length"] if rule == "bradley_terry" and draw.random() < 0.4 else []
        words = (
            where
            | ({"rule": rule} if rule != "bradley_terry" else {})
            | ({"adjust": "length"} if adjust else {})
        )
        chosen = frame
        for name, value in where.items():
            told = (
                pd.to_datetime(chosen.timestamp, unit="s").dt.strftime("%Y-%m")
                if name == "month"
                else chosen[name]
            )
            chosen = chosen[told == value]
        board = rank(comparisons(chosen), rule, control=adjust)
        api = client.get(f"/api/leaderboard?{urlencode(words)}").json()["boards"][0]
        assert api["models"] == board.to_dict()["models"]
        page = page_at(client, f"/leaderboard?{urlencode(words)}").text
        assert f"fingerprint {api['fingerprint'][:12]}" in page
        shown = re.findall(r'<td class="ag-rk">(.*?)</td><th[^>]*><b>(?:<a[^>]*>)?(.*?)(?:</a>)?</b>', page)
        assert [(place, unescape(name)) for place, name in shown] == [
            (rank_text(row), row.model) for row in board.rows
        ]
        line = shlex.split(unescape(re.search(r'<code class="ag-cmd"[^>]*>(.*?)</code>', page)[1]))
        assert not main([*line[1:], "--format", "json"])
        (again,) = json.loads(capsys.readouterr().out)["boards"]
        assert (again["models"], again["fingerprint"]) == (api["models"], api["fingerprint"])


def test_counts_of_a_filter_are_those_within_the_others(votes):
    _, frame, client = votes
    page = page_at(client, "/leaderboard?month=2025-12&language=de").text
    month = pd.to_datetime(frame.timestamp, unit="s").dt.strftime("%Y-%m")
    for value, number in month[frame.language == "de"].value_counts().items():
        assert f"{value}<span class=ag-n>{number:,}</span>" in page
    for value, number in (
        frame[(frame.language == "de") & (month == "2025-12")].category.value_counts().items()
    ):
        assert (
            f"{value.replace('&', '&amp;').replace(chr(39), '&#x27;')}<span class=ag-n>{number:,}</span>"
            in page
        )


def test_the_overview_has_the_ranks_of_the_boards_by_value(votes):
    folder, _, client = votes
    boards = rank_by(comparisons(str(folder / "votes.csv")), "category")
    page = page_at(client, "/overview").text
    rows = cells(page, "Ranks by category")
    order = [unescape(re.sub("<[^>]*>", "", h)) for h in re.findall(r'<th scope="col">(.*?)</th>', page)][2:]
    for name in NAMES:
        assert rows[name][1:] == [rank_text(boards[value][name]) for value in order]
    assert page_at(client, "/overview?of=language&category=code").text.count("<h1>") == 1


def test_a_comparison_has_the_difference_the_record_and_the_facts(votes):
    folder, frame, client = votes
    board = rank(comparisons(str(folder / "votes.csv")))
    page = page_at(client, "/compare?" + urlencode([("models", "cy, the 2nd"), ("models", "lab/ann")])).text
    one, two = (row.model for row in board.rows if row.model in ("cy, the 2nd", "lab/ann"))
    gap, chance, record, missing = cells(page, "Two at a time")[f"{one} less {two}"]
    found = board.difference(one, two)
    assert gap == f"{found.difference:+.0f} ({found.lower:+.0f} to {found.upper:+.0f})".replace("-", "−")
    assert chance.startswith(f"{board.win_probability(one, two).probability:.0%}")
    between = frame[frame[["model_a", "model_b"]].apply(set, axis=1) == {one, two}]
    won = int(((between.model_a == one) & (between.winner == "model_a")).sum())
    won += int(((between.model_b == one) & (between.winner == "model_b")).sum())
    ties = int((between.winner == "tie").sum())
    assert record == f"won {won}, lost {len(between) - won - ties}, ties {ties}"
    assert missing
    assert cells(page, "Facts")["Licence"] == [{"lab/ann": "mit"}.get(name, "–") for name in (one, two)]
    assert page_at(client, "/compare?models=di,ed").status_code == 200


def test_ranks_over_time_are_those_of_the_votes_until_then(votes):
    _folder, frame, client = votes
    rows = cells(page_at(client, "/history").text, "Ranks over time")
    begin, end = frame.timestamp.min(), frame.timestamp.max()
    for number in (0, 4, 9):
        until = begin + (end - begin) * (number + 1) / 10 if number < 9 else end + 1
        early = frame[frame.timestamp < until]
        board = rank(comparisons(early), interval="none")
        assert rows["Votes"][number] == f"{len(early):,}"
        for row in board.ranked:
            assert rows[row.model][number] == str(row.rank)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_has_a_page_by_either_address(votes, name):
    folder, frame, client = votes
    page = page_at(client, "/model?" + urlencode({"name": name}))
    assert page.status_code == 200
    assert client.get(f"/model/{quote(name, safe='')}").text == page.text
    assert client.get(f"/model/{quote(name)}?language=de").status_code == 200
    board = rank(comparisons(str(folder / "votes.csv")))
    assert cells(page.text, "Under several rules")["Bradley-Terry"][1] == rank_text(board[name])
    others = cells(page.text, "Whom it beats")
    assert set(others) == set(NAMES) - {name}
    for other, (place, won, *_) in others.items():
        i, j = (comparisons(frame).pairs.models.index(one) for one in (name, other))
        halves = comparisons(frame).pairs.halves("half")
        assert place == rank_text(board[other])
        assert won.startswith(f"{halves[i, j] / (halves[i, j] + halves[j, i]):.0%}")


def test_pages_on_models_are_wholly_in_the_language_asked_for(votes):
    _, _, client = votes
    client.headers["accept-language"] = "de"
    try:
        for path, said in (
            ("/overview", "sagt wenig"),
            ("/model?name=lab/ann", "lab/ann ist Nummer 1 von 5."),
            ("/compare?models=lab/ann&models=ed", "Gewinnwahrscheinlichkeit"),
            ("/history?language=de", "Ränge mit Bradley-Terry · Deutsch, jeweils"),
        ):
            text = page_at(client, path).text
            assert '<html lang="de"' in text and said in text, path
            assert 'lang="en" dir="ltr"' not in text, path
    finally:
        del client.headers["accept-language"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/model?name=an", "There is no model 'an' here"),
        ("/model", "There is no model '' here"),
        ("/compare?models=di", "Two to four models can be compared, not 1; choose them"),
        ("/compare?models=di,ed,lab/ann,bob %26 co,zz", "There is no model 'zz' here"),
        ("/overview?of=categry", "Votes cannot be told apart by 'categry'; did you mean 'category'?"),
        ("/overview?rule=nothing", "There is no rule 'nothing'"),
        ("/history?language=xx", "There are no votes with the language 'xx'"),
        ("/leaderboard?columns=pricee", "There is no column 'pricee'; did you mean 'price'?"),
        ("/leaderboard?sort=size", "Rows cannot be sorted by 'size'"),
        ("/leaderboard?from=dii", "There is no model 'dii' on this board; did you mean 'di'?"),
    ],
)
def test_what_there_is_not_is_a_page_with_one_sentence_and_a_way_on(votes, path, sentence):
    page = page_at(votes[2], path)
    assert page.status_code == 404
    assert sentence in unescape(page.text)
    assert 'href="./leaderboard"' in page.text


def test_a_permalink_leads_to_its_board_and_later_to_a_sentence(votes):
    _, _, client = votes
    page = page_at(client, "/leaderboard?language=de").text
    link = unescape(re.search(r'<a href="([^"]*)">Permalink', page)[1]).removeprefix(".")
    assert page_at(client, link).status_code == 200
    moved = page_at(client, link.replace("language=de", "language=en"))
    assert moved.status_code == 410
    assert "The board has changed." in moved.text
    assert 'href="./leaderboard?language=en"' in moved.text


@pytest.mark.parametrize("path", ["/leaderboard", "/overview", "/history", "/compare", "/model?name=m1"])
def test_a_thousand_models_and_one_kind_of_votes(many, path):
    page = page_at(many, path)
    assert page.status_code == 200
    assert page.text.count("<h1>") == 1
    assert len(page.content) < 500_000


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    rng = np.random.default_rng(2)
    a = np.repeat(np.arange(1000), 8)
    b = (a + rng.integers(1, 20, len(a))) % 1000
    frame = pd.DataFrame(
        {
            "model_a": [f"m{i}" for i in a],
            "model_b": [f"m{i}" for i in b],
            "winner": rng.choice(["model_a", "model_b"], len(a)),
        }
    )
    path = tmp_path_factory.mktemp("many") / "many.parquet"
    frame.to_parquet(path)
    with open_pages(path) as client:
        yield client
