"""Image files for tests, good and bad, made with Pillow by what is asked for."""

import io
import struct
import zlib

from PIL import Image


def image_bytes(kind="PNG", size=(80, 60), colour="teal", mode="RGB", **saving):
    """A file of one colour."""
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind, **saving)
    return out.getvalue()


def photo(size=(300, 200), orientation=6):
    """A JPEG as a phone makes it: sideways pixels, red at their left, and where it was taken."""
    pixels = Image.new("RGB", size, "white")
    pixels.paste("red", (0, 0, size[0] // 3, size[1]))
    exif = pixels.getexif()
    exif[0x0112] = orientation
    exif[0x010F] = "canary-camera"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 17.0)})
    out = io.BytesIO()
    pixels.save(out, "JPEG", exif=exif, comment=b"canary-comment")
    return out.getvalue()


def bomb(side=40_000):
    """A PNG of 1.6 billion pixels in a few bytes."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
