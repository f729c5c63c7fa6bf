"""Addresses and configurations of an arena: what is refused, and the remedy."""

from pathlib import Path

from agon.arena.setup.config import read_configuration
from agon.arena.web.leaderboard.query import BoardQuery, Offer
from agon.arena.web.server import configured, listen
from agon.data.importers.recorded_answers import prompts
from tests.repository.remedies.steps import SERVER, Case, Given, arena, taken

MODEL = '[[model]]\nname = "one"\nbase_url = "http://127.0.0.1:1/v1"\n'


def _text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def cases(given: Given) -> list[Case]:
    """Its cases."""
    folder = given.folder
    answers = _text(folder / "three.csv", "prompt,model,answer\nWhy?,ada,x\nWhy?,bob,y\nWhy?,cyn,z\n")
    two = _text(folder / "two_models.toml", MODEL + MODEL.replace("one", "two"))
    return [
        # how many models answer
        (lambda: configured(None, None, 9), lambda: configured(None, None, 6)),
        (lambda: configured(answers, None, 4), lambda: configured(answers, None, 3)),
        (lambda: configured(two, None, 3), lambda: configured(two, None, 2)),
        # addresses
        (lambda: listen("127.0.0.1", 70000), lambda: listen("127.0.0.1", 0).close()),
        (taken, lambda: listen("127.0.0.1", 0).close()),
        (lambda: listen("192.0.2.1", 0), lambda: listen("127.0.0.1", 0).close()),
        # the arena
        (arena(folder, '[[server]]\nname = "s"\n'), arena(folder, SERVER)),
        (arena(folder, SERVER + SERVER), arena(folder, SERVER + SERVER.replace('"s"', '"t"'))),
        (arena(folder, more='api_key = "x"'), arena(folder, more='api_key_env = "HOME"')),
        (arena(folder, name="two"), arena(folder, name="three")),
        (arena(folder, SERVER, more='server = "s"'), arena(folder)),
        (
            arena(folder, more="sampling = {max_tokens = 3, max_completion_tokens = 4}"),
            arena(folder, more="sampling = {max_tokens = 3}"),
        ),
        (
            arena(folder, more="sampling = {temperature = 0.5}\nextra_body = {temperature = 1}"),
            arena(folder, more="sampling = {temperature = 0.5}"),
        ),
        (
            arena(folder, more='headers = {Authorization = "Bearer x"}'),
            arena(folder, more='headers = {Authorization = "$HOME"}'),
        ),
        (
            arena(folder, '[battle]\npolicy = "nearby"\n'),
            arena(folder, '[battle]\npolicy = "near"\n'),
        ),
        (
            arena(folder, '[battle]\npolicy = "near"\noptions = {windw = 3}\n'),
            arena(folder, '[battle]\npolicy = "near"\noptions = {window = 3}\n'),
        ),
        (
            arena(folder, '[battle]\npolicy = "weighted"\noptions = {weights = {ona = 2}}\n'),
            arena(folder, '[battle]\npolicy = "weighted"\noptions = {weights = {one = 2}}\n'),
        ),
        (
            arena(folder, '[battle]\npolicy = "weighted"\noptions = {weights = {}, shares = {}}\n'),
            arena(folder, '[battle]\npolicy = "weighted"\noptions = {shares = {}}\n'),
        ),
        (arena(folder, '[battle]\npaused = ["ona"]\n'), arena(folder, "[battle]\npaused = []\n")),
        (lambda: read_configuration(folder / "none.toml", {}), arena(folder)),
        (
            lambda: read_configuration(_text(folder / "no-models.toml", ""), {}, least=1),
            lambda: read_configuration(_text(folder / "a-model.toml", MODEL), {}, least=1),
        ),
        # prompts to ask models for
        (
            lambda: prompts(_text(folder / "no-prompts.csv", "pormpt\nHi\n")),
            lambda: prompts(_text(folder / "prompts.csv", "prompt\nHi\n")),
        ),
        (
            lambda: prompts(_text(folder / "empty.txt", "\n")),
            lambda: prompts(_text(folder / "prompts.txt", "Hi\n")),
        ),
        (
            lambda: BoardQuery.of(
                {"rule": "elo", "adjust": "length"},
                Offer(rules=("bradley_terry", "elo"), features=("length",)),
            ),
            lambda: BoardQuery.of({"adjust": "length"}, Offer(features=("length",))),
        ),
    ]
