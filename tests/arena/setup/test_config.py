"""The configuration file: what a whole one becomes, and one sentence for every way in which it is wrong."""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.arena.setup.config import read_configuration
from agon.arena.setup.config_file import BACKENDS, TABLES
from agon.arena.setup.routed_table import RoutedTable
from agon.arena.setup.study_table import AttentionTable, StudyTable
from agon.arena.setup.tables import ConfigError
from agon.serving.generation import Limits
from agon.serving.protocol import Delta, FailureKind, Message, Sampling
from tests.support.http_server import listen
from tests.support.paths import REPOSITORY

TWO = """
[[model]]
name = "one"
base_url = "http://127.0.0.1:8000/v1"

[[model]]
name = "two"
base_url = "http://127.0.0.1:8000/v1/"
"""
ENTRANCE = {"ARENA_PASSWORD": "e" * 24, "OIDC_SECRET": "e" * 24}  # of the page on configuration
WHOLE = """
[arena]
title = "Which one is for us?"
notice = "Prompts are stored."
store = "votes/2026"
host = "0.0.0.0"
port = 8080
examples = ["Why is the sky blue?", {prompt = "Was ist Glück?", category = "philosophy", language = "de"}]

[limits]
first = 90
between = 20.5

[[model]]
name = "small"
base_url = "http://127.0.0.1:8000/v1"
model = "org/small-8b"
api_key_env = "VLLM_KEY"
display_name = "Small 8B"
organisation = "Org"
licence = "Apache-2.0"
price = 0.2
system_prompt = "You are brief."
sampling = {temperature = 1, top_p = 0.9, max_tokens = 2048, seed = 7}

[[model]]
name = "large"
base_url = "https://api.example.com/v1"
"""


def read(tmp_path, text, environment=None):
    file = tmp_path / "arena.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_configuration(file, environment or {})


def refused(tmp_path, text, environment=None):
    """The one sentence a wrong file is answered with, without the folder."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, environment)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", "?"))
    assert caught.value.__cause__ is None
    return message.replace(f"{tmp_path}/", "")


def test_a_whole_file_becomes_an_arena(tmp_path):
    found = read(tmp_path, WHOLE, {"VLLM_KEY": "sk-canary"})
    assert (found.log, found.host, found.port) == (Path("votes/2026"), "0.0.0.0", 8080)
    assert found.limits == Limits(first=90, between=20.5)
    assert (found.roster.title, found.roster.notice) == ("Which one is for us?", "Prompts are stored.")
    sky, luck = found.roster.examples
    assert (sky.prompt, sky.category, sky.language) == ("Why is the sky blue?", None, None)
    assert (luck.prompt, luck.category, luck.language) == ("Was ist Glück?", "philosophy", "de")
    small, large = found.roster.contestants
    assert (small.card.name, small.card.display_name, small.card.organisation) == ("small", "Small 8B", "Org")
    assert (small.card.licence, small.card.price) == ("Apache-2.0", 0.2)
    assert small.sampling == Sampling(1, 0.9, 2048, 7)
    assert small.system_prompt == "You are brief."
    assert "org/small-8b" in repr(small.backend)
    assert large.card.display_name == "large"
    assert large.sampling == Sampling()
    assert "'large' " not in repr(large) and "api.example.com" in repr(large.backend)
    assert "sk-canary" not in repr(found)


def test_models_of_a_server_share_its_places_and_its_key(tmp_path):
    text = GPU + "api_key_env = 'KEY'\nat_once = 3\nwaiting = 5\n"
    text += "".join(f"[[model]]\nname = '{name}'\nserver = 'gpu'\n" for name in ("one", "two"))
    found = read(tmp_path, text, {"KEY": "sk-canary"})
    one, two = (contestant.backend for contestant in found.roster.contestants)
    assert one._server is two._server
    assert tuple(found.servers) == (one._server,)
    assert (one._server.places.at_once, one._server.places.waiting) == (3, 5)
    assert one._server.client.headers["authorization"] == "Bearer sk-canary"


def test_every_backend_answers_as_its_table_says(tmp_path):
    file = tmp_path / "answers.csv"
    file.write_text("prompt,old,older\nWhy?,Because.,Who knows.\n")
    text = f"""
