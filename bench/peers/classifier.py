#!/usr/bin/env python3
"""Times one engine on a classifier of timm: pixels to penultimate features, batch 8, float32.

usage: bench/peers/classifier.py SETTING NAME CACHE
       bench/peers/classifier.py write NAME FOLDER

SETTING is one of those listed below; NAME a model of timm ("resnet50"); CACHE a folder for
converted models. Works as peer.py does. `write` makes the model folder that Spur reads. Weights
are random: the time does not depend on them.
"""
import json
import os
import sys

from peer import THREADS, in_threads, serve

import timm  # noqa: E402
import torch  # noqa: E402

BATCH = 8


def load(name):
    """(features of the model without its last layer, one batch), channels last where that is
    faster, batch norm fused."""
    torch.manual_seed(1)
    model = timm.create_model(name, pretrained=False, num_classes=0).eval()
    side = model.pretrained_cfg["input_size"][1]
    pixels = torch.randn(BATCH, 3, side, side)
    if any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules()):
        from torch.fx.experimental.optimization import fuse
        model = fuse(model).to(memory_format=torch.channels_last)
        pixels = pixels.to(memory_format=torch.channels_last)
    return model, pixels


def pytorch(name, streams, compiled=False):
    torch.set_num_threads(THREADS // streams)
    model, pixels = load(name)
    if compiled:
        import torch._inductor.config as inductor
        inductor.freezing = True
        model = torch.compile(model)
        with torch.no_grad():
            model(pixels)

    def work():
        with torch.no_grad():
            model(pixels)
    return in_threads(work, streams, BATCH)


def onnx_file(name, cache):
    path = os.path.join(cache, "features.onnx")
    if not os.path.exists(path):
        model, pixels = load(name)
        with torch.no_grad():
            torch.onnx.export(model, (pixels,), path + ".part", input_names=["pixels"],
                              output_names=["features"], dynamo=True, external_data=False,
                              verbose=False)
        os.rename(path + ".part", path)
    return path


def onnxruntime(name, cache, streams):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS // streams, 1
    session = ort.InferenceSession(onnx_file(name, cache), options, providers=["CPUExecutionProvider"])
    pixels = load(name)[1].contiguous().numpy()
    return in_threads(lambda: session.run(None, {"pixels": pixels}), streams, BATCH)


def openvino(name, cache, streams):
    import openvino as ov
    core = ov.Core()
    compiled = core.compile_model(core.read_model(onnx_file(name, cache)), "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": THREADS, "NUM_STREAMS": streams})
    pixels = load(name)[1].contiguous().numpy()
    free = [compiled.create_infer_request() for _ in range(streams)]

    def work():
        request = free.pop()
        request.infer({0: pixels}, share_inputs=True)
        free.append(request)
    return in_threads(work, streams, BATCH)


def write(name, folder):
    from safetensors.torch import save_file
    torch.manual_seed(1)
    model = timm.create_model(name, pretrained=False).eval()
    os.makedirs(folder, exist_ok=True)
    config = {"architecture": name, "num_classes": model.num_classes,
              "num_features": model.num_features, "pretrained_cfg": model.pretrained_cfg}
    with open(os.path.join(folder, "config.json"), "w") as out:
        json.dump(config, out, indent=1, default=list)
    save_file(model.state_dict(), os.path.join(folder, "model.safetensors"))


SETTINGS = {
    "pytorch-1stream": lambda n, c: pytorch(n, 1),
    "pytorch-streams": lambda n, c: pytorch(n, THREADS),
    "pytorch-compiled-1stream": lambda n, c: pytorch(n, 1, compiled=True),
    "onnxruntime-1stream": lambda n, c: onnxruntime(n, c, 1),
    "onnxruntime-streams": lambda n, c: onnxruntime(n, c, THREADS),
    "openvino-1stream": lambda n, c: openvino(n, c, 1),
    "openvino-streams": lambda n, c: openvino(n, c, THREADS),
}

if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "write":
        write(sys.argv[2], sys.argv[3])
    else:
        serve(SETTINGS, __doc__)
