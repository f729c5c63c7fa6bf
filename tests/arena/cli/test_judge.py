"""`agon judge` beside a real server: every thing to ask, kills, budgets, judges that fail, and the audit."""

import asyncio
import json
import math
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from agon import arena, data, rank
from agon.arena.core.judging.judge_prompts import JudgePrompt
from agon.arena.core.judging.verdict_reading import read_verdict
from agon.data.log.vote_log import VoteLog
from agon.ranking import OptionError, SourceError
from tests.data.exporters.test_export import fill
from tests.support.judge_server import JudgeServer

QUALITY = {"ada": 1.0, "bob": 0.0, "cyn": -1.0}


def put(folder, prompts=4, quality=QUALITY):
    """Answers whose quality stands in them, and their file."""
    rows = [
        {
            "prompt_id": f"q{i}",
            "prompt": f"Question {i}?",
            "model": name,
            "answer": f"{name} quality={good} {'x' * i}",
        }
        for i in range(prompts)
        for name, good in quality.items()
    ]
    path = folder / "answers.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def config(folder, url, *names, price="price = 2.0\ninput_price = 1.0\n"):
    path = folder / "judges.toml"
    path.write_text("".join(f'[[model]]\nname = "{name}"\nbase_url = "{url}"\n{price}' for name in names))
    return path


def test_each_pair_is_judged_in_both_orders_with_soft_probabilities(tmp_path, run):
    answers, output = put(tmp_path), tmp_path / "judged.parquet"
    with JudgeServer() as server:
        judges = config(tmp_path, server.url, "sharp")
        status, out, err = run("judge", answers, "--model", judges, "-o", output, "--dry-run")
        assert (status, out, output.exists()) == (0, "", False)
        assert err.startswith("1 judge, 24 judgements, of which 0 are there; the rest reads about ")
        assert server.asked.total() == 0
        status, out, _ = run("judge", answers, "--model", judges, "-o", output)
        assert status == 0
        # 24 answers: 100 tokens read at 1 dollar a million, 2 written at 2.
        assert out == f"24 votes are in {output}, from 24 of 24 judgements; 24 came now, 0.0025 dollars.\n"
        assert {(one["logprobs"], one["top_logprobs"], one["temperature"]) for one in server.bodies} == {
            (True, 20, 0.0)
        }
        assert run("judge", answers, "--model", judges, "-o", output)[0] == 0
        assert server.asked.total() == 24
    votes = pd.read_parquet(output)
    about = {"judge", "voter_kind", "order", "ask", "prompt_version", "samples", "soft"}
    assert set(votes.columns) == {"prompt_id", "model_a", "model_b", "p_a", "length_a", "length_b"} | about
    assert set(votes.voter_kind) == {"llm"}
    assert votes.soft.all()
    pairs = votes.groupby(["prompt_id", votes[["model_a", "model_b"]].apply(frozenset, axis=1)])
    assert len(pairs) == 12
    assert (pairs.order.agg(set) == {1, 2}).all()
    assert (pairs.model_a.nunique() == 2).all()
    one = votes[(votes.model_a == "ada") & (votes.model_b == "bob")].p_a
    share = 1 / (1 + math.exp(-1))  # by hand: A and B of the server's log-probabilities, a tie half
    a, b = 0.9 * share + 0.001, 0.9 * (1 - share) + 0.001
    assert np.allclose(one, (a + 0.025) / (a + b + 0.05))
    assert votes.length_a.tolist() == [
        len(f"{m} quality={QUALITY[m]} {'x' * int(p[1:])}")
        for m, p in zip(votes.model_a, votes.prompt_id, strict=True)
    ]
    board = rank(str(output), min_votes=1)
    assert [row.model for row in board] == ["ada", "bob", "cyn"]
    assert any("LLM judges" in text for text in board.remarks())


