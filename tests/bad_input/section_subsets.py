"""Sections D and G for subsets: damaged and hostile ones, lists and folders that do not fit."""
import hashlib
import os
import random
import sqlite3
import struct

from harness import Failure
from section_runs import make_run


def field(text):
    content = text.encode()
    return struct.pack("<Q", len(content)) + content


def seal(path, name, members):
    """Puts members of a subset into a run with every digest right, as a hostile author would."""
    database = sqlite3.connect(path)
    split, exclusion, ranking = database.execute(
        "SELECT split, exclusion, ranking FROM subsets WHERE subset = ?", (name,)).fetchone()
    definition = field(name) + field(split) + field(exclusion) + ranking + struct.pack("<Q", len(members))
    digest = hashlib.sha256(definition + b"".join(struct.pack("<QQQ", *row) for row in members)).digest()
    with database:
        database.execute("DELETE FROM subset_members WHERE subset = ?", (name,))
        database.executemany("INSERT INTO subset_members VALUES (?, ?, ?, ?)",
                             [(name, *row) for row in members])
        database.execute("UPDATE subsets SET images = ?, digest = ? WHERE subset = ?",
                         (len(members), digest, name))
        whole = field("subsets")
        for row in database.execute("SELECT subset, split, exclusion, ranking, images, digest FROM subsets "
                                    "ORDER BY subset"):
            whole += (field(row[0]) + field(row[1]) + field(row[2]) + row[3] + struct.pack("<Q", row[4])
                      + row[5])
        database.execute("UPDATE checks SET digest = ? WHERE name = 'subsets'",
                         (hashlib.sha256(whole).digest(),))
    database.close()


def check_flips(h, whole, table):
    with h.case("172", "flipped bytes in a run with subsets"):
        generator = random.Random(2)
        found = harmless = 0
        for offset in sorted(generator.sample(range(len(whole)), 120)):
            folder = h.folder("flipped-subset")
            damaged = bytearray(whole)
            damaged[offset] ^= 1 << generator.randrange(8)
            h.write(os.path.join(folder, "run.db"), bytes(damaged))
            run = h.spur("export", folder, "--subset", "hidden-3", "--csv", "-")
            if run.code == 0 and run.out == table:
                harmless += 1
            elif run.code == 4:
                found += 1
            else:
                raise Failure(f"byte {offset} flipped: wrong rows or wrong code\n{run}")
        if found == 0:
            raise Failure("no flip was found: the digests are not checked")
        print(f"       {found} flips found, {harmless} harmless", flush=True)


def check_members(h, whole):
    for name, members in (("beyond the split", [(0, 0, 1), (1 << 40, 0, 2)]),
                          ("just beyond the split", [(24, 0, 1)])):
        with h.case("177", f"digests right, members {name}"):
            folder = h.folder("hostile-subset")
            path = os.path.join(folder, "run.db")
            h.write(path, whole)
            seal(path, "hidden-3", members)
            for words in (("--csv", "-"), ("--manifest", "-"), ("--link", h.path("hostile-links"))):
                h.expect(h.spur("export", folder, "--subset", "hidden-3", *words), 4, "not in its split")
    with h.case("177", "digests right, no members"):
        folder = h.folder("hostile-subset")
        path = os.path.join(folder, "run.db")
        h.write(path, whole)
        seal(path, "hidden-3", [])
        run = h.expect(h.spur("export", folder, "--subset", "hidden-3", "--csv", "-"), 0)
        if run.out.count(b"\n") != 1:
            raise Failure(f"rows of an empty subset\n{run}")


def check_words(h, out):
    with h.case("173", "subsets whose words or sizes make no sense"):
        for words in (("--subset", "top"), ("--subset", "clear,,mid"), ("--subset", "a" * 5000), ("--k", "-3"),
                      ("--k", "0"), ("--k", "101%"), ("--k", "9" * 400), ("--k", "1e3"), ("--k", "5,"),
                      ("--seeds", "0"), ("--k", ",".join(map(str, range(1, 200))))):
            h.expect(h.spur("select", out, *words), 2)
        h.expect(h.spur("export", out, "--subset", "clear-" + "9" * 3000, "--csv", "-"), 2)
    with h.case("173", "another exclusion list on the same subset"):
        h.write(h.path("list"), b"dog/0000.png\n\xff\xfe no such\x07image\n")
        h.expect(h.spur("select", out, "--subset", "hidden", "--k", "3", "--exclude", h.path("list")), 4,
                 "another list")
    with h.case("138", "exclusion lists that cannot be read"):
        h.write(h.path("utf16"), "dog".encode("utf-16"))
        h.write(h.path("nul"), b"dog/0000.png\na\0b\n")
        for name in ("utf16", "nul", "no-such-list"):
            h.expect(h.spur("select", out, "--k", "1", "--exclude", h.path(name)), 4)
        h.expect(h.spur("select", out, "--k", "1", "--exclude", h.folder("list-folder")), 4)


def check_links(h, out):
    with h.case("158", "links where something stands"):
        folder = h.folder("links")
        h.write(os.path.join(folder, "dog"), b"a file")
        h.expect(h.spur("export", out, "--subset", "hidden-3", "--link", folder), 6, "not a folder|is there")
        with open(os.path.join(folder, "dog"), "rb") as file:
            if file.read() != b"a file":
                raise Failure("a file was changed")
        folder, outside = h.folder("links2"), h.folder("outside")
        os.symlink(outside, os.path.join(folder, "dog"))
        h.expect(h.spur("export", out, "--subset", "hidden-3", "--link", folder), 6, "is a link")
        if os.listdir(outside):
            raise Failure("links were made outside the folder")
        h.expect(h.spur("export", out, "--subset", "hidden-3", "--link", h.path("list")), 6)


def run(h):
    images, out, _ = make_run(h, "subsets", 24)
    h.expect(h.spur("select", out, "--k", "3", "--subset", "clear,hidden,rnd"), 0)
    table = h.expect(h.spur("export", out, "--subset", "hidden-3", "--csv", "-"), 0).out
    with open(os.path.join(out, "run.db"), "rb") as file:
        whole = file.read()
    check_flips(h, whole, table)
    check_members(h, whole)
    check_words(h, out)
    check_links(h, out)
    with h.case("174", "subsets of a run that was scored again"):
        h.expect(h.spur("score", images, "--out", out, "--detector", h.model, "--restart", "--limit", "20"), 0)
        h.expect(h.spur("export", out, "--subset", "hidden-3", "--csv", "-"), 4, "other scores")
        h.expect(h.spur("select", out, "--k", "3", "--subset", "hidden"), 4, "other scores")
