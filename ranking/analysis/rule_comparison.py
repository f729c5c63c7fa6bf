"""The comparison of rules: the same votes ranked by several, on one table and in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.analysis.rank_correlation import kendall_tau_b
from agon.ranking.analysis.rule_probabilities import WinnerProbabilities, winner_probabilities
from agon.ranking.errors import InputError, MethodError, OptionError
from agon.ranking.leaderboard.leaderboard import Leaderboard
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.registry import Method, Rule, find
from agon.ranking.text import Readable, join_names
from agon.ranking.votes.comparisons import Comparisons, Votes, as_comparisons
from agon.ranking.votes.score_table import ScoreTable

if TYPE_CHECKING:
    import pandas as pd

# Compared where no others are named: a rating, shares, and what differs most among the voting rules.
COMPARED_RULES = (
    "bradley_terry",
    "win_rate",
    "mean",
    "mean_win_rate",
    "borda",
    "plurality",
    "dowdall",
    "copeland",
    "minimax",
    "schulze",
    "ranked_pairs",
    "split_cycle",
    "maximal_lottery",
    "instant_runoff",
    "baldwin",
)
LISTED = 12  # models a Markdown table lists


@dataclass(frozen=True, eq=False, repr=False)
class RuleComparison(Readable):
    """What L rules say about M models on the same votes.

    Attributes:
        models: M names, those with the best ranks first.
        methods: L names of rules; on boards of groups with the group behind.
        rank: (L, M) rank under each rule, equal numbers are ties; 0 where a rule gives none.
        rank_lower, rank_upper: (L, M) best and worst rank at the level; 0 where unknown.
        first: (L, M) probability of winning by the bootstrap, or None if only boards were given.
        agreement: (L, L) Kendall's τ-b between the ranks, NaN where a rule ranks nobody apart.
        level: of the rank ranges.
        n_resamples, seed: of the bootstrap; 0 if only boards were given.
        nobody: (L,) probability that the rule elects nobody, or None if only boards were given.
        lotteries: for rules that elect by lot the (M,) shares.
        provisional: models with too few votes, left out under every rule.
    """

    models: tuple[str, ...]
    methods: tuple[str, ...]
    rank: IntArray
    rank_lower: IntArray
    rank_upper: IntArray
    first: FloatArray | None
    agreement: FloatArray
    level: float
    n_resamples: int = 0
    seed: int = 0
    nobody: FloatArray | None = None
    lotteries: Mapping[str, FloatArray] = field(default_factory=dict)
    provisional: tuple[str, ...] = ()

    def winners(self, method: str) -> tuple[str, ...]:
        """The models that one rule puts first.

        Raises:
            OptionError: no such rule in the comparison.
        """
        if method not in self.methods:
            raise OptionError(f"The comparison has no rule {method!r}; it has {', '.join(self.methods)}.")
        row = self.rank[self.methods.index(method)]
        return tuple(name for name, rank in zip(self.models, row.tolist(), strict=True) if rank == 1)

    @property
    def champions(self) -> Mapping[str, tuple[str, ...]]:
        """The models first under at least one rule, with those rules; those of most rules first."""
        found = {
            name: tuple(
                rule for rule, rank in zip(self.methods, self.rank[:, i].tolist(), strict=True) if rank == 1
            )
            for i, name in enumerate(self.models)
        }
        return {name: rules for name, rules in sorted(found.items(), key=lambda item: -len(item[1])) if rules}

    def conclusion(self) -> str:
        """Say in one sentence who is first under which rules, and how far the rules agree."""
        champions = self.champions
        if not champions:
            return f"None of the {len(self.methods)} rules puts a model first."
        if len(champions) == 1:
            return self._unanimous(*next(iter(champions.items())))
        parts = [
            f"{name} under {len(rules)} ({', '.join(rules).replace('_', ' ')})"
            if len(rules) <= 3
            else f"{name} under {len(rules)}"
            for name, rules in list(champions.items())[:4]
        ]
        more = f" and {len(champions) - 4} more" if len(champions) > 4 else ""
        return (
            f"{len(champions)} models are first under at least one of {len(self.methods)} rules: "
            f"{', '.join(parts)}{more}{self._agreed()}."
        )

    def _unanimous(self, name: str, rules: tuple[str, ...]) -> str:
        """The sentence when only one model is ever first."""
        i = self.models.index(name)
        where = [number for number, rule in enumerate(self.methods) if rule in rules]
        silent = len(self.methods) - len(where)
        which = (
            f"all {len(rules)} rules"
            if not silent
            else f"all {len(rules)} of {len(self.methods)} rules that elect"
        )
        text = f"{name} is first under {which}"
        if self.first is not None:
            least = float(self.first[where, i].min())
            often = "every resample" if least == 1.0 else f"at least {least:.0%} of the resamples"
            text += f", in {often} of each"
        return f"{text}{self._agreed()}."

    def _agreed(self) -> str:
        """How far the rules agree, as the end of a sentence."""
        pairs = self.agreement[np.triu_indices(len(self.methods), 1)]
        pairs = pairs[~np.isnan(pairs)]
        if not len(pairs):
            return ""
        return f"; the rules' orders agree with τ-b from {pairs.min():.2f} to {pairs.max():.2f}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each rule: who is first, how probable that is, and who else could be.

        Of many models the first few are named and the others counted; `rank_lower` has them all.
        """
        import pandas as pd

        rows = []
        for number, method in enumerate(self.methods):
            winners = self.winners(method)
            chance = None if self.first is None else self.first[number]
            at = [self.models.index(name) for name in winners]
            rows.append(
                {
                    "method": method,
                    "first": self._first(method, winners),
                    "probability": None if chance is None else float(chance[at].sum()),
                    "nobody": None if self.nobody is None else float(self.nobody[number]),
                    "contenders": join_names(self.within_reach(method)),
                }
            )
        return pd.DataFrame(rows).astype(dict.fromkeys(("probability", "nobody"), "float64"))

    def _first(self, method: str, winners: tuple[str, ...]) -> str:
        """Who is first, with the shares of a lottery."""
        if method not in self.lotteries:
            return join_names(winners)
        shares = self.lotteries[method]
        order = np.argsort(-shares, kind="stable").tolist()
        return join_names([f"{self.models[i]} {shares[i]:.0%}" for i in order if shares[i] > 5e-4])

    def within_reach(self, method: str) -> tuple[str, ...]:
        """The models that one rule does not put first, but whose rank range begins at 1.

        Raises:
            OptionError: no such rule in the comparison.
        """
        winners = self.winners(method)
        lower = self.rank_lower[self.methods.index(method)].tolist()
        reach = (name for name, best in zip(self.models, lower, strict=True) if best == 1)
        return tuple(name for name in reach if name not in winners)

    def ranks(self) -> pd.DataFrame:
        """Return the rank ranges as texts, models down and rules across."""
        import pandas as pd

        cells = [
            [self._cell(number, i) for number in range(len(self.methods))] for i in range(len(self.models))
        ]
        return pd.DataFrame(cells, index=list(self.models), columns=list(self.methods))

    def _cell(self, number: int, i: int) -> str:
        """Rank and range of a model under a rule."""
        rank, low, high = (int(table[number, i]) for table in (self.rank, self.rank_lower, self.rank_upper))
        if not rank:
            return "–"
        return str(rank) if low in (0, high) else f"{rank} ({low}–{high})"

    def to_markdown(self) -> str:
        """Return the conclusion, who is first under each rule, rank ranges and agreement as Markdown."""
        rows = self.to_frame()
        chance = ["" if p != p else f"{p:.0%}" for p in rows["probability"]]  # noqa: PLR0124 - NaN
        nobody = [f"{p:.0%}" if p > 0 else "" for p in rows["nobody"]]
        first = [
            [method, winner or "nobody", p, none, others]
            for method, winner, p, none, others in zip(
                rows["method"], rows["first"], chance, nobody, rows["contenders"], strict=True
            )
        ]
        ranks = self.ranks().head(LISTED)
        parts = [
            self.conclusion(),
            _table(["rule", "first", "probability", "nobody", "could be first too"], first),
            _table(["model", *self.methods], [[str(name), *row] for name, row in ranks.iterrows()]),
            _table(
                ["τ-b", *self.methods],
                [
                    [name, *("" if np.isnan(tau) else f"{tau:.2f}" for tau in row)]
                    for name, row in zip(self.methods, self.agreement.tolist(), strict=True)
                ],
            ),
        ]
        if len(self.models) > LISTED:
            parts.insert(3, f"{len(self.models) - LISTED} more models are in `ranks()`.")
        if self.provisional:
            parts.append(self.left_out_sentence())
        return "\n\n".join(parts) + "\n"

    def left_out_sentence(self) -> str:
        """Name the models with too few votes; empty if there are none."""
        names = join_names(self.provisional)
        return f"Left out for having too few votes: {names}." if names else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return {
            "conclusion": self.conclusion(),
            "level": self.level,
            "n_resamples": self.n_resamples,
            "seed": self.seed,
            "models": list(self.models),
            "provisional": list(self.provisional),
            "champions": {name: list(rules) for name, rules in self.champions.items()},
            "methods": [
                {
                    "method": method,
                    "first": list(self.winners(method)),
                    "contenders": list(self.within_reach(method)),
                    "ranks": [rank or None for rank in self.rank[i].tolist()],
                    "rank_lower": [rank or None for rank in self.rank_lower[i].tolist()],
                    "rank_upper": [rank or None for rank in self.rank_upper[i].tolist()],
                    "probability": None if self.first is None else self.first[i].tolist(),
                    "nobody": None if self.nobody is None else float(self.nobody[i]),
                    "lottery": self.lotteries[method].tolist() if method in self.lotteries else None,
                }
                for i, method in enumerate(self.methods)
            ],
            "agreement": [[None if np.isnan(tau) else tau for tau in row] for row in self.agreement.tolist()],
        }


