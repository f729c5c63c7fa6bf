"""`decide`: which model to take, by quality and by what else is known: price, speed, licence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import OptionError, suggest
from agon.ranking.inference.intervals import first
from agon.ranking.leaderboard.dynascore import fact_points
from agon.ranking.leaderboard.leaderboard import Leaderboard
from agon.ranking.leaderboard.row import Row
from agon.ranking.numerics import FloatArray
from agon.ranking.text import Readable, join_names, rounded

if TYPE_CHECKING:
    import pandas as pd

_FEW = "too few votes"
WITHIN = 0.115  # log-odds: 20 points of Elo, 53 wins to 47
Facts = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, repr=False)
class Candidate(Readable):
    """One model of a board and whether it may be taken.

    Attributes:
        model: the name.
        score: on the board's scale; None for one without.
        facts: what is known of it beside its votes.
        why_not: the condition that it does not meet; None for one that may be taken.
        probability: that it is truly the best of those that may be taken; None for the others.
        below_best: bound on how many points it may be below the best of those, at the board's level and for
            all pairs at once; None where the votes give none.
        pareto: whether no other that may be taken has a better score and a smaller preferred fact.
        weighed: the score with what the facts that weigh beside it are worth; None where none does.
    """

    model: str
    score: float | None
    facts: Mapping[str, Any]
    why_not: str | None = None
    probability: float | None = None
    below_best: float | None = None
    pareto: bool = False
    weighed: float | None = None

    def conclusion(self) -> str:
        """Say in one phrase whether it may be taken."""
        if self.why_not is not None:
            return f"{self.model}: {self.why_not}"
        sure = "" if self.probability is None else f", the best with a chance of {self.probability:.0%}"
        return f"{self.model}: meets the conditions{sure}"


@dataclass(frozen=True, repr=False)
class Decision(Readable):
    """Which model to take, and why.

    Attributes:
        choice: the model; None where none meets the conditions.
        best: of those that meet the conditions the one with the best score.
        prefer: the fact that is to be small, or None.
        within: points that the choice may be below the best.
        level: of the statement.
        candidates: all models of the board, best first.
        more_votes: model → about how many more votes on it would tell whether it is within reach of the best;
            without `prefer`, would tell it, the second, from the best.
        weigh: fact → its weight beside the score, which weighs 1; empty where the score alone decides.
        rates: fact that weighs → how much of it goes with one point among the models that may be taken.
        swayed_by: models that are not the choice, and without which another one would be: with `weigh` the
            rates come from the models listed.
    """

    choice: str | None
    best: str | None
    prefer: str | None
    within: float
    level: float
    candidates: tuple[Candidate, ...]
    more_votes: Mapping[str, int]
    weigh: Mapping[str, float] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    swayed_by: tuple[str, ...] = ()

    @property
    def allowed(self) -> tuple[Candidate, ...]:
        """Those that may be taken."""
        return tuple(one for one in self.candidates if one.why_not is None)

    def conclusion(self, name: Callable[[str], str] = str, fact: Callable[[str], str] = str) -> str:
        """Say in one sentence which model to take, how sure that is, and what would change it.

        Args:
            name, fact: what models and facts are called in it.
        """
        if self.choice is None or self.best is None:
            if all(one.why_not == _FEW for one in self.candidates):
                return f"None of the {len(self.candidates)} models has votes enough yet."
            reasons = Counter(one.why_not for one in self.candidates if one.why_not)
            said = join_names([f"{number} of {why}" for why, number in reasons.most_common()])
            return f"None of the {len(self.candidates)} models meets the conditions: {said}."
        known = {one.model: one for one in self.allowed}
        number, chosen = len(known), known[self.choice]
        if number == 1:
            every = len(self.candidates)
            return f"Take {name(self.choice)}: it is the only model of {every} that meets the conditions."
        if self.weigh:
            return self._weighed(known, chosen, name, fact)
        if self.choice != self.best and self.prefer is not None:
            own, other = (float(known[one].facts[self.prefer]) for one in (self.choice, self.best))
            less = f" ({1 - own / other:.0%} less)" if other > 0 else ""
            return (
                f"Take {name(self.choice)}: it is at most {_points(chosen.below_best)} below "
                f"{name(self.best)}, the best "
                f"of {number} that meet the conditions, at {self.level:.0%}, and its {fact(self.prefer)} is "
                f"{own:g} instead of {other:g}{less}."
            )
        sure = "" if chosen.probability is None else f", with a chance of {_percent(chosen.probability)}"
        met = "" if number == len(self.candidates) else " that meet the conditions"
        text = f"Take {name(self.choice)}: it is the best of {number}{met}{sure}"
        if self.prefer is not None:
            smaller = [n for n in known if _number(known[n], self.prefer) < _number(chosen, self.prefer)]
            text += (
                f"; none with a smaller {fact(self.prefer)} is shown to be within "
                f"{_points(self.within)} of it"
                if smaller
                else f", and its {fact(self.prefer)} is the smallest"
            )
        open_ones = [f"about {rounded(votes)} on {name(model)}" for model, votes in self.more_votes.items()]
        return text + (f". More votes would tell: {join_names(open_ones)}." if open_ones else ".")

    def _weighed(
        self,
        known: Mapping[str, Candidate],
        chosen: Candidate,
        name: Callable[[str], str],
        fact: Callable[[str], str],
    ) -> str:
        """The sentence where facts weigh beside the score."""
        parts = join_names([f"{fact(one)} {weight:g}" for one, weight in self.weigh.items()])
        sure = "" if chosen.probability is None else f", with a chance of {_percent(chosen.probability)}"
        rates = join_names([f"{rate:.2g} of {fact(one)}" for one, rate in self.rates.items() if rate > 0])
        swayed = join_names([name(one) for one in self.swayed_by])
        listed = (
            f"the choice depends on {swayed} being listed"
            if swayed
            else "the choice stays whichever other one is taken off the list"
        )
        return (
            f"Take {name(chosen.model)}: weighing the score 1 and {parts}, it is the best of {len(known)} "
            f"that meet the conditions{sure}; a point of score goes with {rates or 'nothing'} among these "
            f"models, and {listed}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each model, best first, with its facts as columns."""
        import pandas as pd

        rows = []
        for one in self.candidates:
            row = {"model": one.model, "score": one.score, **one.facts}
            rows.append(row | {name: getattr(one, name) for name in _SAID})
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain values."""
        return {**asdict(self), "conclusion": self.conclusion()}


_SAID = ("why_not", "probability", "below_best", "pareto", "weighed")


def decide(
    board: Leaderboard,
    facts: Facts | pd.DataFrame,
    *,
    at_most: Mapping[str, float] | None = None,
    at_least: Mapping[str, float] | None = None,
    only: Mapping[str, Sequence[str] | str] | None = None,
    prefer: str | None = None,
    within: float | None = None,
    weigh: Mapping[str, float] | None = None,
) -> Decision:
    """Say which model to take: the best that meets the conditions, or a cheaper one that is hardly worse.

    With `prefer` it is the model with the smallest such fact that is shown to be at most `within` points
    below the best, at the board's level and whichever model the votes made the best (a test of
    non-inferiority over all pairs at once).

    Args:
        board: of a rating with intervals, such as `rank(votes, cluster="voter")`.
        facts: model → fact → value; or a frame with a column `model`. Models without a value that a condition
            needs are not taken.
        at_most: fact → its largest value allowed, such as {"price": 5}.
        at_least: fact → its smallest value allowed, such as {"context": 32000}.
        only: fact → the values allowed, such as {"licence": ["apache-2.0", "mit"]}.
        prefer: fact that is to be small, such as "price".
        within: points that the choice may be below the best; 20 points of Elo if left out (53 wins to 47).
        weigh: fact → its weight beside the score, which weighs 1, such as {"price": 0.5}: the model is taken
            whose score with its facts in points is the largest (Dynascore). Less is better of every fact but
            tokens_per_second and context. Not with `prefer`.

    Source:
        S. Wellek, Testing Statistical Hypotheses of Equivalence and Noninferiority (2010), chapter 2; Z. Ma,
        K. Ethayarajh et al., Dynaboard, NeurIPS 2021, for `weigh`.

    Raises:
        OptionError: an unknown fact, one that is no number where one is needed, models that nothing is known
            of, a board without intervals, `within` left out where scores are no log-odds, or both
            `prefer` and `weigh`.
    """
    known = _facts(facts)
    names = sorted({fact for one in known.values() for fact in one})
    if not set(known) & {row.model for row in board.rows}:
        raise OptionError(
            f"The facts name none of the models on the board; the board has {join_names(board.models)}."
        )
    if board.uncertainty is None or board.rank_method == "none":
        raise OptionError('A decision needs intervals; rank with interval="auto".')
    if prefer and weigh:
        raise OptionError("A decision has one fact to prefer or facts that weigh, not both; leave one out.")
    margin = _margin(board, within) if not weigh else 0.0
    needed = [prefer] if prefer else list(weigh or {})
    wanted = [*(at_most or {}), *(at_least or {}), *(only or {}), *needed]
    for fact in wanted:
        if fact not in names:
            raise OptionError(f"There is no fact {fact!r}; {suggest(fact, names)}")
    rows = []
    for row in board.rows:
        own = dict(known.get(row.model, {}))
        why_not = _reason(row, own, at_most or {}, at_least or {}, only or {}, needed)
        rows.append(Candidate(row.model, row.score, own, why_not))
    return _weighing(board, rows, weigh) if weigh else _chosen(board, rows, prefer, margin)


def _facts(given: Any) -> dict[str, dict[str, Any]]:
    """Facts by model, without those that are missing.

    Raises:
        OptionError: neither a mapping of mappings nor a frame with a column model.
    """
    if hasattr(given, "to_dict") and hasattr(given, "columns"):
        if "model" not in given.columns:
            raise OptionError("The facts need a column model that names the models of the board.")
        rows = given.to_dict("records")
        if len({row["model"] for row in rows}) < len(rows):
            raise OptionError("The facts name a model twice; keep one row of each.")
        given = {row.pop("model"): row for row in rows}
    if not isinstance(given, Mapping) or not all(isinstance(one, Mapping) for one in given.values()):
        raise OptionError('facts must be {"model": {"price": 0.6}, ...} or a frame with a column model.')
    return {
        str(model): {str(name): value for name, value in one.items() if not _missing(value)}
        for model, one in given.items()
    }


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _margin(board: Leaderboard, within: float | None) -> float:
    if within is None:
        if board.log_odds is None:
            raise OptionError(
                f"The scores of {board.method} are no log-odds; say with within= how far below the best is "
                "near enough."
            )
        return WITHIN * board.log_odds
    if not isinstance(within, int | float) or isinstance(within, bool) or not 0 <= within < math.inf:
        raise OptionError(f"within must be a number of points of at least 0, not {within!r}.")
    return float(within)


def _reason(
    row: Row,
    facts: Mapping[str, Any],
    at_most: Mapping[str, float],
    at_least: Mapping[str, float],
    only: Mapping[str, Sequence[str] | str],
    needed: Sequence[str],
) -> str | None:
    """The condition that a model does not meet, in words that follow "3 of"; None if it meets all."""
    if row.status != "ranked":
        return _FEW
    for fact in (*at_most, *at_least, *only, *needed):
        if fact not in facts:
            return f"unknown {fact}"
    for fact, bound in at_most.items():
        if _value(row.model, fact, facts[fact]) > bound:
            return f"{fact} above {bound:g}"
    for fact, bound in at_least.items():
        if _value(row.model, fact, facts[fact]) < bound:
            return f"{fact} below {bound:g}"
    for fact, allowed in only.items():
        values = [allowed] if isinstance(allowed, str) else [str(value) for value in allowed]
        if str(facts[fact]) not in values:
            return f"{fact} other than {join_names(values)}"
    for fact in needed:
        _value(row.model, fact, facts[fact])
    return None


def _value(model: str, fact: str, value: Any) -> float:
    """A fact as a number.

    Raises:
        OptionError: it is none.
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise OptionError(f"The {fact} of {model!r} is {value!r}, which is no number; correct it.")
    return number


