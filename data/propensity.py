"""The probability with which the models of a vote were drawn, as SQL for a weight that undoes it."""

from __future__ import annotations

from math import comb

from data.sources import Source
from data.validity import rows_text
from ranking.errors import SourceError


def weight_sql(source: Source, floor: float, n_models: int, most: int | None = None) -> str:
    """SQL for the weight of a vote: its own, times one over the probability of its models.

    Args:
        source: votes with a column pair_probability, or pair_probabilities as a log writes them; votes that
            list their models with a column group_probability.
        floor: smallest probability that counts, as a share of that of models drawn at random.
        n_models: M, of which K are drawn at random with probability 1 / binomial(M, K).
        most: of the models on a vote, where votes list them; None for votes on pairs.

    Raises:
        SourceError: no such column, or a vote whose probability is none.
    """
    kinds = {column.lower(): kind for column, kind in source.columns.items()}
    column = "pair_probability" if most is None else "group_probability"
    even = f"{1 / comb(n_models, 2)!r}::DOUBLE"
    if most is not None:
        chances = ", ".join(repr(1 / comb(n_models, k)) for k in range(1, most + 1))
        even = f"([{chances}]::DOUBLE[])[len(models)]"
    if column in kinds:
        drawn = f"TRY_CAST({column} AS DOUBLE)"
    elif most is None and kinds.get("pair_probabilities", "").endswith("[]"):
        drawn = "pair_probabilities[1]"  # the only pair of two models
    else:
        raise SourceError(
            f"{source.name} has no column {column}: reweight needs the probability with which the "
            f"{'pair' if most is None else 'models'} of each vote {'was' if most is None else 'were'} drawn."
        )
    wrong = source.query(
        "SELECT agon_row, count(*) OVER () AS total FROM votes "
        f"WHERE ({drawn} > 0 AND {drawn} <= 1) IS NOT TRUE ORDER BY agon_row LIMIT 5"
    )
    if wrong.num_rows:
        rows = rows_text(wrong["agon_row"].to_pylist(), wrong["total"][0].as_py())
        raise SourceError(
            f"There is no {column} above 0 and at most 1 in {rows} of {source.name}; correct it, "
            "or leave such rows out with where=."
        )
    own = "TRY_CAST(weight AS DOUBLE) * " if "weight" in kinds else ""
    return f"{own}{even} / greatest({drawn}, {floor!r}::DOUBLE * {even}) AS weight"
