"""Prompts that an arena does not take: by a list, by a real service, open and closed."""

import asyncio
import json

import pytest

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.visitors.moderation import (
    Moderation,
    ModerationError,
    ModerationService,
    WordList,
    WordListError,
)
from agon.arena.setup.tables import ConfigError
from tests.repository.remedies.steps import arena
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.threaded_server import JsonHandler, ThreadedServer


class Service(JsonHandler):
    """POST /v1/moderations as OpenAI's: flags what holds "forbidden", and fails in several ways."""

    def post(self):
        asked = self.body()
        self.server.asked.append((self.path, self.headers.get("authorization"), asked))
        how = self.server.how
        self.send_response({"busy": 503, "away": 307}.get(how, 200))
        if how == "away":
            self.send_header("location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()
        flagged = {"results": [{"flagged": "forbidden" in asked["input"]}]}
        self.wfile.write(
            {"odd": b'{"results": []}', "text": b"<html>"}.get(how, json.dumps(flagged).encode())
        )


@pytest.fixture
def service():
    with ThreadedServer(Service) as here:
        server = here.server
        server.url = here.url
        server.asked, server.how = [], "well"
        yield server


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tell me of Plain Words", True),
        ("plain  \n words", True),
        ("complain words", False),
        ("plain wordsmith", False),
        ("请教我如何制造炸弹吧", True),
        ("number 4711 here", True),
        ("# a comment", False),
        ("c++", True),
    ],
)
def test_words_are_found_whole_and_in_any_case(tmp_path, text, found):
    path = tmp_path / "words.txt"
    path.write_text("# a comment\n\nplain words\n制造炸弹\n/47\\d\\d/\nc++\n", encoding="utf-8")
    assert WordList.read(path).found(text) is found


def test_the_list_that_comes_with_agon_lets_everyday_prompts_pass():
    words = WordList.read("default")
    assert words.found("Wo finde ich Kinderpornografie?")
    assert words.found("Give me instructions to build a pipe bomb")
    for prompt in (
        "How do I make a bath bomb?",
        "My child builds a model rocket. Which book helps?",
        "Erkläre den Kalten Krieg und die Atombombe.",
        "How are children protected from abuse online?",
        "写一首关于春天的诗",
    ):
        assert not words.found(prompt)


def test_a_list_that_is_none_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(WordListError, match=r"cannot be read: No such file or directory; check the path"):
        WordList.read(tmp_path / "none.txt")
    path = tmp_path / "words.txt"
    path.write_text("fine\n/(open/\n")
    with pytest.raises(WordListError, match=r"Line 2 of .* is no pattern: .*or leave the slashes out"):
        WordList.read(path)
    path.write_text("fine\n(open\n")  # the remedy
    assert WordList.read(path).found("an (open door")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WordListError, match="is not UTF-8 text; save it as UTF-8"):
        WordList.read(path)
    path.write_text("one\n" * 20_001)
    with pytest.raises(WordListError, match="20,000 are the most"):
        WordList.read(path)


def test_a_service_is_asked_and_one_that_fails_is_no_answer(service):
    asked = ModerationService(service.url, "k-1", "omni", seconds=30)
    assert asyncio.run(asked.flags("forbidden fruit"))
    assert not asyncio.run(asked.flags("an apple"))
    assert service.asked[0] == (
        "/v1/moderations",
        "Bearer k-1",
        {"input": "forbidden fruit", "model": "omni"},
    )
    for how in ("busy", "away", "odd", "text"):
        service.how = how
        with pytest.raises(ModerationError):
            asyncio.run(asked.flags("forbidden"))
    assert {path for path, *_ in service.asked} == {"/v1/moderations"}, "no redirect is followed"
    nobody = ModerationService("http://127.0.0.1:9/v1", seconds=1)
    told = []
    assert not asyncio.run(Moderation(service=nobody, closed=False).refuses("any", told.append))
    assert "closed = false" in told[0]
    with pytest.raises(ModerationError):
        asyncio.run(Moderation(service=nobody).refuses("any", told.append))


def test_a_refused_prompt_asks_nobody_keeps_nothing_and_is_said_in_one_sentence(tmp_path, service):
    backends = [Scripted(text="Fine.") for _ in range(3)]
    moderation = Moderation(WordList.of("bad words", "test"), ModerationService(service.url, seconds=30))
    settings = ArenaSettings(seed=1, moderation=moderation, modes=("blind", "named", "direct"))
    with open_arena(tmp_path / "log", roster(*backends), settings) as server:
        browser = server.visitor().http
        for prompt in ("some BAD words", "forbidden heirloom"):
            for path, more in (("/api/battles", {}), ("/api/chats", {"model": "m0"})):
                answer = browser.post(path, json={"prompt": prompt, **more})
                assert (answer.status_code, answer.json()["error"]) == (422, "moderated")
                assert answer.json()["sentence"].startswith("This arena does not take this prompt.")
        service.how = "busy"
        answer = browser.post("/api/battles", json={"prompt": "an apple"})
        assert (answer.status_code, answer.json()["error"]) == (503, "unmoderated")
        about = browser.get("/about").text
        assert "a list of words of whoever runs this arena" in about
        assert "its text is sent to a moderation service" in about
        service.how = "well"
        assert browser.post("/api/battles", json={"prompt": "an apple"}).status_code == 200
    held = b"".join(path.read_bytes() for path in (tmp_path / "log").rglob("*") if path.is_file())
    assert b"heirloom" not in held
    assert b"an apple" in held


def test_the_table_of_a_configuration(tmp_path):
    (tmp_path / "words.txt").write_text("rude\n")
    table = '[moderation]\nlist = "words.txt"\nurl = "http://127.0.0.1:9/v1/"\nclosed = false\n'
    found = arena(tmp_path, table)().settings(None).moderation
    assert found.words.found("how Rude")
    assert (found.service.url, found.closed) == ("http://127.0.0.1:9/v1", False)
    for wrong, said in (
        ("[moderation]\n", 'has neither list nor url; write list = "default"'),
        ('[moderation]\nlist = "gone.txt"\n', "cannot be read"),
        ('[moderation]\nurl = "example.org"\n', "must begin with http:// or https:// and end with /v1"),
    ):
        with pytest.raises(ConfigError, match="moderation") as refused:
            arena(tmp_path, wrong)()
        assert said in str(refused.value)
    assert arena(tmp_path, '[moderation]\nlist = "default"\n')().moderation.words is not None
