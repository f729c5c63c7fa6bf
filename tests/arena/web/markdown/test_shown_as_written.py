"""What is seen of an answer is what was written: thousands of documents, read back from Chromium.

Every word of a document stands in it once. The words that one can see must be these, once each and in order:
nothing twice, nothing lost. Marks may become looks; text may not change.
"""

import random
import re
import unicodedata

import pytest

from agon.arena.web.markdown.markdown import answer_html
from tests.support.browser import chromium
from tests.support.paths import REPOSITORY

DOCUMENTS = 2_400
SIGNS = (
    r"\ \\ ` `` * ** _ __ ~~ ~ [ ] ! # | $ $$ \( \) \[ \] < & : ( ) { } ^ &amp; <br> <b> </b> <!-- --> % 🙂"
)
WRITTEN = r"--- === \begin{align} \end{align} \frac \text{"
KINDS = r"{} **{}** *{}* `{}` ~~{}~~ [{}](https://a.invalid/x) \*{}\* {}\\ _{}_"
FORMULAS = r"$x^2$ $$x^2$$ \(x^2\) \[x^2\] \begin{align}x^2\end{align}"
MARKS = (
    *SIGNS.split(),
    *WRITTEN.split(),
    *("\n", "\n\n", "  \n", "\\\n", "    ", "\t", "# ", "> ", "- ", "1. ", "* ", "\n```\n", "\n~~~\n"),
    *("| a | b |\n|---|---|\n| ", "\u200b", "\u202e", "\ud83d", "\u0627\u0644", "\x00", "\r\n"),
)
WORD = re.compile(r"w\d+q")


def soup(draw):
    """Words and marks in any order."""
    pieces, number = [], 0
    for _ in range(draw.randint(2, 60)):
        if draw.random() < 0.5:
            pieces.append(f"w{number}q" + " " * (draw.random() < 0.7))
            number += 1
        else:
            pieces.append(draw.choice(MARKS))
    return "".join(pieces)


def composed(draw):
    """Well-formed Markdown of every kind, nested."""
    count = iter(range(10_000))

    def words(most=5):
        return " ".join(f"w{next(count)}q" for _ in range(draw.randint(1, most)))

    def inline():
        return " ".join(draw.choice(KINDS.split()).format(words()) for _ in range(draw.randint(1, 4)))

    def row(cells):
        return "| " + " | ".join(inline() for _ in range(cells)) + " |"

    def block(depth=0):
        kind = draw.randrange(9 if depth < 2 else 5)
        if kind == 0:
            return "#" * draw.randint(1, 6) + " " + inline()
        if kind == 1:
            return "```python\n" + "\n".join(f"x = '{words()}'  # {words()}" for _ in range(3)) + "\n```"
        if kind == 2:
            head, ragged = draw.randint(1, 3), draw.random() < 0.3
            rows = [row(head + ragged * draw.randint(0, 2)) for _ in range(3)]
            return "\n".join([row(head), "|" + "---|" * head, *rows])
        if kind in (3, 4):
            return "\n".join(inline() for _ in range(draw.randint(1, 4)))
        if kind == 5:
            return "\n".join("> " + line for line in block(depth + 1).split("\n"))
        if kind == 6:
            return "\n".join(f"- {inline()}" for _ in range(3))
        if kind == 7:
            inner = block(depth + 1).replace("\n", "\n   ")
            return f"1. {inner}\n2. {inline()}"
        return f"{words()} ![{words()}](https://a.invalid/y.png) {words()}"

    return "\n\n".join(block() for _ in range(draw.randint(1, 5)))


@pytest.fixture(scope="module")
def page():
    with chromium() as browser:
        one = browser.new_page()
        style = (REPOSITORY / "arena/web/static/agon.css").read_text(encoding="utf-8")
        one.set_content(f"<style>{style}</style><body class='ag-root'><main></main>")
        yield one


def seen(page, sources):
    """The visible text of each document."""
    parts = "".join(f'<div class="ag-body ag-md">{answer_html(source)}</div>' for source in sources)
    return page.evaluate(
        "html => { const main = document.querySelector('main'); main.innerHTML = html;"
        " return [...main.querySelectorAll('.ag-body')].map(one => one.innerText); }",
        parts,
    )


def hidden(source):
    """Words that Markdown hides by rule: the language of a block of code, one word behind its fence."""
    return set(re.findall(r"^[ \t>\-+*\d.]*(?:```+|~~~+)[ \t]*(w\d+q)[ \t]*$", source, re.MULTILINE))


def words_of(text):
    """The words, those of formulas too, whose letters are glyphs of their own."""
    return WORD.findall(re.sub(r"\s+(?=\d|q)", "", unicodedata.normalize("NFKC", text)))


@pytest.mark.parametrize("kind", [soup, composed])
def test_every_word_is_seen_once_and_in_order(page, kind):
    draw = random.Random(13)
    sources = [kind(draw) for _ in range(DOCUMENTS // 2)]
    for start in range(0, len(sources), 200):
        batch = sources[start : start + 200]
        for source, text in zip(batch, seen(page, batch), strict=True):
            unseen = hidden(source)
            wanted = [word for word in words_of(source) if word not in unseen]
            found = [word for word in words_of(text) if word not in unseen]
            assert found == wanted, (source, text)


def test_line_breaks_are_kept(page):
    """A poem, an address, a table of a model that knows no tables: each line stays a line."""
    source = (
        "Roses are red,\nviolets are blue.\n\n12 High Street\nOxford\n\n| a | b |\n|---|---|\n| 1 | 2 | 3 |"
    )
    (text,) = seen(page, [source])
    assert [line for line in text.split("\n") if line] == [line for line in source.split("\n") if line]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a \\[ b", "a [ b"),
        ("C:\\temp\\*new", "C:\\temp*new"),
        ("1 \\< 2 \\& 3 \\> 2", "1 < 2 & 3 > 2"),
        ("a\\\\b", "a\\b"),
        ("\\begin{x} \\_ y", "\\begin{x} _ y"),
        ("```what is this\ncode\n```", "what is this\ncode"),
    ],
)
def test_a_backslash_repeats_nothing(page, source, text):
    (found,) = seen(page, [source])
    assert re.sub(r"\n+", "\n", found.strip()) == text


def test_code_is_read_from_left_to_right_within_arabic(page):
    salaam = "\u0627\u0644\u0633\u0644\u0627\u0645"
    seen(page, [f"{salaam} `a = b + c;` {salaam}\n\n```\nx = 1;\n```"])
    for style in page.evaluate(
        "[...document.querySelectorAll('.ag-md code, .ag-md pre')].map(one =>"
        " { const s = getComputedStyle(one); return [s.direction, s.unicodeBidi]; })"
    ):
        assert style == ["ltr", "isolate"]
    assert page.evaluate("getComputedStyle(document.querySelector('.ag-md p')).unicodeBidi") == "plaintext"


@pytest.mark.parametrize("source", FORMULAS.split())
def test_formulas_are_drawn(page, source):
    seen(page, [f"Before {source} after." if "$$" not in source and "\\[" not in source else source])
    assert page.locator("math msup").count() == 1
    box = page.locator("math msup").bounding_box()
    assert box["width"] > 5