def _number(one: Candidate, fact: str) -> float:
    return _value(one.model, fact, one.facts[fact])


def _chosen(board: Leaderboard, rows: list[Candidate], prefer: str | None, margin: float) -> Decision:
    """The decision among those that may be taken."""
    allowed = [one for one in rows if one.why_not is None]
    if not allowed:
        return Decision(None, None, prefer, margin, board.level, tuple(rows), {})
    best = allowed[0]  # rows stand best first
    chance = _chances(board, [one.model for one in allowed])
    bounds: dict[str, float] = {best.model: 0.0}
    more: dict[str, int] = {}
    for one in allowed[1:]:
        try:
            gap = board.difference(best.model, one.model, simultaneous=True)
        except OptionError:
            continue  # the votes do not bound it
        if gap.upper is not None:
            bounds[one.model] = max(gap.upper, 0.0)
            unsure = prefer is None and one is allowed[1] and chance.get(best.model, 1.0) < board.level
            if unsure and gap.lower is not None and gap.lower <= 0 < gap.difference:
                votes = min(board[best.model].votes, board[one.model].votes)
                more[one.model] = math.ceil(
                    votes * (((gap.upper - gap.difference) / gap.difference) ** 2 - 1)
                )
            smaller = prefer is not None and _number(one, prefer) < _number(best, prefer)
            if smaller and gap.upper >= margin and gap.difference < margin:
                wide = (gap.upper - gap.difference) / (margin - gap.difference)
                votes = min(board[best.model].votes, board[one.model].votes)
                more[one.model] = math.ceil(votes * (wide**2 - 1))
    near = [one for one in allowed if bounds.get(one.model, math.inf) < margin or one is best]
    choice = min(near, key=lambda one: _number(one, prefer)) if prefer else best
    done = tuple(
        one
        if one.why_not is not None
        else Candidate(
            one.model,
            one.score,
            one.facts,
            None,
            chance.get(one.model),
            bounds.get(one.model),
            _efficient(one, allowed, prefer),
        )
        for one in rows
    )
    open_ones = more if choice is best else {}
    return Decision(choice.model, best.model, prefer, margin, board.level, done, open_ones)


