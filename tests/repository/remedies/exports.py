"""Exports: what is refused, and the remedy."""

import os
from typing import Any

import numpy as np

import agon as ag
from agon.data.exporters.conversations import TextsOfVotes
from tests.repository.remedies.steps import FRAME, Case, Given, command, full

NO_BATTLES = np.empty(0, dtype=np.int64), np.empty(0, "S32")


def cases(given: Given) -> list[Case]:
    """Its cases."""
    at = given.at
    texts = given.texts
    folder = given.folder
    aspect = FRAME.assign(aspect="style", question="q")
    tied = [{"models": ["ada", "bob", "cyn"], "places": [1, 1, 2]}] * 3

    def named(model: str) -> Any:
        return [{"models": [model, "bob"], "places": [1, 2]}] * 3

    arena, hidden = given.arena_log(4, os.urandom(200_000).hex()), given.new()
    (hidden / "votes.jsonl").mkdir()
    return [
        # more exports
        (
            lambda: ag.export(at, "trl-preference", folder / "t", ties="dropp"),
            lambda: ag.export(texts, "trl-preference", folder / "t", ties="drop"),
        ),
        (
            command("export", at, "--as", "trl-preference", "-o", folder / "u"),
            command("export", texts, "--as", "trl-preference", "-o", folder / "u"),
        ),
        (
            command("export", at, "--as", "preflib", "-o", folder / "p.soi"),
            command("export", at, "--as", "preflib", "--ballots-by", "language", "-o", folder / "q.toi"),
        ),
        (
            command("export", texts, "--as", "trl-preference", "--min-agreement", 0.5, "-o", folder / "v"),
            command(
                "export",
                texts,
                "--as",
                "trl-preference",
                "--min-agreement",
                0.5,
                "--column",
                "prompt_id=prompt",
                "-o",
                folder / "v",
            ),
        ),
        (
            lambda: TextsOfVotes(folder, folder / "not-there", *NO_BATTLES),
            lambda: TextsOfVotes(folder, folder, *NO_BATTLES),
        ),
        # targets of an export
        (
            command("export", at, "-o", given.new().rename(folder / "folder.csv")),
            command("export", at, "-o", folder / "no-folder.csv"),
        ),
        (
            command("export", at, "-o", given.file("", "plain"), "--as", "csv"),
            command("export", at, "-o", folder / "plain.csv"),
        ),
        (
            lambda: ag.export(FRAME.assign(model_a="=1"), "csv", folder / "formula.csv"),
            lambda: ag.export(FRAME.assign(model_a="=1"), "jsonl", folder / "formula.jsonl"),
        ),
        # criteria, prompts and elections
        (
            lambda: ag.export(at, "csv", folder / "c.csv", criteria=["style"]),
            lambda: ag.export(
                aspect, "csv", folder / "c.csv", criteria=["style"], columns={"criterion": "aspect"}
            ),
        ),
        (
            lambda: ag.export(at, "csv", folder / "d.csv", min_agreement=0.5),
            lambda: ag.export(
                aspect, "csv", folder / "d.csv", min_agreement=0.5, columns={"prompt_id": "question"}
            ),
        ),
        (
            lambda: ag.export(at, "preflib", folder / "e.toi", ballots_by="language", criteria=["style"]),
            lambda: ag.export(at, "preflib", folder / "e.toi", ballots_by="language", where="voter <> 'u9'"),
        ),
        (
            lambda: ag.export(tied, "preflib", folder / "t.soc"),
            lambda: ag.export(tied, "preflib", folder / "t.toc"),
        ),
        (
            lambda: ag.export(named("a\nb"), "preflib", folder / "n.soc"),
            lambda: ag.export(named("a b"), "preflib", folder / "n.soc"),
        ),
        (lambda: ag.export(at, "jsonl", hidden), lambda: ag.export(at, "jsonl", folder / "not-hidden")),
        (
            full(lambda: ag.export(arena, "trl-preference", folder / "w"), 100_000),
            lambda: ag.export(arena, "trl-preference", folder / "w"),
        ),
    ]
