"""Answers as they are written: packed, each part when it is there, and of an answer only what follows."""

import json
import random
import time
import zlib
from string import ascii_lowercase

from hypothesis import given
from hypothesis import strategies as st

from agon.arena.web.battle.event_stream import common_prefix
from tests.support.arena_server import Scripted, open_arena, roster

ANY = st.text(alphabet="ab😀é", max_size=30)


@given(ANY, ANY, ANY)
def test_the_common_beginning_is_all_of_it(begin, one, other):
    one, other = begin + one, begin + other
    found = common_prefix(one, other)
    assert one[:found] == other[:found]
    assert found == min(len(one), len(other)) or one[found] != other[found]


def noise(seed, words=900):
    """Words of no language, some in bold and some beyond the plane of UTF-16's single units."""
    draw = random.Random(seed)
    return " ".join(
        draw.choice(("{}", "{}", "**{}**", "{}😀")).format("".join(draw.choices(ascii_lowercase, k=6)))
        for _ in range(words)
    )


def test_two_answers_cost_less_than_three_times_their_text_and_arrive_as_they_are_written(tmp_path):
    texts = [noise(seed) for seed in (0, 1)]
    models = roster(*(Scripted(text, gap=0.002) for text in texts))
    with open_arena(tmp_path, models) as server:
        visitor = server.visitor()
        battle = visitor.start()["battle"]
        unpacker, received, said, kind, html, firsts = zlib.decompressobj(wbits=31), 0, "", "", ["", ""], []
        with visitor.http.stream("GET", f"/api/battles/{battle}/events") as answer:
            assert answer.headers["content-encoding"] == "gzip"
            for piece in answer.iter_raw():
                received += len(piece)
                said += unpacker.decompress(piece).decode()
                *whole, said = said.split("\n")
                for line in whole:
                    if line.startswith("event: "):
                        kind = line[7:]
                    elif line.startswith("data: ") and kind == "side":
                        told = json.loads(line[6:])
                        units = html[told["slot"]].encode("utf-16-le")[: 2 * told["keep"]]
                        html[told["slot"]] = units.decode("utf-16-le") + told["html"]
                        firsts.append(time.monotonic())
                    elif line.startswith("data: "):
                        view = json.loads(line[6:])
    assert view["state"] == "ready"
    assert firsts[-1] - firsts[0] > 0.5, "parts came while the answers were written"
    for one, side in zip(html, view["sides"], strict=True):
        assert side["text"] in texts
        assert one.count("😀") > 50
    assert received < 3 * sum(len(text.encode()) for text in texts)
