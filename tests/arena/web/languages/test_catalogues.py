"""The catalogues of the pages' languages: whole, with the same placeholders and tags, and compiled."""

import re
from string import Formatter

import pytest
from babel.messages.mofile import read_mo

from scripts.translations import (
    TARGETS,
    complete,
    extracted,
    paths,
    po_bytes,
    read_catalogue,
    renewed,
)

TAG = re.compile(r"</?[a-z][^>]*>")


def forms(one):
    return one if isinstance(one, tuple | list) else (one,)


def placeholders(text):
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name}


@pytest.fixture(scope="module")
def messages():
    return extracted()


@pytest.mark.parametrize("code", TARGETS)
def test_a_language_has_every_message_and_no_other(code, messages):
    """`make translations` renews the catalogues; what is empty in them wants a translation."""
    kept = read_catalogue(code)
    assert {one.id for one in kept if one.id} == set(messages)
    assert [one.id for one in kept if one.id and not complete(one.string)] == []
    assert [one.id for one in kept if one.id and one.fuzzy] == []


@pytest.mark.parametrize("code", TARGETS)
def test_translations_keep_placeholders_and_tags_and_can_stand_in_html(code, messages):
    wrong = []
    for one in read_catalogue(code):
        if not one.id:
            continue
        allowed = set().union(*map(placeholders, forms(one.id)))
        least = allowed if isinstance(one.id, str) else allowed - {"count", "number"}
        tags = sorted(TAG.findall(forms(one.id)[0]))
        for text in forms(one.string):
            if not (least <= placeholders(text) <= allowed) or sorted(TAG.findall(text)) != tags:
                wrong.append((one.id, text))
            if re.search(r'["<>&]', TAG.sub("", text)) or text != text.strip():
                wrong.append((one.id, text))
    assert wrong == []


def test_messages_can_stand_in_html(messages):
    for one in messages:
        for text in forms(one):
            assert not re.search(r'["<>&]', TAG.sub("", text)), text
            assert text == text.strip(), text


@pytest.mark.parametrize("code", TARGETS)
def test_what_is_read_is_compiled_from_what_is_edited(code, messages):
    po, mo = paths(code)
    catalogue = renewed(code, messages)
    assert po.read_bytes() == po_bytes(catalogue), "make translations"
    with mo.open("rb") as file:
        compiled = read_mo(file)
    said = {forms(one.id)[0]: list(forms(one.string)) for one in compiled if one.id}
    assert said == {
        forms(one.id)[0]: list(forms(one.string)) for one in catalogue if one.id and complete(one.string)
    }, "make translations"
