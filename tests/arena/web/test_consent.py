"""Where a text is asked, nothing of a person is kept or sent before they agree to it, by whatever way."""

import asyncio
import json
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.roster import Example, PageWords
from agon.arena.core.studies.study_plan import AttentionItem, StudyPlan
from agon.data.log.records import LogError
from agon.data.log.recovery.verifying import verify_log
from agon.data.log.vote_log import VoteLog
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.browser import DESKTOP, Tab, chromium

TEXTS = {"en": "You agree that votes are published.", "de": "Sie stimmen zu."}
OTHER = {"en": "You agree that votes and prompts are published."}
ALL = ArenaSettings(seed=7, modes=("blind", "named", "direct"))


def hashed(text):
    return sha256(text.encode()).hexdigest()


def asking(models, texts=TEXTS):
    return replace(models, page=PageWords(consent=texts))


def agree(visitor, text=TEXTS["en"], given=True):
    return visitor.post("/api/consent", {"text": hashed(text), "given": given})


def refused(answer, texts=TEXTS):
    """Refused by one sentence, with what is asked."""
    assert answer.status_code == 403, answer.text
    told = answer.json()
    assert told["error"] == "no_consent"
    assert told["sentence"].count(".") in (1, 2)
    asked = {one["language"]: one["text"] for one in told["consent"]["texts"]}
    assert asked == texts
    assert all(one["sha256"] == hashed(one["text"]) for one in told["consent"]["texts"])
    return told["sentence"]


@pytest.fixture
def models():
    return [Scripted("Rayleigh."), Scripted("It just is.")]


def test_a_text_is_markdown_and_nothing_more(tmp_path, models):
    """A link to a policy works in the box, under What is stored and on the page of who agreed."""
    text = "Votes are **published**: [policy](https://example.org/p) <script>alert(1)</script>"
    shown = '<strong>published</strong>: <a href="https://example.org/p"'
    with open_arena(tmp_path, asking(roster(*models), {"en": text})) as arena:
        visitor = arena.visitor()
        (asked,) = visitor.get("/api/consent").json()["texts"]
        agree(visitor, text)
        for html in (asked["html"], *(visitor.get(path).text for path in ("/", "/about", "/you"))):
            assert shown in html
            assert "<script>alert" not in html


def test_a_log_that_cannot_be_read_keeps_nothing_and_tells_the_operator_alone(
    tmp_path, models, monkeypatch, capfd
):
    """The vote that comes then is refused as one that could not be kept, and counts when it is sent again."""

    def unreadable(*_):
        raise LogError("The vote log in /srv/canary cannot be read: no")

    with open_arena(tmp_path, asking(roster(*models)), ALL) as arena:
        visitor = arena.visitor()
        agree(visitor)
        view = visitor.ready()
        with monkeypatch.context() as broken:
            broken.setattr(arena.log, "consents_of", unreadable)
            for answer in (visitor.vote(view), visitor.post("/api/battles", {"prompt": "Why?"})):
                assert (answer.status_code, answer.json()["error"]) == (503, "not_kept")
                assert "canary" not in answer.text
        assert "/srv/canary" in capfd.readouterr().err
        assert visitor.vote(view).json()["state"] == "voted"
        assert arena.log.count() == 1


