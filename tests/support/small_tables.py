"""Tables of a few rows, and what was counted in them, for the tests of reading votes."""

import pyarrow as pa

PAIR = ("model_a", "model_b", "winner")


def table(*rows, names=PAIR):
    """A table of rows as tuples."""
    columns = zip(*rows, strict=True)
    return pa.table({name: list(column) for name, column in zip(names, columns, strict=True)})


def pairs(votes):
    """{(model, other): (wins, ties, both bad)} of every pair that met, from the alphabetically first one."""
    p, names = votes.pairs, votes.models
    found = {}
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            numbers = (p.wins[i, j], p.wins[j, i], p.ties[i, j], p.both_bad[i, j])
            if any(numbers):
                found[names[i], names[j]] = numbers
    return found
