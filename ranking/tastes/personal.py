"""Boards that know who voted: of one person, shrunk to the crowd's, and of a crowd weighed by reliability.

And the pairs of models that people disagree on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agon.ranking.annotators.reliability import voter_reliability
from agon.ranking.errors import OptionError, SourceError, suggest
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.numerics import FloatArray, expit, threads_for
from agon.ranking.prediction.held_out import column_of
from agon.ranking.tastes.judgements import POINTS_A_NAT, Judgements, posterior_mode
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Comparisons, Votes, as_comparisons

if TYPE_CHECKING:
    import pandas as pd


_SPREADS = np.exp(np.linspace(np.log(0.02), np.log(3.0), 26))  # nats, of tastes around the crowd's
EVEN = (0.4, 0.6)  # shares between which a pair is contested


@dataclass(frozen=True, eq=False, repr=False)
class PersonalBoard(Readable):
    """What one person likes, as far as their votes say; the crowd's board where they do not.

    Attributes:
        voter: who.
        votes: pairs that they judged.
        models: M names.
        scores: (M,) in Elo points around 1000.
        lower, upper: (M,) bounds of these.
        crowd: (M,) scores of everybody together.
        spread: Elo points by which tastes differ between voters on a model, to which this one is shrunk.
        level: of the bounds.
    """

    voter: str
    votes: int
    models: tuple[str, ...]
    scores: FloatArray
    lower: FloatArray
    upper: FloatArray
    crowd: FloatArray
    spread: float
    level: float

    def conclusion(self) -> str:
        """Say in one sentence what the person puts first, and on which model they differ most."""
        best, gap = self.models[int(self.scores.argmax())], self.scores - self.crowd
        far = int(np.abs(gap).argmax())
        text = f"{self.voter} puts {best} first, after {self.votes:,} votes"
        together = quantile(1 - (1 - self.level) / len(self.models)) / quantile(self.level)  # it was picked
        if abs(gap[far]) > together * (self.upper[far] - self.scores[far]):
            way = "higher" if gap[far] > 0 else "lower"
            return f"{text}; {self.models[far]} is {way} for them than for the crowd, beyond chance."
        return f"{text}; no model is surely higher or lower for them than for the crowd."

    def to_frame(self) -> pd.DataFrame:
        """Return one row a model, the best first."""
        import pandas as pd

        columns = {"model": self.models, "score": self.scores, "lower": self.lower, "upper": self.upper}
        made = pd.DataFrame({**columns, "crowd": self.crowd})
        return made.sort_values(["score", "model"], ascending=[False, True], ignore_index=True)


def personal_board(votes: Votes, voter: str, *, by: str | None = None, level: float = 0.95) -> PersonalBoard:
    """Rank the models for one voter: their votes, and the crowd's strengths where these are few.

    A voter's strengths are normal around the crowd's with one spread for all voters and models, which makes
    the votes of all of them most probable (empirical Bayes, by Laplace). A tie is half a win each way.

    Args:
        votes: with a column of voters.
        voter: whose board.
        by: the column of voters; None for the one that is called so.
        level: of the intervals.

    Raises:
        SourceError: votes that do not say who cast them.
        OptionError: no such voter, or a level outside 0 to 1.

    Source:
        B. Efron and C. Morris, J. Amer. Stat. Assoc. 70 (1975).
    """
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}; 95% is 0.95.")
    judged = _judgements(votes, by)
    if voter not in judged.voters:
        raise OptionError(f"There is no voter {voter!r}; {suggest(voter, judged.voters)}")
    with threads_for(len(judged.models)):
        cells = judged.cells()
        v = len(cells.voters)
        crowd = posterior_mode(cells.table(np.ones(v)), np.zeros(len(cells.models)), 0.01)[0]
        crowd -= crowd.mean()
        tables = [cells.table(np.eye(1, v, k)[0]) for k in range(v)]
        evidence = [sum(_evidence(table, crowd, spread) for table in tables) for spread in _SPREADS]
        spread = float(_SPREADS[int(np.argmax(evidence))])
        theta, covariance = posterior_mode(tables[cells.voters.index(voter)], crowd, 1 / spread**2)
    half = quantile(level) * np.sqrt(np.diag(covariance)) * POINTS_A_NAT
    scores = 1000 + POINTS_A_NAT * theta
    number = int(judged.judged[judged.voters.index(voter)])
    return PersonalBoard(
        voter, number, cells.models, scores, scores - half, scores + half, 1000 + POINTS_A_NAT * crowd,
        spread * POINTS_A_NAT, level,
    )  # fmt: skip


def _evidence(wins: FloatArray, crowd: FloatArray, spread: float) -> float:
    """Log-probability of one voter's votes given the spread, by Laplace."""
    theta, covariance = posterior_mode(wins, crowd, 1 / spread**2)
    gap = theta[:, None] - theta[None, :]
    fit = float((wins * np.where(wins > 0, np.log(expit(gap)), 0.0)).sum())
    prior = -0.5 * float(((theta - crowd) ** 2).sum()) / spread**2 - len(crowd) * np.log(spread)
    return float(fit + prior + 0.5 * np.linalg.slogdet(covariance)[1])


