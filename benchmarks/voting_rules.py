"""How fast the voting rules are, with pref_voting beside where it can, and published figures as text.

    python -m benchmarks.voting_rules            # a minute
    python -m benchmarks.voting_rules --quick    # a fifth of the sizes

Published code (Vote'n'Rank, PragmaticsLab/vote_and_rank at 6d9cbe3) on 1,000 systems x 100 tasks, measured
once on another machine (methods.md): constructor 13.5 s, minimax 14.7 s, Baldwin 33.7 s, threshold 4.1 s.
pref_voting names winners only and may stop at a Condorcet winner; ours orders all models.
"""

import argparse
import importlib.util
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from agon.ranking import METHODS, Comparisons, ScoreTable, winner_probabilities
from agon.ranking.analysis.task_weights import prospects
from agon.ranking.methods.social_choice.kemeny import consensus
from agon.ranking.simulate import bradley_terry_world

PUBLISHED = {"constructor": "13.5 s", "minimax": "14.7 s", "baldwin": "33.7 s", "threshold": "4.1 s"}


def median_time(work: Callable[[], Any], repeat: int = 3) -> float:
    """Median of the seconds that the work takes."""
    seconds = []
    for _ in range(repeat):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds))


def row(case: str, seconds: float, target: str = "", beside: str = "") -> None:
    """Print one line of the table."""
    print(f"| {case} | {seconds:.3f} s | {target} | {beside} |", flush=True)


def table(n_models: int, n_tasks: int, seed: int = 0) -> ScoreTable:
    """Scores with a common strength, two decimals, so that tasks have ties."""
    rng = np.random.default_rng(seed)
    scores = (rng.normal(size=(n_models, 1)) + rng.normal(size=(n_models, n_tasks))).round(2)
    models = [f"m{i:04d}" for i in range(n_models)]
    weights = {f"t{t:03d}": float(w) for t, w in enumerate(rng.choice([0.5, 1.0, 2.0], n_tasks))}
    return ScoreTable.of(models, list(weights), scores, weights=weights)


def fresh(given: ScoreTable) -> ScoreTable:
    """The same table without the views computed before."""
    return given.subset(np.ones(len(given.models), dtype=bool))


def run(name: str, given: ScoreTable, **options: Any) -> Any:
    """One rule on one table."""
    how = METHODS[name]
    return how.function(how.view_of(given), **how.settings(options))


def score_tables(n_models: int, n_tasks: int) -> None:
    """Rules on a large table, from the scores on."""
    given = table(n_models, n_tasks)
    size = f"{n_models:,} x {n_tasks}"

    def majorities() -> None:
        new = fresh(given)
        run("copeland", new)
        run("minimax", new)

    row(
        f"pair matrix + Copeland + minimax, {size}",
        median_time(majorities),
        "0.5 s",
        "minimax 14.7 s + 13.5 s",
    )
    for name in ("borda", "baldwin", "threshold", "nanson", "instant_runoff", "coombs", "two_round"):
        target = "1 s" if name in ("baldwin", "threshold") else ""
        seconds = median_time(lambda name=name: run(name, fresh(given)))
        row(f"{name}, {size}", seconds, target, PUBLISHED.get(name, ""))


def prospective_winners(n_models: int, n_tasks: int) -> None:
    """The linear programme of every model: weights of the tasks under which it wins, or the proof of none."""
    given = table(n_models, n_tasks)
    begin = time.perf_counter()
    found = prospects(given)
    won = sum(one.possible for one in found)
    case = f"all {n_models:,} prospective programmes x {n_tasks} tasks ({won} can win)"
    row(case, time.perf_counter() - begin, "60 s", "4.9 s for one")