def test_nothing_is_kept_or_sent_before_one_agrees(tmp_path, models):
    with open_arena(tmp_path, asking(roster(*models)), ALL) as arena:
        visitor = arena.visitor()
        names = [one.card.name for one in arena.arena.roster.contestants]
        prompt = {"prompt": "canary"}
        refused(visitor.post("/api/battles", prompt))
        refused(visitor.post("/api/battles", prompt | {"models": names}))
        refused(visitor.post("/api/chats", prompt | {"model": names[0]}))
        assert arena.log._rows("SELECT count(*) FROM battles") == [(0,)]
        assert [one.asked for one in models] == [[], []], "no model saw it"
        stands = visitor.get("/api/consent").json()
        assert (stands["agreed"], len(stands["texts"])) == (False, 2)
        assert datetime.fromisoformat(stands["since"]) <= datetime.now(UTC)
        assert visitor.get("/api/start").json()["consent"]["texts"][0]["text"] == TEXTS["en"]
        unknown = visitor.post("/api/consent", {"text": "ab" * 32, "given": True})
        assert (unknown.status_code, unknown.json()["error"]) == (422, "no_text")
        assert agree(visitor, given=False).json()["error"] == "not_given"
        assert agree(visitor, TEXTS["de"]).json()["agreed"] is True
        assert agree(visitor, TEXTS["de"]).json()["agreed"] is True, "a second time is no second record"
        assert visitor.vote(visitor.ready()).status_code == 200
        assert visitor.post("/api/battles", prompt | {"models": names}).status_code == 200
        assert visitor.post("/api/chats", prompt | {"model": names[0]}).status_code == 200
        refused(arena.visitor().post("/api/battles", prompt))
        said = arena.log._rows("SELECT text, language, given FROM consents")
        assert said == [(hashed(TEXTS["de"]), "de", True)]
    assert verify_log(tmp_path).wrong == ()


def test_a_vote_waits_for_the_text_that_was_changed_and_then_counts_once(tmp_path, models):
    with open_arena(tmp_path, asking(roster(*models))) as arena:
        visitor = arena.visitor()
        agree(visitor)
        view = visitor.ready()
        arena.arena.reconfigure(asking(arena.arena.roster, OTHER), arena.arena.settings)
        arena.arena.reconfigure(asking(arena.arena.roster, OTHER), arena.arena.settings)
        assert "changed" in refused(visitor.vote(view), OTHER)
        body = {"prompt": "And then?"}
        refused(visitor.post(f"/api/battles/{view['battle']}/prompts", body), OTHER)
        assert arena.log.count() == 0
        refused(agree(visitor), OTHER)
        agree(visitor, OTHER["en"])
        assert visitor.vote(view).json()["counted"] is True
        assert visitor.vote(view).json()["error"] == "already_voted"
        assert arena.log.count() == 1
        asked = arena.log._rows("SELECT languages, texts FROM consent_texts ORDER BY rowid")
        assert asked == [(list(TEXTS), list(TEXTS.values())), (["en"], [OTHER["en"]])]
    with open_arena(tmp_path, roster(*models)) as arena:
        assert arena.visitor().ready()["consent"] is None, "from now on nothing is asked"
        assert arena.log._rows("SELECT languages FROM consent_texts ORDER BY rowid")[2:] == [([],)]


def test_who_takes_it_back_is_as_one_who_never_agreed_and_sees_it(tmp_path, models):
    slow = [Scripted("word " * 400, gap=0.05) for _ in range(2)]
    with open_arena(tmp_path, asking(roster(*slow)), ALL) as arena:
        visitor = arena.visitor()
        agree(visitor, TEXTS["de"])
        agree(visitor)
        running = visitor.start()["battle"]
        talk = visitor.post("/api/chats", {"prompt": "x", "model": "canary-0-id"}).json()["chat"]
        page = visitor.get("/you").text
        assert TEXTS["en"] in page
        form = {"text": hashed(TEXTS["en"])}
        done = visitor.http.post("/you/consent", data=form, headers={"accept": "text/html"})
        assert done.status_code == 303
        page = visitor.get(done.headers["location"].replace("../", "/")).text
        assert "It is taken back" in page
        assert "You took it back on" in page
        assert "Nothing more of yours is kept until you agree again" in page
        assert visitor.finish(running)["state"] in ("void", "ready"), "what was being written has ended"
        assert visitor.get(f"/api/chats/{talk}").json()["error"] == "no_chat"
        refused(visitor.post("/api/battles", {"prompt": "Why?"}))
        found = visitor.get("/you/export").json()["consents"]
        assert [(one["language"], one["given"]) for one in found] == [
            ("de", True),
            ("en", True),
            ("en", False),
        ]
        assert found[0]["text"] == TEXTS["de"]
        about = visitor.get("/about").text
        assert TEXTS["en"] in about
        assert "This is asked since" in about
    with open_arena(tmp_path, asking(roster(*models))) as arena:
        again = arena.visitor()
        again.http.cookies.update(visitor.http.cookies)
        refused(again.post("/api/battles", {"prompt": "Why?"}))


