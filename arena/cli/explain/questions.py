"""The questions of `agon explain`: each asks an analysis of `agon.ranking`, and its answer is a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from types import MappingProxyType
from typing import Any

from agon.arena.cli.rank import options_of
from agon.ranking import (
    Comparisons,
    OptionError,
    ScoreTable,
    axioms,
    breakdown_point,
    committee,
    iia_score,
    inter_annotator_agreement,
    intransitivity,
    justified_representation,
    majority_cycles,
    margin_of_victory,
    margins_of_victory,
    outlier_pairs,
    panel_lead,
    position_bias,
    prospects,
    rank,
    task_margin_of_victory,
    tiers,
    voter_reliability,
)
from agon.ranking.analysis.rule_comparison import COMPARED_RULES, split_applicable
from agon.ranking.votes.comparisons import Votes, as_comparisons

_Options = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What one analysis found.

    Attributes:
        sentences: its conclusions.
        heads: of the columns.
        rows: texts and numbers.
        results: what the analysis returned.
    """

    sentences: tuple[str, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    results: tuple[Any, ...]

    @classmethod
    def of(cls, results: Sequence[Any], heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> Answer:
        """Take results that say themselves, and the rows that show them."""
        sentences = tuple(one.conclusion() for one in results)
        return cls(sentences, tuple(heads), tuple(map(tuple, rows)), tuple(results))


def as_plain(value: Any) -> Any:
    """A result as values of JSON: no number where it is not finite."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: as_plain(one) for name, one in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(name): as_plain(one) for name, one in value.items()}
    if hasattr(value, "tolist"):
        return as_plain(value.tolist())
    if isinstance(value, list | tuple):
        return [as_plain(one) for one in value]
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):  # noqa: PLR0124
        return None
    return value


def _method(given: _Options, default: str) -> tuple[str, dict[str, Any]]:
    """The one method that is asked about, and its options."""
    chosen = given["method"] or [default]
    if len(chosen) > 1:
        raise OptionError("Name one method; only axioms looks at several.")
    return options_of(chosen[0])


def _margin(votes: Votes, given: _Options) -> Answer:
    name, options = _method(given, "bradley_terry")
    pair = given["models"]
    if isinstance(votes, ScoreTable):
        found = [task_margin_of_victory(votes, name, *pair, **options)]
    elif pair:
        more = {"change": given["change"], "min_votes": given["min_votes"], **options}
        found = [margin_of_victory(votes, name, *pair, **more)]
    else:
        more = {"change": given["change"], "min_votes": given["min_votes"], **options}
        found = list(margins_of_victory(votes, name, places=given["places"] or 5, **more))
    rows = [
        (
            one.upper,
            one.lower,
            one.number,
            None if one.number is None else one.number / one.total,
            one.confirmed,
        )
        for one in found
    ]
    unit = found[0].unit if found else "votes"
    return Answer.of(found, ("above", "below", unit, "share", "confirmed"), rows)


def _prospects(votes: Votes, given: _Options) -> Answer:
    known = as_comparisons(votes)
    source: Any = known
    if isinstance(known, Comparisons):
        source = {value: part.pairs for value, part in known.split(given["by"] or "category")}
    found = prospects(source, given["models"] or None, rule=given["rule"] or "condorcet")
    rows = [
        (
            one.model,
            "yes" if one.possible else "no",
            one.margin,
            ", ".join(
                f"{task} {share:.0%}"
                for task, share in sorted(one.weights.items(), key=lambda item: -item[1])[:3]
                if share > 0
            ),
        )
        for one in found
    ]
    return Answer.of(found, ("model", "can win", "margin", "weights"), rows)


def _axioms(votes: Votes, given: _Options) -> Answer:
    chosen: list[tuple[str, Mapping[str, Any]]] = [options_of(text) for text in given["method"] or ()]
    if not chosen:
        chosen = split_applicable(as_comparisons(votes), [(name, {}) for name in COMPARED_RULES])[0]
    how = {name: options for name, options in chosen if options}
    found = axioms(votes, [name for name, _ in chosen], options=how, min_votes=given["min_votes"])
    rows = [(one.method, one.axiom, "fails" if one.fails else "holds", one.message) for one in found.findings]
    return Answer.of([found], ("rule", "axiom", "on these votes", "found"), rows)


def _independence(votes: Votes, given: _Options) -> Answer:
    chosen = [options_of(text) for text in given["method"] or ["bradley_terry"]]
    found = [iia_score(votes, name, rounds=given["places"] or 50, **options) for name, options in chosen]
    return Answer.of(
        found, ("rule", "score", "spread"), [(one.method, one.score, one.spread) for one in found]
    )


def _outliers(votes: Votes, _given: _Options) -> Answer:
    found = outlier_pairs(votes)
    rows = [(one.model, one.other, one.votes, one.share, one.expected, one.z) for one in found]
    answer = Answer.of(found, ("model", "other", "votes", "share", "expected", "z"), rows)
    if found:
        return answer
    return Answer(("No pair has votes that strengths do not explain.",), answer.heads, (), ())


def _tiers(votes: Votes, given: _Options) -> Answer:
    name, _ = _method(given, "bradley_terry")
    found = tiers(votes, threshold=given["threshold"], method=name, min_votes=given["min_votes"])
    margins = [*found.margins, None]
    rows = [(i, ", ".join(names), margins[i - 1]) for i, names in enumerate(found.tiers, start=1)]
    return Answer.of([found], ("tier", "models", "margin to the next"), rows)


def _cycles(votes: Votes, given: _Options) -> Answer:
    found = majority_cycles(votes, places=given["places"], min_votes=given["min_votes"])
    rows = [(str(one), one.weakest, min(one.shares)) for one in found.cycles]
    return Answer.of([found], ("cycle", "weakest step", "share"), rows)


def _circularity(votes: Votes, given: _Options) -> Answer:
    found = intransitivity(votes, seed=given["seed"])
    rows = [(found.share, found.expected, found.upper, found.p_value, found.pairs)]
    return Answer.of([found], ("cyclic share", "by chance", "at most", "p", "pairs"), rows)


def _voters(votes: Votes, given: _Options) -> Answer:
    found = voter_reliability(_row_by_row(votes), by=given["by"] or "voter", min_votes=given["min_pairs"])
    rows = [
        (one.voter, one.votes, one.discrimination, one.lower, one.upper, one.agreement)
        for one in found.voters[: given["places"] or 20]
    ]
    heads = ("voter", "pairs", "discrimination", "lower", "upper", "agreement")
    return Answer.of([found], heads, rows)


def _agreement(votes: Votes, given: _Options) -> Answer:
    found = inter_annotator_agreement(_row_by_row(votes), by=given["by"] or "prompt", seed=given["seed"])
    rows = [(found.alpha, found.lower, found.upper, found.units, found.votes)]
    return Answer.of([found], ("alpha", "lower", "upper", "judged twice", "votes"), rows)


def _panel(votes: Votes, given: _Options) -> Answer:
    found = panel_lead(_row_by_row(votes), panel=given["panel"])
    rows = [(found.model or "", found.votes, found.voters, found.by_votes, found.by_voters, found.certain)]
    return Answer.of([found], ("first", "votes", "voters", "by votes", "by voters", "leads"), rows)


def _sides(votes: Votes, _given: _Options) -> Answer:
    found = position_bias(_row_by_row(votes))
    rows = [(found.share, found.bias, found.lower, found.upper, found.p_value)]
    return Answer.of([found], ("wins of the left", "log-odds", "lower", "upper", "p"), rows)


def _committee(votes: Votes, given: _Options) -> Answer:
    if given["size"] is None:
        raise OptionError("Say how many models to choose with --size, such as --size 3.")
    approve = given["approve"]
    approve = int(approve) if approve is not None and approve.isdigit() else approve
    rule: Any = given["rule"] or "proportional_approval"
    found = committee(votes, given["size"], rule, approve=approve, missing=given["missing"] or "refuse")
    results: list[Any] = [found]
    if approve is not None:
        results.append(justified_representation(votes, found.models, approve=approve))
    return Answer.of(results, ("chosen",), [(name,) for name in found.models])


def _breakdown(votes: Votes, given: _Options) -> Answer:
    name, _ = _method(given, "kemeny")
    found = breakdown_point(votes, method=name, min_votes=given["min_votes"])
    pairs = list(zip(found.pairs, found.share, strict=True))[: given["places"] or 10]
    return Answer.of([found], ("above", "below", "false votes"), [(*pair, share) for pair, share in pairs])


def _difference(votes: Votes, given: _Options) -> Answer:
    if len(given["models"]) != 2:
        raise OptionError("Name the two models: agon explain difference votes.parquet --model A --model B.")
    name, options = _method(given, "bradley_terry")
    more = {name: given[name] for name in ("min_votes", "seed")}
    more |= {"cluster": given["by"]} if given["by"] else {}
    found = rank(votes, name, **more, **options).difference(*given["models"])
    rows = [(found.model, found.other, found.difference, found.lower, found.upper, found.p_value)]
    return Answer.of([found], ("model", "other", "difference", "lower", "upper", "p"), rows)


def _row_by_row(votes: Votes) -> Comparisons:
    """Votes that say who cast them."""
    known = as_comparisons(votes)
    if isinstance(known, ScoreTable):
        raise OptionError("A table of scores has no voters and no sides; give votes.")
    return known


@dataclass(frozen=True)
class Question:
    """A word of the command line.

    Attributes:
        sentence: what it asks.
        options: those that mean something for it, beside those of reading.
        answer: how it is found.
    """

    sentence: str
    options: frozenset[str]
    answer: Callable[[Votes, _Options], Answer]


def _asked(sentence: str, options: str, answer: Callable[[Votes, _Options], Answer]) -> Question:
    return Question(sentence, frozenset(options.split()), answer)


QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        "margin": _asked(
            "how few votes, or tasks, swap neighbours or two models",
            "method models places change min_votes",
            _margin,
        ),
        "prospects": _asked("who could win under some weights of the tasks", "models by rule", _prospects),
        "axioms": _asked("which rules break which axiom on these votes", "method min_votes", _axioms),
        "independence": _asked("how often an arriving model reorders others", "method places", _independence),
        "outliers": _asked("which pairs have votes that no strengths explain", "", _outliers),
        "tiers": _asked("which models the votes hardly tell apart", "method threshold min_votes", _tiers),
        "cycles": _asked("where majorities go in a circle", "places min_votes", _cycles),
        "intransitivity": _asked("how much goes in circles, beyond chance", "seed", _circularity),
        "voters": _asked("how well each voter tells models apart", "by places min_pairs", _voters),
        "agreement": _asked("how far votes on the same thing agree", "by seed", _agreement),
        "panel": _asked("whether a panel of voters has decided", "panel", _panel),
        "sides": _asked("what being shown on the left is worth", "", _sides),
        "committee": _asked("which models to choose together", "size rule approve missing", _committee),
        "breakdown": _asked(
            "what share of false votes changes the order", "method places min_votes", _breakdown
        ),
        "difference": _asked("how far apart two models are", "method models by min_votes seed", _difference),
    }
)
