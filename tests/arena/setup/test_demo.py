"""The demonstration: enough prompts, no gap, no name given away, right answers right, six manners."""

import asyncio
import bisect
import csv
import itertools
import math
import re
import sqlite3
import tomllib
from collections import Counter
from statistics import median

import pytest
from scipy.optimize import brentq

from agon.arena.setup.demo import demo_roster
from agon.arena.web.markdown.markdown import answer_html
from agon.data.importers.recorded_answers import answers
from agon.serving.generation import Limits, generate
from agon.serving.protocol import Message
from tests.support.paths import REPOSITORY

DEMO = REPOSITORY / "arena" / "setup" / "demo_answers"
MODELS = tomllib.loads((DEMO / "models.toml").read_text(encoding="utf-8"))
with (DEMO / "answers.csv").open(encoding="utf-8", newline="") as file:
    PROMPTS = {row["prompt_id"]: row for row in csv.DictReader(file)}
TERSE, LONG, LAYOUT, SURE, WARM, CAREFUL = MODELS
WRONG = {(name, prompt) for name, card in MODELS.items() for prompt in card.get("wrong_on_purpose", [])}
ALL = [(prompt, name) for prompt in PROMPTS for name in MODELS]
CATEGORIES = {"Reasoning", "Maths", "Code", "Writing", "Facts", "Advice", "Compare", "Translation"}


def right(prompt):
    """The answers to a prompt that are meant to be right."""
    return {name: PROMPTS[prompt][name] for name in MODELS if (name, prompt) not in WRONG}


def blocks(text, language):
    return [
        body for name, body in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S) if name == language
    ]


def functions(prompt, name):
    """The functions of the last Python block of each right answer, and of the wrong ones, by assistant."""
    found = {}
    for assistant in MODELS:
        for code in blocks(PROMPTS[prompt][assistant], "python")[-1:]:
            space = {}
            exec(compile(code, f"{prompt}, {assistant}", "exec"), space)
            found[assistant] = space[name] if name in space else space[f"{name}_intervals"]
    return {a: f for a, f in found.items() if a in right(prompt)}, found.get(SURE)


def test_there_are_enough_prompts_and_every_assistant_answers_each_of_them():
    assert len(PROMPTS) >= 24
    assert len(MODELS) == 6
    columns = {"prompt_id", "category", "language", "prompt", *MODELS}
    for row in PROMPTS.values():
        assert row.keys() == columns
        assert all(cell and cell == cell.strip() for cell in row.values())
    prompts = [row["prompt"] for row in PROMPTS.values()]
    answers = [PROMPTS[prompt][name] for prompt, name in ALL]
    assert len(set(prompts)) == len(prompts)
    assert len(set(answers)) == len(answers) >= 144


def test_the_prompts_are_varied():
    kinds = Counter(row["category"] for row in PROMPTS.values())
    assert kinds.keys() == CATEGORIES
    languages = Counter(row["language"] for row in PROMPTS.values())
    assert {"de", "fr", "es"} < languages.keys()
    assert len(PROMPTS) - languages["en"] >= 5
    assert any(re.search(r"[\u0400-\u04ff\u3040-\u30ff]{5}", row["prompt"]) for row in PROMPTS.values())
    text = "".join(PROMPTS[prompt][name] for prompt, name in ALL)
    assert text.count("```python") > 20
    assert text.count("```sql") > 4
    assert text.count("$$") > 20
    assert len(re.findall(r"^\|[ :|-]+\|$", text, re.M)) > 40


@pytest.mark.parametrize(("prompt", "name"), ALL)
def test_no_answer_names_an_assistant_or_its_maker(prompt, name):
    given = PROMPTS[prompt][name].casefold()
    for card in MODELS.values():
        for word in (
            card["display_name"],
            card["display_name"].split()[0],
            card["organisation"].split(" (")[0],
        ):
            assert word.casefold() not in given
    for word in MODELS:
        assert word not in given


def test_cards_say_that_they_are_invented():
    for card in MODELS.values():
        assert card["organisation"].endswith("(invented)")
        assert set(card.get("wrong_on_purpose", [])) <= PROMPTS.keys()
    assert {name for name, _ in WRONG} == {SURE}
    assert 0.25 * len(PROMPTS) < len(WRONG) < 0.5 * len(PROMPTS)
    assert "invented" in demo_roster(0).notice


