"""Diagnostics that a board carries."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agon.ranking.inference.dependence import ClusterCovariances, Dependence
from agon.ranking.inference.intervals import Uncertainty
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.leaderboard.eligibility import Eligibility
from agon.ranking.leaderboard.estimates import STILL
from agon.ranking.results import Choice, Diagnostic, Fit, Scores
from agon.ranking.settings import Settings
from agon.ranking.text import join_names
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.vote_source import DEPENDENT, GATED, JUDGES_REFUSED, NOT_BLIND, OTHER_VOTERS
from agon.ranking.votes.weighting import WIDER, effective_votes


def spread_notes(models: tuple[str, ...], result: Scores | Choice, factor: float) -> tuple[Diagnostic, ...]:
    """Say how far one random order would have moved the scores, of a method that averages over several.

    Args:
        models: M names.
        result: of the method.
        factor: from the method's scale to the board's.
    """
    if not isinstance(result, Scores) or result.spread is None or not result.spread.max() > STILL:
        return ()
    most = int(np.argmax(result.spread))
    message = (
        f"Scores are means over random orders: one order alone moves them by up to "
        f"{float(result.spread[most]) * factor:.3g} (standard deviation, of {{0}})."
    )
    return (Diagnostic.of("order_spread", (models[most],), message),)


def parameter_notes(
    result: Scores | Choice, known: ClusterCovariances | None, settings: Settings
) -> tuple[Diagnostic, ...]:
    """Tell the parameters of outcomes, such as that of ties, with their intervals at the board's level."""
    if not isinstance(result, Fit) or known is None:
        return ()
    notes = []
    for one in result.outcome_parameters:
        half, share = None, 1.0
        if settings.interval != "none":
            found = known.by(*settings.cluster_columns)
            worth = found.clustering
            at = len(result.values) + one.index
            half = quantile(settings.level, math.inf if worth is None else worth.df)
            half *= math.sqrt(max(float(found.matrix[at, at]), 0.0)) if one.log is not None else 1.0
            share = 1.0 if worth is None else min(1.0, worth.effective / known.votes.ballots.total)
        notes.append(Diagnostic("tie_parameter", (), one.sentence(settings.level, half, share)))
    return tuple(notes)


ALL_TIES = {
    "sandwich": ", sandwich intervals use the expected information",
    "bootstrap": ", and drawing equal votes again leaves the intervals of such scores open",
}


def diagnose(
    votes: Comparisons | ScoreTable,
    result: Scores | Choice,
    eligibility: Eligibility,
    settings: Settings,
    board: int,
) -> tuple[Diagnostic, ...]:
    """Say what a reader of one board must know; the first board tells it of all votes."""
    models = votes.models
    if board:
        return ()
    notes = _not_compared(votes, eligibility)
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
        notes += single_voter_dominance(votes, min_votes=settings.min_votes)
    return (*_left_out(votes), *_judges(votes), *_apart(models, eligibility), *result.notes, *notes)


def cluster_notes(
    unsure: Uncertainty, dependence: Dependence | None, settings: Settings
) -> tuple[Diagnostic, ...]:
    """Say what clustered votes are worth, and what the votes' dependence is where it was not allowed for.

    Args:
        unsure: of the scores.
        dependence: what was measured; None where no column says who voted or on which prompt.
        settings: with the columns that were clustered by.
    """
    chosen, notes = settings.cluster_columns, []
    measured = Dependence() if dependence is None else dependence
    if (known := unsure.clustering) is not None and chosen:
        effect = known.design_effect
        if effect is None and len(chosen) == 1 and chosen[0] in measured.worth:  # of a bootstrap
            effect = measured.worth[chosen[0]].design_effect
        wider = f"; {_design_effect(effect)}" if effect else ""
        notes.append(
            f"Clustered by {join_names(chosen)}: the {known.number:,} are worth {known.effective:,.3g} equal "
            f"ones{wider}."
        )
    uneven = known is not None and known.effective < 0.99 * known.number
    if (
        known is not None
        and uneven
        and not chosen
        and settings.interval == "sandwich"
        and not settings.control
    ):
        notes.append(
            f"The weights are so unequal that the {known.number:,} votes are worth {known.effective:,.3g} of "
            "equal weight, and intervals are those of so few."
        )
    for by, worth in measured.worth.items():
        if by in chosen:
            continue
        told = _design_effect(worth.design_effect or 1.0)
        if by not in measured.wider:
            notes.append(f"Not clustered by {by}, which would make intervals no wider: {told}.")
        elif settings.interval == "posterior":
            notes.append(
                f"A posterior takes votes for independent: by {by} {told}; "
                'interval="bootstrap" allows for it.'
            )
        else:
            notes.append(f"Not clustered by {by}: {told}, for which these intervals do not allow.")
    notes += [
        f"Not clustered by {by}: some votes do not say theirs. Fill it in, or leave such votes out."
        for by in measured.gaps
    ]
    every = [Diagnostic("clusters", (), message) for message in notes]
    for by in measured.single:
        message = (
            f"All votes are of one {by}: ranks and intervals hold for this {by} alone, and say nothing of "
            f"another; collect votes of more."
        )
        every.append(Diagnostic(f"single_{'prompt' if by in DEPENDENT[1] else 'voter'}", (), message))
    return tuple(every)


