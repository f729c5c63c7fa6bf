"""`agon generate` beside a real server: whole runs, kills, servers that go and come, and files in the way."""

import fcntl
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import pandas as pd
import pytest

from agon.arena.core.answer_sets import ANSWER_SCHEMA, AnswerSet
from agon.arena.setup.recorded import read_recorded_roster
from tests.support.threaded_server import JsonHandler, ThreadedServer

MODEL = '[[model]]\nname = "{name}"\nbase_url = "{url}"\nprice = 2.0\n'


class Models(ThreadedServer):
    """A server of models: it counts who asked what, and how many at once; `rules` says what goes wrong."""

    def __init__(self, seconds=0.0, rules=lambda model, prompt, time: None, port=0):
        self.asked, self.now, self.most, self.lock = Counter(), 0, 0, threading.Lock()
        outer = self

        class Handler(JsonHandler):
            def post(self):
                request = self.body()
                model, prompt = request["model"], request["messages"][-1]["content"]
                with outer.lock:
                    outer.asked[model, prompt] += 1
                    number = outer.asked[model, prompt]
                    outer.now += prompt != "Hello"
                    outer.most = max(outer.most, outer.now)
                time.sleep(seconds)
                with outer.lock:
                    outer.now -= prompt != "Hello"
                wrong = rules(model, prompt, number)
                if isinstance(wrong, int):
                    self.refuse(wrong, "no such model")
                    return
                choice = {"index": 0, "delta": {"content": f"{model} on {prompt}"}}
                event = {"choices": [{**choice, "finish_reason": wrong or "stop"}]}
                usage = {"choices": [], "usage": {"completion_tokens": 500}}
                self.stream(event, usage)

        super().__init__(Handler, port)


def put(folder, url, models=("ada", "bob"), prompts=6, more=""):
    config, asked = folder / "arena.toml", folder / "prompts.csv"
    config.write_text("".join(MODEL.format(name=name, url=url) for name in models) + more)
    asked.write_text("prompt,category\n" + "".join(f"p{i},kind{i % 2}\n" for i in range(prompts)))
    return config, asked, folder / "answers.parquet"


def test_every_model_answers_every_prompt_and_the_file_can_be_served(tmp_path, run):
    with Models() as server:
        config, prompts, output = put(tmp_path, server.url)
        status, out, err = run("generate", config, prompts, "-o", output)
        assert (status, err) == (0, "6 prompts to 2 models: 12 answers, of which 0 are there.\n")
        assert out.startswith(f"12 of 12 answers are in {output}; 12 came now, ")
        assert out.endswith(" 0.01 dollars.\n")  # 12 answers of 500 tokens at 2 dollars a million: 0.012
        rows = pd.read_parquet(output)
        assert [*zip(rows.prompt, rows.model, strict=True)][:3] == [
            ("p0", "ada"),
            ("p0", "bob"),
            ("p1", "ada"),
        ]
        assert (rows.answer == rows.model + " on " + rows.prompt).all()
        assert rows.cost.sum() == pytest.approx(0.012)
        roster = read_recorded_roster(output)
        assert [one.card.name for one in roster.contestants] == ["ada", "bob"]
        assert [(one.prompt, one.category) for one in roster.examples][:2] == [
            ("p0", "kind0"),
            ("p1", "kind1"),
        ]
        before = server.asked.copy()
        status, out, err = run("generate", config, prompts, "-o", output, "--dry-run")
        assert (status, out) == (0, "")
        assert "12 answers, of which 12 are there" in err
        prompts.write_text(
            "prompt\np0\nnew\n"
        )  # only what is missing is asked for, and nothing is thrown away
        assert run("generate", config, prompts, "-o", output)[0] == 0
        assert {key: n for key, n in (server.asked - before).items() if key[1] != "Hello"} == {
            ("ada", "new"): 1,
            ("bob", "new"): 1,
        }
        assert len(pd.read_parquet(output)) == 14
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "answers.parquet",
        "arena.toml",
        "prompts.csv",
    ]


def test_samples_are_rows_of_which_the_first_is_served(tmp_path, run):
    with Models() as server:
        config, prompts, output = put(tmp_path, server.url, prompts=2)
        assert run("generate", config, prompts, "-o", output, "--samples", "3")[0] == 0
        rows = pd.read_parquet(output)
        assert Counter(rows["sample"]) == {0: 4, 1: 4, 2: 4}
        assert len(read_recorded_roster(output).examples) == 2


