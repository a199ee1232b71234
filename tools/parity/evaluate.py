#!/usr/bin/env python3
"""Recomputes every number of `spur eval` from exported tables and compares.

usage: tools/parity/evaluate.py SPUR RUN

SPUR is the program, RUN a run that `spur eval` was called on (with its default seed). From
`spur export` (scores, predictions, features, heads) and `spur eval --curve` come, with NumPy, SciPy
and statsmodels:

- logits of every head in double precision: class, top-5 and margin of every image (images whose two
  largest logits are nearer than 1e-4 of the largest are counted instead of compared);
- accuracies, Wilson intervals, curves, bins, gaps, slopes, McNemar's tests, Holm's adjustment;
- the bootstrap over classes, drawn with a Philox generator of our own in NumPy, and once more with
  NumPy's generator, whose intervals may differ by the Monte Carlo error.

Prints the largest difference of every kind. Exit code 1 when one is above 1e-9 (the rounding of numbers
printed with nine digits and of logits in float32 aside), or above five Monte Carlo errors.
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
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

TOLERANCE = 1e-9
NEAR = 1e-4
DRAWS = 2000
ABSENT = -1e30
Z = stats.norm.ppf(0.975)


# ---- Philox4x32-10, as src/base/random.h describes its use ------------------------------------

def philox(key, counter):
    """counter: four arrays of 32-bit words; the four words under the key."""
    c = [np.asarray(word, dtype=np.uint64) for word in counter]
    k = [np.uint64(word) for word in key]
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        first, second = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(second >> half) ^ c[1] ^ k[0], second & mask, (first >> half) ^ c[3] ^ k[1], first & mask]
        k = [(k[0] + np.uint64(0x9E3779B9)) & mask, (k[1] + np.uint64(0xBB67AE85)) & mask]
    return c


def make_key(seed, purpose):
    name = 0xCBF29CE484222325
    for byte in purpose.encode():
        name = (name ^ byte) * 0x100000001B3 % 2**64
    words = philox((seed % 2**32, seed >> 32), [np.array([w]) for w in (name % 2**32, name >> 32, 0, 0)])
    return int(words[0][0]), int(words[1][0])


def draw_weights(seed, draws, present, classes):
    """How often each class is drawn: [draws, classes]."""
    n = len(present)
    key = make_key(seed, "bootstrap")
    draw, place = np.meshgrid(np.arange(draws), np.arange(n), indexing="ij")
    words = philox(key, [place.ravel(), np.zeros(draws * n), draw.ravel(), np.zeros(draws * n)])
    value = words[0] | words[1] << np.uint64(32)
    assert value.max() <= np.uint64(2**64 - 1 - 2**64 % n)  # else a value is drawn again
    picked = np.asarray(present)[(value % np.uint64(n)).astype(int)].reshape(draws, n)
    return count_picked(picked, classes)


def count_picked(picked, classes):
    out = np.zeros((len(picked), classes))
    for row, classes_drawn in zip(out, picked):
        np.add.at(row, classes_drawn, 1)
    return out


# ---- tables ------------------------------------------------------------------------------------

def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def export(spur, run, folder):
    def call(*words):
        subprocess.run([spur, *words, "-q"], check=True, stdout=subprocess.DEVNULL)
    call("eval", run, "--curve", f"{folder}/curve.csv")
    call("export", run, "--csv", f"{folder}/scores.csv", "--predictions", f"{folder}/predictions.csv")
    call("export", run, "--heads", f"{folder}/heads", "--format", "npz")


def group_predictions(folder):
    groups = collections.OrderedDict()
    for row in read_csv(f"{folder}/predictions.csv"):
        groups.setdefault((row["split"], row["backbone"]), collections.OrderedDict()).setdefault(
            row["head"], []).append(row)
    return groups


class Differences:
    def __init__(self):
        self.largest, self.counts, self.failed = {}, collections.Counter(), []

    def add(self, kind, what, found, expected, tolerance=TOLERANCE):
        away = abs(found - expected)
        self.counts[kind] += 1
        self.largest[kind] = max(self.largest.get(kind, 0.0), away)
        if not away <= tolerance:
            self.failed.append(f"{what}: {found!r}, recomputed {expected!r}")


# ---- figures of one head -----------------------------------------------------------------------

def wilson(k, n, alpha=0.05):
    z = stats.norm.ppf(1 - alpha / 2)
    if float(k).is_integer() and float(n).is_integer():
        low, high = proportion_confint(int(k), int(n), alpha, "wilson")
        return max(low, 0.0), min(high, 1.0)
    middle, half = k + z * z / 2, z * np.sqrt(k * (n - k) / n + z * z / 4)
    return (middle - half) / (n + z * z), (middle + half) / (n + z * z)


class Images:
    """Judged images of a split: class, rank, size of the class, right or not for every head."""

    def __init__(self, rows, sizes, classes):
        judged = [row for row in rows if row["correct"] != ""]
        ranked = [row for row in judged if row["rank"] != ""]
        self.classes = classes
        self.all_class = np.array([int(row["class_index"]) for row in judged])
        self.label = np.array([int(row["class_index"]) for row in ranked])
        self.rank = np.array([int(row["rank"]) for row in ranked])
        self.size = np.array([sizes[label] for label in self.label])
        self.even = len(set(self.size)) == 1
        largest = self.size.max()
        self.points = self.size.min()
        whole = max(1, largest // 5) if self.even else max(1, min(20, largest // 5))
        self.bins = int(whole)
        share = (2 * self.rank - 1) * self.bins // (2 * self.size)
        self.bin = np.minimum((self.rank - 1) // 5 if self.even else share, self.bins - 1)
        self.x = (self.rank - 0.5) / self.size
        self.present = sorted(set(self.label))

    def ends(self, k):
        if k.endswith("pct"):
            wanted = np.maximum(1, np.floor(float(k[:-3]) / 100 * self.size + 0.5))
        else:
            wanted = np.full(len(self.size), int(k))
        end = np.minimum(wanted, self.size // 2)
        return self.rank > self.size - end, self.rank <= end

    def by_class(self, values):
        out = np.zeros(self.classes)
        np.add.at(out, self.label, values)
        return out

    def cells(self, values):
        out = np.zeros((self.classes, self.bins))
        np.add.at(out, (self.label, self.bin), values)
        return out

    def points_of(self, values):
        out = np.zeros((self.classes, self.points))
        here = self.rank <= self.points
        np.add.at(out, (self.label[here], self.rank[here] - 1), values[here])
        return out


def bin_accuracy(images, right):
    n, hits = images.cells(np.ones(len(right))), images.cells(right)
    if images.even:
        return hits.sum(0) / n.sum(0), n.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        classes = (n > 0).sum(0)
        return np.nansum(hits / n, 0) / classes, classes**2 / np.where(n > 0, 1 / n, 0).sum(0)


def draw_figures(images, right, weights, ks):
    """Every figure of every draw."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ones = np.ones(len(right))
        def total(values):
            return weights @ images.by_class(values)
        n, hits, sx = total(ones), total(right), total(images.x)
        out = {"top1": hits / n}
        out["slope"] = ((total(images.x * right) - sx * hits / n) / (total(images.x**2) - sx**2 / n))
        for k in ks:
            clear, hidden = images.ends(k)
            out[f"gap_at_{k}"] = (total(right * clear) / total(clear * 1.0)
                                  - total(right * hidden) / total(hidden * 1.0))
        cells_n, cells_hits = images.cells(ones), images.cells(right)
        if images.even:
            bins = (weights @ cells_hits) / (weights @ cells_n)
        else:
            shares = np.where(cells_n > 0, cells_hits / np.maximum(cells_n, 1), 0)
            bins = (weights @ shares) / (weights @ (cells_n > 0))
        out["worst_bin"] = np.nanmin(bins, 1)
        points_n, points_hits = images.points_of(ones), images.points_of(right)
        spread = np.array([(high - low) / (2 * Z) for low, high in
                           (wilson(k, m) for k, m in zip(points_hits.sum(0), points_n.sum(0)))])
        away = (weights @ points_hits) / (weights @ points_n) - points_hits.sum(0) / points_n.sum(0)
        out["band"] = np.nanmax(abs(away) / spread, 1)
    return out


