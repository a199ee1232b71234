#!/usr/bin/env python3
"""Makes the small pictures of tests/data/images that need an encoder, with Pillow and jpegtran.

usage: tools/make_seed_images.py   (Pillow 12 or newer, jpegtran of libjpeg-turbo-progs)

tests/bad_input damages them byte by byte; expected.json holds the SHA-256 of the R,G,B bytes
that Pillow decodes. Run only to change the seeds; the results are committed.
"""
import hashlib
import json
import os
import subprocess

from PIL import Image

WIDTH, HEIGHT = 56, 40
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "data", "images")


def drawing(alpha=False, shift=0):
    """A picture with gradients, an edge and some texture."""
    image = Image.new("RGBA" if alpha else "RGB", (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            disc = (x - 20 - shift) ** 2 + (y - 18) ** 2 < 150
            grain = (x * 7 + y * 13) % 11
            colour = (210 - x, 40 + 3 * y, 60 + grain) if disc else (40 + 2 * x, 130 - y + grain, 200)
            image.putpixel((x, y), colour + ((x * 4) % 256,) if alpha else colour)
    return image


def main():
    os.makedirs(FOLDER, exist_ok=True)
    def path(name):
        return os.path.join(FOLDER, name)

    drawing().save(path("seed_baseline.jpg"), quality=88)
    drawing().save(path("seed_progressive.jpg"), quality=88, progressive=True)
    with open(path("seed_arithmetic.jpg"), "wb") as out:
        subprocess.run(["jpegtran", "-arithmetic", path("seed_baseline.jpg")], stdout=out, check=True)
    drawing().save(path("seed_lossy.webp"), quality=80)
    drawing().save(path("seed_lossless.webp"), lossless=True)
    drawing(alpha=True).save(path("seed_alpha.webp"), lossless=True, exact=True)
    drawing().save(path("seed_animated.webp"), save_all=True, lossless=True,
                   append_images=[drawing(shift=9)], duration=100)

    expected = {}
    for name in sorted(os.listdir(FOLDER)):
        if name.startswith("seed_"):
            pixels = Image.open(path(name)).convert("RGB").tobytes()
            expected[name] = hashlib.sha256(pixels).hexdigest()
    with open(path("expected.json"), "w") as out:
        json.dump(expected, out, indent=1)
        out.write("\n")


main()
