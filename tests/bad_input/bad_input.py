#!/usr/bin/env python3
"""The bad-input corpus: makes every hostile file and folder, runs the real program on it, checks.

usage: tests/bad_input/bad_input.py PROGRAM [SECTION...]

Sections: images safetensors pytorch text files runs subsets backbones results (default all). Prints
a table of the case numbers of docs/bad-input.md and a count; fails when a case fails. Only the standard library.
"""
import importlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import Harness  # noqa: E402 (the path is set first)

SECTIONS = ("images", "safetensors", "pytorch", "text", "files", "runs", "subsets",
            "backbones", "results")


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(SECTIONS):
        sys.exit(__doc__)
    here = os.path.dirname(os.path.abspath(__file__))
    harness = Harness(sys.argv[1], os.path.join(here, "..", "data"))
    try:
        for name in sys.argv[2:] or SECTIONS:
            print(f"== {name}")
            importlib.import_module(f"section_{name}").run(harness)
        sys.exit(0 if harness.summary() else 1)
    finally:
        harness.close()


main()