def interval(draws):
    return np.nanquantile(draws, [0.025, 0.975])


def head_figures(images, rows, ks):
    """Figures without resampling; ranked rows only where ranks matter."""
    correct_all = np.array([int(row["correct"]) for row in rows if row["correct"] != ""], float)
    right = np.array([int(row["correct"]) for row in rows
                      if row["correct"] != "" and row["rank"] != ""], float)
    out = {"n": len(correct_all), "top1": correct_all.mean()}
    out["wilson_low"], out["wilson_high"] = wilson(correct_all.sum(), len(correct_all))
    out["top1_class_mean"] = np.mean([correct_all[images.all_class == c].mean()
                                      for c in sorted(set(images.all_class))])
    points = images.points_of(right).sum(0) / images.points_of(np.ones(len(right))).sum(0)
    out["curve_ranks"], out["curve_mean"] = images.points, points.mean()
    out["slope"] = stats.linregress(images.x, right).slope
    accuracy, trials = bin_accuracy(images, right)
    n = images.cells(np.ones(len(right))).sum(0)
    for b in range(images.bins):
        name = f"bin/{b + 1:02d}/"
        last = b + 1 == images.bins
        out[name + "n"] = n[b]
        out[name + "from"] = b * 5 / images.size[0] if images.even else b / images.bins
        out[name + "to"] = (1.0 if last else (b + 1) * 5 / images.size[0]) if images.even else (b + 1) / images.bins
        out[name + "top1"] = accuracy[b]
        out[name + "low"], out[name + "high"] = wilson(accuracy[b] * trials[b], trials[b])
    worst = int(np.argmin(accuracy))
    out["worst_bin"], out["worst_bin_number"] = accuracy[worst], worst + 1
    out["worst_bin_bound"] = wilson(accuracy[worst] * trials[worst], trials[worst], 0.1 / images.bins)[0]
    for k in ks:
        clear, hidden = images.ends(k)
        out[f"clear_at_{k}"], out[f"hidden_at_{k}"] = right[clear].mean(), right[hidden].mean()
        out[f"gap_at_{k}"] = right[clear].mean() - right[hidden].mean()
        a, b = clear.sum(), hidden.sum()
        share = (right[clear].sum() + right[hidden].sum() + Z**2 / 2) / (a + b + Z**2)
        out[f"gap_at_{k}_detectable"] = ((Z + stats.norm.ppf(0.8))
                                         * np.sqrt(share * (1 - share) * (1 / a + 1 / b)))
    return right, out


