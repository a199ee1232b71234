"""Sections B, C, D and G for classifiers: weights, configs and heads that do not fit. Exit 5 (a head
of another backbone: 4), the tensor or member named, nothing on standard output."""
import json
import os
import random
import shutil
import struct

import build_safetensors as st
from harness import Failure

LAYER = "blocks.1.mlp.fc1.weight"


def picture(h):
    return os.path.join(h.data, "photos-tiny", "ball", "ball1.png")


def classify(h, model, *options):
    run = h.spur("classify", picture(h), "--backbone", model, *options)
    if run.code != 0 and run.out:
        raise Failure(f"output beside an error\n{run}")
    return run


def model_with(h, name, change=None, config=None):
    """A copy of a tiny classifier with changed tensors or another config.json."""
    folder = h.path("changed-backbone")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(h.data, name), folder)
    for file in os.listdir(folder):
        os.chmod(os.path.join(folder, file), 0o644)
    path = os.path.join(folder, "model.safetensors")
    if change is not None:
        with open(path, "rb") as file:
            content = file.read()
        h.write(path, st.rebuild(content, change))
    if config is not None:
        path = os.path.join(folder, "config.json")
        with open(path, encoding="utf-8") as file:
            members = json.load(file)
        h.write(path, json.dumps(config(members) or members).encode())
    return folder


def check_tensors(h):
    def poison(tensors):
        body = bytearray(tensors[LAYER][2])
        body[0:8] = struct.pack("<ff", float("nan"), float("-inf"))
        tensors[LAYER][2] = bytes(body)

    def transpose(tensors):
        tensors[LAYER][1] = tensors[LAYER][1][::-1]

    with h.case("89", "backbone weights with NaN and infinity"):
        model = model_with(h, "tiny-vit-timm", poison)
        h.expect(classify(h, model), 5, f"{LAYER}.*2 non-finite")
        h.expect(classify(h, model, "--allow-nonfinite"), 0)
    for name in ("pos_embed", "cls_token", LAYER, "head.bias", "norm.weight"):
        with h.case("90", f"backbone without {name}"):
            h.expect(classify(h, model_with(h, "tiny-vit-timm", lambda t: t.pop(name))), 5, name)
    with h.case("91", "backbone with an extra tensor"):
        extra = {"extra.thing": ["F32", [2], b"\0" * 8]}
        h.expect(classify(h, model_with(h, "tiny-vit-timm", lambda t: t.update(extra))), 5, "extra.thing")
    with h.case("92", "backbone tensor of another shape"):
        h.expect(classify(h, model_with(h, "tiny-vit-timm", transpose)), 5,
                 rf"{LAYER}.*48, 192.*192, 48")
    with h.case("92", "a table of positions that is no square"):
        def longer(tensors):
            tensors["pos_embed"][1] = [1, 34, 24]
        h.expect(classify(h, model_with(h, "tiny-vit-timm", longer)), 5, "pos_embed.*34 positions")
    for name, what in (("blocks.0.ls1.gamma", "layer scale"), ("reg_token", "register"),
                       ("norm_pre.weight", "norm before"), ("fc_norm.weight", "pooling")):
        with h.case("91", f"a variant outside the family: {what}"):
            other = {name: ["F32", [2], b"\0" * 8]}
            h.expect(classify(h, model_with(h, "tiny-vit-timm", lambda t: t.update(other))), 5, what)


