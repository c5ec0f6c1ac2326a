"""Small files that would fill the memory, or keep a decoder busy: made here, each for one weakness."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable

import PIL.Image

__all__ = ["BOMBS", "HARMLESS", "chunked", "jpeg", "png", "repeated"]

SIDE = 30_000


def chunked(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of these chunks."""
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


def png(width: int, height: int, *more: tuple[bytes, bytes], bits: int = 8, colour: int = 0) -> bytes:
    """Return a flat PNG whose pixels are all there."""
    row = bytes(1 + (width * bits + 7) // 8)
    packer = zlib.compressobj(1)
    packed = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return chunked((b"IHDR", head), *more, (b"IDAT", packed), (b"IEND", b""))


def repeated(block: bytes, times: int, *, as_gzip: bool = False) -> bytes:
    """Return a block that many times in a row, packed as zlib or gzip does; the block itself is packed once only."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)  # after this, nothing refers to what was before
    check, begun = (zlib.crc32, 0) if as_gzip else (zlib.adler32, 1)
    for _ in range(times):
        begun = check(block, begun)
    if as_gzip:
        head, end = gzip.compress(b"")[:10], struct.pack("<II", begun, len(block) * times)
    else:
        head, end = b"\x78\xda", struct.pack(">I", begun)
    return head + packed * times + packer.flush() + end


def zeros(megabytes: int) -> bytes:
    """Return so many megabytes of zeros, packed."""
    return repeated(bytes(1_000_000), megabytes)


def tiff(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """Return a TIFF of one directory: tag, type, count, value; ``following`` is where the next one is said to be."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", following) + bytes(64)


def grey_tiff(width: int, height: int, following: int = 0, *more: tuple[int, int, int, int]) -> bytes:
    """Return a grey TIFF of this size."""
    usual = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    placed = [(273, 4, 1, 8), (278, 4, 1, height), (279, 4, 1, 64)]
    return tiff(*usual, *placed, *more, following=following)


def many_directories(n: int) -> bytes:
    """Return a TIFF of so many pages."""
    out = bytearray(grey_tiff(4, 4))
    last = 8 + 2 + 12 * 8
    for _ in range(n):
        struct.pack_into("<I", out, last, len(out))
        page = grey_tiff(4, 4)[8 : 8 + 2 + 12 * 8 + 4]
        last = len(out) + len(page) - 4
        out += page
    return bytes(out)


def jpeg(size: tuple[int, int] = (64, 64), **options: object) -> bytes:
    """Return a JPEG."""
    out = io.BytesIO()
    PIL.Image.new("RGB", size, "orange").save(out, "JPEG", **options)
    return out.getvalue()


def resized_jpeg(side: int) -> bytes:
    """Return a JPEG that says it is this large."""
    data = bytearray(jpeg())
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, side, side)
    return bytes(data)


def many_scans(n: int) -> bytes:
    """Return a progressive JPEG that paints its first scan so many times."""
    data = jpeg(progressive=True)
    begin = data.index(b"\xff\xda")
    end = data.index(b"\xff", begin + 14)
    return data[:begin] + data[begin:end] * n + data[begin:]


def webp(kind: bytes, body: bytes) -> bytes:
    """Return a WebP of one chunk."""
    return b"RIFF" + struct.pack("<I", len(body) + 12) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


def large_webp(side: int) -> bytes:
    """Return a WebP whose canvas is said to be so large, with a small picture in it."""
    out = io.BytesIO()
    PIL.Image.new("RGB", (16, 16)).save(out, "WEBP", lossless=True)
    inner = out.getvalue()[12:]
    head = bytes(4) + (side - 1).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + head + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def icon(inside: bytes) -> bytes:
    """Return an ICO of 16 by 16 pixels, by its directory."""
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inside), 22) + inside


def dib(width: int, height: int, packing: int = 0) -> bytes:
    """Return the head of a bitmap."""
    return struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, packing, 0, 0, 0, 256, 0) + bytes(1024 + 64)


def bmp(width: int, height: int, packing: int = 0) -> bytes:
    """Return a BMP that says it is this large."""
    body = dib(width, height, packing)
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 14 + 40 + 1024) + body


