"""Logs of votes: what is refused, and the remedy."""

from datetime import datetime

import agon as ag
from agon.data.log.vote_log import VoteLog
from tests.repository.remedies.steps import Case, Given, ranked, vote


def cases(given: Given) -> list[Case]:
    """Its cases."""
    folder, at, log = given.folder, given.at, given.log
    return [
        (vote(battle_id="7"), vote()),
        (vote(created=datetime(2026, 1, 1)), vote()),
        (vote(places=(1, 3)), vote(places=(1, 2))),
        (vote(acceptable=(True,)), vote(acceptable=(True, False))),
        (lambda: VoteLog(at), lambda: VoteLog(folder / "fresh").close()),
        (lambda: ag.open_log(folder / "no-log"), lambda: ag.open_log(log)),
        (lambda: ag.open_log(at), lambda: ag.open_log(log)),
        (lambda: ag.open_log(folder), lambda: ag.open_log(log)),
        (ranked(log / "agon.duckdb"), ranked(log), 100),
    ]