def test_the_manners_can_be_told_apart():
    words = {name: median(len(row[name]) for row in PROMPTS.values()) for name in MODELS}
    assert words[TERSE] < min(length for name, length in words.items() if name != TERSE) / 2
    assert words[LONG] > max(length for name, length in words.items() if name != LONG)
    share = {name: sum("\n## " in row[name] for row in PROMPTS.values()) / len(PROMPTS) for name in MODELS}
    assert share[LAYOUT] > 0.9
    assert max(value for name, value in share.items() if name != LAYOUT) == 0
    bold = {name: sum(row[name].count("**") for row in PROMPTS.values()) for name in MODELS}
    assert bold[LAYOUT] > 4 * max(value for name, value in bold.items() if name != LAYOUT)
    marks = {
        name: sum(row[name].count("!") for row in PROMPTS.values()) for name in (TERSE, LONG, WARM, CAREFUL)
    }
    assert marks[WARM] > 3 * max(value for name, value in marks.items() if name != WARM)


def test_every_answer_renders_with_its_formulas_and_nothing_falls_back():
    for prompt, name in ALL:
        text = PROMPTS[prompt][name]
        formulas = re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", re.sub(r"```.*?```", "", text, flags=re.S), re.S)
        html = answer_html(text)
        assert html.count("<math") == len(formulas), (prompt, name)
        assert "```" not in html


@pytest.mark.parametrize(("prompt", "name"), [(p, n) for p, n in ALL if "```python" in PROMPTS[p][n]])
def test_python_in_answers_runs(prompt, name, capsys):
    found = blocks(PROMPTS[prompt][name], "python")
    assert found
    for code in found:
        exec(compile(code, f"{prompt}, {name}", "exec"), {})


def test_binary_searches_of_the_right_answers_are_right():
    good, _ = functions("binary-search", "find")
    assert len(good) == 4  # one assistant shows the changed line only
    for items in itertools.chain.from_iterable(
        itertools.combinations_with_replacement(range(5), n) for n in range(6)
    ):
        for target in range(-1, 6):
            place = bisect.bisect_left(items, target)
            want = place if place < len(items) and items[place] == target else -1
            assert {find(list(items), target) for find in good.values()} == {want}
    assert "low = middle\n" in PROMPTS["binary-search"][SURE]  # the wrong one still never ends


def test_merged_intervals_of_the_right_answers_are_right():
    good, wrong = functions("merge-intervals", "merge")
    assert len(good) == 5
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 5)]
    for given in itertools.product(pairs, repeat=3):
        halves = {k for a, b in given for k in range(2 * a, 2 * b + 1)}  # all points at a grid of one half
        ends = sorted(halves)
        starts = [k for k in ends if k - 1 not in halves]
        want = [(a / 2, next(k for k in ends if k >= a and k + 1 not in halves) / 2) for a in starts]
        for merge in good.values():
            assert [tuple(each) for each in merge(list(given))] == want
    assert wrong([(8, 9), (1, 2)]) != [[1, 2], [8, 9]]


def test_palindromes_are_found():
    good, _ = functions("palindromo", "es_palindromo")
    assert len(good) == 6
    for answer in good.values():
        assert answer("¿Acaso hubo búhos acá?")
        assert answer("A mamá, Roma le aviva el amor a papá, y a papá Roma le aviva el amor a mamá")
        assert not answer("Esto no lo es")


def test_the_right_queries_mind_ties():
    people = [("a", "x", 90), ("b", "x", 90), ("c", "x", 80), ("d", "x", 80), ("e", "x", 70), ("f", "y", 5)]
    for name in MODELS:
        (query,) = blocks(PROMPTS["second-salary"][name], "sql")
        base = sqlite3.connect(":memory:")
        base.execute("CREATE TABLE employees (name, department, salary)")
        base.executemany("INSERT INTO employees VALUES (?, ?, ?)", people)
        found = {tuple(sorted(map(str, row))) for row in base.execute(query)}
        base.close()
        assert (found == {("80", "c", "x"), ("80", "d", "x")}) == (name in right("second-salary"))


