"""`agon simulate`: a simulated world as a file of votes, and its strengths beside it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from inspect import signature
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from cyclopts import Parameter

from agon.data.files.writer import check_target, write_table
from agon.ranking import OptionError, World, add_attack, bradley_terry_world
from agon.ranking.attacks import ATTACKS
from agon.ranking.errors import suggest
from agon.ranking.leaderboard.estimates import ELO_PER_NAT
from agon.ranking.matchmaking import choose_policy
from agon.ranking.matchmaking.policy_simulation import Learner, simulate_votes_of
from agon.ranking.matchmaking.sampling_design import pair_probabilities
from agon.ranking.matchmaking.voting_worlds import draw_world
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
    world: Annotated[
        str | None, Parameter(help="Instead of that world one of those in which policies are tried.")
    ] = None,
    policy: Annotated[
        str | None, Parameter(help="Who draws the models, in such a world [default: uniform].")
    ] = None,
    answers: Annotated[
        int | None, Parameter(help="Models of a vote in such a world, 2 to 6 [default: 2].")
    ] = None,
    attack: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="KIND[:VOTES[:VOTERS[:MODEL]]], such as forged:500:5: add hostile votes; repeat for more. "
            f"Kinds: {', '.join(ATTACKS)}.",
        ),
    ] = None,
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
    the length and Markdown of both answers. Of these only the length has an effect. With --attack some votes
    are hostile, and the column attack says which.

    For example:

    agon simulate --votes 5000 -o votes.parquet --truth strengths.csv

    agon simulate | agon rank -

    agon simulate --votes 20000 --voters 300 --attack forged:600:3 --attack burst:200:100 -o attacked.parquet

    agon simulate --world cyclic --policy information --answers 4 -o votes.parquet
    """
    if world is not None or policy is not None or answers is not None:
        others = {"ties": ties, "both_bad": both_bad, "spread": spread, "length_effect": length_effect}
        _check_alone({**others, "voters": voters, "attack": attack})  # there are no voters in such a world
        _check_files(output, truth, force=force)
        if (answers or 2) > 2 and (output is None or output.suffix == ".csv"):
            raise OptionError(
                "Votes on more than two models hold lists, which CSV has no room for; write them to a "
                ".parquet file with --output."
            )
        drawn = draw_by_policy(world or "gumbel", policy or "uniform", models, votes, answers or 2, seed)
        _write(drawn, output, truth, force=force)
        return
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
        attacks=attack or (),
    )


def simulate_votes(
    out: Path | None, truth: Path | None, *, force: bool, attacks: Sequence[str] = (), **world: Any
) -> None:
    """Draw a world, attack it, and write it.

    Raises:
        OptionError: a value outside its range, or a file of another ending.
        SourceError: a file that is there already, or cannot be written.
    """
    _check_files(out, truth, force=force)
    drawn = bradley_terry_world(**world)
    for i, text in enumerate(attacks):
        drawn = add_attack(drawn, **attack_of(text, drawn.models), seed=int(world.get("seed", 0)) + i)
    votes = add_details(as_table(drawn), drawn, int(world.get("seed", 0)))
    elo = 1000 + ELO_PER_NAT * drawn.strengths
    right = pa.table({"model": list(drawn.models), "strength": drawn.strengths, "elo": elo})
    _write((votes, right), out, truth, force=force)


def attack_of(text: str, models: Sequence[str]) -> dict[str, Any]:
    """What KIND[:VOTES[:VOTERS[:MODEL]]] asks of `add_attack`.

    Raises:
        OptionError: a text of another form, or no such model.
    """
    kind, *rest = text.split(":")
    given: dict[str, Any] = {"kind": kind}
    if len(rest) > 3 or not all(part.isdigit() for part in rest[:2]):
        raise OptionError(f"--attack {text!r}: write KIND:VOTES:VOTERS:MODEL, such as forged:500:5.")
    given |= dict(zip(("votes", "voters"), map(int, rest[:2]), strict=False))
    if len(rest) == 3:
        if rest[2] not in models:
            raise OptionError(f"There is no model {rest[2]!r} to attack; {suggest(rest[2], list(models))}")
        given["target"] = models.index(rest[2])
    return given


