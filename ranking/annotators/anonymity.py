"""How anonymous answers are: whether a program that knows other answers of the models names who wrote one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.inference.shares import share_interval
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.text import Figure, Readable, Sentence

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FEWEST_PROMPTS = 30
BINS_OF_TEXT = 1 << 13
LONGEST_READ = 4_000  # characters of an answer
_SMOOTHING = 0.1  # of the frequency of a bin
_MIX = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D], dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class NamedAnswers:
    """How often answers were given to the right models.

    Attributes:
        named: share of the answers whose model was named.
        named_lower, named_upper: its interval.
        chance: share that the most frequent model would get right.
        told: share of the battles of two models in which each answer was given to its own; None without one.
        told_lower, told_upper: its interval around chance, which is 0.5.
    """

    named: float
    named_lower: float
    named_upper: float
    chance: float
    told: float | None
    told_lower: float
    told_upper: float


@dataclass(frozen=True, repr=False)
class AnonymityTest(Readable):
    """What texts, and times, tell of who wrote them.

    Attributes:
        answers: that were looked at.
        models: that wrote them.
        prompts: to which they are.
        text: by their texts.
        times: by their times; None where there are none.
        level: of the intervals.
    """

    answers: int
    models: int
    prompts: int
    text: NamedAnswers
    times: NamedAnswers | None
    level: float

    def conclusion(self) -> Sentence:
        """Say in one sentence how often a program that reads the texts is right."""
        found = self.text
        told = {
            "answers": self.answers,
            "models": self.models,
            "named": Figure(found.named, ".0%"),
            "low": Figure(found.named_lower, ".0%"),
            "high": Figure(found.named_upper, ".0%"),
            "chance": Figure(found.chance, ".0%"),
        }
        if found.told is None:
            return Sentence(
                "By its text a program names the model of {named} of {answers} answers of {models} models "
                "({low} to {high}); to name the most frequent one is right for {chance}.",
                **told,
            )
        return Sentence(
            "By its text a program names the model of {named} of {answers} answers of {models} models "
            "({low} to {high}); to name the most frequent one is right for {chance}. Of two answers of a "
            "battle it tells whose is which in {told} ({least} to {most}); chance is 50%.",
            **told,
            told=Figure(found.told, ".0%"),
            least=Figure(found.told_lower, ".0%"),
            most=Figure(found.told_upper, ".0%"),
        )


def anonymity_test(
    texts: Sequence[str],
    models: Sequence[str],
    prompts: Sequence[object],
    battles: Sequence[object],
    *,
    times: ArrayLike | None = None,
    folds: int = 5,
    level: float = 0.95,
    seed: int = 0,
) -> AnonymityTest:
    """Let a program name the models of answers, from answers of the same models to other prompts.

    Texts are told by naive Bayes on how often one, two and three characters in a row occur, times by normal
    distributions of their logarithms. Who knows a model better, as a language model does, tells more.

    Args:
        texts: (N,) answers.
        models: (N,) who wrote each.
        prompts: (N,) what each answers; answers to one prompt are learned from, or named, together.
        battles: (N,) in which each stood.
        times: (N, F) positive numbers of each, such as seconds; NaN where one is not known.
        folds: into which prompts are divided; each is named from the others.
        level: of the intervals.
        seed: of the division.

    Raises:
        VotesError: fewer than two models or 30 prompts.
        OptionError: folds or a level that are none.

    Source:
        Rennie, Shih, Teevan and Karger, ICML 2003, for naive Bayes with logarithms of counts; intervals as
        `share_interval`, clustered by prompt.
    """
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}.")
    names, model = np.unique(np.asarray(models, dtype=object).astype(str), return_inverse=True)
    prompt = np.unique(np.asarray([str(one) for one in prompts]), return_inverse=True)[1]
    battle = np.unique(np.asarray([str(one) for one in battles]), return_inverse=True)[1]
    number = int(prompt.max()) + 1 if len(prompt) else 0
    if len(names) < 2 or number < FEWEST_PROMPTS:
        raise VotesError(
            f"Answers of two models to {FEWEST_PROMPTS} prompts are needed to say how anonymous they are, "
            f"not of {len(names)} to {number}."
        )
    if not 2 <= folds <= number:
        raise OptionError(f"folds must be 2 to {number:,}, the number of prompts, not {folds!r}.")
    fold = (np.random.default_rng(seed).permutation(number) % folds)[prompt]
    counts = _characters(texts)
    size = len(names)
    by_text = _crosswise(fold, folds, lambda train, test: _naive_bayes(counts, model, size, train, test))
    found = _score(by_text, model, prompt, battle, fold, size, level)
    timed = None
    if times is not None:
        given = np.log(np.where(np.asarray(times, dtype=np.float64) > 0, times, np.nan))
        if not np.isnan(given).all():
            by_time = _crosswise(fold, folds, lambda train, test: _normal(given, model, size, train, test))
            timed = _score(by_time, model, prompt, battle, fold, size, level)
    return AnonymityTest(len(model), size, number, found, timed, level)


def _characters(texts: Sequence[str]) -> csr_array:
    """(N, BINS_OF_TEXT) logarithms of how often one, two and three characters in a row occur."""
    from scipy.sparse import csr_array

    data, columns, starts = [], [], [0]
    for text in texts:
        code = np.frombuffer(text[:LONGEST_READ].encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        hashed = [code * _MIX[0]]
        if len(code) > 1:
            hashed.append(code[:-1] * _MIX[0] + code[1:] * _MIX[1])
        if len(code) > 2:
            hashed.append(code[:-2] * _MIX[0] + code[1:-1] * _MIX[1] + code[2:] * _MIX[2])
        bins = np.concatenate(hashed)
        bins ^= bins >> np.uint32(15)
        counts = np.bincount(bins & np.uint32(BINS_OF_TEXT - 1), minlength=BINS_OF_TEXT)
        there = np.flatnonzero(counts)
        columns.append(there)
        data.append(np.log1p(counts[there]))
        starts.append(starts[-1] + len(there))
    return csr_array(
        (np.concatenate(data), np.concatenate(columns), np.asarray(starts)), shape=(len(texts), BINS_OF_TEXT)
    )


def _crosswise(
    fold: IntArray, folds: int, likelihood: Callable[[IntArray, IntArray], FloatArray]
) -> FloatArray:
    """(N, M) log-likelihoods of each answer under each model, learned from the other folds."""
    parts = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(folds)]
    found = [(test, likelihood(train, test)) for train, test in parts if len(test)]
    made: FloatArray = np.empty((len(fold), found[0][1].shape[1]))
    for test, values in found:
        made[test] = values
    return made


def _naive_bayes(
    counts: csr_array, model: IntArray, size: int, train: IntArray, test: IntArray
) -> FloatArray:
    from scipy.sparse import csr_array

    members = csr_array(
        (np.ones(len(train)), (model[train], np.arange(len(train)))), shape=(size, len(train))
    )
    weights = (members @ counts[train]).toarray() + _SMOOTHING
    logs = np.log(weights) - np.log(weights.sum(axis=1, keepdims=True))
    made: FloatArray = counts[test] @ logs.T
    return made


def _normal(given: FloatArray, model: IntArray, size: int, train: IntArray, test: IntArray) -> FloatArray:
    """By normal distributions of each model and number; what is not known says nothing."""
    made: FloatArray = np.zeros((len(test), size))
    for values in given.T:
        known = train[~np.isnan(values[train])]
        if len(known) < 2:
            continue
        spread = float(np.var(values[known])) or 1.0
        for one in range(size):
            mine = values[known][model[known] == one]
            # Two answers' worth of everybody's distribution, so that a model seen once is not certain.
            mean = (mine.sum() + 2 * values[known].mean()) / (len(mine) + 2)
            width = (((mine - mean) ** 2).sum() + 2 * spread) / (len(mine) + 2)
            part = -0.5 * (np.log(width) + (values[test] - mean) ** 2 / width)
            made[:, one] += np.where(np.isnan(values[test]), 0.0, part)
    return made


def _score(
    likelihood: FloatArray,
    model: IntArray,
    prompt: IntArray,
    battle: IntArray,
    fold: IntArray,
    size: int,
    level: float,
) -> NamedAnswers:
    """How often the likeliest is right, for single answers and for the two of a battle."""
    usual = np.empty(len(model), dtype=np.int64)
    named = np.empty(len(model), dtype=np.int64)
    for k in np.unique(fold):
        seen = np.bincount(model[fold != k], minlength=size)
        usual[fold == k] = seen.argmax()
        prior = np.log((seen + 1) / (seen.sum() + size))
        named[fold == k] = (likelihood[fold == k] + prior).argmax(axis=1)
    share = share_interval((named == model).astype(np.float64), prompt, level)
    chance = float((usual == model).mean())
    order = np.argsort(battle, kind="stable")
    same = np.flatnonzero(np.bincount(battle) == 2)
    first = order[np.searchsorted(battle[order], same)]
    second = order[np.searchsorted(battle[order], same) + 1]
    other = model[first] != model[second]
    first, second = first[other], second[other]
    if not len(first):
        return NamedAnswers(*share, chance, None, 0.0, 1.0)
    right = likelihood[first, model[first]] + likelihood[second, model[second]]
    swapped = likelihood[first, model[second]] + likelihood[second, model[first]]
    told = np.where(right == swapped, np.arange(len(right)) % 2, right > swapped).astype(np.float64)
    return NamedAnswers(*share, chance, *share_interval(told, prompt[first], level))