def compare_rules(
    given: Votes | Sequence[Leaderboard],
    methods: Sequence[str | Rule | Method] | None = None,
    *,
    n_resamples: int = 200,
    seed: int = 0,
    level: float = 0.95,
    cluster: str | None = "auto",
    min_votes: int = 30,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> RuleComparison:
    """Look at the same votes through several rules.

    Args:
        given: votes, as for `rank`, or boards from `rank_all` of the same votes.
        methods: names or functions; None for those of `COMPARED_RULES` that these votes carry enough for.
            Not with boards.
        n_resamples, seed, level, cluster, min_votes, options: as for `winner_probabilities`; not with boards.

    Raises:
        MethodError: no rule, a rule twice, boards with methods.
        As `winner_probabilities`.
    """
    if isinstance(given, Sequence):
        if methods is not None:
            raise MethodError("Boards have their methods already; give votes to choose others.")
        return _from_boards(given)
    if methods is None:
        given = as_comparisons(given)
        methods = [name for name, _ in split_applicable(given, [(name, {}) for name in COMPARED_RULES])[0]]
    if not methods:
        raise MethodError("A comparison needs rules: name them with methods=[...].")
    seen = winner_probabilities(
        given,
        methods,
        n_resamples=n_resamples,
        seed=seed,
        level=level,
        cluster=cluster,
        min_votes=min_votes,
        options=options,
    )
    return _from_probabilities(seen)


def split_applicable(
    votes: Comparisons | ScoreTable, methods: Sequence[tuple[str, Mapping[str, Any]]]
) -> tuple[list[tuple[str, Mapping[str, Any]]], list[str]]:
    """The rules, each with its options, that these votes carry enough for, and the names of the others."""
    chosen: list[tuple[str, Mapping[str, Any]]] = []
    refused = []
    for name, options in methods:
        how = find(name)
        settings = how.settings(options)
        try:
            how.function(how.view_of(votes), **settings)
            chosen.append((name, options))
        except InputError:
            refused.append(name)
    return chosen, refused


def _from_probabilities(seen: WinnerProbabilities) -> RuleComparison:
    """Put the rules' ranks side by side."""
    names = [rule.method for rule in seen.rules]
    rank = np.stack([rule.rank for rule in seen.rules])
    lower = np.stack([rule.rank_lower for rule in seen.rules])
    upper = np.stack([rule.rank_upper for rule in seen.rules])
    first = np.stack([rule.first for rule in seen.rules])
    made = _sorted(seen.models, names, (rank, lower, upper), first, seen.level, seen.n_resamples, seen.seed)
    order = [seen.models.index(name) for name in made.models]
    lots = {rule.method: rule.lottery[order] for rule in seen.rules if rule.lottery is not None}
    nobody = np.array([rule.nobody for rule in seen.rules])
    return replace(made, nobody=nobody, lotteries=lots, provisional=seen.provisional)


def _from_boards(boards: Sequence[Leaderboard]) -> RuleComparison:
    """Put the ranks of boards side by side; provisional models have none."""
    if not boards:
        raise MethodError("A comparison needs boards: give at least one.")
    models = tuple(sorted({row.model for board in boards for row in board.rows}))
    column = {name: i for i, name in enumerate(models)}
    tables = np.zeros((3, len(boards), len(models)), dtype=np.int64)
    for number, board in enumerate(boards):
        for row in board.rows:
            numbers = (row.rank or 0, row.rank_lower or 0, row.rank_upper or 0)
            tables[:, number, column[row.model]] = numbers
    names = [" ".join([board.method, *map(str, (board.by or {}).values())]) for board in boards]
    return _sorted(models, names, (tables[0], tables[1], tables[2]), None, boards[0].level)


def _sorted(
    models: Sequence[str],
    methods: Sequence[str],
    tables: tuple[IntArray, IntArray, IntArray],
    first: FloatArray | None,
    level: float,
    n_resamples: int = 0,
    seed: int = 0,
) -> RuleComparison:
    """Order the models by their mean rank over the rules, and measure the agreement."""
    twice = [name for name in methods if list(methods).count(name) > 1]
    if twice:
        raise MethodError(f"The rule {twice[0]!r} is given twice; give it once, or wrap it in a function.")
    rank = tables[0]
    known = np.where(rank > 0, rank, len(models) + 1).mean(axis=0)
    order = np.lexsort((np.asarray(models, dtype=object).astype(str), known))
    return RuleComparison(
        models=tuple(models[i] for i in order),
        methods=tuple(methods),
        rank=rank[:, order],
        rank_lower=tables[1][:, order],
        rank_upper=tables[2][:, order],
        first=None if first is None else first[:, order],
        agreement=kendall_tau_b(rank),
        level=level,
        n_resamples=n_resamples,
        seed=seed,
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
