#!/usr/bin/env python3
"""Repeats a run's noise evaluation with numpy, Pillow and PyTorch and compares with run.db.

usage: tools/parity/noise.py RUN --backbone MODEL [--detector MODEL] [--images N]

RUN has been through `spur eval RUN --noise --noise-backbone MODEL`. Of N images, spread over the
evaluated ones, everything is made again from docs/evaluation.md and docs/formats.md alone:

- which images there are (also with --noise-limit), the draws (Philox4x32-10 and Box-Muller), the
  boxes through resize and crop, the pixels with noise: the length that was added is compared
  with the stored one (tolerance 1e-6 of it: stored in float32);
- with --noise-boxes the boxes of the union, with transformers in double from the MODEL that the
  run was scored with: their number may differ only where a logit is within 1e-4 of the threshold,
  samples of the mask only where a centre is within 1e-4 of the image's size of an edge;
- the network in double (ResNets by their tensors' names, ViTs through transformers) and every head
  of the run: the predictions of all variants are compared; they may differ only where the two
  largest logits are within 1e-4 of the largest.

From the stored predictions of all images every accuracy, interval and relative foreground
sensitivity of the results is computed again (tolerance 1e-12). Exit code 1 when anything differs.
"""
import argparse
import json
import os
import re
import sqlite3
import struct
import sys

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

MASK = 0xFFFFFFFF
Z95 = 1.959963984540054
ABSENT = -1e29


# ---- random numbers --------------------------------------------------------------------------

def philox(key, counter):
    """Four words [..., 4] at counters [..., 4]; Salmon et al., SC 2011."""
    c = [np.asarray(counter[..., i], dtype=np.uint64) for i in range(4)]
    k = [int(key[0]), int(key[1])]
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), b & np.uint64(MASK),
             (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), a & np.uint64(MASK)]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return np.stack(c, axis=-1)


def words(key, high, low):
    low = np.asarray(low, dtype=np.uint64)
    counter = np.empty(low.shape + (4,), dtype=np.uint64)
    counter[..., 0], counter[..., 1] = low & np.uint64(MASK), low >> np.uint64(32)
    counter[..., 2], counter[..., 3] = high & MASK, high >> 32
    return philox(key, counter)


