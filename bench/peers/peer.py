#!/usr/bin/env python3
"""Times one engine on the image side of OWL-ViT: pixels to class logits and boxes, float32.

usage: bench/peers/peer.py SETTING MODEL CACHE

SETTING is one of those listed below; MODEL a Hugging Face folder; CACHE a folder for converted
models. Prints "ready", then for every line "SECONDS" on standard input works for about that
long and prints "IMAGES SECONDS"; ends at end of input. The text queries are embedded once,
outside the timing, as Spur does.

Every setting uses THREADS cores (environment, default 2): one stream on all of them, or one
single-threaded stream per core.
"""
import os
import sys
import threading
import time
import warnings

THREADS = int(os.environ.get("THREADS", "2"))
os.environ["OMP_NUM_THREADS"] = str(THREADS)
os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import torch  # noqa: E402

QUERIES = 4


class ImageSide(torch.nn.Module):
    """pixel_values [1,3,S,S] -> logits [1,P,Q], boxes [1,P,4]."""

    def __init__(self, detector, query_embeds):
        super().__init__()
        self.detector = detector
        self.register_buffer("query_embeds", query_embeds)

    def forward(self, pixel_values):
        feature_map, _ = self.detector.image_embedder(pixel_values)
        features = feature_map.reshape(1, -1, feature_map.shape[-1])
        logits, _ = self.detector.class_predictor(features, self.query_embeds)
        return logits, self.detector.box_predictor(features, feature_map)


def load(model, attention):
    """(module, one input) of a model folder."""
    from transformers import AutoModelForZeroShotObjectDetection
    detector = AutoModelForZeroShotObjectDetection.from_pretrained(
        model, attn_implementation=attention).eval()
    side = detector.config.vision_config.image_size
    width = detector.config.text_config.hidden_size
    generator = torch.Generator().manual_seed(1)
    queries = torch.randn(1, QUERIES, width, generator=generator)
    pixels = torch.randn(1, 3, side, side, generator=generator)
    return ImageSide(detector, queries / queries.norm(dim=-1, keepdim=True)).eval(), pixels


def in_threads(work, streams, images=1):
    """A function that runs work(), which looks at `images` images, in `streams` threads for some
    seconds: (images, seconds)."""
    def measure(seconds):
        counts, begin = [0] * streams, time.perf_counter()

        def loop(i):
            while time.perf_counter() - begin < seconds:
                work()
                counts[i] += 1
        threads = [threading.Thread(target=loop, args=(i,)) for i in range(streams)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return images * sum(counts), time.perf_counter() - begin
    return measure


def pytorch(model, cache, attention, streams, compiled=False):
    torch.set_num_threads(THREADS // streams)
    module, pixels = load(model, attention)
    if compiled:
        import torch._inductor.config as inductor
        inductor.freezing = True
        module = torch.compile(module)

    def work():
        with torch.inference_mode():
            module(pixels)
    if compiled:
        with torch.no_grad():  # freezing wants plain tensors
            module(pixels)

        def work():  # noqa: F811
            with torch.no_grad():
                module(pixels)
    return in_threads(work, streams)


def onnx_file(model, cache):
    path = os.path.join(cache, "image-side.onnx")
    if not os.path.exists(path):
        module, pixels = load(model, "eager")
        with torch.no_grad():
            torch.onnx.export(module, (pixels,), path + ".part", input_names=["pixel_values"],
                              output_names=["logits", "boxes"], dynamo=True, external_data=False,
                              verbose=False)
        os.rename(path + ".part", path)
    return path


def onnxruntime(model, cache, streams):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS // streams, 1
    session = ort.InferenceSession(onnx_file(model, cache), options, providers=["CPUExecutionProvider"])
    _, pixels = load(model, "eager")
    pixels = pixels.numpy()
    return in_threads(lambda: session.run(None, {"pixel_values": pixels}), streams)


def openvino(model, cache, streams, attention):
    import openvino as ov
    module, pixels = load(model, attention)
    path = os.path.join(cache, f"image-side-{attention}.xml")
    if not os.path.exists(path):
        with torch.no_grad():
            converted = ov.convert_model(module, example_input=pixels, input=list(pixels.shape))
        ov.save_model(converted, path, compress_to_fp16=False)
    compiled = ov.Core().compile_model(path, "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": THREADS, "NUM_STREAMS": streams})
    pixels = pixels.numpy().astype(np.float32)
    requests = [compiled.create_infer_request() for _ in range(streams)]
    free = list(requests)

    def work():
        request = free.pop()
        request.infer({0: pixels}, share_inputs=True)
        free.append(request)
    return in_threads(work, streams)


SETTINGS = {
    "pytorch-sdpa-1stream": lambda m, c: pytorch(m, c, "sdpa", 1),
    "pytorch-eager-1stream": lambda m, c: pytorch(m, c, "eager", 1),
    "pytorch-sdpa-streams": lambda m, c: pytorch(m, c, "sdpa", THREADS),
    "pytorch-compiled-1stream": lambda m, c: pytorch(m, c, "sdpa", 1, compiled=True),
    "onnxruntime-1stream": lambda m, c: onnxruntime(m, c, 1),
    "onnxruntime-streams": lambda m, c: onnxruntime(m, c, THREADS),
    "openvino-1stream": lambda m, c: openvino(m, c, 1, "sdpa"),
    "openvino-streams": lambda m, c: openvino(m, c, THREADS, "sdpa"),
    "openvino-eager-streams": lambda m, c: openvino(m, c, THREADS, "eager"),
}


def serve(settings, usage):
    """Works for as long as each line of standard input says."""
    if len(sys.argv) != 4 or sys.argv[1] not in settings:
        sys.exit(usage + "\nsettings: " + " ".join(settings))
    os.makedirs(sys.argv[3], exist_ok=True)
    measure = settings[sys.argv[1]](sys.argv[2], sys.argv[3])
    measure(1)
    print("ready", flush=True)
    for line in sys.stdin:
        images, seconds = measure(float(line))
        print(images, f"{seconds:.6f}", flush=True)


if __name__ == "__main__":
    serve(SETTINGS, __doc__)