def _check_files(out: Path | None, truth: Path | None, *, force: bool) -> None:
    """Refuse files that cannot be written, before anything is drawn."""
    for path in (out, truth):
        if path is not None:
            check_target(path, replace=force)
    if truth is not None and truth == out:
        raise OptionError(f"{out} cannot hold both the votes and the strengths; name another file for one.")


def _write(drawn: tuple[pa.Table, pa.Table], out: Path | None, truth: Path | None, *, force: bool) -> None:
    """Write the votes, and what the right ranking goes by."""
    votes, right = drawn
    if out is None:
        pc.write_csv(votes, sys.stdout.buffer)
    else:
        path = write_table(votes, out, replace=force)
        print(f"{votes.num_rows:,} votes on {right.num_rows} models are in {path}.", file=sys.stderr)
    if truth is not None:
        write_table(right, truth, replace=force)


def _check_alone(given: dict[str, Any]) -> None:
    """Refuse what only the world without a name has."""
    defaults = signature(simulate_command).parameters
    for name, value in given.items():
        if value != defaults[name].default:
            option = f"--{name.replace('_', '-')}"
            raise OptionError(f"{option} does not go with --world, --policy or --answers; leave it out.")


def draw_by_policy(
    world: str, policy: str, n_models: int, n_votes: int, size: int, seed: int
) -> tuple[pa.Table, pa.Table]:
    """Votes of a world on models that a policy drew, and what the right ranking goes by.

    Votes on more than two models list them, and have the probability of the group and of its pairs.

    Raises:
        OptionError: no such world or policy, or a number outside its range.
    """
    if not (2 <= size <= 6 and n_models >= size and n_votes >= 0):
        raise OptionError(
            "Votes are on 2 to 6 answers of at least as many models, and their number is not negative, not "
            f"--answers {size}, --models {n_models}, --votes {n_votes}; give others."
        )
    chosen, drawn = choose_policy(policy, size=size), draw_world(world, n_models, seed)
    names = np.array([f"model-{i + 1:0{len(str(n_models))}d}" for i in range(n_models)])
    learner = Learner(tuple(names.tolist()))
    votes = list(islice(simulate_votes_of(chosen, drawn, size, seed, learner), n_votes))
    shown = np.array([vote.shown for vote in votes], dtype=np.int64).reshape(-1, size)
    places = np.array([vote.places for vote in votes], dtype=np.int64).reshape(-1, size)
    pairs = [pair_probabilities(vote.design, vote.shown) for vote in votes]
    columns: dict[str, Any] = {"battle_id": np.arange(1, n_votes + 1)}
    if size == 2:
        winner = np.array(["tie", "model_b", "model_a"])[np.sign(places[:, 0] - places[:, 1])]
        columns |= {"model_a": names[shown[:, 0]], "model_b": names[shown[:, 1]], "winner": winner}
        columns["pair_probability"] = pa.array([pair[0] for pair in pairs], pa.float64())
    else:
        columns |= {"models": pa.array(names[shown].tolist(), pa.list_(pa.string()))}
        columns["places"] = pa.array(places.tolist(), pa.list_(pa.int64()))
        columns["group_probability"] = [vote.design.probability(vote.shown) for vote in votes]
        columns["pair_probabilities"] = pa.array([list(pair) for pair in pairs], pa.list_(pa.float64()))
    columns |= {"policy": [policy] * n_votes, "timestamp": FIRST_VOTE + 60 * np.arange(n_votes)}
    right = {"strength" if len(drawn.tastes) == 1 else "win_rate": drawn.truth}
    return pa.table(columns), pa.table({"model": names, **right})


def as_table(world: World) -> pa.Table:
    """The votes of a world as rows of the vote file format."""
    n = len(world.outcome)
    names = np.array(world.models)
    words = np.array([None, *ATTACKS], dtype=object)
    networks = world.network
    near = {} if networks is None else {"network": [f"network-{i:03d}" for i in networks.tolist()]}
    truth = {} if world.hostile is None else {"attack": pa.array(words[world.hostile], pa.string())}
    return pa.table(
        {
            "battle_id": np.arange(1, n + 1),
            "model_a": pa.array(names[world.first]),
            "model_b": pa.array(names[world.second]),
            "winner": pa.array(np.array(OUTCOMES)[world.outcome]),
            "voter": pa.array([f"voter-{voter:03d}" for voter in world.voter.tolist()]),
            "timestamp": FIRST_VOTE + 60 * np.arange(n),
            **near,
            **truth,
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
