"""What every page wears: its structure, its static files, and that nothing in it is from elsewhere."""

import re
from html.parser import HTMLParser

import pytest

from agon.arena.web.layout import footer, header, page_html, plural
from tests.support.paths import REPOSITORY

STATIC = REPOSITORY / "arena" / "web" / "static"
CSS = (STATIC / "agon.css").read_text(encoding="utf-8")


class Page(HTMLParser):
    """The tags of a page in order."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def named(self, tag):
        return [attributes for found, attributes in self.tags if found == tag]


@pytest.fixture
def written():
    return page_html("A <title>", "<h1>Hello</h1>", current="leaderboard", votes=1204, yours=3)


def test_the_document_has_the_parts_a_reader_needs(written):
    tags = Page(written)
    assert written.startswith("<!doctype html>")
    assert tags.named("html") == [{"lang": "en", "dir": "ltr"}]
    assert {"name": "viewport", "content": "width=device-width,initial-scale=1"} in tags.named("meta")
    assert "<title>A &lt;title&gt; · Agon</title>" in written
    assert [tag for tag, _ in tags.tags if tag in {"header", "nav", "main", "footer"}] == [
        "header",
        "nav",
        "main",
        "footer",
    ]
    assert tags.named("a")[0] == {"class": "ag-skip", "href": "#main"}
    assert tags.named("main")[0]["id"] == "main"


def test_the_current_page_is_marked_and_only_pages_that_exist_are_linked(written):
    links = Page(written).named("a")
    assert [link["href"] for link in links if "aria-current" in link] == ["./leaderboard"]
    assert {link["href"] for link in links} == {
        "#main",
        "./",
        "./leaderboard",
        "./rules",
        "./decide",
        "./integrity",
        "./overview",
        "./about",
        "./method",
        "./data",
        "./you",
    }


def test_the_switch_of_the_theme_has_a_name():
    (button,) = Page(header("battle")).named("button")
    assert button["aria-label"]
    assert "data-ag-theme" in button


def test_the_footer_says_true_things_only(written):
    assert "1,204 votes counted" in written
    assert "Your votes <b data-your-votes>3</b>" in written
    assert "counted" not in footer()
    assert '<a class="ag-opt ag-yours" href="./you" hidden>Your votes' in header("battle"), (
        "shown by the page after the first vote"
    )


def test_nothing_runs_within_the_page_and_nothing_is_loaded_from_elsewhere(written):
    for tag, attributes in Page(written).tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in {"src", "href"} & attributes.keys():
            assert re.match(r"(\./|#)(?!/)", attributes[name])
        assert tag != "script" or attributes.keys() == {"src"}
    assert "<style" not in written


@pytest.mark.parametrize(("count", "text"), [(0, "0 votes"), (1, "1 vote"), (1204, "1,204 votes")])
def test_counts_agree_with_their_noun(count, text):
    assert plural(count, "vote") == text


# ------------------------------------------------------------------------------------------ static files


def test_every_static_file_a_page_names_is_there(written):
    for attributes in [*Page(written).named("script"), *Page(written).named("link")]:
        address = attributes.get("src") or attributes["href"]
        assert (STATIC / address.removeprefix("./static/")).is_file()


def test_the_stylesheet_loads_only_fonts_beside_it():
    assert "@import" not in CSS
    fonts = re.findall(r"url\(([^)]+)\)", CSS)
    assert len(fonts) == 7
    assert all((STATIC / font).is_file() for font in fonts)
    assert len(list((STATIC / "fonts").glob("OFL-*.txt"))) == 3


def test_our_classes_carry_our_prefix():
    """Gradio has its own .wrap, .row, .block and .card."""
    rules = re.sub(r"/\*.*?\*/|url\([^)]*\)", "", CSS, flags=re.DOTALL)
    others = set(re.findall(r"\.([A-Za-z_][\w-]*)", rules)) - {"light", "dark"}
    assert {name for name in others if not name.startswith("ag-")} <= GRADIO


def test_the_box_of_model_text_contains_it():
    (rule,) = re.findall(r"^\.ag-body \{([^}]*)\}", CSS, flags=re.MULTILINE)[:1]
    for declaration in ("contain: content", "overflow: auto hidden", "isolation: isolate"):
        assert declaration in rule


def colours(theme):
    """Every token of a theme as written in the stylesheet."""
    start = CSS.index(":root, .light {" if theme == "light" else "\n.dark {")
    block = CSS[start : CSS.index("}", start)]
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", block))


def luminance(colour):
    """Relative luminance, WCAG 2.1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, two):
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


GRADIO = {"gradio-container", "block", "form", "html-container", "main", "app"}  # what we style of theirs
PAIRS = [
    *((ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in ("bg", "surface", "sunken", "hover")),
    *((ink, ground) for ink in ("a", "b", "c", "d") for ground in ("surface", "sunken")),
    *(("accent", ground) for ground in ("bg", "surface", "accent-soft")),
    *((side, f"{side}-soft") for side in ("a", "b", "good", "bad")),
    ("on-btn", "btn"),
    ("bad", "surface"),
    ("good", "sunken"),
    ("bad", "sunken"),
    *(("ink", f"h{step}") for step in range(7)),  # of the heat map
    ("ink", "surface"),  # where a square of few votes is smaller than its number
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_can_be_read_in_both_themes(theme, ink, ground):
    """WCAG AA: 4.5 to 1."""
    tokens = colours(theme)
    assert contrast(tokens[f"--{ink}"], tokens[f"--{ground}"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_neither_side_is_louder(theme):
    tokens = colours(theme)
    assert contrast(tokens["--a"], tokens["--b"]) <= 1.05


def test_dark_is_the_same_by_system_and_by_choice():
    system = CSS[CSS.index(":root:not(.light) {") :]
    chosen = CSS[CSS.index("\n.dark {") :]
    assert system[system.index("{") : system.index("}")] == chosen[chosen.index("{") : chosen.index("}")]