def test_the_list_the_remarks_and_what_is_left_for_later(tmp_path, models):
    with open_arena(tmp_path, asking(roster(*models, typed=False))) as arena:
        visitor = arena.visitor()
        refused(visitor.post("/api/battles/next", {}))
        agree(visitor)
        battle = visitor.post("/api/battles/next", {}).json()["battle"]
        view = visitor.finish(battle)
        agree(visitor, given=False)
        refused(visitor.post("/api/battles/next", {"leave": battle}))
        refused(visitor.vote(view))
        agree(visitor)
        assert visitor.vote(view).status_code == 200
        agree(visitor, given=False)
        said = {"reasons": ["clear"], "comment": "canary"}
        refused(visitor.post(f"/api/battles/{battle}/remarks", said))
        assert arena.log.remarks(battle) == []


def test_an_agreement_that_could_not_be_kept_is_none_and_is_said(tmp_path, models, monkeypatch):
    def full(record):
        failed = Future()
        failed.set_exception(LogError("The disk is full."))
        return failed

    with open_arena(tmp_path, asking(roster(*models))) as arena:
        visitor = arena.visitor()
        monkeypatch.setattr(arena.log, "write", full)
        answer = agree(visitor)
        assert (answer.status_code, answer.json()["error"]) == (503, "not_kept")
        monkeypatch.undo()
        refused(visitor.post("/api/battles", {"prompt": "Why?"}))
        assert agree(visitor).status_code == 200


def test_a_foreign_page_a_stranger_and_too_much_at_once(tmp_path, models):
    with open_arena(tmp_path, asking(roster(*models))) as arena:
        visitor = arena.visitor()
        body = {"text": hashed(TEXTS["en"]), "given": True}
        foreign = visitor.post("/api/consent", body, headers={"origin": "https://other.example"})
        assert foreign.json()["error"] == "foreign_origin"
        visitor.http.cookies.clear()
        assert visitor.post("/api/consent", body).json()["error"] == "no_session"
        other = arena.visitor()
        codes = [agree(other, given=n % 2 == 0).status_code for n in range(31)]
        assert codes == [200] * 30 + [429]


def test_a_log_of_the_schema_before_is_brought_up_and_asks_from_now_on(tmp_path, models):
    import duckdb

    VoteLog(tmp_path).close()
    with duckdb.connect(str(tmp_path / "agon.duckdb")) as database:
        for table in ("consents", "consent_texts"):
            for (index,) in database.execute(
                "SELECT index_name FROM duckdb_indexes() WHERE table_name = ?", [table]
            ).fetchall():
                database.execute(f"DROP INDEX {index}")
            database.execute(f"DROP TABLE {table}")
        database.execute("DELETE FROM migrations WHERE version = 14")
    with VoteLog(tmp_path) as log:
        assert log.consent_asked().since is None
        assert log._rows("SELECT max(version) FROM migrations") == [(14,)]
    with open_arena(tmp_path, asking(roster(*models))) as arena:
        visitor = arena.visitor()
        refused(visitor.post("/api/battles", {"prompt": "Why?"}))
        agree(visitor)
    (tmp_path / "agon.duckdb").unlink()
    with open_arena(tmp_path, asking(roster(*models))) as arena:
        again = arena.visitor()
        again.http.cookies.update(visitor.http.cookies)
        assert again.ready()["consent"]["agreed"] is True, "the events have it"
        assert len(arena.log._rows("FROM consent_texts")) == 1


