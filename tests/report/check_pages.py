#!/usr/bin/env python3
"""check_pages.py SPUR DATA: the pages of a report as documents.

Every tag is closed, nothing is fetched, no text of the data becomes markup, every link leads
somewhere, every number of the class table is the one that `spur export` and `spur rank` give,
and the same bytes come out for 1, 2 and 3 threads.
"""
import csv
import filecmp
import html.parser
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

from worlds import HOSTILE, make_hostile, run

VOID = {"meta", "link", "img", "br", "input"}
SVG = {"svg", "rect", "path", "text", "title", "g", "circle", "line", "polyline", "polygon", "desc",
       "defs", "clippath", "use", "tspan"}
KNOWN = SVG | VOID | set(
    "html head body style script header nav ul li a b i small main h1 h2 h3 h4 p abbr em span bdi "
    "code div dl dt dd figure figcaption section table thead tbody tr th td caption details "
    "summary footer output".split())
failures = []


def expect(condition, *words):
    if not condition:
        failures.append(" ".join(str(w) for w in words))


class Page(html.parser.HTMLParser):
    """Tags in balance; what the page refers to; what it says."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.path, self.open, self.links, self.ids, self.texts = path, [], [], set(), []
        self.scripts = self.headings = 0
        self.rows, self.table = [], False
        with open(path, encoding="utf-8") as source:
            self.feed(source.read())
        self.close()
        expect(not self.open, path, "open at the end:", self.open)
        expect(self.scripts == 1, path, "scripts:", self.scripts)
        expect(self.headings == 1, path, "h1:", self.headings)

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        found = dict(attributes)
        expect(tag in KNOWN, self.path, "element", tag)
        expect(len(names) == len(set(names)), self.path, tag, "attribute twice", names)
        for name, value in attributes:
            expect(not name.startswith("on") and name != "style", self.path, tag, name)
            if name in ("src", "href", "xlink:href"):
                self.links.append(value)
        self.scripts += tag == "script"
        self.headings += tag == "h1"
        if tag == "img":
            expect(found.get("alt"), self.path, "img without alt")
            expect("width" in found and "height" in found, self.path, "img without size")
        if tag == "svg":
            expect("aria-label" in found or "aria-labelledby" in found or
                   found.get("aria-hidden") == "true", self.path, "svg without a label")
        if found.get("id"):
            expect(found["id"] not in self.ids, self.path, "id twice:", found["id"])
            self.ids.add(found["id"])
        if tag == "table":
            self.table = found.get("id") in ("class-table", "head-table")
        if self.table and tag == "tr":
            self.rows.append([])
        if self.table and tag == "td":
            self.rows[-1].append([found.get("data-v"), ""])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        expect(self.open and self.open[-1] == tag, self.path, "closes", tag, "in", self.open[-3:])
        if self.open:
            self.open.pop()

    def handle_comment(self, text):
        expect(False, self.path, "comment", text[:40])

    def handle_data(self, text):
        self.texts.append(text)
        if self.table and self.rows and self.rows[-1] and "td" in self.open:
            self.rows[-1][-1][1] += text


def check_links(pages, report):
    for path, page in pages.items():
        for link in page.links:
            if link.startswith("data:"):
                expect(link in ("data:,",) or link.startswith("data:image/webp;base64,"), path,
                       link[:60])
                continue
            parts = urllib.parse.urlsplit(link)
            expect(not parts.scheme and not parts.netloc and not link.startswith("/"), path,
                   "address", link)
            target = os.path.normpath(os.path.join(os.path.dirname(path),
                                                   urllib.parse.unquote(parts.path)))
            target = path if not parts.path else target
            expect(os.path.isfile(target), path, "dead link", link)
            if parts.fragment and target in pages:
                expect(parts.fragment in pages[target].ids, path, "no id", link)
            expect(target.startswith(report), path, "leaves the report", link)


def read_report(report):
    pages = {}
    for base, _, files in sorted(os.walk(report)):
        for name in sorted(files):
            if name.endswith(".html"):
                path = os.path.join(base, name)
                pages[path] = Page(path)
    return pages


def shown(value, decimals):
    text = "%.*f" % (decimals, value)
    return text.replace("-", "\u2212") if float(text) != 0 else text.lstrip("-")


def check_numbers(spur, folder, index):
    """The class table against the tables that other commands print."""
    rows = list(csv.DictReader(io.StringIO(run(spur, "export", folder, "--split", "train", "--csv",
                                               "-").decode())))
    ranking = json.loads(run(spur, "rank", folder, "--suspects", "0", "--json"))
    ranks = {c["label"]: c for c in ranking["classes"] if c["split"] == "train"}
    suspects = ranking["suspects"]["list"]
    by_class = {}
    for row in rows:
        by_class.setdefault(int(row["class_index"]), []).append(row)
    expect(len(index.rows) == 1 + len(by_class), "class table has", len(index.rows), "rows")
    for cells, class_index in zip(index.rows[1:], sorted(by_class)):
        of = by_class[class_index]
        rank = ranks[of[0]["label"]]
        logits = sorted((r["logit"] for r in of if r["status"] == "scored"), key=float)
        failed = sum(r["status"] == "failed" for r in of)
        own = sum(s["label"] == of[0]["label"] for s in suspects)
        median = rank["median"]
        wanted = [str(len(logits)), str(failed), logits[0], "%.9g" % median, logits[-1],
                  "%.9g" % rank["auc"], str(own)]
        found = [cell[0] for cell in cells[1:8]]
        expect(found == wanted, "class", class_index, "shows", found, "run has", wanted)
        for cell, decimals in ((cells[3], 2), (cells[4], 2), (cells[5], 2), (cells[6], 3)):
            expect(cell[1] == shown(float(cell[0]), decimals), "class", class_index, cell)


def check_heads(spur, folder, report, pages):
    """Right answers of every class on the pages against the exported predictions."""
    rows = list(csv.DictReader(io.StringIO(run(spur, "export", folder, "--predictions",
                                               "-").decode())))
    tally = {}
    for row in rows:
        key = (row["backbone"], row["head"], int(row["class_index"]))
        of = tally.setdefault(key, [0, 0])
        of[0] += 1
        of[1] += row["correct"] in ("1", "true")
    names = sorted({row["backbone"] for row in rows})
    index = pages[os.path.join(report, "index.html")]
    for class_index, cells in enumerate(index.rows[1:]):
        for i, backbone in enumerate(names):
            n, right = tally.get((backbone, "original", class_index), (0, 0))
            wanted = "%.9g" % (right / n) if n else None
            expect(cells[8 + 2 * i][0] == wanted, "class", class_index, backbone, "shows",
                   cells[8 + 2 * i], "run has", right, "of", n)
    for class_index in sorted({key[2] for key in tally}):
        shown = [[cell[1] for cell in row[:2]] + [cell[0] for cell in row[2:4]] for row in
                 pages[os.path.join(report, "classes", "%d.html" % class_index)].rows[1:]]
        wanted = [[b, h, str(n), "%.9g" % (right / n)] for (b, h, c), (n, right) in
                  sorted(tally.items()) if c == class_index]
        expect(sorted(shown) == wanted, "class", class_index, "shows", shown, "run has", wanted)


def same(a, b):
    found = filecmp.dircmp(a, b)
    equal = not (found.left_only or found.right_only)
    for base, _, files in os.walk(a):
        for name in files:
            path = os.path.join(base, name)
            other = os.path.join(b, os.path.relpath(path, a))
            equal = equal and os.path.isfile(other) and filecmp.cmp(path, other, shallow=False)
    return equal


def check_threads(spur, folder):
    report, kept = os.path.join(folder, "report"), os.path.join(folder, "kept")
    os.rename(report, kept)
    for threads in ("1", "2", "3"):
        shutil.rmtree(report, ignore_errors=True)
        subprocess.run([spur, "report", folder, "-j", threads, "-q"], stdout=subprocess.DEVNULL)
        expect(same(kept, report) and same(report, kept), "other bytes with", threads, "threads")


def check_hostile(pages):
    text = "".join("".join(page.texts) for page in pages.values())
    for name in HOSTILE[:10]:
        plain = name.decode().replace("/", "\\")
        for character, escaped in (("\x1b", "\\x1b"), ("\x07", "\\x07"), ("\u202e", "\\u{202e}")):
            plain = plain.replace(character, escaped)
        expect(plain in text, "a name is not shown as it is:", plain)
    for path in pages:
        with open(path, "rb") as source:
            content = source.read()
        bad = [b for b in content if b < 9 or 10 < b < 32 or b == 127]
        expect(not bad, path, "control characters", bad[:5])
        expect("\u202e" not in content.decode(), path, "turns the line")


def main():
    spur, data = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        hostile = make_hostile(spur, data, folder)
        plain = os.path.join(folder, "plain")
        run(spur, "score", os.path.join(data, "photos-tiny"), "--out", plain, "--detector",
            os.path.join(data, "tiny-owlvit"), "-q")
        judged = os.path.join(folder, "judged")
        shutil.copytree(plain, judged)
        run(spur, "select", judged, "--k", "2", "--seeds", "1", "-q", stderr=subprocess.DEVNULL)
        run(spur, "features", judged, "--backbone", os.path.join(data, "tiny-resnet"), "-q",
            stderr=subprocess.DEVNULL)
        run(spur, "retrain", judged, "-q", stderr=subprocess.DEVNULL)
        run(spur, "eval", judged, "-q", stderr=subprocess.DEVNULL)
        for each in (hostile, plain, judged):
            run(spur, "report", each, "-q", stderr=subprocess.DEVNULL)
            report = os.path.join(each, "report")
            pages = read_report(report)
            expect(len(pages) > 6, each, "has", len(pages), "pages")
            check_links(pages, report)
            check_numbers(spur, each, pages[os.path.join(report, "index.html")])
            if each == hostile:
                check_hostile(pages)
            if each == judged:
                check_heads(spur, each, report, pages)
            check_threads(spur, each)
    for line in failures[:40]:
        print(line)
    print("%d failures" % len(failures))
    sys.exit(1 if failures else 0)


main()
