"""Commands and their options: what is refused, and the remedy."""

import contextlib
import io
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

import agon as ag
from agon.arena.cli.commands import COMMANDS, main
from agon.arena.cli.doctor import examine
from agon.ranking.matchmaking.voting_worlds import WORLDS
from tests.repository.remedies.steps import (
    Case,
    Given,
    RefusedError,
    Remarks,
    agon,
    command,
    full,
    piped,
    told,
)


class Terminal(io.StringIO):
    """A stream that somebody reads."""

    def isatty(self) -> bool:
        return True


def cases(given: Given) -> list[Case]:
    """Its cases."""
    at, texts, facts, kwise, folder = given.at, given.texts, given.facts, given.kwise, given.folder
    published = cache(command("publish", given.scores, "--to", folder / "pages"))  # 45 boards: once for three
    world = (
        "simulate",
        "--votes",
        9,
        "--models",
        4,
        "--world",
        next(iter(WORLDS)),
        "--policy",
        "uniform",
        "-o",
        folder / "w.parquet",
    )
    five = given.file("model,x,y\na,1,5\nb,2,4\nc,3,3\nd,4,2\ne,5,1\n")
    votes, many, future = at.read_bytes(), folder / "many.csv", given.new()
    pairs = [(f"m{i}", f"m{(i + step) % 45}") for i in range(45) for step in (1, 2)]
    pd.DataFrame(pairs, columns=["model_a", "model_b"]).assign(winner="model_a").to_csv(many, index=False)
    (future / "votes.csv").write_text("")
    os.utime(future / "votes.csv", (time.time() + 1e6,) * 2)

    pairs_of_prompts = [("ada", "bob", n % 5, ("model_a", "model_b", "tie")[n % 3]) for n in range(60)]
    rows = "".join(f"{a},{b},{prompt},{won}\n" for a, b, prompt, won in pairs_of_prompts)
    people = given.file("model_a,model_b,prompt,winner\n" + rows)
    wider = given.file("model_a,model_b,prompt,winner\n" + rows.replace("bob", "cyn"))
    weighed = command("rank", people, "--judges", people)

    def board_and_diff() -> str:
        agon("rank", at, "-o", folder / "board.json")
        return agon("diff", folder / "board.json", folder / "board.json")

    def on_a_terminal() -> Remarks:
        with contextlib.redirect_stderr(Terminal()) as said, contextlib.redirect_stdout(io.StringIO()):
            main(["rank", str(at)])
        return Remarks(said.getvalue())

    def store(place: Path) -> Any:
        def look() -> None:
            if wrong := [
                sentence
                for state, sentence in examine(None, store=place)
                if state == "mend" and str(place.parts[1]) in sentence
            ]:
                raise RefusedError(" ".join(wrong))

        return look

    def now() -> None:
        os.utime(future / "votes.csv")
        store(future)()

    return [
        (command("rank", people, "--judges", given.scores), weighed),
        (command("rank", people, "--judges", people, "--compare-rules"), weighed),
        (command("plan", people, "--share", 0.7), command("plan", people)),
        (command("plan", people, "--budget", 3), command("plan", people, "--judges", wider, "--budget", 3)),
        (
            command("plan", "--judges", wider, "--budget", 3),
            command("plan", people, "--judges", wider, "--budget", 3),
        ),
        (command("rank", given.scores, "--gates", "default"), command("rank", given.scores)),
        (
            command("simulate", "--votes", 99, "--attack", "forged:many"),
            command("simulate", "--votes", 99, "--attack", "forged:9:5"),
        ),
        (command("rank", at, "-m", "elo:k"), command("rank", at, "-m", "elo:k=8")),
        (command("rank", at, "-m", "elo:k=8,k=9"), command("rank", at, "-m", "elo:k=8")),
        (command("rank", at, "--label", "left"), command("rank", at, "--label", "left=model_a")),
        (command("rank", at, "--column", "voter"), command("rank", at, "--column", "voter=language")),
        (command("rank", at, "--top", 0), command("rank", at, "--top", 1)),
        (command("rank", at, "--top", 1, "-f", "json"), command("rank", at, "-f", "json")),
        (
            command("rank", at, "--compare-rules", "--by", "language"),
            command("rank", at, "--compare-rules", "--where", "language = 'en'", "--n-resamples", 5),
        ),
        (
            command("rank", at, "--weights-by", "language", "--by", "language"),
            command("rank", at, "--where", "language = 'en'"),
        ),
        (command("rank", at, "--compare-rules", "--anchor", "ada"), command("rank", at, "--compare-rules")),
        (
            command("rank", at, "--compare-rules", "--interval", "none"),
            command("rank", at, "--compare-rules", "--interval", "bootstrap"),
        ),
        (command("decide", at), command("decide", at, "--facts", facts)),
        (
            command("decide", given.scores, "--facts", facts, "--weight", "x=2"),
            command("decide", given.scores, "--facts", facts, "--weights", "x=2"),
        ),
        (
            command("explain", "committee", kwise),
            command("explain", "committee", kwise, "--size", 2, "--approve", 2),
        ),
        (
            command("explain", "difference", at),
            command("explain", "difference", at, "--model", "ada", "--model", "bob"),
        ),
        (
            command("publish", given.scores, "--to", "."),
            published,
        ),
        (
            command("publish", given.scores, "--to", at),
            published,
        ),
        (
            command("publish", given.scores, "--to", folder),
            published,
        ),
        (
            command("publish", given.scores, "--to", folder / "pages"),
            command("publish", given.scores, "--to", folder / "pages", "--force"),
        ),
        (
            command("report", at, "--to", folder),
            command("report", at, "--to", folder / "report.html"),
        ),
        (
            command("report", at, "--to", folder / "report.html"),
            command("report", at, "--to", folder / "report.html", "--force"),
        ),
        (
            command("report", at, "--to", folder / "s.html", "--study", "tunes"),
            command("report", at, "--to", folder / "s.html"),
        ),
        (
            command("report", at, "--to", folder / "c.html", "--criterion", "tone"),
            command("report", at, "--to", folder / "c.html"),
        ),
        (
            command("export", at, "-o", folder / "none", "--as", "jsnl"),
            command("export", at, "-o", folder / "some", "--as", "jsonl"),
        ),
        (
            command("rank", at, "-o", folder / "unmade" / "b.md"),
            lambda: (folder / "unmade").mkdir() or agon("rank", at, "-o", folder / "unmade" / "b.md"),
        ),
        (command("rank", at, "--preliminary", -1), command("rank", at)),
        (command("export", at, "-o", at), command("export", at, "-o", folder / "another.csv")),
        (command("export", at, "-o", folder / "a.xyz"), command("export", at, "-o", folder / "a.jsonl")),
        (
            command("export", texts, "-o", folder / "b.jsonl", "--held-out", 0.2),
            command(
                *("export", texts, "-o", folder / "halves", "--as", "jsonl", "--held-out", 0.2),
                *("--column", "prompt_id=prompt"),
            ),
        ),
        (command("convert", at, "-o", at), command("convert", at, "-o", folder / "converted.parquet")),
        (command("import", at, "--into", at), command("import", at, "--into", folder / "new-log")),
        (
            command("simulate", "--votes", 10, "--answers", 3),
            command("simulate", "--votes", 10, "--answers", 3, "-o", folder / "k.parquet"),
        ),
        (
            command("simulate", "--votes", 10, "--policy", "near", "--ties", 0.5),
            command("simulate", "--votes", 10, "--policy", "near"),
        ),
        (
            command("simulate", "--votes", 10, "--world", "gumbl"),
            command("simulate", "--votes", 10, "--world", "gumbel"),
        ),
        (
            command("simulate", "--votes", 10, "--answers", 9),
            command("simulate", "--votes", 10, "--answers", 2),
        ),
        (
            command("simulate", "--votes", 10, "-o", folder / "s.csv", "--truth", folder / "s.csv"),
            command("simulate", "--votes", 10, "-o", folder / "s.csv", "--truth", folder / "t.csv"),
        ),
        (command("explain", "sides", given.scores), command("explain", "sides", given.both_sides)),
        (
            command("rank", given.scores, "--compare-rules", "--ballots-by", "x"),
            command("rank", given.scores, "--compare-rules"),
        ),
        # what commands print beside refusals
        (told(lambda: COMMANDS["convert"][1]), command("convert", at, "-o", folder / "votes-again.csv")),
        (command("rnak"), command("--help")),
        (told(command("diff", "--help")), board_and_diff),
        (on_a_terminal, lambda: ag.check(at)),
        (
            told(command("rank", many, "--compare-rules", "--n-resamples", 2)),
            command("rank", many, "--compare-rules", "--n-resamples", 2, "--format", "json"),
        ),
        (
            told(command("explain", "prospects", five)),
            command("explain", "prospects", five, "--format", "json"),
        ),
        # standard input
        (piped(votes, "rank", "-", "-"), piped(votes, "rank", "-")),
        (full(piped(votes, "rank", "-")), piped(votes, "rank", "-")),
        (
            piped(given.scores.read_bytes(), "import", "-", "--into", folder / "no-log"),
            piped(given.scores.read_bytes(), "rank", "-"),
        ),
        # the store that the doctor looks at
        (store(at), store(given.new())),
        (store(Path("/proc/none")), store(given.new())),
        (store(future), now),
        (command(*world, "--answers", 9), command(*world, "--answers", 3, "--force")),
    ]
