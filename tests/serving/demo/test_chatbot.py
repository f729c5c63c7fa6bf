"""The generators: they react, remember, keep manner and language, and are late or fail as they state."""

import ast
import asyncio
import itertools
import math
import re
import sqlite3
import subprocess
import sys
import time
import tomllib

import pytest

from agon.serving.demo.chatbot import MANNERS, Improviser
from agon.serving.demo.outline import first_sentence, language_of, terms_of
from agon.serving.generation import Limits, generate
from agon.serving.protocol import End, Message, Sampling
from tests.support.paths import REPOSITORY

PROMPTS = [
    "Why is the sea salty?",
    "What is a telescope?",
    "Should I buy a bike or a car?",
    "How do I learn to cook rice?",
    "List 5 uses of a brick",
    "Tell me about coffee and sleep",
    "My garden floods every spring",
    "Is it rude to leave early?",
]


def talk(*prompts, replies=None):
    """A conversation with a reply between any two prompts."""
    said = []
    for prompt, reply in itertools.zip_longest(
        prompts, replies or ["I see."] * (len(prompts) - 1), fillvalue=None
    ):
        said += [Message("user", prompt)] + ([Message("assistant", reply)] if reply is not None else [])
    return said


def answer(manner, *prompts, seed=0, **options):
    return Improviser(manner, seed=seed, words_per_second=0).answer(talk(*prompts, **options))


def run(backend, messages, **limits):
    async def one():
        return await generate(
            backend,
            messages,
            Sampling(),
            limits=Limits(**limits),
            on_text=lambda piece: None,
            stop=asyncio.Event(),
        )

    return asyncio.run(one())


@pytest.mark.parametrize("manner", MANNERS)
def test_the_same_seed_and_conversation_give_the_same_answer_and_others_another(manner):
    given = [answer(manner, prompt) for prompt in PROMPTS]
    assert given == [answer(manner, prompt) for prompt in PROMPTS]
    assert len(set(given)) == len(PROMPTS)
    assert len({tuple(answer(manner, prompt, seed=seed) for prompt in PROMPTS) for seed in range(5)}) > 1