@pytest.mark.parametrize("allowed", [3, 40])
def test_a_server_is_asked_for_as_many_at_once_as_it_allows(allowed, tmp_path, run):
    with Models(seconds=0.3) as server:
        table = f'[[server]]\nname = "one"\nbase_url = "{server.url}"\nat_once = {allowed}\n'
        config, prompts, output = put(tmp_path, server.url, prompts=20)
        config.write_text(
            table + "".join(f'[[model]]\nname = "{name}"\nserver = "one"\n' for name in ("ada", "bob"))
        )
        assert run("generate", config, prompts, "-o", output, "--at-once", "10")[0] == 0
        most = min(allowed, 10)
        assert most / 2 < server.most <= most


def test_killed_again_and_again_nothing_is_lost_and_nothing_asked_twice(tmp_path):
    with Models(seconds=0.02) as server:
        config, prompts, output = put(tmp_path, server.url, prompts=100)
        words = [sys.executable, "-m", "agon", "generate", config, prompts, "-o", output, "--at-once", "4"]
        journal = tmp_path / "answers.parquet.part.jsonl"
        for kill in range(4):
            process = subprocess.Popen(list(map(str, words)), stderr=subprocess.DEVNULL)
            wanted = 30 * (kill + 1)
            while not journal.exists() or journal.read_bytes().count(b"\n") < wanted:
                assert process.poll() is None
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL if kill % 2 else signal.SIGTERM)
            assert process.wait() == (-signal.SIGKILL if kill % 2 else 143)
            assert not output.exists()
        with journal.open("a") as file:
            file.write('{"prompt": "p99", "mod')  # as a kill in the middle of a line leaves it
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
        assert "200 of 200 answers" in done.stdout
    rows = pd.read_parquet(output)
    assert len(rows) == len(rows[["prompt", "model"]].drop_duplicates()) == 200
    assert not journal.exists()
    asked = sum(number for (_, prompt), number in server.asked.items() if prompt != "Hello")
    assert asked <= 200 + 4 * 4  # at a kill four were being written


def test_a_failure_is_a_row_that_is_asked_for_again(tmp_path, run):
    def rules(model, prompt, number):
        return "content_filter" if (model, prompt, number) == ("bob", "p1", 1) else None

    with Models(rules=rules) as server:
        config, prompts, output = put(tmp_path, server.url, prompts=3)
        status, out, _ = run("generate", config, prompts, "-o", output)
        assert status == 1
        assert "5 of 6 answers" in out
        assert "bob failed 1 times; its rows say why" in out
        rows = pd.read_parquet(output)
        (failed,) = rows[rows.failure.notna()].to_dict("records")
        assert (failed["prompt"], failed["failure"], failed["finish_reason"]) == (
            "p1",
            "filtered",
            "content_filter",
        )
        assert [one.prompt for one in read_recorded_roster(output).examples] == ["p0", "p2"]
        status, out, _ = run("generate", config, prompts, "-o", output)
        assert (status, out.splitlines()[0][:17]) == (0, "6 of 6 answers ar")
        assert server.asked["bob", "p1"] == 2
        assert server.asked["bob", "p0"] == 1


def test_a_model_that_the_server_does_not_know_is_not_asked_again_and_again(tmp_path, run):
    with Models(rules=lambda model, prompt, number: 404 if model == "bob" else None) as server:
        config, prompts, output = put(tmp_path, server.url, prompts=30)
        status, out, _ = run("generate", config, prompts, "-o", output)
        assert status == 1
        assert "30 of 60 answers" in out
        assert "bob was not asked for 30 answers (unknown_model: " in out
        assert sum(number for (model, _), number in server.asked.items() if model == "bob") <= 2


def test_a_server_that_comes_up_late_is_waited_for_and_one_that_does_not_is_left(tmp_path, run):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    config, prompts, output = put(tmp_path, f"http://127.0.0.1:{port}/v1", prompts=3)
    status, out, _ = run("generate", config, prompts, "-o", output, "--patience", "0.5")
    assert status == 1
    assert "ada was not asked for 3 answers (unreachable: " in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arena.toml", "prompts.csv"]
    late = threading.Timer(1.0, lambda: started.append(Models(port=port).__enter__()))
    started = []
    late.start()
    try:
        status, out, _ = run("generate", config, prompts, "-o", output, "--patience", "30")
    finally:
        late.join()
        started[0].__exit__()
    assert (status, out[:14]) == (0, "6 of 6 answers")


