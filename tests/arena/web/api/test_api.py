"""The API over HTTP: what its document says holds of a running arena, and nothing is sent twice."""

import re
import time
from html import escape, unescape
from xml.etree import ElementTree

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.web.api.document import ENDPOINTS
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.log_records import NOON, battle, put, vote

MODELS = ("canary-0-id", "canary-1-id", "canary-2-id")


def cast(log, first, second, places=(1, 2), **changes):
    drawn = battle((first, second), **changes)
    put(log, drawn, vote(drawn.battle_id, places, voter=drawn.voter, created=NOON))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    models = roster(*(Scripted(f"Answer {n}.") for n in range(3)))
    with open_arena(tmp_path_factory.mktemp("log"), models) as opened:
        for number in range(96):
            one, two = MODELS[number % 3], MODELS[(number + 1) % 3]
            places = (1, 2) if number % 7 else (2, 1)
            cast(
                opened.log,
                one,
                two,
                places,
                voter=f"v{number % 9}",
                category=("Code", "Writing & co")[number % 2],
                language=("en", "de")[number % 3 == 0],
            )
        yield opened


@pytest.fixture(scope="module")
def client(server):
    now = {"cache-control": "no-cache"}  # data of boards of now
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False, headers=now) as http:
        yield http


TAKES = {
    "/api/leaderboard": ["", "?category=Code&rule=copeland", "?rule=maximal_lottery"],
    "/api/model": [f"?name={MODELS[2]}&language=en&rule=davidson"],
    "/api/compare": ["", f"?models={MODELS[0]},{MODELS[1]},{MODELS[2]}"],
    "/api/overview": ["", "?of=language"],
    "/api/rules": ["?language=en", "?by=category&weight.Code=3"],
    "/api/prediction": ["", "?category=Code"],
    "/api/tastes": ["?category=Code"],
    "/api/decide": ["", "?weight.Code=2&atmost.price=1", "?atmost.price=0"],
}


def schema_of(document, operation, status, kind="application/json"):
    content = operation["responses"][str(status)]["content"][kind]
    return {**content["schema"], "components": document["components"]}


def test_every_get_of_the_document_answers_as_it_says(server, client):
    document = client.get("/openapi.json").json()
    validate(document)
    visitor = server.visitor()
    ready = visitor.ready()
    asked = 0
    for path, methods in document["paths"].items():
        if "get" not in methods or "{sha256}" in path or "{chat_id}" in path:
            continue
        for query in TAKES.get(path, [""]):
            address = path.replace("{battle_id}", ready["battle"]).replace("{model}", MODELS[0]) + query
            answer = visitor.get(address)
            kind = answer.headers["content-type"].partition(";")[0]
            assert answer.status_code == 200, (address, answer.text)
            assert kind in methods["get"]["responses"]["200"]["content"], address
            if kind == "application/json":
                schema = schema_of(document, methods["get"], 200)
                assert "$ref" in schema, address
                Draft202012Validator(schema).validate(answer.json())
            asked += 1
    assert asked >= 23
    page = client.get("/data").text
    told = [
        path for path in document["paths"] if path.startswith("/api/") and "get" in document["paths"][path]
    ]
    public = [
        path
        for path in told
        if not path.startswith(("/api/battles", "/api/chats", "/api/consent", "/api/images", "/api/start"))
    ]
    assert sorted(public) == sorted(ENDPOINTS)
    links = [link for link in re.findall(r'href="\.(/api/[^"]*)"', page) if "rules" not in link]
    assert {link.partition("?")[0] for link in links} >= {*public} - {"/api/rules"}
    assert {client.get(unescape(link)).status_code for link in links} == {200}


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/leaderboard?rule=nothing", 404, "There is no rule 'nothing'"),
        ("/api/leaderboard?colour=red", 404, "There is no filter 'colour'"),
        ("/api/leaderboard?category=Maths", 404, "There are no votes with the category 'Maths'"),
        ("/api/leaderboard?adjust=colour", 404, "There is no feature 'colour'"),
        ("/api/leaderboard?at=0123456789abcdef", 410, "votes came in, or Agon changed"),
        ("/leaderboard.csv?at=0123456789abcdef", 410, "votes came in, or Agon changed"),
        ("/leaderboard.png?rule=nothing", 404, "There is no rule 'nothing'"),
        ("/api/offer?colour=red", 404, "There is no filter 'colour'"),
        ("/api/model?name=canary-9-id", 404, "There is no model 'canary-9-id' here"),
        ("/badge/canary-9-id.svg", 404, "There is no model 'canary-9-id' here"),
        ("/api/model", 404, "There is no model '' here"),
        ("/api/compare?models=canary-0-id", 404, "Two to four models can be compared, not 1"),
        ("/api/overview?of=colour", 404, "Votes cannot be told apart by 'colour'"),
        ("/api/history?rule=nothing", 404, "There is no rule 'nothing'"),
        ("/api/rules?by=colour", 404, "There is no column 'colour'"),
        ("/api/rules?weight.Code=lots", 404, "must be a number"),
        ("/api/decide?atmost.weight=1", 404, "There is no fact 'weight'"),
        ("/api/nowhere", 404, "There is no such page"),
    ],
)
def test_what_there_is_not_is_refused_in_a_sentence_as_json_and_as_a_page(client, path, status, says):
    answer = client.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "sentence"}
    assert says in answer.json()["sentence"]
    assert "etag" not in answer.headers
    if "badge" in path:
        return
    page = client.get(path.replace("/api/", "/").replace(".csv", ""), headers={"accept": "text/html"})
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert "etag" not in page.headers
    if "offer" not in path and "nowhere" not in path:
        assert says in unescape(page.text)


