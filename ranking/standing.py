"""Who may be ranked: components, models with too few votes, and what a reader must know about the votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from ranking.ballots import FloatArray, IntArray
from ranking.chances import first
from ranking.comparisons import OTHER_VOTERS, Comparisons
from ranking.leaderboard import Row, Status
from ranking.results import Choice, Diagnostic, Fit, Scores, as_values, listed
from ranking.score_table import ScoreTable
from ranking.settings import Settings
from ranking.structure import connected
from ranking.uncertainty import Uncertainty
from ranking.weights import WIDER

ALL_TIES = {
    "sandwich": ", sandwich intervals use the expected information",
    "bootstrap": ", and drawing equal votes again leaves the intervals of such scores open",
}
TIE = 1e-8  # scores closer than this, in units of the board's scale, share a rank


@dataclass(frozen=True, eq=False)
class Standing:
    """What the votes allow to say about each of M models.

    Attributes:
        group: (M,) component, 0 the largest.
        ranked: (M,) True where the model has a rank within its component.
        open_above, open_below: (M,) True where the votes do not bound the score on that side.
        votes: (M,) ballots in which the model was shown.
        compared: (M,) True where a vote that the method uses compares the model with another.
    """

    group: IntArray
    ranked: NDArray[np.bool_]
    open_above: NDArray[np.bool_]
    open_below: NDArray[np.bool_]
    votes: IntArray
    compared: NDArray[np.bool_]

    @property
    def groups(self) -> int:
        """Number of components."""
        return int(self.group.max()) + 1


def stand(
    votes: Comparisons | ScoreTable, result: Scores | Choice, min_votes: int, both_bad: str = "half"
) -> Standing:
    """Decide from the votes, and from what the fit could identify, who may be ranked.

    Args:
        votes: the votes.
        result: what the method made of them.
        min_votes: below which no model is ranked.
        both_bad: "drop" if the method leaves out the votes that both are bad.
    """
    shown = votes.ballots.votes
    enough = shown >= min_votes
    if isinstance(result, Fit) and result.identification is not None:
        known = result.identification
        everybody = np.ones(len(shown), dtype=bool)  # the fit itself says whom nothing links
        return Standing(
            known.group, enough & known.core, known.open_above, known.open_below, shown, everybody
        )
    pairs = votes.pairs
    met = pairs.wins + pairs.wins.T + pairs.ties + (0 if both_bad == "drop" else pairs.both_bad)
    if isinstance(result, Scores) and result.met is not None:
        met = result.met
    compared = met.any(axis=1) | isinstance(votes, ScoreTable)
    placed = ~np.isnan(as_values(result, len(shown)))
    closed = np.zeros(len(shown), dtype=bool)
    return Standing(connected(met), enough & placed & compared, closed, closed, shown, compared & placed)


def rows(
    models: Sequence[str],
    group: int,
    standing: Standing,
    values: FloatArray,
    shown: FloatArray,
    unsure: Uncertainty,
    *,
    measured: bool,
    seed: int = 0,
) -> tuple[Row, ...]:
    """Write the rows of one component's board, best first.

    On the board of component 0 the models of the others follow without a number, because nothing
    puts them on its scale.

    Args:
        models: M names.
        group: the component whose board this is.
        standing: who may be ranked.
        values: (M,) what orders the models.
        shown: (M,) what the score column shows; NaN for nothing.
        unsure: bounds and the order that is certain.
        measured: whether there are any; False for a board without intervals.
        seed: of the draws behind the probability of being first.
    """
    inside = standing.group == group
    shown = np.where(standing.compared, shown, np.nan)
    ranked = np.flatnonzero(inside & standing.ranked)
    ranked = ranked[np.lexsort((np.asarray(models, dtype=object)[ranked].astype(str), -values[ranked]))]
    made = []
    place = 0
    above = unsure.above[np.ix_(ranked, ranked)]
    chance = first(values, unsure, ranked, seed)
    best, worst = (1 + above.sum(axis=0)).tolist(), (len(ranked) - above.sum(axis=1)).tolist()
    for position, i in enumerate(ranked.tolist()):
        if position == 0 or values[ranked[position - 1]] - values[i] > TIE:
            place = position + 1
        ranks = (place, best[position], worst[position]) if measured else (place, None, None)
        made.append(_row(models, i, standing, shown, unsure, "ranked", ranks, _number(chance[i])))
    waiting = np.flatnonzero(inside & ~standing.ranked).tolist()
    order = sorted(waiting, key=lambda i: (-np.nan_to_num(values[i], nan=-np.inf), models[i]))
    made += [_row(models, i, standing, shown, unsure, "provisional", (None, None, None)) for i in order]
    if group == 0:
        apart = sorted(np.flatnonzero(~inside).tolist(), key=lambda i: (standing.group[i], models[i]))
        made += [
            Row(None, models[i], None, None, None, None, None, int(standing.votes[i]), "component")
            for i in apart
        ]
    return tuple(made)


def _row(
    models: Sequence[str],
    i: int,
    standing: Standing,
    shown: FloatArray,
    unsure: Uncertainty,
    status: Status,
    ranks: tuple[int | None, int | None, int | None],
    p_first: float | None = None,
) -> Row:
    score = _number(shown[i])
    lower = _number(unsure.lower[i]) if score is not None else None
    upper = _number(unsure.upper[i]) if score is not None else None
    place, best, worst = ranks
    return Row(place, models[i], score, lower, upper, best, worst, int(standing.votes[i]), status, p_first)


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def diagnose(
    votes: Comparisons | ScoreTable,
    result: Scores | Choice,
    standing: Standing,
    settings: Settings,
    group: int,
) -> tuple[Diagnostic, ...]:
    """Say what a reader of one component's board must know; the first board tells it of all votes."""
    models = votes.models
    few = (standing.group == group) & (standing.votes < settings.min_votes)
    notes = _short_of_votes(models, few, settings.min_votes)
    if group:
        return notes
    notes += _not_compared(votes, standing)
    if not votes.pairs.wins.any():
        message = (
            f"Every vote is a tie: scores are equal{ALL_TIES.get(settings.interval, '')}; "
            "ask voters to decide, or check how winners are written."
        )
        notes += (Diagnostic("all_ties", (), message),)
    if (both_bad := both_bad_votes(votes)) and isinstance(result, Scores):
        pair = "both are bad" if votes.ballots.pairwise else "two or more answers are equally bad"
        message = (
            f"{both_bad:,} {'vote says' if both_bad == 1 else 'votes say'} that {pair}; "
            "see both_bad in the settings for how this was counted."
        )
        notes += (Diagnostic("both_bad", (), message),)
    if settings.cluster == "voter" and isinstance(votes, Comparisons):
        from ranking.voters import carried_by_one

        notes += carried_by_one(votes, min_votes=settings.min_votes)
    return (*_left_out(votes), *_judges(votes), *_apart(models, standing), *result.notes, *notes)


