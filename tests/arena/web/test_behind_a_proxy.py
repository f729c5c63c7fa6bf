"""Behind a real nginx: under a path of the site, without its port, cutting what is silent."""

import contextlib
import socket
import subprocess
import time

import httpx
import pytest

from agon.arena.core.arena_settings import ArenaSettings
from tests.support.arena_server import Scripted, Visitor, open_arena, roster
from tests.support.browser import DESKTOP, Tab, chromium

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location {location} {{
            proxy_pass {upstream};
            proxy_set_header Host {host};
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_read_timeout {patience};
        }}
    }}
}}
"""
PATIENCE = "60s"


@contextlib.contextmanager
def nginx(folder, upstream, location="/", host="$http_host", patience=PATIENCE):
    """The address of a proxy before `upstream`; skips without nginx."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir()
    values = {"folder": folder, "port": port, "upstream": upstream, "location": location}
    text = CONFIGURATION.format(**values, host=host, patience=patience)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    try:
        process = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-p", folder])
    except FileNotFoundError:
        pytest.skip("needs nginx (apt-get install nginx-light)")
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


def models():
    return roster(Scripted("Rayleigh scattering."), Scripted("It just is."))


def played(browser, url):
    """A battle played by a person, from the page's address to the leaderboard."""
    context = browser.new_context(viewport=DESKTOP)
    tab = Tab(context, url)
    tab.open("/").until("empty")
    tab.ask("Why?").until("ready")
    tab.page.click("#ag-vote-a")
    tab.until("voted")
    assert "You preferred A" in tab.text()
    assert "Canary" in tab.text()
    tab.page.wait_for_selector(".ag-changed a")
    tab.page.click("nav >> text=Leaderboard")
    tab.page.wait_for_selector("text=1 blind vote")
    assert tab.page.url == f"{url}/leaderboard"
    tab.page.click(".ag-brand")
    tab.until("empty")
    tab.page.go_back()
    tab.page.click("text=What is stored")
    tab.page.wait_for_selector("h1")
    assert tab.page.url == f"{url}/about"
    colour = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"), "the style is there"
    assert (tab.errors, tab.elsewhere) == ([], [])
    context.close()


@pytest.mark.parametrize("passed_on", [False, True], ids=["stripped", "passed on"])
def test_a_prefix_of_a_proxy(browser, tmp_path, capfd, passed_on):
    """nginx's location /arena/ strips the prefix where proxy_pass ends with a path, and else passes it on."""
    prefix = "/user/ada/proxy/7860"
    settings = ArenaSettings(seed=7, root_path=prefix if passed_on else None)
    with open_arena(tmp_path / "log", models(), settings) as server:
        upstream = server.url if passed_on else f"{server.url}/"
        with nginx(tmp_path / "nginx", upstream, f"{prefix}/") as url:
            played(browser, f"{url}{prefix}")
            lost = httpx.get(f"{url}{prefix}/no/such/page", headers={"accept": "text/html"}, trust_env=False)
            assert lost.status_code == 404
            assert 'href="./../../static/agon.css"' in lost.text
        if passed_on:
            bare = httpx.get(server.url + prefix, trust_env=False)
            assert (bare.status_code, bare.headers["location"]) == (308, f"{prefix}/")
    assert capfd.readouterr().err == ""


def test_a_prefix_that_is_passed_on_is_named_in_the_terminal_and_the_remedy_works(tmp_path, capfd):
    with (
        open_arena(tmp_path / "one", models()) as server,
        nginx(tmp_path / "n", server.url, "/arena/") as url,
    ):
        for path in ("/arena/leaderboard", "/arena/leaderboard", "/arena/api/start"):
            assert httpx.get(url + path, trust_env=False).status_code == 404
    said = capfd.readouterr().err
    assert said.count("let it strip /arena, or write root_path") == 1
    assert 'root_path = "/arena" into [arena]' in said
    settings = ArenaSettings(root_path="/arena")
    with (
        open_arena(tmp_path / "two", models(), settings) as server,
        nginx(tmp_path / "m", server.url, "/arena/") as url,
    ):
        assert httpx.get(f"{url}/arena/leaderboard", trust_env=False).status_code == 200
    assert capfd.readouterr().err == ""


def test_a_proxy_that_drops_the_port(browser, tmp_path, capfd):
    """`Host $host` leaves the port out, as in Gradio's guide; a browser vouches for its page by itself."""
    with (
        open_arena(tmp_path / "one", models()) as server,
        nginx(tmp_path / "n", server.url, host="$host") as url,
    ):
        played(browser, url)
        assert capfd.readouterr().err == ""
        visitor = Visitor(url)
        ours = {"origin": url}  # of a browser that sends no Sec-Fetch-Site
        refused = visitor.post("/api/battles", {"prompt": "Why?"}, headers=ours)
        assert refused.status_code == 403
        visitor.http.close()
    said = capfd.readouterr().err
    assert f"a page at {url} was refused, because its request came for 127.0.0.1." in said
    assert f'public_url = "{url}" into [arena]' in said
    settings = ArenaSettings(public_url=url)
    with open_arena(tmp_path / "two", models(), settings) as server:
        visitor = server.visitor()
        followed = {**ours, "host": "127.0.0.1"}
        assert visitor.post("/api/battles", {"prompt": "Why?"}, headers=followed).status_code == 200


def test_a_silent_model_is_not_cut_off_by_a_proxy(tmp_path, monkeypatch):
    """The proxy cuts what is silent for a second; the models think for three."""
    slow = roster(Scripted("At last.", gap=1.5), Scripted("I know.", gap=1.5))
    for every, kept in ((100.0, False), (0.3, True)):
        monkeypatch.setattr("agon.arena.web.battle.event_stream.PING_EVERY", every)
        with (
            open_arena(tmp_path / f"log{every}", slow) as server,
            nginx(tmp_path / f"nginx{every}", server.url, patience="1s") as url,
        ):
            visitor = Visitor(url)
            battle = visitor.start()["battle"]
            with visitor.http.stream("GET", f"/api/battles/{battle}/events") as answer:
                said = b""
                with contextlib.suppress(httpx.HTTPError):
                    for piece in answer.iter_bytes():
                        said += piece
            visitor.http.close()
        assert (b'"state": "ready"' in said) == kept, said[-300:]
        assert (b": ping\n\n" in said) == kept
