"""`agon methods`: every registered method, whole, in three forms."""

import inspect
import json
import re

import pytest

from agon.arena.cli.methods import as_dict, family_of, methods_page, show_methods
from agon.arena.cli.rank import options_of
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
    assert out.count("Use when ") == 4, "one a family"
    assert "\x1b" not in out


@pytest.mark.parametrize("name", sorted(METHODS))
def test_one_method_with_its_options_and_its_docstring(name, capsys):
    method, out = METHODS[name], shown(capsys, name, "table")
    assert out.startswith(f"{name}: needs {method.view}, gives {method.gives}. {method.source}\n")
    assert inspect.getdoc(method.function) in out
    for option in method.options.values():
        assert f"  {option.name}={option.default!r}  (" in out
    words = re.search(r"^For example: agon rank SOURCE -m (.*)$", out, re.M)[1]
    assert options_of(words)[0] == name, "the example is one that agon rank takes"


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