[[model]]
name = "then"
backend = "recorded"
answers = "{file}"
model = "older"
words_per_second = 0
[[model]]
name = "echo"
backend = "demo"
manner = "terse"
words_per_second = 0
[[model]]
name = "now"
base_url = "http://127.0.0.1:9/v1"
"""
    then, echo, now = read(tmp_path, text).roster.contestants

    async def written(contestant):
        events = contestant.backend.stream([Message("user", "Why?")], contestant.sampling)
        return "".join([event.text async for event in events if isinstance(event, Delta)])

    assert asyncio.run(written(then)) == "Who knows."
    assert "Why?" in asyncio.run(written(echo))
    assert not then.backend.accepts([Message("user", "When?")])
    assert "127.0.0.1:9" in repr(now.backend)
    wrong = text.replace('"older"', '"oldest"')
    said = refused(tmp_path, wrong)
    assert said.endswith("answers.csv holds no answers of 'oldest'; did you mean 'older'?")


def test_what_a_server_is_to_be_asked_with_reaches_it(tmp_path):
    """Row 15, 16 and 18 of the cases: no system role, max_completion_tokens, chat_template_kwargs."""
    seen = []

    async def answer(request, http):
        seen.append(request)
        await http.head()
        await http.text("Yes.", finish="stop")
        await http.done()

    async def main():
        async with listen(answer) as here:
            text = f"""
[[model]]
name = "one"
base_url = "{here.url}"
system_prompt = "Be kind."
system_role = false
chat_template_kwargs = {{ enable_thinking = false }}
extra_body = {{ reasoning_effort = "low" }}
headers = {{ X-Team = "arena", X-Key = "$TEAM_KEY" }}
[model.sampling]
max_completion_tokens = 100
top_k = 20
min_p = 0.1
stop = ["END"]
repetition_penalty = 1.05
""" + TWO.split("\n\n")[0].replace('"one"', '"two"')
            one = read(tmp_path, text, {"TEAM_KEY": "team-canary"}).roster.contestants[0]
            said = [Message("system", one.system_prompt), Message("user", "Is it so?")]
            events = [event async for event in one.backend.stream(said, one.sampling)]
            assert "".join(event.text for event in events if isinstance(event, Delta)) == "Yes."
            await one.backend.close()

    asyncio.run(main())
    (request,) = seen
    assert request.body["messages"] == [{"role": "user", "content": "Be kind.\n\nIs it so?"}]
    asked = {
        name: value for name, value in request.body.items() if name not in ("messages", "stream_options")
    }
    assert asked == {
        "model": "one",
        "stream": True,
        "chat_template_kwargs": {"enable_thinking": False},
        "reasoning_effort": "low",
        "max_completion_tokens": 100,
        "top_k": 20,
        "min_p": 0.1,
        "stop": ["END"],
        "repetition_penalty": 1.05,
    }
    assert (request.headers["x-team"], request.headers["x-key"]) == ("arena", "team-canary")


def test_a_short_file_is_enough_and_models_of_one_server_share_it(tmp_path):
    found = read(tmp_path, TWO)
    assert (found.log, found.host, found.port) == (Path("agon-log"), "127.0.0.1", None)
    assert found.limits == Limits()
    assert found.roster.typed
    one, two = (contestant.backend for contestant in found.roster.contestants)
    assert one._server is two._server
    asyncio.run(one.close())


def test_a_server_of_ours_gets_its_own_key_and_no_other(tmp_path):
    text = (
        OURS
        + """['python3', '{port}']\napi_key_env = 'OWN'\nenv = {A = 'b'}
