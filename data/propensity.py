"""The probability with which the pair of a vote was drawn, as SQL for a weight that undoes it."""

from __future__ import annotations

from data.sources import Source
from ranking.errors import SourceError


def weight_sql(source: Source, floor: float, n_models: int) -> str:
    """SQL for the weight of a vote: its own, times one over the probability of its pair.

    Args:
        source: votes with a column pair_probability, or pair_probabilities as a log writes them.
        floor: smallest probability that counts, as a share of that of a pair drawn at random.
        n_models: M, of which a pair is drawn at random with probability 2 / (M (M − 1)).

    Raises:
        SourceError: no such column, or a vote whose probability is none.
    """
    kinds = {column.lower(): kind for column, kind in source.columns.items()}
    if "pair_probability" in kinds:
        drawn = "TRY_CAST(pair_probability AS DOUBLE)"
    elif kinds.get("pair_probabilities", "").endswith("[]"):
        drawn = "pair_probabilities[1]"  # the only pair of two models
    else:
        raise SourceError(
            f"{source.name} has no column pair_probability: reweight needs the probability with which the "
            "pair of each vote was drawn."
        )
    wrong = source.query(f"SELECT count(*) AS n FROM votes WHERE ({drawn} > 0 AND {drawn} <= 1) IS NOT TRUE")
    if many := int(wrong["n"][0].as_py()):
        raise SourceError(
            f"{many:,} votes of {source.name} have no pair_probability above 0 and at most 1: correct them, "
            "or leave them out with where=."
        )
    even = 2 / (n_models * (n_models - 1))
    own = "TRY_CAST(weight AS DOUBLE) * " if "weight" in kinds else ""
    return f"{own}{even!r}::DOUBLE / greatest({drawn}, {floor * even!r}::DOUBLE) AS weight"