READ = [
    "/leaderboard",
    "/leaderboard?category=Code",
    "/leaderboard?rule=copeland",
    "/leaderboard.csv",
    "/leaderboard.png",
    "/overview",
    "/history",
    "/compare",
    f"/model?name={MODELS[0]}",
    "/rules",
    "/decide",
    "/integrity",
    "/method",
    "/data",
    "/badge.svg",
    *(path + TAKES.get(path, [""])[0] for path in ENDPOINTS),
]


def whole(client, path):
    """An answer once all of it is there, and of the votes of now."""
    while "etag" not in (answer := client.get(path)).headers:
        assert answer.status_code == 200
        time.sleep(0.05)
    assert 'http-equiv="refresh"' not in answer.text  # nobody may keep a page that waits
    return answer


def test_what_was_seen_is_not_computed_again_until_somebody_votes(server, client, monkeypatch):
    marks = {path: whole(client, path).headers["etag"] for path in READ}
    assert len(set(marks.values())) == len(READ)  # of every query and format
    computing = []
    with monkeypatch.context() as patched:
        patched.setattr("agon.arena.web.leaderboard.boards.Boards._get", lambda *a: computing.append(a))
        for path, mark in marks.items():
            for sent in (mark, f'"another", {mark}'):
                again = client.get(path, headers={"if-none-match": sent})
                assert (again.status_code, again.content) == (304, b""), path
                assert again.headers["etag"] == mark
                assert "no-cache" in again.headers["cache-control"]
    assert not computing
    mark = marks["/leaderboard"]
    german = client.get("/leaderboard", headers={"if-none-match": mark, "accept-language": "de"})
    assert german.headers["etag"] != mark
    assert 'lang="de"' in german.text
    assert client.get("/leaderboard?lang=en", headers={"if-none-match": mark}).status_code == 304
    client.cookies.clear()
    cast(server.log, MODELS[0], MODELS[1], category="Code")
    for path in (
        "/api/leaderboard",
        "/leaderboard",
        "/leaderboard.csv",
        "/api/offer",
        "/method",
        "/badge.svg",
    ):
        fresh = client.get(path, headers={"if-none-match": marks[path]})
        assert fresh.status_code == 200, path
        assert fresh.headers.get("etag") != marks[path]


def test_a_badge_says_where_a_model_stands_and_can_be_shown_anywhere(server, client):
    board = client.get("/api/leaderboard").json()["boards"][0]
    for row in board["models"]:
        badge = client.get(f"/badge/{row['model']}.svg")
        said = "".join(ElementTree.fromstring(badge.text).find("{*}title").itertext())
        low, high = row["rank_lower"], row["rank_upper"]
        ranks = f"{low}" if low == high else f"{low}–{high}"
        name = f"Canary {row['model'][7]} Shown"
        assert said == f"{name}: rank {ranks} of 3 · {row['votes']} votes · {NOON:%Y-%m-%d}"
        assert badge.headers["content-type"].startswith("image/svg+xml")
        assert badge.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "set-cookie" not in badge.headers  # of a reader of somebody else's page
        assert "access-control-allow-origin" not in badge.headers
    german = client.get(f"/badge/{MODELS[0]}.svg?language=de")
    assert german.text != client.get(f"/badge/{MODELS[0]}.svg").text
    page = client.get("/data").text
    assert escape(f"]({server.url}/badge/{board['models'][0]['model']}.svg)](") in page
    assert client.get("/api/leaderboard").headers["cross-origin-resource-policy"] == "same-origin"


def test_other_sites_read_boards_where_that_is_allowed_and_nothing_else(tmp_path):
    settings = ArenaSettings(seed=7, open_data=True)
    with open_arena(tmp_path, roster(Scripted("a"), Scripted("b")), settings) as server:
        for path in (*ENDPOINTS, "/leaderboard.csv", "/openapi.json"):
            if path not in ("/api/model", "/api/compare"):
                answer = httpx.get(server.url + path)
                assert answer.headers["access-control-allow-origin"] == "*", path
                assert "set-cookie" not in answer.headers
        for path in ("/", "/api/start", "/leaderboard", "/healthz", "/you"):
            assert "access-control-allow-origin" not in httpx.get(server.url + path).headers, path


def test_a_page_that_says_how_often_one_voted_is_ones_own(server, client):
    theirs = whole(client, "/leaderboard")
    assert theirs.headers["cache-control"] == "private, no-cache"
    visitor = server.visitor()
    voted = visitor.vote(visitor.ready())
    document = client.get("/openapi.json").json()
    vote = document["paths"]["/api/battles/{battle_id}/vote"]["post"]
    assert vote["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator(schema_of(document, vote, 200)).validate(voted.json())
    whole(client, "/leaderboard")
    mine = whole(visitor, "/leaderboard")
    assert re.search(r"data-your-votes>1<", mine.text)
    assert visitor.get("/leaderboard", headers={"if-none-match": mine.headers["etag"]}).status_code == 304
    other = client.get("/leaderboard", headers={"if-none-match": mine.headers["etag"]})
    assert other.status_code == 200