def _design_effect(effect: float) -> str:
    return f"the design effect is {effect:.2g}, as many times the variance of single votes"


def both_bad_votes(votes: Comparisons | ScoreTable) -> int:
    """Number of votes, whatever their weights, that put two unacceptable answers on one place."""
    if not votes.pairs.both_bad.any():
        return 0
    ballots = votes.ballots
    bad = np.sort(np.where(ballots.acceptable == 0, ballots.places, 0), axis=1)
    twice = ((bad[:, 1:] == bad[:, :-1]) & (bad[:, 1:] > 0)).any(axis=1)
    return int(ballots.count[twice].sum())


def unmet_pairs(votes: Comparisons | ScoreTable) -> tuple[Diagnostic, ...]:
    """Name the pairs that never met, of rules on majorities, for which these are no majority: like a tie.

    Source:
        L. Xia and V. Conitzer, J. Artif. Intell. Res. 41 (2011): possible and necessary winners; here the
        Condorcet winners of all ways to complete the votes.
    """
    pairs, m = votes.pairs, len(votes.models)
    met = pairs.wins + pairs.wins.T + pairs.ties + pairs.both_bad > 0
    others = met.sum(axis=1)
    missing = (m * (m - 1) - int(others.sum())) // 2
    if not missing:
        return ()
    beats = pairs.wins > pairs.wins.T
    won_all = (beats | ~met).sum(axis=1) == m  # every model is beaten by, or unmet with, itself
    possible, necessary = _named(votes.models, won_all), _named(votes.models, won_all & (others == m - 1))
    worst = np.argsort(others, kind="stable")[:3].tolist()
    worst = [i for i in worst if others[i] < m - 1]
    names = tuple(dict.fromkeys([*(votes.models[i] for i in worst), *possible]))
    place = {name: f"{{{i}}}" for i, name in enumerate(names)}
    who = join_names([f"{place[votes.models[i]]} met {others[i]} of {m - 1}" for i in worst])
    winners = (
        f"{join_names([place[name] for name in necessary])} beats every other whatever they would say"
        if necessary
        else f"{join_names([place[name] for name in possible])} could still beat every other"
        if possible
        else "no model could beat every other"
    )
    message = (
        f"{missing:,} of {m * (m - 1) // 2:,} pairs never met, which this rule takes for ties: {who}; "
        f"{winners}. Let them meet, or use a rating, which infers them."
    )
    return (Diagnostic.of("unmet_pairs", names, message),)


def _not_compared(votes: Comparisons | ScoreTable, eligibility: Eligibility) -> tuple[Diagnostic, ...]:
    """The models that have votes, but none that the method uses to compare them."""
    names = _named(votes.models, ~eligibility.compared & (votes.ballots.votes > 0))
    if not names or isinstance(votes, ScoreTable):
        return ()
    message = (
        "No vote that this method uses compares {models} with another model: no score and no rank; "
        'collect votes that do, or use them all (both_bad="half", or a method that takes such votes).'
    )
    return (Diagnostic.of("not_compared", names, message),)


