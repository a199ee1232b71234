"""Section G for evaluations: damaged and hostile numbers and predictions in run.db, and heads that
changed since. The right numbers or exit 4, and nothing that moves a terminal."""
import hashlib
import os
import random
import shutil
import sqlite3
import struct

from harness import Failure
from section_runs import make_run
from section_subsets import field


def number(value):
    return struct.pack("<Q", value)


def seal_predictions(database):
    """Every digest of the predictions right, as a hostile author would."""
    whole = field("predictions")
    for row in database.execute("SELECT split, backbone, head, inputs, images, predictions FROM predictions "
                                "ORDER BY split, backbone, head").fetchall():
        names = b"".join(field(text) for text in row[:4])
        digest = hashlib.sha256(names + number(row[4]) + number(len(row[5])) + row[5]).digest()
        database.execute("UPDATE predictions SET digest = ? WHERE split = ? AND backbone = ? AND head = ?",
                         (digest, *row[:3]))
        whole += b"".join(field(text) for text in row[:3]) + digest
    database.execute("UPDATE checks SET digest = ? WHERE name = 'predictions'", (hashlib.sha256(whole).digest(),))


def seal_stages(database):
    whole = field("stages")
    for stage, inputs in database.execute("SELECT stage, inputs FROM stages ORDER BY stage").fetchall():
        content, counts = field(stage) + field(inputs), [0, 0]
        for key, value in database.execute("SELECT key, value FROM results WHERE stage = ? ORDER BY key", (stage,)):
            content += field(key) + struct.pack("<d", value)
            counts[0] += 1
        for row in database.execute("SELECT kind, text FROM findings WHERE stage = ? ORDER BY position", (stage,)):
            content += field(row[0]) + field(row[1])
            counts[1] += 1
        digest = hashlib.sha256(content).digest()
        database.execute("UPDATE stages SET results = ?, findings = ?, digest = ? WHERE stage = ?",
                         (*counts, digest, stage))
        whole += field(stage) + number(counts[0]) + number(counts[1]) + digest
    database.execute("UPDATE checks SET digest = ? WHERE name = 'stages'", (hashlib.sha256(whole).digest(),))


def changed(h, out, change):
    """A copy of the run whose database went through change(database)."""
    folder = h.path("hostile-results")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(out, folder)
    database = sqlite3.connect(os.path.join(folder, "run.db"))
    with database:
        change(database)
        seal_predictions(database)
        seal_stages(database)
    database.close()
    return folder


def check_predictions(h, out):
    def patch(place, content):
        def change(database):
            blob = bytearray(database.execute("SELECT predictions FROM predictions").fetchone()[0])
            blob[place:place + len(content)] = content
            database.execute("UPDATE predictions SET predictions = ?", (bytes(blob),))
        return change

    def cut(database):
        database.execute("UPDATE predictions SET predictions = substr(predictions, 1, 9)")

    def more(database):
        database.execute("UPDATE predictions SET images = 1000000000")

    with h.case("177", "digests right, nothing changed"):
        h.expect(h.spur("export", changed(h, out, lambda database: None), "--predictions", "-"), 0)
    for name, change in (("a class that is not there", patch(0, struct.pack("<I", 77))),
                         ("a margin that is no number", patch(4 * 8, struct.pack("<f", float("nan")))),
                         ("flags that are none", patch(8 * 8, b"\xff")), ("too few bytes", cut),
                         ("a billion images", more)):
        with h.case("177", f"digests right, predictions with {name}"):
            folder = changed(h, out, change)
            h.expect(h.spur("export", folder, "--predictions", h.path("predictions.csv")), 4, "not what Spur writes")
            # The inputs are those of now, so the set is read, not made again, when numbers are.
            h.expect(h.spur("eval", folder, "--seed", "9"), 4, "not what Spur writes")


def check_texts(h, out):
    def change(database):
        database.execute("INSERT INTO results VALUES (?, 'eval', 0.5)", ("tr\x1b[2J/b/h\x07/top1_class_mean",))
        database.execute("INSERT INTO results VALUES (?, 'eval', 0.5)", ("tr\x1b[2J/b/h\x07/gap_at_5\x1b[2J",))
        database.execute("INSERT INTO results VALUES (?, 'eval', 0.5)", ("/top1_class_mean",))
        database.execute("INSERT INTO results VALUES (?, 'eval', 0.5)", ("/" * 3000 + "/top1_class_mean",))
        database.execute("UPDATE findings SET text = ?", ("\x1b]0;title\x07" + "a" * 20000,))
        database.execute("INSERT OR IGNORE INTO findings VALUES ('eval', 99, 'x', ?)", ("\x1b]0;title\x07 x",))

    with h.case("177", "digests right, names and sentences that move a terminal"):
        folder = changed(h, out, change)
        for words in ((), ("--json",)):
            run = h.expect(h.spur("eval", folder, *words), 0)
            if b"\x1b" in run.out or b"\x07" in run.out:
                raise Failure(f"control characters\n{run}")


def check_flips(h, out, table):
    with h.case("172", "flipped bytes in a run with an evaluation"):
        with open(os.path.join(out, "run.db"), "rb") as file:
            whole = file.read()
        folder = h.path("flipped-results")
        shutil.copytree(out, folder)
        generator, found = random.Random(3), 0
        for offset in sorted(generator.sample(range(len(whole)), 80)):
            damaged = bytearray(whole)
            damaged[offset] ^= 1 << generator.randrange(8)
            h.write(os.path.join(folder, "run.db"), bytes(damaged))
            run = h.spur("export", folder, "--predictions", "-")
            if run.code == 4:
                found += 1
            elif run.code != 0 or run.out != table:
                raise Failure(f"byte {offset} flipped: wrong rows or wrong code\n{run}")
        if found == 0:
            raise Failure("no flip was found: the digests are not checked")
        print(f"       {found} flips of 80 found, the others harmless", flush=True)


def run(h):
    """All cases of this section."""
    _, out, _ = make_run(h, "evaluated", 8)
    h.expect(h.spur("select", out, "--k", "2", "--subset", "clear"), 0)
    h.expect(h.spur("features", out, "--backbone", os.path.join(h.data, "tiny-resnet")), 0)
    h.expect(h.spur("retrain", out), 0)
    h.expect(h.spur("eval", out), 0)
    table = h.expect(h.spur("export", out, "--predictions", "-"), 0).out
    check_flips(h, out, table)
    check_predictions(h, out)
    check_texts(h, out)
    with h.case("173", "a head that is not the one that predicted"):
        head = os.path.join(out, "heads", "tiny-resnet", "clear-2.safetensors")
        with open(head, "rb") as file:
            content = bytearray(file.read())
        content[-1] ^= 1
        h.write(head, bytes(content))
        h.expect(h.spur("export", out, "--predictions", "-"), 4, "another head")
        h.write(head, b"no head")
        run = h.expect(h.spur("eval", out), 0)
        if b"clear-2 of tiny-resnet is not evaluated" not in run.err or b"no head" not in run.err:
            raise Failure(f"no warning\n{run}")
