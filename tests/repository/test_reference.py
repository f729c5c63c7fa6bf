"""The API reference: made from docstrings, complete, and true to the code."""

import inspect
import re

import pytest

import agon
from agon import data, ranking
from scripts.write_reference import TARGET, public, write


def test_the_page_is_what_the_docstrings_say():
    assert TARGET.read_text(encoding="utf-8") == write(), "run `make docs`"


def exported():
    for module in (agon, ranking, data):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield module.__name__, name, thing


def test_every_public_name_has_a_docstring_and_a_heading():
    headings = re.findall(r"^### (\w+)$", write(), re.MULTILINE)
    names = [name for _, name, _ in exported()]
    assert set(headings) == set(names) and len(headings) == len(set(names))
    for module, name, thing in exported():
        assert len(inspect.getdoc(thing) or "") > 15, f"{module}.{name} has no docstring"
        if inspect.isclass(thing) and thing.__module__.startswith("agon."):
            for member, value in vars(thing).items():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                    text = value.fget if isinstance(value, property) else value
                    assert inspect.getdoc(text), f"{module}.{name}.{member} has no docstring"


@pytest.mark.parametrize("name", ["rank", "Leaderboard"])
def test_a_name_stands_where_it_is_met_first(name):
    assert name in [found for found, _ in public()["agon"]]
    assert name not in [found for found, _ in public()["agon.ranking"]]


def test_links_lead_to_headings():
    """GitHub's anchors: lower case, and a number for a heading that is there already."""
    text, met, anchors = write(), {}, set()
    for heading in re.findall(r"^##+ (.+)$", text, re.MULTILINE):
        anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        anchors.add(f"{anchor}-{met[anchor]}" if anchor in met else anchor)
        met[anchor] = met.get(anchor, 0) + 1
    links = re.findall(r"\]\(#([\w-]+)\)", text)
    assert links and set(links) <= anchors
    assert len(links) == len(set(links))