def key_of(seed, purpose):
    mark = 0xCBF29CE484222325
    for byte in purpose.encode():
        mark = (mark ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return [int(w) for w in words([seed & MASK, seed >> 32], 0, mark)[:2]]


def halves(image_id):
    return struct.unpack("<QQ", image_id)


def draw(seed, image_id, trial, count):
    high, low = halves(image_id)
    key = [int(w) for w in words(key_of(seed, "noise"), high, low)[:2]]
    w = words(key, trial, np.arange((count + 3) // 4)).astype(np.float64)
    r = np.sqrt(-2 * np.log((w[:, 0::2] + 0.5) / 2.0**32))
    t = 2 * np.pi * w[:, 1::2] / 2.0**32
    pairs = np.stack([r * np.cos(t), r * np.sin(t)], axis=-1)
    return pairs.reshape(-1)[:count].astype(np.float32).astype(np.float64)


def choose(rows, limit, seed):
    """Scored rows; with a limit the same number of every class, by a draw of the image id."""
    if limit == 0 or limit >= len(rows):
        return rows
    key = key_of(seed, "experiment")
    ranked = []
    for row in rows:
        w = words(key, *halves(row["image_id"]))
        ranked.append((row["class_index"], int(w[0]) << 32 | int(w[1]), row["row"], row))
    ranked.sort(key=lambda one: one[:3])
    place, chosen = {}, []
    for class_index, _, number, row in ranked:
        place[class_index] = place.get(class_index, -1) + 1
        chosen.append((place[class_index], class_index, number, row))
    chosen.sort(key=lambda one: one[:3])
    return sorted((one[3] for one in chosen[:limit]), key=lambda row: row["row"])


# ---- pixels ----------------------------------------------------------------------------------

class Recipe:
    """The resolved preprocessing, from the line run.db keeps."""

    def __init__(self, text):
        filters = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
        stretch = re.match(r"stretch to (\d+)x\1 (\w+)(.*?)(?:, centre crop (\d+)x\4)?, times", text)
        short = re.match(r"short side to (\d+) (\w+)(.*?), centre crop (\d+)x\4, times", text)
        found = stretch or short
        if not found or found.group(3):
            sys.exit(f"not a recipe of this script: {text}")
        self.is_short = stretch is None
        self.size, self.filter = int(found.group(1)), filters[found.group(2)]
        self.side = int(found.group(4) or found.group(1))
        numbers = r", mean (\S+) (\S+) (\S+), std (\S+) (\S+) (\S+)$"
        values = [float(v) for v in re.search(numbers, text).groups()]
        self.mean, self.std = (np.array(values[i:i + 3]).reshape(3, 1, 1) for i in (0, 3))

    def resized(self, width, height):
        if not self.is_short:
            return self.size, self.size
        if width <= height:
            return self.size, int(self.size * height / width)
        return int(self.size * width / height), self.size

    def offset(self, n):
        room = n - self.side
        return int(round(room / 2)) if room >= 0 else -(-room // 2)  # round: half to even

    def pixels(self, picture):
        """[3, side, side] in [0, 1]."""
        width, height = self.resized(*picture.size)
        left, top = self.offset(width), self.offset(height)
        small = picture.resize((width, height), self.filter)
        small = small.crop((left, top, left + self.side, top + self.side))
        return (np.asarray(small, dtype=np.float64) / 255).transpose(2, 0, 1).astype(np.float32)

    def mask(self, width, height, box):
        """Samples whose centre lies in the box."""
        inside = []
        for n, resized, low, high in zip((width, height), self.resized(width, height), box[:2], box[2:]):
            centre = (np.arange(self.side) + self.offset(resized) + 0.5) * (n / resized)
            inside.append((centre >= max(low, 0)) & (centre < min(high, n)))
        return inside[1][:, None] & inside[0][None, :]

    def union(self, width, height, boxes, grow=0.0):
        """Samples whose centre lies in one of the boxes, each edge moved out by that many pixels."""
        found = np.zeros((self.side, self.side), dtype=bool)
        for box in boxes:
            found |= self.mask(width, height, [box[0] - grow, box[1] - grow, box[2] + grow, box[3] + grow])
        return found


def add_noise(x, noise, scale, clamp):
    moved = x.astype(np.float64) + scale * noise
    moved = (np.clip(moved, 0, 1) if clamp else moved).astype(np.float32)
    return moved, np.sqrt(((moved.astype(np.float64) - x) ** 2).sum())


# ---- networks --------------------------------------------------------------------------------

def resnet(weights):
    """pixels -> features by the names of torchvision and timm."""
    w = {name: value.double() for name, value in weights.items()}

    def norm(x, name):
        return torch.nn.functional.batch_norm(x, w[f"{name}.running_mean"], w[f"{name}.running_var"],
                                              w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-5)

    def conv(x, name, stride):
        kernel = w[f"{name}.weight"]
        return torch.nn.functional.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    def block(x, name, stride):
        deep = f"{name}.conv3.weight" in w
        y = torch.relu(norm(conv(x, f"{name}.conv1", 1 if deep else stride), f"{name}.bn1"))
        y = norm(conv(y, f"{name}.conv2", stride if deep else 1), f"{name}.bn2")
        if deep:
            y = norm(conv(torch.relu(y), f"{name}.conv3", 1), f"{name}.bn3")
        if f"{name}.downsample.0.weight" in w:
            x = norm(conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        return torch.relu(x + y)

    def run(x):
        x = torch.relu(norm(conv(x, "conv1", 2), "bn1"))
        x = torch.nn.functional.max_pool2d(x, 3, 2, 1)
        for layer in range(1, 5):
            for i in range(100):
                if f"layer{layer}.{i}.conv1.weight" not in w:
                    break
                x = block(x, f"layer{layer}.{i}", 2 if layer > 1 and i == 0 else 1)
        return x.mean((2, 3))
    return run


def open_network(folder):
    path = os.path.join(folder, "model.safetensors")
    weights = load_file(path)
    if "conv1.weight" in weights:
        return resnet(weights)
    from transformers import ViTForImageClassification
    model = ViTForImageClassification.from_pretrained(folder, dtype=torch.float64).eval()
    return lambda x: model.vit(pixel_values=x).last_hidden_state[:, 0]


def model_names(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    labels = config.get("id2label")
    return [labels[str(i)] for i in range(len(labels))] if labels else config.get("label_names")


def open_heads(run, name, wanted, classes, folder):
    """Weights, bias and the class of every output, in the order of `wanted`."""
    heads = []
    for head in wanted:
        path = os.path.join(run, "heads", name, head + ".safetensors")
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key).double().numpy() for key in file.keys()}
        weight = next(value for value in tensors.values() if value.ndim == 2)
        bias = next(value for value in tensors.values() if value.ndim == 1)
        if len(tensors) != 2:
            sys.exit(f"{path}: a head of two layers is not compared here")
        order = list(range(len(bias)))
        if head == "original":
            names = model_names(folder)
            order = [names.index(label) if names else i for i, label in enumerate(classes)]
        class_of = {output: i for i, output in enumerate(order)}
        heads.append((weight, bias, class_of))
    return heads


# ---- the detector's boxes ----------------------------------------------------------------------

class Boxes:
    """All boxes of a picture's own class of at least a probability, in double."""

    def __init__(self, db, model, probability):
        from transformers import AutoModelForZeroShotObjectDetection
        settings = dict(db.execute("SELECT key, value FROM settings"))
        if "\n" in settings["prompts"] or "objectness" in settings["score"]:
            sys.exit("a run of several templates or with objectness is not repeated here")
        self.queries = [np.frombuffer(row[0], dtype="<f4").astype(np.float64)
                        for row in db.execute("SELECT query FROM classes ORDER BY class_index")]
        self.model = AutoModelForZeroShotObjectDetection.from_pretrained(model, dtype=torch.float64).eval()
        with open(os.path.join(model, "preprocessor_config.json"), encoding="utf-8") as file:
            self.config = json.load(file)
        self.limit = np.log(probability / (1 - probability))

    def pixels(self, picture):
        size = self.config["size"]
        small = picture.resize((size["width"], size["height"]), self.config.get("resample", 3))
        scaled = np.asarray(small, dtype=np.float64) / 255
        scaled = (scaled - self.config["image_mean"]) / self.config["image_std"]
        return torch.from_numpy(scaled.transpose(2, 0, 1)[None])

    def find(self, picture, class_index):
        """Boxes in pixels, and how many more or fewer would be within 1e-4 of the threshold."""
        with torch.no_grad():
            features, _ = self.model.image_embedder(pixel_values=self.pixels(picture))
            patches = features.reshape(1, -1, features.shape[-1])
            query = torch.from_numpy(self.queries[class_index])[None, None]
            logits = self.model.class_predictor(patches, query)[0][0, :, 0].numpy()
            centres = self.model.box_predictor(patches, features)[0].numpy()
        boxes = np.concatenate([centres[:, :2] - centres[:, 2:] / 2, centres[:, :2] + centres[:, 2:] / 2], 1)
        boxes *= np.array(picture.size * 2)
        near = int((np.abs(logits - self.limit) < 1e-4).sum())
        return boxes[logits >= self.limit], near


# ---- outcomes --------------------------------------------------------------------------------

class Outcomes:
    """Bytes of experiment_blocks, see docs/formats.md."""

    def __init__(self, db, record):
        self.settings = json.loads(record["settings"])
        self.strengths, self.trials = self.settings["strengths"], self.settings["trials"]
        self.is_sigma = self.settings["kind"] == "sigma"
        self.heads = self.settings["heads"]
        self.variants = 1 + 2 * self.trials * len(self.strengths)
        size = 12 + 4 * (self.variants - 1) + 2 * len(self.heads) * self.variants
        blocks = db.execute("SELECT outcomes FROM experiment_blocks WHERE stage = 'noise' AND subject = ? "
                            "AND split = ? ORDER BY block", (record["subject"], record["split"]))
        data = b"".join(row[0] for row in blocks)
        if len(data) != size * record["images"]:
            sys.exit("the run's noise evaluation is not complete: run it again")
        rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
        self.flags = rows[:, 0]
        self.inside = rows[:, 4:8].copy().view("<u4")[:, 0]
        self.boxes = rows[:, 8:12].copy().view("<u4")[:, 0]
        at = 12 + 4 * (self.variants - 1)
        self.lengths = rows[:, 12:at].copy().view("<f4")
        self.predicted = rows[:, at:].copy().view("<u2").reshape(-1, len(self.heads), self.variants)

    def variant(self, trial, region, strength):
        return 1 + (trial * 2 + region) * len(self.strengths) + strength

    def name(self, strength):
        return f"{'sigma-' if self.is_sigma else ''}{strength:.9g}"

    def scale(self, strength, noise, region):
        """What the draw is multiplied by."""
        if self.is_sigma:
            return strength
        length = np.sqrt(((noise * region) ** 2).sum())
        return strength / length if length > 0 else 0.0


def wilson(p, n):
    middle = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def accuracy(right):
    """right [images, trials] -> value, low, high."""
    each = right.mean(1)
    value, n = each.mean(), len(each)
    variance = each.var(ddof=1) / n
    effective = value * (1 - value) / variance if variance > 0 else n
    return value, *wilson(value, min(max(effective, n), right.size))


def sensitivity(inside, outside):
    f, b = inside.mean(1), outside.mean(1)
    mean = (f.mean() + b.mean()) / 2
    least = min(mean, 1 - mean)
    if least <= 0:
        return 0.0, 0.0, 0.0
    value = (b.mean() - f.mean()) / (2 * least)
    p, q = (f.mean(), b.mean()) if mean <= 0.5 else (1 - f.mean(), 1 - b.mean())
    slope = (2 * p * b - 2 * q * f) / (4 * least**2)
    half = Z95 * np.sqrt(slope.var(ddof=1) / len(f))
    return value, max(-1.0, value - half), min(1.0, value + half)


def expected_results(name, outcomes, classes):
    good = (outcomes.flags & 1) != 0
    predicted, truth = outcomes.predicted[good], np.array(classes)[good]
    lengths, empty = outcomes.lengths[good], [(outcomes.flags[good] & bit) != 0 for bit in (2, 4)]
    right = predicted == truth[:, None, None]
    found = {f"noise/{name}/n": good.sum(), f"noise/{name}/empty_masks": empty[0].sum(),
             f"noise/{name}/full_masks": empty[1].sum(),
             f"noise/{name}/boxes_mean": outcomes.boxes[good].mean()}
    for h, head in enumerate(outcomes.heads):
        prefix = f"noise/{name}/{head}"
        for region in ("fg", "bg"):
            for part, value in zip(("top1", "wilson_low", "wilson_high"), accuracy(right[:, h, :1])):
                found[f"{prefix}/{region}/0/{part}"] = value
        for s, strength in enumerate(map(outcomes.name, outcomes.strengths)):
            pair = []
            for r, region in enumerate(("fg", "bg")):
                at = [outcomes.variant(t, r, s) for t in range(outcomes.trials)]
                pair.append(right[:, h, at])
                for part, value in zip(("top1", "wilson_low", "wilson_high"), accuracy(pair[r])):
                    found[f"{prefix}/{region}/{strength}/{part}"] = value
                kept = lengths[~empty[r]][:, [v - 1 for v in at]]
                if kept.size:
                    found[f"{prefix}/{region}/{strength}/norm"] = kept.mean(dtype=np.float64)
            for part, value in zip(("", "/low", "/high"), sensitivity(*pair)):
                found[f"{prefix}/rfs/{strength}{part}"] = value
    return found


# ---- the comparison --------------------------------------------------------------------------

def mask_of(row, picture, recipe, boxes, outcomes, i):
    """The mask, and whether the stored one may be no more than rounding apart from it."""
    own = [row[f"box_{side}"] for side in ("xmin", "ymin", "xmax", "ymax")]
    stored, near, grow = int(outcomes.inside[i]), 0, 0.0
    found = [own]
    if boxes is not None:
        others, near = boxes.find(picture, row["class_index"])
        found += list(others)
        grow = 1e-4 * max(picture.size)
    count = max(1, len(found) - 1)
    low, high = (int(recipe.union(*picture.size, found, sign * grow).sum()) for sign in (-1, 1))
    good = abs(count - int(outcomes.boxes[i])) <= near and (near > 0 or low <= stored <= high)
    mask = recipe.union(*picture.size, found)
    return mask, good, count == outcomes.boxes[i] and int(mask.sum()) == stored


def compare_image(row, root, recipe, network, heads, boxes, outcomes, i):
    """Largest relative difference of lengths; predictions compared, differing, near ties; whether
    the mask is as stored, and whether it is but for rounding."""
    path = row["file_name"] if row["file_name"].startswith("/") else os.path.join(root, row["file_name"])
    picture = Image.open(path).convert("RGB")
    x = recipe.pixels(picture)
    mask, good, same = mask_of(row, picture, recipe, boxes, outcomes, i)
    if not same:  # nothing that follows from it can be compared
        return 0.0, np.zeros(3, dtype=int), same, good
    worst = 0.0
    seed, clamp = outcomes.settings["seed"], outcomes.settings["clamp"]
    inputs = [x]
    for trial in range(outcomes.trials):
        noise = draw(seed, row["image_id"], trial, x.size).reshape(x.shape)
        for r, region in enumerate((mask, ~mask)):
            for s, strength in enumerate(outcomes.strengths):
                scale = outcomes.scale(strength, noise, region[None])
                moved, length = add_noise(x, noise * region[None], scale, clamp)
                stored = float(outcomes.lengths[i, outcomes.variant(trial, r, s) - 1])
                worst = max(worst, abs(length - stored) / max(length, 1e-30) if length > 0 else stored)
                inputs.append(moved)
    pixels = (np.stack(inputs).astype(np.float64) - recipe.mean) / recipe.std
    with torch.no_grad():
        features = network(torch.from_numpy(pixels)).numpy()
    counts = np.zeros(3, dtype=int)
    for h, (weight, bias, class_of) in enumerate(heads):
        logits = features @ weight.T + bias
        for v, row_logits in enumerate(logits):
            top = np.sort(np.where(bias > ABSENT, row_logits, -np.inf))[-2:]
            same = class_of.get(int(row_logits.argmax()), 65535) == outcomes.predicted[i, h, v]
            near = top[1] - top[0] <= 1e-4 * np.abs(row_logits[bias > ABSENT]).max()
            counts += [1, not same, not same and near]
    return worst, counts, same, good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("run")
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--detector", help="of a run with --noise-boxes")
    parser.add_argument("--images", type=int, default=6)
    options = parser.parse_args()
    name = os.path.basename(os.path.normpath(options.backbone))
    db = sqlite3.connect(f"file:{os.path.join(options.run, 'run.db')}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    record = db.execute("SELECT * FROM experiments WHERE stage = 'noise' AND subject = ?", (name,)).fetchone()
    if record is None:
        sys.exit(f"{options.run}: no noise evaluation of {name}")
    outcomes = Outcomes(db, record)
    if outcomes.settings["masks"]:
        sys.exit("this run's masks are not its boxes: not repeated here")
    root = db.execute("SELECT root FROM splits WHERE split = ?", (record["split"],)).fetchone()[0]
    rows = db.execute("SELECT * FROM images JOIN scores USING (split, row) WHERE split = ? AND reason IS NULL "
                      "ORDER BY row", (record["split"],)).fetchall()
    rows = choose(rows, outcomes.settings["limit"], outcomes.settings["seed"])
    recipe = Recipe(db.execute("SELECT preprocessing FROM backbones WHERE backbone = ?", (name,)).fetchone()[0])
    classes = [row[0] for row in db.execute("SELECT label FROM classes ORDER BY class_index")]
    heads = open_heads(options.run, name, outcomes.heads, classes, options.backbone)
    network = open_network(options.backbone)
    probability, boxes = outcomes.settings["boxes"], None
    if probability > 0:
        if options.detector is None:
            sys.exit("the run's masks are unions of boxes: give --detector MODEL")
        boxes = Boxes(db, options.detector, probability)

    worst, counts, masks = 0.0, np.zeros(3, dtype=int), []
    for i in np.unique(np.linspace(0, len(rows) - 1, options.images).astype(int)):
        one, found, *mask = compare_image(rows[i], root, recipe, network, heads, boxes, outcomes, i)
        worst, counts = max(worst, one), counts + found
        masks.append(mask)
    same, good = np.array(masks).sum(0)
    print(f"masks: {len(masks)} compared, {same} the same, {good - same} differ by rounding")
    print(f"lengths of the noise: largest relative difference {worst:.2g}")
    print(f"predictions: {counts[0]} compared, {counts[1]} differ, {counts[2]} of them near ties")

    stored = dict(db.execute("SELECT key, value FROM results WHERE stage = 'noise'"))
    expected = expected_results(name, outcomes, [row["class_index"] for row in rows])
    missing = [key for key in expected if key not in stored]
    largest = max(abs(float(value) - stored[key]) for key, value in expected.items() if key in stored)
    print(f"results: {len(expected)} computed again, {len(missing)} missing, largest difference {largest:.2g}")
    return int(good < len(masks) or same == 0 or worst > 1e-6 or counts[1] > counts[2] or bool(missing) or largest > 1e-12)


if __name__ == "__main__":
    sys.exit(main())
