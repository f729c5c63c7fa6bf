"""`[metrics]`: a real arena as Prometheus sees it; nothing moves with a model before its vote is kept."""

import socket

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.arena_server import Visitor
from tests.support.opened import opened_by

MODELS = "".join(
    f'[[model]]\nname = "{name}"\nbackend = "demo"\nmanner = "terse"\n' for name in ("one", "two", "three")
)


def numbers(address):
    """{(sample, labels): value} of what Prometheus reads."""
    text = httpx.get(address).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_an_arena_as_prometheus_sees_it(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    (tmp_path / "arena.toml").write_text(f"[metrics]\nport = {port}\n{MODELS}")
    with opened_by("serve", "arena.toml", "--seed", "3", cwd=tmp_path) as opened:
        visitor = Visitor(opened.url)
        address = f"http://127.0.0.1:{port}/metrics"
        assert visitor.get("/metrics").status_code == 404  # where the pages are
        before = numbers(address)
        ready = visitor.ready("Why is the sky dark at night?")
        during = numbers(address)
        forged = visitor.vote({**ready, "token": "x"})
        assert forged.status_code == 403
        assert visitor.vote(ready).status_code == 200
        assert visitor.vote(ready).status_code == 409
        after = numbers(address)
        visitor.http.close()
    assert f"metrics for Prometheus are at {address}" in opened.said

    def answers(found):
        return {key: value for key, value in found.items() if key[0] == "agon_answers_total"}

    assert answers(before) == answers(during) == {}
    assert sum(answers(after).values()) == 2
    assert {dict(labels)["ending"] for _, labels in answers(after)} == {"came"}
    state = [("agon_battles_total", (("state", name),)) for name in ("started", "ready", "void")]
    assert [before[one] for one in state] == [0, 0, 0]
    assert [during[one] for one in state] == [after[one] for one in state] == [1, 1, 0]
    assert after["agon_votes_acknowledged_total", ()] == 1
    assert after["agon_log_votes", ()] == after["agon_log_votes_counted", ()] == 1
    refused = {
        dict(labels)["reason"]: n for (name, labels), n in after.items() if name == "agon_votes_refused_total"
    }
    assert refused == {"bad_token": 1, "already_voted": 1}
    assert (after["agon_models", ()], after["agon_models_answering", ()]) == (3, 3)
    vote = {"route": "/api/battles/{battle_id}/vote", "method": "POST"}
    for status, number in (("200", 1), ("403", 1), ("409", 1)):
        key = "agon_requests_total", tuple(sorted({**vote, "status": status}.items()))
        assert after[key] == number
    lost = {"route": "none", "method": "GET", "status": "404"}
    assert after["agon_requests_total", tuple(sorted(lost.items()))] == 1
    assert after["agon_request_seconds_count", (("route", vote["route"]),)] == 3
    names = {value for _, labels in (*before, *during) for _, value in labels}
    assert not names & {"one", "two", "three"}


def test_an_address_of_metrics_that_is_taken_is_refused(tmp_path, run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "arena.toml").write_text(f"[metrics]\nport = {port}\n{MODELS}")
        status, out, error = run(
            "serve", tmp_path / "arena.toml", "--port", "0", "--store", tmp_path / "store"
        )
    assert (status, out) == (2, "")
    assert error == (
        f"agon: [metrics]: Cannot listen at 127.0.0.1: port {port} is taken by another program; "
        "choose another with port.\n"
    )
