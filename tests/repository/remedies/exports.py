"""Exports: what is refused, and the remedy."""

import agon as ag
from tests.repository.remedies.steps import FRAME, Case, Given, command


def cases(given: Given) -> list[Case]:
    """Its cases."""
    at = given.at
    texts = given.texts
    folder = given.folder
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
    ]