def test_python_judges_as_the_command_does_also_where_a_loop_runs(tmp_path, run):
    """As in a notebook; what one has judged the other goes on from."""
    answers, output = put(tmp_path), tmp_path / "judged.parquet"

    async def in_a_notebook(judges):
        return arena.judge(answers, output, str(judges), pairs=5)

    with JudgeServer() as server:
        judges = config(tmp_path, server.url, "sharp")
        few = asyncio.run(in_a_notebook(judges))
        assert (few.votes, few.tally.answered, few.tally.missing) == (10, 10, 0)
        whole = arena.judge(answers, output, "sharp", base_url=server.url)
        assert (whole.votes, whole.tally.kept, whole.tally.answered) == (24, 10, 14)
        told = run("judge", answers, "--model", judges, "-o", tmp_path / "command.parquet")[0]
        assert told == 0
    mine, other = (pd.read_parquet(tmp_path / name) for name in ("judged.parquet", "command.parquet"))
    assert mine.equals(other)
    with pytest.raises(OptionError, match="served nowhere; give its --base-url"):
        arena.judge(answers, output, "sharp")


@pytest.mark.parametrize("ask", ["list", "score", "rubric", "checklist"])
def test_whatever_is_asked_makes_votes(ask, tmp_path, run):
    answers, output = put(tmp_path), tmp_path / "judged.parquet"
    with JudgeServer() as server:
        judges = config(tmp_path, server.url, "sharp")
        status, out, _ = run("judge", answers, "--model", judges, "-o", output, "--ask", ask)
        assert status == 0, out
        assert server.asked.total() == (8 if ask == "list" else 12)
    votes = pd.read_parquet(output)
    board = rank(str(output), min_votes=1)
    assert board[0].model == "ada"
    if ask == "list":
        assert {tuple(one) for one in votes.places} == {(1, 2, 3), (3, 2, 1)} | {
            tuple(p) for p in votes.places
        }
        assert set(votes.order) == {1, 2}
        assert (
            votes.groupby("prompt_id").models.agg(lambda both: [*both.iloc[0]] == [*both.iloc[1]][::-1])
        ).all()
        return
    one = votes[(votes.model_a == "ada") & (votes.model_b == "bob")].iloc[0]
    if ask == "score":
        # Levels 6 and 5 with 0.6, and 0.2 on each side: P(above) + P(equal)/2 by hand.
        a, b = {5: 0.2, 6: 0.6, 7: 0.2}, {4: 0.2, 5: 0.6, 6: 0.2}
        by_hand = sum(x * y * ((i > j) + (i == j) / 2) for i, x in a.items() for j, y in b.items())
        assert one.p_a == pytest.approx(by_hand)
        assert (one.score_a, one.score_b) == pytest.approx((6, 5))
    else:
        # Four criteria, each good with ¾ and ¼: the share of pairs of binomials, by hand.
        from scipy.stats import binom

        a, b = binom.pmf(range(5), 4, 0.75), binom.pmf(range(5), 4, 0.25)
        by_hand = sum(x * y * ((i > j) + (i == j) / 2) for i, x in enumerate(a) for j, y in enumerate(b))
        assert one.p_a == pytest.approx(by_hand)


def test_killed_again_and_again_nothing_is_lost_and_nothing_asked_twice(tmp_path):
    answers, output = put(tmp_path, prompts=20), tmp_path / "judged.parquet"
    journal = tmp_path / "judged.judgements.parquet.part.jsonl"
    with JudgeServer(seconds=0.03) as server:
        words = [
            sys.executable,
            "-m",
            "agon",
            "judge",
            answers,
            "--model",
            config(tmp_path, server.url, "sharp"),
        ]
        words = [*map(str, words), "-o", str(output), "--at-once", "4"]
        for kill in (1, 2):
            process = subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            while not journal.exists() or journal.read_bytes().count(b"\n") < 35 * kill:
                assert process.poll() is None
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            assert not output.exists()
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert f"120 votes are in {output}, from 120 of 120 judgements" in done.stdout
        assert server.asked.total() <= 120 + 2 * 4  # at a kill four were being written
    assert len(pd.read_parquet(output)) == 120
    assert not journal.exists()


def test_judges_without_log_probabilities_say_so_and_are_asked_again_for_shares(tmp_path, run):
    answers, output = put(tmp_path, prompts=2), tmp_path / "judged.parquet"
    with JudgeServer() as server:
        judges = config(tmp_path, server.url, "hard", "refuses")
        status, out, _ = run("judge", answers, "--model", judges, "-o", output)
        assert status == 0
        for name in ("hard", "refuses"):
            assert (
                f"{name} gives no log-probabilities, so its verdicts count whole; --samples 5 asks again"
                in out
            )
        votes = pd.read_parquet(output)
        assert set(votes.p_a) == {0.0, 1.0}
        assert not votes.soft.any()
        status, out, _ = run("judge", answers, "--model", judges, "-o", output, "--samples", 3)
        assert (status, "log-prob" in out) == (0, False)
    votes = pd.read_parquet(output)
    assert set(votes.samples) == {3}
    assert (votes.repeats == 1).all()


