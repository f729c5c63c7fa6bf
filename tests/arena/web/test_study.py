"""A study over HTTP: each cell once for its voters, blind, skips, attention items, its end, refusals."""

import asyncio
from collections import Counter

import httpx
import pytest

from agon.arena.core.roster import Example
from agon.arena.core.studies.study import StudyError
from agon.arena.core.studies.study_plan import AttentionItem, StudyPlan
from agon.data import comparisons, open_log
from agon.data.log.study_journal import StudyJournal
from tests.support.arena_server import Scripted, open_arena, roster

PROMPTS = tuple(Example(f"Question {n}?", f"p{n}") for n in range(4))
MODELS = ("canary-0-id", "canary-1-id", "canary-2-id")
ASKS = {"criteria": ("help", "truth"), "rating": True, "reasons": ("clearer",), "comment": True}


def plan(**changes):
    given = {"name": "tunes", "prompts": PROMPTS, "models": MODELS[:2], "until": "complete"}
    return StudyPlan(**(given | changes))


class StudyVoter:
    """A voter with the link of an invitation, keeping all bytes that were sent."""

    def __init__(self, server, invitation):
        self.http = httpx.Client(base_url=server.url, timeout=60, trust_env=False, follow_redirects=True)
        server.visitors.append(self)
        self.bytes = bytearray()
        token = server.arena.keys.invitation_token("tunes", invitation.id)
        self.opened = self.get(f"/study?invite={token}")

    def get(self, path):
        return self.kept(self.http.get(path))

    def kept(self, answer):
        self.bytes += repr(answer.headers.raw).encode() + answer.content
        return answer

    def post(self, path, **body):
        return self.kept(self.http.post(f"/api/study/{path}", json=body))

    def next(self):
        """The next task, when its answers are there."""
        view = self.post("next").json()
        for _ in range(200):
            if view["state"] != "streaming":
                return view
            view = self.get(f"/api/study/{view['battle']}").json()
        raise AssertionError("the answers never came")

    def vote(self, view, **said):
        body = {"battle": view["battle"], "turn": view["turn"], "token": view["token"], "outcome": "a"}
        return self.post("vote", **(body | said))


@pytest.fixture
def study(tmp_path):
    """Open a study with so many voters; what is asked may be changed."""
    opened = []

    def begin(voters=3, models=2, backends=None, **changes):
        wanted = plan(models=MODELS[:models], **changes)
        answers = backends or [Scripted(f"Answer {n}.") for n in range(models)]
        one = open_arena(tmp_path / "log", roster(*answers), plan=wanted)
        server = one.__enter__()
        opened.append(one)
        if not server.study.journal.history().voters:
            server.study.journal.invite_all([(seat + 1, None) for seat in range(voters)])
        return server, [StudyVoter(server, seat) for seat in server.study.journal.history().seats]

    begin.close = lambda: opened.pop().__exit__(None, None, None)
    yield begin
    while opened:
        begin.close()


def test_everybody_judges_what_is_theirs_and_sees_no_name(study, tmp_path):
    items = (AttentionItem("2 + 2?", ("4", "Fish.")),)
    server, voters = study(voters=3, overlap=2, attention=items, **ASKS)
    said = {
        "criteria": {"help": "b", "truth": "tie"},
        "ratings": [2, 6],
        "reasons": ["clearer"],
        "comment": " Hm. ",
    }
    seen = []
    for voter in voters:
        assert voter.opened.url.path == "/study"
        assert "invite" not in str(voter.opened.url)
        view = voter.next()
        while view["state"] == "ready":
            seen.append(view["battle"])
            assert voter.vote(view, **said).status_code == 200
            view = voter.next()
        assert view["state"] == "thanks"
        assert b"anary" not in voter.bytes
    assert len(seen) == len(set(seen) | {"item1"}) + 2 == 4 * 2 + 3
    assert server.study.closed.by == "complete"
    assert voters[0].get("/leaderboard").status_code == 200
    study.close()
    log = open_log(tmp_path / "log")
    assert Counter(log.votes["cell"]) == dict.fromkeys(range(1, 5), 2)
    assert all(rating.tolist() == [2, 6] for rating in log.votes["ratings"])
    assert set(log.votes["comment"]) == {"Hm."}
    assert log.votes["blind"].all()
    sides = Counter((row.seat, row.model_a) for row in log.votes.itertuples())
    for seat in (1, 2, 3):
        assert abs(sides[seat, MODELS[0]] - sides[seat, MODELS[1]]) <= 1
    for _, votes in log.votes.groupby("cell"):
        assert set(votes["model_a"]) == set(MODELS[:2])
    assert len(log.attention_checks) == 3
    helped = comparisons(tmp_path / "log", criterion="help").pairs
    assert helped.wins.sum() == 8
    assert (helped.wins == comparisons(tmp_path / "log").pairs.wins.T).all(), "b by help, a as a whole"


