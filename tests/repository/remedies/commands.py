"""Commands and their options: what is refused, and the remedy."""

from tests.repository.remedies.steps import Case, Given, command


def cases(given: Given) -> list[Case]:
    """Its cases."""
    at, texts, facts, kwise, folder = given.at, given.texts, given.facts, given.kwise, given.folder
    return [
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
        (command("rank", at, "--compare-rules", "--anchor", "ada"), command("rank", at, "--compare-rules")),
        (
            command("rank", at, "--compare-rules", "--interval", "none"),
            command("rank", at, "--compare-rules", "--interval", "bootstrap"),
        ),
        (command("decide", at), command("decide", at, "--facts", facts)),
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
            command("publish", given.scores, "--to", folder / "beside"),
        ),
        (
            command("publish", given.scores, "--to", at),
            command("publish", given.scores, "--to", folder / "pages"),
        ),
        (
            command("publish", given.scores, "--to", folder),
            command("publish", given.scores, "--to", folder / "other-pages"),
        ),
        (
            command("publish", at, "--to", folder / "pages"),
            command("publish", at, "--to", folder / "pages", "--force"),
        ),
        (
            command("export", at, "-o", folder / "none", "--as", "jsnl"),
            command("export", at, "-o", folder / "some", "--as", "jsonl"),
        ),
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
    ]
