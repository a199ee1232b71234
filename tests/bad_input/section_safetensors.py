"""Section B: safetensors files. Each is accepted as a whole or refused with exit 5."""
import os
import shutil
import struct
import threading
import time

import build_safetensors as st
from harness import Failure

ONE = {"a": st.entry("F32", [2], 0, 8)}
DATA = b"\0" * 8


def check_frame(h):
    for size in (0, 1, 7):
        with h.case("67", f"{size} bytes"):
            h.weights(b"\x10" * size, "safetensors|short|header|bytes")
    lengths = ((2 ** 64 - 1, "2^64-1"), (2 ** 63, "2^63"), (100000001, "100000001"))
    for length, name in lengths:
        with h.case("68", f"header length {name}"):
            h.weights(st.file_of(ONE, DATA, length), "header")
    with h.case("68", "header length = file size - 7"):
        whole = st.file_of(ONE, DATA)
        h.weights(st.file_of(ONE, DATA, len(whole) - 7), "header")
    for first in ("[", " x", "\"", "1"):
        with h.case("69", f"header that starts with {first!r}"):
            h.weights(st.file_of(first + "{}"), "JSON|header")
    with h.case("70", "header that is not UTF-8"):
        h.weights(st.file_of(b'{"\xff\xfe":1}'), "UTF-8")
    with h.case("71", "header that is not JSON"):
        h.weights(st.file_of("{a: 1}"), "JSON|header")
    good = st.file_of(ONE)[8:].decode()
    for name, text in (("trailing comma", good[:-1] + ",}"), ("comment", "{/* */" + good[1:]),
                       ("byte order mark", "\ufeff" + good)):
        with h.case("72", name):
            h.weights(st.file_of(text, DATA), "JSON|header|byte order|BOM")
    with h.case("73", "depth 100000"):
        h.weights(st.file_of('{"a":' + "[" * 100000), "JSON|header|deep|nest")
    entry = '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    with h.case("74", "duplicate tensor name"):
        h.weights(st.file_of(f'{{"a":{entry},"a":{entry}}}', DATA), "duplicate|twice")
    with h.case("74", "duplicate tensor name, one of them escaped"):
        h.weights(st.file_of(f'{{"a":{entry},"\\u0061":{entry}}}', DATA), "duplicate|twice")
    with h.case("75", "duplicate member of an entry"):
        h.weights(st.file_of('{"a":' + entry[:-1] + ',"dtype":"F32"}}', DATA), "duplicate|twice")


def check_entries(h):
    def one(number, name, dtype, shape, begin, end, reason, data=DATA):
        with h.case(number, name):
            h.weights(st.file_of({"a": st.entry(dtype, shape, begin, end)}, data), reason)
    one("76", "unknown dtype", "F33", [2], 0, 8, "dtype.*F33|F33")
    for text in ("-1", "1.5", "1e3", '"3"', "18446744073709551616"):
        with h.case("77", f"shape [{text}]"):
            h.weights(st.file_of('{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,8]}}' % text,
                                 DATA), "shape|JSON|integer|header byte")
    one("78", "shape product over 64 bits", "F32", [2 ** 40, 2 ** 40], 0, 8, "shape|large|overflow")
    one("79", "byte count over 64 bits", "F64", [2 ** 62], 0, 8, "shape|large|overflow|bytes")
    one("80", "begin behind end", "F32", [2], 8, 0, "begin|end|offset|range")
    with h.case("81", "overlapping tensors"):
        h.weights(st.file_of({"a": st.entry("F32", [2], 0, 8), "b": st.entry("F32", [2], 4, 12)},
                             b"\0" * 12), "overlap|hole|gap|offset")
    with h.case("82", "hole between tensors"):
        h.weights(st.file_of({"a": st.entry("F32", [1], 0, 4), "b": st.entry("F32", [1], 8, 12)},
                             b"\0" * 12), "hole|gap|overlap|offset")
    one("83", "one byte short", "F32", [2], 0, 8, "short|truncated|bytes|end", DATA[:7])
    one("83", "one byte too many", "F32", [2], 0, 8, "trailing|behind|bytes|end", DATA + b"\0")
    with h.case("84", "tensors not in order of their bytes"):
        info = h.weights(st.file_of({"b": st.entry("F32", [1], 4, 8), "a": st.entry("F32", [1], 0, 4)},
                                    DATA))
        if [t["name"] for t in info["tensors"]] != ["a", "b"]:
            raise Failure(f"expected tensors in name order: {info}")
    one("85", "shape and bytes disagree", "F32", [3], 0, 8, "shape|bytes")
    with h.case("86", "a million tensors on the same bytes"):
        entries = ",".join('"%d":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}' % i
                           for i in range(1000000))
        h.weights(st.file_of("{" + entries + "}", b"\0"), "overlap|offset|many|hole|gap")
    for value in ('{"a":1}', '["a"]', "null", '{"a":{"b":"c"}}'):
        with h.case("87", f"__metadata__ is {value}"):
            h.weights(st.file_of('{"__metadata__":%s,"a":%s}' % (
                value, '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'), DATA), "metadata|header byte")
    with h.case("88", "empty tensor and scalar"):
        info = h.weights(st.file_of({"a": st.entry("F32", [0, 3], 0, 0), "b": st.entry("F32", [], 0, 4),
                                     "c": st.entry("F32", [0], 4, 4)}, b"\0" * 4))
        if [t["shape"] for t in info["tensors"]] != [[0, 3], [], [0]]:
            raise Failure(f"wrong shapes: {info}")