def test_a_jury_votes_once(tmp_path, run):
    answers, output = put(tmp_path, prompts=2), tmp_path / "judged.parquet"
    with JudgeServer() as server:
        judges = config(tmp_path, server.url, "sharp", "first")
        assert run("judge", answers, "--model", judges, "-o", output)[0] == 0
        apart = pd.read_parquet(output)
        assert run("judge", answers, "--model", judges, "-o", output, "--jury")[0] == 0
    together = pd.read_parquet(output)
    assert set(together.judge) == {"first+sharp"}
    key = ["prompt_id", "model_a", "model_b"]
    mean = apart.groupby(key).p_a.mean()
    assert np.allclose(together.set_index(key).p_a.sort_index(), mean.sort_index())
    assert len(together) * 2 == len(apart)


def test_an_answer_without_a_verdict_is_counted_and_not_guessed(tmp_path, run):
    answers, output = put(tmp_path), tmp_path / "judged.parquet"
    with JudgeServer() as server:
        judges = config(tmp_path, server.url, "chatty")
        status, out, _ = run("judge", answers, "--model", judges, "-o", output, "--at-once", 1)
    assert status == 1
    assert "chatty gave no verdict in 8 of 24 answers, which count as none" in out
    assert len(pd.read_parquet(output)) == 16
    kept = pd.read_parquet(tmp_path / "judged.judgements.parquet")
    assert set(kept.answer[kept.failure == "unread"]) == {
        "Both answers have their merits, and A lot depends on taste."
    }


def test_a_context_too_small_is_said(tmp_path, run):
    answers, output = put(tmp_path, prompts=2), tmp_path / "judged.parquet"
    with JudgeServer(context=100) as server:
        judges = config(tmp_path, server.url, "sharp")
        status, out, _ = run("judge", answers, "--model", judges, "-o", output)
    assert status == 1
    assert "sharp cannot read 12 questions, which are longer than its context; judge shorter answers" in out
    assert not output.exists()


def test_a_budget_ends_midway_and_what_was_judged_is_kept(tmp_path, run):
    answers, output = put(tmp_path), tmp_path / "judged.parquet"
    with JudgeServer() as server:
        judges = config(tmp_path, server.url, "sharp")
        few = ("judge", answers, "--model", judges, "-o", output, "--budget", 0.001)  # 104 millionths each
        status, out, _ = run(*few)
        assert status == 1
        assert "the budget of 0.001 dollars ended); what was judged is kept" in out
        kept = pd.read_parquet(output)
        assert 3 <= len(kept) <= 9
        assert run("judge", answers, "--model", judges, "-o", output)[0] == 0
        assert server.asked.total() == 24
    free = config(tmp_path, server.url, "sharp", price="")
    status, _, err = run("judge", answers, "--model", free, "-o", tmp_path / "new.parquet", "--budget", 1)
    assert (status, "--budget needs prices, and 'sharp' has none" in err) == (2, True)