def test_the_same_answer_in_another_process():
    code = (
        "from agon.serving.demo.chatbot import Improviser; from agon.serving.protocol import Message;"
        "one = Improviser('warm', seed=3, words_per_second=0);"
        "print(one.answer([Message('user', 'Why is the sea salty?')]), end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert done.stdout == answer("warm", "Why is the sea salty?", seed=3)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_manners_differ_and_speak_of_what_was_asked(prompt):
    given = {manner: answer(manner, prompt) for manner in MANNERS}
    assert len(set(given.values())) == len(MANNERS)
    assert all(
        any(word in text for term in terms_of(prompt) for word in term.split()) for text in given.values()
    )
    assert len(given["terse"]) < min(len(text) for manner, text in given.items() if manner != "terse")
    assert [manner for manner, text in given.items() if text.startswith("# ")] == ["laid_out"]


@pytest.mark.parametrize("manner", sorted(set(MANNERS) - {"sure"}))
def test_sums_are_right(manner):
    for a, b in itertools.product((3, 17, 240), (8, 23)):
        assert str(a * b) in answer(manner, f"What is {a} * {b}?")


def test_the_sure_one_is_wrong_now_and_then():
    wrong = [
        str(a * 7) not in re.findall(r"\*\*(\d+)", answer("sure", f"What is {a} * 7?"))
        for a in range(11, 131)
    ]
    assert 0.2 < sum(wrong) / len(wrong) < 0.45


def test_further_turns_use_what_was_said():
    for manner in MANNERS:
        assert "**288**" in answer(manner, "What is 12*12?", "times 2") or manner in ("sure", "laid_out")
        fresh, later = (
            answer(manner, "And tea?"),
            answer(manner, "Tell me about coffee and sleep", "And tea?"),
        )
        assert fresh != later
        assert "coffee" in later
        assert "|" in answer(manner, "Tell me about coffee and sleep", "as a table, please")
        long = answer(manner, "Tell me about coffee and sleep")
        assert len(answer(manner, "Tell me about coffee and sleep", "more details please")) >= len(long) - 80
    reply = "# Head\n\n- a list\n\nWater boils at 100 °C at sea level. It boils earlier on a mountain."
    assert "Water boils at 100 °C at sea level." in answer("terse", "Boiling?", "shorter", replies=[reply])
    assert answer("terse", "Boiling?", "shorter", replies=["It freezes."]) != answer(
        "terse", "Boiling?", "shorter"
    )


def test_the_first_sentence_is_prose():
    assert (
        first_sentence("# Head\n\n```python\nx = 1.\n```\n\nIt is 3.5 m long. More.") == "It is 3.5 m long."
    )
    assert first_sentence("| a |\n|---|") == ""


@pytest.mark.parametrize(
    ("language", "prompt", "sign"),
    [
        ("de", "Wie kann ich besser schlafen, wenn mein Nachbar laut ist?", "Nachbar"),
        ("fr", "Comment puis-je mieux dormir si mon voisin fait du bruit ?", "voisin"),
        ("es", "¿Cómo puedo dormir mejor si mi vecino hace ruido?", "vecino"),
        ("ru", "Почему зимой холодно, а летом тепло?", "зимой"),
        ("ja", "なぜ空は青いのですか", "空"),
        ("en", "How can I sleep if my neighbour is loud?", "neighbour"),
    ],
)
def test_answers_are_in_the_language_of_the_prompt(language, prompt, sign):
    assert language_of(prompt) == language
    for manner in set(MANNERS) - {"terse"}:
        text = answer(manner, prompt)
        assert sign in text
        assert language_of(text) == language


def test_every_language_has_every_phrase():
    path = REPOSITORY / "serving" / "demo" / "phrases.toml"
    phrases = tomllib.loads(path.read_text(encoding="utf-8"))
    english = {key: value for key, value in phrases["en"].items() if key != "kinds"}
    for table in phrases.values():
        assert table.keys() - {"kinds"} == english.keys()
        for key, value in english.items():
            assert type(table[key]) is type(value)
            assert not isinstance(value, list) or len(table[key]) == len(value)
            fields = [sorted(re.findall(r"\{\w*\}", text)) for text in (str(value), str(table[key]))]
            assert fields[0] == fields[1], key


@pytest.mark.parametrize("manner", MANNERS)
def test_a_prompt_for_code_gets_code_that_names_it(manner):
    (code,) = re.findall(
        r"```python\n(.*?)```", answer(manner, "Write a Python function that sorts customer orders"), re.S
    )
    (made,) = ast.parse(code).body
    assert "customer" in made.name or "orders" in made.name
    space = {}
    for prompt, name, given, want in [
        ("Write a Python function for fibonacci numbers", "fibonacci", 30, 832040),
        ("python function to test for primes", "is_prime", 97, True),
        ("Python code for the factorial", "factorial", 10, math.factorial(10)),
        ("a function for palindromes", "is_palindrome", "Was it a car or a cat I saw?", True),
    ]:
        (code,) = re.findall(r"```python\n(.*?)```", answer(manner, prompt), re.S)
        exec(code, space)
        assert space[name](given) == want


def test_skeletons_in_other_languages_can_be_read_by_their_tools():
    given = answer("terse", "Write SQL for the average salary per department in employees")
    (query,) = re.findall(r"```sql\n(.*?)```", given, re.S)
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE employees (average, salary, per, department)")
    assert base.execute(query).fetchall() == []
    base.close()
    given = answer("warm", "Write a bash script that renames holiday photos")
    (script,) = re.findall(r"```bash\n(.*?)```", given, re.S)
    assert "holiday" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    given = answer("sure", "A JavaScript function that reads cookies")
    assert re.search(r"```javascript\nfunction \w*[Cc]ookies", given)


@pytest.mark.parametrize(
    "prompt", ["Who are you?", "Wer bist du?", "Are you ChatGPT?", "Кто ты?", "¿Quién eres?"]
)
def test_who_asks_for_the_name_learns_that_it_comes_after_the_vote(prompt):
    for manner in MANNERS:
        assert re.search("vote|Abstimmung|голосован|votar|voto", answer(manner, prompt))


@pytest.mark.parametrize(
    ("prompt", "about"),
    [
        ("Write a poem about a heron", "heron"),
        ("Write a story about my bicycle", "my bicycle"),
        ("Write an email to my boss asking for a day off", "a day off"),
        ("Write a letter to my aunt", "my aunt"),
        ("What is the difference between tea and coffee?", "coffee"),
    ],
)
def test_kinds_of_writing_name_their_subject(prompt, about):
    assert all(about in answer(manner, prompt).lower() for manner in MANNERS)


def test_translations_are_refused_honestly_and_lists_have_the_asked_length():
    for manner in MANNERS:
        assert re.search("translat", answer(manner, "Translate 'good night' into Polish"), re.I)
    assert len(re.findall(r"^\d\. ", answer("thorough", "List 7 uses of a brick"), re.M)) == 7
    assert len(re.findall(r"^\d+\. ", answer("thorough", "List 99 uses of a brick"), re.M)) == 12


@pytest.mark.parametrize(
    "prompt", ["?", "…", "a" * 100_000, "{first} {0} %s", "<script>x</script>", "|" * 500, "\ud800x", "名"]
)
def test_strange_prompts_get_an_answer(prompt):
    for manner in MANNERS:
        start = time.perf_counter()
        text = answer(manner, prompt)
        assert text.strip()
        assert "<script" not in text
        assert len(text) < 6000
        assert time.perf_counter() - start < 2


def test_what_is_no_prompt_is_not_accepted():
    one = Improviser("terse", seed=0, words_per_second=0)
    for messages in ([], [Message("user", " \n")], [Message("user", "a"), Message("assistant", "b")]):
        assert not one.accepts(messages)
        if messages:
            assert run(one, messages).failure == "rejected"


def test_the_slow_one_is_slow_and_late():
    slow = Improviser("terse", seed=0, words_per_second=10, delay=0.4)
    done = run(slow, talk("Why is the sea salty?"))
    assert done.time_to_first_token >= 0.4
    assert 5 < done.tokens_per_second < 16


def test_the_failing_one_fails_at_its_rate_in_both_ways_and_the_same_way_again():
    failing = Improviser("laid_out", seed=1, words_per_second=0, failure_rate=0.25)
    done = [run(failing, talk(f"What is the use of number {i}?")) for i in range(240)]
    kinds = [each.failure for each in done]
    assert 0.17 < sum(kind is not None for kind in kinds) / len(kinds) < 0.33
    assert {kind for kind in kinds if kind} == {"overloaded", "interrupted"}
    assert all(each.text == "" for each in done if each.failure == "overloaded")
    assert all(each.text and each.finish_reason is None for each in done if each.failure == "interrupted")
    assert [run(failing, talk(f"What is the use of number {i}?")).failure for i in range(40)] == kinds[:40]
    with pytest.raises(ValueError, match="failure_rate"):
        Improviser("terse", seed=0, words_per_second=0, failure_rate=1.5)


def test_closing_ends_the_stream():
    async def closed():
        events = Improviser("thorough", seed=0, words_per_second=30).stream(talk("Why?"), Sampling())
        await anext(events)
        await events.aclose()
        return [event async for event in events]

    assert asyncio.run(closed()) == []


def test_a_stream_ends_with_the_number_of_its_words():
    async def last():
        return [
            e async for e in Improviser("warm", seed=0, words_per_second=0).stream(talk("Why?"), Sampling())
        ][-1]

    assert asyncio.run(last()) == End("stop", completion_tokens=len(answer("warm", "Why?").split()))
