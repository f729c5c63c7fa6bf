"""What a voter and the owner of a study see, as renders of where it stands: templates in, HTML and JSON out.

Names of models are in none of it before the study has ended, unless it reveals them after each vote.
"""

from __future__ import annotations

from typing import Any

from agon.arena.core.battle import LETTERS, NUMBERS, State
from agon.arena.core.battles.open_battles import Running
from agon.arena.core.studies.study import Study, VoterProgress, tell_lead
from agon.arena.web.battle.consent import consent_view
from agon.arena.web.battle.view import battle_values, render, side_view
from agon.arena.web.languages.texts import _, message
from agon.arena.web.layout import Site, page_html
from agon.arena.web.markdown.markdown import words_html

STUDY = Site({"battle": ("./study", message("Study"))}, "./about", "./static/")
_ENDED = {
    "decision": message("The votes are clear enough to decide, so no more are needed."),
    "quota": message("All the votes that were asked for are in."),
    "complete": message("Everybody has judged everything."),
    "hand": message("Whoever runs it has closed it."),
}


def study_page(title: str) -> str:
    """The page of a voter: a frame that static/study.js fills."""
    body = (
        '<div id="ag-alert" role="alert" hidden></div>'
        '<div id="ag-live" class="ag-sr" role="status" aria-live="polite"></div>'
        '<div id="ag-view" class="ag-study"><p class="ag-small ag-mid">'
        f"{_('Opening the study …')}</p></div>"
        f"{render('consent.html', consent=None, state='empty')}"
    )
    names = ("ballot.js", "consent.js", "study.js")
    head = "".join(f'<script src="./static/{name}" defer></script>' for name in names)
    return page_html(title, body, current="battle", head=head, site=STUDY)


def voter_view(study: Study, session: str, told: str | None = None) -> dict[str, Any]:
    """The page of a voter without a battle: before the first one, or after the last.

    `told` is what the last vote revealed.
    """
    progress = study.progress(session)
    values = {**_common(study, progress), "told": told, "items": bool(study.plan.attention)}
    page = {"battle": None, "consent": consent_view(study.arena, session)}
    if progress.state == "going":
        values["instructions"] = words_html(study.plan.instructions)
        return {**page, "state": "intro", "html": render("study_intro.html", **values)}
    closed = study.closed
    values["why"] = _(_ENDED[closed.by]) if closed else None
    return {**page, "state": "thanks", "html": render("study_thanks.html", **values)}


def task_view(study: Study, session: str, running: Running, told: str | None = None) -> dict[str, Any]:
    """A battle in its state, with what is asked about it."""
    battle, progress = running.battle, study.progress(session)
    view: dict[str, Any] = {
        "battle": battle.id,
        "state": str(battle.state),
        "turn": battle.turn,
        "sides": [side_view(battle, slot) for slot in range(len(battle.sides))],
        "standing": list(battle.standing),
        "uneven": battle.uneven,
        "consent": consent_view(study.arena, session),
        "said": _("Task {done} of {total}", done=progress.done + 1, total=progress.total),
    }
    if battle.state is State.READY:
        view["token"] = study.arena.keys.vote_token(battle.id, battle.turn, session)
    values = {
        **battle_values(study.arena, running),
        **_common(study, progress),
        "told": told,
        "asked": [(LETTERS[slot], LETTERS[slot].lower()) for slot in battle.standing],
    }
    void = battle.state is State.VOID
    view["html"] = render("study_void.html" if void else "study_task.html", **values)
    return view


def reveal(study: Study, session: str, battle_id: str) -> str | None:
    """Who wrote the answers of the battle that was judged last, where the study reveals it."""
    if not study.plan.reveal or battle_id.startswith("item"):
        return None
    sides = study.battle(session, battle_id).battle.sides
    named = tuple(
        _("{letter} was {model}", letter=LETTERS[slot], model=side.contestant.card.display_name)
        for slot, side in enumerate(sides)
    )
    return _("{list}.", list=named)


def owner_page(study: Study, key: str) -> str:
    """How far everybody is, for the owner, whose key leads here and to the report."""
    seats, closed = study.seats(), study.closed
    total = sum(one.total for one in seats)
    done = sum(one.voted + one.skipped + one.passed + one.failed for one in seats)
    body = render(
        "study_owner.html",
        plan=study.plan,
        seats=seats,
        done=done,
        total=total,
        share=done / total if total else 0.0,
        votes=study.votes,
        finished=sum(one.voted + one.skipped + one.passed + one.failed == one.total for one in seats),
        closed=closed,
        why=_(_ENDED[closed.by]) if closed else None,
        board=tell_lead(study.lead()),
        key=key,
        size=NUMBERS[study.plan.size],
    )
    return page_html(_("Progress of {study}", study=study.plan.name), body, current=None, site=STUDY)


def _common(study: Study, progress: VoterProgress) -> dict[str, Any]:
    return {
        "plan": study.plan,
        "title": study.arena.roster.title,
        "progress": progress,
    }
