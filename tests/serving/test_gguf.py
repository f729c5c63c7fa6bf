"""Leaving layers out of a GGUF file, against files written here by the layout of ggml's docs/gguf.md."""

import struct

import pytest

from agon.serving.gguf import cut_layers
from agon.serving.protocol import ServingError

U32, STRING, ARRAY = 4, 8, 9


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(layers, tensors, alignment=32):
    """A file with keys of every shape, and tensors of (name, dimensions, bytes)."""
    keys = [
        text("general.architecture") + struct.pack("<I", STRING) + text("llama"),
        text("general.alignment") + struct.pack("<II", U32, alignment),
        text("llama.block_count") + struct.pack("<II", U32, layers),
        text("tokens") + struct.pack("<IIQ", ARRAY, STRING, 2) + text("a") + text("bc"),
        text("scores") + struct.pack("<IIQ2f", ARRAY, 6, 2, 0.5, -1.0),
        text("nested") + struct.pack("<IIQIQ3B", ARRAY, ARRAY, 1, 0, 3, 1, 2, 3),
        text("bos") + struct.pack("<I?", 7, True),
    ]
    infos, data = [], b""
    for name, dimensions, content in tensors:
        data += bytes(-len(data) % alignment)
        infos.append(
            text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, 0, len(data))
        )
        data += content
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(keys) + b"".join(infos)
    return head + bytes(-len(head) % alignment) + data


def tensors(layers, old=None):
    """Weights of so many layers; `old` says which layers of another model they are."""
    old = old or range(layers)
    inner = [
        (f"blk.{new}.{part}", (3, 7), bytes([10 * was + size]) * (84 - size))
        for new, was in enumerate(old)
        for size, part in enumerate(("attn.weight", "ffn.weight"))
    ]
    return [("token_embd.weight", (50,), b"e" * 200), *inner, ("output_norm.weight", (5,), b"n" * 20)]


@pytest.mark.parametrize(("kept", "old"), [(2, (0, 6)), (4, (0, 2, 4, 6)), (3, (0, 3, 6)), (7, range(7))])
@pytest.mark.parametrize("alignment", [32, 64])
def test_the_first_the_last_and_layers_evenly_between_stay(tmp_path, kept, old, alignment):
    source, target = tmp_path / "whole.gguf", tmp_path / "cut.gguf"
    source.write_bytes(gguf(7, tensors(7), alignment))
    cut_layers(source, target, kept)
    assert target.read_bytes() == gguf(kept, tensors(kept, old), alignment)


@pytest.mark.parametrize(
    ("content", "kept", "said"),
    [
        (b"PK\3\4 a wheel", 2, "is no GGUF file"),
        (b"", 2, "is no GGUF file"),
        (gguf(7, tensors(7)), 8, "has 7 layers, of which 8 cannot be kept"),
        (gguf(7, tensors(7)), 1, "of which 1 cannot be kept"),
    ],
)
def test_what_cannot_be_cut_is_named(tmp_path, content, kept, said):
    source = tmp_path / "whole.gguf"
    source.write_bytes(content)
    with pytest.raises(ServingError, match=said):
        cut_layers(source, tmp_path / "cut.gguf", kept)
    assert not (tmp_path / "cut.gguf").exists()