def test_a_study_asks_before_its_first_task_and_before_every_judgement(tmp_path, models):
    plan = StudyPlan(
        name="tunes",
        prompts=(Example("Why?", "p0"),),
        models=("canary-0-id", "canary-1-id"),
        attention=(AttentionItem("2 + 2?", ("4", "5")),),
        until="complete",
    )
    with open_arena(tmp_path, asking(roster(*models)), plan=plan) as arena:
        (invited,) = arena.study.journal.invite_all([(1, None)])
        visitor = arena.visitor()
        visitor.http.follow_redirects = True
        visitor.get(f"/study?invite={arena.arena.keys.invitation_token('tunes', invited.id)}")
        assert 'id="ag-consent"' in visitor.get("/study").text
        assert visitor.get("/api/study").json()["consent"]["agreed"] is False
        refused(visitor.post("/api/study/next", {}))
        assert arena.log._rows("FROM battles") == []
        assert agree(visitor).json()["agreed"] is True
        kinds = set()
        for _ in range(2):
            view = visitor.post("/api/study/next", {}).json()
            while view["state"] == "streaming":
                view = visitor.get(f"/api/study/{view['battle']}").json()
            kinds.add(view["battle"].startswith("item"))
            body = {"battle": view["battle"], "turn": 1, "token": view["token"], "outcome": "a"}
            agree(visitor, given=False)
            refused(visitor.post("/api/study/vote", body))
            refused(visitor.post("/api/study/skip", {"battle": view["battle"], "reason": "canary"}))
            agree(visitor)
            assert visitor.post("/api/study/vote", body).status_code == 200
        assert kinds == {True, False}
        assert visitor.get("/api/study").json()["state"] == "thanks"


def test_the_panel_of_gradio_is_no_way_around_and_asks(tmp_path, models):
    from agon.arena.web.gradio_components import Inside

    with open_arena(tmp_path, asking(roster(*models))) as arena:
        inside = Inside(arena.arena)
        proof = arena.arena.keys.new_session()

        def ask(path, body=None):
            answer = asyncio.run(inside.ask({"path": path, "body": body, "session": proof}, None))
            return answer["status"], json.loads(answer["text"])

        assert inside.start()["consent"]["texts"][0]["text"] == TEXTS["en"]
        status, told = ask("/api/battles", {"prompt": "canary"})
        assert (status, told["error"]) == (403, "no_consent")
        assert arena.log._rows("FROM battles") == []
        given = {"text": hashed(TEXTS["en"]), "given": True}
        assert ask("/api/consent", given)[1]["agreed"] is True
        assert ask("/api/start")[1]["consent"]["agreed"] is True
        assert ask("/api/consent", given | {"given": False})[1]["agreed"] is False
        assert TEXTS["en"] in asyncio.run(inside.page("./about"))


def test_a_visitor_agrees_votes_and_takes_it_back_in_a_browser(tmp_path, models):
    with open_arena(tmp_path, asking(roster(*models))) as arena, chromium() as browser:
        tab = Tab(browser.new_context(viewport=DESKTOP, locale="en"), arena.url)
        page = tab.open("/").page
        page.fill("#ag-text", "Why is the sky blue?")
        page.press("#ag-text", "Enter")
        page.wait_for_selector("#ag-consentwhy:has-text('Nothing was sent or kept')")
        assert page.evaluate("document.activeElement.id") == "ag-agree"
        assert page.input_value("#ag-text") == "Why is the sky blue?"
        assert tab.errors == [], "not even the server heard of it"
        page.keyboard.press("Space")
        page.click("#ag-start")
        page.wait_for_selector("[data-agon][data-state=ready]")
        assert page.is_hidden("#ag-consent")
        arena.arena.consents.ask(OTHER)
        page.click("#ag-vote-a")
        page.wait_for_selector("#ag-consentwhy:has-text('was changed')")
        assert page.inner_text("#ag-consenttext") == OTHER["en"]
        page.click("#ag-consentgo")  # without the tick nothing goes on
        assert page.evaluate("document.activeElement.id") == "ag-agree"
        assert arena.log.count() == 0
        page.get_by_label("I agree").check()
        page.click("#ag-consentgo")
        page.wait_for_selector("[data-agon][data-state=voted]")
        assert (arena.log.count(), page.is_hidden("#ag-consent")) == (1, True)
        page = tab.open("/you").page
        assert OTHER["en"] in page.inner_text("main")
        page.click("button:has-text('Take it back')")
        page.wait_for_selector("[role=status]:has-text('It is taken back')")
        page = tab.open("/").page
        assert page.is_visible("#ag-consent")
        assert [one.partition("(")[0] for one in tab.errors] == [
            "Failed to load resource: the server responded with a status of 403 "
        ], "the vote that the text was changed under"
        assert tab.elsewhere == []