def people_votes(folder, prompts):
    """People who see the quality and err in a tenth of their votes."""
    rng = np.random.default_rng(0)
    pairs = [("ada", "bob"), ("bob", "cyn"), ("cyn", "ada")]
    rows = [
        {"model_a": a, "model_b": b, "prompt_id": f"q{i}"}
        | {"winner": "model_a" if (QUALITY[a] > QUALITY[b]) != (rng.random() < 0.1) else "model_b"}
        for i in range(prompts)
        for a, b in pairs
        for _ in range(2)
    ]
    path = folder / "people.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_the_audit_lets_a_judge_pass_and_refuses_those_that_say_nothing(tmp_path, run):
    answers, people = put(tmp_path, prompts=25), people_votes(tmp_path, 25)
    outputs = {name: tmp_path / f"{name}.parquet" for name in ("sharp", "first", "noise")}
    with JudgeServer() as server:
        for name, output in outputs.items():
            named = ("--model", name, "--base-url", server.url, "-o", output)
            status, out, _ = run("judge", answers, *named, "--voted", people, "--audit")
            assert status == (name != "sharp"), out
            assert f"{name} passes its audit on 75 pairs" in out or f"{name} is refused: " in out
    assert rank(str(outputs["sharp"]), min_votes=1)[0].model == "ada"
    status, out, _ = run("judge", outputs["sharp"], "--audit", "--voted", people, "--format", "json")
    (audit,) = json.loads(out)["audits"]
    assert (status, audit["passed"]) == (0, True)
    for name in ("first", "noise"):
        with pytest.raises(SourceError, match=f"holds votes of {name}, refused by the audit because"):
            rank(str(outputs[name]), min_votes=1)
        status, _, err = run("rank", outputs[name])
        assert (status, "let them count with agon judge" in err) == (2, True)
    assert run("judge", outputs["noise"], "--audit", "--voted", people, "--force")[0] == 1
    board = rank(str(outputs["noise"]), min_votes=1)
    assert any("audit refused count here" in text for text in board.remarks())
    mixed = [str(people), str(outputs["sharp"])]
    assert data.comparisons(mixed).llm_votes == 0  # people's alone, unless asked
    assert data.comparisons(mixed, voters="all").llm_votes == 150


def test_the_battles_of_a_log_are_judged_and_held_against_its_voters(tmp_path, run):
    """Every answer of the log says its number; all turns that were judged are shown."""
    folder, output = tmp_path / "log", tmp_path / "judged.parquet"
    with VoteLog(folder) as log:
        fill(log)
    with JudgeServer() as server:
        named = ("--model", "noise", "--base-url", server.url, "-o", output)
        status, out, _ = run("judge", folder, *named, "--audit")
        said = [one["messages"][-1]["content"] for one in server.bodies]
    assert status == 1
    assert "from 96 of 96 judgements" in out
    assert "against 48 votes of people" in out or "is refused: " in out
    assert sum("[The user goes on]\nAnd then?" in text for text in said) == 24  # 12 battles of two turns
    status, out, _ = run("judge", output, "--audit", "--voted", folder, "--format", "json")
    (audit,) = json.loads(out)["audits"]
    assert (audit["people"], audit["pairs"]) == (48, 48)


PAIR = JudgePrompt.of("pairs")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("A", "A"), (" B.", "B"), ("**C**", "C"), ("[[B]]", "B"), ("Both are fine.\n\nVerdict: A", "A"),
        ("The better answer is B.", "B"), ("Answer A", "A"), ("tie", "C"),
        ("Final verdict: [[A]]", "A"),
        ("", None), ("A lot depends on taste", None), ("a", None), ("D", None), ("A or B", None),
        ("I prefer the first one", None), ("As an AI, I cannot judge.", None),
        ("A\nB is worse, though", None),
    ],
)  # fmt: skip
def test_a_verdict_is_read_or_it_is_none(text, verdict):
    found = read_verdict(PAIR, text, (), 2)
    assert found == (None if verdict is None else ([float(verdict == one) for one in "ACB"], False))


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("B > A = C", [2, 1, 2]), ("**C > B > A**", [3, 2, 1]), ("Here it is:\nA = B = C", [1, 1, 1]),
        ("B > A", None), ("B > A > A", None), ("B, A, C", None), ("A > B > D", None), ("", None),
    ],
)  # fmt: skip
def test_an_order_is_read_or_it_is_none(text, places):
    found = read_verdict(JudgePrompt.of("list"), text, (), 3)
    assert found == (None if places is None else (places, False))


@pytest.mark.parametrize(
    ("ask", "text", "levels"),
    [
        ("score", "7", [7]),
        ("score", "10/10", [10]), ("score", "Score: 3", [3]), ("score", "11", None),
        ("score", "seven", None),
        ("score", "It is 7 of 10, or 8", None),
        ("rubric", "1: 4\n2: 5", [4, 5]), ("rubric", "1. 4\n2. 5", [4, 5]), ("rubric", "1: 4", None),
        ("rubric", "1: 4\n2: 6", None), ("checklist", "1: yes\n2: No", [1, 0]),
        ("checklist", "1: yes\n2: maybe", None),
    ],
)  # fmt: skip
def test_levels_are_read_or_there_are_none(ask, text, levels):
    criteria = None if ask == "score" else ["It is short.", "It is true."]
    found = read_verdict(JudgePrompt.of(ask, None, criteria), text, (), 1)
    if levels is None:
        assert found is None
        return
    low, count = {"score": (1, 10), "rubric": (1, 5), "checklist": (0, 2)}[ask]
    assert found == ([float(one == low + i) for one in levels for i in range(count)], False)


