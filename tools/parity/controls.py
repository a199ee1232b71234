#!/usr/bin/env python3
"""Recomputes the controls of `spur eval` from exported tables and compares.

usage: tools/parity/controls.py SPUR RUN [COLUMN...]

SPUR is the program, RUN a run that `spur eval` was called on (with its default seed, and with
--confound for each COLUMN; --sharpness as you like). From `spur export` (predictions, features, heads),
the suspects of `spur rank`, the images and boxes in run.db and, for sharpness, the files come, with NumPy and SciPy: the shuffles of the ranks, drawn again
with a Philox generator in NumPy, their p and Holm's adjustment; gaps inside strata with intervals;
correlations given other numbers, as Pearson's correlation of what least squares leaves; Kendall's tau
and Spearman's rho of the detector's logit with the model's loss and margin.

Prints the largest difference of every kind; exit code 1 when one is above 1e-9. Losses are made from
features in double precision, so that images whose single precision losses are closer than rounding may
change places: two exchanged pairs of images are allowed there.
"""
import collections
import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from scipy import stats
from statsmodels.stats.multitest import multipletests

import evaluate

STRATA = 5
SHUFFLES = 2000
Z = stats.norm.ppf(0.975)
NO_NUMBER = {"", "nan", "na", "n/a", "null"}


