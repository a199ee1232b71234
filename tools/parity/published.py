#!/usr/bin/env python3
"""Compares a published detector with the values its authors' library publishes for it.

usage: tools/parity/published.py IMAGE [MODEL] [--spur build/spur]

MODEL is a folder or hub id of published weights (default $SPUR_DETECTOR); IMAGE is, for
owlvit-base-patch32, the COCO photograph val2017/000000039769.jpg (two cats), for OWLv2 the
astronaut picture of scikit-image (512 x 512). Needs only Python and numpy.

These values stand in the tests of Hugging Face transformers. They are the only check of real
weights; nothing here has been run where Spur was developed, for want of the weights.
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np

CATS = {"queries": ["a photo of a cat", "a photo of a dog"],
        "boxes": [[.0691, .0445, .1373], [.1592, .0456, .3192], [.1632, .0423, .2478]],
        "detections": [(.707, [324.97, 20.44, 640.58, 373.29]), (.717, [1.46, 55.26, 315.55, 472.17])]}
ASTRONAUT_QUERIES = ["face", "rocket", "nasa badge", "star-spangled banner"]
# logits, boxes (cx, cy, w) and objectness of the first three patches
ASTRONAUT = {
    "owlv2-base-patch16": (
        [[-10.0043, -9.0226, -8.0433], [-12.4569, -14.0380, -12.6153], [-21.0731, -22.2705, -21.8850]],
        [[.0136, .0223, .0269], [.0406, .0327, .0797], [.0638, .1539, .1255]], [-5.6589, -7.7702, -16.3965]),
    "owlv2-base-patch16-ensemble": (
        [[-8.6353, -9.5409, -6.6154], [-7.9442, -9.6151, -6.7117], [-12.4593, -15.3332, -12.1048]],
        [[.0126, .0090, .0238], [.0387, .0227, .0754], [.0582, .1058, .1139]], [-6.0628, -5.9507, -10.4486]),
    "owlv2-base-patch16-finetuned": (
        [[-9.2391, -9.2313, -8.0295], [-14.5498, -16.8450, -14.7166], [-15.1278, -17.3060, -15.7169]],
        [[.0103, .0094, .0207], [.0483, .0729, .1013], [.0629, .1396, .1313]], [-6.5234, -13.3788, -14.6627]),
    "owlv2-large-patch14": (
        [[-12.6662, -11.8384, -12.1880], [-16.0599, -16.5835, -16.9364], [-21.4957, -26.7038, -25.1313]],
        [[.0136, .0161, .0256], [.0126, .0135, .0202], [.0498, .0948, .0915]], [-6.7196, -9.4590, -13.9472]),
    "owlv2-large-patch14-ensemble": (
        [[-12.2037, -12.2070, -11.5371], [-13.4875, -13.8235, -13.1586], [-18.2007, -22.9834, -20.6816]],
        [[.0126, .0127, .0222], [.0107, .0113, .0164], [.0482, .1162, .0885]], [-7.7572, -8.3637, -13.0334]),
    "owlv2-large-patch14-finetuned": (
        [[-9.5413, -9.7130, -7.9762], [-9.5731, -9.7277, -8.2252], [-15.4434, -19.3084, -16.5490]],
        [[.0089, .0080, .0175], [.0112, .0098, .0179], [.0375, .0821, .0528]], [-6.2655, -6.5845, -11.3105]),
}


def read_safetensors(path):
    kinds = {"F32": np.float32, "I64": np.int64, "U8": np.uint8}
    with open(path, "rb") as file:
        content = file.read()
    length = struct.unpack("<Q", content[:8])[0]
    header, data = json.loads(content[8:8 + length]), content[8 + length:]
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[slice(*e["data_offsets"])], kinds[e["dtype"]]).reshape(e["shape"])
            for name, e in header.items()}


def detect(options, queries):
    with tempfile.TemporaryDirectory() as folder:
        raw = os.path.join(folder, "raw.safetensors")
        words = [word for text in queries for word in ("--query", text)]
        done = subprocess.run([options.spur, "detect", options.image, "--detector", options.model, "--raw",
                               raw, "--json", "--quiet", *words], stdout=subprocess.PIPE, check=True)
        return read_safetensors(raw), done.stdout.decode("utf-8")


def check(what, found, expected, tolerance):
    difference = float(np.abs(np.asarray(found, np.float64) - np.asarray(expected)).max())
    print(f"{what:12} largest difference {difference:.2e}, tolerance {tolerance:g}")
    return difference <= tolerance


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("model", nargs="?", default=os.environ.get("SPUR_DETECTOR"))
    parser.add_argument("--spur", default="build/spur")
    options = parser.parse_args()
    if not options.model:
        parser.error("no MODEL, and SPUR_DETECTOR is not set")
    name = options.model.rstrip("/").split("/")[-1]
    if name in ASTRONAUT:
        logits, boxes, objectness = ASTRONAUT[name]
        raw, _ = detect(options, ASTRONAUT_QUERIES)
        good = [check("logits", raw["logits"][:3, :3], logits, 1e-3),
                check("boxes", raw["boxes"][:3, :3], boxes, 1e-3),
                check("objectness", raw["objectness"].ravel()[:3], objectness, 1e-3)]
    elif name == "owlvit-base-patch32":
        raw, printed = detect(options, CATS["queries"])
        print(printed)
        print("expected:", *(f"{score} at {box}" for score, box in CATS["detections"]))
        good = [check("boxes", raw["boxes"][:3, :3], CATS["boxes"], 1e-4)]
    else:
        sys.exit(f"no published values for {name}; known: owlvit-base-patch32 {' '.join(ASTRONAUT)}")
    sys.exit(0 if all(good) else 1)


main()
