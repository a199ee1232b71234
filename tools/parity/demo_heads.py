#!/usr/bin/env python3
"""Does a last layer trained on clear images rely less on backgrounds? scikit-learn's answer.

usage: tools/parity/demo_heads.py [--models share/demo] [--backbone resnet|vit]... [--seeds N] [--clean]

Per seed: 10 classes x 300 biased training images are ranked by the detector's own-class score;
clear-k, hidden-k and rnd-k of every class train a multinomial logistic regression on the frozen
backbone's features (standardised by the subset, C = 0.01 and 1: Spur's recipe `dfr`). Printed
are accuracies on four test sets of 10 x 100 images and paired differences between subsets, mean
and standard deviation over seeds. --clean: no planted errors among the training images.
"""
import argparse
import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tools", "train"))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from transformers import OwlViTForObjectDetection, ViTForImageClassification  # noqa: E402

import backbones  # noqa: E402
import evaluate  # noqa: E402
import prompts  # noqa: E402
import tokenizer  # noqa: E402
import world as worlds  # noqa: E402

FIRST_SEED = 770_001
PAIRS = [("clear", "rnd"), ("clear", "hidden"), ("rnd", "hidden"), ("clear", "orig"), ("clear", "all")]
COLUMNS = ["in-dist", "balanced", "minority", "worst group", "clear minority", "as background", "ood"]


