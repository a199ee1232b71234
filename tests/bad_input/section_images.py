"""Section A: image files. Each ends as one row, scored or failed with a reason."""
import hashlib
import json
import struct
import zlib

import build_jpeg as jpeg
import build_png as png
from harness import Failure

GREY = [(1, 1, 1)]
COLOUR = [(1, 1, 1), (2, 1, 1), (3, 1, 1)]
FOUR = COLOUR + [(4, 1, 1)]


def blocks(c, column, row):
    """Values of 8x8 blocks with some colour in them."""
    return (60 + 37 * column + 11 * row + 50 * c) % 200 + 20


def sha(pixels):
    return hashlib.sha256(bytes(pixels)).hexdigest()


def block_pixels(width, height, colour):
    """R,G,B bytes of a picture whose 8x8 blocks have colour(column, row)."""
    return [v for y in range(height) for x in range(width) for v in colour(x // 8, y // 8)]


def check_jpeg_structure(h, seeds):
    base, progressive = seeds["seed_baseline.jpg"], seeds["seed_progressive.jpg"]
    with h.case("1", "empty file"):
        h.image(b"", "failed", "empty file")
    with h.case("2", "one byte"):
        h.image(b"\xff", "failed")
    with h.case("3", "only the start marker"):
        h.image(jpeg.SOI, "failed", "no image data|truncated")
    with h.case("4", "start and end marker only"):
        h.image(jpeg.SOI + jpeg.EOI, "failed", "no image data")
    for number, whole, kind in (("5", base, "baseline"), ("6", progressive, "progressive")):
        for percent in (10, 50, 90, 99):
            with h.case(number, f"{kind} JPEG cut at {percent} %"):
                h.image(whole[:len(whole) * percent // 100], "failed", "truncated JPEG")
    with h.case("7", "JPEG without an end marker"):
        h.image(base[:-2], "failed", "truncated JPEG")
    with h.case("7", "the same with --allow-truncated"):
        h.image(base[:-2], "ok", options=["--allow-truncated"])
    with h.case("8", "garbage behind the end"):
        h.image(base + b"\0garbage" * 40, "ok", rgb=seeds["expected"]["seed_baseline.jpg"])
    with h.case("8", "a second JPEG behind the first"):
        h.image(base + progressive[:-300], "ok", rgb=seeds["expected"]["seed_baseline.jpg"])
    with h.case("9", "one bit flipped in the entropy data"):
        flipped = bytearray(base)
        flipped[918] ^= 0x10
        h.image(bytes(flipped), "ok", note="1 decoded with warnings")


def check_jpeg_headers(h):
    size, tables = (16, 16), jpeg.dqt() + jpeg.dht_dc() + jpeg.dht_ac()
    bad_huffman = jpeg.segment(0xC4, bytes([0x00]) + bytes([3] + [0] * 15) + bytes([0, 1, 2]))
    with h.case("10", "Huffman table with three codes of one bit"):
        h.image(jpeg.picture(*size, GREY, blocks, tables=jpeg.dqt() + bad_huffman + jpeg.dht_ac()),
                "failed", "huffman|corrupt")
    with h.case("11", "no quantisation table"):
        h.image(jpeg.picture(*size, GREY, blocks, tables=jpeg.dht_dc() + jpeg.dht_ac()), "failed",
                "quantisation|quantization|corrupt")
    with h.case("12", "two start-of-frame markers"):
        h.image(jpeg.picture(*size, GREY, blocks, tables=tables + jpeg.sof(8, 8, GREY)), "failed",
                "SOF|frame|corrupt|unsupported")
    with h.case("13", "width 0"):
        h.image(jpeg.SOI + tables + jpeg.sof(0, 16, GREY) + jpeg.sos([1]) + b"\0\0" + jpeg.EOI,
                "failed", "width|empty|0 x 16|corrupt")
    with h.case("14", "height 0 (given by a DNL marker later)"):
        h.image(jpeg.SOI + tables + jpeg.sof(16, 0, GREY) + jpeg.sos([1]) + b"\0\0" +
                jpeg.segment(0xDC, b"\0\x10") + jpeg.EOI, "failed",
                "height|empty|16 x 0|DNL|corrupt")
    with h.case("15", "65500 x 65500 in 200 bytes"):
        h.image(jpeg.SOI + tables + jpeg.sof(65500, 65500, COLOUR) + jpeg.sos([1, 2, 3]) +
                b"\0" * 20 + jpeg.EOI, "failed", r"image too large: 65500 x 65500, limit 178956970")
    for count in (101, 400, 5000):
        with h.case("16", f"{count} scans"):
            h.image(jpeg.progressive_scans(64, 64, count), "failed", "too many scans")
    with h.case("16", "400 scans of 8192 x 8192"):
        h.image(jpeg.progressive_scans(8192, 8192, 400), "failed", "too many scans")
    with h.case("16", "100 scans"):
        h.image(jpeg.progressive_scans(64, 64, 100), "ok")
    with h.case("18", "lossless JPEG"):
        h.image(jpeg.picture(*size, GREY, blocks, kind=0xC3), "failed", "unsupported JPEG")
    with h.case("19", "12-bit JPEG"):
        h.image(jpeg.picture(*size, GREY, blocks, precision=12), "failed", "unsupported JPEG")


def check_jpeg_colours(h, seeds):
    with h.case("17", "arithmetic coding"):
        h.image(seeds["seed_arithmetic.jpg"], "ok", rgb=seeds["expected"]["seed_arithmetic.jpg"])

    def cmyk(column, row):
        return jpeg.inverted_cmyk_to_rgb(*(blocks(c, column, row) for c in range(4)))

    def ycck(column, row):
        y, cb, cr, k = (blocks(c, column, row) for c in range(4))
        return jpeg.inverted_cmyk_to_rgb(*(255 - v for v in jpeg.ycc_to_rgb(y, cb, cr)), k)

    def ycc(column, row):
        return jpeg.ycc_to_rgb(*(blocks(c, column, row) for c in range(3)))

    def rgb(column, row):
        return tuple(blocks(c, column, row) for c in range(3))

    def grey(column, row):
        return (blocks(0, column, row),) * 3

    kinds = (("20", "CMYK with Adobe marker", FOUR, jpeg.adobe(0), cmyk),
             ("21", "CMYK without marker", FOUR, b"", cmyk),
             ("22", "YCCK", FOUR, jpeg.adobe(2), ycck),
             ("23", "grey", GREY, jpeg.jfif(), grey),
             ("24", "RGB with Adobe transform 0", COLOUR, jpeg.adobe(0), rgb),
             ("24", "YCbCr with JFIF marker", COLOUR, jpeg.jfif(), ycc))
    for number, name, components, before, colour in kinds:
        with h.case(number, name):
            h.image(jpeg.picture(24, 16, components, blocks, before), "ok",
                    rgb=sha(block_pixels(24, 16, colour)))
    with h.case("25", "two components"):
        h.image(jpeg.picture(16, 16, COLOUR[:2], blocks), "failed")
    for name, sampling in (("4:1:1", (4, 1)), ("4:4:0", (1, 2)), ("3x1", (3, 1))):
        with h.case("26", f"sampling {name}"):
            flat = (90, 100, 160)
            h.image(jpeg.picture(50, 20, [(1, *sampling), (2, 1, 1), (3, 1, 1)],
                                 lambda c, x, y: flat[c], jpeg.jfif()), "ok",
                    rgb=sha(jpeg.ycc_to_rgb(*flat) * 1000))


def exif(orientation, count=1):
    """An APP1 segment with one orientation entry."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, count, 0x0112, 3, 1, orientation, 0, 0)
    return jpeg.segment(0xE1, b"Exif\0\0" + tiff)


def check_jpeg_markers(h):
    def with_markers(markers):
        return jpeg.picture(24, 16, GREY, blocks, markers)
    plain = sha(block_pixels(24, 16, lambda x, y: (blocks(0, x, y),) * 3))
    with h.case("27", "EXIF that points past its end"):
        broken = jpeg.segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\x7f\xff\xff")
        h.image(with_markers(broken), "ok", rgb=plain)
        h.image(with_markers(exif(6, count=60000)), "ok", rgb=plain)
    with h.case("28", "60 KB of application markers"):
        h.image(with_markers(jpeg.segment(0xE5, b"x" * 60000) + jpeg.segment(0xE1, b"")), "ok",
                rgb=plain)
    with h.case("29", "3 MB of ICC profile"):
        profile = b"".join(jpeg.segment(0xE2, b"ICC_PROFILE\0" + bytes([i + 1, 50]) + b"p" * 65000)
                           for i in range(50))
        h.image(with_markers(profile), "ok", rgb=plain)
    with h.case("30", "EXIF orientation 6 is ignored"):
        h.image(with_markers(exif(6)), "ok", rgb=plain, orientation=6, width=24, height=16)
    with h.case("30", "EXIF orientation 6 with --orientation apply"):
        turned = [v for y in range(24) for x in range(16)
                  for v in (blocks(0, y // 8, (15 - x) // 8),) * 3]
        h.image(with_markers(exif(6)), "ok", options=["--orientation", "apply"], rgb=sha(turned))


def check_names(h, seeds):
    expected = seeds["expected"]
    simple = png.png(9, 5, lambda x, y, c: 20 * x + y + c)
    pixels = sha(20 * x + y + c for y in range(5) for x in range(9) for c in range(3))
    with h.case("31", "PNG named .JPEG"):
        h.image(simple, "ok", name="n02105855_2933.JPEG", format="PNG", rgb=pixels)
    with h.case("32", "WebP named .jpg"):
        h.image(seeds["seed_lossless.webp"], "ok", format="WebP", rgb=expected["seed_lossless.webp"])
    with h.case("33", "JPEG named .png"):
        h.image(seeds["seed_baseline.jpg"], "ok", name="image.png", format="JPEG",
                rgb=expected["seed_baseline.jpg"])
    others = (("GIF", b"GIF89a\x01\0\x01\0\0\0\0;"), ("BMP", b"BM" + struct.pack("<IHHII", 70, 0, 0, 54, 40)),
              ("TIFF", b"II*\0\x08\0\0\0\0\0"), ("TIFF", b"MM\0*\0\0\0\x08\0\0"),
              ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
              ("AVIF", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"), ("PDF", b"%PDF-1.7\n%\xe2\xe3"))
    for name, start in others:
        with h.case("34", f"{name} named .jpg"):
            h.image(start + b"\0" * 64, "failed", f"not a JPEG, PNG or WebP.*{name}")
    with h.case("35", "HTML page named .jpg"):
        h.image(b"<!DOCTYPE html>\n<html><body>photo unavailable</body></html>\n", "failed",
                "not a JPEG, PNG or WebP.*HTML")
    with h.case("36", "JSON error named .jpg"):
        h.image(b'{"error": {"code": 404, "message": "not found"}}', "failed",
                "not a JPEG, PNG or WebP.*JSON")
    with h.case("37", "Git LFS pointer named .jpg"):
        h.image(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 +
                b"\nsize 12345\n", "failed", "not a JPEG, PNG or WebP.*LFS")


def check_png_damage(h):
    def ramp(x, y, c):
        return (20 * x + 3 * y + 40 * c) % 256
    whole = png.png(9, 5, ramp)
    pixels = sha(ramp(x, y, c) for y in range(5) for x in range(9) for c in range(3))
    rows = png.raw(9, 5, 8, png.RGB, ramp)
    tiny = zlib.compress(b"\0" * 100)
    with h.case("38", "PNG 65000 x 65000, 1 bit"):
        h.image(png.png(65000, 65000, None, 1, png.GREY, data=tiny), "failed",
                "image too large: 65000 x 65000")
    with h.case("39", "PNG 30000 x 30000"):
        h.image(png.png(30000, 30000, None, data=tiny), "failed", "image too large: 30000 x 30000")
    for width, height in ((1, 1000000), (1000000, 1)):
        with h.case("40", f"PNG {width} x {height}"):
            data = zlib.compress(b"".join(b"\0" + b"\x55" * width for _ in range(height)))
            h.image(png.png(width, height, None, 8, png.GREY, data=data), "ok", width=width,
                    height=height, rgb=sha(b"\x55" * 3000000))
    with h.case("41", "bad checksum of IHDR"):
        h.image(whole[:29] + b"\0\0\0\0" + whole[33:], "failed", "CRC|checksum|corrupt")
    with h.case("41", "bad checksum of IDAT"):
        at = whole.index(b"IEND") - 8
        h.image(whole[:at] + b"\0\0\0\0" + whole[at + 4:], "failed", "CRC|checksum|corrupt")
    with h.case("42", "bad checksum of an ancillary chunk"):
        h.image(png.png(9, 5, ramp, before=png.chunk(b"tEXt", b"a\0b", crc=1)), "ok", rgb=pixels)
    with h.case("43", "no IDAT"):
        h.image(png.SIGNATURE + png.chunk(b"IHDR", png.ihdr(9, 5)) + png.chunk(b"IEND"), "failed")
    with h.case("44", "no IEND"):
        h.image(png.png(9, 5, ramp, end=False), "ok", rgb=pixels)
    with h.case("45", "too little data"):
        h.image(png.png(9, 5, ramp, data=zlib.compress(rows[:60])), "failed")
    with h.case("46", "too much data"):
        h.image(png.png(9, 5, ramp, data=zlib.compress(rows + b"\0" * 5000)), "ok", rgb=pixels)
    with h.case("47", "IHDR twice"):
        h.image(png.png(9, 5, ramp, before=png.chunk(b"IHDR", png.ihdr(9, 5))), "failed")
    palette = png.chunk(b"PLTE", bytes([10, 20, 30, 40, 50, 60]))
    with h.case("48", "palette index out of range is black"):
        colours = [(10, 20, 30), (40, 50, 60), (0, 0, 0)]
        h.image(png.png(9, 5, lambda x, y, c: x % 3, 8, png.PALETTE, before=palette), "ok",
                rgb=sha(v for y in range(5) for x in range(9) for v in colours[x % 3]))
    with h.case("49", "no palette: every index is out of range"):
        h.image(png.png(9, 5, lambda x, y, c: x, 8, png.PALETTE), "ok", rgb=sha([0] * 135))


def check_png_kinds(h):
    def expect(number, name, depth, colour, sample, rgb, before=b"", has_alpha=False):
        pixels = sha(v for y in range(5) for x in range(9) for v in rgb(x, y))
        for interlace in (0, 1):
            with h.case("56" if interlace else number, name + (", interlaced" if interlace else "")):
                h.image(png.png(9, 5, sample, depth, colour, interlace, before), "ok", rgb=pixels,
                        has_alpha=has_alpha)

    def wide(x, y, c):
        return (7000 * x + 300 * y + 11000 * c + 129) % 65536

    def narrow(x, y, c):
        return (25 * x + 3 * y + 60 * c) % 256

    expect("50", "16-bit grey takes the high byte", 16, png.GREY, wide,
           lambda x, y: (wide(x, y, 0) >> 8,) * 3)
    expect("51", "16-bit RGB", 16, png.RGB, wide,
           lambda x, y: tuple(wide(x, y, c) >> 8 for c in range(3)))
    expect("52", "grey and alpha", 8, png.GREY_ALPHA, narrow,
           lambda x, y: (narrow(x, y, 0),) * 3, has_alpha=True)
    expect("53", "RGBA: alpha is dropped", 8, png.RGBA, narrow,
           lambda x, y: tuple(narrow(x, y, c) for c in range(3)), has_alpha=True)
    palette = [(i * 17, 255 - i * 9, i * 3) for i in range(16)]
    chunks = (png.chunk(b"PLTE", bytes(v for colour in palette for v in colour)) +
              png.chunk(b"tRNS", bytes(range(0, 160, 10))))
    expect("54", "palette with transparency", 8, png.PALETTE, lambda x, y, c: (x + 3 * y) % 16,
           lambda x, y: palette[(x + 3 * y) % 16], chunks, has_alpha=True)
    for depth in (1, 2, 4):
        most = (1 << depth) - 1
        expect("55", f"{depth}-bit grey", depth, png.GREY, lambda x, y, c: (x + y) % (most + 1),
               lambda x, y: ((x + y) % (most + 1) * 255 // most,) * 3)
        expect("55", f"{depth}-bit palette", depth, png.PALETTE, lambda x, y, c: (x + y) % (most + 1),
               lambda x, y: palette[(x + y) % (most + 1)],
               png.chunk(b"PLTE", bytes(v for colour in palette[:most + 1] for v in colour)))
    with h.case("50", "16-bit grey with --pillow-compat saturates"):
        h.image(png.png(9, 5, wide, 16, png.GREY), "ok", options=["--pillow-compat"],
                rgb=sha(v for y in range(5) for x in range(9) for v in (min(255, wide(x, y, 0)),) * 3))


def check_png_extras(h, seeds):
    def ramp(x, y, c):
        return (20 * x + 3 * y + 40 * c) % 256
    pixels = sha(ramp(x, y, c) for y in range(5) for x in range(9) for c in range(3))
    bomb = zlib.compress(b"\0" * (60 << 20), 9)
    with h.case("57", "compressed text of 60 MB in 60 KB"):
        h.image(png.png(9, 5, ramp, before=png.chunk(b"zTXt", b"key\0\0" + bomb)), "ok", rgb=pixels)
    with h.case("57", "ICC profile of 60 MB in 60 KB"):
        h.image(png.png(9, 5, ramp, before=png.chunk(b"iCCP", b"key\0\0" + bomb)), "ok", rgb=pixels)
    with h.case("58", "animated PNG: the first frame"):
        control = png.chunk(b"acTL", struct.pack(">II", 2, 0))
        frame = struct.pack(">IIIIIHHBB", 0, 9, 5, 0, 0, 1, 10, 0, 0)
        second = zlib.compress(b"".join(b"\0" + b"\xff" * 27 for _ in range(5)))
        later = (png.chunk(b"fcTL", struct.pack(">I", 1) + frame[4:]) +
                 png.chunk(b"fdAT", struct.pack(">I", 2) + second))
        h.image(png.png(9, 5, ramp, before=control + png.chunk(b"fcTL", frame), between=later),
                "ok", rgb=pixels)


def riff(*chunks):
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_chunk(kind, body):
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def three_bytes(value):
    return struct.pack("<I", value)[:3]


def check_webp(h, seeds):
    expected, lossless = seeds["expected"], seeds["seed_lossless.webp"]
    with h.case("59", "animated WebP: the first frame"):
        h.image(seeds["seed_animated.webp"], "ok", format="WebP", rgb=expected["seed_animated.webp"])
    with h.case("60", "WebP lossless with broken Huffman groups"):
        broken = lossless[:30] + bytes(b ^ 0xA5 for b in lossless[30:60]) + lossless[60:]
        h.image(broken, "failed", "WebP")
    with h.case("61", "WebP canvas 16384 x 16384 around a tiny frame"):
        frame = lossless[12:]
        size = three_bytes(16383) + three_bytes(16383)
        place = three_bytes(0) * 2 + three_bytes(55) + three_bytes(39) + three_bytes(100) + b"\0"
        h.image(riff(webp_chunk(b"VP8X", b"\x02\0\0\0" + size), webp_chunk(b"ANIM", b"\0" * 6),
                     webp_chunk(b"ANMF", place + frame)), "failed",
                "image too large: 16384 x 16384")
    for percent in (5, 30, 60, 95):
        for name in ("seed_lossy.webp", "seed_lossless.webp", "seed_animated.webp"):
            with h.case("62", f"{name} cut at {percent} %"):
                whole = seeds[name]
                h.image(whole[:max(13, len(whole) * percent // 100)], "failed", "WebP")
    with h.case("63", "RIFF size too large"):
        h.image(b"RIFF" + struct.pack("<I", 0xFFFFFFF0) + lossless[8:], "failed", "WebP")
    with h.case("63", "RIFF size too small"):
        h.image(b"RIFF" + struct.pack("<I", 20) + lossless[8:], "failed", "WebP")


def check_extremes(h):
    for width, height in ((1, 1), (2, 1)):
        with h.case("64", f"PNG {width} x {height}"):
            h.image(png.png(width, height, lambda x, y, c: 50 * x + c), "ok",
                    rgb=sha(50 * x + c for x in range(width) for c in range(3)))
        with h.case("64", f"JPEG {width} x {height}"):
            h.image(jpeg.picture(width, height, GREY, blocks), "ok", rgb=sha([80] * 3 * width))
    with h.case("65", "JPEG 1 x 60000"):
        h.image(jpeg.picture(1, 60000, GREY, lambda c, x, y: 77), "ok", rgb=sha([77] * 180000))


def check_scoring(h, seeds):
    """The same faults through the network: every input is one row, and no row is a NaN."""
    root = h.folder("scored")
    flat = {"zero": 0, "full": 255, "grey": 128}
    for name, value in flat.items():
        h.write(f"scored/ball/{name}.png", png.png(40, 40, lambda x, y, c: value))
    h.write("scored/ball/thin.png", png.png(1, 2000, lambda x, y, c: y % 256))
    h.write("scored/ball/one.png", png.png(1, 1, lambda x, y, c: 9))
    bad = {"empty.jpg": b"", "cut.jpg": seeds["seed_baseline.jpg"][:600], "page.jpg": b"<html>",
           "large.png": png.png(65000, 65000, None, 1, png.GREY, data=b"")}
    for name, content in bad.items():
        h.write(f"scored/box/{name}", content)
    with h.case("66", "constant and extreme pictures score finitely, faults are rows"):
        run = h.expect(h.spur("score", root, "--out", h.path("run66"), "--detector", h.model), 3)
        for name in bad:
            if name not in run.message:
                raise Failure(f"{name} is not named\n{run}")
        out = h.expect(h.spur("export", h.path("run66"), "--jsonl", "-"), 0)
        rows = {row["file_name"]: row for row in out.rows()}
        if len(rows) != len(flat) + 2 + len(bad):
            raise Failure(f"expected {len(flat) + 2 + len(bad)} rows\n{out}")
        for name, row in rows.items():
            if (row["status"] == "failed") != (name.split("/")[-1] in bad):
                raise Failure(f"wrong status of {name}\n{out}")
            if row["status"] != "failed" and not abs(row["logit"]) < 1e6:
                raise Failure(f"score of {name} is not finite\n{out}")


def run(h):
    seeds = {"expected": json.loads(h.read_data("images", "expected.json"))}
    for name in seeds["expected"].copy():
        seeds[name] = h.read_data("images", name)
    check_jpeg_structure(h, seeds)
    check_jpeg_headers(h)
    check_jpeg_colours(h, seeds)
    check_jpeg_markers(h)
    check_names(h, seeds)
    check_png_damage(h)
    check_png_kinds(h)
    check_png_extras(h, seeds)
    check_webp(h, seeds)
    check_extremes(h)
    check_scoring(h, seeds)