def model_with(h, change):
    """A copy of the tiny detector with changed tensors."""
    folder = h.path("changed-model")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(h.model, folder)
    path = os.path.join(folder, "model.safetensors")
    os.chmod(path, 0o644)
    with open(path, "rb") as file:
        content = file.read()
    h.write(path, st.rebuild(content, change))
    return folder


def check_models(h):
    photos = os.path.join(h.data, "photos-tiny")

    def score(model, *options):
        out = h.path("run-of-changed-model")
        shutil.rmtree(out, ignore_errors=True)
        return h.spur("score", photos, "--out", out, "--detector", model, *options)

    name = "owlvit.vision_model.encoder.layers.1.mlp.fc1.weight"

    def poison(tensors):
        body = bytearray(tensors[name][2])
        body[0:8] = struct.pack("<ff", float("nan"), float("inf"))
        tensors[name][2] = bytes(body)

    with h.case("89", "weights with NaN and infinity"):
        model = model_with(h, poison)
        h.expect(score(model), 5, f"{name}.*2 non-finite")
        h.weights_at(os.path.join(model, "model.safetensors"))
    with h.case("90", "missing tensor"):
        h.expect(score(model_with(h, lambda t: t.pop(name))), 5, f"{name}|mlp.fc1")
    with h.case("91", "extra tensor"):
        model = model_with(h, lambda t: t.update({"extra.thing": ["F32", [2], DATA]}))
        h.expect(score(model), 5, "extra.thing")
    with h.case("92", "tensor of another shape"):
        def reshape(tensors):
            rows, columns = tensors[name][1]
            tensors[name][1] = [columns, rows]
        h.expect(score(model_with(h, reshape)), 5, rf"{name}.*48.*72|{name}.*72.*48")
    with h.case("90", "no weight file, no config, empty folder"):
        h.expect(score(h.folder("empty-model")), 5)
    with h.case("90", "a config that is not JSON"):
        model = model_with(h, lambda t: None)
        config = os.path.join(model, "config.json")
        os.chmod(config, 0o644)
        h.write(config, "{")
        h.expect(score(model), 5, "config.json")


def check_shortened(h):
    """A file that loses its tail while it is read: a sparse one of 4 GB, so that there is time."""
    with h.case("93", "file shortened after it was opened"):
        size, count = 4 << 30, 1
        path = h.path("sparse.safetensors")
        head = st.file_of({f"t{i:02}": st.entry("U8", [size], i * size, (i + 1) * size)
                           for i in range(count)})
        h.write(path, head)
        os.truncate(path, len(head) + size * count)
        process = h.start("models", "info", path, "--json", "--sha256")
        shortener = threading.Thread(target=shorten_when_reading, args=(process.pid, path))
        shortener.start()
        run = h.finish(process, 20)
        shortener.join()
        os.unlink(path)
        h.expect(run, 5, "changed while reading")


def shorten_when_reading(pid, path):
    try:
        for _ in range(4000):
            with open(f"/proc/{pid}/io") as counters:
                if int(counters.readline().split()[1]) > 100 << 20:
                    break
            time.sleep(0.001)
    except OSError:
        pass  # it ended already: the case then says so
    os.truncate(path, 1 << 20)


def run(h):
    check_frame(h)
    check_entries(h)
    check_models(h)
    check_shortened(h)
