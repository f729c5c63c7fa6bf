"""`agon route-server` and `agon effects`: what they refuse, and what they print of a log."""

import json

import numpy as np
import pytest

import agon as ag
from agon.arena.cli.commands import main
from agon.arena.routed.use_server import open_use
from agon.arena.setup.tables import ConfigError
from agon.data.use_log.use_writing import UseLog
from agon.ranking.errors import OptionError
from tests.arena.routed.test_use_server import talker
from tests.support.use_server import asked, scripted, use_server, write_routed

KEYS = f'[routed]\n[[routed.keys]]\nname = "ada"\nsha256 = "{"0" * 64}"\n'
MODELS = "".join(f'[[model]]\nname = "{n}"\nbase_url = "http://127.0.0.1:1/v1"\n' for n in ("one", "two"))


def refusal(path, text, kind=ConfigError):
    """What a configuration is refused with."""
    path.write_text(text)
    with pytest.raises(kind) as caught:
        open_use(path, host=None, port=0, store=None)
    return str(caught.value)


def test_what_the_server_refuses(tmp_path):
    path = tmp_path / "arena.toml"
    assert "has no [routed]; add it, with a [[routed.keys]] that has name and key_env" in refusal(
        path, MODELS
    )
    assert "[routed]: keys is missing; add it" in refusal(path, "[routed]\n" + MODELS)
    command = '[[server]]\nname = "s"\ncommand = ["true", "--port", "{port}"]\n'
    started = MODELS.replace('base_url = "http://127.0.0.1:1/v1"', 'server = "s"')
    assert "give its base_url here" in refusal(path, command + KEYS + started)
    shared = '[arena]\nstore = "postgresql://u@h/agon"\n'
    assert "name a folder: --store" in refusal(path, shared + KEYS + MODELS, OptionError)
    assert "there is no key 'polcy'; did you mean 'policy'" in refusal(
        path, KEYS.replace("[routed]", "[routed]\npolcy = 1") + MODELS
    )
    assert "[routed], key 1: sha256" in refusal(path, KEYS.replace("0" * 64, "0" * 63) + MODELS)


def test_the_greeting_and_the_end_say_what_to_do(tmp_path):
    with scripted(talker("a")) as here, use_server(tmp_path, {"a": here, "b": here}) as running:
        assert "with 2 models, drawn by the policy uniform: a and b." in running.said[0]
        with running.client() as client:
            assert client.post("chat/completions", json=asked()).status_code == 200
    end = "".join(running.said)
    assert f"See what the models do with: agon effects {running.store}" in end
    assert main(["effects", str(running.store)]) == 2  # one user


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """300 users of two models, of which bob gets more thumbs."""
    folder, rng = tmp_path_factory.mktemp("use"), np.random.default_rng(0)
    with UseLog(folder) as kept:
        kept.put("draws", number=1, policy={}, probabilities={"ada": 0.25, "bob": 0.75})
        for i in range(600):
            model = "bob" if rng.random() < 0.75 else "ada"
            told = {"id": f"c{i}", "key": "k", "user": f"u{i % 300}", "thread": "t"}
            kept.put("conversation", **told, draw=1, model=model)
            value = float(rng.random() < (0.8 if model == "bob" else 0.3))
            kept.put("signals", conversation=f"c{i}", values={"thumb": value, "edit": 1 - value})
    return folder


def test_effects_are_printed(log, capsys):
    assert main(["effects", str(log)]) == 0
    said = capsys.readouterr().out
    assert "thumb: bob is best of 2 models at 95%" in said
    assert "edit: bob is best of 2 models at 95%" in said
    assert said.count("rank") >= 2
    assert main(["effects", str(log), "--signal", "thumb", "--format", "json", "--estimator", "ipw"]) == 0
    (made,) = json.loads(capsys.readouterr().out)["signals"]
    assert made["signal"] == "thumb"
    assert made["estimator"] == "ipw"
    assert [row["model"] for row in made["models"]] == ["bob", "ada"]
    assert made["models"][0]["mean"] == pytest.approx(0.8, abs=0.08)


def test_effects_in_python_are_those_of_the_command(log, capsys):
    main(["effects", str(log), "--signal", "thumb", "--format", "json"])
    (made,) = json.loads(capsys.readouterr().out)["signals"]
    assert json.loads(json.dumps(ag.effects(log, "thumb").to_dict())) == made


def test_effects_refuse_what_is_not_there(log, tmp_path, capsys):
    for words, said in (
        (["effects", str(log), "--signal", "thump"], "There is no signal 'thump'; did you mean 'thumb'"),
        (["effects", str(log), "--signal", "cost"], "No conversation has the signal cost"),
        (["effects", str(tmp_path)], "has no log of use; name the folder that agon route-server keeps"),
    ):
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert said in err


def test_a_configuration_of_routed_use_opens_an_arena_too(tmp_path):
    """Whose keys it does not ask for."""
    from agon.arena.setup.config import read_configuration
    from tests.support.http_server import Listening

    path = write_routed(tmp_path / "arena.toml", {n: Listening("http://127.0.0.1:1/v1") for n in "ab"})
    assert read_configuration(path, {}).routed is None
