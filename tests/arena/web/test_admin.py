"""The operators' page over a real server: who gets in, what it shows and does, and nobody else sees it."""

import re
from html import unescape
from ipaddress import ip_network

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.sessions import AdminSettings
from agon.data.log.recovery.verifying import verify_log
from tests.arena.web.test_you import post
from tests.support.arena_server import Scripted, awaited, open_arena, roster

TOKEN = "a-token-of-thirty-characters-x"


def test_the_token_opens_the_page_which_pauses_models_and_makes_backups(tmp_path):
    store, backups = tmp_path / "log", tmp_path / "backups"
    door = AdminSettings(token=TOKEN, backups=backups)
    settings = ArenaSettings(seed=7, admin=door, pacing="raw")
    with open_arena(store, roster(*(Scripted(f"Answer {n}.") for n in range(3))), settings) as arena:
        voter, operator, other = arena.visitor(), arena.visitor(), arena.visitor()
        assert voter.vote(voter.ready()).status_code == 200
        operator.get("/nothing-here")
        assert operator.get("/admin").status_code == 401
        assert post(operator, "/admin/enter", "token=wrong").status_code == 403
        assert b"canary" not in operator.bytes.lower(), "who is not in sees nothing"
        signed = operator.http.post(
            "/admin/enter",
            content=f"token={TOKEN}",
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        (cookie,) = [one for one in signed.headers.get_list("set-cookie") if one.startswith("agon_admin=")]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        page = operator.get("/admin")
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex"
        assert "<script" not in page.text.partition("<main")[2]
        text = " ".join(unescape(re.sub("<[^>]+>", " ", page.text)).split())
        assert "3 of 3 models can be drawn, and 1 vote came in the last hour." in text
        assert "0 of 200 battles are being answered" in text
        assert "no_page 1" in text
        assert "wrong_token 1" in text
        assert arena.log.head.hash[:16] in text
        form = re.search(r'name="form" value="(\w+)"', page.text)[1]
        assert other.get("/admin").status_code == 401, "it is one browser's"
        assert post(other, "/admin/draw", f"form={form}&pause=canary-0-id").status_code == 403
        assert post(operator, "/admin/draw", "pause=canary-0-id").status_code == 403, "a form of elsewhere"
        foreign = {"sec-fetch-site": "cross-site"}
        assert post(operator, "/admin/draw", f"form={form}&pause=canary-0-id", **foreign).status_code == 403
        assert arena.arena.settings.paused == ()
        assert "is not drawn any more" in post(operator, "/admin/draw", f"form={form}&pause=canary-0-id").text
        for n in range(4):
            drawn = arena.records(voter.ready(f"Why {n}?")["battle"])[0].models
            assert "canary-0-id" not in drawn
        few = post(operator, "/admin/draw", f"form={form}&pause=canary-1-id")
        assert few.status_code == 409
        assert "a battle needs 2 models" in few.text
        assert "drawn again" in post(operator, "/admin/draw", f"form={form}&resume=canary-0-id").text
        assert arena.arena.settings.paused == ()
        post(operator, "/admin/backup", f"form={form}")
        post(operator, "/admin/verify", f"form={form}")
        awaited(lambda: operator.get("/admin").text, lambda text: "was made and verified: 1 votes" in text)
        awaited(lambda: operator.get("/admin").text, lambda text: "texts are whole, with 1 votes" in text)
        (made,) = backups.iterdir()
        assert verify_log(made).wrong == ()
        post(operator, "/admin/leave", f"form={form}")
        operator.http.cookies.set("agon_admin", cookie.partition("=")[2].partition(";")[0])
        assert operator.get("/admin").status_code == 401, "a cookie that was kept opens nothing any more"
        tried = [post(other, "/admin/enter", f"token={n}").status_code for n in range(20)]
        assert tried[0] == 403
        assert tried[-1] == 429


def test_a_header_opens_the_page_from_a_proxy_that_is_named_alone(tmp_path):
    for network, status in (("127.0.0.0/8", 200), ("10.0.0.0/8", 401)):
        door = AdminSettings(header="X-Remote-User", users=("ada",))
        settings = ArenaSettings(seed=7, admin=door, proxies=(ip_network(network),))
        with open_arena(tmp_path / network[:2], roster(Scripted(), Scripted()), settings) as arena:
            visitor = arena.visitor()
            assert visitor.get("/admin", headers={"x-remote-user": "ada"}).status_code == status
            passed_on = {"x-remote-user": "ada", "x-forwarded-for": "198.51.100.7"}
            assert visitor.get("/admin", headers=passed_on).status_code == status, "of whomever it speaks"
            assert visitor.get("/admin", headers={"x-remote-user": "eve"}).status_code == 401
            twice = [("x-remote-user", "ada"), ("x-remote-user", "ada")]
            assert visitor.get("/admin", headers=twice).status_code == 401
            assert visitor.get("/admin").status_code == 401
            assert post(visitor, "/admin/enter", "token=").status_code == 403, "there is no token"
