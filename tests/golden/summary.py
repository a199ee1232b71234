#!/usr/bin/env python3
"""One table of all reference sets: cases, passed, differing by a documented decision, failed.

usage: summary.py SHARED PROGRAM...

Runs every golden program, reads its "golden NAME: ..." lines and holds the totals of each set
to the set's own line count, so that a case that is never run is seen. Sets that belong to
stages which do not exist yet are listed as such. Without the folder SHARED only the sets that
the project carries itself are run.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

LINE = re.compile(r"golden (.+): (\d+) cases, (\d+) passed, (\d+) by decision, (\d+) failed")

# Name in the programs' output -> file whose lines (or, in .json, lists) hold its cases.
SETS = {
    "files": "data/files/cases.jsonl",
    "images": "data/images/expected.jsonl",
    "pillow": "data/resize/pillow.jsonl",
    "hf_owlvit": "data/resize/hf_owlvit.jsonl",
    "hf_owlv2": "data/resize/hf_owlv2.jsonl",
    "timm": "data/resize/timm.jsonl",
    "torchvision": "data/resize/torchvision.jsonl",
    "head": "data/head/cases.jsonl",
    "tokenizer cases": "data/tokenizer/cases.jsonl",
    "tokenizer truncation": "data/tokenizer/truncation.jsonl",
    "stats/auc_ap": "data/stats/auc_ap.json",
    "stats/calibration": "data/stats/calibration.json",
    "stats/isotonic": "data/stats/isotonic.json",
    "stats/mcnemar": "data/stats/mcnemar.json",
    "stats/multiple_testing": "data/stats/multiple_testing.json",
    "stats/proportion_intervals": "data/stats/proportion_intervals.json",
    "stats/quantiles": "data/stats/quantiles.json",
    "stats/rank_correlation": "data/stats/rank_correlation.json",
    "stats/special": "data/stats/special.json",
}
LATER = {}


def run(program):
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    rows = [(m[1], *map(int, m.groups()[1:])) for m in LINE.finditer(text)]
    return done.returncode, rows, text


def case_count(path):
    if path.suffix == ".json":
        lists = json.loads(path.read_bytes())
        return sum(len(value) for value in lists.values() if isinstance(value, list))
    return sum(1 for line in path.read_bytes().splitlines() if line.strip())


def main():
    shared, programs = Path(sys.argv[1]), sys.argv[2:]
    problems, rows = [], []
    for program in programs:
        code, found, text = run(program)
        rows += found
        if code != 0:
            problems.append(f"{Path(program).name} exits with {code}:\n{text[-2000:]}")
    print(f"{'set':36}{'cases':>7}{'passed':>8}{'decided':>9}{'failed':>8}")
    for name, cases, passed, decided, failed in rows:
        print(f"{name:36}{cases:7}{passed:8}{decided:9}{failed:8}")
        if failed or passed + decided != cases:
            problems.append(f"{name}: {failed} failed, {cases - passed - decided} unaccounted")
    present = (shared / "golden").is_dir()
    totals = {name: cases for name, cases, *_ in rows}
    for name, path in SETS.items():
        if not present:
            continue
        expected = case_count(shared / "golden" / path)
        if totals.get(name) != expected:
            problems.append(f"{name}: {totals.get(name)} cases run, {path} has {expected}")
    if present:
        for path, stage in LATER.items():
            print(f"not used yet: {path} (belongs to {stage})")
    else:
        print("skipped: no reference data beside the project; only its own sets were run")
    for problem in problems:
        print("PROBLEM:", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