class Split:
    """What run.db and the exports say of a split; arrays by row."""

    def __init__(self, db, name, invisible, suspects, columns):
        rows = db.execute(
            "SELECT i.row, i.file_name, i.class_index, i.width, i.height, i.extra, s.logit, s.box_xmin, "
            "s.box_ymin, s.box_xmax, s.box_ymax FROM images i JOIN scores s ON s.split = i.split AND "
            "s.row = i.row WHERE i.split = ? ORDER BY i.row", (name,)).fetchall()
        count = db.execute("SELECT images FROM splits WHERE split = ?", (name,)).fetchone()[0]
        self.file = [None] * count
        self.label, self.rank = np.full(count, -1), np.zeros(count, int)
        self.logit = np.full(count, np.nan)
        self.size, self.suspect = np.zeros(count, int), np.zeros(count, bool)
        self.numbers = {key: np.full(count, np.nan) for key in ["box_area", "image_size", *columns]}
        for row in rows:
            self.take(row, columns)
        order = sorted((row for row in range(count) if self.label[row] >= 0),
                       key=lambda row: (self.label[row], self.logit[row], self.file[row].encode()))
        seen = collections.Counter()
        for row in order:
            seen[self.label[row]] += 1
            self.rank[row] = seen[self.label[row]]
        self.size = np.array([seen[label] for label in self.label])
        self.suspect = np.array([file in suspects for file in self.file])
        self.visible = ~np.isin(self.label, list(invisible))
        self.root = db.execute("SELECT root FROM splits WHERE split = ?", (name,)).fetchone()[0]

    def read_sharpness(self):
        self.numbers["sharpness"] = np.array(
            [np.nan if label < 0 else sharpness(os.path.join(self.root, file))
             for label, file in zip(self.label, self.file)])

    def take(self, row, columns):
        at, self.file[row[0]] = row[0], row[1]
        self.label[at], self.logit[at] = row[2], row[6]
        width, height = row[3], row[4]
        clipped = [min(max(v, 0.0), float(m)) for v, m in zip(row[7:], (width, height) * 2)]
        area = max(0, clipped[2] - clipped[0]) * max(0, clipped[3] - clipped[1])
        self.numbers["box_area"][at] = area / (width * height)
        self.numbers["image_size"][at] = width * height
        extra = json.loads(row[5]) if row[5] else {}
        for column in columns:
            text = str(extra.get(column, ""))
            self.numbers[column][at] = np.nan if text.lower() in NO_NUMBER else float(text)

    def ends(self, k):
        if k.endswith("pct"):
            wanted = np.maximum(1, np.floor(float(k[:-3]) / 100 * self.size + 0.5))
        else:
            wanted = np.full(len(self.size), int(k))
        return np.minimum(wanted, self.size // 2).astype(int)


def sharpness(path):
    """Variance of the Laplacian in Pillow's and NumPy's words."""
    with Image.open(path) as picture:
        picture = picture.convert("RGB")
        shorter = min(picture.size)
        if shorter > 256:
            picture = picture.resize([side * 256 // shorter for side in picture.size], Image.Resampling.BILINEAR)
        y = np.asarray(picture, float) @ [0.299, 0.587, 0.114]
    return (y[1:-1, :-2] + y[1:-1, 2:] + y[:-2, 1:-1] + y[2:, 1:-1] - 4 * y[1:-1, 1:-1]).var()


# ---- shuffles ----------------------------------------------------------------------------------

def draw_words(seed, label, count):
    """Words of the streams of all draws of a class: [SHUFFLES, count]."""
    key = evaluate.make_key(seed, "permutation")
    draw, block = np.meshgrid(np.arange(SHUFFLES), np.arange(-(-count // 4)), indexing="ij")
    zeros = np.zeros(draw.size)
    words = evaluate.philox(key, [block.ravel(), zeros + label, draw.ravel(), zeros])
    return np.stack(words, -1).reshape(SHUFFLES, -1)[:, :count].astype(np.uint64)


def shuffle_class(seed, label, size, ends):
    """The first `ends` of a shuffled class, for all draws."""
    order = np.tile(np.arange(size), (SHUFFLES, 1))
    words, every = draw_words(seed, label, ends), np.arange(SHUFFLES)
    for i in range(ends):
        product = words[:, i] * np.uint64(size - i)
        assert ((product & np.uint64(0xFFFFFFFF)) >= np.uint64(2**32 % (size - i))).all()
        j = i + (product >> np.uint64(32)).astype(int)
        order[every, i], order[every, j] = order[every, j], order[every, i].copy()
    return order[:, :ends]


def p_of(gap, shuffled):
    """Gaps are shares of whole numbers: equal ones differ by rounding only."""
    return (1 + (abs(shuffled) >= abs(gap) - 1e-12).sum()) / (1 + SHUFFLES)


def check_shuffles(differences, split, images, rights, names, k, results, has_classes):
    ends = split.ends(k)[images]
    clear = split.rank[images] > split.size[images] - ends
    hidden = split.rank[images] <= ends
    labels = sorted(set(split.label[images]))
    drawn = {}
    for label in labels:
        own = np.flatnonzero(split.label[images] == label)
        counts = int(clear[own].sum()), int(hidden[own].sum())
        drawn[label] = own, counts, shuffle_class(0, label, len(own), sum(counts))
    shown = [label for label in labels if split.visible[images][drawn[label][0][0]]]
    for head, right in rights.items():
        sums = {}
        for label, (own, (n_clear, n_hidden), order) in drawn.items():
            answers = right[own][order]
            sums[label] = (answers[:, :n_clear].sum(1), answers[:, n_clear:].sum(1),
                           right[own][clear[own]].sum(), right[own][hidden[own]].sum(), n_clear, n_hidden)
        def pooled(which):
            total = [sum(sums[label][i] for label in which) for i in range(6)]
            return total[0] / total[4] - total[1] / total[5], total[2] / total[4] - total[3] / total[5]
        shuffled, gap = pooled(labels)
        key = f"{names[head]}gap_at_{k}"
        differences.add("p of shuffles", key, results.pop(key + "_p"), p_of(gap, shuffled))
        differences.add("band of shuffles", key, results.pop(key + "_null"),
                        np.sort(abs(shuffled))[-(-SHUFFLES * 95 // 100) - 1])
        if len(shown) < len(labels) and shown:
            shuffled, gap = pooled(shown)
            differences.add("gap of visible classes", key, results.pop(key + "_visible"), gap)
            differences.add("p of shuffles", key, results.pop(key + "_visible_p"), p_of(gap, shuffled))
        if has_classes and f"{names[head]}class/{split.names[labels[0]]}/gap_at_{k}" in results:
            check_classes(differences, names[head], k, labels, pooled, split.names, results)


def check_classes(differences, name, k, labels, pooled, label_names, results):
    ps, keys = [], []
    for label in labels:
        shuffled, gap = pooled([label])
        key = f"{name}class/{label_names[label]}/gap_at_{k}"
        differences.add("gap of a class", key, results.pop(key), gap)
        differences.add("p of shuffles", key, results.pop(key + "_p"), p_of(gap, shuffled))
        ps.append(p_of(gap, shuffled))
        keys.append(key)
    for key, holm in zip(keys, multipletests(ps, method="holm")[1]):
        differences.add("Holm", key, results.pop(key + "_holm"), holm)


# ---- strata and correlations ---------------------------------------------------------------------

def by_class(labels):
    return [np.flatnonzero(labels == label) for label in sorted(set(labels))]


def strata_of(label, numbers):
    out = np.full(len(label), -1)
    for own in by_class(label):
        own = own[~np.isnan(numbers[own])]
        ranks = stats.rankdata(numbers[own])
        out[own] = np.floor(STRATA * (2 * ranks - 1) / (2 * len(own)) + 1e-12)
    return out


def check_within(differences, split, images, right, weights, name, number, k, results):
    """Cells of (class, stratum): images in the order of their ranks."""
    values = split.numbers[number][images]
    label, ends = split.label[images], split.ends(k)[images]
    strata = strata_of(label, values)
    classes = weights.shape[1]
    apart, n = np.zeros((classes, STRATA)), np.zeros((classes, STRATA))
    for own in by_class(label):
        known = own[strata[own] >= 0]
        wanted = ends[own[0]] if split.visible[images][own[0]] else 0
        for s in range(STRATA):
            cell = known[strata[known] == s]
            m = min(max(1, int(np.floor(wanted * len(cell) / len(known) + 0.5))), len(cell) // 2) if wanted else 0
            n[label[own[0]], s] = m
            apart[label[own[0]], s] = right[cell[len(cell) - m:]].sum() - right[cell[:m]].sum()
    key = f"{name}within/{number}/"
    if n.sum() > 0:
        differences.add("gap within strata", key, results.pop(f"{key}gap_at_{k}"), apart.sum() / n.sum())
        low, high = evaluate.interval((weights @ apart.sum(1)) / (weights @ n.sum(1)))
        differences.add("its interval", key, results.pop(f"{key}gap_at_{k}_low"), low)
        differences.add("its interval", key, results.pop(f"{key}gap_at_{k}_high"), high)
    for s in range(STRATA):
        differences.add("images of a stratum", key, results.pop(f"{key}{s + 1}/n"), (strata == s).sum())
        if n[:, s].sum() > 0:
            differences.add("gap of a stratum", key, results.pop(f"{key}{s + 1}/gap_at_{k}"),
                            apart[:, s].sum() / n[:, s].sum())


def places(label, values):
    out = np.zeros(len(values))
    for own in by_class(label):
        ranks = (stats.rankdata(values[own]) - 0.5) / len(own)
        out[own] = ranks - ranks.mean()
    return out


def check_correlation(differences, split, images, right, numbers, key, results):
    """Least squares on the numbers' places, then Pearson's correlation of what is left."""
    shown = split.visible[images]
    given = [split.numbers[number][images] for number in numbers]
    for values in given:
        shown = shown & ~np.isnan(values)
    label = split.label[images][shown]
    if len(label) == 0:
        return
    x, y = places(label, split.rank[images][shown]), places(label, right[shown])
    z = np.array([places(label, values[shown]) for values in given]).T.reshape(len(label), len(given))
    count = np.linalg.matrix_rank(z) if given else 0
    left = [v - z @ np.linalg.lstsq(z, v, rcond=None)[0] if given else v for v in (x, y)]
    r = stats.pearsonr(*left)[0]
    reach = Z * np.sqrt((1 + r * r / 2) / (len(label) - len(set(label)) - count - 2))
    differences.add("correlation", key, results.pop(key), r)
    differences.add("its interval by Fisher", key, results.pop(key + "_low"), np.tanh(np.arctanh(r) - reach))
    differences.add("its interval by Fisher", key, results.pop(key + "_high"), np.tanh(np.arctanh(r) + reach))


def is_constant(split, images, number):
    values = split.numbers[number][images]
    return all(len(set(values[own][~np.isnan(values[own])])) < 2 for own in by_class(split.label[images]))


# ---- the model's own ranking ---------------------------------------------------------------------

def check_agreement(differences, split, images, features, head, name, results):
    outputs = np.array(evaluate.outputs_of(head, split.names))
    by_row = {int(row): i for i, row in enumerate(features["row"])}
    logits = features["X"].astype(float) @ head["W"].astype(float).T + head["b"].astype(float)
    z = logits[[by_row[row] for row in images]]
    wanted = outputs[split.label[images]]
    every = np.arange(len(images))
    own = z[every, wanted]
    others = z.copy()
    others[every, wanted] = -np.inf
    scores = {"loss": own - np.logaddexp.reduce(z, 1), "margin": own - others.max(1)}
    for what, values in scores.items():
        taus, rhos, slack = [], [], 0
        for members in by_class(split.label[images]):
            logit = split.logit[images][members]
            n = len(members)
            tau = stats.kendalltau(logit, values[members]).statistic
            key = f"{name}class/{split.names[split.label[images][members[0]]]}/agreement/{what}/kendall"
            differences.add("tau of a class (two exchanged pairs)", key, results.pop(key), tau,
                            8 / (n * (n - 1)) + 1e-9)
            taus.append(tau)
            rhos.append(stats.spearmanr(logit, values[members]).statistic)
            slack = max(slack, 8 / (n * (n - 1)) + 1e-9)
        for kind, mean in (("kendall", np.mean(taus)), ("spearman", np.mean(rhos))):
            key = f"{name}agreement/{what}/{kind}"
            differences.add("mean over classes", key, results.pop(key), mean, slack)


# ---- the run -------------------------------------------------------------------------------------

def check_group(differences, spur, run, split, key, heads, folder, columns, results):
    first_rows = next(iter(heads.values()))
    judged = np.array([row["correct"] != "" for row in first_rows])
    images = np.array([row for row in np.lexsort((split.rank, split.label))
                       if judged[row] and split.rank[row] > 0])
    prefix = "/".join(key)
    names = {head: f"{prefix}/{head}/" for head in heads}
    rights = {head: np.array([rows[row]["correct"] == "1" for row in images], float)
              for head, rows in heads.items()}
    split.numbers.pop("confidence", None)
    if "original" in heads:
        split.numbers["confidence"] = np.array([float(row["margin"] or "nan") for row in heads["original"]])
    has_sharpness = any("/within/sharpness/" in name for name in results)
    if has_sharpness and "sharpness" not in split.numbers:
        split.read_sharpness()
    order = ["box_area", "image_size", *(["sharpness"] if has_sharpness else []),
             *(["confidence"] if "original" in heads else []), *columns]
    numbers = [number for number in order if not is_constant(split, images, number)]
    some = names["original" if "original" in heads else next(iter(heads))]
    ks = sorted({name[len(some) + 7:-2] for name in results if name.startswith(some + "gap_at_")
                 and name.endswith("_p") and "_" not in name[len(some) + 7:-2]},
                key=lambda k: (k.endswith("pct"), float(k.removesuffix("pct"))))
    weights = evaluate.draw_weights(0, evaluate.DRAWS, sorted(set(split.label[images])), len(split.names))
    for k in ks:
        check_shuffles(differences, split, images, rights, names, k, results, k == ks[0])
    for head, right in rights.items():
        for number in numbers:
            check_within(differences, split, images, right, weights, names[head], number, ks[0], results)
            check_correlation(differences, split, images, right, [number],
                              f"{names[head]}rank_rho_given/{number}", results)
        check_correlation(differences, split, images, right, [], f"{names[head]}rank_rho", results)
        check_correlation(differences, split, images, right, numbers, f"{names[head]}rank_rho_given/all", results)
        if split.suspect.any():
            check_unsuspected(differences, split, images, right, f"{names[head]}gap_at_{ks[0]}", ks[0], results)
    if "original" in heads:
        path = f"{folder}/features.npz"
        subprocess.run([spur, "export", run, "--npz", path, "--split", key[0], "--backbone", key[1], "-q"], check=True)
        check_agreement(differences, split, images, np.load(path),
                        np.load(f"{folder}/heads/{key[1]}/original.npz"), names["original"], results)


def check_split_classes(differences, name, split, invisible, results):
    for label in invisible:
        key = f"{name}/class/{split.names[label]}/invisible"
        differences.add("invisible classes", key, results.pop(key), 1)
    for label, count in collections.Counter(split.label[split.suspect]).items():
        key = f"{name}/class/{split.names[label]}/label_suspects"
        differences.add("suspects", key, results.pop(key), count)


def check_unsuspected(differences, split, images, right, key, k, results):
    ends, kept = split.ends(k)[images], ~split.suspect[images]
    clear = kept & (split.rank[images] > split.size[images] - ends)
    hidden = kept & (split.rank[images] <= ends)
    differences.add("gap without suspects", key, results.pop(key + "_unsuspected"),
                    right[clear].mean() - right[hidden].mean())


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.split("\n\n", maxsplit=2)[1])
    spur, run, *columns = sys.argv[1:]
    differences = evaluate.Differences()
    ranks = json.loads(subprocess.run([spur, "rank", run, "--suspects", "0", "--json"], check=True,
                                      capture_output=True, text=True).stdout)
    with tempfile.TemporaryDirectory() as folder, sqlite3.connect(f"file:{run}/run.db?mode=ro", uri=True) as db:
        subprocess.run([spur, "export", run, "--predictions", f"{folder}/predictions.csv", "-q"], check=True)
        subprocess.run([spur, "export", run, "--heads", f"{folder}/heads", "--format", "npz", "-q"], check=True)
        results = dict(db.execute("SELECT key, value FROM results WHERE stage = 'controls'"))
        labels = [row[0] for row in db.execute("SELECT label FROM classes ORDER BY class_index")]
        count, splits = len(results), {}
        for key, heads in evaluate.group_predictions(folder).items():
            name = key[0]
            if name not in splits:
                invisible = [labels.index(row["label"]) for row in ranks["classes"]
                             if row["split"] == name and row["is_invisible"]]
                suspects = {row["file_name"] for row in ranks["suspects"]["list"] if row["split"] == name}
                splits[name] = Split(db, name, invisible, suspects, columns)
                splits[name].names = labels
                differences.add("invisible classes", name, results.pop(f"{name}/invisible_classes"), len(invisible))
                differences.add("suspects", name, results.pop(f"{name}/label_suspects"), len(suspects))
                check_split_classes(differences, name, splits[name], invisible, results)
            check_group(differences, spur, run, splits[name], key, heads, folder, columns, results)
    print(f"{count} results; left over: {len(results)}")
    for kind, away in differences.largest.items():
        print(f"  {kind}: {differences.counts[kind]} compared, largest difference {away:.2g}")
    for line in differences.failed[:20]:
        print(line)
    for name in list(results)[:20]:
        print(f"not recomputed: {name}")
    sys.exit(1 if differences.failed or results else 0)


if __name__ == "__main__":
    csv.field_size_limit(10**9)
    main()
