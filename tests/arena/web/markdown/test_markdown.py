"""Model text as HTML: what good Markdown becomes, and that bad text becomes nothing but text."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.arena.web.markdown import latex as formulas
from agon.arena.web.markdown import syntax as highlight
from agon.arena.web.markdown.markdown import ALLOWED_CLASSES, ATTRIBUTES, REL, TAGS, answer_html
from tests.support.hostile import PAYLOADS
from tests.support.paths import REPOSITORY

VOID = {"br", "hr"}
OPENERS = "* ** _ ` `` $ $$ [ ] ( ) ![ > - # | & < ~~ --- === { } ^ = a ``` ~~~ <br> &amp; ](http://a)"
PIECES = [
    *OPENERS.split(" "),
    *(
        "\\",
        '"',
        "\n",
        "\t",
        "\n\n",
        "    ",
        "```\n",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "1. ",
        "é",
        "👩\u200d💻",
        "\x00",
    ),
    *(
        "\\begin{align}",
        "\\end{align}",
        "| a |\n|---|\n",
        "[a]: http://b\n",
        "[a]",
        "\\frac",
        "\\text{",
        "\u202e",
    ),
]


class Structure(HTMLParser):
    """Every tag with its attributes; that each end tag closes the last one open; and the text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.words = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        self.words += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    handle_decl = handle_pi = unknown_decl = handle_comment

    def named(self, tag):
        return [attributes for found, attributes in self.tags if found == tag]


def assert_on_the_list(written):
    """Only tags and attributes of the allow-list, written down here a second time by hand."""
    for tag, attributes in Structure(written).tags:
        assert tag in TAGS | formulas.TAGS, tag
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in {"style", "id", "src", "srcset", "action"}
            if name == "class":
                assert set(value.split()) <= ALLOWED_CLASSES[tag], (tag, value)
            elif tag == "a":
                assert name in {"href", "target", "rel"}
                if name == "href":
                    assert re.match(r"(https?://|mailto:)\S+$", value), value
                else:
                    assert value == {"target": "_blank", "rel": REL}[name]
            else:
                assert name in ATTRIBUTES[tag], (tag, name)
                assert re.fullmatch(r"[\w .%-]{0,32}", value), (tag, name, value)


def test_the_list_names_nothing_that_loads_or_runs():
    loading = (
        "script style img svg image use iframe object embed video audio source link base meta form input"
    )
    assert not (TAGS | formulas.TAGS) & {*loading.split(), "button", "annotation-xml", "maction", "mglyph"}
    assert {name for names in ATTRIBUTES.values() for name in names}.isdisjoint(
        {"id", "style", "src", "class"}
    )


def test_there_are_enough_payloads_to_mean_something():
    assert len(PAYLOADS) == len(set(PAYLOADS)) >= 100


@pytest.mark.parametrize("writing", [False, True], ids=["finished", "writing"])
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_text_stays_text(payload, writing):
    assert_on_the_list(answer_html(payload, writing=writing))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_text_stays_text_wherever_it_is_cut(payload):
    """A stream shows every beginning of an answer."""
    for length in {*range(1, min(len(payload), 60)), *range(60, min(len(payload), 800), 37)}:
        assert_on_the_list(answer_html(payload[:length], writing=True))


@pytest.mark.parametrize(
    "around", ["> {}", "- {}", "| a |\n|---|\n| {} |", "**{}**", "[{}](https://a.invalid)"]
)
def test_hostile_text_stays_text_within_marks(around):
    for payload in PAYLOADS:
        assert_on_the_list(answer_html(around.format(payload)))


# ------------------------------------------------------------------------------------ what is meant well


def test_the_marks_of_markdown():
    written = Structure(answer_html("**a** *b* ~~c~~ `d`\n\n1. x\n2. y\n\n- z\n\n> q\n\n---\n"))
    assert " ".join(tag for tag, _ in written.tags) == "p strong em s code ol li li ul li blockquote p hr"


def test_headings_stay_below_the_headings_of_the_page():
    written = Structure(answer_html("# a\n## b\n### c\n#### d\n##### e\n###### f"))
    assert [tag for tag, _ in written.tags] == ["h3", "h4", "h5", "h6", "h6", "h6"]


def test_a_list_begins_where_it_says():
    assert Structure(answer_html("7. a\n8. b")).named("ol") == [{"start": "7"}]


