"""`agon models` beside a real server: a line a model, why one cannot answer, a configuration."""

import json
import time

from agon.arena.setup.config import read_configuration
from tests.support.threaded_server import JsonHandler, serving

LISTED = [
    {"id": "base", "max_model_len": 4096, "parent": None},
    {"id": "tuned", "max_model_len": 4096, "parent": "base"},
    {"id": "gone", "max_model_len": 4096, "parent": "base"},
]


class Handler(JsonHandler):
    """Three models, of which one is listed and not served; ten words of a token each, 20 ms apart.

    One sees, one is of a server that refuses images; "blank" has them dropped without a word.
    """

    listed = LISTED

    def get(self):
        if self.path != "/v1/models" or not self.listed:
            self.refuse(404, "no list")
        else:
            self.reply(200, {"data": self.listed})

    def post(self):
        request = self.body()
        if request["model"] == "gone":
            self.refuse(404, "The model `gone` does not exist.")
            return
        shown = isinstance(request["messages"][-1]["content"], list)
        if shown and request["model"] == "tuned":
            self.refuse(400, "tuned is not a multimodal model")
            return
        word = "Yellow " if shown and request["model"] == "base" else "wave "
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for number in range(10):
            finish = "stop" if number == 9 else None
            event = {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": finish}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
            time.sleep(0.02)
        self.wfile.write(b"data: [DONE]\n\n")


def test_an_address_becomes_a_configuration_of_the_models_that_answer(tmp_path, run):
    target = tmp_path / "arena.toml"
    with serving(Handler) as url:
        status, out, err = run("models", f"{url}/v1", "--write", target)
        assert status == 0
        lines = [line.split() for line in out.splitlines()]
        assert lines[1][:4] == ["ok", "base", "base", "4,096"]
        assert lines[2][:5] == ["ok", "tuned", "tuned", "4,096", "base"]
        assert lines[3][:2] == ["MEND", "gone"]
        assert "gone cannot answer (unknown_model: " in out
        assert "does not exist" in out
        assert err == f"2 models in {target}: agon serve {target} opens their arena.\n"
        names = [one.card.name for one in read_configuration(target).roster.contestants]
        assert names == ["base", "tuned"]
        assert [one.images for one in read_configuration(target).roster.contestants] == [True, False]
        assert [line[-1] for line in lines[1:3]] == ["yes", "no"]
        status, out, _ = run("models", target, "--format", "json")
    assert status == 0
    for one in json.loads(out)["models"]:
        assert one["failure"] is None
        assert 0 < one["first_token"] < 5
        assert 1 < one["tokens_per_second"] <= 50  # 20 ms between two


def test_who_is_declared_to_see_and_does_not_is_told_in_the_servers_words(tmp_path, run):
    """The remedy is followed: without the key nothing is asked, and nothing is said."""
    target = tmp_path / "arena.toml"
    with serving(Handler) as url:
        table = '[[model]]\nname = "{}"\nbase_url = "' + url + '/v1"\n{}'
        for key in ("images = true\n", ""):
            target.write_text("".join(table.format(name, key) for name in ("tuned", "blank")))
            status, out, _ = run("models", target)
            assert status == 0, "they answer"
            told = " ".join(out.split())
            for said in (
                "tuned sees no images (no_images: ",
                "tuned is not a multimodal model); leave images = true out",
                "blank sees no images (of a yellow square it wrote 'wave wave",
            ):
                assert (said in told) == bool(key), told


def test_a_server_without_a_list_and_files_in_the_way_are_told(tmp_path, run, monkeypatch):
    class Silent(Handler):
        listed = ()

    target = tmp_path / "arena.toml"
    with serving(Silent) as url:
        status, out, err = run("models", f"{url}/v1", "--write", target)
        assert (status, out) == (2, "")
        assert "does not say which models it serves" in err
        assert not target.exists()
        tables = "".join(f'[[model]]\nname = "{n}"\nbase_url = "{url}/v1"\n' for n in ("base", "gone"))
        target.write_text(tables)
        status, out, err = run("models", target)  # the remedy
        assert status == 1
        assert "Every battle is void until two models can answer." in out
        Silent.get = lambda self: self.reply(200, {"data": []})
        assert "unknown_model: its list is empty" in run("models", f"{url}/v1")[2]
        status, _, err = run("models", f"{url}/v1", "--write", target)
        assert status == 2
        assert "exists already; choose another name" in err
        assert target.read_text() == tables
    status, _, err = run("models", target, "--write", tmp_path / "other.toml")
    assert status == 2
    assert "--write belongs to an address" in err
    status, _, err = run("models", "http://127.0.0.1:1/v1", "--api-key-env", "NO_SUCH_VARIABLE")
    assert (status, "NO_SUCH_VARIABLE holds no key" in err) == (2, True)
    status, _, err = run("models", "http://me:secret@127.0.0.1:1/v1", "--write", tmp_path / "other.toml")
    assert (status, "holds no name or password; name a key with --api-key-env" in err) == (2, True)
    with serving(Handler) as url:
        status, _, err = run("models", f"{url}/v1", "--write", tmp_path / "no" / "folder.toml")
    assert (status, "for folder.toml; make it first" in err) == (2, True)
    monkeypatch.setenv("KEY_OF_MODELS", "secret-of-mine")
    with serving(Handler) as url:
        status, out, _ = run(
            "models", f"{url}/v1", "--api-key-env", "KEY_OF_MODELS", "--write", target.with_name("k.toml")
        )
    assert (status, "secret" in out) == (0, False)
    written = target.with_name("k.toml").read_text()
    assert 'api_key_env = "KEY_OF_MODELS"' in written and "secret" not in written
