"""Votes that stand in a source more than once: the same vote counted twice moves a board."""

from __future__ import annotations

from agon.data.files.schema import blind
from agon.data.files.source import Source
from agon.data.validation import rows_text
from agon.ranking import Diagnostic

IDENTIFIERS = ("vote_id", "battle_id", "question_id")
WHEN = (
    "prompt_id",
    "timestamp",
)  # a voter meets a pair again and again; at one time or on one prompt but once


def find_duplicates(opened: Source) -> tuple[Diagnostic, ...]:
    """Find, among the votes that count, identifiers that stand for several rows, and rows that are all equal.

    An identifier that comes again with other models, another turn or another judge is that of a prompt or a
    conversation, and repeats nothing.
    """
    names = {column.lower() for column in opened.columns}
    condition = f"({opened.where or 'TRUE'}) AND {blind(opened)}"
    same = "".join(f", {what}" for what in _of_one_vote(names))
    found = []
    for column in (name for name in IDENTIFIERS if name in names):
        sql = (
            f"SELECT agon_row FROM (SELECT *, row_number() OVER () AS agon_row FROM unfiltered) "
            f"WHERE ({condition}) AND {column} IS NOT NULL "
            f"QUALIFY row_number() OVER (PARTITION BY {column}{same} ORDER BY agon_row) > 1 ORDER BY agon_row"
        )
        rows = opened.query(sql)["agon_row"].to_pylist()
        if rows:
            where = rows_text(rows, len(rows))
            message = f"A {column} that stood before comes again in {where}; keep one vote of each."
            found.append(Diagnostic("repeated_identifier", (), message))
    if names & set(WHEN) and not names & set(IDENTIFIERS):
        every = f"SELECT count(*) FROM unfiltered WHERE {condition}"
        distinct = f"SELECT count(*) FROM (SELECT DISTINCT * FROM unfiltered WHERE {condition})"
        sql = f"SELECT ({every}) - ({distinct}) AS extra"
        extra = opened.query(sql)["extra"].to_pylist()[0]
        if extra:
            rows = "1 row is" if extra == 1 else f"{extra:,} rows are"
            message = f"{rows} equal to another row in every column; keep one vote of each."
            found.append(Diagnostic("repeated_rows", (), message))
    return (*found, *_again(opened, condition))


def _of_one_vote(names: set[str]) -> list[str]:
    """SQL of what two rows of one vote have in common beside its identifier."""
    pair = (
        ["least(model_a, model_b)", "greatest(model_a, model_b)"] if {"model_a", "model_b"} <= names else []
    )
    models = ["models"] if "models" in names else pair
    return [*models, *(name for name in ("turn", "turns", "voter", "judge", "judge_model") if name in names)]


def _again(opened: Source, condition: str) -> tuple[Diagnostic, ...]:
    """Votes of one voter on the same two models and the same prompt."""
    names = {column.lower() for column in opened.columns}
    if not {"voter", "prompt_id", "model_a", "model_b"} <= names:
        return ()
    kinds = "coalesce(CAST(voter_kind AS VARCHAR), '')" if "voter_kind" in names else "''"
    turn = "".join(f"CAST({name} AS VARCHAR), " for name in ("turn", "turns") if name in names)
    what = f"{turn}CAST(voter AS VARCHAR), CAST(prompt_id AS VARCHAR), {kinds}, "
    sql = (
        f"SELECT count(*) - count(DISTINCT ({what}least(model_a, model_b), greatest(model_a, model_b))) "
        f"AS extra FROM unfiltered WHERE ({condition}) AND voter IS NOT NULL AND prompt_id IS NOT NULL"
    )
    extra = opened.query(sql)["extra"].to_pylist()[0]
    if not extra:
        return ()
    votes = "1 vote is" if extra == 1 else f"{extra:,} votes are"
    message = f"{votes} a voter's second verdict on the same pair and prompt; keep one of each."
    return (Diagnostic("repeated_votes", (), message),)
