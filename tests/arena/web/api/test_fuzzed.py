"""Random requests made from the document of the interface, at battles that there are: no faults."""

import json
import time

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agon.arena.core.arena_settings import ArenaSettings
from tests.support.arena_server import Scripted, open_arena, roster

FREE = {
    "modes": ("blind", "named", "direct"),
    "running_per_network": 10**6,
    "hourly_per_network": 10**9,
    "hourly_per_voter": 10**9,
}
ADDRESSED = ("battle_id", "chat_id", "model", "sha256")


def fuzzed(url: str, examples: int, most_seconds: float) -> int:
    """How many requests were sent, `examples` of every operation; the first that goes wrong fails."""
    sent = 0
    headers = {"Origin": url}
    schema = schemathesis.openapi.from_dict(httpx.get(f"{url}/openapi.json").json())
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        client.get("/")
        known = {name: [] for name in ADDRESSED}
        known["model"] = ["Canary 0 Shown", "canary-1-id"]
        for battle in ("ready", "voted"):
            view = client.post("/api/battles", json={"prompt": "Why?"}).json()
            known["battle_id"].append(view["battle"])
            while client.get(f"/api/battles/{view['battle']}").json()["state"] == "streaming":
                time.sleep(0.05)
            if battle == "voted":
                view = client.get(f"/api/battles/{view['battle']}").json()
                vote = {"turn": view["turn"], "outcome": "a", "token": view["token"]}
                assert client.post(f"/api/battles/{view['battle']}/vote", json=vote).status_code == 200

        def send(case) -> None:
            nonlocal sent
            made = case.as_transport_kwargs(base_url=url)
            with client.stream(
                made["method"],
                made["url"],
                params=made.get("params"),
                headers={
                    **headers,
                    **{k: v for k, v in dict(made.get("headers") or {}).items() if v.isascii()},
                },
                content=made.get("data") or (None if "json" not in made else json.dumps(made["json"])),
            ) as answer:
                sent += 1
                took = answer.elapsed.total_seconds() if answer.is_closed else 0.0
                if "event-stream" not in answer.headers.get("content-type", ""):
                    answer.read()
                    took = answer.elapsed.total_seconds()
                where = f"{made['method']} {made['url']} {made.get('params')}"
                assert answer.status_code < 500 or answer.status_code == 503, where
                assert took < most_seconds, where
                if answer.status_code >= 400 and "json" in answer.headers.get("content-type", ""):
                    assert answer.json().get("sentence"), (where, answer.text)

        for found in schema.get_all_operations():
            operation = found.ok()

            @settings(
                max_examples=examples,
                phases=[Phase.generate],
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
                derandomize=True,
            )
            @given(case=operation.as_strategy(), pick=st.integers(0, 3))
            def one(case, pick):
                for name in ADDRESSED:
                    for given_by in (case.path_parameters or {}, case.query or {}):
                        if name in given_by and pick < len(known[name]):
                            given_by[name] = known[name][pick]
                send(case)

            one()
    return sent


def server(tmp_path):
    """Two models that answer at once, and limits that do not stop the fuzzing."""
    return open_arena(tmp_path, roster(Scripted(), Scripted()), ArenaSettings(seed=7, **FREE))


def test_random_requests_meet_no_fault(tmp_path):
    with server(tmp_path) as arena:
        assert fuzzed(arena.url, 6, 30.0) > 150
        assert arena.visitor().ready()["state"] == "ready", "the arena goes on"


@pytest.mark.soak
def test_ten_thousand_random_requests(tmp_path):
    with server(tmp_path) as arena:
        assert fuzzed(arena.url, 400, 5.0) >= 10_000
        assert arena.visitor().ready()["state"] == "ready"
