"""How good the detector is on fresh images of the biased world (12 % empty, 5 % wrong labels).

Definitions (score = largest logit over the patches):
  present   per class: its images against all that show its shape nowhere, not even as a
            distractor; clear: only images with clearness > 0.6 on the first side
  none      per class: its images against its empty images; wrong: against its wrong labels
  hidden    per class: its images with clearness >= 0.15 against the rest under its label
  energy    Spearman of the own-class score with the visible energy, all images under the label
            (empty and wrong ones have none), as `spur rank --truth energy`; energy_shown: only
            images that show the class, which is harder
  overlap   IoU of the best patch's box with the true box, clearness > 0.6
  minority  per class, images that show it: those on another background against the others
  templates per class: Spearman of the own-class scores under two prompts, the mean over classes
"""
import numpy as np
import torch
from scipy.stats import rankdata, spearmanr

import detector
import prompts
import world as worlds

GOALS = {"present": (">=", 0.93), "present_clear": (">=", 0.985), "wrong": (">=", 0.85), "energy": (">=", 0.80),
         "energy_worst": (">=", 0.72), "overlap": (">=", 0.75), "templates": (">=", 0.98), "minority": ("in", (0.45, 0.55))}


def auc(high, low):
    """Probability that a value of `high` is above one of `low`; nan when one side is empty."""
    if not len(high) or not len(low):
        return np.nan
    ranks = rankdata(np.concatenate([high, low]))
    return (ranks[:len(high)].sum() - len(high) * (len(high) + 1) / 2) / (len(high) * len(low))


def test_options(seed, **changed):
    return worlds.options(seed, **{**dict(favourite=0.8, none=0.12, wrong=0.05, skew=1.0), **changed})


def run_detector(model, pixels, text_ids, batch=50):
    """Largest logits [n, queries], the boxes of those patches [n, queries, 4] in pixels."""
    scores, boxes = [], []
    with torch.no_grad():
        for first in range(0, len(pixels), batch):
            logits, raw = detector.forward(model, detector.cut_patches(pixels[first:first + batch]), text_ids)
            best, patch = logits.max(1)
            box = torch.sigmoid(raw)[torch.arange(len(raw))[:, None], patch] * worlds.SIDE
            scores.append(best)
            boxes.append(torch.cat([box[..., :2] - box[..., 2:] / 2, box[..., :2] + box[..., 2:] / 2], -1))
    return torch.cat(scores).numpy(), torch.cat(boxes).numpy()


def overlap(a, b):
    common = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None).prod(1)
    return common / ((a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - common)


def measure_class(c, scores, boxes, labels, truth):
    """One class's numbers from its scores [n] on all images."""
    ok = truth["planted"] == worlds.PLANTED_OK
    shown, clear = ok & (labels == c), truth["clearness"] > 0.6
    others = (truth["shown"] >> c & 1) == 0
    visible = shown & (truth["clearness"] >= 0.15)
    under = (labels == c) & ~visible
    return {
        "present": auc(scores[shown], scores[others]),
        "present_clear": auc(scores[shown & clear], scores[others]),
        "none": auc(scores[shown], scores[(labels == c) & (truth["planted"] == worlds.PLANTED_NONE)]),
        "wrong": auc(scores[shown], scores[(labels == c) & (truth["planted"] == worlds.PLANTED_WRONG)]),
        "hidden": auc(scores[visible], scores[under]),
        "energy": spearmanr(scores[labels == c], truth["energy"][labels == c])[0],
        "energy_shown": spearmanr(scores[shown], truth["energy"][shown])[0],
        "clearness": spearmanr(scores[shown], truth["clearness"][shown])[0],
        "overlap": overlap(boxes[shown & clear], truth["box"][shown & clear]).mean(),
        "minority": auc(scores[shown & (truth["minority"] != 0)], scores[shown & (truth["minority"] == 0)]),
    }


def template_agreement(model, encode, names, pixels, labels):
    """The smallest agreement of two templates, by name, and the smallest of one class."""
    own = []
    for template in prompts.TEMPLATES:
        ids = torch.from_numpy(encode([template.format(name) for name in names[:worlds.CLASSES]]))
        own.append(run_detector(model, pixels, ids)[0][np.arange(len(labels)), labels])
    ranks = np.array(own)
    tables = np.array([spearmanr(ranks[:, labels == c], axis=1)[0] for c in range(worlds.CLASSES)])
    mean = tables.mean(0)
    a, b = np.unravel_index(mean.argmin(), mean.shape)
    return {"templates": float(mean.min()), "templates_pair": [prompts.TEMPLATES[a], prompts.TEMPLATES[b]],
            "templates_to_default": [round(float(value), 4) for value in mean[0]],
            "templates_worst_class": float(tables.min())}


def evaluate(model, encode, world, seeds, per_class=100, templates=True):
    """Means over seeds of the numbers of 10 classes x per_class images."""
    model.eval()
    ids = torch.from_numpy(encode([prompts.DEFAULT.format(name) for name in world.names[:worlds.CLASSES]]))
    tables = []
    for seed in seeds:
        pixels, labels, truth = world.class_set(test_options(seed), per_class)
        scores, boxes = run_detector(model, pixels, ids)
        tables.append([measure_class(c, scores[:, c], boxes[:, c], labels, truth) for c in range(worlds.CLASSES)])
    rows = [{key: float(np.nanmean([table[c][key] for table in tables])) for key in tables[0][0]}
            for c in range(worlds.CLASSES)]  # each class's mean over seeds
    found = {key: float(np.nanmean([row[key] for row in rows])) for key in rows[0]}
    for key in ("present", "energy", "energy_shown"):
        found[key + "_worst"] = min(row[key] for row in rows)
        found[key + "_per_class"] = [round(row[key], 3) for row in rows]
    if templates:
        found.update(template_agreement(model, encode, world.names, pixels, labels))
    return found


def unknown_queries(model, encode, world, seed=990_001):
    """Mean of the largest logit for things that no image shows, beside the own class's."""
    pixels, labels, _ = world.class_set(test_options(seed, none=0.0, wrong=0.0), 20)
    texts = ["zebra", "giraffe", "cat", "boat", ""]
    scores, _ = run_detector(model, pixels, torch.from_numpy(encode([prompts.DEFAULT.format(t) if t else t for t in texts])))
    names = [prompts.DEFAULT.format(name) for name in world.names[:worlds.CLASSES]]
    own, _ = run_detector(model, pixels, torch.from_numpy(encode(names)))
    found = {text or "(empty)": round(float(value), 2) for text, value in zip(texts, scores.mean(0))}
    return {**found, "own class": round(float(own[np.arange(len(labels)), labels].mean()), 2)}


def check_goals(found):
    """name -> (value, goal, reached)"""
    rows = {}
    for name, (kind, goal) in GOALS.items():
        if name in found:
            value = found[name]
            rows[name] = (value, goal, value >= goal if kind == ">=" else goal[0] <= value <= goal[1])
    return rows


def line(found):
    return " ".join(f"{key} {value:.3f}" for key, value in found.items() if isinstance(value, float))