def _weighing(board: Leaderboard, rows: list[Candidate], weigh: Mapping[str, float]) -> Decision:
    """The decision by score and facts together, among those that may be taken."""
    allowed = [one for one in rows if one.why_not is None and one.score is not None]
    if not allowed:
        return Decision(None, None, None, 0.0, board.level, tuple(rows), {}, weigh)
    names = list(weigh)
    scores = np.array([one.score for one in allowed], dtype=np.float64)
    amounts = np.array([[_number(one, fact) for fact in names] for one in allowed])
    points, rates = fact_points(scores, amounts, names, weigh)
    if np.isnan(rates).any() and len(allowed) > 1:
        raise OptionError("No two of the models differ in score, so no fact has a worth; leave weigh out.")
    value = scores + points
    at = int(np.argmax(value))
    chance = _chances(board, [one.model for one in allowed], points)
    swayed = []
    for i, one in enumerate(allowed):
        left = np.arange(len(allowed)) != i
        if i != at and len(allowed) > 2:  # one that is left over has no rate
            other, worth = fact_points(scores[left], amounts[left], names, weigh)
            if not np.isnan(worth).any() and int(np.flatnonzero(left)[np.argmax(scores[left] + other)]) != at:
                swayed.append(one.model)
    by_model = {one.model: i for i, one in enumerate(allowed)}
    done = tuple(
        replace(one, probability=chance.get(one.model), weighed=float(value[by_model[one.model]]))
        if one.model in by_model
        else one
        for one in rows
    )
    rate = {name: float(rates[f]) for f, name in enumerate(names)}
    choice = allowed[at].model
    return Decision(choice, allowed[0].model, None, 0.0, board.level, done, {}, weigh, rate, tuple(swayed))