def open_backbone(folder, name):
    """A function from pixels to (features, the model's own logits)."""
    if name == "resnet":
        model = backbones.ResNet()
        model.load_state_dict({key: value.float() for key, value in load_file(os.path.join(
            folder, name, "model.safetensors")).items()}, strict=False)
        body, head = model.features, model.fc
    else:
        model = ViTForImageClassification.from_pretrained(os.path.join(folder, name), dtype=torch.float32)
        body, head = lambda x: model.vit(pixel_values=x).last_hidden_state[:, 0], model.classifier
    model.eval()

    def run(pixels):
        with torch.no_grad():
            features = torch.cat([body(backbones.normalise(part)) for part in np.array_split(pixels, max(1, len(pixels) // 50))])
            return features.numpy(), head(features).numpy()
    return run


def draw_sets(world, seed, clean):
    planted = {} if clean else dict(none=0.05, wrong=0.02)
    chosen = {"train": worlds.options(4 * seed, favourite=0.95, skew=1.5, **planted),
              "in-dist": worlds.options(4 * seed + 1, favourite=0.95, skew=1.5, **planted),
              "balanced": worlds.options(4 * seed + 2, balanced=True, skew=1.5),
              "ood": worlds.options(4 * seed + 3, balanced=True, skew=1.5, out_of_distribution=True)}
    return {name: world.class_set(how, 300 if name == "train" else 100) for name, how in chosen.items()}


def choose(scores, labels, kind, k, seed):
    """Rows of the k clearest, most hidden or random images of every class."""
    generator, rows = prompts.rng(seed, 99), []
    for c in range(worlds.CLASSES):
        mine = np.flatnonzero(labels == c)
        order = mine[np.argsort(scores[mine], kind="stable")]
        rows.append({"clear": order[-k:], "hidden": order[:k], "rnd": generator.choice(mine, k, replace=False)}[kind])
    return np.concatenate(rows)


def fit_head(features, labels, c):
    mean, deviation = features.mean(0), features.std(0)
    scale = np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1), 0)
    fitted = LogisticRegression(C=c, max_iter=5000, tol=1e-4).fit((features - mean) * scale, labels)
    return lambda x: fitted.predict((x - mean) * scale)


def measure(predict, sets, features):
    """The seven columns of one head."""
    found = {}
    for name in ("in-dist", "balanced", "ood"):
        _, labels, truth = sets[name]
        said = predict(name)
        found[name] = (said == labels).mean()
        if name == "balanced":
            minority = truth["minority"] != 0
            found["minority"] = (said == labels)[minority].mean()
            found["worst group"] = min((said == labels)[(labels == c) & (minority == m)].mean()
                                       for c in range(worlds.CLASSES) for m in (True, False)
                                       if ((labels == c) & (minority == m)).any())
            found["clear minority"] = (said == labels)[minority & (truth["clearness"] > 0.6)].mean()
            found["as background"] = (said == truth["background"])[minority].mean()
    return [100 * found[name] for name in COLUMNS]


def run_seed(world, score, run, seed, clean, ks):
    """name of head -> row of numbers, and what the subsets contain."""
    sets = draw_sets(world, seed, clean)
    features, logits = {}, {}
    for name, (pixels, _, _) in sets.items():
        features[name], logits[name] = run(pixels)
    pixels, labels, truth = sets["train"]
    scores = score(pixels)[np.arange(len(labels)), labels]
    heads, content = {"orig": measure(lambda name: logits[name].argmax(1), sets, features)}, {}
    for c in (0.01, 1.0):
        subsets = {"all": np.arange(len(labels))}
        subsets.update({f"{kind}-{k}": choose(scores, labels, kind, k, seed) for k in ks for kind in ("clear", "hidden", "rnd")})
        for subset, rows in subsets.items():
            predict = fit_head(features["train"][rows], labels[rows], c)
            heads[f"{subset} C={c:g}"] = measure(lambda name: predict(features[name]), sets, features)
            content[subset] = [truth["clearness"][rows].mean(), (truth["planted"][rows] != 0).mean(),
                               truth["minority"][rows].mean()]
    return heads, content


def spread(values):
    return f"{np.mean(values):.1f}±{np.std(values, ddof=1) if len(values) > 1 else 0:.1f}"


def print_tables(results, contents, ks):
    print("| head | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 1))
    for head in results[0]:
        rows = np.array([result[head] for result in results])
        print(f"| {head} | " + " | ".join(spread(rows[:, i]) for i in range(len(COLUMNS))) + " |")
    print("\n| paired difference | balanced | minority | worst group | ood |\n|---|---|---|---|---|")
    for k in ks:
        for c in ("0.01", "1"):
            for a, b in PAIRS:
                left = f"{a}-{k} C={c}"
                right = "orig" if b == "orig" else f"all C={c}" if b == "all" else f"{b}-{k} C={c}"
                rows = np.array([np.subtract(result[left], result[right]) for result in results])
                print(f"| {left} minus {right} | " + " | ".join(
                    spread(rows[:, COLUMNS.index(name)]) for name in ("balanced", "minority", "worst group", "ood")) + " |")
    print("\n| subset | mean clearness | planted errors | minority |\n|---|---|---|---|")
    for subset in contents[0]:
        print(f"| {subset} | " + " | ".join(f"{value:.2f}" for value in np.mean([c[subset] for c in contents], 0)) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=os.path.join(ROOT, "share", "demo"))
    parser.add_argument("--backbone", action="append", choices=["resnet", "vit"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--k", type=int, action="append", help="images per class (default 50 and 100)")
    parser.add_argument("--clean", action="store_true")
    parser.add_argument("--json", help="also write all numbers to this file")
    parser.add_argument("--world-library")
    options = parser.parse_args()
    torch.set_num_threads(1)
    ks = options.k or [50, 100]
    world = worlds.World(options.world_library)
    folder = os.path.join(options.models, "detector")
    model = OwlViTForObjectDetection.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.from_numpy(tokenizer.Encoder(folder)([prompts.DEFAULT.format(n) for n in world.names[:worlds.CLASSES]]))
    kept = {}
    for name in options.backbone or ["resnet", "vit"]:
        run = open_backbone(options.models, name)
        pairs = [run_seed(world, lambda pixels: evaluate.run_detector(model, pixels, ids)[0], run, FIRST_SEED + i,
                          options.clean, ks) for i in range(options.seeds)]
        print(f"\n{name}, {options.seeds} seeds{', no planted errors' if options.clean else ''}\n")
        print_tables([heads for heads, _ in pairs], [content for _, content in pairs], ks)
        kept[name] = [heads for heads, _ in pairs]
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(kept, file)


if __name__ == "__main__":
    main()
