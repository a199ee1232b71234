"""A JPEG encoder for flat 8x8 blocks: any sampling, any number of components, any marker order.

Every block has one value, so a picture is one DC coefficient per block, and the decoded pixels
follow from the colour formulas alone.
"""
import struct

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
DC_CODES = range(12)  # code of category n: the 4-bit number n; the one AC symbol has the code "0"


def segment(marker, body=b""):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def dqt(table=0):
    """Quantisation by 8, so that a coefficient is value - 128."""
    return segment(0xDB, bytes([table]) + b"\x08" * 64)


def dht_dc(table=0):
    return segment(0xC4, bytes([table]) + bytes([0, 0, 0, 12] + [0] * 12) + bytes(DC_CODES))


def dht_ac(symbol=0, table=0):
    return segment(0xC4, bytes([0x10 | table]) + bytes([1] + [0] * 15) + bytes([symbol]))


def sof(width, height, components, kind=0xC0, precision=8):
    """components: list of (id, horizontal, vertical)."""
    body = struct.pack(">BHHB", precision, height, width, len(components))
    return segment(kind, body + b"".join(bytes([i, h << 4 | v, 0]) for i, h, v in components))


def sos(ids, begin=0, end=63, high=0, low=0):
    return segment(0xDA, bytes([len(ids)]) + b"".join(bytes([i, 0]) for i in ids) +
                   bytes([begin, end, high << 4 | low]))


def adobe(transform):
    return segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))


def jfif():
    return segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


class Bits:
    def __init__(self):
        self.text = []

    def put(self, value, count):
        if count:
            self.text.append(format(value, f"0{count}b"))

    def bytes(self):
        text = "".join(self.text)
        text += "1" * (-len(text) % 8)
        raw = int(text, 2).to_bytes(len(text) // 8, "big") if text else b""
        return raw.replace(b"\xff", b"\xff\0")


def put_difference(bits, difference):
    category = abs(difference).bit_length()
    bits.put(category, 4)
    bits.put(difference if difference >= 0 else difference + (1 << category) - 1, category)


def entropy(width, height, components, value, ac=True):
    """Interleaved scan. value(component, column, row) is the value of a block, 0..255."""
    most_h = max(h for _, h, _ in components)
    most_v = max(v for _, _, v in components)
    bits, last = Bits(), [0] * len(components)
    for mcu_row in range(-(-height // (8 * most_v))):
        for mcu_column in range(-(-width // (8 * most_h))):
            for c, (_, h, v) in enumerate(components):
                for row in range(v):
                    for column in range(h):
                        now = value(c, mcu_column * h + column, mcu_row * v + row) - 128
                        put_difference(bits, now - last[c])
                        last[c] = now
                        if ac:
                            bits.put(0, 1)  # end of block
    return bits.bytes()


def picture(width, height, components, value, before=b"", kind=0xC0, precision=8, tables=None,
            end=EOI):
    """A whole baseline file; `before` are marker segments behind SOI."""
    ids = [i for i, _, _ in components]
    if tables is None:
        tables = dqt() + dht_dc() + dht_ac()
    return (SOI + before + tables + sof(width, height, components, kind, precision) + sos(ids) +
            entropy(width, height, components, value) + end)


def progressive_scans(width, height, count):
    """A grey progressive picture with `count` scans; up to 883 of them are in lawful order.

    A scan of one coefficient says "all blocks end here" in runs of up to 32767 blocks.
    """
    blocks = -(-width // 8) * -(-height // 8)
    bits = Bits()
    tables = dqt() + dht_dc()
    # One AC table with a 4-bit code for each run length class EOB0..EOB14.
    tables += segment(0xC4, bytes([0x10]) + bytes([0, 0, 0, 15] + [0] * 12) +
                      bytes(n << 4 for n in range(15)))
    left = blocks
    while left > 0:
        run = min(left, 32767)
        size = run.bit_length() - 1
        bits.put(size, 4)
        bits.put(run - (1 << size), size)
        left -= run
    empty = bits.bytes()
    first = entropy(width, height, [(1, 1, 1)], lambda c, x, y: 128 + (x + y) % 64, ac=False)
    out = [SOI, tables, sof(width, height, [(1, 1, 1)], kind=0xC2), sos([1], 0, 0), first]
    planned = [(k, 0, 13) if low == 13 else (k, low + 1, low)
               for low in range(13, -1, -1) for k in range(1, 64)]
    for i in range(count - 1):
        k, high, low = planned[i % len(planned)]
        out += [sos([1], k, k, high, low), empty]
    return b"".join(out) + EOI


def ycc_to_rgb(y, cb, cr):
    """JFIF's conversion in 16-bit fixed point, as libjpeg computes it."""
    cb, cr, half = cb - 128, cr - 128, 1 << 15
    red = y + ((91881 * cr + half) >> 16)
    green = y + ((-22554 * cb - 46802 * cr + half) >> 16)
    blue = y + ((116130 * cb + half) >> 16)
    return tuple(min(255, max(0, v)) for v in (red, green, blue))


def inverted_cmyk_to_rgb(c, m, y, k):
    """Stored bytes to R,G,B as Pillow does: each byte is 255 - ink, whatever the markers say."""
    def one(stored):
        product = (255 - stored) * k + 128
        return max(0, k - (((product >> 8) + product) >> 8))
    return one(c), one(m), one(y)
