"""Section D: manifests, class lists, names and labels."""
import base64
import csv
import io
import json
import os

import build_png as png
from harness import TERMINAL_DANGER, Failure

PICTURE = png.png(8, 8, lambda x, y, c: 20 * x + y)


def put_pictures(h):
    for name in ("a.png", "b.png", "c.png"):
        h.write(f"lists/{name}", PICTURE)


def check_json(h):
    good = '{"file_name": "a.png", "label": "cat"}\n'

    def refused(number, name, line, reason):
        with h.case(number, name):
            path = h.write("lists/list.jsonl", good + line + "\n")
            h.expect(h.spur("check", path, "--json"), 4, reason)
    for value in ("NaN", "Infinity", "-Infinity"):
        refused("126", f"JSON {value}", '{"file_name": "b.png", "weight": %s}' % value, r"line 2|:2\b")
    refused("127", "lone surrogate", '{"file_name": "b\\ud800.png"}', r"line 2|:2\b")
    refused("128", "U+0000 in a file name", '{"file_name": "b\\u0000.png"}', r"line 2|:2\b")
    refused("128", "U+0000 in a label", '{"file_name": "b.png", "label": "c\\u0000"}', r"line 2|:2\b")
    with h.case("128", "U+0000 in a text to tokenize"):
        with open(h.write("lists/texts.jsonl", '{"text": "a\\u0000b"}\n'), "rb") as file:
            run = h.expect(h.spur("models", "tokenize", h.model, "--jsonl", stdin=file), 0)
        if json.loads(run.out)["text"] != "a\0b":
            raise Failure(f"the text came back changed\n{run}")
    big = 2 ** 53 + 1
    with h.case("129", "integer above 2^53"):
        path = h.write("lists/list.jsonl", '{"file_name": "a.png", "label": %d}\n' % big)
        h.expect(h.spur("score", path, "--out", h.path("run129"), "--detector", h.model,
                        "--class-list", h.write("lists/classes.txt", "cat\ndog\n")), 4, str(big))
    with h.case("130", "string of 1 GB"):
        path = h.write("lists/large.jsonl", '{"file_name": "' + "a" * (20 << 20))
        os.truncate(path, 1 << 30)
        h.expect(h.spur("check", path, "--json"), 4, r"line 1|:1\b")
        os.unlink(path)


def check_csv(h):
    def read(number, name, content, rows):
        with h.case(number, name):
            run = h.expect(h.spur("check", h.write("lists/list.csv", content), "--json"), 0)
            if [row["file_name"] for row in run.rows()] != rows:
                raise Failure(f"expected rows {rows}\n{run}")

    def refused(number, name, content, reason, options=()):
        with h.case(number, name):
            h.expect(h.spur("check", h.write("lists/list.csv", content), "--json", *options), 4, reason)
    both = ["a.png", "b.png"]
    read("131", "byte order mark", "\ufefffile_name,label\na.png,cat\nb.png,dog\n", both)
    read("132", "CRLF", "file_name,label\r\na.png,cat\r\nb.png,dog\r\n", both)
    read("133", "no final newline", "file_name,label\na.png,cat\nb.png,dog", both)
    refused("134", "unbalanced quote", 'file_name,label\na.png,cat\n"b.png,dog\n', r"line 3|:3\b")
    refused("135", "NUL byte", "file_name,label\na.png,c\0t\n", r"line 2|:2\b")
    refused("136", "UTF-16", "file_name,label\na.png,cat\n".encode("utf-16"), "UTF-16")
    with h.case("137", "line of 1 GB"):
        path = h.write("lists/large.csv", "file_name,label\n" + "a" * (20 << 20))
        os.truncate(path, 1 << 30)
        h.expect(h.spur("check", path, "--json"), 4, r"line 2|:2\b")
        os.unlink(path)
    refused("138", "too few columns", "file_name,label\na.png,cat\nb.png\n", r"line 3|:3\b")
    refused("138", "too many columns", "file_name,label\na.png,cat,x\n", r"line 2|:2\b")
    refused("138", "no column with file names", "name,label\na.png,cat\n", "file_name")
    twice = "file_name,label\na.png,cat\nb.png,dog\na.png,cat\n"
    with h.case("139", "the same path twice"):
        path = h.write("lists/list.csv", twice)
        score = ("score", path, "--out", h.path("run139"), "--detector", h.model)
        h.expect(h.spur(*score), 4, r"(?=.*\b4\b)(?=.*\b2\b)")
        h.expect(h.spur(*score, "--allow-duplicates"), 0)
    refused("142", "manifest without a row", "file_name,label\n", "no files|no images")
    refused("142", "empty manifest", "", "no files|no images|empty")


def check_labels(h):
    classes = h.write("lists/classes.txt", "cat\ndog\nfish\n")

    def refused(number, name, content, reason):
        with h.case(number, name):
            out = h.path(f"run{number}")
            h.expect(h.spur("score", h.write("lists/list.csv", content), "--out", out,
                            "--detector", h.model, "--class-list", classes), 4, reason)
            if os.path.exists(os.path.join(out, "run.db")):
                raise Failure("something was written before the labels were checked")
    refused("140", "label index out of range", "file_name,label\na.png,0\nb.png,3\n", "3")
    refused("140", "negative label index", "file_name,label\na.png,-1\n", "-1")
    refused("141", "label not in the class list", "file_name,label\na.png,cat\nb.png,bird\n", "bird")
    with h.case("142", "folder without images"):
        h.expect(h.spur("score", h.folder("nothing"), "--out", h.path("run142"), "--detector",
                        h.model), 4, "no images|no class folders")