# ---- predictions from logits -------------------------------------------------------------------

def outputs_of(head, labels):
    """Which output stands for each class, as src/pipeline/class_map.c finds it for plain names."""
    notes = json.loads(bytes(head["metadata"])) if "metadata" in head else {}
    names = [name.lower() for name in json.loads(notes["class_names"])] if "class_names" in notes else []
    if all(label.lower() in names for label in labels):
        return [names.index(label.lower()) for label in labels]
    return list(range(len(labels)))


def check_predictions(differences, rows, features, head, labels, prefix, results):
    """Class, margin, top-5 and known classes from features and head, in double precision."""
    outputs = np.array(outputs_of(head, labels))
    W, b = head["W"].astype(float), head["b"].astype(float)
    logits = features["X"].astype(float) @ W.T + b
    by_row = {int(row): i for i, row in enumerate(features["row"])}
    close = top5 = known = n = 0
    for place, row in enumerate(rows):
        if place not in by_row:
            assert row["correct"] == "", f"{prefix}: a prediction without features"
            continue
        z, wanted = logits[by_row[place]], outputs[int(row["class_index"])]
        order = np.argsort(-z, kind="stable")
        n += 1
        is_known = b[wanted] > ABSENT
        known += is_known
        top5 += is_known and wanted in order[:5]
        margin = z[order[0]] - z[order[1]]
        if margin < NEAR * abs(z[order[0]]):
            close += 1
            continue
        stands_for = np.flatnonzero(outputs == order[0])
        said = str(stands_for[0]) if len(stands_for) else ""
        differences.add("class of an image", f"{prefix} row {place}", float(row["predicted"] == said), 1.0)
        # float32 sums of logits: rounding, not the definition
        differences.add("margin of logits in float32, relative", f"{prefix} row {place}",
                        float(row["margin"]) / max(1.0, abs(z[order[0]])),
                        margin / max(1.0, abs(z[order[0]])), 1e-4)
    differences.add("top-5", f"{prefix}/top5", results[f"{prefix}/top5"], top5 / n)
    differences.add("known classes", f"{prefix}/known_n", results[f"{prefix}/known_n"], known)
    return close