def _chances(board: Leaderboard, models: Sequence[str], points: FloatArray | None = None) -> dict[str, float]:
    """The chance of each of some models to be truly the best of them, with known points beside the scores."""
    if board.uncertainty is None:
        return {}
    scores = {row.model: row.score for row in board.rows}
    values = np.array([scores.get(name) if scores.get(name) is not None else np.nan for name in board.models])
    among = np.array([board.models.index(name) for name in models])
    shift = None
    if points is not None:
        shift = np.zeros(len(values))
        shift[among] = points
    seed = int(board.settings.get("seed", 0))
    found = first(values.astype(np.float64), board.uncertainty, among, seed, shift)
    return {name: float(found[i]) for name, i in zip(models, among, strict=True) if not math.isnan(found[i])}


def _efficient(one: Candidate, others: Sequence[Candidate], prefer: str | None) -> bool:
    """Whether no other has a better score and a smaller fact."""
    if prefer is None or one.score is None:
        return one is others[0]
    own = _number(one, prefer)
    return not any(
        other.score is not None
        and other.score >= one.score
        and _number(other, prefer) <= own
        and (other.score > one.score or _number(other, prefer) < own)
        for other in others
    )


def _points(points: float | None) -> str:
    return f"{points or 0.0:.0f} points" if (points or 0.0) >= 10 else f"{points or 0.0:.2g} points"


def _percent(chance: float) -> str:
    return "more than 99%" if chance > 0.99 else f"{chance:.0%}"