def test_files_in_the_way_are_told(tmp_path, run):
    with Models() as server:
        config, prompts, output = put(tmp_path, server.url, prompts=2)
        (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
        pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "mine.parquet")
        status, _, err = run("generate", config, prompts, "-o", tmp_path / "mine.parquet")
        assert status == 2
        assert "holds no answers of agon generate; choose another name" in err
        assert not (tmp_path / "mine.parquet.part.jsonl").exists()
        status, _, err = run("generate", config, prompts, "-o", tmp_path / "answers.csv")
        assert (status, "must end in .parquet, which keeps every text as it is" in err) == (2, True)
        assert run("generate", config, prompts, "-o", output)[0] == 0
        config.write_text(config.read_text().replace('"ada"', '"ada"\nsystem_prompt = "Rhyme."', 1))
        status, _, err = run("generate", config, prompts, "-o", output)
        assert status == 2
        assert "holds answers of ada with other settings than the configuration gives" in err
        assert run("generate", config, prompts, "-o", tmp_path / "now.parquet")[0] == 0
        assert pd.read_parquet(tmp_path / "now.parquet").answer.notna().all()
        status, _, err = run("generate", config, prompts, "-o", tmp_path / "now.parquet", "--dry-run")
        assert (status, err) == (0, "2 prompts to 2 models: 4 answers, of which 4 are there.\n")
        status, _, err = run("generate", config, tmp_path / "mine.csv", "-o", tmp_path / "new.parquet")
        assert status == 2
        assert "has no column 'prompt'" in err
        text = tmp_path / "lines.txt"
        text.write_text("one prompt\n\nanother\none prompt\n")
        _, _, err = run("generate", config, text, "-o", tmp_path / "new.parquet", "--dry-run")
        assert "2 prompts to 2 models: 4 answers" in err
        assert not (tmp_path / "new.parquet").exists()
        assert not (tmp_path / "new.parquet.part.jsonl").exists()


def test_a_journal_keeps_every_text_and_a_line_that_was_cut_costs_itself_alone(tmp_path):
    row = dict.fromkeys(ANSWER_SCHEMA.names) | {
        "model": "ada",
        "sample": 0,
        "tokens": 1,
        "reasoning_tokens": 0,
    }
    texts = ["a\u2028b", "c\x85d", "e\x1cf\x0cg", "line\nline\r\nline", "=1+1", "007", "\U0001f600"]
    rows = [row | {"prompt": f"p{i}", "answer": text} for i, text in enumerate(texts)]
    first = AnswerSet(tmp_path / "answers.parquet")
    for one in rows[:4]:
        first.keep(one)
    first.close()
    with first.journal.open("a") as file:
        file.write('{"prompt": "p9", "mod')
    second = AnswerSet(tmp_path / "answers.parquet")
    for one in rows[4:]:
        second.keep(one)
    second.close()
    third = AnswerSet(tmp_path / "answers.parquet")
    assert [*third.rows.values()] == rows
    third.finish({})
    third.close()
    assert pd.read_parquet(tmp_path / "answers.parquet").answer.tolist() == texts
    assert not third.journal.exists()


def test_who_waited_for_a_process_that_ends_reads_what_it_wrote(tmp_path, monkeypatch):
    """The journal is removed between opening it and locking it: another is opened, and the file read then."""
    row = dict.fromkeys(ANSWER_SCHEMA.names) | {"model": "ada", "sample": 0, "prompt": "p", "answer": "Hi"}
    other, lock, ended = AnswerSet(tmp_path / "answers.parquet"), fcntl.flock, []
    other.keep(row)

    def end_first(file, how):
        if not ended:
            ended.append(True)
            other.finish({})
            other.close()
        return lock(file, how)

    monkeypatch.setattr(fcntl, "flock", end_first)
    late = AnswerSet(tmp_path / "answers.parquet")
    assert [one["answer"] for one in late.rows.values()] == ["Hi"]
    assert late.journal.exists()
    late.close()


def test_two_at_once_do_not_write_one_file(tmp_path, run):
    with Models(seconds=0.3) as server:
        config, prompts, output = put(tmp_path, server.url, prompts=4)
        words = [sys.executable, "-m", "agon", "generate", config, prompts, "-o", output, "--at-once", "1"]
        first = subprocess.Popen(list(map(str, words)), stderr=subprocess.DEVNULL)
        while not (tmp_path / "answers.parquet.part.jsonl").exists():
            time.sleep(0.01)
        status, _, err = run("generate", config, prompts, "-o", output)
        assert status == 2
        assert f"Another agon generate writes {output}; wait for it" in err
        assert first.wait() == 0
        assert len(pd.read_parquet(output)) == 8