def large_majorities(n_models: int) -> None:
    """Rules on paths, beside pref_voting on a fifth of the candidates."""
    pairs = table(n_models, 100, seed=1).pairs
    for name in ("schulze", "split_cycle", "ranked_pairs", "smith_set", "schwartz_set"):
        how = METHODS[name]
        seconds = median_time(lambda how=how: how.function(pairs))
        row(
            f"{name}, {n_models} candidates",
            seconds,
            "2 s" if name == "schulze" else "",
            beside(name, n_models // 5),
        )


def beside(name: str, n_models: int) -> str:
    """Seconds of pref_voting for the same rule on fewer candidates, or that it is not here."""
    if importlib.util.find_spec("pref_voting") is None:
        return "pref_voting is not installed"
    import pref_voting.voting_methods as theirs
    from pref_voting.weighted_majority_graphs import MarginGraph

    methods = {
        "schulze": theirs.beat_path,
        "split_cycle": theirs.split_cycle,
        "ranked_pairs": theirs.ranked_pairs_tb,
    }
    methods |= {"smith_set": theirs.smith_set, "schwartz_set": theirs.schwartz_set}
    wins = table(n_models, 100, seed=1).pairs.wins
    margin = wins - wins.T
    edges = [(int(a), int(b), float(margin[a, b])) for a, b in np.argwhere(margin > 0)]
    graph = MarginGraph(list(range(n_models)), edges)
    seconds = median_time(lambda: methods[name](graph), 1)
    return f"pref_voting {seconds:.2f} s on {n_models} candidates"


def orders(sizes: list[int]) -> None:
    """Exact Kemeny on tables, and on random tournaments, the hardest case, in ten seconds each."""
    for n in sizes:
        wins = table(n, 20, seed=2).pairs.wins
        found = consensus(wins)
        row(
            f"kemeny, {n} systems x 20 tasks",
            median_time(lambda w=wins: consensus(w)),
            "1 s" if n == 24 else "",
            proof(found),
        )
        up = np.triu(np.random.default_rng(n).choice([-1, 1], (n, n)), 1)
        begin = time.perf_counter()
        found = consensus(np.maximum(up - up.T, 0).astype(float), 10.0)
        row(f"kemeny, random tournament of {n}", time.perf_counter() - begin, "", proof(found))


def proof(found: Any) -> str:
    """Whether the order is proven best, or the gap."""
    return "proven best" if found.proven else f"gap {(found.cost - found.bound) / found.cost:.1%}"


def four_wise(n_votes: int, n_models: int = 100) -> Comparisons:
    """Ballots that order four models at random, by strength and a Gumbel error (Plackett-Luce)."""
    rng = np.random.default_rng(0)
    shown = np.argpartition(rng.random((n_votes, n_models)), 4, axis=1)[:, :4]
    height = rng.normal(size=n_models)[shown] + rng.gumbel(size=shown.shape)
    places = np.argsort(np.argsort(-height, axis=1), axis=1) + 1
    return Comparisons.of([f"m{i:03d}" for i in range(n_models)], shown, places)


def bootstrap(votes: Comparisons, what: str, rounds: int, target: str = "") -> None:
    """Bootstrap every polynomial rule on the same draws, as `compare_rules` does; then each by itself."""
    rules = [
        how.name
        for how in METHODS.values()
        if how.view in ("pairs", "ballots") and how.gives != "Fit" and how.name not in ("kemeny", "win_rate")
    ]
    options = {name: {"missing": "worst"} for name in rules if "missing" in METHODS[name].options}
    winner_probabilities(votes, rules, n_resamples=2, options=options)  # imports
    for some, case in ((rules, f"all {len(rules)} rules"), *(([name], name) for name in rules)):
        chosen = {name: given for name, given in options.items() if name in some}
        begin = time.perf_counter()
        winner_probabilities(votes, some, n_resamples=rounds, options=chosen)
        goal = target if some is rules else ""
        row(f"{rounds} rounds of {case}, {what}", time.perf_counter() - begin, goal)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the sizes")
    small = parser.parse_args().quick
    print(f"Python {platform.python_version()}, numpy {np.__version__}, median of three\n")
    print("| case | ours | target | beside |\n| --- | --- | --- | --- |")
    score_tables(200 if small else 1000, 20 if small else 100)
    prospective_winners(200 if small else 1000, 20 if small else 100)
    large_majorities(100 if small else 500)
    orders([12, 16] if small else [24, 40])
    n_votes = 200_000 if small else 1_000_000
    votes = bradley_terry_world(100, n_votes, seed=1).comparisons()
    bootstrap(votes, f"{n_votes:,} votes on 100 models", 200, "10 s")
    bootstrap(four_wise(n_votes // 10), f"{n_votes // 10:,} votes on 4 of 100 models", 20)


if __name__ == "__main__":
    main()