def _judgements(votes: Votes, by: str | None) -> Judgements:
    """The votes by voter.

    Raises:
        SourceError: a table of scores.
    """
    given = as_comparisons(votes)
    if not isinstance(given, Comparisons):
        raise SourceError("A table of scores has no voters; give votes.")
    return Judgements.of(given, by)


def weigh_voters(votes: Votes, *, by: str | None = None, min_votes: int = 50) -> Comparisons:
    """Return the votes, each weighing as much as its voter discriminates between models (am-ELO).

    A voter who votes by chance weighs about nothing, one who votes against the others nothing, and one with
    fewer than `min_votes` pairs as much as the typical voter, 1.

    Args:
        votes: with a column of voters.
        by: the column of voters; None for the one that is called so.
        min_votes: pairs a voter must have judged to get a weight of their own.

    Raises:
        SourceError: votes that do not say who cast them, a table of scores.
        OptionError: nobody has so many votes, so that all would weigh alike.
        As `voter_reliability`.

    Source:
        Z. Liu et al., am-ELO, ICML (2025).
    """
    given = as_comparisons(votes)
    if not isinstance(given, Comparisons):
        raise SourceError("A table of scores has no voters to weigh; give votes.")
    column = by or column_of(given, "voter")
    found = voter_reliability(given, by=column, min_votes=min_votes)
    if all(one.discrimination is None for one in found.voters):
        most = max(one.votes for one in found.voters)
        raise OptionError(
            f"No voter has judged {min_votes} pairs, so none can be weighed: leave the weights out, or set "
            f"min_votes to at most {most}."
        )
    clusters = given.clusters(column)
    number = np.bincount(clusters.cluster, clusters.count * given.ballots.weight[clusters.ballot])
    size = dict(zip(clusters.names, number.tolist(), strict=True))
    weights = {
        one.voter: size[one.voter] * (1.0 if one.discrimination is None else max(one.discrimination, 0.0))
        for one in found.voters
    }
    return given.weighted(weights, by=column)


def contested_pairs(votes: Votes, *, level: float = 0.95) -> pd.DataFrame:
    """List the pairs of models that met by how surely people disagree on them.

    The share of the votes that the first wins has a Beta posterior, from Jeffreys' prior and a tie as half a
    win each way; `contested` is its probability to lie between 0.4 and 0.6. Votes count as independent.

    Args:
        votes: as for `rank`.
        level: of the bounds.

    Returns:
        first, second, votes, share, lower, upper, contested; the most surely contested first.

    Raises:
        OptionError: a level outside 0 to 1.
    """
    import pandas as pd
    from scipy.stats import beta

    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}; 95% is 0.95.")
    pairs = as_comparisons(votes).pairs
    wins = pairs.halves("half")
    i, j = np.nonzero(np.triu(wins + wins.T, 1))
    up, down = wins[i, j] + 0.5, wins[j, i] + 0.5
    names = np.array(pairs.models, dtype=object)
    tail = (1 - level) / 2
    made = pd.DataFrame(
        {
            "first": names[i],
            "second": names[j],
            "votes": wins[i, j] + wins[j, i],
            "share": up / (up + down),
            "lower": beta.ppf(tail, up, down),
            "upper": beta.ppf(1 - tail, up, down),
            "contested": beta.cdf(EVEN[1], up, down) - beta.cdf(EVEN[0], up, down),
        }
    )
    return made.sort_values(
        ["contested", "first", "second"], ascending=[False, True, True], ignore_index=True
    )