def gif(screen: tuple[int, int], frame: tuple[int, int], frames: int = 1, comments: int = 0) -> bytes:
    """Return a GIF of so many frames."""
    out = [b"GIF89a", struct.pack("<HHBBB", *screen, 0x80, 0, 0), bytes(6)]
    out += [b"\x21\xfe\x01x\x00"] * comments
    out += [b"\x2c" + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x44\x01\x00"] * frames
    return b"".join([*out, b";"])


def resized_boxes(kind: str, side: int) -> bytes:
    """Return an AVIF or a HEIC that says it is this large, and has 64 pixels a side."""
    out, image = io.BytesIO(), PIL.Image.new("RGB", (64, 64))
    if kind == "HEIC":
        import pillow_heif

        pillow_heif.from_pillow(image).save(out)
    else:
        image.save(out, kind)
    data = bytearray(out.getvalue())
    place = -1
    while (place := data.find(b"ispe", place + 1)) >= 0:
        struct.pack_into(">II", data, place + 8, side, side)
    return bytes(data)


def fits() -> bytes:
    """Return a FITS file with packed pixels, which older Pillows unpack whole."""
    cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
        "END",
    ]
    return "".join(card.ljust(80) for card in cards).ljust(2880).encode() + gzip.compress(bytes(10_000_000))


LARGE = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
BOMBS: dict[str, Callable[[], bytes]] = {
    "png of 900 million pixels, by its header": lambda: chunked(
        (b"IHDR", LARGE), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")
    ),
    "png of 676 million pixels that are all there": lambda: png(26_000, 26_000, bits=1),
    "png of 225 million pixels": lambda: png(15_000, 15_000, bits=1),
    "jpeg of 4 billion pixels": lambda: resized_jpeg(65_500),
    "jpeg of 10,000 scans": lambda: many_scans(10_000),
    "webp, large canvas": lambda: large_webp(16_384),
    "webp, canvas of 2^24 a side": lambda: large_webp(2**24),
    "webp, lossless": lambda: webp(b"VP8L", b"\x2f" + struct.pack("<I", 16383 | 16383 << 14) + bytes(20)),
    "webp, lossy": lambda: webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(20)),
    "gif of 4 billion pixels": lambda: gif((65_535, 65_535), (1, 1)),
    "gif, a frame larger than its screen": lambda: gif((1, 1), (65_535, 65_535)),
    "tiff of 3.6 billion pixels": lambda: grey_tiff(60_000, 60_000),
    "tiff, a tag of 4 billion values": lambda: grey_tiff(64, 64, 0, (700, 1, 2**32 - 1, 8)),
    "tiff, a huge tile": lambda: tiff(
        (256, 4, 1, 64),
        (257, 4, 1, 64),
        (258, 3, 1, 8),
        (259, 3, 1, 8),
        (262, 3, 1, 1),
        (322, 4, 1, 2**30),
        (323, 4, 1, 2**30),
        (324, 4, 1, 8),
        (325, 4, 1, 64),
    ),
    "bmp of 2.5 billion pixels": lambda: bmp(50_000, 50_000),
    "bmp of 2.5 billion pixels, packed": lambda: bmp(50_000, 50_000, 1),
    "ico, a large png in it": lambda: icon(png(26_000, 26_000, bits=1)),
    "ico, a large bitmap in it": lambda: icon(dib(30_000, 60_000)),
    "avif of 900 million pixels": lambda: resized_boxes("AVIF", SIDE),
    "heic of 900 million pixels": lambda: resized_boxes("HEIC", SIDE),
    "heic of 100 million pixels": lambda: resized_boxes("HEIC", 10_000),
    "avif of 100 million pixels": lambda: resized_boxes("AVIF", 10_000),
    "fits, packed": fits,
    "gzip": lambda: gzip.compress(bytes(10_000_000)),
    "svg of comments": lambda: b"<!---->" * 5000,
    "svg": lambda: b"<?xml version='1.0'?><!-- a --><svg width='99999' height='99999'/>",
}
"""Files that are refused with one line."""

HARMLESS: dict[str, Callable[[], bytes]] = {
    "png, zTXt of 200 MB": lambda: png(8, 8, (b"zTXt", b"a\0\0" + zeros(200))),
    "png, iTXt of 200 MB": lambda: png(8, 8, (b"iTXt", b"a\0\x01\0\0\0" + zeros(200))),
    "png, iCCP of 200 MB": lambda: png(8, 8, (b"iCCP", b"a\0\0" + zeros(200))),
    "png, a hundred zTXt": lambda: png(8, 8, *[(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000)))] * 100),
    "tiff, a directory that follows itself": lambda: grey_tiff(64, 64, 8),
    "tiff of 20,000 pages": lambda: many_directories(20_000),
    "gif of 50,000 frames": lambda: gif((64, 64), (1, 1), 50_000),
    "gif of 200,000 comments": lambda: gif((64, 64), (1, 1), 1, 200_000),
    "jpeg, a scan of 4 MB of stuffing": lambda: jpeg()[:-2] + b"\xff\x00" * 2_000_000 + b"\xff\xd9",
    "png of 100,000 chunks": lambda: png(64, 64, *[(b"tEXt", b"a\0b")] * 100_000),
}
"""Files whose first picture is sent, or that are refused; in little time and memory either way."""