# ---- one backbone on one split -----------------------------------------------------------------

def pairs_of(heads):
    out = []
    for first in heads:
        for second in heads:
            kind, _, rest = first.partition("-")
            other, _, other_rest = second.partition("-")
            matched = kind == "clear" and (
                (other == "hidden" and rest == other_rest)
                or (other == "rnd" and other_rest.rpartition("-s")[0] == rest))
            if (second == "original") != (first == "original") and second == "original" or matched:
                out.append((first, second))
    return out


def check_pairs(differences, prefix, rights, figures, draws, ks, results):
    pairs = pairs_of(list(rights))
    mids = []
    for first, second in pairs:
        b = int(((rights[first] == 1) & (rights[second] == 0)).sum())
        c = int(((rights[first] == 0) & (rights[second] == 1)).sum())
        name = f"{prefix}/{first}/vs/{second}/"
        exact = mcnemar([[0, b], [c, 0]], exact=True).pvalue if b + c else 1.0
        low = min(b, c)
        mid = min(1.0, 2 * stats.binom.cdf(low, b + c, 0.5) - stats.binom.pmf(low, b + c, 0.5))
        mids.append(mid)
        for key, value in (("only_this", b), ("only_other", c), ("mcnemar_exact", min(1.0, exact)),
                           ("mcnemar_mid", mid)):
            differences.add("McNemar", name + key, results.pop(name + key), value)
        for metric in ["top1", "worst_bin"] + [f"gap_at_{k}" for k in ks]:
            differences.add("difference of heads", name + metric, results.pop(name + metric),
                            figures[first][metric] - figures[second][metric])
            low, high = interval(draws[first][metric] - draws[second][metric])
            differences.add("its bootstrap interval", name + metric, results.pop(f"{name}{metric}_low"), low)
            differences.add("its bootstrap interval", name + metric, results.pop(f"{name}{metric}_high"), high)
    for (first, second), holm in zip(pairs, multipletests(mids, method="holm")[1] if mids else []):
        name = f"{prefix}/{first}/vs/{second}/mcnemar_holm"
        differences.add("Holm", name, results.pop(name), holm)


def step_of(images, metric):
    """What one image more changes: quantiles of counts move in steps."""
    if metric.startswith("gap_at_"):
        return 1 / images.ends(metric[len("gap_at_"):])[0].sum()
    return images.bins / len(images.rank) if metric == "worst_bin" else 1 / len(images.rank)


def check_monte_carlo(differences, prefix, images, right, weights, ks, results):
    """Other draws, by NumPy: interval ends within five standard errors of a quantile."""
    generator = np.random.default_rng(1)
    picked = np.asarray(images.present)[generator.integers(0, len(images.present),
                                                           (DRAWS, len(images.present)))]
    ours = draw_figures(images, right, weights, ks)
    for metric, other in draw_figures(images, right, count_picked(picked, images.classes), ks).items():
        if metric == "band":
            continue
        spread = np.nanstd(other)
        # of the difference of two 2.5 % quantiles of a normal sample, each of DRAWS values
        error = np.sqrt(2 * 0.025 * 0.975 / DRAWS) / stats.norm.pdf(Z) * spread
        step = step_of(images, metric)
        for found, expected in zip(interval(ours[metric]), interval(other)):
            differences.add("interval of NumPy's draws, in Monte Carlo errors", f"{prefix}/{metric}",
                            found / (error + step), expected / (error + step), 5.0)


