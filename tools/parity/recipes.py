#!/usr/bin/env python3
"""Makes tests/data/recipes.safetensors: a small problem and what every recipe of `spur retrain` must
make of it, computed without Spur.

usage: tools/parity/recipes.py tests/data/recipes.safetensors

PyTorch descends for moayeri and finetune-gap, liblinear (through scikit-learn) solves dfr-l1, SciPy
afr, scikit-learn's multinomial logistic regression the folds of dfr; all in double. The draws are
Philox4x32-10 as src/base/random.h defines them, written again here. tests/unit/test_recipes.c
compares. Needs numpy, scipy, torch, scikit-learn and safetensors.
"""
import sys
import warnings

import numpy as np
import torch
from safetensors.numpy import save_file
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

ROWS, FEATURES, CLASSES, VAL, SEED = 200, 6, 4, 64, 5
BATCH, EPOCHS, FOLDS, RESAMPLES = 128, 20, 5, 10
GRID = [1.0, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01]  # of dfr-l1
DFR_GRID = [0.0003, 0.003, 0.03, 0.3, 3.0]


# ---- draws -------------------------------------------------------------------------------------
def philox(key, high, low):
    mask = 0xFFFFFFFF
    c = [low & mask, low >> 32 & mask, high & mask, high >> 32 & mask]
    k = list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & mask, a >> 32 ^ c[3] ^ k[1], a & mask]
        k = [k[0] + 0x9E3779B9 & mask, k[1] + 0xBB67AE85 & mask]
    return c


def key_of(seed, purpose):
    value = 0xCBF29CE484222325
    for letter in purpose.encode():
        value = (value ^ letter) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return philox([seed & 0xFFFFFFFF, seed >> 32], 0, value)[:2]


def draw(key, high, row):
    words = philox(key, high, row)
    return words[1] << 32 | words[0]


def uniform(key, high, low):
    words = philox(key, high, low)
    return (words[0] >> 5 << 26 | words[1] >> 6) * 2.0**-53


# ---- the problem -------------------------------------------------------------------------------
def make_problem():
    """World 62: of those tried, one where the gap of finetune-gap is under 5 points after 8 epochs."""
    rng = np.random.default_rng(62)
    centres = 3.0 * rng.normal(size=(CLASSES, FEATURES))
    y = rng.permutation(np.repeat(np.arange(CLASSES), [80, 60, 40, 20]))
    x = (centres[y] + 3.9 * rng.normal(size=(ROWS, FEATURES)) + 0.5).astype(np.float32)
    old_w = (0.1 * centres + 0.3 * rng.normal(size=centres.shape)).astype(np.float32)
    old_b = (0.1 * rng.normal(size=CLASSES)).astype(np.float32)
    val = {}
    for name, reach in (("clear", 1.0), ("hidden", 0.75)):
        labels = np.arange(VAL) % CLASSES
        noise = 3.6 * rng.normal(size=(VAL, FEATURES))
        val[name] = ((reach * centres[labels] + noise + 0.5).astype(np.float32), labels)
    return x, y, old_w, old_b, val


def top1(weight, bias, x, y):
    return np.mean(np.argmax(x.astype(np.float64) @ weight.T + bias, axis=1) == y)


