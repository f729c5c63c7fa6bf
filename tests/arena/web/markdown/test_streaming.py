"""Rendering block by block gives what rendering the whole gives, wherever the text is cut."""

import pytest

from agon.arena.web.markdown import streaming as growing
from agon.arena.web.markdown.markdown import answer_html
from agon.arena.web.markdown.streaming import streaming_html

TEXT = """A first paragraph
on two lines.

Another, with `code` and **bold**.

```python
def f():

    return "not a block of its own"

Text = 1
```

- a list

- with space between

Then a sentence, then a formula

$$
x = 1

$$

| a | b |
|---|---|
| 1 | 2 |

The end.
"""


@pytest.mark.parametrize("length", range(1, len(TEXT) + 1, 7))
def test_blocks_are_the_whole(length):
    piece = TEXT[:length]
    whole = answer_html(piece, writing=True)
    assert streaming_html(piece).replace("\n", "") == whole.replace("\n", "")


def test_finished_blocks_are_not_rendered_again(monkeypatch):
    text = "\n\n".join(f"Paragraph {number} of this answer." for number in range(50)) + "\n\nThe end"
    streaming_html(text)
    lengths = []
    monkeypatch.setattr(
        growing, "answer_html", lambda piece, writing=False: lengths.append(len(piece)) or "", raising=True
    )
    streaming_html(text + " of it.")
    assert lengths == [len("The end of it.")]
