"""A whole battle in Chromium, answered by a real vLLM server: asserted on page, in log and at the server."""

import contextlib
import time

import pytest

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.setup.config import read_configuration
from tests.support.arena_server import open_arena
from tests.support.browser import DESKTOP, Tab, chromium

MODEL = """
[[model]]
name = "canary-{name}"
base_url = "{url}"
model = "{served}"
api_key_env = "CANARY_KEY"
display_name = "Canary {name} shown"
organisation = "Canary organisation"
sampling = {{ {sampling} }}
"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@contextlib.contextmanager
def visit(browser, folder, vllm, *, served=None, sampling="max_tokens = 120", key=None):
    """A tab on an arena over models of the server, put together from a configuration file."""
    folder.mkdir(exist_ok=True)
    tables = [
        MODEL.format(name=name, url=vllm.url, served=name, sampling=sampling)
        for name in served or vllm.models
    ]
    (folder / "arena.toml").write_text("".join(tables))
    found = read_configuration(folder / "arena.toml", {"CANARY_KEY": key or vllm.key})
    with open_arena(folder / "log", found.roster, ArenaSettings(seed=5, limits=found.limits)) as server:
        context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
        tab = Tab(context, server.url).open().until("empty")
        yield tab, server
        assert tab.errors == []
        assert tab.elsewhere == []
        context.close()
    for file in (folder / "log").rglob("*"):
        assert file.is_dir() or (key or vllm.key).encode() not in file.read_bytes()


def generations(server, tab):
    """What the log knows of the answers of the battle on the page: (slot, finish reason, failure, text)."""
    sql = "SELECT slot, finish_reason, failure, text FROM generations WHERE battle_id = ? ORDER BY slot"
    for _ in range(100):  # they are written while the page goes on
        if len(found := server.log._rows(sql, [tab.battle()])) > 1:
            break
        time.sleep(0.05)
    return found


def blind(tab):
    return "canary" not in tab.page.content().lower()


def test_a_battle_streams_is_voted_on_and_names_its_models(browser, tmp_path, vllm):
    with visit(browser, tmp_path / "arena", vllm) as (tab, server):
        tab.ask("Why is the sky blue?").until("streaming")
        tab.until("ready")
        assert blind(tab)
        written = generations(server, tab)
        assert [(finish, failure) for _, finish, failure, _ in written] == [("length", None)] * 2
        battle = tab.battle()
        tab.vote_by_key("a")
        tab.until("voted")
        shown = tab.page.locator(".ag-model").all_inner_texts()
        assert len(set(shown)) == 2
        assert all(name.startswith("Canary tiny-") and name.endswith(" shown") for name in shown)
        assert server.log.vote(battle).places == (1, 2)
        tab.open("/leaderboard")
        assert all(tab.page.is_visible(f"text={name}") for name in shown)


def test_stopping_on_the_page_ends_generation_at_the_server(browser, tmp_path, vllm, figures):
    with visit(browser, tmp_path / "arena", vllm, sampling="max_tokens = 8000") as (tab, server):
        tab.ask("Write for as long as you can.").until("streaming")
        tab.grown('[data-body="0"]', 40)
        tab.grown('[data-body="1"]', 40)
        assert vllm.metric("num_requests_running") == 2
        tab.page.keyboard.press("Escape")
        started = time.monotonic()
        while vllm.metric("num_requests_running"):
            assert time.monotonic() - started < 10, "the server goes on generating"
            time.sleep(0.02)
        figures.append(f"stop on the page: the server was idle after {time.monotonic() - started:.2f} s")
        tokens = vllm.metric("generation_tokens_total")
        tab.until("ready")
        time.sleep(1)
        assert vllm.metric("generation_tokens_total") == tokens
        assert {(finish, failure) for _, finish, failure, _ in generations(server, tab)} == {
            ("stopped", None)
        }
        assert blind(tab)
        tab.page.click("#ag-vote-both_bad")
        tab.until("voted")
        assert server.log.count() == 1


def test_a_refused_key_voids_the_battle_without_a_name(browser, tmp_path, vllm):
    with visit(browser, tmp_path / "arena", vllm, key="sk-wrong-canary") as (tab, server):
        tab.ask("Why?").until("void")
        assert blind(tab)
        assert {failure for _, _, failure, _ in generations(server, tab)} == {"unauthorised"}
        assert server.log.count() == 0


def test_an_unknown_model_is_replaced_and_its_failure_kept(browser, tmp_path, vllm):
    served = ("tiny-a", "tiny-b", "tiny-z")
    with visit(browser, tmp_path / "arena", vllm, served=served) as (tab, server):
        for _ in range(20):  # two of three are drawn
            tab.ask("Why?").until("ready")
            if "was replaced" in tab.text():
                break
            tab.vote_by_key("x")
            tab.until("voted")
            tab.page.keyboard.press("n")
            tab.until("empty")
        assert "was replaced" in tab.text()
        assert blind(tab)
        failures = [failure for _, _, failure, _ in generations(server, tab)]
        assert sorted(failures, key=str) == [None, None, "unknown_model"]
        tab.vote_by_key("a")
        tab.until("voted")
        assert {"Canary tiny-a shown", "Canary tiny-b shown"} == set(
            tab.page.locator(".ag-model").all_inner_texts()
        )


def test_a_server_killed_in_mid_stream_voids_the_battle(browser, tmp_path, vllm):
    with visit(browser, tmp_path / "arena", vllm, sampling="max_tokens = 8000") as (tab, server):
        tab.ask("Write for as long as you can.").until("streaming")
        tab.grown('[data-body="0"]', 40)
        tab.grown('[data-body="1"]', 40)
        vllm.kill()
        started = time.monotonic()
        tab.until("void")
        assert time.monotonic() - started < 5
        assert blind(tab)
        found = generations(server, tab)
        assert {failure for _, _, failure, _ in found} <= {"interrupted", "unreachable"}
        assert [text for _, _, failure, text in found if failure == "interrupted" and text]
        assert not tab.page.is_visible("#ag-votes")
        assert server.log.count() == 0