# ---- recipes -----------------------------------------------------------------------------------
def descend(x, y, weight, bias, rate, after_epoch):
    layer = torch.nn.Linear(FEATURES, CLASSES, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    steps = torch.optim.SGD(layer.parameters(), lr=rate, momentum=0.9)
    inputs, labels = torch.tensor(x, dtype=torch.float64), torch.tensor(y)
    key = key_of(SEED, "sgd-order")
    for epoch in range(EPOCHS):
        order = sorted(range(ROWS), key=lambda row: draw(key, epoch, row))
        for first in range(0, ROWS, BATCH):
            batch = order[first:first + BATCH]
            steps.zero_grad()
            torch.nn.functional.cross_entropy(layer(inputs[batch]), labels[batch]).backward()
            steps.step()
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        if after_epoch(weight, bias):
            break
    return weight.copy(), bias.copy(), epoch + 1


def moayeri(x, y):
    key, reach = key_of(SEED, "sgd-start"), 1.0 / np.sqrt(FEATURES)
    weight = np.array([reach * (2.0 * uniform(key, 0, i) - 1.0) for i in range(CLASSES * FEATURES)])
    bias = np.array([reach * (2.0 * uniform(key, 1, k) - 1.0) for k in range(CLASSES)])
    return descend(x, y, weight.reshape(CLASSES, FEATURES), bias, 0.01, lambda w, b: False)


def finetune_gap(x, y, old_w, old_b, val):
    gaps = []

    def is_narrow(weight, bias):
        gaps.append(top1(weight, bias, *val["clear"]) - top1(weight, bias, *val["hidden"]))
        return gaps[-1] < 0.05

    made = descend(x, y, old_w.astype(np.float64), old_b.astype(np.float64), 0.001, is_narrow)
    print("finetune-gap: gaps", np.round(gaps, 4))
    return made


def afr(x, y, old_w, old_b):
    x, old_w = x.astype(np.float64), old_w.astype(np.float64)
    p = softmax(x @ old_w.T + old_b, axis=1)[np.arange(ROWS), y]
    weights = np.exp(-4.0 * p) / np.bincount(y)[y]
    weights /= weights.sum()

    def value(flat):
        w, b = flat[:-CLASSES].reshape(CLASSES, FEATURES), flat[-CLASSES:]
        z = x @ w.T + b
        r = softmax(z, axis=1)
        loss = -weights @ log_softmax(z, axis=1)[np.arange(ROWS), y] + 0.1 * np.sum((w - old_w)**2)
        r[np.arange(ROWS), y] -= 1.0
        r *= weights[:, None]
        return loss, np.concatenate([(r.T @ x + 0.2 * (w - old_w)).ravel(), r.sum(axis=0)])

    start = np.concatenate([old_w.ravel(), old_b.astype(np.float64)])
    best = minimize(value, start, jac=True, method="BFGS", options={"gtol": 1e-12, "maxiter": 5000})
    best = minimize(value, best.x, jac=True, method="L-BFGS-B", options={"gtol": 1e-13, "ftol": 1e-16})
    bias = best.x[-CLASSES:] - best.x[-CLASSES:].mean()
    return best.x[:-CLASSES].reshape(CLASSES, FEATURES), bias, best.fun


def folds_of(y):
    key, fold = key_of(SEED, "folds"), np.zeros(ROWS, dtype=int)
    for k in range(CLASSES):
        rows = sorted(np.flatnonzero(y == k), key=lambda row: draw(key, 0, int(row)))
        fold[rows] = np.arange(len(rows)) % FOLDS
    return fold


def standardise(x):
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    return (x - mean) / deviation, mean, deviation


def choose(x, y, grid, fit):
    fold = folds_of(y)
    table = [[top1(*fit(x[fold != f], y[fold != f], C), x[fold == f], y[fold == f]) for C in grid]
             for f in range(FOLDS)]
    means = np.mean(table, axis=0)
    best = max(range(len(grid)), key=lambda c: (round(means[c], 12), -grid[c]))
    return means, grid[best]


def fit_lasso(x, y, C):
    z, mean, deviation = standardise(x.astype(np.float64))
    weight, bias = np.zeros((CLASSES, FEATURES)), np.zeros(CLASSES)
    for k in range(CLASSES):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one = LogisticRegression(penalty="l1", solver="liblinear", C=C, tol=1e-10, max_iter=100000,
                                     intercept_scaling=1.0).fit(z, y == k)
        weight[k] = one.coef_[0] / deviation
        bias[k] = one.intercept_[0] - weight[k] @ mean
    return weight, bias


def dfr_l1(x, y):
    means, C = choose(x, y, GRID, fit_lasso)
    key, least = key_of(SEED, "resample"), np.bincount(y).min()
    weight, bias = np.zeros((CLASSES, FEATURES)), np.zeros(CLASSES)
    for number in range(RESAMPLES):
        kept = []
        for k in range(CLASSES):
            kept += sorted(np.flatnonzero(y == k), key=lambda row: draw(key, number, int(row)))[:least]
        kept = sorted(kept)
        w, b = fit_lasso(x[kept], y[kept], C)
        weight, bias = weight + w / RESAMPLES, bias + b / RESAMPLES
    return means, C, weight, bias


def fit_dfr(x, y, C):
    z, mean, deviation = standardise(x.astype(np.float64))
    fitted = LogisticRegression(C=C, tol=1e-12, max_iter=10000).fit(z, y)
    weight = fitted.coef_ / deviation
    return weight, fitted.intercept_ - weight @ mean


def main():
    x, y, old_w, old_b, val = make_problem()
    out = {"X": x, "y": y.astype(np.int32), "old_w": old_w, "old_b": old_b}
    for name, (features, labels) in val.items():
        out[name + "_x"], out[name + "_y"] = features, labels.astype(np.int32)
    for name, (w, b, epochs) in (("moayeri", moayeri(x, y)),
                                 ("finetune-gap", finetune_gap(x, y, old_w, old_b, val))):
        out[name + "_w"], out[name + "_b"], out[name + "_epochs"] = w, b, np.array([float(epochs)])
    out["afr_w"], out["afr_b"], fun = afr(x, y, old_w, old_b)
    out["afr_objective"] = np.array([fun])
    out["dfr-l1_top1"], C, out["dfr-l1_w"], out["dfr-l1_b"] = dfr_l1(x, y)
    out["dfr-l1_C"] = np.array([C])
    means, C = choose(x, y, DFR_GRID, fit_dfr)
    w, b = fit_dfr(x, y, C)
    out["dfr_grid"], out["dfr_top1"], out["dfr_C"] = np.array(DFR_GRID), means, np.array([C])
    out["dfr_w"], out["dfr_b"] = w, b
    for name in ("dfr-l1_top1", "dfr-l1_C", "dfr_top1", "dfr_C", "finetune-gap_epochs"):
        print(name, np.round(out[name], 6))
    save_file({key: np.ascontiguousarray(value) for key, value in out.items()}, sys.argv[1])


main()
