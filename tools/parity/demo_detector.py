#!/usr/bin/env python3
"""The demo detector's quality through Hugging Face transformers, and Spur's logits against it.

usage: tools/parity/demo_detector.py [--model share/demo/detector] [--spur build/spur] [--seeds N]

Asked are 10 classes x 100 images of seeds that were not trained on, with 12 % empty images and
5 % wrong labels; definitions stand in tools/train/evaluate.py. The reference is transformers'
ordinary forward with the folder's own tokenizer and image processor. With --spur, the logits of
all patches of some images (written as PNG) must agree to 1e-4. Needs libspur_world.so.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tools", "train"))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402
from transformers import AutoImageProcessor, AutoTokenizer, OwlViTForObjectDetection  # noqa: E402

import detector  # noqa: E402
import evaluate  # noqa: E402
import prompts  # noqa: E402
import world as worlds  # noqa: E402

BOUND = 1e-4


class Reference:
    """transformers on images [n, 96, 96, 3] uint8."""

    def __init__(self, folder):
        self.model = OwlViTForObjectDetection.from_pretrained(folder, dtype=torch.float32).eval()
        self.processor, self.tokenizer = AutoImageProcessor.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)

    def ids(self, texts):
        return self.tokenizer(texts, padding="max_length", max_length=16, truncation=True, return_tensors="pt")["input_ids"]

    def logits(self, pixels, texts):
        ids = self.ids(texts)
        values = self.processor(images=[Image.fromarray(one) for one in pixels], return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            out = self.model(input_ids=ids.repeat(len(pixels), 1), pixel_values=values)
        return out.logits, out.pred_boxes


def check_own_forward(reference, pixels, texts):
    """The forward of the training is the same function."""
    logits, boxes = reference.logits(pixels, texts)
    with torch.no_grad():
        own, raw = detector.forward(reference.model, detector.cut_patches(pixels), reference.ids(texts))
    return float((own - logits).abs().max()), float((torch.sigmoid(raw) - boxes).abs().max())


def measure(reference, world, seeds):
    """evaluate.evaluate, with transformers' forward in the place of the training's."""
    def forward(model, pixels, ids, batch=50):
        scores, boxes = [], []
        for first in range(0, len(pixels), batch):
            part = [Image.fromarray(one) for one in pixels[first:first + batch]]
            values = reference.processor(images=part, return_tensors="pt")["pixel_values"]
            with torch.no_grad():
                out = model(input_ids=ids.repeat(len(part), 1), pixel_values=values)
            best, patch = out.logits.max(1)
            box = out.pred_boxes[torch.arange(len(part))[:, None], patch] * worlds.SIDE
            scores.append(best)
            boxes.append(torch.cat([box[..., :2] - box[..., 2:] / 2, box[..., :2] + box[..., 2:] / 2], -1))
        return torch.cat(scores).numpy(), torch.cat(boxes).numpy()
    evaluate.run_detector = forward
    return evaluate.evaluate(reference.model, lambda texts: reference.ids(texts).numpy(), world, seeds)


def compare_spur(spur, folder, reference, pixels, texts):
    """Largest |Spur - transformers| over all patches and queries of some images."""
    worst = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        picture, raw = os.path.join(scratch, "one.png"), os.path.join(scratch, "raw.safetensors")
        for one in pixels:
            Image.fromarray(one).save(picture)
            queries = [word for text in texts for word in ("--query", text)]
            subprocess.run([spur, "detect", picture, "--detector", folder, "--raw", raw, "--json", "--quiet", *queries],
                           stdout=subprocess.DEVNULL, check=True)
            logits, _ = reference.logits(one[None], texts)
            worst = max(worst, float(np.abs(load_file(raw)["logits"] - logits[0].numpy()).max()))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=os.path.join(ROOT, "share", "demo", "detector"))
    parser.add_argument("--spur", help="compare this program too")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=20, help="images to compare Spur on")
    parser.add_argument("--world-library")
    options = parser.parse_args()
    torch.set_num_threads(1)
    world, reference = worlds.World(options.world_library), Reference(options.model)
    texts = [prompts.DEFAULT.format(name) for name in world.names]
    pixels, _, _ = world.class_set(evaluate.test_options(990_001), 10)
    print("training's forward against transformers: logits %.1e, boxes %.1e" % check_own_forward(reference, pixels, texts))
    failed = False
    if options.spur:
        chosen = pixels[:: max(1, len(pixels) // options.images)]
        worst = compare_spur(options.spur, options.model, reference, chosen, texts)
        failed = worst > BOUND
        print(f"spur against transformers, {len(chosen)} images x {len(texts)} queries x 64 patches: "
              f"largest difference of logits {worst:.1e} (bound {BOUND:.0e}) {'FAILED' if failed else 'ok'}")
    found = measure(reference, world, [990_001 + i for i in range(options.seeds)])
    for name, (value, goal, reached) in evaluate.check_goals(found).items():
        print(f"{name:14} {value:.3f}  goal {goal}  {'reached' if reached else 'MISSED'}")
    print(json.dumps({key: value for key, value in found.items()}, indent=1))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