def check_group(differences, key, heads, scores, curve, classes, results):
    split, backbone = key
    sizes = collections.Counter(int(row["class_index"]) for row in scores
                                if row["split"] == split and row["status"] == "scored")
    images = Images(next(iter(heads.values())), sizes, classes)
    prefix = f"{split}/{backbone}"
    first = f"{prefix}/{next(iter(heads))}/gap_at_"
    ks = [name[len(first):] for name in results if name.startswith(first) and "_" not in name[len(first):]]
    weights = draw_weights(0, DRAWS, images.present, classes)
    rights, figures, draws = {}, {}, {}
    for head, rows in heads.items():
        rights[head], figures[head] = head_figures(images, rows, ks)
        draws[head] = draw_figures(images, rights[head], weights, ks)
        name = f"{prefix}/{head}/"
        for metric, value in figures[head].items():
            differences.add("figure without resampling", name + metric, results.pop(name + metric), value)
        for metric in ["top1", "slope", "worst_bin"] + [f"gap_at_{k}" for k in ks]:
            low, high = interval(draws[head][metric])
            differences.add("bootstrap interval", name + metric, results.pop(f"{name}{metric}_low"), low)
            differences.add("bootstrap interval", name + metric, results.pop(f"{name}{metric}_high"), high)
        differences.add("factor of the band", name, results.pop(name + "band_factor"),
                        np.nanquantile(draws[head]["band"], 0.95))
        hits = images.points_of(rights[head]).sum(0)
        for row in curve:
            if (row["split"], row["backbone"], row["head"]) == (split, backbone, head):
                differences.add("point of the curve", name + row["rank"], int(row["correct"]),
                                hits[int(row["rank"]) - 1])
                low, high = wilson(int(row["correct"]), int(row["n"]))
                differences.add("point's Wilson interval (nine digits)", name, float(row["wilson_low"]), low)
                differences.add("point's Wilson interval (nine digits)", name, float(row["wilson_high"]), high)
    check_pairs(differences, prefix, rights, figures, draws, ks, results)
    head = next(iter(heads))
    check_monte_carlo(differences, f"{prefix}/{head}", images, rights[head], weights, ks, results)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n", maxsplit=2)[1])
    spur, run = sys.argv[1:]
    differences, close = Differences(), 0
    with tempfile.TemporaryDirectory() as folder:
        export(spur, run, folder)
        with sqlite3.connect(f"file:{run}/run.db?mode=ro", uri=True) as db:
            results = dict(db.execute("SELECT key, value FROM results WHERE stage = 'eval'"))
            labels = [row[0] for row in db.execute("SELECT label FROM classes ORDER BY class_index")]
        with open(f"{run}/metrics.json", encoding="utf-8") as file:
            metrics = json.load(file)
        for name, value in results.items():
            differences.add("metrics.json (nine digits), relative", name,
                            metrics[name] / max(1.0, abs(value)), value / max(1.0, abs(value)), 5.1e-9)
        count = len(results)
        scores, curve = read_csv(f"{folder}/scores.csv"), read_csv(f"{folder}/curve.csv")
        for (split, backbone), heads in group_predictions(folder).items():
            path = f"{folder}/features.npz"
            subprocess.run([spur, "export", run, "--npz", path, "--split", split, "--backbone", backbone, "-q"],
                           check=True)
            features = np.load(path)
            for head, rows in heads.items():
                weights = np.load(os.path.join(folder, "heads", backbone, head + ".npz"))
                prefix = f"{split}/{backbone}/{head}"
                close += check_predictions(differences, rows, features, weights, labels, prefix, results)
                known = results.pop(f"{prefix}/known_n")
                differences.add("known classes", prefix, results.pop(f"{prefix}/known_top1"),
                                sum(row["correct"] == "1" for row in rows) / known)
                results.pop(f"{prefix}/top5")
            check_group(differences, (split, backbone), heads, scores, curve, len(labels), results)
    print(f"{count} results; left over: {len(results)}; images too near to compare: {close}")
    for kind, away in differences.largest.items():
        print(f"  {kind}: {differences.counts[kind]} compared, largest difference {away:.2g}")
    for line in differences.failed[:20]:
        print(line)
    for name in list(results)[:20]:
        print(f"not recomputed: {name}")
    sys.exit(1 if differences.failed or results else 0)


if __name__ == "__main__":
    main()