def test_the_same_prompt_with_other_models_is_blind_again(study):
    """Names are not told after a vote, so a second battle on the prompt counts."""
    server, (voter,) = study(voters=1, models=3)
    for _ in range(12):
        voter.vote(voter.next())
    assert voter.next()["state"] == "thanks"
    assert server.log.count() == server.log.counted() == 12


def test_three_answers_are_ranked_and_criteria_name_the_best(study, tmp_path):
    server, (voter,) = study(voters=1, models=3, size=3, criteria=("help",))
    view = voter.next()
    ballot = {"outcome": None, "places": [2, 1, 1], "criteria": {"help": "c"}}
    assert voter.vote(view, **ballot).status_code == 200
    vote = server.log.vote(view["battle"])
    assert vote.places == (2, 1, 1)
    assert vote.criteria == {"help": ((None, None, 1), None)}


def test_skipping_is_recorded_and_not_asked_again(study):
    server, (voter,) = study(voters=1)
    view = voter.next()
    assert "Say why" in voter.post("skip", battle=view["battle"], reason=" ").json()["sentence"]
    other = voter.post("skip", battle=view["battle"], reason="not my field").json()
    assert other["battle"] != view["battle"]
    assert voter.vote(view).json()["error"] == "not_ready"
    drawn = {voter.next()["battle"]}
    for _ in range(3):
        voter.vote(voter.next())
    assert voter.next()["state"] == "thanks"
    assert view["battle"] not in drawn
    assert server.log.records(view["battle"])[-1].reason == "not my field"


def test_a_task_whose_answer_failed_comes_again_after_the_others(study):
    failing = Scripted("It breaks.", fails="server_error", after=1)
    server, (voter,) = study(voters=1, backends=[Scripted("Fine."), failing])
    void = voter.next()
    assert void["state"] == "void"
    failing.fails = None
    seen = []
    for _ in range(4):
        view = voter.next()
        seen.append(view["battle"])
        voter.vote(view)
    assert voter.next()["state"] == "thanks"
    rows = server.log.assigned("tunes")
    assert Counter(how for *_, how in rows) == {"voted": 4, "open": 1}
    (cell,) = [cell for _, cell, _, battle, _ in rows if battle == void["battle"]]
    assert [(attempt, how) for _, c, attempt, _, how in rows if c == cell] == [(1, "open"), (2, "voted")]


def test_two_windows_of_one_voter_are_given_one_task(study):
    server, (voter,) = study(voters=1, backends=[Scripted("Slow.", gap=0.05), Scripted("Slower.", gap=0.05)])

    async def both():
        async with httpx.AsyncClient(base_url=server.url, cookies=voter.http.cookies) as http:
            answers = await asyncio.gather(*(http.post("/api/study/next", json={}) for _ in range(8)))
        return {answer.json()["battle"] for answer in answers}

    assert len(asyncio.run(both())) == 1
    assert len(server.log.assigned("tunes")) == 1


def test_what_is_not_answered_is_asked_for_and_nothing_is_counted(study):
    server, (voter,) = study(voters=1, **ASKS)
    view = voter.next()
    whole = {"criteria": {"help": "b", "truth": "tie"}, "ratings": [2, 6]}
    for wrong, sentence in (
        ({"criteria": {"help": "b"}}, "Say which answer is best by truth"),
        ({"criteria": {"help": "c", "truth": "a"}}, "Say which answer is best by help"),
        ({"ratings": [2]}, "Rate every answer from 1 to 7."),
        ({"ratings": [2, 8]}, "Rate every answer from 1 to 7."),
        ({"reasons": ["prettier"]}, "this study does not ask for that"),
        ({"comment": "x" * 2001}, "The comment has 2,001 characters; write up to 2,000."),
        ({"token": "1.forged"}, "does not carry the right"),
        ({"outcome": "c"}, "an outcome is one of"),
    ):
        answer = voter.vote(view, **(whole | wrong))
        assert answer.status_code in (403, 422)
        assert sentence in answer.json()["sentence"]
    assert server.log.count() == 0
    assert voter.vote(view, **whole).status_code == 200
    assert "already counted" in voter.vote(view, **whole).json()["sentence"]


