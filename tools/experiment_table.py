#!/usr/bin/env python3
"""experiment_table.py RUN: the table of subsets, splits and noise in docs/evaluation.md, from
RUN/metrics.json. Random subsets of one size are a row: mean and standard deviation over seeds.
Accuracies and gaps in percent and points."""
import json
import re
import statistics
import sys

SPLITS = ("val", "balanced", "ood")
ALPHAS = (10, 100)


def find(numbers, backbone, head, columns):
    """The values of one head, None where the run has none."""
    values = []
    for split, metric, scale in columns:
        if split == "noise":
            key = f"noise/{backbone}/{head}/{metric}"
        else:
            key = f"{split}/{backbone}/{head}/{metric}"
        found = numbers.get(key)
        values.append(None if found is None else scale * found)
    return values


def columns_of(numbers):
    gap = next(key.rsplit("/", 1)[1] for key in numbers
               if key.startswith("balanced/") and re.fullmatch(r"gap_at_\d+", key.rsplit("/", 1)[1]))
    columns = [(split, "top1", 100.0) for split in SPLITS]
    columns.append(("balanced", gap, 100.0))
    for alpha in ALPHAS:
        columns += [("noise", f"fg/{alpha}/top1", 100.0), ("noise", f"bg/{alpha}/top1", 100.0)]
    columns.append(("noise", f"rfs/{ALPHAS[0]}", 1.0))
    return gap, columns


def show(rows, decimals):
    """One cell: a value, or mean and deviation of several."""
    if any(value is None for value in rows):
        return "-"
    text = f"{statistics.mean(rows):.{decimals}f}"
    return text + (f" ± {statistics.stdev(rows):.{decimals}f}" if len(rows) > 1 else "")


def order(name):
    word, _, size = name.partition("-")
    kinds = ["original", "clear", "mid", "hidden", "rnd"]
    return kinds.index(word), int(size or 0)


def main():
    with open(f"{sys.argv[1]}/metrics.json", encoding="utf-8") as file:
        numbers = json.load(file)
    gap, columns = columns_of(numbers)
    heads = {}
    for key in numbers:
        parts = key.split("/")
        if len(parts) == 4 and parts[0] == "balanced" and parts[3] == "top1":
            group = re.sub(r"-s\d+$", "", parts[2])
            heads.setdefault(parts[1], {}).setdefault(group, []).append(parts[2])
    titles = ["classifier", "last layer", *SPLITS, "gap@" + gap.rsplit("_", 1)[1]]
    for alpha in ALPHAS:
        titles += [f"object, {alpha}", f"around, {alpha}"]
    titles.append(f"RFS, {ALPHAS[0]}")
    print("| " + " | ".join(titles) + " |")
    print("|" + "---|" * len(titles))
    for backbone, groups in heads.items():
        for group in sorted(groups, key=order):
            found = [find(numbers, backbone, head, columns) for head in groups[group]]
            cells = [show(list(values), 2 if columns[i][2] == 1.0 else 1)
                     for i, values in enumerate(zip(*found))]
            print(f"| {backbone} | {group} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
