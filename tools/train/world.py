"""The generated world, through the C program's library (CMake target spur_world).

Pixels are uint8 [count, 96, 96, 3]. The library releases the GIL, so `Ahead` makes the next
batches in a thread while the network computes. Everything is a function of seeds and indices.
"""
import collections
import concurrent.futures
import ctypes
import glob
import os

import numpy as np

SIDE = 96
OBJECTS = 4
SHAPES = 24
CLASSES = 10
PLANTED_OK, PLANTED_NONE, PLANTED_WRONG = 0, 1, 2

OBJECT = np.dtype([("shape", "i4"), ("box", "f4", 4), ("energy", "f4"), ("visible", "f4")])
TRUTH = np.dtype([("planted", "i4"), ("background", "i4"), ("minority", "i4"), ("clearness", "f4"),
                  ("energy", "f4"), ("visible", "f4"), ("box", "f4", 4), ("shown", "u4")])


class Options(ctypes.Structure):
    """world_batch_options: what images of labelled classes look like."""
    _fields_ = [("seed", ctypes.c_uint64), ("classes", ctypes.c_int32), ("favourite", ctypes.c_float),
                ("couple", ctypes.c_float), ("skew", ctypes.c_float), ("none", ctypes.c_float),
                ("wrong", ctypes.c_float), ("clearness_low", ctypes.c_float),
                ("out_of_distribution", ctypes.c_int32), ("balanced", ctypes.c_int32)]


def options(seed, favourite=0.8, none=0.0, wrong=0.0, skew=1.0, clearness_low=0.0, couple=0.0,
            out_of_distribution=False, balanced=False):
    return Options(seed, CLASSES, favourite, couple, skew, none, wrong, clearness_low,
                   int(out_of_distribution), int(balanced))


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def find_library(path=None):
    """The library given, or the one of an ordinary build beside this file."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    found = [path] if path else sorted(glob.glob(os.path.join(root, "build*", "**", "libspur_world.so"),
                                                 recursive=True))
    if not found or not os.path.exists(found[0]):
        raise SystemExit("train: no libspur_world.so: build it (cmake -S . -B build -G Ninja && ninja -C build "
                         "spur_world) or name it with --world-library")
    return found[0]


class World:
    def __init__(self, path=None):
        self.library = ctypes.CDLL(find_library(path))
        self.library.world_batch_shape_name.restype = ctypes.c_char_p
        self.library.world_batch_scenes.argtypes = [ctypes.c_uint64, ctypes.c_uint64, ctypes.c_size_t] + [
            ctypes.c_void_p] * 4
        self.library.world_batch_images.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_size_t] + [ctypes.c_void_p] * 2
        self.names = [self.library.world_batch_shape_name(i).decode() for i in range(SHAPES)]

    def scenes(self, seed, first, easiness):
        """Scenes of 1 to 4 objects: pixels, object counts [n], objects [n, 4] of dtype OBJECT."""
        easiness = np.ascontiguousarray(easiness, np.float32)
        count = len(easiness)
        pixels = np.empty((count, SIDE, SIDE, 3), np.uint8)
        counts = np.zeros(count, np.int32)
        objects = np.zeros((count, OBJECTS), OBJECT)
        if self.library.world_batch_scenes(seed, first, count, pointer(easiness), pointer(pixels), pointer(counts),
                                           pointer(objects)) != 0:
            raise RuntimeError("world_batch_scenes failed")
        return pixels, counts, objects

    def images(self, chosen, labels, indices):
        """Images of labelled classes: pixels, truth [n] of dtype TRUTH."""
        labels = np.ascontiguousarray(labels, np.int32)
        indices = np.ascontiguousarray(indices, np.uint64)
        pixels = np.empty((len(labels), SIDE, SIDE, 3), np.uint8)
        truth = np.zeros(len(labels), TRUTH)
        if self.library.world_batch_images(ctypes.byref(chosen), pointer(labels), pointer(indices), len(labels),
                                           pointer(pixels), pointer(truth)) != 0:
            raise RuntimeError("world_batch_images failed")
        return pixels, truth

    def class_set(self, chosen, per_class):
        """per_class images of each class in class order: pixels, labels, truth."""
        labels = np.repeat(np.arange(CLASSES, dtype=np.int32), per_class)
        indices = np.tile(np.arange(per_class, dtype=np.uint64), CLASSES)
        pixels, truth = self.images(chosen, labels, indices)
        return pixels, labels, truth


class Ahead:
    """Runs make(step, *state) for the next steps in one thread. What state a step is made with
    depends on the step alone (it is given `depth` steps earlier), so runs repeat exactly."""

    def __init__(self, make, depth=4):
        self.make, self.depth, self.next_step = make, depth, 0
        self.waiting = collections.deque()
        self.pool = concurrent.futures.ThreadPoolExecutor(1)

    def get(self, *state):
        while len(self.waiting) < self.depth:
            self.waiting.append(self.pool.submit(self.make, self.next_step, *state))
            self.next_step += 1
        return self.waiting.popleft().result()

    def close(self):
        self.pool.shutdown(wait=True, cancel_futures=True)