def wilson_from_its_definition(k, n, z=1.959964):
    """The rates p with (k/n - p)^2 = z^2 p (1 - p) / n, where it changes sign."""

    def beyond(p):
        return (k / n - p) ** 2 - z * z * p * (1 - p) / n

    return brentq(beyond, 1e-9, k / n), brentq(beyond, k / n, 1 - 1e-9)


def monty_hall(doors):
    """Chances of staying and of switching, by going through every game."""
    stay = switch = total = 0.0
    for car, pick in itertools.product(range(doors), repeat=2):
        shown = [door for door in range(doors) if door not in (car, pick)]
        for goat in shown:
            left = [door for door in range(doors) if door not in (pick, goat)]
            for other in left:
                weight = 1 / len(shown) / len(left)
                stay, switch, total = (
                    stay + weight * (pick == car),
                    switch + weight * (other == car),
                    total + weight,
                )
    return stay / total, switch / total


def test_figures_of_the_right_answers_are_right():
    low, high = wilson_from_its_definition(12, 80)
    stay, switch = monty_hall(4)
    assert math.isclose(stay, 1 / 4)
    assert math.isclose(switch, 3 / 8)
    first = next(day for day in range(49) if 2.0 ** (day - 48) > 0.01)
    expected = {
        "conversion-rate": [f"{low:.1%}", f"{high:.1%}"],
        "four-doors": [r"3/8|\\frac38|3 in 8"],
        "lilies": [r"\b47\b", rf"\b{first}\b"],
        "south-pole": ["14 Dec", "17 Jan"],
        "debt-or-savings": [rf"\b{4000 * 19 // 100}\b"],
        "masha": ["[Пп]ятеро|5 детей"],
    }
    for prompt, patterns in expected.items():
        for name, answer in right(prompt).items():
            for pattern in patterns:
                assert re.search(pattern, answer), (prompt, name, pattern)
    for prompt in ("conversion-rate", "four-doors", "lilies"):
        assert not all(re.search(pattern, PROMPTS[prompt][SURE]) for pattern in expected[prompt])


def test_the_lineup_offers_every_prompt_to_everybody():
    roster = demo_roster(0)
    assert [contestant.card.name for contestant in roster.contestants] == list(MODELS)
    assert {example.prompt_id for example in roster.examples} == PROMPTS.keys()
    for example in roster.examples:
        assert len(roster.candidates([Message("user", example.prompt)])) == 6


def test_the_file_is_one_that_anybody_could_serve():
    found = answers(DEMO / "answers.csv")
    assert found.models == tuple(MODELS)
    assert not found.left_out
    for given in found.prompts:
        assert given.answers == {name: PROMPTS[given.prompt_id][name] for name in MODELS}


def test_what_is_typed_is_answered_by_everybody_and_depends_on_the_seed_alone():
    typed = [Message("user", "Is a tomato a fruit?")]
    later = [
        Message("user", PROMPTS["lilies"]["prompt"]),
        Message("assistant", "Day 47."),
        Message("user", "Why?"),
    ]
    for messages in (typed, later):
        assert len(demo_roster(0).candidates(messages)) == 6

    def texts(seed):
        async def one(contestant):
            stop = asyncio.Event()
            return await generate(
                contestant.backend,
                typed,
                contestant.sampling,
                limits=Limits(),
                on_text=lambda _: stop.set(),
                stop=stop,
            )

        async def every():
            return await asyncio.gather(*map(one, demo_roster(seed).contestants))

        return [(each.text.split()[:1], each.failure) for each in asyncio.run(every())]

    assert texts(3) == texts(3)


def test_one_is_slow_and_one_fails_when_the_prompt_is_typed():
    assert [name for name, card in MODELS.items() if card.get("typed_words_per_second", 99) <= 3] == [CAREFUL]
    assert [name for name, card in MODELS.items() if card.get("typed_failure_rate")] == [LAYOUT]
    assert len({card["words_per_second"] for card in MODELS.values()}) == 6
    assert len({card["manner"] for card in MODELS.values()}) == 6
