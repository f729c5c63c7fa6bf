"""Which language a page is in."""

import pytest

from agon.arena.web.languages.choice import asked_for, reader_of
from agon.arena.web.languages.texts import _, ngettext, number, percent, speaking, translated
from agon.ranking.text import Sentence, in_turn


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("pt-BR,de;q=0.3,es;q=0.4", "es"),
        ("zh-TW", "zh"),
        ("ar-EG;q=0.9, *;q=0.1", "ar"),
        ("de;q=0, en", "en"),
        ("ja, *", "en"),
        ("de;q=many, fr", "fr"),
    ],
)
def test_a_browser_gets_what_it_likes_best_of_what_there_is(header, language):
    assert asked_for(header) == language


def test_a_choice_goes_before_the_browser_and_leaves_the_address():
    scope = {"query_string": b"lang=ar&rule=elo"}
    reader, chosen = reader_of(scope, {"accept-language": "de", "cookie": "agon-language=fr"})
    assert (reader.language, chosen) == ("ar", "ar")
    assert scope["query_string"] == b"rule=elo"
    assert reader.query == (("rule", "elo"),)
    kept, _fresh = reader_of({"query_string": b""}, {"accept-language": "de", "cookie": "agon-language=fr"})
    assert kept.language == "fr"
    unknown, fresh = reader_of({"query_string": b"lang=xx"}, {"accept-language": "de"})
    assert (unknown.language, fresh) == ("de", None)


def test_numbers_and_plurals_are_those_of_the_language():
    """By the rules of Unicode's CLDR: six forms in Arabic, a space before the per cent in French."""
    assert (number(1234.5, 1), percent(0.12)) == ("1,234.5", "12%")
    with speaking("de"):
        assert number(1234.5, 1) == "1.234,5"
    with speaking("fr"):
        assert percent(0.12).replace("\u202f", "\u00a0") == "12\u00a0%"
    with speaking("ar"):
        forms = {ngettext("{count} vote counted", "{count} votes counted", n) for n in (0, 1, 2, 3, 11, 100)}
        assert len(forms) == 6


def test_a_sentence_of_the_inner_parts_is_english_there_and_translated_on_a_page():
    said = in_turn(
        Sentence("The prompt is longer than these models can read ({most} tokens).", most=8192),
        Sentence("Shorten it."),
    )
    assert said == "The prompt is longer than these models can read (8,192 tokens). Shorten it."
    assert translated(said) == said
    with speaking("de"):
        assert translated(said) == (
            "Der Prompt ist länger, als diese Modelle lesen können (8.192 Token). Kürzen Sie ihn."
        )
        assert _("no such message") == "no such message"