NAMES = {"newline": b"a\nb.png", "tab": b"a\tb.png", "quote": b"a\"b'.png", "invalid UTF-8": b"a\xff\xfe.png",
         "emoji": "a\U0001f408.png".encode(), "right-to-left override": "a\u202egnp.exe.png".encode(),
         "escape sequence": b"a\x1b]0;owned\x07.png", "comma": b"a,b.png", "255 bytes": b"n" * 251 + b".png",
         "dash": b"-rf.png", "formula": b"=cmd|' /C calc'!A0.png", "percent": b"a%s%n.png"}


def check_names(h):
    folder = h.folder("names")
    for name in NAMES.values():
        h.write(os.path.join(folder.encode(), b"cat", name), PICTURE)
    with h.case("144", "names come back exactly from check"):
        run = h.expect(h.spur("check", folder, "--json"), 0)
        found = set()
        for row in run.rows():
            if "file_name_b64" in row:
                found.add(base64.b64decode(row["file_name_b64"]))
            else:
                found.add(row["file_name"].encode())
        if found != {b"cat/" + name for name in NAMES.values()}:
            raise Failure(f"names differ: {sorted(found)}\n{run}")
    with h.case("144", "names are escaped on the screen"):
        run = h.expect(h.spur("check", folder, "-v"), 0)
        if TERMINAL_DANGER.search(run.out) or run.out.count(b"\n") != len(NAMES) + 1:
            raise Failure(f"expected {len(NAMES)} lines of plain text\n{run}")
    with h.case("144", "names come back exactly from a run"):
        out = h.path("run144")
        h.expect(h.spur("score", folder, "--out", out, "--detector", h.model), 0)
        rows = h.expect(h.spur("export", out, "--jsonl", "-"), 0).rows()
        found = {base64.b64decode(row["file_name_b64"]) if "file_name_b64" in row
                 else row["file_name"].encode() for row in rows}
        if found != {b"cat/" + name for name in NAMES.values()}:
            raise Failure(f"names differ: {sorted(found)}")
        table = h.expect(h.spur("export", out, "--csv", "-"), 0)
        if len(list(csv.reader(io.StringIO(table.out.decode())))) != len(NAMES) + 1:
            raise Failure(f"expected {len(NAMES)} rows of CSV\n{table}")
    with h.case("144", "a path of 5000 bytes in a manifest"):
        path = h.write("lists/list.csv", "file_name\na.png\n" + "d/" * 2500 + "x.png\n")
        rows = h.expect(h.spur("check", path, "--json"), 3).rows()
        if [row["status"] for row in rows] != ["ok", "failed"]:
            raise Failure(f"expected one good and one failed row: {rows}")


LABELS = ["=cmd|' /C calc'!A0", "+1+1", "-1-1", "@x", "<script>alert(1)</script>", "\"><img onerror=x>",
          "]]>", "javascript:x", "\x1b]0;owned\x07", "../../etc/passwd", "-rf", "a\nb", "%s%n"]


def check_hostile_labels(h):
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["file_name", "label"])
    for i, label in enumerate(LABELS):
        h.write(f"lists/l{i}.png", PICTURE)
        writer.writerow([f"l{i}.png", label])
    manifest = h.write("lists/labels.csv", buffer.getvalue())
    out = h.path("run145")
    with h.case("145", "hostile labels are inert on the screen"):
        h.expect(h.spur("score", manifest, "--out", out, "--detector", h.model), 0)
        run = h.expect(h.spur("rank", out), 0)
        if TERMINAL_DANGER.search(run.out):
            raise Failure(f"control characters\n{run}")
    with h.case("145", "hostile labels come back exactly"):
        table = h.expect(h.spur("export", out, "--csv", "-"), 0)
        rows = list(csv.DictReader(io.StringIO(table.out.decode(), newline="")))
        if sorted(row["label"] for row in rows) != sorted(LABELS):
            raise Failure(f"labels differ\n{table}")
    with h.case("145", "--spreadsheet-safe"):
        table = h.expect(h.spur("export", out, "--csv", "-", "--spreadsheet-safe"), 0)
        rows = list(csv.DictReader(io.StringIO(table.out.decode(), newline="")))
        if any(row["label"][0] in "=+-@\t\r" for row in rows):
            raise Failure(f"a cell begins like a formula\n{table}")
    with h.case("145", "an empty label"):
        path = h.write("lists/list.csv", "file_name,label\na.png,cat\nb.png,\n")
        h.expect(h.spur("score", path, "--out", h.path("run145e"), "--detector", h.model), 4, r"line 3|:3\b")


def run(h):
    put_pictures(h)
    check_json(h)
    check_csv(h)
    check_labels(h)
    check_names(h)
    check_hostile_labels(h)
