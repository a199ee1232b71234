#!/usr/bin/env python3
"""Recomputes the numbers of `spur eval` out of distribution and by group, and compares.

usage: tools/parity/ood.py SPUR RUN [ID_SPLIT [GROUP_COLUMN [GROUP_MIN]]]

SPUR is the program, RUN a run that `spur eval` was called on; ID_SPLIT (val), GROUP_COLUMN (group) and
GROUP_MIN (10) as in that call. From `spur export` come predictions, features and heads; rules and groups
from run.db. In double precision with NumPy and statsmodels: the best class among those of every set (rows
whose two largest logits are nearer than 1e-4 of the largest may go either way and are counted), accuracies
and intervals on both sides, the line through the heads, and all averages over groups.

Prints the largest difference of every kind. Exit code 1 when one is above 1e-9, or a key is left over.
"""
import collections
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

import numpy as np
from evaluate import ABSENT, NEAR, Differences, group_predictions, outputs_of, wilson

Z = 1.959963984540054


def is_ood(split):
    return split == "ood" or split.startswith("ood:")


def told_is_masked(settings, split):
    rule = settings.get(f"split {split}", "rule none,").split()[1].rstrip(",")
    return rule in ("none", "imagenet-a", "imagenet-r")


def among(features, head, labels, mask):
    """For rows of a split: right among the classes of the mask, and whether it is too near to tell."""
    weight, bias = head["W"].astype(float), head["b"].astype(float)
    outputs = np.asarray(outputs_of(head, labels))
    logits = features["X"].astype(float) @ weight.T + bias
    allowed = np.zeros(len(bias), bool)
    allowed[outputs[mask]] = True
    allowed &= bias > ABSENT
    logits[:, ~allowed] = -np.inf
    best = np.argmax(logits, axis=1)
    ordered = np.sort(logits, axis=1)
    near = ordered[:, -1] - ordered[:, -2] < NEAR * np.abs(ordered[:, -1]) if allowed.sum() > 1 else None
    right = best == outputs[features["y"].astype(int)]
    return right, near if near is not None else np.zeros(len(right), bool)