def test_a_template_of_ones_own_has_a_version_of_its_own(tmp_path, run):
    answers, output, words = put(tmp_path, prompts=1), tmp_path / "judged.parquet", tmp_path / "words.txt"
    words.write_text("{prompt}\nfirst: {answer_a}\nsecond: {answer_b}\nA, B or C? {not a field}")
    with JudgeServer() as server:
        named = ("--model", "sharp", "--base-url", server.url, "-o", output, "--prompt", words)
        assert run("judge", answers, *named)[0] == 0
        assert all("{not a field}" in one["messages"][0]["content"] for one in server.bodies)
        assert set(pd.read_parquet(output).prompt_version) == {
            JudgePrompt.of("pairs", words.read_text()).version
        }
        status, _, err = run("judge", answers, *named[:-2])
        assert status == 2
        assert "holds judgements of sharp with other settings than the configuration gives" in err
    with pytest.raises(OptionError, match=r"lacks \{answer_b\}; one for pairs has the fields"):
        JudgePrompt.of("pairs", "{prompt} {answer_a}")
    with pytest.raises(OptionError, match="criteria belong to a rubric or a checklist"):
        JudgePrompt.of("pairs", None, ["x"])
    with pytest.raises(OptionError, match="nothing to ask called 'pair'; did you mean 'pairs'"):
        JudgePrompt.of("pair")
    with pytest.raises(OptionError, match="needs at least one criterion"):
        JudgePrompt.of("rubric", None, [])


def test_wrong_words_are_one_sentence(tmp_path, run):
    answers, output = put(tmp_path), tmp_path / "judged.parquet"
    other = tmp_path / "other.parquet"
    pd.DataFrame({"model_a": ["x"], "model_b": ["y"], "winner": ["tie"], "prompt_id": ["z"]}).to_parquet(
        other
    )
    bare = tmp_path / "bare.parquet"
    pd.DataFrame({"model_a": ["x"], "model_b": ["y"], "winner": ["tie"]}).to_parquet(bare)
    named = ("--model", "sharp", "--base-url", "http://127.0.0.1:9/v1")
    for words, sentence in (
        ((answers,), "Nobody is named to judge; give --model"),
        ((answers, *named), "The votes go nowhere; name a file with --output."),
        ((answers, "--model", "sharp", "-o", output), "'sharp' is served nowhere; give its --base-url"),
        ((answers, *named, "-o", tmp_path / "x.csv"), "must end in .parquet"),
        ((answers, *named, "-o", output, "--force"), "--force is about the audit; give --audit too."),
        ((answers, *named, "-o", output, "--pairs", 0), "pairs must be at least 1, not 0."),
        ((answers, *named, "-o", output, "--samples", 0), "--samples must be at least 1, not 0."),
        ((answers, *named, *named[:2], "-o", output), "The judge 'sharp' is named twice"),
        ((answers, *named, "-o", output, "--voted", other), "has no pair of answers that people voted on"),
        ((answers, *named, "-o", output, "--prompt", tmp_path / "no.txt"), "There is no file"),
        ((bare, "--audit"), "does not say on which prompt a vote is; give a column prompt_id."),
        ((answers, *named, "-o", output, "--budget", 0), "--budget must be above 0 dollars, not 0."),
        ((answers, "--audit"), "holds recorded answers, and nobody"),
    ):
        status, out, err = run("judge", *words)
        assert (status, out) == (2, ""), words
        assert sentence in err
        assert err.count("\n") == 1
    assert not output.exists()
    status, out, err = run("judge", answers, *named, "-o", output, "--pairs", 3, "--patience", 0.2)
    assert "sharp was not asked 6 questions (unreachable: " in out
    assert status == 1
