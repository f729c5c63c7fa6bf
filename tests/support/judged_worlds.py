"""Worlds in which what sways a judge is known: people and a judge vote on answers of planted quality.

Probabilities are ½ plus a sum that stays within ½, so that a bias in shares of the votes is what was planted.
"""

import numpy as np

from agon.ranking.judges.pair_verdicts import PairVerdicts


def judged_world(
    seed,
    *,
    position=0.0,
    length=0.0,
    own=0.0,
    skill=0.8,
    prompts=60,
    models=6,
    voters=1,
    soft=False,
    long_is_good=0.05,
    one_way=False,
):
    """Verdicts of a judge and of people, and the judge's own models.

    Every pair of models on every prompt is judged both ways round. `position` is added for the answer shown
    first, `length` for each doubling of length, `own` for a model of the judge's; `skill` is how much of the
    quality that people see the judge sees, `long_is_good` what people themselves give a doubling.
    """
    rng = np.random.default_rng(seed)
    quality = np.linspace(-0.12, 0.12, models)
    rng.shuffle(quality)
    names = np.array([f"m{i}" for i in range(models)])
    family = rng.choice(models, 2, replace=False)
    a, b = (part.repeat(prompts) for part in np.triu_indices(models, 1))
    prompt = np.tile(np.arange(prompts), models * (models - 1) // 2)
    size = 2.0 ** (9 + rng.uniform(-0.6, 0.6, (prompts, models)) + quality)
    answer = quality + rng.normal(0, 0.05, (prompts, models))  # some answers are better than their model
    doublings = np.log2(size[prompt, a] / size[prompt, b])
    liked = np.clip(answer[prompt, a] - answer[prompt, b] + long_is_good * doublings, -0.25, 0.25)
    between = np.isin(a, family).astype(float) - np.isin(b, family)
    lean = skill * liked + length * doublings + own * between + rng.uniform(-0.03, 0.03, len(a))
    flip = rng.random(len(a)) < 0.5  # which model is called the first is of no matter

    def verdicts(share, first, p_soft):
        p = 0.5 + share
        p = p if p_soft else (rng.random(len(p)) < p).astype(float)
        turned = ~first
        left, right = np.where(turned, b, a), np.where(turned, a, b)
        sizes = np.stack([size[prompt, left], size[prompt, right]], axis=1)
        return left, right, np.where(turned, 1 - p, p), sizes

    orders = [flip] if one_way else [np.ones(len(a), bool), np.zeros(len(a), bool)]
    rows = [verdicts(lean + np.where(order, position, -position), order, soft) for order in orders]
    left, right, p, sizes = (np.concatenate(part) for part in zip(*rows, strict=True))
    judge = PairVerdicts.of(
        names[left].tolist(), names[right].tolist(), p, np.tile(prompt, len(orders)).tolist(), lengths=sizes
    )
    votes = [verdicts(liked, flip, False) for _ in range(voters)]
    left, right, p, _ = (np.concatenate(part) for part in zip(*votes, strict=True))
    people = PairVerdicts.of(names[left].tolist(), names[right].tolist(), p, np.tile(prompt, voters).tolist())
    return judge, people, names[family].tolist()
