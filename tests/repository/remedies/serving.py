"""Addresses and configurations of an arena: what is refused, and the remedy."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from agon.arena.core.arena import Arena
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.roster import Contestant, ContestantSettings, ModelCard
from agon.arena.core.sessions import Keys
from agon.arena.setup.config import read_configuration
from agon.arena.web.leaderboard.query import BoardQuery, Offer
from agon.arena.web.server import configured, listen
from agon.data.files.schema import period_ends
from agon.data.importers.recorded_answers import prompts
from agon.data.log.operation.invitation_journal import INVITATIONS
from agon.data.log.records import RosterRecord
from agon.data.log.shared_store.shared_journal import invitations_of
from agon.data.log.vote_log import VoteLog
from agon.serving.protocol import Sampling
from tests.repository.remedies.steps import SERVER, Case, Given, RefusedError, agon, arena, command, taken
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.log_records import NOON, battle, put, vote

OURS = '[[server]]\nname = "ours"\ncommand = '
HERE = 'base_url = "http://127.0.0.1:1/v1"\n'
MODEL = '[[model]]\nname = "one"\nbase_url = "http://127.0.0.1:1/v1"\n'

INVITED, MEMBERS = "[access]\ninvitations = true\n", '[access]\ninvitations = true\nread = "members"\n'
OPENID = '[access.oidc]\nissuer = "https://accounts.example"\nclient_id = "agon"\n'
AT_HOME, OPENED = '[arena]\npublic_url = "https://arena.example"\n', "[arena]\nopen_data = true\n"
PROXIED = '[arena]\nproxies = ["127.0.0.1"]\n[admin]\nheader = "X-User"\nusers = ["ada"]\n'


def _text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def cases(given: Given) -> list[Case]:
    """Its cases."""
    folder = given.folder
    answers = _text(folder / "three.csv", "prompt,model,answer\nWhy?,ada,x\nWhy?,bob,y\nWhy?,cyn,z\n")
    two = _text(folder / "two_models.toml", MODEL + MODEL.replace("one", "two"))
    row = {"prompt": "Why?", "model": "ada", "answer": "x", "sample": 0, "failure": None, "settings": "s"}
    rows = [row, row | {"model": "bob"}, row | {"sample": 1, "answer": "z"}]
    sampled = _text(folder / "sampled.jsonl", "".join(f"{json.dumps(one)}\n" for one in rows))
    short = given.new()
    (short / "secret.key").write_bytes(b"short")

    store = given.new()
    asked_of_all = _text(folder / "asked_of_all.csv", "prompt\nWhy?\nHow?\n")
    studied = f'[study]\nname = "s"\nprompts = "{asked_of_all}"\n'
    places = f'[arena]\nstore = "{store}"\nhost = "0.0.0.0"\n'
    uninvited = _text(folder / "uninvited.toml", places + MODEL + MODEL.replace("one", "two"))
    invited = _text(folder / "invited.toml", places + INVITED + MODEL + MODEL.replace("one", "two"))
    lived = given.arena_log(60)
    with VoteLog(lived) as kept:
        put(kept, RosterRecord({"ada": "listed", "bob": "listed"}, NOON))
    broken = given.new()
    whole = invitations_of(broken, None).invite(1)[0] and (broken / INVITATIONS).read_text()
    (broken / INVITATIONS).write_text("half a line\n")

    def put_back() -> None:
        (broken / INVITATIONS).write_text(whole)
        invitations_of(broken, None).all()

    def removed() -> None:
        (short / "secret.key").unlink()
        Keys.of_folder(short)

    def asked(
        prompts: list[str],
        *,
        gap: float = 0.0,
        typed: bool = True,
        watched: bool = False,
        broken: int = 0,
        again: bool = False,
    ) -> Any:
        """Battles begun one after the other, of which one may run; the first ones may break the arena."""

        def ask() -> None:
            models = roster(Scripted("a b", gap), Scripted("c d", gap), typed=typed)
            settings, refused = ArenaSettings(seed=7, running=1, running_per_voter=9), ""
            with open_arena(given.new(), models, settings) as server:
                begin = server.arena.start
                for number, prompt in enumerate(prompts):
                    server.arena.start = begin if number >= broken else None
                    guest = server.visitor()  # after a mistake the server ends the connection
                    answer = guest.post("/api/battles", {"prompt": prompt})
                    if answer.status_code != 200 and not (again and number < broken):
                        refused = answer.json()["sentence"]
                    elif watched:
                        guest.finish(answer.json()["battle"])
            if refused:
                raise RefusedError(refused)

        return ask

    def asked_otherwise(name: str) -> Any:
        def ask() -> None:
            store = given.new()
            for one, heat in (("one", 0.1), (name, 0.9)):
                model = Contestant(ModelCard(one, one), Scripted(), Sampling(temperature=heat))
                ContestantSettings(store).take([model], {"one": 3})

        return ask

    def enrolled(name: str) -> Any:
        """An arena that tests a model, over a log that has canary-1-id as a listed one."""

        def test() -> None:
            with VoteLog(given.new()) as log:
                drawn = battle(("canary-0-id", "canary-1-id"))
                put(log, drawn, vote(drawn.battle_id))
                models = roster(Scripted(), Scripted(), Scripted())
                *listed, one = models.contestants
                tested = replace(one, card=replace(one.card, name=name), status="testing")
                Arena(
                    replace(models, contestants=(*listed[::2], tested)), log, Keys(b"s" * 32), ArenaSettings()
                )

        return test

    lone = _text(folder / "lone.toml", two.read_text() + 'status = "testing"\n')

    return [
        (asked_otherwise("one"), asked_otherwise("one-2")),
        (enrolled("canary-1-id"), enrolled("canary-1-id-2")),
        (lambda: read_configuration(lone), lambda: read_configuration(two)),
        # how many models answer
        (lambda: configured(None, None, 9), lambda: configured(None, None, 6)),
        (lambda: configured(answers, None, 4), lambda: configured(answers, None, 3)),
        (lambda: configured(two, None, 3), lambda: configured(two, None, 2)),
        (lambda: configured(two, None, same_model=2.0), lambda: configured(two, None, same_model=0.02)),
        (lambda: configured(answers, None, same_model=0.02), lambda: configured(answers, None)),
        (
            lambda: configured(answers, None, same_model=0.02),
            lambda: configured(sampled, None, same_model=0.02),
        ),
        # addresses
        (lambda: listen("127.0.0.1", 70000), lambda: listen("127.0.0.1", 0).close()),
        (taken, lambda: listen("127.0.0.1", 0).close()),
        (lambda: listen("192.0.2.1", 0), lambda: listen("127.0.0.1", 0).close()),
        # the arena
        (arena(folder, SERVER.replace('name = "s"\n', "")), arena(folder, SERVER)),
        (arena(folder, '[[server]]\nname = "s"\n'), arena(folder, SERVER)),
        (
            arena(folder, OURS + "['python3', '{port}']\n" + HERE),
            arena(folder, OURS + "['python3', '{port}']\n"),
        ),
        (arena(folder, OURS + "['python3', '80']\n"), arena(folder, OURS + "['python3', '{port}']\n")),
        (arena(folder, OURS + "['no-such', '{port}']\n"), arena(folder, OURS + "['/bin/sh', '{port}']\n")),
        (
            arena(folder, OURS.replace("ours", "o s") + "['python3', '{port}']\n"),
            arena(folder, OURS.replace("ours", "o.s") + "['python3', '{port}']\n"),
        ),
        (arena(folder, SERVER + SERVER), arena(folder, SERVER + SERVER.replace('"s"', '"t"'))),
        (arena(folder, more='api_key = "x"'), arena(folder, more='api_key_env = "HOME"')),
        (arena(folder, name="two"), arena(folder, name="three")),
        (arena(folder, SERVER, more='server = "s"'), arena(folder)),
        (
            arena(folder, more="sampling = {max_tokens = 3, max_completion_tokens = 4}"),
            arena(folder, more="sampling = {max_tokens = 3}"),
        ),
        (
            arena(folder, more="sampling = {temperature = 0.5}\nextra_body = {temperature = 1}"),
            arena(folder, more="sampling = {temperature = 0.5}"),
        ),
        (
            arena(folder, more='headers = {Authorization = "Bearer x"}'),
            arena(folder, more='headers = {Authorization = "$HOME"}'),
        ),
        (
            arena(folder, '[battle]\npolicy = "nearby"\n'),
            arena(folder, '[battle]\npolicy = "near"\n'),
        ),
        (
            arena(folder, '[battle]\npolicy = "near"\noptions = {windw = 3}\n'),
            arena(folder, '[battle]\npolicy = "near"\noptions = {window = 3}\n'),
        ),
        (
            arena(folder, '[battle]\npolicy = "weighted"\noptions = {weights = {ona = 2}}\n'),
            arena(folder, '[battle]\npolicy = "weighted"\noptions = {weights = {one = 2}}\n'),
        ),
        (
            arena(folder, '[battle]\npolicy = "weighted"\noptions = {weights = {}, shares = {}}\n'),
            arena(folder, '[battle]\npolicy = "weighted"\noptions = {shares = {}}\n'),
        ),
        (arena(folder, '[battle]\npaused = ["ona"]\n'), arena(folder, "[battle]\npaused = []\n")),
        (arena(folder, "[admin]\n"), arena(folder, PROXIED)),
        (arena(folder, '[admin]\nheader = "X-User"\n'), arena(folder, PROXIED)),
        (arena(folder, PROXIED[PROXIED.index("[admin]") :]), arena(folder, PROXIED)),
        (arena(folder, '[admin]\ntoken_env = "HOME"\n'), arena(folder)),
        (arena(folder, "[access]\n"), arena(folder, INVITED)),
        (arena(folder, '[access]\npassword_env = "HOME"\n'), arena(folder)),
        (arena(folder, OPENID), arena(folder, AT_HOME + OPENID)),
        (arena(folder, studied + INVITED), arena(folder, studied)),
        (arena(folder, OPENED + MEMBERS), arena(folder, MEMBERS)),
        (command("invite", uninvited), command("invite", invited)),
        (command("invite", invited, "--count", "2", "--list"), command("invite", invited, "--list")),
        (command("invite", invited, "--count", "0"), command("invite", invited, "--count", "2")),
        (
            command("invite", invited, "--url", "arena"),
            command("invite", invited, "--url", "https://arena.example"),
        ),
        (
            command("invite", invited, "--revoke", "0123456789abcdef"),
            lambda: agon("invite", invited, "--revoke", invitations_of(store, None).all()[0].id),
        ),
        (lambda: invitations_of(broken, None).all(), put_back),
        (lambda: read_configuration(folder / "none.toml", {}), arena(folder)),
        (lambda: read_configuration(folder, {}), lambda: read_configuration(two)),
        (lambda: read_configuration(given.file(b"\x89\0"), {}), lambda: read_configuration(two)),
        (
            lambda: read_configuration(_text(folder / "no-models.toml", ""), {}, least=1),
            lambda: read_configuration(_text(folder / "a-model.toml", MODEL), {}, least=1),
        ),
        # prompts to ask models for
        (
            lambda: prompts(_text(folder / "no-prompts.csv", "pormpt\nHi\n")),
            lambda: prompts(_text(folder / "prompts.csv", "prompt\nHi\n")),
        ),
        (
            lambda: prompts(_text(folder / "empty.txt", "\n")),
            lambda: prompts(_text(folder / "prompts.txt", "Hi\n")),
        ),
        (
            lambda: BoardQuery.of(
                {"rule": "elo", "adjust": "length"},
                Offer(rules=("bradley_terry", "elo"), features=("length",)),
            ),
            lambda: BoardQuery.of({"adjust": "length"}, Offer(features=("length",))),
        ),
        (
            lambda: BoardQuery.of({"state": "retird"}, Offer()),
            lambda: BoardQuery.of({"state": "retired"}, Offer()),
        ),
        (command("rank", given.at, "--state", "listed"), command("rank", given.at)),
        (command("rank", lived, "--state", "listd"), command("rank", lived, "--state", "listed")),
        (command("rank", lived, "--state", "listed", "-f", "json"), command("rank", lived, "-f", "json")),
        (lambda: period_ends("month", "2024"), lambda: period_ends("month", "2024-05")),
        (lambda: listen("256.256.256.256", 0), lambda: listen("127.0.0.1", 0).close()),
        (
            arena(folder, more="sampling = {temprature = 0.5}"),
            arena(folder, more="sampling = {temperature = 0.5}"),
        ),
        (
            arena(folder, more="sampling = {temprature = 0.5}"),
            arena(folder, more="extra_body = {temprature = 0.5}"),
        ),
        (
            arena(folder, SERVER.replace("127", "me:secret@127")),
            arena(folder, SERVER + 'api_key_env = "HOME"\n'),
        ),
        (
            arena(folder, SERVER, at='server = "s"', more='api_key_env = "HOME"'),
            arena(folder, SERVER + 'api_key_env = "HOME"\n', at='server = "s"'),
        ),
        (lambda: Keys.of_folder(short), removed),
        (lambda: Keys.of_folder(Path("/proc/none")), lambda: Keys.of_folder(given.new())),
        # the answers of a running arena
        (asked(["Never recorded?"], typed=False), asked(["Why?"], typed=False)),
        (asked(["Why?", "Why?"], gap=9.0), asked(["Why?", "Why?"], watched=True)),
        (asked(["Why?"], broken=1), asked(["Why?", "Why?"], broken=1, again=True)),
    ]
