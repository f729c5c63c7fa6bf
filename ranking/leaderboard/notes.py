"""Diagnostics that a board carries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agon.ranking.inference.dependence import ClusterCovariances, Dependence
from agon.ranking.inference.intervals import Uncertainty
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.leaderboard.eligibility import Eligibility
from agon.ranking.leaderboard.estimates import STILL
from agon.ranking.results import Choice, Diagnostic, Fit, Scores
from agon.ranking.settings import Settings
from agon.ranking.text import Figure, Names, Sentence, dependence_word
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
    message = Sentence(
        "Scores are means over random orders: one order alone moves them by up to {most} (standard "
        "deviation, of {models}).",
        most=Figure(float(result.spread[most]) * factor, ".3g"),
        models=Names([models[most]]),
    )
    return (Diagnostic("order_spread", (models[most],), message),)


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
        if votes.ballots.pairwise:
            said = Sentence(
                "{count} vote says that both are bad; see both_bad in the settings for how this was counted.",
                "{count} votes say that both are bad; see both_bad in the settings for how this was counted.",
                count=both_bad,
            )
        else:
            said = Sentence(
                "{count} vote says that two or more answers are equally bad; see both_bad in the "
                "settings for "
                "how this was counted.",
                "{count} votes say that two or more answers are equally bad; see both_bad in the "
                "settings for "
                "how this was counted.",
                count=both_bad,
            )
        notes += (Diagnostic("both_bad", (), said),)
    if settings.cluster == "voter" and isinstance(votes, Comparisons):
        notes += single_voter_dominance(votes, min_votes=settings.min_votes)
    return (*_left_out(votes), *_judges(votes), *_apart(models, eligibility), *result.notes, *notes)


def _of_three_digits(value: float) -> Figure:
    """A number of at least 1 that is known to about a hundredth: 3.27, 32.7, 16,500."""
    large = value >= 100
    return Figure(float(f"{value:.3g}") if large else value, ",.0f" if large else ",.3g")


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
        worth: dict[str, Any] = {"number": known.number, "worth": _of_three_digits(known.effective)}
        worth["columns"] = list(map(dependence_word, chosen))
        notes.append(
            Sentence(
                "Clustered by {columns}: the {number} are worth {worth} equal ones; {effect}.",
                **worth,
                effect=_design_effect(effect),
            )
            if effect
            else Sentence("Clustered by {columns}: the {number} are worth {worth} equal ones.", **worth)
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
            Sentence(
                "The weights are so unequal that the {number} votes are worth {worth} of equal weight, and "
                "intervals are those of so few.",
                number=known.number,
                worth=_of_three_digits(known.effective),
            )
        )
    for by, found in measured.worth.items():
        if by in chosen:
            continue
        told: dict[str, Any] = {"column": dependence_word(by)}
        told["effect"] = _design_effect(found.design_effect or 1.0)
        if by not in measured.wider:
            notes.append(
                Sentence(
                    "Not clustered by {column}, which would make intervals no wider: {effect}.",
                    **told,
                )
            )
        elif settings.interval == "posterior":
            notes.append(
                Sentence(
                    "A posterior takes votes for independent: by {column} {effect}; {option} allows for it.",
                    **told,
                    option='interval="bootstrap"',
                )
            )
        else:
            notes.append(
                Sentence(
                    "Not clustered by {column}: {effect}, for which these intervals do not allow.",
                    **told,
                )
            )
    notes += [
        Sentence(
            "Not clustered by {column}: some votes do not say theirs. Fill it in, or leave such votes out.",
            column=dependence_word(by),
        )
        for by in measured.gaps
    ]
    every = [Diagnostic("clusters", (), message) for message in notes]
    for by in measured.single:
        message = Sentence(
            "All votes are of one {column}: ranks and intervals hold for this {column} alone, and say "
            "nothing "
            "of another; collect votes of more.",
            column=dependence_word(by),
        )
        every.append(Diagnostic(f"single_{'prompt' if by in DEPENDENT[1] else 'voter'}", (), message))
    return tuple(every)


def _design_effect(effect: float) -> Sentence:
    return Sentence(
        "the design effect is {effect}, as many times the variance of single votes",
        effect=Figure(effect, ".2g"),
    )


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
    who = [
        Sentence(
            "{models} met {number} of {total}",
            models=Names([votes.models[i]]),
            number=int(others[i]),
            total=m - 1,
        )
        for i in worst
    ]
    if necessary:
        winners = Sentence("{models} beats every other whatever they would say", models=Names(necessary))
    elif possible:
        winners = Sentence("{models} could still beat every other", models=Names(possible))
    else:
        winners = Sentence("no model could beat every other")
    message = Sentence(
        "{missing} of {pairs} pairs never met, which this rule takes for ties: {who}; {winners}. Let them "
        "meet, or use a rating, which infers them.",
        missing=missing,
        pairs=m * (m - 1) // 2,
        who=who,
        winners=winners,
    )
    return (Diagnostic("unmet_pairs", names, message),)


def _not_compared(votes: Comparisons | ScoreTable, eligibility: Eligibility) -> tuple[Diagnostic, ...]:
    """The models that have votes, but none that the method uses to compare them."""
    names = _named(votes.models, ~eligibility.compared & (votes.ballots.votes > 0))
    if not names or isinstance(votes, ScoreTable):
        return ()
    message = Sentence(
        "No vote that this method uses compares {models} with another model: no score and no rank; collect "
        "votes that do, or use them all ({option}, or a method that takes such votes).",
        models=Names(names),
        option='both_bad="half"',
    )
    return (Diagnostic("not_compared", names, message),)


def _left_out(votes: Comparisons | ScoreTable) -> tuple[Diagnostic, ...]:
    """What was left out: rows that are not votes, and votes of another kind of voters."""
    notes = []
    usable = (*OTHER_VOTERS, JUDGES_REFUSED, NOT_BLIND, WIDER, *GATED)
    invalid = {reason: count for reason, count in votes.left_out.items() if reason not in usable}
    if invalid:
        message = Sentence(
            "{count} row was left out as invalid: {reasons}.",
            "{count} rows were left out as invalid: {reasons}.",
            count=sum(invalid.values()),
            reasons=tuple(f"{count:,} {reason}" for reason, count in invalid.items()),
        )
        notes.append(Diagnostic("left_out", (), message))
    aside = {reason: votes.left_out[reason] for reason in GATED if votes.left_out.get(reason)}
    if aside:
        message = Sentence(
            "{count} vote is set aside by gates: {reasons}. Nothing is deleted: without gates (--gates none) "
            "they count, and `agon check` says why they stand out.",
            "{count} votes are set aside by gates: {reasons}. Nothing is deleted: without gates "
            "(--gates none) "
            "they count, and `agon check` says why they stand out.",
            count=sum(aside.values()),
            reasons=tuple(
                Sentence("{number} {reason}", number=count, reason=Sentence(reason))
                for reason, count in aside.items()
            ),
        )
        notes.append(Diagnostic("set_aside", (), message))
    notes += refused_judges_notes(votes)
    if seen := votes.left_out.get(NOT_BLIND):
        message = Sentence(
            "{count} vote was {reason} and does not count.",
            "{count} votes were {reason} and do not count.",
            count=seen,
            reason=Sentence(NOT_BLIND),
        )
        notes.append(Diagnostic("not_blind", (), message))
    people, judges = (votes.left_out.get(words) for words in OTHER_VOTERS)
    if people:
        message = Sentence(
            "{count} vote of people was left out; voters= (--voters) ranks them by themselves, or all "
            "together.",
            "{count} votes of people were left out; voters= (--voters) ranks them by themselves, or all "
            "together.",
            count=people,
        )
        notes.append(Diagnostic("other_voters", (), message))
    if judges:
        message = Sentence(
            "{count} vote of LLM judges was left out; voters= (--voters) ranks them by themselves, or all "
            "together.",
            "{count} votes of LLM judges were left out; voters= (--voters) ranks them by themselves, or all "
            "together.",
            count=judges,
        )
        notes.append(Diagnostic("other_voters", (), message))
    if WIDER in votes.left_out:
        message = Sentence(
            "{count} vote on more than two models left out, whose pairs cannot be weighed apart.",
            "{count} votes on more than two models left out, whose pairs cannot be weighed apart.",
            count=votes.left_out[WIDER],
        )
        notes.append(Diagnostic("left_out_votes", (), message))
    return tuple(notes)


def refused_judges_notes(votes: Comparisons | ScoreTable) -> tuple[Diagnostic, ...]:
    """That votes count of judges whom their audit refused; nothing where there are none."""
    refused = votes.left_out.get(JUDGES_REFUSED)
    if not refused:
        return ()
    message = Sentence(
        "Votes of {count} judge that its audit refused count here, because it was asked (--force).",
        "Votes of {count} judges that their audit refused count here, because it was asked (--force).",
        count=refused,
    )
    return (Diagnostic("judges_refused", (), message),)


def _judges(votes: Comparisons | ScoreTable) -> tuple[Diagnostic, ...]:
    """The votes of LLM judges, alone or among those of people."""
    number = 0 if isinstance(votes, ScoreTable) else votes.llm_votes
    if not number:
        return ()
    total = votes.ballots.total
    if number == total:
        said = (
            Sentence("All {total} votes are of LLM judges.", total=total)
            if total > 1
            else Sentence("The only vote is of LLM judges.")
        )
    else:
        said = Sentence(
            "{count} of {total} votes is of LLM judges, mixed with those of people as asked; voters= "
            "(--voters) "
            "ranks each kind by itself.",
            "{count} of {total} votes are of LLM judges, mixed with those of people as asked; voters= "
            "(--voters) ranks each kind by itself.",
            count=number,
            total=total,
        )
    return (Diagnostic("llm_judges", (), said),)


def _apart(models: Sequence[str], eligibility: Eligibility) -> tuple[Diagnostic, ...]:
    """The components beside the first."""
    notes = []
    for board in range(1, eligibility.boards):
        names = _named(models, eligibility.board == board)
        message = Sentence(
            "Component {number} ({models}) is on a scale of its own: no chain of wins leads from it to the "
            "first or back; it has its own board and is not compared until votes between the two are "
            "collected.",
            number=board + 1,
            models=Names(names),
        )
        notes.append(Diagnostic("component", names, message))
    return tuple(notes)


def short_of_votes(
    votes: Comparisons | ScoreTable, stands: NDArray[np.bool_], least: int
) -> tuple[Diagnostic, ...]:
    """The models with too few votes to be ranked."""
    names = _named(votes.models, ~stands)
    if not names:
        return ()
    told: dict[str, Any] = {"count": len(names), "least": least, "models": Names(names)}
    if (votes.ballots.votes[~stands] < least).all():
        message = Sentence(
            "Provisional for having fewer than {least} votes, {count} model: {models}; they move nobody "
            "else; "
            "collect more, or rank with a smaller min_votes.",
            "Provisional for having fewer than {least} votes, {count} models: {models}; they move "
            "nobody else; "
            "collect more, or rank with a smaller min_votes.",
            **told,
        )
    else:
        message = Sentence(
            "Provisional for having fewer than {least} votes with models that have as many, {count} model: "
            "{models}; they move nobody else; collect more, or rank with a smaller min_votes.",
            "Provisional for having fewer than {least} votes with models that have as many, {count} models: "
            "{models}; they move nobody else; collect more, or rank with a smaller min_votes.",
            **told,
        )
    return (Diagnostic("few_votes", names, message),)


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
    enough, m = ballots.votes >= max(min_votes, 1), len(ballots.models)
    least = share * ballots.votes[enough].min(initial=ballots.total)
    large = np.flatnonzero(np.bincount(clusters.cluster, clusters.count) >= least - 0.5)  # all who may have
    if not len(large):
        return ()
    row = np.flatnonzero(np.isin(clusters.cluster, large))
    seats, there = ballots.shown[clusters.ballot[row]], ballots.shown[clusters.ballot[row]] >= 0
    cell = seats * len(large) + np.searchsorted(large, clusters.cluster[row])[:, None]
    times = np.broadcast_to(clusters.count[row, None], seats.shape)
    cast = np.bincount(cell[there], times[there], len(large) * m).reshape(m, -1)
    top = cast.argmax(axis=1)
    most = cast[np.arange(m), top] / np.maximum(ballots.votes, 1)
    carried = np.flatnonzero((most >= share) & enough)
    if not len(carried):
        return ()
    worst = carried[np.argsort(-most[carried], kind="stable")]
    parts = [
        Sentence(
            "{share} of those of {models} ({voter})",
            share=Figure(float(most[i]), ".0%"),
            models=Names([ballots.models[i]]),
            voter=clusters.names[large[top[i]]],
        )
        for i in worst.tolist()
    ]
    if len(parts) > 4:
        parts[3:] = [Sentence("{count} more", "{count} more", count=len(parts) - 3)]
    message = Sentence(
        "One {kind} cast {parts}: such a score is one {kind}'s opinion; collect votes from others.",
        kind=dependence_word(by),
        parts=parts,
    )
    return (Diagnostic("one_voter", tuple(ballots.models[i] for i in worst.tolist()), message),)


def weight_notes(ballots: Ballots, reweight: str) -> tuple[Diagnostic, ...]:
    """Say what the weights of votes cost."""
    if reweight == "none":
        return ()
    how = {
        "propensity": Sentence("one over the probability of their models"),
        "propensity_all": Sentence("one over the probability of the models drawn"),
        "equal_pairs": Sentence("one over the votes of their pair"),
    }
    message = Sentence(
        "The {total} votes are weighted by {how}: they say as much as {worth} votes of equal weight.",
        total=ballots.total,
        how=how[reweight],
        worth=Figure(effective_votes(ballots), ",.0f"),
    )
    return (Diagnostic("reweighted", (), message),)