class Run:
    def __init__(self, spur, run, folder):
        self.spur, self.run, self.folder = spur, run, folder
        subprocess.run([spur, "export", run, "--predictions", f"{folder}/predictions.csv", "-q"], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([spur, "export", run, "--heads", f"{folder}/heads", "--format", "npz", "-q"],
                       check=True, stdout=subprocess.DEVNULL)
        self.groups = group_predictions(folder)
        with sqlite3.connect(f"file:{run}/run.db?mode=ro", uri=True) as db:
            self.results = dict(db.execute("SELECT key, value FROM results WHERE stage IN ('ood', 'groups')"))
            self.settings = dict(db.execute("SELECT key, value FROM settings"))
            self.labels = [row[0] for row in db.execute("SELECT label FROM classes ORDER BY class_index")]
            self.images = collections.defaultdict(dict)
            for split, name, index, group, extra in db.execute(
                    "SELECT split, file_name, class_index, group_name, extra FROM images"):
                self.images[split][name] = (index, group, json.loads(extra) if extra else {})

    def count(self, split, backbone, head, mask):
        """n, right among the mask, right among all, rows too near to tell."""
        path = f"{self.folder}/features.npz"
        subprocess.run([self.spur, "export", self.run, "--npz", path, "--split", split, "--backbone", backbone,
                        "-q"], check=True, stdout=subprocess.DEVNULL)
        features = np.load(path)
        weights = np.load(os.path.join(self.folder, "heads", backbone, head + ".npz"))
        right, near = among(features, weights, self.labels, mask)
        inside = np.isin(features["y"].astype(int), mask)
        rows = [row for row in self.groups[split, backbone][head]
                if row["correct"] != "" and int(row["class_index"]) in set(mask)]
        full = sum(row["correct"] == "1" for row in rows)
        assert len(rows) == inside.sum()
        return len(rows), int(right[inside].sum()), full, int(near[inside].sum())


def logit(right, n):
    return np.log((right + 0.5) / (n - right + 0.5))


def check_share(differences, results, key, right, n, slack):
    low, high = wilson(right, n)
    for tail, value in (("", right / n), ("_low", low), ("_high", high)):
        differences.add("accuracies and intervals", key + tail, results.pop(key + tail), value,
                        1e-9 + slack / n)


def check_set(differences, of, split, backbone, id_split):
    heads, results = of.groups[split, backbone], of.results
    mask = sorted({index for index, _, _ in of.images[split].values()})
    masked, points, close = told_is_masked(of.settings, split), [], 0
    for head in heads:
        key = f"{split}/{backbone}/{head}"
        told = []
        for side, name in (("ood", split), ("id", id_split)):
            n, among_right, full, near = of.count(name, backbone, head, mask)
            close += near
            slack = near if masked else 0
            differences.add("images", f"{key}/{side}_n", results.pop(f"{key}/{side}_n"), n)
            check_share(differences, results, f"{key}/{side}_top1_masked", among_right, n, near)
            check_share(differences, results, f"{key}/{side}_top1_full", full, n, 0)
            check_share(differences, results, f"{key}/{side}_top1", among_right if masked else full, n, slack)
            told.append((among_right if masked else full, n))
        differences.add("images", key, results.pop(f"{key}/ood_classes"), len(mask))
        points.append((key, *told))
        differences.add("accuracies and intervals", key, results.pop(f"{key}/ood_drop"),
                        told[1][0] / told[1][1] - told[0][0] / told[0][1], 1e-9 + 2 * close)
    x = np.array([logit(*known) for _, _, known in points])
    y = np.array([logit(*new) for _, new, _ in points])
    if len(points) < 3 or np.ptp(x) == 0:
        return close
    slope, intercept = np.polyfit(x, y, 1)
    prefix = f"{split}/{backbone}/ood_line_"
    slack = 1.0 if close else 0.0
    for name, value in (("heads", len(points)), ("slope", slope), ("intercept", intercept)):
        differences.add("line", prefix + name, results.pop(prefix + name), value, 1e-9 + slack)
    for i, (key, new, _) in enumerate(points):
        expected = 1 / (1 + np.exp(-(intercept + slope * x[i])))
        differences.add("line", key, results.pop(f"{key}/ood_expected"), expected, 1e-9 + slack)
        differences.add("line", key, results.pop(f"{key}/ood_residual"), new[0] / new[1] - expected,
                        1e-9 + slack)
    return close


def group_of(image, column):
    value = image[1] if column == "group" else image[2].get(column)
    return None if value is None or str(value).lower() in ("", "nan", "na", "n/a", "null") else str(value)


def check_average(differences, results, key, units, weights):
    """units: {name: (n, right)}; weights by name."""
    covered = {name: weights.get(name, 0) for name, (n, _) in units.items() if n > 0}
    total = sum(covered.values())
    if total == 0:
        return
    share = {name: weight / total for name, weight in covered.items()}
    mean = sum(share[name] * units[name][1] / units[name][0] for name in share)
    near = {name: (units[name][1] + 0.5) / (units[name][0] + 1) for name in share}
    half = Z * np.sqrt(sum(share[name] ** 2 * near[name] * (1 - near[name]) / units[name][0] for name in share))
    for tail, value in (("", mean), ("_low", max(mean - half, 0)), ("_high", min(mean + half, 1))):
        differences.add("averages over groups", key + tail, results.pop(key + tail), value)
    if key.endswith(("adjusted", "train_weighted_groups")):
        differences.add("averages over groups", key, results.pop(key + "_covered"),
                        total / sum(weights.values()))


def check_worst(differences, results, key, units, least):
    large = [unit for unit in units.values() if unit[0] >= least]
    if len(large) < 2:
        return
    worst = min(large, key=lambda unit: unit[1] / unit[0])
    found = results.pop(key)
    same = [unit for unit in large if unit[1] / unit[0] == worst[1] / worst[0]]
    differences.add("worst groups", key, found, worst[1] / worst[0])
    n = results.pop(key + "_n")
    worst = next(unit for unit in same if unit[0] == n)
    low, high = wilson(worst[1], worst[0], 0.05 / len(large))
    differences.add("worst groups", key, results.pop(key + "_low"), low)
    differences.add("worst groups", key, results.pop(key + "_high"), high)


def check_groups(differences, of, split, backbone, head, column, least):
    rows = of.groups[split, backbone][head]
    cells, groups = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(lambda: [0, 0])
    for row in rows:
        image = of.images[split][row["file_name"]]
        group = group_of(image, column)
        if group is None or row["correct"] == "":
            continue
        for units, name in ((cells, (image[0], group)), (groups, group)):
            units[name][0] += 1
            units[name][1] += row["correct"] == "1"
    key = f"groups/{split}/{backbone}/{head}"
    if f"{key}/n" not in of.results:
        assert not groups, f"no key {key}/n"
        return
    train_cells = collections.Counter((image[0], group_of(image, column)) for image in of.images["train"].values()
                                      if group_of(image, column) is not None)
    train_groups = collections.Counter()
    for (_, group), count in train_cells.items():
        train_groups[group] += count
    results = of.results
    n, right = sum(unit[0] for unit in groups.values()), sum(unit[1] for unit in groups.values())
    differences.add("images", key, results.pop(f"{key}/n"), n)
    check_share(differences, results, f"{key}/mean_images", right, n, 0)
    for group, (n, right) in groups.items():
        low, high = wilson(right, n)
        for name, value in (("n", n), ("top1", right / n), ("low", low), ("high", high)):
            differences.add("groups", group, results.pop(f"{key}/group/{group}/{name}"), value)
    equal = collections.defaultdict(lambda: 1)
    check_average(differences, results, f"{key}/mean_groups", groups, {name: equal[name] for name in groups})
    check_average(differences, results, f"{key}/mean_cells", cells, {name: equal[name] for name in cells})
    check_average(differences, results, f"{key}/train_weighted_groups", groups, train_groups)
    check_average(differences, results, f"{key}/adjusted", cells, train_cells)
    check_worst(differences, results, f"{key}/worst_group", groups, least)
    check_worst(differences, results, f"{key}/worst_cell", cells, least)
    differences.add("images", key, results.pop(f"{key}/cells"), len(cells))
    differences.add("images", key, results.pop(f"{key}/cells_small"),
                    sum(unit[0] < least for unit in cells.values()))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    spur, run = sys.argv[1:3]
    id_split, column, least = (sys.argv[3:] + ["val", "group", "10"][len(sys.argv) - 3:])[:3]
    differences, close = Differences(), 0
    with tempfile.TemporaryDirectory() as folder:
        of = Run(spur, run, folder)
        count = len(of.results)
        for split, backbone in of.groups:
            if is_ood(split) and split != id_split:
                close += check_set(differences, of, split, backbone, id_split)
            for head in of.groups[split, backbone]:
                check_groups(differences, of, split, backbone, head, column, int(least))
    print(f"{count} results; left over: {len(of.results)}; images too near to compare: {close}")
    for kind, away in differences.largest.items():
        print(f"  {kind}: {differences.counts[kind]} compared, largest difference {away:.2g}")
    for line in differences.failed[:20]:
        print(line)
    for name in list(of.results)[:20]:
        print(f"not recomputed: {name}")
    sys.exit(1 if differences.failed or of.results else 0)


if __name__ == "__main__":
    main()