[[model]]
name = 'x'
server = 'gpu'
[[model]]
name = 'y'
base_url = 'http://127.0.0.1:1/v1'
api_key_env = 'OTHER'
headers = {X-Key = '$THIRD'}
"""
    )
    given = {"OWN": "1", "OTHER": "2", "THIRD": "3", "PATH": os.environ["PATH"]}
    (run,) = read(tmp_path, text, given).supervised
    assert run._environment == {"OWN": "1", "PATH": os.environ["PATH"], "A": "b"}


def test_the_same_address_with_another_key_is_another_server(tmp_path):
    text = TWO.replace('name = "two"', 'name = "two"\napi_key_env = "KEY"')
    one, two = (contestant.backend for contestant in read(tmp_path, text, {"KEY": "k"}).roster.contestants)
    assert one._server is not two._server


OURS = "[[server]]\nname = 'gpu'\ncommand = "
GPU = "[[server]]\nname = 'gpu'\nbase_url = 'http://127.0.0.1:8001/v1'\n"
X = TWO + "[[model]]\nname = 'x'\n"
WRONG = [
    ("", " has no [[model]]; a comparison needs at least two, each with name and base_url."),
    (
        TWO[: TWO.rindex("[[")],
        " has one [[model]]; a comparison needs at least two, each with name and base_url.",
    ),
    (
        "[arena\n",
        " is not TOML: expected ']' at the end of a table declaration (at line 1, column 7).",
    ),
    ("a = 1\na = 2", " is not TOML: cannot overwrite a value (at end of document)."),
    (b"[arena]\ntitle = '\xff'", " is not UTF-8 text: see line 2; save it as UTF-8."),
    ("[arena]\ntitel = 'A'" + TWO, ", [arena]: there is no key 'titel'; did you mean 'title'?"),
    (
        "[arena]\npublic_url = 'arena.example'" + TWO,
        ", [arena]: public_url is 'arena.example', but must be an address without a path, such as "
        "https://arena.example:8443; a path that a proxy passes on is root_path.",
    ),
    ("[arena]\nembed = [0]" + TWO, ", [arena]: embed is 0, but must be a text."),
    (
        "[arena]\nembed = ['*']" + TWO,
        ", [arena]: embed must be a list of addresses without a path, such as https://huggingface.co.",
    ),
    (
        "[admin]" + TWO,
        ", [admin] has neither token_env nor header; name what opens the page.",
    ),
    (
        "[admin]\nheader = 'X-Remote-User'" + TWO,
        ", [admin] has a header without users; name the header of your proxy, and who may enter.",
    ),
    (
        "[admin]\nheader = 'X-Remote-User'\nusers = ['ada']" + TWO,
        ", [admin]: whoever asks can send the header X-Remote-User; name the proxy that sends it in proxies "
        "of [arena].",
    ),
    (
        "[access]" + TWO,
        ", [access] has neither password_env nor invitations nor an [access.oidc]; name who may vote.",
    ),
    (
        "[access]\npassword = 'x'" + TWO,
        ", [access]: keys do not belong in a file; name an environment variable in password_env.",
    ),
    (
        "[access]\npassword_env = 'NO_SUCH_VARIABLE'" + TWO,
        ", [access]: the environment variable NO_SUCH_VARIABLE is not set; export it before starting agon.",
    ),
    (
        "[access]\ninvitations = true\nread = 'nobody'" + TWO,
        ", [access]: read is 'nobody', but must be 'public' or 'members'.",
    ),
    (
        "[access.oidc]\nissuer = 'accounts.example'\nclient_id = 'x'" + TWO,
        ", [access.oidc]: issuer is 'accounts.example', but must be the address of a provider, such as "
        "https://accounts.example.org.",
    ),
    ("[access.oidc]\nissuer = 'https://a.example'" + TWO, ", [access.oidc]: client_id is missing; add it."),
    (
        "[access.oidc]\nissuer = 'https://a.example'\nclient_id = 'x'\nallowed_domains = ['@x']" + TWO,
        ", [access.oidc]: allowed_domains is '@x', but must be a list of domains of e-mail addresses, such "
        "as example.org.",
    ),
    (
        "[access.oidc]\nissuer = 'https://a.example'\nclient_id = 'x'\nclient_secret = 'x'" + TWO,
        ", [access.oidc]: keys do not belong in a file; name an environment variable in client_secret_env.",
    ),
    ("[limits]\nwork = 60" + TWO, ", [limits]: work is 60, but must be less than or equal to 28."),
    (
        "titel = 'A'" + TWO,
        ": there is no key 'titel'; known: access, admin, arena, battle, board, limits, metrics, model, "
        "moderation, page, routed, server and 1 more.",
    ),
    (
        OURS + "['python3', '--port', '80']\n" + TWO,
        """, [[server]] 1 ('gpu') has a command without its port; write "--port", "{port}" into it.""",
    ),
    (
        OURS + "['no-such-program', '{port}']\n" + TWO,
        ", [[server]] 1 ('gpu'): there is no program 'no-such-program'; install it or give its path.",
    ),
    (
        OURS + "['python3', '{port}']\nbase_url = 'http://127.0.0.1:1/v1'\n" + TWO,
        ", [[server]] 1 ('gpu') has both base_url and command; give one of them.",
    ),
    (
        OURS.replace("gpu", "a b") + "['python3', '{port}']\n" + TWO,
        ", [[server]] 1 ('a b') has a command and a name that is no file's; name it with letters, digits, "
        ". _ -.",
    ),
    (
        OURS + "['python3', '{port}']\nenv = {'A B' = 'c'}\n" + TWO,
        ", [[server]] 1 ('gpu'): env must be names of environment variables with their values.",
    ),
    (
        GPU + "env = {A = 'c'}\n" + TWO,
        ", [[server]] 1 ('gpu') has env without a command; it is set where that server is started.",
    ),
    ("[models]" + TWO, ": there is no key 'models'; did you mean 'model'?"),
    (
        TWO + "temperature = 1",
        ", [[model]] 2 ('two'): there is no key 'temperature'; it belongs in sampling.",
    ),
    (
        TWO + "sampling = {temprature = 1}",
        ", [[model]] 2 ('two'), sampling: there is no key 'temprature'; did you mean 'temperature'? If not, "
        "what only the server knows goes into extra_body of the model.",
    ),
    (
        TWO + "sampling = {mirostat = 2}",
        ", [[model]] 2 ('two'), sampling: there is no key 'mirostat'; what only the server knows goes into "
        "extra_body of the model.",
    ),
    (
        TWO + "sampling = {max_tokens = 5, max_completion_tokens = 5}",
        ", [[model]] 2 ('two'), sampling has max_tokens and max_completion_tokens; keep the one that the "
        "server takes.",
    ),
    (
        TWO + "extra_body = {stream = false}",
        ", [[model]] 2 ('two'): extra_body must not hold stream, which the arena itself decides.",
    ),
    (
        TWO + "sampling = {top_k = 3}\nextra_body = {top_k = 4}",
        ", [[model]] 2 ('two') gives top_k twice, once in extra_body; keep one of them.",
    ),
    (
        TWO + "headers = {X-Api-Key = 'canary'}",
        ", [[model]] 2 ('two'): headers must hold no keys; write \"$VARIABLE\" for the value of an "
        "environment variable.",
    ),
    (TWO + "headers = {A = 1}", ", [[model]] 2 ('two'): headers must be a text."),
    (
        TWO + "headers = {X-Api-Key = '$NO_KEY'}",
        ", [[model]] 2 ('two'): the environment variable NO_KEY is not set; export it before starting agon.",
    ),
    (
        TWO + "backend = 'opnai'",
        ", [[model]] 2 ('two'): there is no backend 'opnai'; did you mean 'openai'?",
    ),
    (
        TWO + "backend = 'vllm'",
        ", [[model]] 2 ('two'): there is no backend 'vllm'; known: demo, openai, recorded.",
    ),
    (
        X + "backend = 'demo'\nmanner = 'loud'",
        ", [[model]] 3 ('x'): manner is 'loud', but must be one of terse, thorough, laid_out, sure, warm, "
        "careful.",
    ),
    (
        X + "server = 'a'",
        ", [[model]] 3 ('x'): there is no [[server]] 'a'; add it.",
    ),
    (
        GPU + X + "server = 'gpv'",
        ", [[model]] 3 ('x'): there is no [[server]] 'gpv'; did you mean 'gpu'?",
    ),
    (
        GPU + X + "server = 'gpu'\nbase_url = 'http://a'",
        ", [[model]] 3 ('x') has both base_url and server; give one of them.",
    ),
    (
        GPU + X + "server = 'gpu'\napi_key_env = 'A'",
        ", [[model]] 3 ('x') has an api_key_env beside its server; name the key in the [[server]].",
    ),
    (GPU + GPU + TWO, ", [[server]] 2 ('gpu'): another server has this name; give each its own."),
    (
        GPU + "at_onc = 3" + TWO,
        ", [[server]] 1 ('gpu'): there is no key 'at_onc'; did you mean 'at_once'?",
    ),
    (
        GPU + "at_once = 0" + TWO,
        ", [[server]] 1 ('gpu'): at_once is 0, but must be greater than or equal to 1.",
    ),
    (
        GPU + "api_key_env = 'NO_KEY'" + TWO,
        ", [[server]] 1 ('gpu'): the environment variable NO_KEY is not set; export it before starting agon.",
    ),
    (X + "backend = 'recorded'", ", [[model]] 3 ('x'): answers is missing; add it."),
    (
        X + "backend = 'demo'\nmanner = 'warm'\nbase_url = 'http://a'",
        ", [[model]] 3 ('x'): there is no key 'base_url'; known: backend, delay, display_name, failure_rate, "
        "input_price, licence, manner, name, organisation, price, priced, sampling and 3 more.",
    ),
    (
        TWO + "api_key = 'sk-canary'",
        ", [[model]] 2 ('two'): keys do not belong in a file; name an environment variable in api_key_env.",
    ),
    (
        TWO + "api_key_env = 'sk-canary'",
        ", [[model]] 2 ('two'): api_key_env must be the name of an environment variable, not the key itself.",
    ),
    (
        TWO + "api_key_env = 'NO_KEY'",
        ", [[model]] 2 ('two'): the environment variable NO_KEY is not set; export it before starting agon.",
    ),
    (
        TWO + "license = 'MIT'",
        ", [[model]] 2 ('two'): there is no key 'license'; did you mean 'licence'?",
    ),
    (
        TWO + "price = -1",
        ", [[model]] 2 ('two'): price is -1, but must be greater than or equal to 0.",
    ),
    (TWO + "price = nan", ", [[model]] 2 ('two'): price is nan, but must be a finite number."),
    (TWO + "price = '2 $'", ", [[model]] 2 ('two'): price is '2 $', but must be a number."),
    (
        TWO + "sampling = {temperature = 'hot'}",
        ", [[model]] 2 ('two'), sampling: temperature is 'hot', but must be a number.",
    ),
    (
        TWO + "sampling = {max_tokens = 1.5}",
        ", [[model]] 2 ('two'), sampling: max_tokens is 1.5, but must be a whole number.",
    ),
    (TWO + "sampling = 1", ", [[model]] 2 ('two'): sampling is 1, but must be a table."),
    (
        TWO + "[[model]]\nname = 'three'",
        ", [[model]] 3 ('three') has neither base_url nor server; give one of them.",
    ),
    (TWO + "[[model]]\nbase_url = 'http://a'", ", [[model]] 3: name is missing; add it."),
    (
        TWO + "[[model]]\nname = 'three'\nbase_ur = 'http://a'",
        ", [[model]] 3 ('three'): there is no key 'base_ur'; did you mean 'base_url'?",
    ),
    (
        TWO + "[[model]]\nname = ' x'\nbase_url = 'http://a'",
        ", [[model]] 3 (' x'): name is ' x', but must be one line of visible text without space around it.",
    ),
    (
        X + "base_url = 'localhost:8000'",
        ", [[model]] 3 ('x'): base_url must be an address such as http://127.0.0.1:8000/v1.",
    ),
    (
        X + "base_url = 'http://u:canary@a/v1'",
        ", [[model]] 3 ('x'): base_url must hold no name, password or query; name a key in api_key_env.",
    ),
    (
        X + "base_url = 'http://[::1'",
        ", [[model]] 3 ('x'): base_url must be an address such as http://127.0.0.1:8000/v1.",
    ),
    (
        TWO.replace("two", "one"),
        ": [[model]] 1 and 2 have one name, 'one', as a person reads it; give each its own.",
    ),
    (
        TWO.replace("two", "ONE"),
        ": [[model]] 1 and 2 have one name, 'one' and 'ONE', as a person reads it; give each its own.",
    ),
    (
        TWO + "display_name = 'one'",
        ": [[model]] 1 and 2 have one display_name, 'one', as a person reads it; give each its own.",
    ),
    ("model = 3", ": model is 3, but must be a list."),
    ("model = [3, 4]", ": model number 1 is 3, but must be a table."),
    ("arena = 3" + TWO, ": arena is 3, but must be a table."),
    (
        "[arena]\nport = 70000" + TWO,
        ", [arena]: port is 70000, but must be less than or equal to 65535.",
    ),
    ("[arena]\ntyped = 'no'" + TWO, ", [arena]: typed is 'no', but must be true or false."),
    (
        "[arena]\ntyped = false" + TWO,
        ", [arena]: typed is false and there are no examples; offer some prompts.",
    ),
    ("[arena]\nexamples = [3]" + TWO, ", [arena]: examples number 1 is 3, but must be a text."),
    (
        "[arena]\nexamples = [{prompt = 'a'}, {promt = 'b'}]" + TWO,
        ", [arena], example 2: there is no key 'promt'; did you mean 'prompt'?",
    ),
    ("[battle]\npolicy = 'nearby'" + TWO, ", [battle]: There is no policy 'nearby'; did you mean 'near'?"),
    (
        "[battle]\npolicy = 'near'\noptions = {windw = 3}" + TWO,
        ", [battle]: The policy near has no option 'windw'; did you mean 'window'?",
    ),
    ("[battle]\npolice = 'near'" + TWO, ", [battle]: there is no key 'police'; did you mean 'policy'?"),
    (
        "[battle]\npolicy = 'weighted'\noptions = {weights = {ona = 2}}" + TWO,
        ", [battle]: The policy weighted: weights names 'ona'; did you mean 'one'?",
    ),
    (
        "[battle]\nmodes = ['named']" + TWO,
        ', [battle]: modes must have "blind" among them, whose votes boards are made of.',
    ),
    ("[battle]\npaused = ['three']" + TWO, ", [battle]: paused names 'three'; known: one, two."),
    (
        "[battle]\npaused = ['one']" + TWO,
        ", [battle]: paused leaves fewer than two models to draw; pause fewer.",
    ),
    ("[battle]\nfloor = 2" + TWO, ", [battle]: floor is 2, but must be less than or equal to 1."),
    ("[limits]\nfirst = 0" + TWO, ", [limits]: first is 0, but must be greater than 0."),
    ("[battle]\nanswers = 7" + TWO, ", [battle]: answers is 7, but must be less than or equal to 6."),
    ("[battle]\nanswers = '4'" + TWO, ", [battle]: answers is '4', but must be a whole number."),
    ("[arena]\nanswers = 4" + TWO, ", [arena]: there is no key 'answers'; it belongs in battle."),
    (
        "[limits]\nsecond = 1" + TWO,
        ", [limits]: there is no key 'second'; known: between, characters, first, image_bytes, images, "
        "networks, output, per_network, per_network_hour, per_voter, per_voter_hour, prompt and 4 more.",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path, text, message):
    said = refused(tmp_path, text)
    assert said == f"arena.toml{message}"
    assert "canary" not in said


@pytest.mark.parametrize(
    ("value", "state"),
    [("", "is not set"), ("  ", "is not set"), ("schlüssel", "holds no key"), ("a\nb", "holds no key")],
)
def test_a_variable_must_hold_a_key_that_is_not_told(tmp_path, value, state):
    said = refused(tmp_path, TWO + "api_key_env = 'KEY'", {"KEY": value})
    assert f"the environment variable KEY {state};" in said
    assert not value.strip() or value not in said


def test_a_file_must_be_there_and_be_one(tmp_path):
    with pytest.raises(
        ConfigError, match=re.escape(f"There is no file {tmp_path / 'no.toml'}; check the path.")
    ):
        read_configuration(tmp_path / "no.toml", {})
    with pytest.raises(ConfigError, match="is a folder; name"):
        read_configuration(tmp_path, {})
    (tmp_path / "arena.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    with pytest.raises(ConfigError, match="is no text; name"):
        read_configuration(tmp_path / "arena.png", {})


def toml(value):
    """A value as TOML writes it within a line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value).lower() if isinstance(value, bool | float) else json.dumps(value)


