#!/usr/bin/env python3
"""The harness itself must be able to fail: programs with one fault each, all of them found."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import Failure, Harness  # noqa: E402

ROW = ('{"file_name":"image.jpg","status":"%s","reason":%s,"format":"JPEG","width":1,"height":1,'
       '"orientation":1,"has_alpha":false,"rgb_sha256":"00"}')
FAULTS = {
    "expected exactly one row": "exit 3",
    "expected status failed": f"echo '{ROW % ('ok', 'null')}'; exit 3",
    "expected a reason like": f"echo '{ROW % ('failed', chr(34) + 'other' + chr(34))}'; exit 3",
    "expected exit 3": f"echo '{ROW % ('failed', chr(34) + 'empty file' + chr(34))}'",
    "killed by SIGSEGV": "kill -SEGV $$",
    "internal error": "exit 1",
    "sanitizer report": "echo 'ERROR: AddressSanitizer: heap' >&2; exit 3",
    "control characters": r"printf 'error: a\033]0;b\n' >&2; exit 3",
    "took 6": f"exec {sys.executable} -c 'x = b\"1\" * (600 << 20)'",
    "limit 1": "exec sleep 60",
}


def main():
    missed = []
    for expected, script in FAULTS.items():
        harness = Harness("/bin/sh", "/nonexistent")
        harness.program = harness.write("program", "#!/bin/sh\n" + script + "\n")
        os.chmod(harness.program, 0o755)
        harness.time_limit = 1 if expected == "limit 1" else 5
        try:
            harness.image(b"", "failed", "empty file")
            missed.append(f"{expected}: accepted")
        except Failure as reason:
            if expected not in str(reason):
                missed.append(f"{expected}: found as {reason}")
        finally:
            harness.close()
    print("\n".join(missed) or f"{len(FAULTS)} faults found")
    sys.exit(1 if missed else 0)


main()
