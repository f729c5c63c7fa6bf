"""The audit of a judge where the truth is planted: how often a bias is found, and its interval holds.

    python -m benchmarks.judge_audit [--worlds 1000] [--datasets DIR]

Each world has 6 models, 60 prompts and all pairs, judged in both orders; people vote once or three times on
each. With the data sets, the judges of LLMFAO are audited against its crowd, too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from agon.ranking import PairVerdicts, audit_judge
from tests.support.judged_worlds import judged_world

BIASES = {"position_bias": "position", "length_bias": "length", "self_preference": "own"}
PLANTED = {"position": 0.1, "length": 0.06, "own": -0.08}
WORLDS = {
    "none, one vote a pair": {},
    "none, three votes, soft": {"voters": 3, "soft": True},
    "none, people love length": {"voters": 3, "long_is_good": 0.1, "skill": 0.5},
    "planted, one vote a pair": PLANTED,
    "planted, three votes, soft": {"voters": 3, "soft": True, **PLANTED},
}
# Models of OpenAI among those of LLMFAO, whose judges are GPT-3.5 and GPT-4.
FAMILY = ("GPT 4", "GPT 3.5 Turbo", "GPT 3.5 Turbo (16k)")


def planted(worlds: int) -> None:
    """Print what is found in worlds whose truth is known."""
    print("| planted | bias | median | found | interval holds | width | not told |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for name, given in WORLDS.items():
        rows, anything = [], 0
        for seed in range(worlds):
            judge, people, own = judged_world(seed, **given)  # type: ignore[arg-type]
            audit = audit_judge(judge, people, own=own, n_resamples=0)
            anything += any(audit[b].found for b in BIASES)
            rows.append(
                [(audit[b].value, audit[b].lower, audit[b].upper, bool(audit[b].found)) for b in BIASES]
            )
        for bias, found in zip(BIASES, np.array(rows).transpose(1, 2, 0), strict=True):
            told = np.isfinite(found[0])
            value, low, high, seen = found[:, told]
            truth = float(given.get(BIASES[bias], 0.0))  # type: ignore[attr-defined]
            holds = (low <= truth) & (truth <= high)
            print(
                f"| {name} | {bias} {truth:+.2f} | {np.median(value):+.3f} | {seen.mean():.1%} | "
                f"{holds.mean():.1%} | {np.median(high - low):.3f} | {1 - told.mean():.1%} |",
                flush=True,
            )
        print(f"| {name} | any of the three | | {anything / worlds:.1%} | | | |", flush=True)


def published(datasets: Path) -> None:
    """Print the audits of LLMFAO's judges."""
    import pandas as pd

    words = {"model_a": 1.0, "tie": 0.5, "model_b": 0.0}

    def verdicts(votes: pd.DataFrame) -> PairVerdicts:
        return PairVerdicts.of(
            votes.model_a.tolist(), votes.model_b.tolist(), votes.winner.map(words), votes.prompt_id.tolist()
        )

    people = verdicts(pd.read_parquet(datasets / "llmfao_crowd_votes.parquet"))
    for name, votes in pd.read_parquet(datasets / "llmfao_llmjudge_votes.parquet").groupby("judge"):
        audit = audit_judge(verdicts(votes), people, name=str(name), own=FAMILY)
        print(f"\n{audit.conclusion()}")
        for one in audit.measures:
            print(f"- {one.said}")


def main() -> None:
    """Run it."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--worlds", type=int, default=1000)
    given.add_argument("--datasets", type=Path)
    chosen = given.parse_args()
    if chosen.datasets:
        published(chosen.datasets)
    planted(chosen.worlds)


if __name__ == "__main__":
    main()
