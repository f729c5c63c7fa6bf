"""Files of weights in GGUF: a copy with fewer layers, which is a weaker model of known rank.

The layout is that of ggml's docs/gguf.md: a header, keys with values, a list of tensors, their data. What is
not changed is copied byte by byte, so that no kind of quantisation has to be known.
"""

from __future__ import annotations

import re
import struct
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from agon.serving.protocol import ServingError

_MAGIC, _VERSION = b"GGUF", 3
_SIZES = {
    0: 1,
    1: 1,
    2: 2,
    3: 2,
    4: 4,
    5: 4,
    6: 4,
    7: 1,
    10: 8,
    11: 8,
    12: 8,
}  # bytes of a value, by its kind
_TEXT, _LIST = 8, 9
_LAYER = re.compile(rb"blk\.(\d+)\.")


def cut_layers(source: Path, target: Path, kept: int) -> None:
    """Write a model of `kept` layers, the first, the last and others evenly between them.

    Raises:
        ServingError: the source is no GGUF file, or has fewer layers.
    """
    with source.open("rb") as file:
        if file.read(4) != _MAGIC or _read(file, "I") != _VERSION:
            raise ServingError("malformed", f"{source} is no GGUF file of version {_VERSION}")
        tensors, keys = _read(file, "Q"), _read(file, "Q")
        values = dict(_key(file) for _ in range(keys))
        count = next(name for name in values if name.endswith(b".block_count"))
        (layers,) = struct.unpack("<I", values[count][4:])
        if not 2 <= kept <= layers:
            raise ServingError("rejected", f"{source} has {layers} layers, of which {kept} cannot be kept")
        numbers = {round(new * (layers - 1) / (kept - 1)): new for new in range(kept)}
        values[count] = values[count][:4] + struct.pack("<I", kept)
        alignment = values.get(b"general.alignment", struct.pack("<II", 4, 32))
        (step,) = struct.unpack("<I", alignment[4:])
        listed = [_tensor(file) for _ in range(tensors)]
        begin = _aligned(file.tell(), step)
        begins = [*sorted({offset for *_, offset in listed}), source.stat().st_size - begin]
        sizes = {before: after - before for before, after in pairwise(begins)}
        chosen = []
        for name, shape, offset in listed:
            found = _LAYER.match(name)
            if found is None:
                chosen.append((name, shape, offset))
            elif (new := numbers.get(int(found[1]))) is not None:
                chosen.append((b"blk.%d.%s" % (new, name[found.end() :]), shape, offset))
        with target.open("wb") as out:
            out.write(_MAGIC + struct.pack("<IQQ", _VERSION, len(chosen), keys))
            for name, value in values.items():
                out.write(_text(name) + value)
            at = 0
            for name, shape, offset in chosen:
                out.write(_text(name) + shape + struct.pack("<Q", at))
                at += _aligned(sizes[offset], step)
            for _, _, offset in chosen:
                out.write(bytes(-out.tell() % step))
                file.seek(begin + offset)
                out.write(file.read(sizes[offset]))


def _key(file: BinaryIO) -> tuple[bytes, bytes]:
    """A key, and its kind and value as they stand there."""
    name, begin = _string(file), file.tell()
    _skip(file, _read(file, "I"))
    end = file.tell()
    file.seek(begin)
    return name, file.read(end - begin)


def _skip(file: BinaryIO, kind: int) -> None:
    if kind == _TEXT:
        _string(file)
    elif kind == _LIST:
        inner, length = _read(file, "I"), _read(file, "Q")
        if inner in _SIZES:
            file.seek(_SIZES[inner] * length, 1)
        else:
            for _ in range(length):
                _skip(file, inner)
    else:
        file.seek(_SIZES[kind], 1)


def _tensor(file: BinaryIO) -> tuple[bytes, bytes, int]:
    """Name, shape and kind as they stand there, and where its data begin."""
    name, begin = _string(file), file.tell()
    dimensions = _read(file, "I")
    file.seek(begin)
    return name, file.read(4 + 8 * dimensions + 4), _read(file, "Q")


def _read(file: BinaryIO, kind: str) -> int:
    (value,) = struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))
    return int(value)


def _string(file: BinaryIO) -> bytes:
    return file.read(_read(file, "Q"))


def _text(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def _aligned(size: int, step: int) -> int:
    return -(-size // step) * step
