"""Which axioms the rules break on these very votes, each with the change of the votes that shows it.

A failure is shown, not argued: the changed votes were ranked again. That none was found proves nothing;
the number of changes tried is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from agon.ranking.analysis.perturbation import Trial, levels
from agon.ranking.errors import InputError, OptionError, suggest
from agon.ranking.leaderboard.eligibility import keep_eligible
from agon.ranking.numerics import IntArray
from agon.ranking.registry import Method, Rule, find
from agon.ranking.text import Names, Readable, Sentence, join_names
from agon.ranking.votes.comparisons import Votes, as_comparisons
from agon.ranking.votes.score_table import ScoreTable

if TYPE_CHECKING:
    import pandas as pd

Axiom = Literal["independence", "clones", "monotonicity"]
AXIOMS: tuple[Axiom, ...] = ("independence", "clones", "monotonicity")
_NAMES = {
    "independence": "independence of irrelevant alternatives",
    "clones": "independence of clones",
    "monotonicity": "monotonicity",
}
CLONE = " (clone)"  # behind the name of the model that a clone is of
SHARES = tuple(round(k * 0.618 % 1, 3) or 1.0 for k in range(40))  # of a group of ballots, spread evenly


@dataclass(frozen=True, repr=False)
class Finding(Readable):
    """One rule and one axiom on one set of votes.

    Attributes:
        method: the rule.
        axiom: "independence", "clones" or "monotonicity".
        fails: whether a change of the votes was found that breaks the axiom.
        tried: how many changes were ranked.
        models: those the counterexample is about.
        message: the counterexample, or what was tried, in one sentence.
    """

    method: str
    axiom: Axiom
    fails: bool
    tried: int
    models: tuple[str, ...]
    message: str

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return self.message


@dataclass(frozen=True, repr=False)
class Axioms(Readable):
    """What was found about several rules on one set of votes."""

    findings: tuple[Finding, ...]

    def conclusion(self) -> str:
        """Say in one sentence which rules break what."""
        parts = []
        for axiom in dict.fromkeys(one.axiom for one in self.findings):
            broken = [one.method for one in self.findings if one.axiom == axiom and one.fails]
            parts.append(f"{_NAMES[axiom]} fails under {', '.join(broken) if broken else 'no rule tried'}")
        return f"On these votes {'; '.join(parts)}." if parts else "No rule was tried."

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each finding."""
        import pandas as pd

        return pd.DataFrame([asdict(one) for one in self.findings])

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain values."""
        return {"conclusion": self.conclusion(), "findings": [asdict(one) for one in self.findings]}

    def to_markdown(self) -> str:
        """Return the counterexamples as a Markdown list under the conclusion."""
        lines = [f"- {one.method}, {_NAMES[one.axiom]}: {one.message}" for one in self.findings]
        return "\n".join([self.conclusion(), "", *lines]) + "\n"


def axioms(
    votes: Votes,
    methods: Sequence[str | Rule | Method],
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    which: Sequence[Axiom] = AXIOMS,
    tries: int = 400,
    min_votes: int = 30,
) -> Axioms:
    """Look for changes of these votes under which rules break an axiom.

    Independence: a model is taken away, and two others change their order. Clones: a copy of a model
    next to it on every ballot makes another model win or lose (Tideman 1987). Monotonicity: a winner that
    is moved to the top of some ballots stops winning, or a loser moved to the bottom of some wins.

    Args:
        votes: as for `rank`; of a score table each task is a ballot.
        methods: names or functions, on pairs, ballots or scores.
        options: of the methods, by their names.
        which: the axioms.
        tries: changes tried for each rule and axiom at most.
        min_votes: ballots a model must have been shown in; the others are left out.

    Raises:
        MethodError: a rule that plays votes in their order.
        OptionError: unknown axioms, or options of a rule that is not asked about.
    """
    for axiom in which:
        if axiom not in AXIOMS:
            raise OptionError(f"There is no axiom {axiom!r}; {suggest(axiom, AXIOMS)}")
    wanted = [find(one) for one in methods]
    for name in options or {}:
        if name not in {how.name for how in wanted}:
            raise OptionError(f"There are options for {name!r}, which is not among the methods; add it.")
    known = options or {}
    tables = keep_eligible(as_comparisons(votes), min_votes)[0]
    trials = [Trial(how, tables, how.settings(known.get(how.name, {})), tries) for how in wanted]
    return Axioms(tuple(_find(trial, axiom) for trial in trials for axiom in which))


def _find(trial: Trial, axiom: Axiom) -> Finding:
    """Try changes until one breaks the axiom or the tries are used up."""
    search = {"independence": _independence, "clones": _clones, "monotonicity": _monotonicity}[axiom]
    tried = 0
    for found in search(trial):
        tried += 1
        if found is not None:
            models, message = found
            return Finding(trial.how.name, axiom, True, tried, models, message)
        if tried >= trial.tries:
            break
    what = {
        "independence": "models taken away one at a time",
        "clones": "clones added one at a time",
        "monotonicity": "ways to raise a winner or to lower a loser",
    }[axiom]
    message = f"no failure of {trial.how.name} was found among {tried} {what}."
    return Finding(trial.how.name, axiom, False, tried, (), message)


Found = tuple[tuple[str, ...], str] | None


def _independence(trial: Trial) -> Iterator[Found]:
    """Take each model away, those on top first, and compare the order of the others."""
    if len(trial.models) < 3:
        return
    for gone in trial.front(len(trial.models)):
        rest = np.delete(np.arange(len(trial.models)), gone)
        names = [trial.models[i] for i in rest]
        try:
            after = trial.among(names)
        except InputError:
            continue  # the rule refuses the smaller set of votes, so nothing can be said
        before = trial.base[rest]
        turned = np.sign(before[:, None] - before[None, :]) != np.sign(after[:, None] - after[None, :])
        if not turned.any():
            yield None
            continue
        order = np.argwhere(turned)
        one, two = order[np.argmin(before[order].min(axis=1) * len(rest) + before[order].max(axis=1))]
        a, b, c = names[one], names[two], trial.models[gone]
        with_it, without = (
            _relation(a, b, before[one] - before[two]),
            _relation(a, b, after[one] - after[two]),
        )
        yield (a, b, c), f"with {c} in the race {with_it}, without it {without}."


def _relation(a: str, b: str, level: int) -> str:
    if level == 0:
        return f"{a} and {b} are level"
    return f"{a} is above {b}" if level < 0 else f"{b} is above {a}"


def _clones(trial: Trial) -> Iterator[Found]:
    """Add a clone of each model, those on top first: beside it on every ballot, or right below it."""
    before = trial.base == 0
    for model in trial.front(max(1, trial.tries // 2)):
        name = trial.models[model]
        clone = name + CLONE
        for side in ("split", "below"):
            try:
                after = _with_clone(trial, model, clone, side) == 0
            except InputError:
                continue
            changed = np.flatnonzero((after[:-1] != before) & (np.arange(len(before)) != model))
            ours = bool(after[model] or after[-1])
            if not len(changed) and ours == bool(before[model]):
                yield None
                continue
            said: dict[str, Any] = {"model": Names((name,)), "before": _first(trial.models, before)}
            said["after"] = _first((*trial.models, clone), after)
            if side == "below":
                yield (
                    (name,),
                    Sentence(
                        "a clone of {model}, right below it on every ballot, turns the winner from {before} "
                        "into {after}.",
                        **said,
                    ),
                )
            else:
                yield (
                    (name,),
                    Sentence(
                        "a clone of {model}, right beside it on every ballot, turns the winner from {before} "
                        "into {after}.",
                        **said,
                    ),
                )


def _with_clone(trial: Trial, model: int, clone: str, side: str) -> IntArray:
    """(M + 1,) levels when a model has a clone, which comes last."""
    names = (*trial.models, clone)
    if trial.how.view == "scores" and isinstance(trial.votes, ScoreTable):
        table = trial.votes
        bigger = replace(table, models=names, values=np.vstack([table.values, table.values[[model]]]))
        return levels(trial.how, bigger, trial.options)
    return trial.on(trial.profile.cloned(model, clone, side).ballots(), names)


def _first(models: Sequence[str], first: Any) -> Names | Sentence:
    """Who is first, as a value of a sentence."""
    return Names(models[int(i)] for i in np.flatnonzero(first)) or Sentence("nobody")


def _winners(models: Sequence[str], first: Any) -> str:
    return join_names([models[int(i)] for i in np.flatnonzero(first)]) or "nobody"


def _monotonicity(trial: Trial) -> Iterator[Found]:
    """Raise winners to the top, and lower losers to the bottom, of part of the ballots led by one model."""
    if trial.how.view == "scores":
        yield from _raised_scores(trial)
        return
    winners = [i for i in trial.front(3) if trial.base[i] == 0]
    losers = [i for i in trial.front(12) if trial.base[i] != 0]
    for share in SHARES:
        for winner in winners:
            for rival in losers:
                yield _moved(trial, winner, rival, share, "top")
    for share in SHARES:
        for loser in losers:
            for second in [i for i in trial.front(12) if i != loser]:
                yield _moved(trial, loser, second, share, "bottom")


def _moved(trial: Trial, model: int, other: int, share: float, to: str) -> Found:
    """Move a model on a share of the ballots led by the other (up), or by it with the other second (down).

    The ballots on which it moves least go first: they change the other models' contests least.
    """
    place = trial.profile.place
    if to == "top":
        rows = (place[:, other] == 1) & ~np.isnan(place[:, model]) & (place[:, model] != 1)
    else:
        rows = (place[:, model] == 1) & (place[:, other] == 2)
    family = np.where(rows, trial.profile.count, 0)
    total = round(float(family.sum()) * share)
    if total < 1:
        return None
    own = place[:, [model]]
    passed = (place < own).sum(axis=1) + 0.5 * (place == own).sum(axis=1)
    by_size = np.lexsort((-family, passed if to == "top" else -passed))
    taken = np.zeros_like(family)
    taken[by_size] = np.clip(total - (np.cumsum(family[by_size]) - family[by_size]), 0, family[by_size])
    try:
        after = trial.on(trial.profile.moved(model, taken, to).ballots(), trial.models)
    except InputError:
        return None
    name, top = trial.models[model], trial.models[other]
    if to == "top" and after[model] != 0:
        now = _winners(trial.models, after == 0)
        change = f"moving the winner {name} to the top of {total:,} ballots led by {top} makes {now} win."
        return (name, top), change
    if to == "bottom" and after[model] == 0 and trial.base[model] != 0:
        change = f"moving {name} from first to last on {total:,} ballots that have {top} second makes it win."
        return (name, top), change
    return None


def _raised_scores(trial: Trial) -> Iterator[Found]:
    """Raise a winner's score above all others, one task at a time, with rules on the scores themselves."""
    table = trial.votes
    assert isinstance(table, ScoreTable)  # noqa: S101 - the view is a score table's
    for winner in [i for i in trial.front(3) if trial.base[i] == 0]:
        for task, way in enumerate(table.directions):
            column = table.values[:, task]
            if np.isnan(column[winner]):
                continue
            best = np.nanmax(column) if way == "higher" else np.nanmin(column)
            values = table.values.copy()
            values[winner, task] = best + (np.ptp(column[~np.isnan(column)]) * (1 if way == "higher" else -1))
            try:
                after = levels(trial.how, replace(table, values=values), trial.options)
            except InputError:
                continue
            if after[winner] == 0:
                yield None
                continue
            name, now = trial.models[winner], _winners(trial.models, after == 0)
            yield (name,), f"raising the winner {name} above all on {table.tasks[task]!r} makes {now} win."
