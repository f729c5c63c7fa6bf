"""`agon embed`, `agon route` and `agon tastes --vectors` beside a real server of embeddings."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from agon.data.log.vote_log import VoteLog
from agon.data.model_facts import read_facts
from agon.data.prompt_vectors import named_prompts, read_prompt_vectors
from agon.ranking import SourceError
from agon.ranking.numerics import expit
from tests.data.exporters.test_export import fill
from tests.support.embedding_server import EmbeddingServer, embed

MODELS = ["ada", "bob", "cyn", "dan"]
TOPICS = ("python algorithm function", "sonnet rhymes verses", "history empire century")
# In its topic a model gains 2.5 nats; dan is the best of the rest by little and dear.
STRENGTHS = np.array([[2.5, 0, 0, 0.2], [0, 2.5, 0, 0.2], [0, 0, 2.5, 0.2]])


def planted(folder, effect=1.0, prompts=90, each=12, seed=1):
    """Votes on prompts of three topics, and the prompts."""
    rng = np.random.default_rng(seed)
    topic = np.arange(prompts) % 3
    texts = [f"{TOPICS[t]} no {i} of it" for i, t in enumerate(topic)]
    at = np.repeat(np.arange(prompts), each)
    first = rng.integers(0, 4, len(at))
    second = (first + rng.integers(1, 4, len(at))) % 4
    strength = effect * STRENGTHS[topic[at]] + np.array([0.0, 0.1, 0.2, 0.3])
    rows = np.arange(len(at))
    won = rng.random(len(at)) < expit(strength[rows, first] - strength[rows, second])
    votes = pd.DataFrame(
        {
            "prompt": [texts[i] for i in at],
            "model_a": [MODELS[i] for i in first],
            "model_b": [MODELS[i] for i in second],
            "winner": np.where(won, "model_a", "model_b"),
        }
    )
    votes.to_parquet(folder / "votes.parquet")
    (folder / "prompts.txt").write_text("\n".join(texts))
    return folder / "votes.parquet", texts


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Votes with topics, their prompts, and a file of vectors made by a server."""
    from agon.arena.cli.commands import main

    folder = tmp_path_factory.mktemp("route")
    votes, texts = planted(folder)
    with EmbeddingServer() as server:
        words = ["embed", votes, "--model", "tiny", "--base-url", server.url, "-o", folder / "v.parquet"]
        assert main([str(word) for word in words]) == 0
        assert server.asked == dict.fromkeys(texts, 1)
    return folder, votes, texts


def test_vectors_are_those_of_the_server_and_go_by_text_and_by_id(world):
    folder, _, texts = world
    held = read_prompt_vectors(folder / "v.parquet")
    assert held.model == "tiny"
    assert held.table.shape == (90, 16)
    assert held[texts[7]] == pytest.approx(embed(texts[7]), abs=1e-6)
    table = pq.read_table(folder / "v.parquet")
    assert table["prompt"].to_pylist() == texts  # in the order of the votes
    assert held[table["prompt_id"][7].as_py()] == pytest.approx(held[texts[7]])
    assert held.text_of(table["prompt_id"][7].as_py()) == texts[7]


