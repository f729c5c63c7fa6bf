"""Judges held against people: AlpacaEval 2 against LMArena's history, and LLMFAO's judges against its crowd.

    python -m benchmarks.calibrated_boards --datasets DIR

Surrogate: the log-odds of the length-controlled win rate and the logarithm of the mean length foretell the
rating, for every day on which LMArena published ratings since AlpacaEval had that rate (April 2024). Each
model is foretold by the others alone. Worth: what one judged vote is worth in votes of people, with all of
them and when the crowd's votes on half of the prompts and pairs are taken away.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import agon as ag
from agon.ranking import PredictedRatings, predict_ratings

SINCE = 20240401
FEATURES = ("log_odds", "log_length")
SAME = {  # AlpacaEval's name of a model: LMArena's key of the same one
    "chatglm2-6b": "chatglm2-6b",
    "claude": "claude-1",
    "claude-2": "claude-2.0",
    "claude-2.1": "claude-2.1",
    "claude-3-5-sonnet-20240620": "claude-3-5-sonnet-20240620",
    "claude-3-opus-20240229": "claude-3-opus-20240229",
    "claude-3-sonnet-20240229": "claude-3-sonnet-20240229",
    "claude-instant-1.2": "claude-instant-1",
    "dbrx-instruct": "dbrx-instruct-preview",
    "deepseek-llm-67b-chat": "deepseek-llm-67b-chat",
    "dolphin-2.2.1-mistral-7b": "dolphin-2.2.1-mistral-7b",
    "gemini-pro": "gemini-pro",
    "gemma-2-9b-it-SimPO": "gemma-2-9b-it-simpo",
    "gemma-2b-it": "gemma-2b-it",
    "gemma-7b-it": "gemma-7b-it",
    "gpt-3.5-turbo-0613": "gpt-3.5-turbo-0613",
    "gpt-3.5-turbo-1106": "gpt-3.5-turbo-1106",
    "gpt-4-turbo-2024-04-09": "gpt-4-turbo-2024-04-09",
    "gpt-4o-2024-05-13": "gpt-4o-2024-05-13",
    "gpt-4o-mini-2024-07-18": "gpt-4o-mini-2024-07-18",
    "gpt4_0314": "gpt-4-0314",
    "gpt4_0613": "gpt-4-0613",
    "gpt4_1106_preview": "gpt-4-1106-preview",
    "guanaco-33b": "guanaco-33b",
    "llama-2-13b-chat-hf": "llama-2-13b-chat",
    "llama-2-70b-chat-hf": "llama-2-70b-chat",
    "llama-2-7b-chat-hf": "llama-2-7b-chat",
    "Meta-Llama-3-70B-Instruct": "llama-3-70b-instruct",
    "Meta-Llama-3-8B-Instruct": "llama-3-8b-instruct",
    "Meta-Llama-3.1-405B-Instruct-Turbo": "llama-3.1-405b-instruct-fp8",
    "Meta-Llama-3.1-70B-Instruct-Turbo": "llama-3.1-70b-instruct",
    "Meta-Llama-3.1-8B-Instruct-Turbo": "llama-3.1-8b-instruct",
    "Mistral-7B-Instruct-v0.2": "mistral-7b-instruct-v0.2",
    "mistral-large-2402": "mistral-large-2402",
    "mistral-medium": "mistral-medium",
    "Mixtral-8x22B-Instruct-v0.1": "mixtral-8x22b-instruct-v0.1",
    "Mixtral-8x7B-Instruct-v0.1": "mixtral-8x7b-instruct-v0.1",
    "oasst-sft-pythia-12b": "oasst-pythia-12b",
    "OpenHermes-2.5-Mistral-7B": "openhermes-2.5-mistral-7b",
    "Qwen-14B-Chat": "qwen-14b-chat",
    "Qwen1.5-110B-Chat": "qwen1.5-110b-chat",
    "Qwen1.5-14B-Chat": "qwen1.5-14b-chat",
    "Qwen1.5-72B-Chat": "qwen1.5-72b-chat",
    "Qwen1.5-7B-Chat": "qwen1.5-7b-chat",
    "Qwen2-72B-Instruct": "qwen2-72b-instruct",
    "Starling-LM-7B-alpha": "starling-lm-7b-alpha",
    "tulu-2-dpo-70b": "tulu-2-dpo-70b",
    "vicuna-13b-v1.5": "vicuna-13b",
    "vicuna-33b-v1.3": "vicuna-33b",
    "vicuna-7b-v1.5": "vicuna-7b",
    "wizardlm-13b-v1.2": "wizardlm-13b",
    "wizardlm-70b": "wizardlm-70b",
    "Yi-34B-Chat": "yi-34b-chat",
    "yi-large-preview": "yi-large-preview",
    "zephyr-7b-alpha": "zephyr-7b-alpha",
    "zephyr-7b-beta": "zephyr-7b-beta",
}


def features_of(folder: Path) -> pd.DataFrame:
    """The published rates of AlpacaEval 2 by LMArena's key."""
    table = pd.read_csv(folder / "alpacaeval2_published.csv").set_index("model").loc[list(SAME)]
    rate = table["length_controlled_winrate"] / 100
    return pd.DataFrame(
        {
            "model": [SAME[name] for name in table.index],
            "log_odds": np.log(rate / (1 - rate)).to_numpy(),
            "log_length": np.log(table["avg_length"]).to_numpy(),
        }
    )