def both_bad_votes(votes: Comparisons | ScoreTable) -> int:
    """Number of votes, whatever their weights, that put two unacceptable answers on one place."""
    if not votes.pairs.both_bad.any():
        return 0
    ballots = votes.ballots
    bad = np.sort(np.where(ballots.acceptable == 0, ballots.places, 0), axis=1)
    twice = ((bad[:, 1:] == bad[:, :-1]) & (bad[:, 1:] > 0)).any(axis=1)
    return int(ballots.count[twice].sum())


def _not_compared(votes: Comparisons | ScoreTable, standing: Standing) -> tuple[Diagnostic, ...]:
    """The models that have votes, but none that the method uses to compare them."""
    names = _named(votes.models, ~standing.compared & (standing.votes > 0))
    if not names or isinstance(votes, ScoreTable):
        return ()
    message = (
        f"No vote that this method uses compares {listed(names)} with another model: no score and no rank; "
        'collect votes that do, or use them all (both_bad="half", or a method that takes such votes).'
    )
    return (Diagnostic("not_compared", names, message),)


def _left_out(votes: Comparisons | ScoreTable) -> tuple[Diagnostic, ...]:
    """What was left out: rows that are not votes, and votes of another kind of voters."""
    notes = []
    usable = (*OTHER_VOTERS, WIDER)
    invalid = {reason: count for reason, count in votes.left_out.items() if reason not in usable}
    if invalid:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in invalid.items())
        rows = "1 row was" if (gone := sum(invalid.values())) == 1 else f"{gone:,} rows were"
        message = f"{rows} left out as invalid: {reasons}."
        notes.append(Diagnostic("left_out", (), message))
    for words in OTHER_VOTERS:
        if count := votes.left_out.get(words):
            what = f"{words} were" if count > 1 else f"{words.replace('votes', 'vote')} was"
            message = f"{count:,} {what} left out; rank them by themselves, or ask for all."
            notes.append(Diagnostic("other_voters", (), message))
    if WIDER in votes.left_out:
        what = WIDER if votes.left_out[WIDER] > 1 else WIDER.replace("votes", "vote")
        message = f"{votes.left_out[WIDER]:,} {what} left out, whose pairs cannot be weighed apart."
        notes.append(Diagnostic("left_out_votes", (), message))
    return tuple(notes)


def _judges(votes: Comparisons | ScoreTable) -> tuple[Diagnostic, ...]:
    """The votes of LLM judges, alone or among those of people."""
    number = 0 if isinstance(votes, ScoreTable) else votes.llm_votes
    if not number:
        return ()
    total = votes.ballots.total
    are = "is" if number == 1 else "are"
    every = f"All {total:,} votes are" if total > 1 else "The only vote is"
    some = every if number == total else f"{number:,} of {total:,} votes {are}"
    mixed = "" if number == total else ", mixed with those of people as asked; rank each kind by itself too"
    return (Diagnostic("llm_judges", (), f"{some} of LLM judges{mixed}."),)


def _apart(models: Sequence[str], standing: Standing) -> tuple[Diagnostic, ...]:
    """The components beside the first."""
    notes = []
    for group in range(1, standing.groups):
        names = _named(models, standing.group == group)
        message = (
            f"Component {group + 1} ({listed(names)}) is on a scale of its own: no chain of wins and losses "
            "in both directions links it to the first; it has its own board and is not compared until votes "
            "between the two are collected."
        )
        notes.append(Diagnostic("component", names, message))
    return tuple(notes)


def _short_of_votes(models: Sequence[str], few: NDArray[np.bool_], least: int) -> tuple[Diagnostic, ...]:
    """The models with too few votes to be ranked."""
    names = _named(models, few)
    if not names:
        return ()
    count = "1 model" if len(names) == 1 else f"{len(names)} models"
    message = (
        f"Provisional for having fewer than {least} votes, {count}: {listed(names)}; collect more, or rank "
        "with a smaller min_votes."
    )
    return (Diagnostic("few_votes", names, message),)


def _named(models: Sequence[str], mask: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(models[i] for i in np.flatnonzero(mask).tolist())
