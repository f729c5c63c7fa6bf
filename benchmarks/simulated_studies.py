"""Studies of two models by a panel: how often they decide, rightly and wrongly, looked at after every vote.

    python -m benchmarks.simulated_studies                      every cell, 1,000 studies each, some minutes
    python -m benchmarks.simulated_studies --studies 100        fewer, for a look
    python -m benchmarks.simulated_studies --plan               `agon plan --panel` against what happens

V voters judge two models on P prompts, each voter every prompt, in turns or one after the other. A voter has
a taste, a prompt an easier model, both normal in log-odds around the difference; a tenth of the votes are
ties. Where the difference is 0 whatever is decided is false. From 30 votes on a study is looked at after
each, by the rule that ends one, `agon.ranking.panel_lead`, and by that of boards whose voters go on coming,
`Leaderboard.lead`. For two models both are formulas, by which a thousand studies take seconds instead of
hours; each run holds them against the functions themselves at looks drawn at random.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from functools import cache
from time import perf_counter

import numpy as np
from scipy import stats
from scipy.special import erfc, expit, logit

from agon.ranking import Comparisons, panel_lead, plan_votes, rank
from agon.ranking.estimation.cluster_jackknife import student_df
from agon.ranking.inference.anytime import PANEL_ROOM, TUNED
from agon.ranking.inference.sandwich import LEAST_OF_SINGLE

LEVEL, LEAST, TIES = 0.95, 30, 0.1
SCHEDULES = 8
CHECKED = 6  # looks of a cell at which the formula is held against the engine


@dataclass(frozen=True)
class Design:
    """A panel, its prompts, standard deviations of tastes and prompts in log-odds, and the order of votes."""

    voters: int
    prompts: int
    taste: float
    prompt: float
    turns: bool = True


@dataclass(frozen=True)
class Votes:
    """(S, N) voter, prompt and outcome of the votes of S studies: 1, 0, or 0.5 for a tie."""

    voter: np.ndarray
    prompt: np.ndarray
    won: np.ndarray


def draw(design: Design, difference: float, studies: int, rng: np.random.Generator) -> Votes:
    """The votes of some studies in which one model is better by a difference in log-odds."""
    v, p = design.voters, design.prompts
    own, each = rng.normal(0, design.taste, (studies, v)), rng.normal(0, design.prompt, (studies, p))
    fixed = np.random.default_rng([v, p])  # few schedules, for degrees of freedom take long
    order = np.argsort(fixed.random((SCHEDULES, v, p)), axis=2)
    if design.turns:
        voter = np.argsort(fixed.random((SCHEDULES, p, v)), axis=2).reshape(SCHEDULES, -1)
        turn = np.broadcast_to(np.repeat(np.arange(p), v), voter.shape)
    else:
        voter = np.broadcast_to(np.repeat(np.arange(v), p), (SCHEDULES, v * p))
        turn = np.broadcast_to(np.tile(np.arange(p), v), voter.shape)
    study, schedule = np.arange(studies)[:, None], np.arange(studies) % SCHEDULES
    prompt = order[np.arange(SCHEDULES)[:, None], voter, turn][schedule]
    voter = voter[schedule]
    won = (rng.random(voter.shape) < expit(difference + own[study, voter] + each[study, prompt])).astype(
        float
    )
    won[rng.random(voter.shape) < TIES] = 0.5
    return Votes(voter, prompt, won)


def log_evidence(distance: np.ndarray, votes: np.ndarray, df: np.ndarray | float = math.inf) -> np.ndarray:
    """`anytime.log_evidence` of arrays."""
    p_value = 2 * stats.t.sf(np.abs(distance), df)
    normal = np.where(p_value > 1e-15, stats.norm.isf(np.maximum(p_value, 1e-300) / 2), 8.0)
    ratio = votes / TUNED
    z = np.where(np.isfinite(df), normal, distance) * np.sqrt(ratio / (1 + ratio))
    return 0.5 * z * z + np.log(erfc(-z / math.sqrt(2))) - 0.5 * np.log1p(ratio)


def clustered(group: np.ndarray, won: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, ...]:
    """(S, N) variance of the log-odds after each vote by the jackknife of groups, its df, and their number.

    With one parameter and votes of equal information the leverage of a group is its share n of the votes: its
    score s, made as large as for a fit to the others, is s/(1 − n).
    """
    hot = group[:, :, None] == np.arange(group.max() + 1)
    number, total = np.cumsum(hot, axis=1), np.arange(1, won.shape[1] + 1)[None, :, None]
    score = np.cumsum(hot * won[:, :, None], axis=1) - number * share[:, :, None]
    there = (number > 0).sum(axis=2)
    part = number / total
    larger = np.where(number > 0, score / (1 - part), 0)
    meat = (there - 1) / there * ((larger**2).sum(axis=2) - larger.sum(axis=2) ** 2 / there)
    information = total[:, :, 0] * share * (1 - share)
    few = np.array(
        [[df_of(tuple(sorted(filter(None, look)))) for look in one] for one in number[:SCHEDULES].tolist()]
    )
    return meat / information**2, few[np.arange(len(group)) % SCHEDULES], there


@cache
def df_of(sizes: tuple[int, ...]) -> float:
    """Degrees of freedom of clusters of so many votes."""
    return student_df(np.array(sizes, dtype=float)) if len(sizes) > 1 else 1.0


def decided(votes: Votes, design: Design) -> dict[str, np.ndarray]:
    """(S, N) at each look 1 where the first model is said to lead, −1 where the second is, by either rule."""
    n = np.arange(1, votes.won.shape[1] + 1)
    with np.errstate(all="ignore"):
        won = np.cumsum(votes.won, axis=1)
        share = won / n
        gap = logit(share)
        plain = (np.cumsum(votes.won**2, axis=1) - 2 * share * won + n * share**2) / (
            n * share * (1 - share)
        ) ** 2
        by_voter, voter_df, voters = clustered(votes.voter, votes.won, share)
        by_prompt, prompt_df, prompts = clustered(votes.prompt, votes.won, share)
        closer = 1 - (1 - LEVEL) / PANEL_ROOM

        def auto(level: float) -> tuple[np.ndarray, np.ndarray]:
            """The variance and its df by what a board clusters by itself: what makes intervals wider."""

            def wide(variance: np.ndarray, df: np.ndarray | float) -> np.ndarray:
                return stats.t.isf((1 - level) / 2, df) * np.sqrt(variance)

            use_voter = (voters > 1) & (wide(by_voter, voter_df) > wide(plain, math.inf))
            use_prompt = (prompts > 1) & (prompts < n) & (wide(by_prompt, prompt_df) > wide(plain, math.inf))
            cases = [use_voter & use_prompt, use_voter, use_prompt]
            both = np.maximum(by_voter + by_prompt - plain, LEAST_OF_SINGLE * plain)
            df = np.select(cases, [np.minimum(voter_df, prompt_df), voter_df, prompt_df], math.inf)
            return np.select(cases, [both, by_voter, by_prompt], plain), df

        goal, known = math.log(2 / (1 - LEVEL)), (n >= LEAST) & (share > 0) & (share < 1)
        by_votes = log_evidence(np.abs(gap) / np.sqrt(plain), n) >= goal
        ways = ((by_voter, voter_df), auto(closer))
        p_value = np.max([2 * stats.t.sf(np.abs(gap) / np.sqrt(v), df) for v, df in ways], axis=0)
        by_voters = (p_value <= 1 - closer) & (voters == design.voters)
        variance, df = auto(LEVEL)
        clock = np.where(np.isfinite(df), df + 1, n)
        board = log_evidence(np.abs(gap) / np.sqrt(variance), clock, df) >= goal
        way = np.nan_to_num(np.sign(gap))
    return {"panel": way * (known & by_votes & by_voters), "board": way * (known & board)}


def comparisons(votes: Votes, study: int, number: int) -> Comparisons:
    """The first votes of a study as the engine takes them."""
    places = {1.0: (1, 2), 0.0: (2, 1), 0.5: (1, 1)}
    labels = {"voter": votes.voter[study, :number].tolist(), "prompt": votes.prompt[study, :number].tolist()}
    won = votes.won[study, :number].tolist()
    return Comparisons.of("ab", [(0, 1)] * number, [places[one] for one in won], labels=labels)


def hold(votes: Votes, found: dict[str, np.ndarray], design: Design, rng: np.random.Generator) -> None:
    """Hold the formula against the engine at some looks.

    Raises:
        AssertionError: they differ.
    """
    for _ in range(CHECKED):
        study = int(rng.integers(len(votes.won)))
        number = int(rng.integers(LEAST, votes.won.shape[1] + 1))
        if not 0 < votes.won[study, :number].mean() < 1:
            continue
        given = comparisons(votes, study, number)
        lead, board = panel_lead(given, panel=design.voters), rank(given)
        way = {"a": 1, "b": -1}
        said = {
            "panel": way[lead.model] * lead.certain,
            "board": way[board.ranked[0].model] * board.lead.certain,
        }
        for rule, one in said.items():
            if one != found[rule][study, number - 1]:
                raise AssertionError(f"{design}, study {study} after {number} votes: {rule} says {one}")


def first_decision(said: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S,) what was decided first, 0 for nothing, and after how many votes, infinite for never."""
    there = said != 0
    at = there.argmax(axis=1)
    what = said[np.arange(len(said)), at]
    return what, np.where(there.any(axis=1), at + 1, np.inf)


