"""Whether a voter could tell the quicker server from what the page shows and when.

    python -m benchmarks.pacing_leak [--battles 400] [--pacing even]

Two servers three times apart answer at lengths that have nothing to do with them, through a real arena; a
classifier learns from half of the battles which side is the quicker one, and is asked about the others.
Half is chance.
"""

import argparse
import asyncio
import json
import tempfile
import time

import httpx
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from benchmarks.arena_load import open_process


def traits(seen):
    """What a trace of one side tells: `seen` are (second, text so far), the last one whole."""
    seconds = np.array([second for second, _ in seen])
    sizes = np.array([len(text) for _, text in seen], float)
    begun = sizes > 0
    steps, times = np.diff(sizes[begun]), np.diff(seconds[begun])
    ends = [text[-1].isalpha() for _, text in seen if text]
    first, end = seconds[begun][0], seconds[-1]
    return [
        first,
        end,
        sizes[-1],
        sizes[-1] / max(end - first, 0.05),
        len(steps),
        times.max(initial=0.0),
        steps.max(initial=0.0),
        float(np.mean(ends)),
        float(np.std(steps)) if len(steps) else 0.0,
        steps[-1] if len(steps) else 0.0,
        float((steps > 0).mean()) if len(steps) else 0.0,
    ]


def accuracy(traces, quick, seed=0):
    """The best share of right answers of two classifiers, on battles that they have not seen.

    Args:
        traces: of each battle the two traces, side A first.
        quick: of each battle whether A is the quicker one.
    """
    pairs = np.array([[traits(a), traits(b)] for a, b in traces])
    features = np.concatenate([pairs[:, 0] - pairs[:, 1], pairs[:, 0], pairs[:, 1]], axis=1)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    learners = (
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)),
        DecisionTreeClassifier(max_depth=4, min_samples_leaf=0.02, random_state=seed),
    )
    return max(cross_val_score(one, features, quick, cv=folds).mean() for one in learners)


async def trace(url):
    """One battle as its page sees it: the trace of each side, and whether A was the quicker one."""
    async with httpx.AsyncClient(base_url=url, timeout=600, trust_env=False) as visitor:
        await visitor.get("/about")
        begun = time.perf_counter()
        key = (await visitor.post("/api/battles", json={"prompt": "Why?"})).json()["battle"]
        seen, html, kind, view = {0: [], 1: []}, ["", ""], "", {}
        async with visitor.stream("GET", f"/api/battles/{key}/events") as events:
            async for line in events.aiter_lines():
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    data = json.loads(line[6:])
                    if kind == "side":
                        slot = data["slot"]
                        html[slot] = html[slot][: data["keep"]] + data["html"]  # no signs beyond 16 bits
                        seen[slot].append((time.perf_counter() - begun, html[slot]))
                    else:
                        view = data
        for slot, side in enumerate(view["sides"]):  # the end of the last one comes with the right to vote
            seen[slot].append((time.perf_counter() - begun, side["text"]))
        body = {"turn": 1, "outcome": "tie", "token": view["token"]}
        models = (await visitor.post(f"/api/battles/{key}/vote", json=body)).json()["models"]
        return (seen[0], seen[1]), "quick" in models[0]


async def traced(url, battles, at_once):
    """Many battles, so many at once."""
    gate = asyncio.Semaphore(at_once)

    async def one():
        async with gate:
            return await trace(url)

    return await asyncio.gather(*(one() for _ in range(battles)))


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--battles", type=int, default=400)
    parser.add_argument("--at-once", type=int, default=40)
    parser.add_argument("--pacing", default="even", choices=("even", "raw"))
    chosen = parser.parse_args()
    models = ["40-120@150+0.1 quick", "40-120@50+0.3 slow"]
    head = f'[battle]\npacing = "{chosen.pacing}"\n'
    with tempfile.TemporaryDirectory() as folder, open_process(folder, models, head) as (_, url, _):
        found = asyncio.run(traced(url, chosen.battles, chosen.at_once))
    share = accuracy([one for one, _ in found], [quick for _, quick in found])
    error = 0.5 / np.sqrt(len(found))
    print(
        f"{chosen.pacing}: the quicker of two servers is told in {share:.1%} (±{1.96 * error:.1%} by chance)"
    )


if __name__ == "__main__":
    main()
