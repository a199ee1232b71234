#!/usr/bin/env python3
"""Softmax regression by Spur and by scikit-learn on random problems, objectives compared.

usage: head_solver.py SPUR [--shapes N] [--seed S]

Problems of random shape, half of them with fewer rows than features, are given to
`SPUR retrain --features` and to LogisticRegression (lbfgs, tolerance 1e-12) on the standardised
matrix. Both results are put into the objective in double: mean CE + ||W||^2 / (2 C n). Spur's
may be above scikit-learn's by at most 1e-10 of it. Needs numpy, safetensors, scikit-learn.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression

ALLOWED = 1e-10


def make_problem(generator, number):
    """Rows around class centres, features mixed, scaled and shifted differently."""
    classes = int(generator.integers(2, 12))
    features = int(generator.integers(3, 120))
    if number % 2 == 0:
        rows = int(generator.integers(classes + 2, max(classes + 3, features)))
    else:
        rows = int(generator.integers(features + classes, 8 * features + 4 * classes))
    labels = np.arange(rows) % classes
    centres = generator.normal(size=(classes, features))
    mixing = np.eye(features) + 0.3 * generator.normal(size=(features, features)) / features**0.5
    noise = generator.normal(size=(rows, features)) @ mixing
    x = noise + generator.uniform(0.1, 1.0) * centres[labels]
    x = x * generator.uniform(0.1, 10.0, features) + generator.uniform(-5.0, 5.0, features)
    strength = float(generator.choice([1e-3, 1e-2, 1e-1, 1.0, 10.0]))
    return x.astype(np.float32), labels.astype(np.int64), strength


def objective(x, y, weight, bias, strength):
    logits = x @ weight.T + bias
    peak = logits.max(1, keepdims=True)
    total = peak[:, 0] + np.log(np.exp(logits - peak).sum(1))
    loss = (total - logits[np.arange(len(y)), y]).mean()
    return loss + (weight**2).sum() / (2 * strength * len(y))


def by_spur(spur, x, y, strength, folder):
    save_file({"X": x, "y": y}, folder / "in.safetensors")
    done = subprocess.run(
        [spur, "retrain", "--features", folder / "in.safetensors", "--C", repr(strength),
         "--out", folder / "out.safetensors", "--json"],
        check=True, capture_output=True, text=True)
    head = load_file(folder / "out.safetensors")
    return head["W"].astype(np.float64), head["b"].astype(np.float64), json.loads(done.stdout)


def by_sklearn(x, y, strength):
    """Its objective is C sum CE + ||W||^2 / 2; two classes come as one row."""
    model = LogisticRegression(C=strength, tol=1e-12, max_iter=100000).fit(x, y)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:
        # sigmoid(w x + b) with ||w||^2 / 2 is another penalty than softmax's: no peer
        return None
    return weight, bias


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spur")
    parser.add_argument("--shapes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    generator = np.random.default_rng(given.seed)
    worst, failures, compared, number = -np.inf, 0, 0, 0
    print(f"{'n':>6} {'d':>5} {'K':>4} {'C':>7} {'ours':>14} {'(ours - theirs)/theirs':>24}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        while compared < given.shapes:
            x, y, strength = make_problem(generator, number)
            number += 1
            wide = x.astype(np.float64)
            mean, deviation = wide.mean(0), wide.std(0)
            standard = (wide - mean) / deviation
            peer = by_sklearn(standard, y, strength)
            if peer is None:
                continue
            weight, bias, said = by_spur(given.spur, x, y, strength, folder)
            ours = objective(standard, y, weight * deviation, bias + weight @ mean, strength)
            theirs = objective(standard, y, *peer, strength)
            share = (ours - theirs) / theirs
            compared += 1
            worst = max(worst, share)
            is_right = share <= ALLOWED and abs(said["objective"] - ours) <= 1e-8 * ours
            failures += not is_right
            print(f"{x.shape[0]:6} {x.shape[1]:5} {y.max() + 1:4} {strength:7g} {ours:14.9g} "
                  f"{share:24.3g}{'' if is_right else '  TOO HIGH'}")
    print(f"{compared} problems: at most {worst:.2g} above scikit-learn, {ALLOWED:g} allowed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
