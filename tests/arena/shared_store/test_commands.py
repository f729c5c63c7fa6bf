"""Commands on a store that several processes share: which take its address, and what they say of it."""

import json
import sys

import psycopg
import pytest

from agon.arena.cli.doctor import install_line
from agon.data.log.shared_store.opening import open_store
from tests.support.arena_processes import write_config
from tests.support.log_records import answer, battle, put, voted
from tests.support.postgres_server import PASSWORD, postgres_server

STUDY = """
[arena]
store = "{store}"
[study]
name = "s"
answers = "answers.csv"
"""
ANSWERS = "model,prompt,answer\nada,Why?,So.\nbob,Why?,Thus.\n"


@pytest.fixture(scope="module")
def server():
    with postgres_server() as opened:
        yield opened


@pytest.fixture
def address(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return server.database()


@pytest.fixture
def kept(address):
    """A store with four votes."""
    with open_store(address) as log:
        for places in ((1, 2), (2, 1), (1, 1), (1, 2)):
            voted(log, ("ada", "bob"), places)
    return address


def test_what_reads_a_log_reads_the_store(run, kept, tmp_path):
    status, out, _ = run("verify", kept, "--format", "json")
    found = json.loads(out)
    assert (status, found["whole"], found["votes"], found["events"]) == (0, True, 4, 9)
    head = found["head"]
    for words in (
        ("rank", kept, "--min-votes", "1", "--format", "json"),
        ("rank", kept, "--min-votes", "1", "--at", head, "--format", "json"),
    ):
        status, out, err = run(*words)
        assert status == 0, err
        assert {row["votes"] for row in json.loads(out)["boards"][0]["models"]} == {4}
        assert PASSWORD not in out + err
    assert run("export", kept, "--to", tmp_path / "votes.csv")[0] == 0
    assert len((tmp_path / "votes.csv").read_text().splitlines()) == 5
    assert PASSWORD not in "".join(run("check", kept)[1:])


def test_a_backup_goes_out_and_in(run, server, kept, tmp_path):
    status, out, err = run("backup", kept, "--to", tmp_path / "backups", "--format", "json")
    assert status == 0, err
    made = json.loads(out)
    assert made["votes"] == 4
    another = server.database()
    status, out, err = run("backup", made["path"], "--to", another)
    assert status == 0, err
    assert PASSWORD not in out + err
    assert json.loads(run("verify", another, "--format", "json")[1])["head"] == made["head"]
    status, _, err = run("backup", made["path"], "--to", another, "--keep", "3")
    assert (status, "--keep is for a folder of backups" in err) == (2, True)
    assert "name an empty database" in run("backup", made["path"], "--to", another)[2]
    (tmp_path / "log").mkdir()
    assert run("backup", kept, "--to", tmp_path / "log")[0] == 0  # what the sentence says


def test_texts_are_erased_by_address_while_others_have_it_open(run, address):
    with open_store(address) as log:
        drawn = battle(prompt="canary")
        put(log, drawn, answer(drawn.battle_id))
        status, out, err = run("erase", address, "--battle", drawn.battle_id, "--yes")
        assert status == 0, err
        assert PASSWORD not in out
        log.follow()
        assert log.records(drawn.battle_id) == []
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT count(*) FROM agon_texts").fetchone() == (0,)


@pytest.mark.parametrize("command", ["recover", "import", "models"])
def test_other_commands_say_what_to_do(run, kept, tmp_path, command):
    status, _, err = run(command, kept)
    assert (status, err) == (
        2,
        f"agon: agon {command} takes a folder, not an address; agon backup ADDRESS --to FOLDER makes one.\n",
    )
    assert run("backup", kept, "--to", tmp_path)[0] == 0


def test_doctor_looks_at_the_store(run, server, kept):
    status, out, err = run("doctor", "--store", kept)
    assert "holds 9 events" in out
    assert "loses votes with the power: set fsync = on there" in out  # as the server of the tests does
    assert status == 1
    assert PASSWORD not in out + err
    assert "it holds no log yet: agon serve begins one" in run("doctor", "--store", server.database())[1]
    assert "password authentication failed" in run("doctor", "--store", kept.replace(PASSWORD, "x"))[1]
    server.durable = True
    server.stop()
    server.start()
    assert "keeps on its disk what it acknowledges" in run("doctor", "--store", kept)[1]


def test_the_part_that_is_missing_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "agon.data.log.shared_store.postgres", raising=False)
    status, _, err = run("verify", "postgresql:///agon")
    assert (status, err) == (
        2,
        f"agon: this needs the part 'postgres', which is not installed: {install_line('postgres')}\n",
    )


def test_a_study_keeps_to_a_folder(run, tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers.csv").write_text(ANSWERS)
    (tmp_path / "study.toml").write_text(STUDY.format(store=address))
    status, _, err = run("serve", "study.toml")
    assert (status, "[study] keeps its journal in a folder; name a folder in store" in err) == (2, True)
    (tmp_path / "study.toml").write_text(STUDY.format(store="store"))
    status, _, err = run("serve", "study.toml", "--store", address)
    assert status == 2, err
    assert "A study keeps its journal in a folder" in err
    assert PASSWORD not in err


def test_a_configuration_names_the_store(tmp_path, address):
    from agon.arena.setup.config import read_configuration

    given = read_configuration(write_config(tmp_path / "arena.toml", address))
    assert given.log == address
    assert str(given.folder) == "agon-log"
    assert PASSWORD not in repr(given)
