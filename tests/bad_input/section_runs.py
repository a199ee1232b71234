"""Section G: damaged and hostile run folders. Never wrong numbers: the right ones or exit 4."""
import os
import random
import shutil
import signal
import sqlite3
import time

import build_png as png
from harness import Failure, Skip


def make_run(h, name, images, **keywords):
    """Scores `images` small pictures of two classes into a run; its exported table."""
    folder = h.path(f"{name}-images")
    for i in range(images):
        h.write(f"{folder}/{'cat' if i % 2 else 'dog'}/{i:04}.png",
                png.png(8, 8, lambda x, y, c: (i * 7 + 20 * x + 5 * y + 50 * c) % 256))
    out = h.path(name)
    h.expect(h.spur("score", folder, "--out", out, "--detector", h.model, **keywords), 0)
    return folder, out, h.expect(h.spur("export", out, "--csv", "-"), 0).out


def check_flips(h, out, table):
    with h.case("172", "flipped bytes in run.db"):
        source = os.path.join(out, "run.db")
        with open(source, "rb") as file:
            whole = file.read()
        generator = random.Random(1)
        offsets = set(generator.sample(range(len(whole)), min(len(whole), 150)))
        offsets |= set(range(0, 100, 3))
        found = harmless = 0
        for offset in sorted(offsets):
            folder = h.folder("flipped")
            damaged = bytearray(whole)
            damaged[offset] ^= 1 << generator.randrange(8)
            h.write(os.path.join(folder, "run.db"), bytes(damaged))
            run = h.spur("export", folder, "--csv", "-")
            if run.code == 0 and run.out == table:
                harmless += 1
            elif run.code == 4:
                found += 1
            else:
                raise Failure(f"byte {offset} flipped: wrong numbers or wrong code\n{run}")
        if found == 0:
            raise Failure("no flip was found: the digests are not checked")
        print(f"       {found} flips found, {harmless} harmless", flush=True)


