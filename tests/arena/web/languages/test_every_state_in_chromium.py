"""Every page in every state, in every language, both themes and three widths: axe, and nothing too wide.

Servers are real: an arena, its list of recorded answers, two studies, a file of votes, a log without votes.
The suite sees those that no other test does, each in one of the 36 ways; `make soak` sees all in all of them.
"""

import contextlib
import importlib.util
import itertools
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import uvicorn

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.refusal import Refusal
from agon.arena.core.roster import Example
from agon.arena.core.sessions import AdminSettings
from agon.arena.core.studies.study_plan import StudyPlan
from agon.arena.core.visitors.access import (
    MEMBER_COOKIE,
    AccessSettings,
    OpenIDSettings,
    member_cookie,
)
from agon.arena.setup.recorded import read_recorded_roster
from agon.arena.web.languages.texts import PAGE_LANGUAGES, RIGHT_TO_LEFT
from agon.arena.web.leaderboard import boards
from agon.arena.web.leaderboard.boards import BusyError
from agon.arena.web.leaderboard.vote_choice import votes_of_file
from agon.arena.web.middleware import TOO_MANY
from agon.arena.web.reading import reading_app
from agon.data.log.shared_store.shared_journal import invitations_of
from tests.arena.cli.test_board import votes
from tests.arena.web.test_review_queue import answers_file, next_of, prompts_judged
from tests.arena.web.test_study import StudyVoter
from tests.arena.web.test_you import post
from tests.support.arena_server import Scripted, awaited, open_arena, roster, served
from tests.support.browser import chromium

WIDTHS = (1440, 390, 320)
WAYS = tuple(itertools.product(PAGE_LANGUAGES, ("light", "dark"), WIDTHS))
OPTIONS = "resultTypes: ['violations'], preload: false, elementRef: false"
VIOLATIONS = f"""axe.run(document, {{{OPTIONS}}}).then(found => found.violations.map(
    one => [one.id, one.nodes[0].html.slice(0, 200), one.nodes[0].failureSummary.slice(0, 300)]))"""
# What a theme changes: the dark one is asked for that, of a page of which the light one is asked everything.
COLOURS = VIOLATIONS.replace(OPTIONS, OPTIONS + ", runOnly: ['color-contrast', 'link-in-text-block']")
TOO_WIDE = """document.documentElement.scrollWidth <= innerWidth ? null
    : [...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth)
        .map(one => one.outerHTML.slice(0, 90)).slice(0, 3)"""
QUICK = {
    *("own votes: leaderboard", "imported: overview", "imported: history", "pooled: leaderboard"),
    *(
        "models of one state",
        "all columns",
        "a lottery",
        "a model",
        "models compared",
        "rules with weights",
        "decided",
        "gates",
    ),
    *("no such rule", "another board by now", "no such page", "about", "by name: a battle", "chat: answered"),
    *("void", "reveal with failures", "you: everything", "you: before sharing", "shared", "admin"),
    *("no votes: leaderboard", "no votes: decide", "being computed", "error 500", "error 503"),
    *("sign in: every way", "sign in: a wrong password", "sign in: invited", "signed in: password"),
}
TEXT = (
    "# A head\n\nSome **words** and `code`.\n\n```py\nprint('a line of code that is longer than a phone')\n"
)
TEXT += "```\n"
TEXT += "\n| a | b |\n|---|---|\n| 1 | 2 |\n\n$$e^{i\\pi} = -1$$\n\n" + "More of it. " * 30


@dataclass
class State:
    """A page as somebody finds it.

    Attributes:
        name: for the report.
        url: of the server.
        path: on it.
        cookies: of who looks.
        ready: what stands on the page once it is there.
        then: what they do there.
        own: whether the page is in the reader's language.
        settles: whether what it shows will have been computed.
    """

    name: str
    url: str
    path: str
    cookies: dict[str, str] = field(default_factory=dict)
    ready: str = "main"
    then: Callable[[object], None] = lambda page: None
    own: bool = True
    settles: bool = True