def _left_out(votes: Comparisons | ScoreTable) -> tuple[Diagnostic, ...]:
    """What was left out: rows that are not votes, and votes of another kind of voters."""
    notes = []
    usable = (*OTHER_VOTERS, JUDGES_REFUSED, NOT_BLIND, WIDER, *GATED)
    invalid = {reason: count for reason, count in votes.left_out.items() if reason not in usable}
    if invalid:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in invalid.items())
        rows = "1 row was" if (gone := sum(invalid.values())) == 1 else f"{gone:,} rows were"
        message = f"{rows} left out as invalid: {reasons}."
        notes.append(Diagnostic("left_out", (), message))
    aside = {reason: votes.left_out[reason] for reason in GATED if votes.left_out.get(reason)}
    if aside:
        number = sum(aside.values())
        what = "1 vote is" if number == 1 else f"{number:,} votes are"
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in aside.items())
        message = (
            f"{what} set aside by gates: {reasons}. Nothing is deleted: without gates (--gates none) they "
            "count, and `agon check` says why they stand out."
        )
        notes.append(Diagnostic("set_aside", (), message))
    if refused := votes.left_out.get(JUDGES_REFUSED):
        who = "1 judge" if refused == 1 else f"{refused:,} judges"
        message = f"Votes of {who} that their audit refused count here, because it was asked (--force)."
        notes.append(Diagnostic("judges_refused", (), message))
    if seen := votes.left_out.get(NOT_BLIND):
        what = "1 vote was" if seen == 1 else f"{seen:,} votes were"
        message = f"{what} {NOT_BLIND} and {'does' if seen == 1 else 'do'} not count."
        notes.append(Diagnostic("not_blind", (), message))
    for words in OTHER_VOTERS:
        if count := votes.left_out.get(words):
            what = f"{words} were" if count > 1 else f"{words.replace('votes', 'vote')} was"
            message = (
                f"{count:,} {what} left out; voters= (--voters) ranks them by themselves, or all together."
            )
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
    mixed = (
        ""
        if number == total
        else ", mixed with those of people as asked; voters= (--voters) ranks each kind by itself"
    )
    return (Diagnostic("llm_judges", (), f"{some} of LLM judges{mixed}."),)


def _apart(models: Sequence[str], eligibility: Eligibility) -> tuple[Diagnostic, ...]:
    """The components beside the first."""
    notes = []
    for board in range(1, eligibility.boards):
        names = _named(models, eligibility.board == board)
        message = (
            f"Component {board + 1} ({{models}}) is on a scale of its own: no chain of wins leads from it to "
            "the first or back; it has its own board and is not compared until votes between the two are "
            "collected."
        )
        notes.append(Diagnostic.of("component", names, message))
    return tuple(notes)


def short_of_votes(
    votes: Comparisons | ScoreTable, stands: NDArray[np.bool_], least: int
) -> tuple[Diagnostic, ...]:
    """The models with too few votes to be ranked."""
    names = _named(votes.models, ~stands)
    if not names:
        return ()
    count = "1 model" if len(names) == 1 else f"{len(names)} models"
    among = "" if (votes.ballots.votes[~stands] < least).all() else " with models that have as many"
    message = (
        f"Provisional for having fewer than {least} votes{among}, {count}: {{models}}; they move nobody "
        "else; collect more, or rank with a smaller min_votes."
    )
    return (Diagnostic.of("few_votes", names, message),)


def _named(models: Sequence[str], mask: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(models[i] for i in np.flatnonzero(mask).tolist())


def single_voter_dominance(
    votes: Comparisons, *, by: str = "voter", share: float = 0.5, min_votes: int = 30
) -> tuple[Diagnostic, ...]:
    """Name the models of which one voter cast at least a share of the votes.

    Raises:
        SourceError: no such column, or votes without a voter.
    """
    clusters, ballots = votes.clusters(by), votes.ballots
    m = len(ballots.models)
    seats = ballots.shown[clusters.ballot]
    cell = (clusters.cluster[:, None] * m + seats)[seats >= 0]
    times = np.broadcast_to(clusters.count[:, None], seats.shape)[seats >= 0]
    cast = np.bincount(cell, times, clusters.size * m).reshape(-1, m)
    top = cast.argmax(axis=0)
    most = cast.max(axis=0) / np.maximum(ballots.votes, 1)
    carried = np.flatnonzero((most >= share) & (ballots.votes >= max(min_votes, 1)))
    if not len(carried):
        return ()
    worst = carried[np.argsort(-most[carried], kind="stable")]
    kind, who = _literal(by), [_literal(clusters.names[c]) for c in top]
    parts = [f"{most[i]:.0%} of those of {{{place}}} ({who[i]})" for place, i in enumerate(worst.tolist())]
    message = (
        f"One {kind} cast {join_names(parts)}: such a score is one {kind}'s opinion; collect votes from "
        "others."
    )
    return (Diagnostic.of("one_voter", tuple(ballots.models[i] for i in worst.tolist()), message),)


def _literal(text: str) -> str:
    """A text from the votes as it may stand in the template of a diagnostic."""
    return text.replace("{", "{{").replace("}", "}}")


def weight_notes(ballots: Ballots, reweight: str) -> tuple[Diagnostic, ...]:
    """Say what the weights of votes cost."""
    if reweight == "none":
        return ()
    how = {
        "propensity": "one over the probability of their models",
        "propensity_all": "one over the probability of the models drawn",
        "equal_pairs": "one over the votes of their pair",
    }
    message = (
        f"The {ballots.total:,} votes are weighted by {how[reweight]}: they say as much as "
        f"{effective_votes(ballots):,.0f} votes of equal weight."
    )
    return (Diagnostic("reweighted", (), message),)