def check_configs(h):
    def refuse(number, name, model, change, reason):
        with h.case(number, name):
            h.expect(classify(h, model_with(h, model, config=change)), 5, reason)

    refuse("143", "class list shorter than the model's outputs", "tiny-vit-hf",
           lambda c: c["id2label"].pop("9") and None, "id2label names 9 classes, the last layer has 10")
    refuse("143", "class list with a hole", "tiny-vit-hf",
           lambda c: c["id2label"].update({"11": c["id2label"].pop("4")}), "no name for class 4")
    refuse("92", "config of another size", "tiny-vit-hf",
           lambda c: c.update(hidden_size=96), "hidden_size 96, the weights have 48")
    refuse("92", "heads that do not divide the width", "tiny-vit-hf",
           lambda c: c.update(num_attention_heads=7), "number of heads 7")
    refuse("92", "heads of a huge number", "tiny-vit-hf",
           lambda c: c.update(num_attention_heads=2 ** 62), "num_attention_heads")
    refuse("92", "an activation nobody knows", "tiny-vit-hf",
           lambda c: c.update(hidden_act="swish"), "swish")
    refuse("92", "pooling without the class token", "tiny-vit-timm",
           lambda c: c.update(global_pool="avg"), "global_pool is 'avg'")
    refuse("92", "pictures of another size", "tiny-vit-timm",
           lambda c: c["pretrained_cfg"].update(input_size=[3, 64, 64]), "64x64.*32x32")
    refuse("90", "no recipe for pictures", "tiny-vit-timm",
           lambda c: c.pop("pretrained_cfg") and None, "pretrained_cfg")
    with h.case("90", "a config that is no object"):
        h.expect(classify(h, model_with(h, "tiny-vit-timm", config=lambda c: [1])), 5, "config.json")
    with h.case("90", "a detector taken for a classifier"):
        h.expect(classify(h, h.model), 5, "not supported")


def check_flips(h):
    """Every flipped header is refused or gives numbers; the program never ends otherwise."""
    with h.case("85", "flipped bytes in the header of a backbone"):
        generator = random.Random(5)
        with open(os.path.join(h.data, "tiny-vit-timm", "model.safetensors"), "rb") as file:
            whole = file.read()
        end = 8 + struct.unpack("<Q", whole[:8])[0]
        refused = 0
        for _ in range(60):
            damaged = bytearray(whole)
            damaged[generator.randrange(end)] ^= 1 << generator.randrange(8)
            folder = model_with(h, "tiny-vit-timm")
            h.write(os.path.join(folder, "model.safetensors"), bytes(damaged))
            run = classify(h, folder)
            if run.code not in (0, 5):
                raise Failure(f"exit {run.code}\n{run}")
            refused += run.code == 5
        if refused < 40:
            raise Failure(f"only {refused} of 60 flips were refused")


def check_heads(h):
    model = os.path.join(h.data, "tiny-vit-timm")

    def head(rows, columns, value=0.0, notes=None):
        path = h.path("head.safetensors")
        weight = struct.pack("<f", value) * (rows * columns)
        header = {"head.bias": st.entry("F32", [rows], 0, 4 * rows),
                  "head.weight": st.entry("F32", [rows, columns], 4 * rows, 4 * rows + len(weight))}
        if notes is not None:
            header["__metadata__"] = notes
        h.write(path, st.file_of(header, b"\0" * (4 * rows) + weight))
        return path

    with h.case("175", "a head of other features"):
        h.expect(classify(h, model, "--head", head(3, 47)), 4, "47 features.*48")
    with h.case("175", "a head with NaN"):
        h.expect(classify(h, model, "--head", head(3, 48, float("nan"))), 5, "head.weight")
    with h.case("176", "a head trained on another backbone"):
        notes = {"backbone": "resnet50", "backbone_digest": "0" * 64}
        h.expect(classify(h, model, "--head", head(3, 48, notes=notes)), 4, "resnet50")
    with h.case("175", "a head of other classes is shown with its own"):
        run = h.expect(classify(h, model, "--head", head(3, 48), "--json"), 0)
        found = json.loads(run.out)["images"][0]
        if len(found["top"]) != 5 or len(found["top_head"]) != 3:
            raise Failure(f"wrong lists\n{run}")


def run(h):
    check_tensors(h)
    check_configs(h)
    check_flips(h)
    check_heads(h)
