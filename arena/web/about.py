"""The page "What is stored": short, and true of this version."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from agon.arena.core.arena import Arena
from agon.arena.web.layout import page_html
from agon.arena.web.middleware import Session

BODY = """
<div class="ag-phead"><h1>What is stored</h1>
<p class="ag-lead">What this arena writes down when you use it, and what it does not.</p></div>
<div class="ag-prose">
<h2>Kept in the log</h2>
<ul>
<li>Your prompts and the answers to them, with the models that wrote them, how they were drawn, and how fast
they were.</li>
<li>The images that you ask with, and what you write of them: without place, time and camera, and made
smaller. One that you remove before you ask is not kept.</li>
<li>Answers that failed, with the kind of failure, because reliability is part of a fair comparison.</li>
<li>Your vote, when it was cast, and the category and language of the prompt where they are known.</li>
<li>A random name for your browser, turned into a keyed code, so that the votes of one person can be told to
belong together without telling whose they are.</li>
<li>In a study also what you say beside the verdict, and the number of your invitation: whoever invited you
knows whose it is.</li>
</ul>
<h2>Not kept</h2>
<ul>
<li>No name, no e-mail address, no account.</li>
<li>No network address and no description of your browser.</li>
<li>{kept}</li>
</ul>
<h2>Please do not enter personal data</h2>
<p>Prompts are kept as they are written, and sent to the models that answer them. Whoever runs this arena
can read the log and may publish it, so write nothing that should stay private, yours
or anybody else's.</p>
{yours}<h2>How the board is made</h2>
<p>Only votes cast before the names were shown are counted. The board can be computed again from the log by
<code>agon rank</code>, with the command below every leaderboard.</p>
</div>
"""
_COOKIE = "No cookies but one, which says which battles are yours. It cannot be read by scripts."
_YOURS = """<h2>What you can do with what is yours</h2>
<p>Under <a href="./you">Your votes</a> you see what you did here. You can take it along as one file,
withdraw votes, and erase your prompts and the answers to them from every file of this arena. What was sent to
the models, and what others copied before, is not in its reach.</p>
"""
_STORAGE = "No cookie. What says which battles are yours is kept in your browser's storage for this site."


def about_html(*, cookie: bool = True, votes: int | None = None, yours: int | None = None) -> str:
    """Return the page on what is stored.

    Args:
        cookie: whether a cookie says whose a battle is; else the storage of the browser does.
        votes: counted in this arena, for the footer.
        yours: votes of this visitor, for the header.
    """
    body = BODY.replace("{kept}", _COOKIE if cookie else _STORAGE).replace(
        "{yours}", _YOURS if cookie else ""
    )
    return page_html("What is stored", body, current="about", votes=votes, yours=yours)


def about_router(arena: Arena) -> APIRouter:
    """The page at /about."""
    router = APIRouter()

    @router.get("/about", include_in_schema=False)
    async def about(session: Session) -> HTMLResponse:
        yours = arena.log.votes_of(arena.keys.voter(session))
        return HTMLResponse(about_html(votes=arena.log.counted(), yours=yours))

    return router
