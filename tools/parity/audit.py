#!/usr/bin/env python3
"""Repeats a run's detector audit with Pillow and transformers and compares with run.db.

usage: tools/parity/audit.py RUN --detector MODEL [--images N]

RUN has been through `spur eval RUN --audit --detector MODEL`; MODEL is an OWL-ViT in Hugging Face
layout and the run's scores are plain (`max`, no margin, no objectness). Of N images, spread over the
audited ones, the pictures are painted again and go through transformers in double, with the run's
stored queries: logits may differ by 1e-4. From the stored logits of all images every number of the
stage is computed again (tolerance 1e-12). Exit code 1 when anything differs.
"""
import argparse
import json
import os
import sqlite3
import sys

import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor, OwlViTForObjectDetection

from noise import choose, wilson

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)


def painted(picture, box):
    """The picture without the box, and the box alone; grey is the preprocessing's mean."""
    pixels = np.asarray(picture)
    height, width = pixels.shape[:2]
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    inside = ((y >= box[1]) & (y < box[3]))[:, None] & ((x >= box[0]) & (x < box[2]))[None, :]
    grey = np.floor(255 * np.array(CLIP_MEAN) + 0.5).astype(np.uint8)
    removed, alone = pixels.copy(), pixels.copy()
    removed[inside], alone[~inside] = grey, grey
    return [Image.fromarray(removed), Image.fromarray(alone)]


def logits_of(model, processor, pictures, query):
    values = processor(pictures, return_tensors="pt")["pixel_values"].double()
    with torch.no_grad():
        features = model.image_embedder(pixel_values=values)[0]
        features = features.reshape(len(pictures), -1, features.shape[-1])
        queries = torch.tensor(query, dtype=torch.float64).expand(len(pictures), 1, -1)
        return model.class_predictor(features, queries)[0].amax((1, 2)).numpy()


def expected_results(split, rows, outcomes, scored):
    flags = outcomes[:, 0]
    removed, alone = (outcomes[:, i:i + 4].copy().view("<f4")[:, 0].astype(float) for i in (4, 8))
    kept = ((flags & 1) != 0) & ((flags & 2) == 0)
    full = np.array([row["logit"] for row in rows])
    classes = np.array([row["class_index"] for row in rows])
    threshold = {c: np.quantile([row["logit"] for row in scored if row["class_index"] == c], 0.1)
                 for c in set(classes)}
    seen = (removed >= np.array([threshold[c] for c in classes]))[kept]
    low, high = wilson(seen.mean(), len(seen))
    found = {"n": kept.sum(), "failed": (flags & 1 == 0).sum(), "empty_boxes": (flags & 2 != 0).sum(),
             "full_boxes": (flags & 4 != 0).sum(), "seen": seen.mean(), "seen_wilson_low": low,
             "seen_wilson_high": high}
    for name, values in (("context_reliance", full - alone), ("hallucination", removed),
                         ("removal_drop", full - removed)):
        found[f"{name}_mean"] = values[kept].mean()
        for q in (10, 50, 90):
            found[f"{name}_q{q}"] = np.quantile(values[kept], q / 100)
    return {f"audit/{split}/{key}": float(value) for key, value in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("run")
    parser.add_argument("--detector", required=True)
    parser.add_argument("--images", type=int, default=6)
    options = parser.parse_args()
    db = sqlite3.connect(f"file:{os.path.join(options.run, 'run.db')}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    record = db.execute("SELECT * FROM experiments WHERE stage = 'audit'").fetchone()
    if record is None:
        sys.exit(f"{options.run}: no audit")
    if db.execute("SELECT value FROM settings WHERE key = 'score'").fetchone()[0] != "max":
        sys.exit("the run's scores are not plain maxima: not repeated here")
    split, settings = record["split"], json.loads(record["settings"])
    root = db.execute("SELECT root FROM splits WHERE split = ?", (split,)).fetchone()[0]
    scored = db.execute("SELECT * FROM images JOIN scores USING (split, row) WHERE split = ? AND reason IS NULL "
                        "ORDER BY row", (split,)).fetchall()
    rows = choose(scored, settings["limit"], settings["seed"])
    data = b"".join(row[0] for row in db.execute(
        "SELECT outcomes FROM experiment_blocks WHERE stage = 'audit' AND split = ? ORDER BY block", (split,)))
    if len(data) != 12 * len(rows):
        sys.exit("the run's audit is not complete: run it again")
    outcomes = np.frombuffer(data, dtype=np.uint8).reshape(-1, 12)
    queries = [np.frombuffer(row[0], dtype="<f4") for row in db.execute(
        "SELECT query FROM classes ORDER BY class_index")]

    model = OwlViTForObjectDetection.from_pretrained(options.detector, dtype=torch.float64).eval()
    processor = AutoImageProcessor.from_pretrained(options.detector, backend="pil")
    worst = 0.0
    chosen = np.unique(np.linspace(0, len(rows) - 1, options.images).astype(int))
    for i in chosen:
        row = rows[i]
        path = row["file_name"] if row["file_name"].startswith("/") else os.path.join(root, row["file_name"])
        box = [row[f"box_{side}"] for side in ("xmin", "ymin", "xmax", "ymax")]
        found = logits_of(model, processor, painted(Image.open(path).convert("RGB"), box),
                          queries[row["class_index"]])
        stored = outcomes[i, 4:12].copy().view("<f4")
        worst = max(worst, float(np.abs(found - stored).max()))
    print(f"logits: {2 * len(chosen)} compared, largest difference {worst:.2g}")

    stored = dict(db.execute("SELECT key, value FROM results WHERE stage = 'audit'"))
    expected = expected_results(split, rows, outcomes, scored)
    missing = [key for key in expected if key not in stored]
    largest = max(abs(value - stored[key]) for key, value in expected.items() if key in stored)
    print(f"results: {len(expected)} computed again, {len(missing)} missing, largest difference {largest:.2g}")
    return int(worst > 1e-4 or bool(missing) or largest > 1e-12)


if __name__ == "__main__":
    sys.exit(main())