def test_tables_align_by_class_and_scroll_in_a_box():
    written = Structure(answer_html("| a | b | c |\n|:--|--:|:-:|\n| 1 | 2<br>3 | `x\\|y` |"))
    assert written.tags[0] == ("div", {"class": "ag-tw"})
    assert [attributes.get("class") for attributes in written.named("td")] == [None, "ag-right", "ag-mid"]
    assert written.named("br") == [{}]
    assert "x|y" in written.words


def test_links_say_nothing_of_where_they_were():
    (link,) = Structure(answer_html("[a](https://example.org/?q=1&r=2)")).named("a")
    assert link == {"href": "https://example.org/?q=1&r=2", "target": "_blank", "rel": REL}
    assert {"noopener", "noreferrer", "nofollow", "ugc"} == set(REL.split())


def test_a_link_elsewhere_is_shown_as_written():
    written = Structure(answer_html("[a](/leaderboard) [b](javascript:x)"))
    assert not written.named("a")
    assert written.words.strip() == "[a](/leaderboard) [b](javascript:x)"


def test_an_image_is_named_and_not_loaded():
    written = answer_html("![a *red* fox](https://example.org/fox.png) ![](x.png)")
    assert '<span class="ag-image">image: a *red* fox</span>' in written
    assert "example.org" not in written


def test_code_has_classes_of_its_own_that_colour_and_lay_nothing_out():
    """A page that had one of them for a part of its own broke lines of code at every keyword."""
    web = REPOSITORY / "arena" / "web"
    style = (web / "static" / "agon.css").read_text(encoding="utf-8")
    for name in set(highlight.CLASSES.values()):
        rules = re.findall(rf"\.{name}(?![\w-])[^{{}}]*\{{([^}}]*)\}}", style)
        said = {one.split(":")[0].strip() for rule in rules for one in rule.split(";") if one.strip()}
        assert said
        assert said <= {"color", "font-style", "font-weight"}, name
        for page in (web / "templates").iterdir():
            assert not re.search(rf"{name}(?![\w-])", page.read_text(encoding="utf-8")), (name, page.name)


def test_code_is_coloured_by_six_classes():
    written = Structure(answer_html('```python\ndef f(x):\n    return "s" + 1  # why\n```'))
    assert {a["class"] for a in written.named("span")} == {"ag-kw", "ag-fn", "ag-str", "ag-num", "ag-com"}
    assert written.words.strip() == 'def f(x):\n    return "s" + 1  # why'


@pytest.mark.parametrize("language", sorted(highlight._LANGUAGES))
def test_every_language_of_the_list_has_a_lexer(language):
    code = "a = 1  # <b>\n"
    assert Structure(highlight.highlighted(code, language)).words == code


def test_an_unknown_language_is_only_escaped():
    assert answer_html("```brainf\n<+>\n```") == "<pre><code>&lt;+&gt;\n</code></pre>\n"


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("so $x^2$ is", "inline"),
        (r"so \(x^2\) is", "inline"),
        ("$$x^2$$", "block"),
        ("$$\nx^2\n$$", "block"),
        ("\\[\nx^2\n\\]", "block"),
        ("- as in\n  $$\n  x^2\n  $$\n", "block"),
        ("so $$x^2$$ in a line", "block"),
        ("\\begin{align}\nx^2 &= 4\n\\end{align}", "block"),
    ],
)
def test_formulas_become_mathml(text, display):
    written = Structure(answer_html(text))
    assert written.named("math") == [{"display": display}]
    assert written.named("msup")
    assert "$" not in written.words and "\\" not in written.words


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "between $5 and 10$ a day",
        "US$5 or A$7",
        "`$x$` is code",
        "an escaped \\$x\\$",
        "an open $x + y",
        "$$",
        "$$x",
        "\\(x",
        "$ x $",
        "$$\n\nx\n\n$$",
    ],
)
def test_what_is_no_formula_stays_text(text):
    assert not Structure(answer_html(text)).named("math")
    assert "$" in answer_html(text) or "(x" in answer_html(text)


def test_latex_that_cannot_be_read_is_shown_as_its_source():
    written = Structure(answer_html(r"so $\left( x$ it is"))
    assert written.named("code") == [{"class": "ag-tex"}]
    assert r"\left( x" in written.words


