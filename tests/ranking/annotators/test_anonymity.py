"""Whether a program names who wrote an answer: against scikit-learn, scipy, and worlds without styles."""

import numpy as np
import pytest
from sklearn.naive_bayes import MultinomialNB

from agon.ranking import OptionError, VotesError, anonymity_test
from agon.ranking.annotators.anonymity import _characters, _naive_bayes, _normal

WORDS = 300


def world(seed, style, models=4, prompts=60, slower=0.0):
    """Answers of two models to each prompt, of words that the model and the prompt like, and their times."""
    random = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnop"))
    known = np.array(["".join(random.choice(letters, size=random.integers(2, 8))) for _ in range(WORDS)])
    usual = random.dirichlet(np.ones(WORDS))
    own = [(1 - style) * usual + style * random.dirichlet(np.full(WORDS, 0.3)) for _ in range(models)]
    texts, names, asked, times = [], [], [], []
    for prompt in range(prompts):
        topic = random.dirichlet(np.full(WORDS, 0.05))
        for model in random.choice(models, 2, replace=False):
            chances = (own[model] + topic) / 2
            texts.append(" ".join(random.choice(known, size=random.integers(12, 50), p=chances)))
            names.append(f"m{model}")
            asked.append(prompt)
            missing = random.random() < 0.1
            times.append([np.exp(slower * model + random.normal() / 2), np.nan if missing else 1.0])
    return texts, names, asked, np.array(times)


def test_naive_bayes_is_that_of_scikit_learn():
    texts, names, *_ = world(3, 0.4)
    counts = _characters([*texts, "", "x", "日本語 \U0001f600"])[: len(texts)]
    model = np.unique(names, return_inverse=True)[1]
    train, test = np.arange(80), np.arange(80, len(texts))
    ours = _naive_bayes(counts, model, 4, train, test)
    theirs = MultinomialNB(alpha=0.1, fit_prior=False).fit(counts[train], model[train])
    joint = theirs.predict_joint_log_proba(counts[test]) + np.log(4)  # less the even prior
    np.testing.assert_allclose(ours, joint, rtol=1e-9)


def test_times_are_told_by_normal_distributions():
    """Of many answers it is the density that scipy has, each number by itself."""
    from scipy.stats import norm

    random = np.random.default_rng(1)
    model = np.repeat([0, 1], 20_000)
    given = random.normal(model, 1 + model)[:, None]
    found = _normal(given, model, 2, np.arange(40_000), np.array([0, 39_999]))
    for row, at in enumerate((0, 39_999)):
        exact = [norm.logpdf(given[at, 0], k, 1 + k) + np.log(2 * np.pi) / 2 for k in (0, 1)]
        np.testing.assert_allclose(found[row], exact, rtol=0.03)


def test_answers_that_say_who_wrote_them_are_told_and_those_that_do_not_are_not():
    prompts = [n // 2 for n in range(400)]
    names = ["ada", "bob"] * 200
    said = [f"I, {name}, say so." for name in names]
    found = anonymity_test(said, names, prompts, prompts)
    assert (found.text.named, found.text.told, found.answers, found.prompts) == (1.0, 1.0, 400, 200)
    assert found.text.told_lower > 0.97
    silent = anonymity_test(["The same."] * 400, names, prompts, prompts)
    assert silent.text.told == 0.5
    assert silent.text.told_lower < 0.5 < silent.text.told_upper
    assert found.times is None


def test_answers_to_one_prompt_are_never_learned_from_to_name_another():
    """Both models copy a long text of the prompt: divided by answers it would tell who is in the prompt."""
    random = np.random.default_rng(5)
    prompts = [n // 2 for n in range(240)]
    texts = [f"{'topic' + str(prompt) + ' '}" * 30 for prompt in prompts]
    names = [str(name) for _ in range(120) for name in random.choice(12, 2, replace=False)]
    found = anonymity_test(texts, names, prompts, prompts)
    assert found.text.named_lower <= 1 / 12 + 0.03
    assert found.text.told_lower <= 0.5 <= found.text.told_upper


def test_intervals_hold_chance_where_there_is_no_style():
    held = 0
    for seed in range(40):
        texts, names, asked, times = world(seed, 0.0)
        found = anonymity_test(texts, names, asked, asked, times=times)
        held += found.text.told_lower <= 0.5 <= found.text.told_upper
        held += found.times.told_lower <= 0.5 <= found.times.told_upper
    assert held >= 66, "of 80: 94% and 90% of 200 worlds each"


def test_more_style_and_slower_servers_are_told_better():
    shares = []
    for style in (0.1, 0.3, 0.6):
        texts, names, asked, _ = world(1, style, prompts=200)
        shares.append(anonymity_test(texts, names, asked, asked).text.told)
    assert shares == sorted(shares)
    assert shares[-1] > 0.85
    texts, names, asked, times = world(1, 0.0, prompts=200, slower=0.5)
    found = anonymity_test(texts, names, asked, asked, times=times)
    assert found.times.told_lower > 0.65


def test_what_cannot_be_tested_is_refused_with_what_is_needed():
    few = [n // 2 for n in range(40)]
    with pytest.raises(VotesError, match=r"to 30 prompts are needed .* not of 2 to 20"):
        anonymity_test(["x"] * 40, ["a", "b"] * 20, few, few)
    with pytest.raises(VotesError, match="not of 1 to 100"):
        anonymity_test(["x"] * 100, ["a"] * 100, range(100), range(100))
    with pytest.raises(VotesError, match="not of 0 to 0"):
        anonymity_test([], [], [], [])
    many = range(100)
    for wrong in ({"folds": 1}, {"folds": 101}, {"level": 1.0}):
        with pytest.raises(OptionError, match="must"):
            anonymity_test(["x"] * 100, ["a", "b"] * 50, many, many, **wrong)