def ratings_by_day(folder: Path) -> dict[int, dict[str, float]]:
    """Day, as in 20240426: rating by key, for every day since `SINCE`."""
    history = pd.read_parquet(folder / "lmarena_published_history.parquet")
    history = history[history["date"].astype(int) >= SINCE]
    days = history.groupby(history["date"].astype(int))
    return {int(day): part.groupby("key")["rating"].mean().to_dict() for day, part in days}


def surrogate(folder: Path, day: int) -> PredictedRatings:
    """What the others foretell of each model on the board of a day."""
    ratings, features = ratings_by_day(folder)[day], features_of(folder)
    known = features[features["model"].isin(list(ratings))]
    return predict_ratings(ratings, known, names=FEATURES, level=0.9)


def worth(folder: Path, judge: str, *, half: bool = False) -> dict[str, float]:
    """What an LLMFAO judge buys beside the crowd's votes, with `half` beside those on half the pairs."""
    crowd = pd.read_parquet(folder / "llmfao_crowd_votes.parquet")
    said = pd.read_parquet(folder / "llmfao_llmjudge_votes.parquet")
    if half:
        crowd = crowd[crowd["pair_id"] % 2 == 0]
    columns = {"voter": "judge"}
    people = ag.comparisons(crowd, columns=columns)
    board = ag.rank(people, judges=ag.comparisons(said[said["judge"] == judge], columns=columns))
    found: dict[str, float] = board.settings["judges"]
    return found


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=Path, required=True, help="folder of the published files")
    folder = parser.parse_args().datasets
    print("LMArena of    models  mean error  90% intervals hold")
    for day in ratings_by_day(folder):
        found = surrogate(folder, day)
        print(f"{day}  {len(found):6}  {found.error:10.1f}  {found.coverage:17.1%}")
    print(
        "\nLLMFAO judge, crowd, its votes, judged: these count so many times; were all judged; one is worth"
    )
    for judge in ("gpt-4", "gpt-3.5-turbo-instruct"):
        for half in (False, True):
            one = worth(folder, judge, half=half)
            times = f"{one['ratio']:.3f} ({one['lower']:.3f} to {one['upper']:.3f})"
            limit = f"{one['limit']:.3f} ({one['limit_lower']:.3f} to {one['limit_upper']:.3f})"
            low, each, high = (
                (one[end] - 1) * one["votes"] / one["judged"] for end in ("lower", "ratio", "upper")
            )
            crowd = "on half" if half else "all"
            print(
                f"{judge:25} {crowd:8} {one['votes']:7} {one['judged']:7}  {times}  {limit}  "
                f"{each:.3f} ({low:.3f} to {high:.3f})"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