def test_macros_are_not_expanded():
    """Nine macros that each use the last one ten times would write a gigabyte."""
    bomb = "".join(rf"\newcommand{{\{b}}}{{" + f"\\{a}" * 10 + "}" for a, b in pairwise("abcdefghi"))
    assert "ag-tex" in answer_html(f"${bomb}\\i$")


@pytest.mark.parametrize("command", ["\\array", "\\sqrt", "x'", "^", "\\left(", "{", "\\frac"])
def test_formulas_that_nest_without_end_are_shown_or_set_but_never_fail(command):
    assert_on_the_list(answer_html("$" + command * (900 // len(command)) + "$"))


def test_text_in_formulas_is_escaped():
    """The converter's own writer is `unescape(tostring(...))`: this would be a tag."""
    assert "&lt;b&gt;" in answer_html(r"$\text{<b>}$")


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_text_is_beyond_the_parser(text):
    assert_on_the_list(answer_html(text))
    assert_on_the_list(answer_html(text, writing=True))


# ------------------------------------------------------------------------------------- characters


@pytest.mark.parametrize(
    "character", "\x00\x07\x1b\x9b\u00ad\u200b\u200e\u202e\u2066\u2069\ufeff\U000e0041\u3164"
)
@pytest.mark.parametrize(
    "around", ["a{}b", "`a{}b`", "```\na{}b\n```", "[a{}b](https://example.org)", "$a{}b$"]
)
def test_what_is_invisible_or_turns_the_text_round_is_left_out(character, around):
    for written in (character, f"&#{ord(character)};"):
        assert character not in answer_html(around.format(written))


def test_joiners_stay_where_scripts_and_emoji_need_them():
    assert "می\u200cخواهم" in answer_html("می\u200cخواهم")
    assert "👩\u200d💻" in answer_html("👩\u200d💻")
    assert "\u200d" not in answer_html("pay\u200dpal")


def test_other_scripts_and_emoji_are_kept():
    text = "Grüße, 你好, שלום, हिन्दी, 🙂"
    assert text in answer_html(text)


# ------------------------------------------------------------------------------------- while writing


@pytest.mark.parametrize(
    ("begun", "shown"),
    [
        ("so **bold wor", "<p>so <strong>bold wor</strong></p>"),
        ("so **", "<p>so **</p>"),
        ("use `code", "<p>use <code>code</code></p>"),
        ("see [the pap", "<p>see the pap</p>"),
        ("see [the paper](https://exa", "<p>see the paper</p>"),
        ("First:\n-", "<p>First:</p>"),
        ("First:\n\n1", "<p>First:</p>"),
        ("First:\n\n#", "<p>First:</p>"),
        ("First:\n\n``", "<p>First:</p>"),
        ("First:\n\n| a | b", "<p>First:</p>"),
        ("First:\n\n| a | b |\n|--", "<p>First:</p>"),
        ("```python", ""),
        ("```python\nx = `", "<pre><code>x = `</code></pre>"),
        ("```\nx\n``", "<pre><code>x\n</code></pre>"),
    ],
)
def test_marks_that_are_not_complete_are_held_back(begun, shown):
    written = answer_html(begun, writing=True)
    assert re.sub(r"</?span[^>]*>", "", written).strip() == shown


def test_a_table_that_is_begun_is_a_table():
    written = answer_html("| a | b |\n|---|---|\n| 1 | 2", writing=True)
    assert written.count("<td>") == 2


def test_a_finished_answer_is_the_same_written_or_not():
    text = "# A\n\nSo **a** `b` [c](https://example.org).\n\n```py\nx\n```\n\n| a |\n|---|\n| 1 |\n\n$$x$$\n"
    assert answer_html(text, writing=True) == answer_html(text)


def test_blocks_once_written_do_not_change_with_what_follows():
    """Character by character, only the last block may differ: nothing above it jumps."""
    text = "Intro **bold**:\n\n- one `x`\n- two\n\n## Head\n\n"
    text += "| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx\n```\n\nEnd."
    blocks = [answer_html(part).strip() for part in ("Intro **bold**:", "- one `x`\n- two", "## Head")]
    for end in range(text.index("Head") + 6, len(text) + 1):
        assert answer_html(text[:end], writing=True).startswith("\n".join(blocks))
    shapes = [
        re.sub(r"[^<>a-z0-9]", "", answer_html(text[:end], writing=True)) for end in range(len(text) + 1)
    ]
    assert not any("<h1>" in shape or "<hr" in shape for shape in shapes)