def test_the_model_that_wins_on_a_prompt_never_seen_is_named_with_its_price(world, run):
    folder, votes, _ = world
    toml = folder / "arena.toml"
    prices = {"ada": 5.0, "bob": 1.0, "cyn": 2.0, "dan": 9.0}
    toml.write_text("".join(f'[[model]]\nname = "{name}"\nprice = {p}\n' for name, p in prices.items()))
    with EmbeddingServer() as server:
        for t, name in enumerate(["ada", "bob", "cyn"]):
            words = (
                "route",
                votes,
                f"{TOPICS[t]} but a new one",
                "--vectors",
                folder / "v.parquet",
                "--folds",
                2,
            )
            more = ("--base-url", server.url, "--facts", toml)
            status, out, err = run(*words, *more, "--format", "json")
            assert (status, err) == (0, "")
            found = json.loads(out)["route"]
            assert found["best"] == name
            assert found["by_prompt"]
            assert found["models"][0]["probability"] > 0.9
            assert found["models"][0]["price"] == prices[name]
            # All is planted 2 nats apart, 347 points: nothing else is within 20 of the best.
            assert found["choice"] == name
            assert found["cheaper"] == []
        assert sum(server.asked.values()) == 3
        status, out, _ = run(*words, *more)
        assert out.startswith("cyn wins there, the best with a chance of 100%, at a price of 2; nothing")
        assert "boards by what they are about have a log loss of" in " ".join(out.split())
        # Where 400 points more would do, the cheapest is bob.
        status, out, _ = run(*words, *more, "--within", 600, "--format", "json")
        assert json.loads(out)["route"]["choice"] == "bob"


def test_where_topics_tell_nothing_it_is_the_board_of_all_prompts(tmp_path, run):
    votes, _ = planted(tmp_path, effect=0.0)
    vectors = tmp_path / "v.parquet"
    with EmbeddingServer() as server:
        assert run("embed", votes, "--model", "tiny", "--base-url", server.url, "-o", vectors)[0] == 0
    _, out, _ = run("route", votes, f"{TOPICS[0]} no 0 of it", "--vectors", vectors, "--folds", 2)
    said = " ".join(out.split())
    assert "This is the board of all prompts. All 90 prompts have one board: what they are about" in said
    assert "No price is known" in said
    _, out, _ = run("tastes", votes, "--vectors", vectors, "--folds", 2)
    assert out.startswith("All 90 prompts have one board")


def test_topics_have_boards_of_their_own(world, run):
    folder, votes, _ = world
    status, out, _ = run(
        "tastes", votes, "--vectors", folder / "v.parquet", "--topics", 3, "--format", "json"
    )
    assert status == 0
    found = json.loads(out)["topics"]["topics"]
    assert [one["share"] for one in found] == pytest.approx([1 / 3] * 3)
    winners = {next(t for t in TOPICS if t in one["prompts"][0]): one["models"][0]["model"] for one in found}
    assert winners == dict(zip(TOPICS, ["ada", "bob", "cyn"], strict=True))
    _, out, _ = run("tastes", votes, "--vectors", folder / "v.parquet", "--topics", 3, "--folds", 2)
    assert "Of 3 topics" in " ".join(out.split())
    status, _, err = run("tastes", votes, "--vectors", folder / "v.parquet", "--of", "x")
    assert (status, "leave out --of or --vectors" in err) == (2, True)


def test_killed_midway_no_vector_is_lost_or_fetched_twice(tmp_path):
    votes, texts = planted(tmp_path)
    journal = tmp_path / "v.parquet.part.jsonl"
    with EmbeddingServer(seconds=0.05) as server:
        words = [sys.executable, "-m", "agon", "embed", votes, "--model", "tiny", "--base-url", server.url]
        words = [*map(str, words), "-o", str(tmp_path / "v.parquet"), "--batch", "5", "--at-once", "2"]
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while not journal.exists() or journal.read_bytes().count(b"\n") < 20:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert done.stdout == f"90 of 90 prompts have a vector in {tmp_path / 'v.parquet'}.\n"
        # What was on its way at a kill, ten texts, is asked for again.
        assert sum(server.asked.values()) <= 90 + 10
        assert server.most <= 2
    assert len(read_prompt_vectors(tmp_path / "v.parquet").names) == 90
    assert not journal.exists()
    assert len(set(texts)) == 90


