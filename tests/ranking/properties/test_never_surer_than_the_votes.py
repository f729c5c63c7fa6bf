"""Votes that say little: under every method a range, an open side or a sentence, no sure number."""

import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, ScoreTable, rank
from agon.ranking.errors import AgonError

pytestmark = pytest.mark.slow

VOTES = 160
RNG = np.random.default_rng(0)
FIRST = RNG.integers(0, 4, VOTES)
SECOND = (FIRST + RNG.integers(1, 4, VOTES)) % 4
WON = RNG.random(VOTES) < 1 / (1 + np.exp(-0.4 * (SECOND - FIRST)))
SHOWN = np.stack([FIRST, SECOND], axis=1)


def votes(won=WON, weight=None, **labels):
    places = np.where(np.asarray(won)[:, None], [1, 2], [2, 1])
    return Comparisons.of("abcd", SHOWN, places, weight=weight, labels=labels)


EVEN = np.arange(VOTES) % 2
CASES = {
    "one voter": votes(voter=["solo"] * VOTES),
    "two voters": votes(voter=EVEN.tolist()),
    "two voters, one with three votes": votes(voter=(np.arange(VOTES) < 3).astype(int).tolist()),
    "one prompt": votes(prompt=["hello"] * VOTES),
    "every pair separated": votes(FIRST < SECOND),
    "weights of 1e-9 and 1e9": votes(weight=np.where(EVEN, 1e-9, 1e9)),
    "one vote of 1e9": votes(weight=np.where(np.arange(VOTES) == 0, 1e9, 1.0)),
    "a table of one task": ScoreTable.of("abcd", ["t"], [[0.9], [0.5], [0.4], [0.2]]),
}
FEW = ("two voters", "two voters, one with three votes", "a table of one task")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", sorted({how.name for how in METHODS.values()}))
def test_a_range_or_one_sentence(method, case):
    options = {"permutations": 2} if "permutations" in METHODS[method].options else {}
    options |= {"scores": [3, 2, 1, 0]} if method == "scoring_vector" else {}
    try:
        board = rank(CASES[case], method, n_resamples=20, **options)
    except AgonError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 400
        return
    for row in board.rows:
        if row.lower is not None and row.upper is not None:
            assert row.upper - row.lower > 1e-9 * max(1.0, abs(row.upper)), row
    if case in FEW and board.settings["interval"] != "posterior":
        assert not (board.ranked and all(row.rank_lower == row.rank_upper for row in board.ranked))
        assert board.lead is None or not board.lead.certain
    if case in ("one voter", "one prompt"):
        assert {"single_voter", "single_prompt"} & {note.code for note in board.diagnostics}
        if len(board.ranked) > 1 and "at 95%" in board.conclusion():
            assert f"for the {case}" in board.conclusion() or f"on the {case}" in board.conclusion()
