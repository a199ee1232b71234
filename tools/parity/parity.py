#!/usr/bin/env python3
"""Compares Spur with Hugging Face transformers, number by number, on a detector and photographs.

usage: tools/parity/parity.py MODEL [--spur build/spur] IMAGE... [--query TEXT]...

MODEL is a Hugging Face folder. Needs torch, transformers 5 and Pillow; Spur itself never does.
Compared are tokens, pixel values, text embeddings, logits, boxes and objectness. The reference
runs twice, in float32 and with all arithmetic in double, on the pixels that Spur made: the
difference between the two says how near float32 can be. Fails when a bound is passed.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402
from transformers import AutoImageProcessor, AutoModelForZeroShotObjectDetection, AutoTokenizer  # noqa: E402

QUERIES = ["a photo of a cat.", "a photo of a dog.", "a photo of a traffic light."]
# Largest allowed |Spur - reference in double|; OWLv2 pixels: two units in the last place of 2..4.
BOUNDS = {"pixel_values": {"owlvit": 0.0, "owlv2": 5e-7}, "text_embeds": 1e-5, "logits": 1e-4, "boxes": 1e-5,
          "objectness": 1e-4}


def run_spur(options, *arguments):
    done = subprocess.run([options.spur, *arguments], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode("utf-8")


def spur_detect(options, image):
    with tempfile.TemporaryDirectory() as folder:
        raw = os.path.join(folder, "raw.safetensors")
        queries = [word for text in options.query for word in ("--query", text)]
        run_spur(options, "detect", image, "--detector", options.model, "--raw", raw, "--json",
                 "--resize", options.resize, "--quiet", *queries)
        return load_file(raw)


def reference(model, tokens, pixels, dtype):
    """Outputs of the reference network on these pixels, computed in dtype."""
    with torch.no_grad():
        out = model.to(dtype)(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"],
                              pixel_values=torch.from_numpy(pixels)[None].to(dtype))
    found = {"logits": out.logits[0], "boxes": out.pred_boxes[0], "text_embeds": out.text_embeds[0]}
    if getattr(out, "objectness_logits", None) is not None:
        found["objectness"] = out.objectness_logits[0]
    return {name: value.to(torch.float64).numpy() for name, value in found.items()}


def unit_rows(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


class Report:
    def __init__(self):
        self.failed = False

    def row(self, what, difference, bound, float32=None):
        good = difference <= bound
        self.failed |= not good
        beside = "" if float32 is None else f", float32 reference {float32:.2e}"
        print(f"  {what:14} {difference:.2e} (bound {bound:g}{beside}){'' if good else '  FAILED'}")


def compare_tokens(options, tokenizer, report):
    lines = run_spur(options, "models", "tokenize", options.model, *options.query).splitlines()
    wrong = 0
    for text, line in zip(options.query, lines, strict=True):
        expected = tokenizer(text, truncation=True, max_length=16)["input_ids"]
        wrong += json.loads(line)["ids"] != expected
    report.row("tokens", wrong, 0)


def compare_image(options, processor, model, tokens, image, report):
    print(image)
    ours = spur_detect(options, image)
    kind = model.config.model_type
    picture = Image.open(image).convert("RGB")
    expected = processor(images=picture, return_tensors="np")["pixel_values"][0]
    pixels = ours["pixel_values"].reshape(expected.shape)
    report.row("pixel_values", float(np.abs(pixels - expected).max()), BOUNDS["pixel_values"][kind])
    single = reference(model, tokens, pixels, torch.float32)
    double = reference(model, tokens, pixels, torch.float64)
    for name, wanted in double.items():
        found = ours[name].astype(np.float64).reshape(wanted.shape)
        if name == "text_embeds":  # a scale that the class head removes
            found, wanted, single[name] = unit_rows(found), unit_rows(wanted), unit_rows(single[name])
        report.row(name, float(np.abs(found - wanted).max()), BOUNDS[name],
                   float(np.abs(single[name] - wanted).max()))
    wrong = int((ours["logits"].reshape(double["logits"].shape).argmax(0) != double["logits"].argmax(0)).sum())
    report.row("best patch", wrong, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("images", nargs="+")
    parser.add_argument("--query", action="append")
    parser.add_argument("--spur", default="build/spur")
    parser.add_argument("--resize", default="pillow13", help="order of the passes of the Pillow here")
    options = parser.parse_args()
    options.query = options.query or QUERIES
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    processor = AutoImageProcessor.from_pretrained(options.model, backend="pil")
    model = AutoModelForZeroShotObjectDetection.from_pretrained(
        options.model, attn_implementation="eager").eval()
    tokens = tokenizer(options.query, padding="max_length", truncation=True, max_length=16, return_tensors="pt")
    report = Report()
    compare_tokens(options, tokenizer, report)
    for image in options.images:
        compare_image(options, processor, model, tokens, image, report)
    sys.exit(1 if report.failed else 0)


main()