def cell(design: Design, difference: float, studies: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The first decision of each of some studies, by either rule."""
    rng = np.random.default_rng([16, design.voters, design.turns])
    votes = draw(design, difference, studies, rng)
    found = decided(votes, design)
    hold(votes, found, design, rng)
    return {rule: first_decision(said) for rule, said in found.items()}


DESIGNS = [
    Design(voters, prompts, taste, prompt, turns)
    for voters, prompts in ((5, 30), (10, 30), (20, 30))
    for taste, prompt in ((0.0, 0.0), (0.3, 0.5), (0.5, 0.5), (1.0, 0.5))
    for turns in (True, False)
]
SHARES = (0.65, 0.7, 0.75, 0.8, 0.85, 0.9)  # of the decisive votes of the typical voter on the typical prompt


def table(studies: int) -> bool:
    """Print how often studies decide; whether false decisions are few enough everywhere."""
    print("| voters × prompts | taste, prompt | order | false | false, as boards |", end="")
    print("".join(f" {share:.0%} |" for share in SHARES))
    print("| --- | --- | --- | ---: | ---: |" + " ---: |" * len(SHARES))
    fine, error = True, 2 * math.sqrt(0.05 * 0.95 / studies)
    for design in DESIGNS:
        equal = cell(design, 0.0, studies)
        false = {rule: float((what != 0).mean()) for rule, (what, _) in equal.items()}
        fine &= false["panel"] <= 0.05 + error
        right = [""] * len(SHARES)
        if design.turns:
            found = [cell(design, math.log(share / (1 - share)), studies)["panel"][0] for share in SHARES]
            right = [f"{(what > 0).mean():.1%}" for what in found]
        print(
            f"| {design.voters} × {design.prompts} | {design.taste:g}, {design.prompt:g} | "
            f"{'in turns' if design.turns else 'one by one'} | {false['panel']:.1%} | {false['board']:.1%} | "
            f"{' | '.join(right)} |",
            flush=True,
        )
    return fine


def plans(studies: int) -> bool:
    """Print what is planned for panels against studies with prompts enough; whether half decide by then."""
    print("| voters, taste | wins | planned votes | decided by then | median | never in twice as many |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    fine = True
    for voters, taste in ((5, 0.0), (5, 0.3), (10, 0.3), (10, 0.5), (20, 0.5), (20, 1.0)):
        for share in (0.7, 0.8):
            planned = plan_votes(share, panel=voters, taste=taste, ties=TIES)
            if planned.any_look is None:
                print(
                    f"| {voters}, {taste:g} | {share:.0%} | none; {planned.least_panel} voters |" + " |" * 3
                )
                continue
            design = Design(voters, max(30, math.ceil(2 * planned.any_look / voters)), taste, 0.0)
            what, when = cell(design, math.log(share / (1 - share)), studies)["panel"]
            done = float(((what > 0) & (when <= planned.any_look)).mean())
            fine &= 0.35 <= done <= 0.85
            print(
                f"| {voters}, {taste:g} | {share:.0%} | {planned.any_look} | {done:.0%} | "
                f"{np.median(when):.0f} | {(what == 0).mean():.0%} |",
                flush=True,
            )
    return fine


def main() -> int:
    """Print a table; 1 if too many decisions are false, or a plan misleads."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simulated_studies", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--studies", type=int, default=1000, help="studies a cell")
    parser.add_argument("--plan", action="store_true", help="hold `agon plan --panel` against studies")
    given = parser.parse_args()
    start = perf_counter()
    fine = (plans if given.plan else table)(given.studies)
    print(f"\n{perf_counter() - start:.0f} s")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