def arena_states(folder, stack):
    """The pages of an arena, with votes of a file beside its own."""
    folder.mkdir()
    file = folder / "our votes.csv"
    votes(file)
    backends = [Scripted(f"Answer {n}.\n\n{TEXT}") for n in range(5)]
    examples = (Example("Why?", "Code", "en"), Example("Warum?", "Law", "de"))
    door = AdminSettings(token="a-token-of-thirty-characters-x", backups=folder / "backups")
    settings = ArenaSettings(seed=7, modes=("blind", "named", "direct"), admin=door, pacing="raw")
    server = stack.enter_context(
        open_arena(folder / "log", roster(*backends, examples=examples), settings, votes=file)
    )
    url, voter, stranger = server.url, server.visitor(), server.visitor()
    for n in range(12):
        assert (
            voter.vote(voter.ready(f"Prompt {n}?"), ("a", "b", "tie", "both_bad")[n % 4]).status_code == 200
        )
    seen = []

    def state(name, path, who=None, **more):
        cookies = dict((who or stranger).http.cookies)
        seen.append(State(name, url, path, cookies, **more))

    def battle(name, view, who=voter, **more):
        state(name, f"/?battle={view['battle']}", who, **more)
        return view

    for name in ("leaderboard", "overview", "rules", "decide", "integrity", "method", "data", "history"):
        state(f"own votes: {name}", f"/{name}")
        state(f"imported: {name}", f"/imported/{name}")
    for name in ("leaderboard", "integrity", "data"):
        state(f"pooled: {name}", f"/pooled/{name}")
    imported = "/imported/leaderboard?"
    state("a filter, a search, a sort", imported + "language=de&search=a&sort=votes&from=ann")
    state(
        "all columns", imported + "columns=votes,organisation,licence,price,speed,length,failures,first_seen"
    )
    state("a rule of tournaments", imported + "rule=copeland")
    state("a lottery", imported + "rule=maximal_lottery")
    state("adjusted", imported + "adjust=length")
    state("a model", "/imported/model/ann")
    state("a model of cards", "/model/canary-0-id")
    state("models compared", "/imported/compare?models=ann,bob,cy,di")
    state("models compared, none chosen", "/imported/compare")
    state("rules with weights", "/imported/rules?by=category&weight.code=3")
    state("decided", "/imported/decide?by=category&weight.code=3&close=ed")
    state("gates", "/imported/integrity?gates=strict")
    state("no such rule", imported + "rule=nothing", ready="h1")
    state("no such filter", imported + "colour=red")
    state("another board by now", imported + "at=0000000000000000")
    state("no such model", "/model/nobody")
    state("no such page", "/nowhere")
    state("about", "/about")
    state("the start", "/")
    state("an open example", "/", then=lambda page: page.click("#ag-prompt textarea"))
    state("by name: the start", "/?mode=named")
    state("chat: the start", "/chat")
    talk = voter.post("/api/chats", {"prompt": "Why?", "model": "canary-0-id", "chat": None}).json()
    awaited(lambda: voter.get(f"/api/chats/{talk['chat']}").json()["state"], lambda found: found == "ready")
    state("chat: answered", f"/chat?chat={talk['chat']}", voter, ready=".ag-answer")
    battle("a battle", voter.ready("Read?"))
    named = voter.post(
        "/api/battles", {"prompt": "By name?", "models": ["canary-0-id", "canary-1-id"]}
    ).json()
    battle("by name: a battle", voter.finish(named["battle"]))
    named = voter.post("/api/battles", {"prompt": "Named?", "models": ["canary-0-id", "canary-1-id"]}).json()
    view = voter.finish(named["battle"])
    voter.vote(view)
    battle(
        "by name: voted",
        view,
        ready="body[data-state=voted] [data-change] .ag-change, body[data-state=voted]",
    )
    view = voter.ready("Voted?")
    voter.vote(view, "b")
    voted = battle("voted", view, ready="[data-change] .ag-change")
    slow = backends[0].gap
    for one in backends:
        one.fails, one.after = "interrupted", 2
    battle("void", voter.finish(voter.start("Failing?")["battle"]))
    for one in backends:
        one.fails = None
    server.arena.settings = replace(server.arena.settings, answers=4)
    battle("ballot of four", voter.ready("Four?"))
    several = voter.ready("Four more?")
    voter.vote(several, None, places=[1, 2, 2, None])
    battle("ballot: voted", several, ready="body[data-state=voted]")
    backends[0].fails, backends[0].after, backends[1].fails = "interrupted", 2, "overloaded"
    server.arena.settings = replace(server.arena.settings, answers=5)
    left = voter.ready("Five of which two fail?")
    battle("ballot: some failed", left)
    left = voter.ready("Five more of which two fail?")
    stand = [slot for slot, side in enumerate(left["sides"]) if slot in left["standing"]]
    voter.vote(left, None, places=list(range(1, len(stand) + 1)))
    battle("reveal with failures", left, ready="body[data-state=voted]")
    for one in backends:
        one.fails, one.gap = None, slow
    server.arena.settings = replace(server.arena.settings, answers=2)

    state("you: nothing yet", "/you")
    state("you: everything", "/you", voter)
    state("you: erasing", "/you", voter, then=lambda page: page.click("details:last-of-type summary"))
    for done in ("withdrawn", "shared", "revoked", "erased"):
        state(f"you: {done}", f"/you?battle={voted['battle']}&done={done}", voter)
    state("you: before sharing", f"/you?battle={voted['battle']}&share=1", voter)
    post(voter, "/you/share", f"battle={voted['battle']}")
    link = voter.get(f"/you?battle={voted['battle']}").text.partition("/shared/")[2][:32]
    state("shared", f"/shared/{link}")
    state("shared no more", "/shared/" + "0" * 32)

    state("admin: signing in", "/admin", ready="input", own=False)
    operator = server.visitor()
    operator.get("/nothing-here")
    signed = operator.http.post(
        "/admin/enter",
        content=f"token={door.token}",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert signed.status_code == 303
    for done in ("", "?done=paused", "?done=backup"):
        state(f"admin{done}", f"/admin{done}", operator, own=False)
    server.arena.pause({"canary-4-id"})  # so that models are in two states, which the leaderboard filters by
    chip = "a.ag-chip[href*='state=paused']"
    state("models of one state", "/leaderboard?state=paused", ready=f"{chip}[aria-current]")
    state("no model of a state", "/leaderboard?state=retired", ready=chip)
    return seen


def closed_states(folder, stack):
    """An arena of members: every way in, what is refused, and who is in."""
    folder.mkdir()
    accounts = importlib.util.find_spec("authlib") is not None  # of the part login
    account = OpenIDSettings("https://accounts.example.org", "agon", name="The University of Somewhere")
    access = AccessSettings("members", "a-word-of-the-canary-house", True, account if accounts else None)
    given = ArenaSettings(seed=7, access=access, public_url="http://127.0.0.1")
    sent = invitations_of(folder, None).invite(3)
    server = stack.enter_context(open_arena(folder, roster(Scripted(), Scripted()), given))
    server.log.invitations().revoke(sent[:1])
    server.log.invitations().accept(sent[1])
    seen = [State("sign in: every way", server.url, "/sign-in?to=leaderboard")]

    def wrong(page):
        page.fill("#password", "another-word-of-it")
        page.click("form[action$=password] button")
        page.wait_for_selector("[role=alert]")

    def accepts(page):
        page.click("form[action$=invitation] button")
        page.wait_for_selector("[role=alert]")

    seen.append(State("sign in: a wrong password", server.url, "/sign-in", then=wrong))
    seen.append(State("sign in: invited", server.url, f"/sign-in?invite={sent[2]}"))
    for name, secret in (("revoked", sent[0]), ("used", sent[1]), ("unknown", "x" * 24)):
        seen.append(State(f"sign in: {name}", server.url, f"/sign-in?invite={secret}", then=accepts))
    if accounts:
        state = State("sign in: not let in", server.url, "/sign-in/callback?state=x", ready="[role=alert]")
        seen.append(state)
    keys = server.arena.keys
    for door in ("password", "account")[: 1 + accounts]:
        cookies = dict(server.visitor().http.cookies)
        session = keys.session(cookies["agon_session"])
        cookies[MEMBER_COOKIE] = member_cookie(keys, access, session, door)
        seen.append(State(f"signed in: {door}", server.url, "/sign-in", cookies))
    public = replace(access, read="public", password=None, account=None)
    reader = stack.enter_context(
        open_arena(folder / "public", roster(Scripted(), Scripted()), replace(given, access=public))
    )
    return [*seen, State("sign in: everybody reads", reader.url, "/sign-in")]


def failing_states(folder, stack):
    """A log without votes, a board that takes its time, and what the server cannot do."""
    server = stack.enter_context(open_arena(folder, roster(Scripted(), Scripted()), ArenaSettings(seed=7)))
    held, made = threading.Event(), boards.make_board
    stack.callback(held.set)
    faults = {"borda": BusyError("Many boards are being computed just now."), "elo": RuntimeError("planted")}
    faults["davidson"] = Refusal(*TOO_MANY)

    def computed(source, query):
        if getattr(source, "_arena", None) is server.arena:
            if query.rule == "copeland":
                held.wait(5)  # longer than a page waits; then the lane is free for what is looked at next
                raise faults["borda"]
            if query.rule in faults:
                raise faults[query.rule]
        return made(source, query)

    stack.enter_context(patch.object(boards, "make_board", computed))
    names = ("leaderboard", "overview", "rules", "decide", "integrity", "method", "data", "history")
    seen = [State(f"no votes: {name}", server.url, f"/{name}") for name in names]
    for name, rule in (("503", "borda"), ("500", "elo"), ("429", "davidson")):
        seen.append(State(f"error {name}", server.url, f"/leaderboard?rule={rule}"))
    computing = State("being computed", server.url, "/leaderboard?rule=copeland", settles=False)
    return [*seen, computing]


def listed_states(folder, stack):
    """The list of recorded answers: on the way, and judged to its end."""
    folder.mkdir()
    recorded = read_recorded_roster(answers_file(folder, 2, {"ada": 1, "bob": 1}))
    server = stack.enter_context(open_arena(folder / "log", recorded, ArenaSettings(seed=7, pacing="raw")))
    first, second = server.visitor(), server.visitor()
    view = next_of(first)
    prompts_judged(second)
    return [
        State("list: begun", server.url, "/", dict(server.visitor().http.cookies)),
        State("list: one of two", server.url, f"/?battle={view['battle']}", dict(first.http.cookies)),
        State("list: finished", server.url, "/", dict(second.http.cookies)),
    ]


def study_states(folder, stack):
    """Studies of two answers and of four: who begins, judges, skips and has ended; the owner, the report."""
    seen = []
    for size in (2, 4):
        models = roster(*(Scripted(f"Answer {n}.\n\n{TEXT}") for n in range(size)))
        names = tuple(one.card.name for one in models.contestants)
        asks = {"criteria": ("helpfulness",), "rating": True, "reasons": ("clearer",), "comment": True}
        plan = StudyPlan(
            "tunes",
            (Example("Why?", "p1"), Example("How?", "p2")),
            names,
            size,
            until="complete",
            overlap=3,
            **asks,
        )
        server = stack.enter_context(open_arena(folder / str(size), models, plan=plan))
        seats = server.study.journal.invite_all([(seat + 1, None) for seat in range(3)])
        seats = server.study.journal.history().seats
        starting, judging, done = (StudyVoter(server, seat) for seat in seats)
        judging.next()

        def state(name, path, who=None, server=server, size=size, **more):
            cookies = dict(who.http.cookies) if who else {}
            seen.append(State(f"study of {size}: {name}", server.url, path, cookies, **more))

        def begin(page):
            page.click('[data-do="next"]')
            page.wait_for_selector("body[data-state=ready]")

        def incomplete(page, begin=begin):
            begin(page)
            page.click('button[type="submit"]')

        def skipping(page, begin=begin):
            begin(page)
            page.click(".ag-skipbox summary")

        state("intro", "/study", starting, ready="body[data-state=intro]")
        state("task", "/study", judging, ready="body[data-state=intro]", then=begin)
        state("questions open", "/study", judging, ready="body[data-state=intro]", then=incomplete)
        state("skipping", "/study", judging, ready="body[data-state=intro]", then=skipping)
        while (view := done.next())["state"] == "ready":
            said = {"criteria": {"helpfulness": "a"}, "ratings": [4] * size, "reasons": [], "comment": None}
            ballot = {} if size == 2 else {"outcome": None, "places": list(range(1, size + 1))}
            answer = done.vote(view, **said, **ballot)
            assert answer.status_code == 200, answer.text
        state("thanks", "/study", done, ready="body[data-state=thanks]")
        state("a link of nobody", "/study?invite=nothing")
        state("no leaderboard yet", "/leaderboard")
        key = server.arena.keys.invitation_token("tunes", "owner")
        state("owner", f"/progress?key={key}")
        if size == 2:
            report = folder / "report.html"
            report.write_bytes(done.http.get(f"/report?key={key}").content)
            seen.append(State("study: report", report.as_uri(), "", own=False))
    return seen


def reading_states(folder, stack):
    """What `agon board` opens: votes of two models, a table of scores, and a thousand models."""
    folder.mkdir()
    pairs = pd.DataFrame(
        {"model_a": ["ann", "bob"] * 20, "model_b": ["bob", "ann"] * 20, "winner": "model_a"}
    )
    pairs.to_csv(folder / "two.csv", index=False)
    scores = pd.DataFrame(
        {"model": ["ann", "bob", "cy"], "glue": [0.5, 0.6, 0.7], "squad": [0.75, 0.5, 0.25]}
    )
    scores.to_csv(folder / "scores.csv", index=False)
    rng = np.random.default_rng(5)
    a = rng.integers(0, 1000, 12_000)
    b = (a + rng.integers(1, 1000, len(a))) % 1000
    many = pd.DataFrame({"model_a": a, "model_b": b, "winner": rng.choice(["model_a", "model_b"], len(a))})
    many[["model_a", "model_b"]] = "model number " + many[["model_a", "model_b"]].astype(str)
    many.to_csv(folder / "many.csv", index=False)
    seen = []
    for name in ("two", "scores", "many"):
        app = reading_app(votes_of_file(folder / f"{name}.csv"))
        url = stack.enter_context(served(uvicorn.Config(app, log_level="critical")))
        paths = (
            ("leaderboard", "integrity", "rules", "decide", "overview")
            if name != "many"
            else ("leaderboard",)
        )
        seen += [State(f"{name}: {path}", url, f"/{path}") for path in paths]
    return seen


@contextlib.contextmanager
def every_state(folder):
    """All servers, and the states of their pages."""
    with contextlib.ExitStack() as stack:
        seen = arena_states(folder / "arena", stack)
        seen += closed_states(folder / "closed", stack)
        seen += failing_states(folder / "empty", stack)
        seen += listed_states(folder / "list", stack)
        seen += study_states(folder / "study", stack)
        seen += reading_states(folder / "reading", stack)
        yield seen


class Walk:
    """A browser that looks at states; what is wrong is gathered."""

    def __init__(self, browser, axe):
        self.browser, self.axe = browser, axe
        self.wrong, self.seen = [], 0

    def look(self, state, code, ways, widths=()):
        """A state in one language, by `ways`: themes and widths; and at `widths` whether it is too wide."""
        context = self.browser.new_context(locale=code, reduced_motion="reduce", bypass_csp=True)
        if state.cookies:
            context.add_cookies(
                [{"name": name, "value": value, "url": state.url} for name, value in state.cookies.items()]
            )
        if not state.settles:
            context.route(
                "**/again.js", lambda route: route.abort()
            )  # or it would load itself again under axe
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.set_viewport_size({"width": ways[0][1], "height": 850})
        page.emulate_media(color_scheme=ways[0][0])
        page.goto(state.url + state.path)
        if state.settles:
            page.wait_for_selector("html:not(:has(script[data-again]))", state="attached")
        page.wait_for_selector(state.ready, state="attached")
        if state.then is not None:
            state.then(page)
        if state.own:
            told = page.get_attribute("html", "lang"), page.get_attribute("html", "dir")
            if told != (code, "rtl" if code in RIGHT_TO_LEFT else "ltr"):
                self.wrong.append((state.name, code, "language", told))
        page.evaluate(self.axe.axe_script)
        for theme, width in ways:
            page.emulate_media(color_scheme=theme)
            page.set_viewport_size({"width": width, "height": 850})
            found = page.evaluate(COLOURS if theme == "dark" and len(ways) > 1 else VIOLATIONS)
            self.wrong += [(state.name, code, theme, width, one) for one in found]
            self.seen += 1
            for each in {width, *widths}:
                page.set_viewport_size({"width": each, "height": 850})
                if (wide := page.evaluate(TOO_WIDE)) is not None:
                    self.wrong.append((state.name, code, each, "wider than the window", *wide))
        context.close()


@pytest.fixture
def walk():
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is in the dev extra").Axe()
    with chromium() as browser:
        yield Walk(browser, axe)


def test_states_in_one_way_each(tmp_path, walk):
    """The languages, themes and widths in turn; every width is tried for what is too wide."""
    with contextlib.ExitStack() as stack:
        states = arena_states(tmp_path / "arena", stack) + failing_states(tmp_path / "empty", stack)
        states += closed_states(tmp_path / "closed", stack)
        chosen = [state for state in states if state.name in QUICK]
        assert len(chosen) == len(QUICK)
        for state, (code, theme, width) in zip(chosen, itertools.cycle(WAYS), strict=False):
            walk.look(state, code, [(theme, width)], widths=WIDTHS)
    assert walk.wrong == [], "\n".join(map(str, walk.wrong))


@pytest.mark.soak
def test_every_state_in_every_way(tmp_path, walk):
    with every_state(tmp_path) as states:
        for code in PAGE_LANGUAGES:
            ways = [(theme, width) for one, theme, width in WAYS if one == code]
            for state in states:
                if state.own or code == "en":
                    before = len(walk.wrong)
                    walk.look(state, code, ways)
                    sys.stdout.write("".join(f"{one}\n" for one in walk.wrong[before:]))
            sys.stdout.write(f"{walk.seen} combinations of {len(states)} states seen up to {code}\n")
            sys.stdout.flush()
    assert walk.wrong == [], "\n".join(map(str, walk.wrong))
