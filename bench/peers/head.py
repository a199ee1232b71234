#!/usr/bin/env python3
"""Times softmax regression by Spur and by scikit-learn to the same distance from the optimum.

usage: head.py SPUR [--rows N] [--features D] [--classes K] [--gap G] [--rounds R] [--threads T]

Made-up correlated features are standardised and given to both. Spur is timed by its training
with the certificate, and as a whole process with reading, writing and counting what is right;
scikit-learn (lbfgs, float32) by its fit, with the fewest iterations, in steps of a tenth, that
bring the objective within G of Spur's certified optimum. R rounds of both in alternation; wall and processor seconds; prints one JSON
object.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import sklearn
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression

C = 0.01


def make_problem(rows, features, classes):
    """Features like a network's: mixed directions whose variances fall as 1 / i, then a ReLU."""
    generator = np.random.default_rng(0)
    labels = np.arange(rows) % classes
    centres = generator.standard_normal((classes, features), dtype=np.float32)
    deviations = (1 + np.arange(features, dtype=np.float32)) ** -0.5
    mixing = generator.standard_normal((features, features), dtype=np.float32)
    x = generator.standard_normal((rows, features), dtype=np.float32)
    x += 0.7 * centres[labels]
    x = np.maximum((x * deviations) @ mixing, 0)
    x -= x.mean(0)
    x /= x.std(0)
    return x, labels


def objective(x, y, weight, bias):
    logits = (x @ weight.T.astype(np.float32)).astype(np.float64) + bias
    peak = logits.max(1)
    loss = peak + np.log(np.exp(logits - peak[:, None]).sum(1)) - logits[np.arange(len(y)), y]
    return loss.mean() + (weight.astype(np.float64) ** 2).sum() / (2 * C * len(y))


def time_spur(given, x, y, gap):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_file({"X": x, "y": y.astype(np.int64)}, folder / "in.safetensors")
        before, start = os.times(), time.perf_counter()
        done = subprocess.run(
            [given.spur, "retrain", "--features", folder / "in.safetensors", "--C", str(C), "--out",
             folder / "out.safetensors", "--tolerance", str(gap), "--json"]
            + (["--threads", str(given.threads)] if given.threads > 0 else []),
            check=True, capture_output=True, text=True)
        wall, after = time.perf_counter() - start, os.times()
        cpu = (after.children_user + after.children_system
               - before.children_user - before.children_system)
    return json.loads(done.stdout), wall, cpu


def time_sklearn(x, y, iterations):
    model = LogisticRegression(C=C, tol=1e-14, max_iter=iterations)
    start, start_cpu = time.perf_counter(), time.process_time()
    model.fit(x, y)
    return model, time.perf_counter() - start, time.process_time() - start_cpu


def find_iterations(x, y, optimum, gap):
    """The fewest, of 10 times a power of 1.1, that come within `gap`: ever larger strides, then halving."""

    def count(power):
        return int(10 * 1.1 ** power)

    def is_enough(power):
        model = time_sklearn(x, y, count(power))[0]
        reached = objective(x, y, model.coef_, model.intercept_) / optimum - 1
        return reached <= gap or model.n_iter_[0] < count(power)

    low, high, stride = -1, 0, 8
    while not is_enough(high):
        low, high = high, high + stride
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return count(high)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spur")
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--gap", type=float, default=1e-6)
    parser.add_argument("--rounds", type=int, default=3, help="of both, in alternation")
    parser.add_argument("--threads", type=int, default=0, help="of Spur (default all processors)")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    x, y = make_problem(given.rows, given.features, given.classes)
    said, _, _ = time_spur(given, x, y, given.gap / 1000)
    optimum = said["objective"] - said["objective_gap"]
    iterations = find_iterations(x, y, optimum, given.gap)
    times = {"spur": [], "scikit-learn": []}
    fits = []
    for _ in range(given.rounds):
        said, *spur = time_spur(given, x, y, given.gap)
        model, *peer = time_sklearn(x, y, iterations)
        fits.append(said["seconds"])
        times["spur"].append(spur)
        times["scikit-learn"].append(peer)
    print(json.dumps({
        "shape": [given.rows, given.features, given.classes], "gap": given.gap,
        "rounds": given.rounds,
        "fit": {"spur": fits, "scikit-learn": [wall for wall, _ in times["scikit-learn"]]},
        "wall": {who: [wall for wall, _ in pairs] for who, pairs in times.items()},
        "processor": {who: [cpu for _, cpu in pairs] for who, pairs in times.items()},
        "spur": {"steps": said["steps"], "passes": said["products"],
                 "certified_gap": said["objective_gap"] / said["objective"]},
        "scikit-learn": {"iterations": int(model.n_iter_[0]), "version": sklearn.__version__,
                         "gap": objective(x, y, model.coef_, model.intercept_) / optimum - 1}},
        indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
