"""Which language a page is in."""

import time

import pytest
from fastapi.testclient import TestClient

from agon.arena.web.languages.choice import asked_for, reader_of
from agon.arena.web.languages.texts import (
    PAGE_LANGUAGES,
    _,
    figure,
    ngettext,
    number,
    percent,
    speaking,
    translated,
)
from agon.arena.web.layout import main_of
from agon.arena.web.leaderboard.vote_choice import votes_of_file
from agon.arena.web.reading import reading_app
from agon.ranking.text import Figure, Names, Sentence, in_turn
from tests.arena.cli.test_board import votes


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


@pytest.mark.parametrize("code", [code for code in PAGE_LANGUAGES if code != "en"])
def test_what_the_engine_says_is_in_the_language_of_the_page(code, tmp_path):
    """Refusals of an address, remarks on a board and what Integrity found, with no word of English marked."""
    votes(tmp_path / "votes.csv")
    source = votes_of_file(tmp_path / "votes.csv")
    with TestClient(reading_app(source), headers={"accept": "text/html", "accept-language": code}) as client:
        for path in ("/leaderboard?rule=elo", "/leaderboard", "/integrity"):
            while 'http-equiv="refresh"' in (text := client.get(path).text):
                time.sleep(0.1)
            assert 'lang="en"' not in main_of(text), path
            assert "Clustered by" not in text
        for path in (
            "/leaderboard?rule=elp",
            "/leaderboard?from=an",
            "/decide?atmost.price=1",
            "/compare?models=x",
        ):
            answer = client.get(path)
            assert answer.status_code == 404
            assert 'lang="en"' not in main_of(answer.text)
            assert "There is no" not in answer.text
        english = client.get("/leaderboard?rule=elp", headers={"accept-language": "en"}).text
        assert "There is no rule &#x27;elp&#x27; for these votes; did you mean &#x27;elo&#x27;?" in english


def test_names_and_numbers_of_a_sentence_are_those_of_the_page():
    said = Sentence(
        "{count} window stands out of {windows}, of {models}.",
        "{count} windows stand out of {windows}, of {models}.",
        count=2,
        windows=1234,
        models=Names(["a/b", "c", "d", "e", "f"]),
    )
    assert said == "2 windows stand out of 1,234, of a/b, c, d and 2 more."
    assert said.renamed(str.upper) == "2 windows stand out of 1,234, of A/B, C, D and 2 more."
    with speaking("de"):
        assert translated(said.renamed(str.upper)) == (
            "2 von 1.234 Zeitfenstern fallen auf, von A/B, C, D und 2 weitere."
        )
        assert figure(Figure(0.1234, ".1%")).replace("\xa0", " ") == "12,3 %"
        assert figure(Figure(1234.5, ",.1f")) == "1.234,5"
