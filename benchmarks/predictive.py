"""How well methods predict votes held out, beside leaderbot and arena-rank: log loss in the same folds.

    python -m benchmarks.predictive FILE [FILE ...]     five folds of single votes of each file
    python -m benchmarks.predictive FILE --column voter=judge --by voter

Every entrant learns from the same votes, is asked about the same others, and has one vote of even chances
mixed into what it says. A "both bad" is a tie, as leaderbot takes it. What says only an expected share, as
arena-rank and Bradley-Terry do, gets ties as `agon.ranking.prediction.outcome_chances` adds them. The
difference is to the best of leaderbot's and arena-rank's, paired, with a 95% interval clustered as
`agon compare-methods` clusters it. Peers that are not installed are left out (benchmarks/requirements.txt).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import agon as ag
from agon.ranking.errors import AgonError
from agon.ranking.prediction.held_out import SPLITS, hold_out, part_of
from agon.ranking.prediction.outcome_chances import OutcomeChances, chances_of, fit_ties, with_ties
from agon.ranking.registry import find
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.vote_source import Battles

OURS = (
    "rao_kupper", "rao_kupper_by_model", "rao_kupper_bag", "davidson", "bradley_terry", "plackett_luce",
    "elo", "weng_lin", "kwise_bayes",
)  # fmt: skip
Say = Callable[[Battles], OutcomeChances]  # the chances of every pair of models, row by row


def ours(name: str) -> Say:
    how = find(name)
    options = how.settings({})

    def say(seen: Battles) -> OutcomeChances:
        view = {"pairs": lambda: PairCounts.from_ballots(seen.ballots), "ballots": lambda: seen.ballots}
        result = how.function(view.get(how.view, lambda: seen)(), **options)
        return chances_of(how, result, options, seen.ballots, *pairs_of(len(seen.models)))

    return say


def pairs_of(m: int) -> tuple[np.ndarray, np.ndarray]:
    return np.divmod(np.arange(m * m), m)


def counts(seen: Battles) -> tuple[np.ndarray, ...]:
    """Models of each row, and its wins, losses and ties."""
    rows = seen.ballots.pair_rows
    weight = (seen.ballots.weight * seen.ballots.count)[rows.ballot]
    kept = weight > 0
    parts = (rows.win, rows.loss, rows.tie + rows.both_bad)
    return (rows.first[kept], rows.second[kept], *((part * weight)[kept] for part in parts))


def leaderbot_model(kind: str, k_cov: int | None, k_tie: int, method: str = "BFGS") -> Say:
    from leaderbot import models

    def say(seen: Battles) -> OutcomeChances:
        first, second, win, loss, tie = counts(seen)
        data = {
            "X": np.stack([first, second], axis=1),
            "Y": np.stack([win, loss, tie], axis=1).round().astype(int),
            "models": list(seen.models),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ties = {} if kind == "BradleyTerry" else {"k_tie": k_tie}
            model = getattr(models, kind)(data, k_cov=k_cov, **ties)
            model.train(method=method)
            asked = np.stack(pairs_of(len(seen.models)), axis=1)
            chance = np.asarray(model.infer(asked))
        if chance.shape[1] == 2 or kind == "BradleyTerry":
            return shared(seen, chance[:, 0] / (chance[:, 0] + chance[:, 1]))
        return OutcomeChances(chance[:, 0], chance[:, 2], chance[:, 1])

    return say


def arena_rank_model() -> Say:
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    def say(seen: Battles) -> OutcomeChances:
        first, second, *parts = counts(seen)
        names = np.array(seen.models, dtype=object)
        told = []
        for winner, number in zip(("model_a", "model_b", "tie"), parts, strict=True):
            times = number.round().astype(int)
            told.append(
                pd.DataFrame(
                    {
                        "model_a": np.repeat(names[first], times),
                        "model_b": np.repeat(names[second], times),
                        "winner": winner,
                    }
                )
            )
        dataset = PairDataset.from_pandas(pd.concat(told, ignore_index=True))
        found = BradleyTerry(n_competitors=len(dataset.competitors)).compute_ratings_and_cis(
            dataset, significance_level=0.05
        )
        rating = dict(zip(found["competitors"], np.asarray(found["ratings"]), strict=True))
        score = np.array([rating.get(name, np.nan) for name in seen.models])
        i, j = pairs_of(len(names))
        return shared(seen, 1 / (1 + 10 ** ((score[j] - score[i]) / 400)))

    return say


def shared(seen: Battles, share: np.ndarray) -> OutcomeChances:
    """What says only an expected share, with ties added."""
    first, second, win, loss, tie = counts(seen)
    nu = fit_ties(share[first * len(seen.models) + second], win, tie, loss)
    return with_ties(share, nu)


def entrants() -> dict[str, Say]:
    found = {name: ours(name) for name in OURS}
    if find_spec("leaderbot"):
        for kind in ("RaoKupper", "Davidson"):
            found[f"leaderbot {kind}, classical"] = leaderbot_model(kind, None, 0)
            found[f"leaderbot {kind}, covariance"] = leaderbot_model(kind, 0, 0)
            found[f"leaderbot {kind}, its default"] = leaderbot_model(kind, 0, 1)
        found["leaderbot BradleyTerry"] = leaderbot_model("BradleyTerry", None, 0)
    if find_spec("arena_rank"):
        found["arena-rank"] = arena_rank_model()
    return found


def losses(votes: ag.Comparisons, by: str, folds: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """(N,) log loss of each entrant on each vote (NaN where it says nothing), and clusters of the votes."""
    held = hold_out(votes, by, folds)
    rows, m = held.battles.ballots.pair_rows, len(votes.models)
    made = {name: np.full(len(held.fold), np.nan) for name in entrants()}
    for learn, asked in held.folds():
        seen = part_of(held.battles, learn)
        share = 1.0 / (learn.sum() + 1)
        for name, say in entrants().items():
            try:
                told = say(seen)
            except (AgonError, RuntimeError, ValueError, FloatingPointError) as error:
                print(f"  {name}: {str(error)[:90]}")
                continue
            at = rows.first * m + rows.second
            chance = np.stack([told.win, told.tie, told.loss])[:, at] * (1 - share) + share / 3
            cost = -(np.stack([rows.win, rows.tie + rows.both_bad, rows.loss]) * np.log(chance)).sum(axis=0)
            ballot = np.bincount(rows.ballot, cost, len(held.battles.ballots.count))
            made[name][asked] = ballot[held.battles.sequence[asked]]
    return made, held.cluster


def table(path: Path, columns: dict[str, str], by: str, folds: int) -> None:
    votes = ag.comparisons(path, columns=columns or None, invalid="drop")
    made, cluster = losses(votes, by, folds)
    good = np.all([np.isfinite(cost) for cost in made.values() if np.isfinite(cost).any()], axis=0)
    made = {name: cost[good] for name, cost in made.items() if np.isfinite(cost).any()}
    peers = {name: cost.mean() for name, cost in made.items() if name.startswith(("leaderbot", "arena-rank"))}
    best = min(peers, key=peers.get) if peers else next(iter(made))
    print(f"\n{path.name}: {good.sum():,} of {len(good):,} votes held out by {by}, beside {best}")
    print(f"{'':34} {'log loss':>9} {'ratio':>7}   difference, 95%")
    for name, cost in sorted(made.items(), key=lambda item: item[1].mean()):
        gap = cost - made[best]
        sums = np.bincount(cluster[good], gap - gap.mean())
        half = 1.96 * np.sqrt((sums**2).sum()) / len(gap)
        print(
            f"{name:34} {cost.mean():9.5f} {cost.mean() / made[best].mean():7.4f}   "
            f"{gap.mean():+.5f} ({gap.mean() - half:+.5f} to {gap.mean() + half:+.5f})"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--by", choices=SPLITS, default="vote")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--column", action="append", default=[])
    given = parser.parse_args(arguments)
    for path in given.files:
        table(path, dict(one.split("=", 1) for one in given.column), given.by, given.folds)


if __name__ == "__main__":
    main()
