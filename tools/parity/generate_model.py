#!/usr/bin/env python3
"""Writes a full-size detector with weights from names, as a Hugging Face folder.

usage: tools/parity/generate_model.py NAME FOLDER [SALT]

NAME is owlvit-base-patch32, owlvit-base-patch16, owlvit-large-patch14 or
owlv2-base-patch16-ensemble; SALT defaults to open-2026-a/NAME. Needs numpy. The tokenizer is a
stand-in with single bytes and made-up pairs: as large as CLIP's, but without its vocabulary.
"""
import json
import os
import struct
import sys

import numpy as np

import weights_by_name

#                              side patch width layers heads  text  heads projection
SIZES = {
    "owlvit-base-patch32":         (768, 32, 768, 12, 12, 512, 8, 512),
    "owlvit-base-patch16":         (768, 16, 768, 12, 12, 512, 8, 512),
    "owlvit-large-patch14":        (840, 14, 1024, 24, 16, 768, 12, 768),
    "owlv2-base-patch16-ensemble": (960, 16, 768, 12, 12, 512, 8, 512),
}
TEXT_LAYERS, VOCABULARY, TOKENS = 12, 49408, 16


def shapes(name):
    """{tensor name: shape} of the whole network, in the order of the file."""
    side, patch, width, layers, _, text, _, projection = SIZES[name]
    base = name.split("-")[0]
    out = {f"{base}.logit_scale": []}

    def linear(prefix, rows, columns, bias=True):
        out[f"{prefix}.weight"] = [rows, columns]
        if bias:
            out[f"{prefix}.bias"] = [rows]

    def norm(prefix, n):
        out[f"{prefix}.weight"] = [n]
        out[f"{prefix}.bias"] = [n]

    def tower(prefix, n, count):
        for i in range(count):
            layer = f"{prefix}.encoder.layers.{i}"
            for part in ("q", "k", "v", "out"):
                linear(f"{layer}.self_attn.{part}_proj", n, n)
            norm(f"{layer}.layer_norm1", n)
            norm(f"{layer}.layer_norm2", n)
            linear(f"{layer}.mlp.fc1", 4 * n, n)
            linear(f"{layer}.mlp.fc2", n, 4 * n)

    out[f"{base}.text_model.embeddings.token_embedding.weight"] = [VOCABULARY, text]
    out[f"{base}.text_model.embeddings.position_embedding.weight"] = [TOKENS, text]
    tower(f"{base}.text_model", text, TEXT_LAYERS)
    norm(f"{base}.text_model.final_layer_norm", text)
    out[f"{base}.vision_model.embeddings.class_embedding"] = [width]
    out[f"{base}.vision_model.embeddings.patch_embedding.weight"] = [width, 3, patch, patch]
    out[f"{base}.vision_model.embeddings.position_embedding.weight"] = [(side // patch) ** 2 + 1, width]
    norm(f"{base}.vision_model.pre_layernorm", width)
    tower(f"{base}.vision_model", width, layers)
    norm(f"{base}.vision_model.post_layernorm", width)
    linear(f"{base}.visual_projection", projection, width, bias=False)
    linear(f"{base}.text_projection", projection, text, bias=False)
    norm("layer_norm", width)
    linear("class_head.dense0", text, width)
    linear("class_head.logit_shift", 1, width)
    linear("class_head.logit_scale", 1, width)
    heads = {"box_head": 4, "objectness_head": 1} if base == "owlv2" else {"box_head": 4}
    for head, outputs in heads.items():
        linear(f"{head}.dense0", width, width)
        linear(f"{head}.dense1", width, width)
        linear(f"{head}.dense2", outputs, width)
    return out


def write_weights(path, name, salt):
    """One tensor at a time, so that memory stays at the largest of them."""
    header, end, all_shapes = {"__metadata__": {"format": "pt"}}, 0, shapes(name)
    for tensor, shape in all_shapes.items():
        begin, end = end, end + 4 * int(np.prod(shape, dtype=np.int64))
        header[tensor] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for tensor, shape in all_shapes.items():
            out.write(weights_by_name.tensor(salt, tensor, shape).tobytes())


def config(name):
    side, patch, width, layers, heads, text, text_heads, projection = SIZES[name]
    base = name.split("-")[0]
    return {
        "architectures": ["OwlViTForObjectDetection" if base == "owlvit" else "Owlv2ForObjectDetection"],
        "model_type": base,
        "projection_dim": projection,
        "text_config": {"model_type": f"{base}_text_model", "hidden_size": text,
                        "intermediate_size": 4 * text, "num_attention_heads": text_heads,
                        "num_hidden_layers": TEXT_LAYERS, "vocab_size": VOCABULARY,
                        "max_position_embeddings": TOKENS},
        "vision_config": {"model_type": f"{base}_vision_model", "hidden_size": width,
                          "intermediate_size": 4 * width, "num_attention_heads": heads,
                          "num_hidden_layers": layers, "image_size": side, "patch_size": patch},
    }


def preprocessor(name):
    side, base = SIZES[name][0], name.split("-")[0]
    return {
        "image_processor_type": "OwlViTImageProcessor" if base == "owlvit" else "Owlv2ImageProcessor",
        "do_resize": True, "do_rescale": True, "do_normalize": True,
        **({"do_pad": True} if base == "owlv2" else {"do_center_crop": False}),
        "size": {"height": side, "width": side}, "resample": 3 if base == "owlvit" else 2,
        "rescale_factor": 1 / 255,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }


def byte_symbols():
    """The 256 characters by which byte-level BPE writes bytes, in vocabulary order."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(others))]


def write_tokenizer(folder):
    symbols = byte_symbols()
    words = symbols + [s + "</w>" for s in symbols]
    pairs = [(a, b) for a in reversed(symbols) for b in reversed(symbols)]
    pairs = pairs[:VOCABULARY - len(words) - 2]
    words += [a + b for a, b in pairs] + ["<|startoftext|>", "<|endoftext|>"]
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as out:
        json.dump({word: i for i, word in enumerate(words)}, out, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as out:
        out.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in pairs))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as out:
        json.dump({"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "!",
                   "unk_token": "<|endoftext|>", "model_max_length": TOKENS,
                   "tokenizer_class": "CLIPTokenizer"}, out)


def generate(name, folder, salt=None):
    os.makedirs(folder, exist_ok=True)
    for file, content in (("config.json", config(name)), ("preprocessor_config.json", preprocessor(name))):
        with open(os.path.join(folder, file), "w") as out:
            json.dump(content, out, indent=1)
    write_tokenizer(folder)
    write_weights(os.path.join(folder, "model.safetensors"), name, salt or f"open-2026-a/{name}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in SIZES:
        sys.exit(__doc__)
    generate(*sys.argv[1:])
