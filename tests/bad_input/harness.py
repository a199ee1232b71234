"""Runs the real program on hostile input and checks what a user would get.

A case has the number it has in docs/bad-input.md, and one or more checks. Every run of the
program is bounded: five seconds and 512 MB (under a sanitizer the time is 20 s and memory is not
bounded), no signal, no sanitizer report, and messages without control characters on one line.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager

MEMORY_LIMIT_KB = 512 * 1024
TERMINAL_DANGER = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")


class Failure(Exception):
    """A check of a case does not hold."""


class Skip(Exception):
    """A case cannot be tried here; the reason is printed."""


class Run:
    """What one run of the program did."""

    def __init__(self, arguments, code, out, err, seconds, peak_kb):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err
        self.seconds, self.peak_kb = seconds, peak_kb

    @property
    def message(self):
        return self.err.decode("utf-8", "replace")

    def rows(self):
        """The JSON objects of standard output, one per line."""
        return [json.loads(line) for line in self.out.decode("utf-8").splitlines()]

    def __str__(self):
        return (f"spur {' '.join(map(str, self.arguments))}: exit {self.code}, "
                f"{self.seconds:.2f} s, {self.peak_kb >> 10} MB\n"
                f"stdout: {self.out[:600]!r}\nstderr: {self.err[:900]!r}")


class Harness:
    def __init__(self, program, data):
        self.program, self.data = os.path.abspath(program), os.path.abspath(data)
        self.work = tempfile.mkdtemp(prefix="spur-bad-")
        self.results = []
        with open(self.program, "rb") as file:
            self.sanitized = b"__asan_init" in file.read()
        self.time_limit = 20 if self.sanitized else 5
        self.seconds = {}

    def close(self):
        subprocess.run(["chmod", "-R", "u+rwx", self.work], check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    # ---- files ------------------------------------------------------------------------------

    def path(self, *names):
        return os.path.join(self.work, *names)

    def folder(self, name):
        """A fresh empty folder."""
        path = self.path(name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    def write(self, path, content):
        if isinstance(content, str):
            content = content.encode("utf-8")
        full = path if isinstance(path, bytes) or os.path.isabs(path) else self.path(path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(content)
        return full

    def read_data(self, *names):
        with open(os.path.join(self.data, *names), "rb") as file:
            return file.read()

    @property
    def model(self):
        return os.path.join(self.data, "tiny-owlvit")

    # ---- running ----------------------------------------------------------------------------

    def start(self, *arguments, stdin=None, environment=None, **keywords):
        """Starts the program; finish() waits for it."""
        env = dict(os.environ, LC_ALL="C", **(environment or {}))
        for name in ("SPUR_DETECTOR", "SPUR_BACKBONE"):
            env.pop(name, None)
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        process = subprocess.Popen([self.program, *arguments], stdin=stdin or subprocess.DEVNULL,
                                   stdout=out, stderr=err, env=env, cwd=self.work, **keywords)
        process.started, process.files, process.arguments_given = time.monotonic(), (out, err), arguments
        return process

    def finish(self, process, limit=None):
        limit = limit or self.time_limit
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            seconds = time.monotonic() - process.started
            if pid != 0:
                break
            if seconds > 2 * limit:
                process.kill()
            time.sleep(0.002 if seconds < 0.2 else 0.02)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        out, err = process.files
        out.seek(0)
        err.seek(0)
        run = Run(process.arguments_given, code, out.read(), err.read(), seconds, usage.ru_maxrss)
        out.close()
        err.close()
        self.check_bounds(run, limit)
        return run

    def spur(self, *arguments, limit=None, **keywords):
        """Runs the program to its end and checks what holds for every run."""
        return self.finish(self.start(*arguments, **keywords), limit)

    def check_bounds(self, run, limit):
        if run.seconds > limit:
            raise Failure(f"took {run.seconds:.1f} s, limit {limit}\n{run}")
        if run.code < 0:
            raise Failure(f"killed by {signal.Signals(-run.code).name}\n{run}")
        if b"Sanitizer" in run.err or b"runtime error:" in run.err:
            raise Failure(f"sanitizer report\n{run}\n{run.message}")
        if run.code == 1:
            raise Failure(f"internal error\n{run}")
        if not self.sanitized and run.peak_kb > MEMORY_LIMIT_KB:
            raise Failure(f"took {run.peak_kb >> 10} MB, limit {MEMORY_LIMIT_KB >> 10}\n{run}")
        if TERMINAL_DANGER.search(run.err):
            raise Failure(f"control characters on stderr\n{run}")

    # ---- expectations -----------------------------------------------------------------------

    def expect(self, run, code, pattern=None):
        """The run ended with `code` and, when given, a message that matches `pattern`."""
        if run.code != code:
            raise Failure(f"expected exit {code}\n{run}")
        if pattern is not None:
            if not re.search(pattern, run.message, re.I):
                raise Failure(f"expected a message like '{pattern}'\n{run}")
            # Line breaks of a hostile name would make a second line.
            if run.message.count("error:") != 1:
                raise Failure(f"expected exactly one line with 'error:'\n{run}")
        return run

    def image(self, content, status, reason=None, *, name="image.jpg", options=(), rgb=None,
              note=None, **members):
        """`spur check` on one image file: the row's status, reason, SHA-256 of pixels; `note`
        is a text on standard error."""
        folder = self.folder("image")
        self.write(os.path.join(folder, name), content)
        run = self.spur("check", folder, "--json", "--sha256", *options)
        self.expect(run, 0 if status == "ok" else 3)
        rows = run.rows()
        if len(rows) != 1 or rows[0]["file_name"] != name:
            raise Failure(f"expected exactly one row, of {name}\n{run}")
        row = rows[0]
        if row["status"] != status:
            raise Failure(f"expected status {status}\n{run}")
        if reason is not None and not re.search(reason, row["reason"] or "", re.I):
            raise Failure(f"expected a reason like '{reason}'\n{run}")
        if (status == "ok") != (row["reason"] in (None, "")):
            raise Failure(f"a reason belongs to failed rows and only to them\n{run}")
        if rgb is not None and row["rgb_sha256"] != rgb:
            raise Failure(f"expected pixels {rgb}\n{run}")
        for key, value in members.items():
            if row[key] != value:
                raise Failure(f"expected {key} = {value}, found {row[key]!r}\n{run}")
        if note is not None and note not in run.message:
            raise Failure(f"expected the note '{note}'\n{run}")
        return row

    def weights(self, content, reason=None, *, name="model.safetensors"):
        """`spur models info` on one weight file: refused with `reason`, or accepted."""
        path = self.write(os.path.join(self.folder("weights"), name), content)
        return self.weights_at(path, reason)

    def weights_at(self, path, reason=None):
        run = self.spur("models", "info", path, "--json", "--sha256")
        if reason is None:
            self.expect(run, 0)
            return json.loads(run.out)
        return self.expect(run, 5, reason)

    @contextmanager
    def case(self, number, name):
        """Collects the result of one numbered case."""
        begin = time.monotonic()
        try:
            yield
            verdict, detail = "passed", ""
        except Skip as reason:
            verdict, detail = "skipped", str(reason)
        except Failure as reason:
            verdict, detail = "failed", str(reason)
        except (ValueError, KeyError, OSError, TypeError) as reason:
            verdict, detail = "failed", f"{type(reason).__name__}: {reason}"
        self.results.append((number, name, verdict))
        print(f"{number:>5}  {verdict:7}  {time.monotonic() - begin:5.2f} s  {name}", flush=True)
        if detail:
            print("       " + detail.replace("\n", "\n       "), flush=True)

    def summary(self):
        """Prints the count; true when nothing failed."""
        count = {verdict: sum(r[2] == verdict for r in self.results)
                 for verdict in ("passed", "failed", "skipped")}
        numbers = len({number for number, _, _ in self.results})
        print(f"bad input: {numbers} numbers, {len(self.results)} cases: {count['passed']} passed, "
              f"{count['failed']} failed, {count['skipped']} skipped")
        return count["failed"] == 0
