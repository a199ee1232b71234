"""PNG files of every kind, and damaged ones, chunk by chunk."""
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2))


def chunk(kind, body=b"", crc=None):
    found = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", found)


def ihdr(width, height, depth=8, colour=RGB, interlace=0):
    return struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


def packed_row(samples, depth):
    """Samples of one row as bytes: packed from the left below 8 bits, big-endian at 16."""
    if depth == 16:
        return struct.pack(f">{len(samples)}H", *samples)
    if depth == 8:
        return bytes(samples)
    text = "".join(format(s, f"0{depth}b") for s in samples)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def raw(width, height, depth, colour, sample, interlace=0):
    """Filtered rows (filter 0). sample(x, y, channel) is one sample."""
    def row(xs, y):
        values = [sample(x, y, c) for x in xs for c in range(CHANNELS[colour])]
        return b"\0" + packed_row(values, depth)
    passes = ADAM7 if interlace else ((0, 0, 1, 1),)
    out = []
    for x0, y0, dx, dy in passes:
        xs = range(x0, width, dx)
        if len(xs):
            out += [row(xs, y) for y in range(y0, height, dy)]
    return b"".join(out)


def png(width, height, sample, depth=8, colour=RGB, interlace=0, before=b"", between=b"",
        data=None, end=True):
    """A whole file; `before` stands between IHDR and IDAT, `between` between IDAT and IEND."""
    if data is None:
        data = zlib.compress(raw(width, height, depth, colour, sample, interlace))
    return (SIGNATURE + chunk(b"IHDR", ihdr(width, height, depth, colour, interlace)) + before +
            chunk(b"IDAT", data) + between + (chunk(b"IEND") if end else b""))
