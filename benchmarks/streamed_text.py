"""Two answers as they are written: bytes that a browser receives by our stream, and by an event of Gradio.

Run it: python -m benchmarks.streamed_text. The answers have headings, lists and code, and are written in
12 s. Gradio yields the same HTML, at the same eight updates a second, from a generator to two components.
"""

import json
import random
import tempfile
import time
from collections.abc import Iterator
from string import ascii_lowercase

import gradio as gr
import httpx

from agon.arena.web.battle.event_stream import UPDATE_EVERY
from agon.arena.web.markdown.markdown import answer_html
from agon.arena.web.markdown.streaming import streaming_html
from tests.support.arena_server import Scripted, open_arena, roster

PART = """## {}

Some **{}** {}:

- {}, with `{}`
- {}

```python
def wilson(k, n, z=1.96):  # {}
    return (k + z * z / 2) / (n + z * z)
```

"""


def words(draw: random.Random, number: int) -> str:
    """Words of no language, so that they pack as badly as text can."""
    return " ".join("".join(draw.choices(ascii_lowercase, k=draw.randint(2, 9))) for _ in range(number))


def written(seed: int, size: int = 13_000) -> str:
    """A text with headings, lists and code."""
    draw, text = random.Random(seed), ""
    while len(text) < size:
        text += PART.format(*(words(draw, number) for number in (4, 1, 50, 8, 1, 12, 6)))
    return text


TEXT = written(0)
SECONDS = 12.0
WORDS = TEXT.split(" ")


def by_our_stream() -> int:
    """Bytes of the events of one battle."""
    models = roster(*(Scripted(written(seed), gap=SECONDS / len(WORDS)) for seed in range(2)))
    with tempfile.TemporaryDirectory() as folder, open_arena(folder, models) as server:
        visitor = server.visitor()
        battle = visitor.start()["battle"]
        with visitor.http.stream("GET", f"/api/battles/{battle}/events") as answer:
            return sum(len(piece) for piece in answer.iter_raw())


def by_gradio() -> int:
    """Bytes of the events of one generator."""

    def write() -> Iterator[tuple[str, str]]:
        began = time.monotonic()
        while (gone := time.monotonic() - began) < SECONDS:
            text = TEXT[: int(len(TEXT) * gone / SECONDS)]
            yield streaming_html(text), streaming_html(text)
            time.sleep(UPDATE_EVERY)
        yield answer_html(TEXT), answer_html(TEXT)

    with gr.Blocks(analytics_enabled=False) as page:
        gr.Button().click(write, outputs=[gr.HTML(), gr.HTML()])
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True)
    body = {"data": [], "fn_index": 0, "session_hash": "one"}
    received = 0
    with httpx.Client(base_url=f"{url}gradio_api", timeout=60, trust_env=False) as client:
        client.post("/queue/join", json=body)
        with client.stream("GET", "/queue/data?session_hash=one") as answer:
            for line in answer.iter_lines():
                received += len(line.encode()) + 1
                if line.startswith("data: ") and json.loads(line[6:])["msg"] == "process_completed":
                    break
    page.close(verbose=False)
    return received


if __name__ == "__main__":
    size = 2 * len(TEXT.encode())
    for name, measure in (("our stream", by_our_stream), ("an event of Gradio", by_gradio)):
        received = measure()
        print(
            f"{name}: {received / 1000:,.0f} kB, {received / size:.1f} times the text of {size / 1000:.0f} kB"
        )
