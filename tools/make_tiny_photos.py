#!/usr/bin/env python3
"""Draws the small pictures of tests/data/photos-tiny: class folders of our own, from nothing.

usage: tools/make_tiny_photos.py [FOLDER]   (default tests/data/photos-tiny)

Each class holds pictures in which its object shrinks, fades and slides behind a fence, so that
a person sees at once which ones are "hidden". Only the standard library; the same bytes always.
"""
import os
import struct
import sys
import zlib

WIDTH, HEIGHT = 96, 72
STEPS = 4
CLASSES = {
    "ball": (200, 40, 40),
    "box": (40, 70, 190),
    "tree": (30, 130, 50),
}


def inside(shape, x, y, size):
    """Whether the point (x, y), relative to the object's centre, lies in the object."""
    if shape == "ball":
        return x * x + y * y <= size * size
    if shape == "box":
        return abs(x) <= size and abs(y) <= 0.8 * size
    crown = -size <= y <= 0.5 * size and abs(x) <= 0.5 * (y + size)
    trunk = 0.5 * size < y <= size and abs(x) <= 0.15 * size
    return crown or trunk


def pixel(shape, step, x, y):
    """Colour of one pixel of picture `step` (0 = the object in full view)."""
    sky = (150 + y, 190 + y // 2, 230)
    ground = (120, 150 - (y - 48), 90)
    colour = ground if y >= 48 else sky
    size = 26 - 6 * step
    if inside(shape, x - 48 + 4 * step, y - 38, size):
        object_colour = CLASSES[shape]
        fade = 5 * step
        colour = tuple((o * (20 - fade) + c * fade) // 20
                       for o, c in zip(object_colour, colour))
    if step >= 2 and (x // 4) % (6 - step) == 0 and y > 20:
        colour = (110, 80, 50)
    return colour


def png(width, height, rows):
    """The bytes of an 8-bit RGB PNG; `rows` are bytes of width * 3."""
    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body +
                struct.pack(">I", zlib.crc32(kind + body)))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        here, "..", "tests", "data", "photos-tiny")
    for shape in CLASSES:
        os.makedirs(os.path.join(root, shape), exist_ok=True)
        for step in range(STEPS):
            rows = [b"".join(bytes(pixel(shape, step, x, y)) for x in range(WIDTH))
                    for y in range(HEIGHT)]
            with open(os.path.join(root, shape, f"{shape}{step + 1}.png"), "wb") as file:
                file.write(png(WIDTH, HEIGHT, rows))


main()
