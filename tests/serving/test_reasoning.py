"""Thinking told from answers, however the text is cut into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.serving.reasoning import ReasoningSplitter


def split(pieces, *, thinks_first=False):
    """(text, reasoning) of a text in pieces, as somebody has them who reads along."""
    splitter = ReasoningSplitter(thinks_first=thinks_first)
    text = reasoning = ""
    for found in [*map(splitter.feed, pieces), splitter.finish()]:
        if found.thought_first:
            text, reasoning = "", reasoning + text
        text, reasoning = text + found.text, reasoning + found.reasoning
    return text, reasoning


R1 = "Six times seven.\n</think>\n\nForty-two."
CASES = [  # written by hand after what the named servers send
    (
        "<think>\nSix times seven.\n</think>\n\nForty-two.",
        "Forty-two.",
        "\nSix times seven.\n",
    ),  # Qwen3, Ollama
    (R1, "Forty-two.", "Six times seven.\n"),  # DeepSeek-R1: the opening tag stands in the prompt
    ("Six times seven.</think>Forty-two.", "Forty-two.", "Six times seven."),
    ("<think>\n\n</think>\n\nForty-two.", "Forty-two.", "\n\n"),  # thinking switched off
    ("</think>\n\nForty-two.", "Forty-two.", ""),
    ("<think>without an end", "", "without an end"),
    ("[THINK]Six[/THINK]Forty-two.", "Forty-two.", "Six"),  # Magistral
    ("<|channel|>analysis<|message|>Six<|end|><|start|>assistant<|channel|>final<|message|>42", "42", "Six"),
    ("<think>a</think>\n\n<think>b</think>\n\nc", "c", "ab"),
    ("One.\n<think>b</think>\nTwo.", "One.\nTwo.", "b"),
    # Answers that speak of the tags, or look like them:
    ("R1 writes `</think>` before it answers.", "R1 writes `</think>` before it answers.", ""),
    ("```\n<think>\nx\n</think>\n```\n", "```\n<think>\nx\n</think>\n```\n", ""),
    ("The tag <think> opens it.", "The tag <think> opens it.", ""),
    ("a < b and <thin", "a < b and <thin", ""),
    ("a [T", "a [T", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("whole", "text", "reasoning"), CASES)
def test_thinking_is_told_from_the_answer(whole, text, reasoning):
    assert split([whole]) == (text, reasoning)
    assert split(list(whole)) == (text, reasoning)


@given(st.data())
def test_pieces_make_no_difference(data):
    parts = ["<think>", "</think>", "[THINK]", "<", "think", "`", "```", "\n", " ", "a", "x</", "[/THINK]"]
    whole = "".join(data.draw(st.lists(st.sampled_from(parts), max_size=14)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    for first in (False, True):
        assert split(pieces, thinks_first=first) == split([whole], thinks_first=first)


def test_a_model_that_thinks_first_is_held_until_it_has_thought():
    splitter = ReasoningSplitter(thinks_first=True)
    assert not any(splitter.feed(piece).text for piece in ("Six ", "times ", "seven.\n"))
    assert splitter.feed("</think>\n\nForty").text == "Forty"
    assert split([R1], thinks_first=True) == split([R1])
    assert split(["No thought ", "this time."], thinks_first=True) == ("No thought this time.", "")


def test_text_is_not_held_longer_than_it_must_be():
    splitter = ReasoningSplitter()
    assert splitter.feed("Forty").text == "Forty"
    assert splitter.feed("-two <").text == "-two "
    assert splitter.feed("3").text == "<3"