FIELDS = {key for table in (*TABLES.values(), *BACKENDS.values()) for key in table.model_fields}
KEYS = sorted(FIELDS | {*TABLES, "str", "x"})
ADDRESS = "http://127.0.0.1/v1"
SOME = st.one_of(
    st.integers(-2, 9),
    st.floats(-1, 3),
    st.booleans(),
    st.sampled_from(["", "a", "b", "demo", "recorded", "terse", ADDRESS]),
)
VALUES = st.recursive(
    SOME,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
)


@given(st.dictionaries(st.sampled_from(["arena", "limits", "model", "server", "str"]), VALUES, max_size=4))
@settings(max_examples=300)
@pytest.mark.slow
def test_whatever_a_file_holds_it_is_an_arena_or_one_sentence(tmp_path_factory, content):
    text = "".join(f"{key} = {toml(value)}\n" for key, value in content.items())
    try:
        found = read(tmp_path_factory.getbasetemp(), text)
    except ConfigError:
        refused(tmp_path_factory.getbasetemp(), text)
    else:
        assert len(found.roster.contestants) >= 2


RUNNING = (REPOSITORY / "docs" / "running.md").read_text(encoding="utf-8")


def test_the_example_of_the_docs_is_whole_and_right(tmp_path, monkeypatch):
    """It parses, it names every key there is, and its limits are the defaults that it says they are."""
    (text,) = re.findall(r"^```toml\n(\[arena\].*?)^```$", RUNNING, re.M | re.S)
    rows = ["prompt,last-year,other", "Why?,Because.,Who knows."]
    (tmp_path / "answers.csv").write_text("\n".join(rows))
    (tmp_path / "words.txt").write_text("word\n")
    (tmp_path / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>')
    monkeypatch.chdir(tmp_path)
    found = read(
        tmp_path,
        text,
        {"VLLM_API_KEY": "a", "EXAMPLE_API_KEY": "b", "AGON_ADMIN_TOKEN": "c" * 48, "MODERATION_KEY": "d"}
        | ENTRANCE,
    )
    assert found.access.doors.keys() == {"password", "invitation", "account"}
    assert found.settings(None).access == found.access
    assert "e" * 9 not in repr(found)  # the address of an object may have three of a letter
    assert found.admin is not None
    assert "c" * 9 not in repr(found)
    names = [contestant.card.name for contestant in found.roster.contestants]
    assert names == ["llama-8b", "qwen-7b", "gemma-9b", "last-year", "nobody"]
    assert found.limits == Limits()
    assert found.log == Path("agon-log")
    assert found.settings(None).modes == ("blind", "named", "direct")
    assert (found.policy.name, found.policy.floor, found.paused) == ("weighted", 0.1, ("nobody",))
    assert found.policy.given == {"weights": {"llama-8b": 2}}
    sampling = found.roster.contestants[0].sampling
    assert (sampling.top_k, sampling.min_p, sampling.stop) == (40, 0.05, ("<|im_end|>",))
    of_studies = {StudyTable, AttentionTable, RoutedTable}  # which stand in sections of their own
    for table in {*TABLES.values(), *BACKENDS.values()} - of_studies:
        for key in table.model_fields:
            assert re.search(rf"\b{key} = |^\[access.{key}\]", text, re.MULTILINE), key


def test_every_key_of_a_study_is_written_down():
    section = RUNNING.partition("## agon study")[2].partition("\n## ")[0]
    for key in StudyTable.model_fields:
        assert re.search(rf"^\| .*`{key}`.* \|", section, re.M), key


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_every_kind_of_failure_is_written_down(kind):
    assert re.search(rf"^\| .* \| `{kind}` \|$", RUNNING, re.M)
