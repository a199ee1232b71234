#!/usr/bin/env python3
"""Loads exported heads into PyTorch and compares the predictions with Spur's.

usage: tools/parity/heads.py HEADS --backbone MODEL [--arch NAME] [--spur build/spur] IMAGE...

HEADS is what `spur export RUN --heads HEADS --format torchvision|timm|hf` wrote (a folder, or one
file); MODEL the backbone they were trained on, IMAGE pictures to classify. Of each head:

- the model of the library whose names the head has is made with the backbone's weights, and the
  head goes in by load_state_dict(strict=False), which must use every tensor of the file;
- `spur classify --raw` gives the input and Spur's logits, PyTorch classifies the same input;
- on every image whose two largest logits are more than 1e-5 * max|logit| apart the two must
  predict the same class. The other images are counted and listed.

Needs torch, safetensors and the library in question (torchvision, timm, transformers). Exit code 1
when a prediction differs or a head does not fit.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import torch
from safetensors import safe_open
from safetensors.torch import load_file

MARGIN = 1e-5
ABSENT = -1e29
# Tensor that tells the library and, of a backbone's own weights, what the head replaces.
LIBRARIES = [("cls_classifier.weight", "hf"), ("classifier.1.weight", "hf"), ("classifier.weight", "hf"),
             ("heads.head.weight", "torchvision"), ("head_dist.weight", "timm"), ("head.weight", "timm"),
             ("fc.weight", "torchvision")]
OWN_HEADS = ("fc.", "head.", "head_dist.", "heads.", "classifier.", "cls_classifier.",
             "distillation_classifier.")


def weight_file(backbone):
    if os.path.isfile(backbone):
        return backbone
    for name in ("model.safetensors", "pytorch_model.bin"):
        if os.path.isfile(os.path.join(backbone, name)):
            return os.path.join(backbone, name)
    sys.exit(f"{backbone}: no model.safetensors or pytorch_model.bin")


def read_weights(backbone):
    path = weight_file(backbone)
    if path.endswith(".safetensors"):
        return load_file(path)
    content = torch.load(path, map_location="cpu", weights_only=True)
    return content.get("model", content.get("state_dict", content))


def library_of(head, choice):
    for name, library in LIBRARIES:
        if name in head:
            return choice or library
    sys.exit(f"no head among {sorted(head)}")


def make_model(library, options, notes, classes):
    arch = options.arch or notes.get("architecture")
    if library == "hf":
        import transformers
        config = transformers.AutoConfig.from_pretrained(options.backbone, num_labels=classes)
        has_teacher = any("WithTeacher" in name for name in config.architectures or [])
        kind = (transformers.DeiTForImageClassificationWithTeacher if has_teacher
                else transformers.AutoModelForImageClassification)
        return kind.from_pretrained(options.backbone, config=config, ignore_mismatched_sizes=True,
                                    dtype=torch.float32)
    if arch is None:
        sys.exit("the head does not say its architecture: give --arch")
    if library == "timm":
        import timm
        return timm.create_model(arch, pretrained=False, num_classes=classes)
    if arch == "resnet-bottleneck-1-1-1-1":  # the demo's
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "train"))
        import backbones
        stem = read_weights(options.backbone)["conv1.weight"].shape[0]
        return backbones.ResNet(stem=stem, classes=classes)
    import torchvision
    return torchvision.models.get_model(arch, weights=None, num_classes=classes)


def fill_body(model, backbone):
    body = {name: value for name, value in read_weights(backbone).items() if not name.startswith(OWN_HEADS)}
    found = model.load_state_dict(body, strict=False)
    missing = [name for name in found.missing_keys
               if not name.startswith(OWN_HEADS) and not name.endswith("num_batches_tracked")]
    if missing or found.unexpected_keys:
        sys.exit(f"the backbone does not fit: missing {missing[:3]}, unexpected {found.unexpected_keys[:3]}")


def fill_model(model, library, backbone, head):
    """The backbone's weights, then the head as a user would load it."""
    if library != "hf":  # from_pretrained has read them
        fill_body(model, backbone)
    found = model.load_state_dict(head, strict=False)
    if found.unexpected_keys:
        sys.exit(f"the model has no {found.unexpected_keys}: the head would be passed over")
    if any(name.startswith(OWN_HEADS) for name in found.missing_keys):
        sys.exit(f"the head leaves {[n for n in found.missing_keys if n.startswith(OWN_HEADS)]} as they were")
    return model.eval()


def classify(options, head):
    with tempfile.TemporaryDirectory() as folder:
        raw = os.path.join(folder, "raw.safetensors")
        words = ["--preprocessing", options.preprocessing] if options.preprocessing else []
        subprocess.run([options.spur, "classify", *options.images, "--backbone", options.backbone, "--head",
                        head, "--raw", raw, "--quiet", *words], stdout=subprocess.DEVNULL, check=True)
        return load_file(raw)


def run_model(model, pixels):
    with torch.inference_mode():
        out = [model(pixels[i:i + 8]) for i in range(0, len(pixels), 8)]
    return torch.cat([one if torch.is_tensor(one) else one.logits for one in out])


def compare(path, options):
    with safe_open(path, "pt") as file:
        notes = file.metadata() or {}
        head = {name: file.get_tensor(name) for name in file.keys()}
    library = library_of(head, options.library)
    classes = next(value for name, value in head.items() if name.endswith(".bias")).shape[0]
    raw = classify(options, path)
    ours = raw["logits"]
    model = fill_model(make_model(library, options, notes, classes), library, options.backbone, head)
    theirs = run_model(model, raw["pixel_values"])
    top = ours.topk(2).values
    known = torch.where(ours > ABSENT, ours, 0)  # classes without a training row say -1e30
    is_close = top[:, 0] - top[:, 1] <= MARGIN * known.abs().amax(1)
    differs = (ours.argmax(1) != theirs.argmax(1)) & ~is_close
    spread = (ours - theirs)[ours > ABSENT].abs().max().item()
    print(f"{path}: {library}, {len(ours)} images, {int(differs.sum())} differ, {int(is_close.sum())} within "
          f"the margin, largest difference of a logit {spread:.2e} of {known.abs().max().item():.3g}")
    for i in torch.nonzero(is_close).flatten().tolist():
        print(f"    within the margin: {options.images[i]}")
    for i in torch.nonzero(differs).flatten().tolist():
        print(f"    DIFFERS: {options.images[i]}: {int(ours[i].argmax())}, PyTorch {int(theirs[i].argmax())}")
    return int(differs.sum()) == 0


def heads_in(path):
    if os.path.isfile(path):
        return [path]
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names
                  if name.endswith(".safetensors"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("heads")
    parser.add_argument("images", nargs="+")
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--arch", help="name of the model in torchvision or timm (default: the head's metadata)")
    parser.add_argument("--library", choices=["torchvision", "timm", "hf"],
                        help="fc.* is torchvision's and timm's name: timm must be asked for")
    parser.add_argument("--preprocessing", help="as of spur classify, when the model's files do not say it")
    parser.add_argument("--spur", default="build/spur")
    options = parser.parse_args()
    paths = heads_in(options.heads)
    if not paths:
        sys.exit(f"{options.heads}: no heads")
    return 0 if all([compare(path, options) for path in paths]) else 1


if __name__ == "__main__":
    sys.exit(main())