def check_states(h, out):
    source = os.path.join(out, "run.db")
    with open(source, "rb") as file:
        whole = file.read()

    def refused(number, name, prepare, reason="."):
        with h.case(number, name):
            folder = h.folder("state")
            prepare(os.path.join(folder, "run.db"))
            for command in (("rank", folder), ("export", folder, "--csv", "-")):
                run = h.expect(h.spur(*command), 4, reason)
                if run.out:
                    raise Failure(f"numbers were printed\n{run}")

    def newer(path):
        h.write(path, whole)
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version = 9999")
        database.close()

    def hostile(statement):
        def prepare(path):
            h.write(path, whole)
            with sqlite3.connect(path) as database:
                tables = [row[0] for row in database.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
                for table in tables:
                    database.executescript(statement.format(t=table))
            database.close()
        return prepare

    refused("174", "schema of a newer program", newer, "newer|schema|version")
    refused("174", "run.db missing", lambda path: None, "run.db|no run")
    refused("174", "run.db empty", lambda path: h.write(path, b""))
    refused("174", "run.db half copied", lambda path: h.write(path, whole[:len(whole) // 2]))
    refused("174", "run.db is a text", lambda path: h.write(path, b"hello\n" * 2000))
    refused("174", "run.db is a folder", os.makedirs)
    refused("177", "tables replaced by endless views", hostile(
        "DROP TABLE \"{t}\"; CREATE VIEW \"{t}\" AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL "
        "SELECT x + 1 FROM n) SELECT x FROM n;"))
    refused("177", "views that load an extension", hostile(
        "DROP TABLE \"{t}\"; CREATE VIEW \"{t}\" AS SELECT load_extension('/tmp/x') AS x;"))
    with h.case("174", "a run folder that is not there"):
        h.expect(h.spur("rank", h.path("absent-run")), 4)
    with h.case("177", "a trigger does not run when scoring goes on"):
        folder = h.folder("triggered")
        path = os.path.join(folder, "run.db")
        hostile("CREATE TRIGGER \"{t}_evil\" AFTER INSERT ON \"{t}\" BEGIN "
                "SELECT writefile('/tmp/spur-evil', 'x'); END;")(path)
        h.expect(h.spur("score", h.path("whole-images"), "--out", folder, "--detector", h.model), 4)


def check_cut_log(h):
    """Copies of a run taken while it is written, with the write-ahead log cut everywhere."""
    with h.case("171", "write-ahead log cut at many bytes"):
        images, full, table = make_run(h, "long", 400)
        rows = {strip_rank(row) for row in table.splitlines()[1:]}
        out = h.path("copied")
        process = h.start("score", images, "--out", out, "--detector", h.model, "-j", "1")
        log, database = os.path.join(out, "run.db-wal"), os.path.join(out, "run.db")
        begin = time.monotonic()
        while time.monotonic() - begin < 10:
            if os.path.exists(log) and os.path.getsize(log) > 600000:
                break
            time.sleep(0.0005)
        process.send_signal(signal.SIGSTOP)
        if not os.path.exists(log) or os.path.getsize(log) == 0:
            process.kill()
            process.wait()
            raise Skip("no write-ahead log was caught")
        with open(log, "rb") as file:
            wal = file.read()
        with open(database, "rb") as file:
            base = file.read()
        process.kill()
        process.wait()
        cuts = {0, 1, 31, 32, 33, len(wal) - 1, len(wal)}
        cuts |= set(range(max(0, len(wal) - 120000), len(wal), 1511))
        counts = set()
        for cut in sorted(cuts):
            folder = h.folder("cut")
            h.write(os.path.join(folder, "run.db"), base)
            h.write(os.path.join(folder, "run.db-wal"), wal[:cut])
            run = h.spur("export", folder, "--csv", "-")
            if run.code == 4 and cut < 34:
                continue  # not even the tables are there
            h.expect(run, 0)
            found = [row for row in run.out.splitlines()[1:] if b",scored," in row]
            if not {strip_rank(row) for row in found} <= rows:
                raise Failure(f"cut at {cut}: rows that the whole run does not have\n{run}")
            counts.add(len(found))
        if len(counts) < 3:
            raise Failure(f"every cut gave the same rows: {counts}")
        h.expect(h.spur("score", images, "--out", out, "--detector", h.model), 0)
        if h.spur("export", out, "--csv", "-").out != table:
            raise Failure("the continued run differs from the uninterrupted one")


def strip_rank(row):
    """A row of scores.csv without rank and rank_pct, which depend on the other rows."""
    fields = row.split(b",")
    return tuple(fields[:7])


def check_settings(h, images, out):
    with h.case("173", "another detector on the same run"):
        other = os.path.join(h.data, "tiny-owlv2")
        h.expect(h.spur("score", images, "--out", out, "--detector", other), 4, "owlvit.*owlv2")
    with h.case("173", "other prompts on the same run"):
        h.expect(h.spur("score", images, "--out", out, "--detector", h.model, "--prompts",
                        "a drawing of a {}"), 4, "prompt")


def check_features(h, out):
    """Feature files that are damaged, of another run, or lie about their sizes."""
    net = os.path.join(h.data, "tiny-resnet")
    name = os.path.join("features", "tiny-resnet", "train.safetensors")
    folder = h.path("with-features")
    shutil.copytree(out, folder)
    command = ("features", folder, "--backbone", net, "-q")
    h.expect(h.spur(*command), 0)
    path = os.path.join(folder, name)
    with open(path, "rb") as file:
        whole = file.read()
    length = 8 + int.from_bytes(whole[:8], "little")

    def refused(number, title, damaged, reason):
        with h.case(number, title):
            h.write(path, damaged)
            found = h.expect(h.spur(*command), 4, reason)
            if found.out:
                raise Failure(f"numbers were printed\n{found}")

    def changed(old, new):
        header = whole[8:length].replace(old, new)
        if header == whole[8:length]:
            raise Failure(f"the header has no {old}")
        header += b" " * (-len(header) % 8)
        return len(header).to_bytes(8, "little") + header + whole[length:]

    generator = random.Random(2)
    for offset in sorted(generator.sample(range(len(whole)), 25)):
        damaged = bytearray(whole)
        damaged[offset] ^= 1 << generator.randrange(8)
        refused("173", f"features with byte {offset} flipped", bytes(damaged), "train.safetensors")
    refused("173", "features cut short", whole[:-1], "train.safetensors")
    refused("173", "features with a byte more", whole + b"x", "train.safetensors")
    refused("173", "empty features", b"", "train.safetensors")
    refused("175", "features of another width", changed(b"[24,64]", b"[48,32]"), "48, 32.*24, 64")
    refused("175", "features of fewer images", changed(b"[24,64]", b"[23,64]"), "train.safetensors")
    refused("175", "features of another split", changed(b'"split":"train"', b'"split":"valid"'),
            "split is valid, the run says train")
    with h.case("173", "features of another run"):
        _, other, _ = make_run(h, "other", 23)
        h.expect(h.spur("features", other, "--backbone", net, "-q"), 0)
        shutil.copy(os.path.join(other, name), path)
        h.expect(h.spur(*command), 4, "train.safetensors")
    with h.case("173", "features without their file"):
        os.remove(path)
        h.expect(h.spur(*command), 4, "no such file")
    with h.case("173", "the undamaged file again"):
        h.write(path, whole)
        h.expect(h.spur(*command), 0)


def run(h):
    images, out, table = make_run(h, "whole", 24)
    check_features(h, out)
    check_flips(h, out, table)
    check_states(h, out)
    check_settings(h, images, out)
    check_cut_log(h)
