"""The organiser's words, logo and colour: what is refused, and that following the remedy mends it."""

import re

import pytest

from agon.arena.setup.config import read_configuration
from agon.arena.setup.page_table import contrast, least_contrast
from agon.arena.setup.tables import ConfigError

MODELS = "".join(f'[[model]]\nname = "{name}"\nbase_url = "http://127.0.0.1:8000/v1"\n' for name in "ab")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><path d="M0 0h2v1z"/></svg>'


def page_of(folder, table):
    file = folder / "arena.toml"
    file.write_text(f"[page]\n{table}\n{MODELS}", encoding="utf-8")
    return read_configuration(file, {}).roster.page


def refused(folder, table):
    with pytest.raises(ConfigError) as caught:
        page_of(folder, table)
    return str(caught.value).replace(f"{folder}/", "")


def test_texts_are_one_for_all_or_by_language(tmp_path):
    page = page_of(tmp_path, 'title = "Ours"\nconsent = {en = "You agree.", fr = "Vous consentez."}')
    assert page.title == {"en": "Ours"}
    assert page.consent == {"en": "You agree.", "fr": "Vous consentez."}
    assert "title" in refused(tmp_path, 'title = {xx = "?"}')
    assert "e-mail" in refused(tmp_path, 'contact = "javascript:alert(1)"')


def test_a_logo_is_a_small_image_beside_the_file(tmp_path):
    assert "check its path" in refused(tmp_path, 'logo = "logo.svg"')
    (tmp_path / "logo.svg").write_bytes(b"\0" * 300_000)
    assert "save it smaller" in refused(tmp_path, 'logo = "logo.svg"')
    (tmp_path / "logo.svg").write_bytes(b"<html>")
    assert "save it as one of them" in refused(tmp_path, 'logo = "logo.svg"')
    (tmp_path / "logo.svg").write_bytes(SVG)
    assert page_of(tmp_path, 'logo = "logo.svg"').logo == (SVG, "image/svg+xml")


def test_contrast_is_that_of_wcag():
    """The figures of the W3C's definition: black on white, and the lightest grey that passes on white."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize(
    ("given", "theme"),
    [('"#33bbff"', "light"), ('{light = "#003a55", dark = "#003a55"}', "dark")],
)
def test_a_colour_that_cannot_be_read_names_the_nearest_that_can(tmp_path, given, theme):
    sentence = refused(tmp_path, f"accent = {given}")
    assert f"in the {theme} theme" in sentence
    near = re.search(r"nearest that has it is (#[0-9a-f]{6})", sentence)[1]
    assert least_contrast(near, theme) >= 4.5
    other = '"#003a55"' if theme == "dark" else f'"{near}"'
    accent = page_of(
        tmp_path, f'accent = {{light = {other}, dark = "{near if theme == "dark" else "#9fe0ff"}"}}'
    ).accent
    assert near in accent
    assert least_contrast(accent[1], "dark") >= 4.5
    assert "must be a colour" in refused(tmp_path, 'accent = "blue"')
    assert page_of(tmp_path, 'accent = "#006375"').accent[0] == "#006375"