def test_a_busy_server_is_asked_again_and_a_text_too_long_leaves_the_others(tmp_path, run):
    lines = [f"word {i}" for i in range(9)]
    lines[4] = "far too many words for such a model"
    (tmp_path / "p.txt").write_text("\n".join(lines))
    with EmbeddingServer(busy=2, longest=4) as server:
        words = ("embed", tmp_path / "p.txt", "--model", "tiny", "--base-url", server.url)
        status, out, err = run(*words, "-o", tmp_path / "v.parquet")
        assert status == 1
        assert out.startswith("8 of 9 prompts have a vector")
        assert "maximum context length is 4 tokens" in err
        assert server.asked == dict.fromkeys([line for line in lines if line != lines[4]], 1)
    assert read_prompt_vectors(tmp_path / "v.parquet").texts == (*lines[:4], *lines[5:])


def test_prompts_of_a_log_go_by_the_names_that_its_votes_give(tmp_path, run):
    with VoteLog(tmp_path / "log") as log:
        fill(log)
        log.snapshot()
    prompts = named_prompts(tmp_path / "log")
    assert {one.text for one in prompts} == {f"Prompt {n}?" for n in range(10)}
    with EmbeddingServer() as server:
        words = ("embed", tmp_path / "log", "--model", "tiny", "--base-url", server.url)
        assert run(*words, "-o", tmp_path / "v.parquet")[0] == 0
        assert server.asked == {f"Prompt {n}?": 1 for n in range(10)}  # each text once
    status, out, err = run("route", tmp_path / "log", prompts[0].name, "--vectors", tmp_path / "v.parquet")
    assert (status, err) == (0, "")
    assert "cyn wins over all prompts" in out


