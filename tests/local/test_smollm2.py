"""The whole product with a real model: `agon serve smollm2`, people who read and vote, and their board.

`make test-local` installs the part `local` and fetches the weights: 130 MB, and minutes of a processor.
"""

import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections import Counter

import httpx
import pytest

from agon import rank
from agon.arena.setup import local_models
from agon.arena.setup.local_models import LOCAL_MODELS, LocalModelError, fetch_weights, local_roster
from agon.serving.gguf import cut_layers
from tests.support.arena_server import Visitor

pytestmark = pytest.mark.local

NOISE = 0.1  # of the votes say the opposite of what the voter found
BATTLES, VOTERS, WORDS = 60, 4, 30
LADDER = ["smollm2-30-layers", "smollm2-28-layers", "smollm2-26-layers"]


@pytest.fixture(scope="module")
def weights():
    """The file of weights, in the user's cache."""
    return fetch_weights(LOCAL_MODELS["smollm2"])


@pytest.fixture
def arena(tmp_path, weights):
    """The address of an arena that a command opened, and its log."""
    words = ["-m", "agon", "serve", "smollm2", "--port", "0", "--store", tmp_path / "log", "--seed", "1"]
    with subprocess.Popen([sys.executable, *map(str, words)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield (
                next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line))),
                (tmp_path / "log"),
            )
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0


def variety(text):
    """Which share of its first words are different ones: without its layers a model repeats itself."""
    words = re.findall(r"\w+", text.lower())[:60]
    return len(set(words)) / max(1, len(words))


def read(visitor, battle):
    """Follow a battle as somebody who has seen enough after some words; the view of its end."""
    last, texts, stopped = {}, {}, False
    for kind, data in visitor.events(battle):
        if kind == "view":
            last = data
            continue
        texts[data["slot"]] = len(data["text"].split())
        if not stopped and len(texts) == 2 and min(texts.values()) >= WORDS:
            stopped = True
            visitor.post(f"/api/battles/{battle}/stop", {})
    return last


def vote(url, seed, battles, voted):
    """One voter: knows nothing of models, prefers the more varied answer, and errs now and then."""
    visitor, chance = Visitor(url), random.Random(seed)
    prompts = [prompt for prompt, _ in local_models._EXAMPLES]
    while battles:
        battles.pop()
        view = read(visitor, visitor.start(chance.choice(prompts))["battle"])
        if view["state"] != "ready":
            continue
        first, second = (variety(side["text"]) for side in view["sides"])
        better = "tie" if first == second else "a" if (first > second) != (chance.random() < NOISE) else "b"
        answer = visitor.vote(view, better, unfinished=True)
        assert answer.status_code == 200, answer.text
        voted.append(answer.json()["models"])
    visitor.http.close()


def test_people_who_read_recover_the_order_of_layers(arena):
    url, log = arena
    battles, voted = list(range(BATTLES)), []
    voters = [threading.Thread(target=vote, args=(url, seed, battles, voted)) for seed in range(VOTERS)]
    for one in voters:
        one.start()
    for one in voters:
        one.join()
    assert len(voted) >= 0.8 * BATTLES
    board = httpx.get(f"{url}api/leaderboard").json()["boards"][0]
    scores = {row["model"]: row["score"] for row in board["models"]}
    assert sorted(LADDER, key=scores.get, reverse=True) == LADDER, scores
    assert [row["model"] for row in board["models"]][-1] == LADDER[-1]
    met = Counter(name for models in voted for name in models)
    assert {row["model"]: row["votes"] for row in board["models"]} == dict(met)
    from_files = rank(str(log), min_votes=1)
    assert sorted(LADDER, key=lambda name: from_files[name].score, reverse=True) == LADDER
    surely = from_files.difference(LADDER[0], LADDER[2])
    assert surely.lower > 0, "the whole model is surely better than the one without four layers"


def test_the_copy_is_what_another_reader_says(weights, tmp_path):
    """Against the `gguf` package of llama.cpp: the same tensors, renumbered."""
    gguf = pytest.importorskip("gguf")
    cut_layers(weights, tmp_path / "cut.gguf", 28)
    whole = {one.name: one for one in gguf.GGUFReader(weights).tensors}
    cut = gguf.GGUFReader(tmp_path / "cut.gguf")
    assert cut.fields["llama.block_count"].contents() == 28
    kept = [round(new * 29 / 27) for new in range(28)]
    assert len(cut.tensors) == len(whole) - 2 * sum(name.startswith("blk.0.") for name in whole)
    for one in cut.tensors:
        name = re.sub(r"blk\.(\d+)", lambda found: f"blk.{kept[int(found[1])]}", one.name)
        assert one.data.tobytes() == whole[name].data.tobytes()


def test_weights_that_do_not_load_are_named_with_the_remedy(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("AGON_CACHE", str(tmp_path))
    folder = tmp_path / LOCAL_MODELS["smollm2"].sha256[:16]
    folder.mkdir()
    (folder / weights.name).write_bytes(b"cut short")
    with pytest.raises(LocalModelError, match=f"cannot be served .*; remove {folder} to fetch it again"):
        local_roster("smollm2")
    (folder / weights.name).unlink()
    os.link(weights, folder / weights.name)
    assert len(local_roster("smollm2").contestants) == 5
