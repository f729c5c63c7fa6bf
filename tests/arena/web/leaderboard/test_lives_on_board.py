"""Lives of models (preliminary, listed, paused, retired): the leaderboard, data, command and Python agree."""

import csv
import io
import json
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from agon.arena.cli.commands import main
from agon.arena.core.arena_settings import ArenaSettings
from agon.data import comparisons, roster_history
from agon.data.log.operation.life_cycle import votes_by_model
from agon.data.log.vote_log import VoteLog
from agon.ranking import rank
from tests.arena.web.leaderboard.test_gates_on_board import MODELS, write_votes
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.boards import Page

LIVES = dict(zip(MODELS, ("retired", "listed", "listed", "paused", "preliminary"), strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A log in which the last model has 40 votes, all in English, and the others hundreds."""
    made, rng = tmp_path_factory.mktemp("lives") / "log", np.random.default_rng(4)
    with VoteLog(made) as log:
        write_votes(log, rng, 20, 25, of=4)
        write_votes(log, rng, 1, 40, prefix="last", with_last=True)
    return made


def opened(folder):
    models = roster(*(Scripted() for _ in MODELS))
    first, *others = models.contestants
    models = replace(models, contestants=(replace(first, status="retired"), *others))
    return open_arena(folder, models, ArenaSettings(seed=7, preliminary=100, paused=(MODELS[3],)))


def rows_of(text):
    return {row["model"]: row for row in csv.DictReader(io.StringIO(text))}


def test_pages_data_command_line_and_python_say_the_same(folder, capsys):
    with opened(folder) as arena:
        visitor = arena.visitor()
        told = {one["model"]: one["life"] for one in visitor.get("/api/leaderboard").json()["models"]}
        assert told == LIVES
        lives = {model: row["life"] for model, row in rows_of(visitor.get("/leaderboard.csv").text).items()}
        assert lives == LIVES
        some = rows_of(visitor.get("/leaderboard.csv?language=de").text)
        assert {model: row["life"] for model, row in some.items()} == {m: LIVES[m] for m in MODELS[:4]}
        assert all(int(row["votes"]) < 200 for row in some.values())
        text = unescape(visitor.get("/leaderboard").text)
        assert "Preliminary" in Page(text).text
        assert "40 of 100 votes" in Page(text).text
        states = {one["model"]: one["state"] for one in visitor.get("/api/leaderboard").json()["models"]}
        assert (states[MODELS[3]], states[MODELS[2]]) == ("paused", "answering")
        assert "Paused: not drawn at present" in text
        assert "paused: not drawn at present" in text, "on a card"
        for life in ("retired", "listed", "paused", "preliminary"):
            shown = visitor.get(f"/leaderboard?state={life}").text
            table = shown.partition("<tbody")[2].partition("</table>")[0]
            names = [f"Canary {n} Shown" for n, model in enumerate(MODELS) if LIVES[model] == life]
            assert [name for n in range(5) if (name := f"Canary {n} Shown") in table] == names
            Page(shown)
        assert visitor.get("/leaderboard?state=testing").status_code == 404
        search = Page(visitor.get("/leaderboard?state=retired&search=nobody").text).text
        assert "No model here is called nobody." in search
    command = ["rank", str(folder), "--preliminary", "100"]
    assert main([*command, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["model"]: one["life"] for one in found["models"]} == LIVES
    assert main([*command, "--format", "csv", "--state", "listed,preliminary,paused"]) == 0
    assert {m: row["life"] for m, row in rows_of(capsys.readouterr().out).items()} == {
        model: life for model, life in LIVES.items() if life != "retired"
    }
    assert main(["rank", str(folder), "--state", "retired"]) == 0
    table = capsys.readouterr().out
    assert "Retired: canary-0-id." in table
    assert "Paused: canary-3-id." in table
    assert [line.split()[1] for line in table.splitlines() if "●" in line] == [MODELS[0]]
    board = rank(comparisons(folder))
    votes = {row.model: row.votes for row in board.rows}
    assert votes_by_model(comparisons(folder)) == votes
    assert roster_history(folder).lives(votes, 100) == LIVES
    assert set(roster_history(folder).lives(votes).values()) == {"listed", "paused", "retired"}
