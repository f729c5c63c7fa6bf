"""The chain of events: whatever is done to its file or its head is noticed, or was acknowledged to nobody."""

import json
import random
from hashlib import sha256

import pytest

from agon.data.log.hash_chain import ChainWriter, DamagedChain, Head, read_chain, read_head

NAMES = ("events.jsonl", "texts.jsonl", "events.head")


def written(folder, *groups):
    """A chain with these groups of numbers, each acknowledged."""
    writer = ChainWriter(*(folder / name for name in NAMES), Head())
    for group in groups:
        writer.acknowledge(writer.add([json.dumps({"seq": n, "x": "é"}).encode() for n in group]))
    writer.close()
    return (folder / NAMES[0]).read_bytes()


def opened(folder, content=None):
    """How far it goes, and whether something behind the head was cut off."""
    if content is not None:
        (folder / NAMES[0]).write_bytes(content)
    head, whole = read_head(folder / NAMES[2])
    found, wrong = read_chain(folder / NAMES[0], head)
    return found.events, wrong is not None or not whole


def test_the_hash_is_what_the_documentation_says(tmp_path):
    """Computed anew from the words of docs/data.md, with another JSON and no code of ours."""
    before = bytes(32)
    for line in written(tmp_path, [1, 2], [3]).splitlines():
        event = json.loads(line)
        said = event.pop("hash")
        body = line.replace(f'"hash":"{said}",'.encode(), b"", 1)
        assert json.loads(body) == event
        before = sha256(before + body).digest()
        assert said == before.hex()


def test_a_file_cut_anywhere_or_changed_in_any_bit_is_noticed(tmp_path):
    content = written(tmp_path, [1, 2], [3])
    for place in range(len(content)):
        with pytest.raises(DamagedChain):
            opened(tmp_path, content[:place])
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(DamagedChain):
            opened(tmp_path, bytes(flipped))


def test_lines_that_were_moved_doubled_or_left_out_are_noticed(tmp_path):
    lines = written(tmp_path, [1, 2, 3, 4]).splitlines(keepends=True)
    a, b, c, d = lines
    for other in (
        [b, a, c, d],
        [a, a, b, c, d],
        [a, c, d],
        [b, c, d],
        [a, b, c],
        [d, c, b, a],
        [a, b, d, c],
        [],
    ):
        with pytest.raises(DamagedChain, match="agon recover"):
            opened(tmp_path, b"".join(other))
    assert opened(tmp_path, b"".join(lines)) == (4, False)


def test_what_follows_the_head_was_acknowledged_to_nobody_and_is_kept_as_far_as_it_is_whole(tmp_path):
    content = written(tmp_path, [1, 2])
    writer = ChainWriter(*(tmp_path / name for name in NAMES), read_head(tmp_path / NAMES[2])[0])
    writer.add([b'{"seq":3}'])  # and the power goes
    writer.close()
    longer = (tmp_path / NAMES[0]).read_bytes()
    for place in range(len(content), len(longer)):
        assert opened(tmp_path, longer[:place]) == (2, place > len(content))
    assert opened(tmp_path, longer) == (3, False)


def test_a_head_changed_in_any_bit_or_cut_is_noticed(tmp_path):
    written(tmp_path, [1], [2])
    head = tmp_path / NAMES[2]
    content = head.read_bytes()
    rng = random.Random(1)
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.randrange(8)
        head.write_bytes(flipped)
        assert opened(tmp_path) == (2, True)
        head.write_bytes(content[:place])
        try:
            assert opened(tmp_path) == (2, True)
        except DamagedChain:
            assert place < len(content) // 2
    head.unlink()
    with pytest.raises(DamagedChain, match="is gone"):
        opened(tmp_path)
