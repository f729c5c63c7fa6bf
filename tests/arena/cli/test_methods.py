"""`agon methods`: every registered method, whole, in three forms."""

import inspect
import json
import re
import shlex

import pytest

from agon.arena.cli.commands import main
from agon.arena.cli.methods import as_dict, example_of, family_of, methods_page, show_methods
from agon.ranking import METHODS, MethodError


def shown(capsys, name, how):
    show_methods(name, how)
    return capsys.readouterr().out


def test_the_table_names_every_method_and_option(capsys):
    out = shown(capsys, None, "table")
    starts = [line.split()[0] for line in out.splitlines() if line and not line.startswith(" ")]
    assert [word for word in starts if word in METHODS] == sorted(
        METHODS, key=lambda n: (family_of(METHODS[n]), n)
    )
    assert out.count("Use when ") == out.count("Not when ") == 4, "one a family"
    assert "\x1b" not in out


def without_breaks(text):
    return " ".join(text.split())


@pytest.mark.parametrize("name", sorted(METHODS))
def test_one_method_whole(name, capsys):
    """All that the docstring says, whatever its order on the page; every option with all there is to know."""
    method, out = METHODS[name], shown(capsys, name, "table")
    assert out.startswith(f"{name}: {method.summary}\n")
    for head in ("Family", "Needs", "Gives", "Use", "Do not use", "Source", "For example"):
        assert re.search(rf"^{head} +\w", out, re.M), head
    text = inspect.getdoc(method.function) or ""
    before, _, rest = text.partition("Args:\n")
    told = without_breaks(out)
    for paragraph in [*before.split("\n\n"), *re.split(r"(?=^\S)", rest, flags=re.M)[1:]]:
        assert without_breaks(paragraph) in told
    for option in method.options.values():
        assert f"  {option.name}={option.default!r}  (" in out
    meanings = as_dict(method)["options"]
    assert [n for n, option in meanings.items() if not option["meaning"]] == []
    assert "NoneType" not in out


@pytest.fixture(scope="module")
def votes_and_scores(tmp_path_factory):
    """What the examples name: the votes of `agon simulate`, and the table of scores of the README."""
    folder = tmp_path_factory.mktemp("examples")
    words = ["simulate", "--votes", "400", "--models", "5", "-o", str(folder / "votes.parquet")]
    assert main(words) == 0
    (folder / "scores.csv").write_text("model,cola,sst2,mrpc\nada,1,2,3\nbob,3,1,2\ncyn,2,3,1\n")
    return folder


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.slow
def test_the_example_of_every_method_runs(name, votes_and_scores, monkeypatch, capsys):
    monkeypatch.chdir(votes_and_scores)
    command, *words = shlex.split(example_of(METHODS[name]))
    assert command == "agon"
    assert main(words) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.startswith(name)


def test_json_has_the_defaults_of_the_functions(capsys):
    document = json.loads(shown(capsys, None, "json"))
    assert [entry["name"] for entry in document] == sorted(METHODS)
    for entry in document:
        parameters = list(inspect.signature(METHODS[entry["name"]].function).parameters.values())[1:]
        written = {name: option["default"] for name, option in entry["options"].items()}
        assert written == json.loads(json.dumps({p.name: p.default for p in parameters}))
        assert entry["summary"].endswith(".")
        assert entry["source"]


def test_one_method_as_json(capsys):
    assert json.loads(shown(capsys, "elo", "json")) == [as_dict(METHODS["elo"])]


def test_the_page_has_a_row_and_a_section_for_every_method():
    page = methods_page([METHODS[name] for name in sorted(METHODS)])
    for name, method in METHODS.items():
        assert f"| [{name}](#{name}) | {method.view} | {method.gives} | {method.source} |" in page
        assert page.count(f"\n### {name}\n") == 1
        section = page.split(f"\n### {name}\n")[1].split("\n##")[0]
        assert (inspect.getdoc(method.function) or "") in section
        for option in method.options:
            assert f"- `{option}` = " in section
    assert page.endswith("\n")


def test_an_unknown_method():
    with pytest.raises(MethodError, match="did you mean 'elo'"):
        show_methods("eloo", "table")
