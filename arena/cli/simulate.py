"""`agon simulate`: a simulated world as a file of votes, and its strengths beside it."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from cyclopts import Parameter

from agon.data.files.writer import check_target, write_table
from agon.ranking import OptionError, World, bradley_terry_world
from agon.ranking.leaderboard.estimates import ELO_PER_NAT
from agon.ranking.simulate import OUTCOMES

FIRST_VOTE = 1_767_225_600  # 2026-01-01, the time of the first simulated vote; one follows a minute
LANGUAGES = {"en": 0.5, "de": 0.2, "zh": 0.2, "sw": 0.1}
CATEGORIES = {"writing": 0.4, "coding": 0.35, "maths": 0.25}
PROMPTS = 500


def simulate_command(
    *,
    models: Annotated[int, Parameter(help="Number of models.")] = 12,
    votes: Annotated[int, Parameter(help="Number of votes.")] = 2000,
    ties: Annotated[float, Parameter(help="Share of ties.")] = 0.15,
    both_bad: Annotated[float, Parameter(help="Share of votes that say both are bad.")] = 0.05,
    spread: Annotated[float, Parameter(help="Standard deviation of the strengths, in log-odds.")] = 1.0,
    length_effect: Annotated[
        float, Parameter(help="Log-odds that a long answer gains over an empty one.")
    ] = 0.5,
    voters: Annotated[int, Parameter(help="Number of voters.")] = 100,
    seed: Annotated[int, Parameter(help="Of everything drawn at random.")] = 0,
    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"], help="A .parquet or .csv file; CSV on standard output if left out."
        ),
    ] = None,
    truth: Annotated[
        Path | None, Parameter(help="Write the strengths to this .csv or .parquet file.")
    ] = None,
    force: Annotated[bool, Parameter(negative="", help="Replace files that are there already.")] = False,
) -> None:
    """Make votes from known strengths: a Bradley-Terry world with ties.

    Every vote has a voter, a time, a prompt with language and category, the probability of its pair, and
    the length and Markdown of both answers. Of these only the length has an effect.

    For example:

    agon simulate --votes 5000 -o votes.parquet --truth strengths.csv

    agon simulate | agon rank -
    """
    simulate_votes(
        output,
        truth,
        force=force,
        n_models=models,
        n_votes=votes,
        ties=ties,
        both_bad=both_bad,
        spread=spread,
        length_effect=length_effect,
        voters=voters,
        seed=seed,
    )


def simulate_votes(out: Path | None, truth: Path | None, *, force: bool, **world: Any) -> None:
    """Draw a world and write it.

    Raises:
        OptionError: a value outside its range, or a file of another ending.
        SourceError: a file that is there already, or cannot be written.
    """
    for path in (out, truth):
        if path is not None:
            check_target(path, replace=force)
    if truth is not None and truth == out:
        raise OptionError(f"{out} cannot hold both the votes and the strengths; name another file for one.")
    drawn = bradley_terry_world(**world)
    votes = add_details(as_table(drawn), drawn, int(world.get("seed", 0)))
    if out is None:
        pc.write_csv(votes, sys.stdout.buffer)
    else:
        path = write_table(votes, out, replace=force)
        print(f"{votes.num_rows:,} votes on {len(drawn.models)} models are in {path}.", file=sys.stderr)
    if truth is not None:
        elo = 1000 + ELO_PER_NAT * drawn.strengths
        table = pa.table({"model": list(drawn.models), "strength": drawn.strengths, "elo": elo})
        write_table(table, truth, replace=force)


def as_table(world: World) -> pa.Table:
    """The votes of a world as rows of the vote file format."""
    n = len(world.outcome)
    names = np.array(world.models)
    return pa.table(
        {
            "battle_id": np.arange(1, n + 1),
            "model_a": pa.array(names[world.first]),
            "model_b": pa.array(names[world.second]),
            "winner": pa.array(np.array(OUTCOMES)[world.outcome]),
            "voter": pa.array([f"voter-{voter:03d}" for voter in world.voter.tolist()]),
            "timestamp": FIRST_VOTE + 60 * np.arange(n),
        }
    )


def add_details(votes: pa.Table, world: World, seed: int) -> pa.Table:
    """Add a prompt with its language and category, the probability of the pair, and what the answers hold."""
    rng = np.random.default_rng([seed, 2])
    seen: Counter[int] = Counter()
    prompt = np.zeros(votes.num_rows, dtype=np.int64)
    for i, voter in enumerate(world.voter.tolist()):  # each goes through the prompts from another one on
        prompt[i] = (7 * voter + seen[voter]) % PROMPTS
        seen[voter] += 1
    columns: dict[str, Any] = {"prompt_id": pa.array([f"prompt-{number:03d}" for number in prompt.tolist()])}
    for name, shares in (("language", LANGUAGES), ("category", CATEGORIES)):
        of_prompt = rng.choice(list(shares), PROMPTS, p=list(shares.values()))
        columns[name] = pa.array(of_prompt[prompt].tolist(), pa.string())
    pairs = len(world.models) * (len(world.models) - 1) / 2
    columns["pair_probability"] = np.full(votes.num_rows, 1 / pairs)
    for name, amount in world.amounts.items():
        columns |= {f"{name}_{side}": amount[:, i] for i, side in enumerate("ab")}
    for name, column in columns.items():
        votes = votes.append_column(name, pa.array(column))
    return votes