def test_vectors_come_from_any_table_and_from_numpy(tmp_path):
    table = np.arange(12.0).reshape(3, 4)
    lines = [{"prompt": f"p{i}", "vector": row.tolist()} for i, row in enumerate(table)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pd.DataFrame([{**one, "vector": json.dumps(one["vector"])} for one in lines]).to_csv(tmp_path / "a.csv")
    np.savez(tmp_path / "a.npz", prompt=np.array(["p0", "p1", "p2"]), vector=table)
    for name in ("a.jsonl", "a.csv", "a.npz"):
        held = read_prompt_vectors(tmp_path / name)
        assert (held.names, held.model) == (("p0", "p1", "p2"), None)
        assert held.table.tolist() == table.tolist()


BAD = [
    ([{"prompt": "p", "vector": [1, 2]}, {"prompt": "q", "vector": [1]}], "'q' in row 2 of .* is 1 numbers"),
    ([{"prompt": "p", "vector": [1, 2]}, {"prompt": "p", "vector": [1, 3]}], "'p' a second time in row 2"),
    ([{"prompt": "p", "vector": [1, None]}], "2 numbers where others have 2 finite"),
    ([{"prompt": "", "vector": [1.0]}], "names no prompt in row 1"),
    ([{"prompt": "p", "vectors": [1.0]}], "has no column 'vector'"),
    ([{"name": "p", "vector": [1.0]}], "has no column 'prompt'"),
    ([{"prompt": "p", "vector": [1.0], "model": m} for m in "ab"], "vectors of 2 models"),
    ([{"prompt": "p", "vector": "x"}], "is no list"),
]


@pytest.mark.parametrize(("rows", "text"), BAD, ids=[text[:24] for _, text in BAD])
def test_what_is_no_file_of_vectors_is_said(tmp_path, rows, text):
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(SourceError, match=text):
        read_prompt_vectors(tmp_path / "a.jsonl")


def test_servers_that_give_no_vectors_are_told_of_without_the_key(tmp_path, run, monkeypatch):
    (tmp_path / "p.txt").write_text("one\ntwo\n")
    monkeypatch.setenv("RIGHT", "sesame-open-1")
    monkeypatch.setenv("WRONG", "sesame-shut-1")
    base = ("embed", tmp_path / "p.txt", "-o", tmp_path / "v.parquet")
    status, _, err = run(*base, "--model", "t")
    assert (status, "with --base-url" in err) == (2, True)
    status, _, err = run(*base, "--model", "t", "--base-url", "http://127.0.0.1:9", "--api-key-env", "NONE_X")
    assert (status, "NONE_X holds no key; set it" in err) == (2, True)
    with EmbeddingServer(key="sesame-open-1") as server:
        status, _, err = run(*base, "--model", "t", "--base-url", server.url, "--api-key-env", "WRONG")
        assert status == 2
        assert "unauthorised" in err
        assert "sesame" not in err
        status, _, err = run(*base, "--model", "t", "--base-url", f"{server.url}/x", "--api-key-env", "RIGHT")
        assert (status, "unknown_model" in err) == (2, True)
        args = ("--base-url", server.url, "--api-key-env", "RIGHT")
        status, _, err = run(*base, "--model", "odd", *args)
        assert (status, "vectors of 17 and of 16" in err or "of 16 and of 17" in err) == (2, True)
        assert run(*base, "--model", "t", *args)[0] == 0
        status, _, err = run(*base, "--model", "wide", *args)
        assert (status, "holds vectors of t; choose another name" in err) == (2, True)
        status, _, err = run(*base, "--model", "t", "--dimensions", 8, *args)
        assert (status, "choose another name" in err) == (2, True)
        for name in ("wide", "t"):  # the remedy
            assert run(*base[:3], tmp_path / f"{name}-2.parquet", "--model", name, *args)[0] == 0
    begun = time.monotonic()
    other = (*base[:3], tmp_path / "w.parquet")
    status, _, err = run(*other, "--model", "t", "--base-url", "http://127.0.0.1:9/v1")
    assert (status, "unreachable" in err) == (2, True)
    assert time.monotonic() - begun < 5


def test_a_prompt_that_has_no_vector_needs_its_model_and_address(world, run, tmp_path):
    folder, votes, texts = world
    held = read_prompt_vectors(folder / "v.parquet")
    np.savez(tmp_path / "bare.npz", prompt=np.array(texts), vector=held.table)
    few = ("--folds", 2)
    new = ("route", votes, f"{TOPICS[0]} newly", "--vectors")
    status, _, err = run(*new, tmp_path / "bare.npz")
    assert (status, "has no vector yet; give the address" in err) == (2, True)
    with EmbeddingServer() as server:
        status, _, err = run(*new, tmp_path / "bare.npz", "--base-url", server.url)
        assert (status, "name it with --model" in err) == (2, True)
        status, _, err = run(*new, folder / "v.parquet", "--base-url", server.url, "--model", "wide")
        assert (status, "The vectors are of tiny, not of wide; leave --model out" in err) == (2, True)
        status, _, err = run(*new, tmp_path / "bare.npz", "--base-url", server.url, "--model", "wide")
        assert (status, "has shape (32,), those of the votes (16,)" in err) == (2, True)
        args = ("--base-url", server.url, "--model", "tiny", *few)
        status, out, _ = run(*new, tmp_path / "bare.npz", *args)
        assert (status, out.startswith("ada wins there")) == (0, True)
    np.savez(tmp_path / "less.npz", prompt=np.array(texts[:-9]), vector=held.table[:-9])
    status, _, err = run("route", votes, texts[0], "--vectors", tmp_path / "less.npz")
    assert (status, "9 of 90 prompts have no vector" in err) == (2, True)
    status, out, _ = run(
        "route", votes, texts[0], "--vectors", tmp_path / "less.npz", "--missing", "drop", *few
    )
    assert (status, "9 prompts have no vector; their votes are left out" in out) == (0, True)


def test_a_configuration_of_an_arena_is_a_table_of_facts(tmp_path):
    (tmp_path / "a.toml").write_text(
        '[page]\ntitle = "x"\n[[model]]\nname = "ada"\nprice = 2.5\nbase_url = "http://x"\nlicence = "mit"\n'
    )
    assert read_facts(tmp_path / "a.toml") == {"ada": {"price": 2.5, "licence": "mit"}}
    (tmp_path / "b.toml").write_text("[page]\n")
    with pytest.raises(SourceError, match="configures no models"):
        read_facts(tmp_path / "b.toml")