def test_who_is_not_invited_is_told_so(study, request):
    server, (first, second, _) = study(voters=3)
    stranger = httpx.Client(base_url=server.url, trust_env=False, headers={"accept": "text/html"})
    request.addfinalizer(stranger.close)
    for path, sentence in (
        ("/study", "open the link that you were sent"),
        ("/study?invite=0123456789abcdef.forged", "This is no invitation to this study"),
        ("/study?invite=owner.forged", "This is no invitation to this study"),
        ("/progress?key=owner.forged", "This page is for the owner"),
        ("/report?key=owner.forged", "This page is for the owner"),
        ("/leaderboard", "The leaderboard opens when the study has ended"),
    ):
        answer = stranger.get(path)
        assert (answer.status_code, sentence in answer.text) == (403, True), path
    stranger.get("/about")
    assert stranger.post("/api/study/next", json={}).json()["error"] == "not_invited"
    theirs = first.next()
    assert second.get(f"/api/study/{theirs['battle']}").status_code == 404
    assert second.vote(theirs).json()["error"] == "no_battle"
    for path in ("/api/start", f"/api/battles/{theirs['battle']}", "/api/board.json"):
        assert stranger.get(path).status_code in (403, 404), path


def test_a_seat_that_is_given_away_goes_on_where_it_was(study):
    server, (voter,) = study(voters=1)
    voter.vote(voter.next())
    left_open = voter.next()
    dora = StudyVoter(server, server.study.journal.invite(1, "Dora"))
    assert "given to somebody else" in voter.post("next").json()["sentence"]
    assert voter.vote(left_open).json()["error"] == "used_up"
    for _ in range(3):
        assert dora.vote(dora.next()).status_code == 200
    assert dora.next()["state"] == "thanks"
    assert len({cell for _, cell, _, _, how in server.log.assigned("tunes") if how == "voted"}) == 4


def test_it_ends_by_hand_by_quota_and_by_a_decision(study):
    server, (voter,) = study(voters=1, quota=2)
    voter.vote(voter.next())
    assert server.study.closed is None
    assert voter.vote(voter.next()).json()["state"] == "thanks"
    assert server.study.closed.by == "quota"
    assert "All the votes" in voter.get("/api/study").json()["html"]


def test_a_decision_that_is_safe_ends_it(study):
    """canary-0 wins every vote: with 30 votes each and on, the boards' rule says when."""
    prompts = tuple(Example(f"Question {n}?", f"p{n}") for n in range(60))
    server, voters = study(voters=3, prompts=prompts, until="decision")
    for number in range(60):
        voter = voters[number % 3]
        view = voter.next()
        if view["state"] == "thanks":
            break
        battle = server.arena.battle(
            f"invited:{server.study.journal.history().seats[number % 3].id}", view["battle"]
        )
        voter.vote(view, outcome="ab"[battle.battle.models.index("canary-0-id")])
    closed = server.study.closed
    assert closed.by == "decision"
    assert closed.sentence.startswith("canary-0-id leads 1 other at 95%")
    assert 30 <= server.study.votes < 60


def test_the_owner_sees_how_far_everybody_is(study):
    server, (first, _) = study(voters=2, overlap=1, until="decision", quota=3)
    first.vote(first.next())
    key = server.arena.keys.invitation_token("tunes", "owner")
    page = first.get(f"/progress?key={key}").text
    assert "1 of 4 tasks are done" in page
    assert ">25%</label>" in page
    assert "ends when a decision is safe at 95%" in page
    assert "ends after 3 votes" in page
    report = first.get(f"/report?key={key}")
    assert (report.status_code, "Report of the study tunes" in report.text) == (200, True)
    assert report.headers["content-disposition"] == 'attachment; filename="tunes-report.html"'
    assert "1 of 2 voters have voted" in report.text or "Nothing is decided" in report.text
    server.study.journal.close("hand", "Enough.")
    assert "and the study has ended" in first.get(f"/progress?key={key}").text
    assert first.next()["state"] == "thanks"


def test_another_study_under_the_same_name_is_refused(study, tmp_path):
    _, (voter,) = study(voters=1)
    voter.next()
    study.close()
    with pytest.raises(StudyError, match="began with other prompts, prompt_ids and cells than"):
        study(prompts=PROMPTS[:3])
    _, (voter,) = study(quota=1)
    assert voter.vote(voter.next()).json()["state"] == "thanks"


def test_after_a_restart_a_voter_has_the_same_task(study):
    server, (voter,) = study(voters=1)
    view = voter.next()
    study.close()
    server, (again,) = study()
    same = again.next()
    assert same["battle"] == view["battle"]
    assert again.vote(same).status_code == 200
    assert StudyJournal(server.log.folder, "tunes").history().voters == 1


def test_names_are_told_after_a_vote_where_the_study_says_so(study):
    """In the next task and in the thanks, never in the task itself; votes on other prompts stay blind."""
    server, (voter,) = study(voters=1, reveal=True)
    view = voter.next()
    for _ in range(4):
        assert "Canary" not in view["html"]
        view = voter.vote(view).json()
        assert "A was Canary" in view["html"]
        view = voter.next()
    assert view["state"] == "thanks"
    assert server.log.counted() == 4
    assert voter.get("/leaderboard").status_code == 200
