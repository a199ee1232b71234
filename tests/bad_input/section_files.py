"""Section E: files and folders that are missing, closed, endless or changing."""
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import build_jpeg as jpeg
import build_png as png
from harness import Failure, Skip

PICTURE = png.png(8, 8, lambda x, y, c: 20 * x + y)


def manifest(h, *names):
    """A manifest of a good picture and these names; the good one is the first row."""
    h.write("files/good.png", PICTURE)
    return h.write("files/list.csv", "file_name\ngood.png\n" + "".join(f"{n}\n" for n in names))


def one_failed(h, number, name, path, reason, **keywords):
    with h.case(number, name):
        run = h.expect(h.spur("check", manifest(h, path), "--json", **keywords), 3)
        rows = run.rows()
        if [row["status"] for row in rows] != ["ok", "failed"]:
            raise Failure(f"expected one good and one failed row\n{run}")
        if not re.search(reason, rows[1]["reason"], re.I):
            raise Failure(f"expected a reason like '{reason}'\n{run}")


def check_kinds(h):
    one_failed(h, "146", "missing file", "absent.png", "no such file|not found|missing")
    os.makedirs(h.path("files", "folder.jpg"), exist_ok=True)
    one_failed(h, "148", "folder named x.jpg", "folder.jpg", "not a regular file|folder|directory")
    os.mkfifo(h.path("files", "fifo.jpg"))
    one_failed(h, "149", "FIFO", "fifo.jpg", "not a regular file")
    one_failed(h, "150", "/dev/zero", "/dev/zero", "not a regular file")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(h.path("files", "socket.jpg"))
    one_failed(h, "151", "socket", "socket.jpg", "not a regular file|no such device")
    listener.close()
    os.symlink("loop.jpg", h.path("files", "loop.jpg"))
    one_failed(h, "152", "link to itself", "loop.jpg", "link|loop")
    with h.case("149", "FIFO, socket and loop in a scored folder"):
        h.write("odd/cat/good.png", PICTURE)
        os.mkfifo(h.path("odd", "cat", "fifo.jpg"))
        os.symlink("loop.jpg", h.path("odd", "cat", "loop.jpg"))
        os.symlink("..", h.path("odd", "cat", "up"))
        run = h.spur("score", h.path("odd"), "--out", h.path("run149"), "--detector", h.model)
        if run.code not in (0, 3):
            raise Failure(f"expected 0 or 3\n{run}")


def check_permission(h):
    with h.case("147", "no permission"):
        h.write("closed/good.png", PICTURE)
        os.chmod(h.write("closed/secret.png", PICTURE), 0)
        keywords = {}
        if os.geteuid() == 0:
            # Root may read everything: try as nobody, with a program nobody can reach.
            os.chmod(h.work, 0o755)
            copy = shutil.copy(h.program, h.path("spur-copy"))
            os.chmod(copy, 0o755)
            keywords = {"user": "nobody", "executable": copy}
        try:
            run = h.spur("check", h.path("closed"), "--json", **keywords)
        except (PermissionError, OSError) as reason:
            raise Skip(f"cannot become nobody: {reason}")
        if run.code == 127:
            raise Skip("nobody cannot load the program's library")
        rows = h.expect(run, 3).rows()
        if [row["status"] for row in rows] != ["ok", "failed"] or "ermission" not in rows[1]["reason"]:
            raise Failure(f"expected one good row and one without permission\n{run}")


def check_changes(h):
    names = [f"p{i:05}.png" for i in range(3000)]
    for name in names:
        h.write(f"many/{name}", PICTURE)
    listing = h.write("many/list.csv", "file_name\n" + "".join(f"{n}\n" for n in names))
    with h.case("153", "file deleted during the run"):
        process = h.start("check", listing, "--json", "-j", "1")
        out = process.files[0]
        while os.fstat(out.fileno()).st_size == 0 and os.waitid(
                os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.0005)
        process.send_signal(signal.SIGSTOP)
        os.unlink(h.path("many", names[-1]))
        os.rename(h.write("many/new.png", b"GIF89a not a picture"), h.path("many", names[-2]))
        process.send_signal(signal.SIGCONT)
        rows = h.expect(h.finish(process), 3).rows()
        if len(rows) != len(names) or sum(row["status"] == "failed" for row in rows) != 2:
            raise Failure(f"expected {len(names)} rows, two of them failed, found {len(rows)}")
    with h.case("154", "file replaced during the run"):
        if "GIF" not in rows[-2]["reason"]:
            raise Failure(f"expected the new content to be judged: {rows[-2]}")
    with h.case("155", "file that grows while it is read"):
        picture = jpeg.picture(16, 16, [(1, 1, 1)], lambda c, x, y: 90)
        path = h.write("files/growing.jpg", picture + b"\0" * (150 << 20))
        ended = threading.Event()
        writer = threading.Thread(target=grow_until, args=(path, ended))
        writer.start()
        try:
            one_failed_inside(h, "growing.jpg", "changed while reading")
        finally:
            ended.set()
            writer.join()
            os.unlink(path)


def grow_until(path, ended):
    with open(path, "ab", buffering=0) as file:
        while not ended.wait(0.0005):
            file.write(b"\0" * 64)


def one_failed_inside(h, path, reason):
    run = h.expect(h.spur("check", manifest(h, path), "--json"), 3)
    if reason not in run.rows()[1]["reason"]:
        raise Failure(f"expected the reason '{reason}'\n{run}")


FAIL_READ = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static int is_bad(int file)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    return strstr(path, "bad-sector") != NULL;
}
ssize_t pread64(int file, void *to, size_t size, off64_t at)
{
    ssize_t (*real)(int, void *, size_t, off64_t) =
        (ssize_t (*)(int, void *, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");
    if (is_bad(file) && at + (off64_t)size > 65536) {
        if (at >= 65536) {
            errno = EIO;
            return -1;
        }
        size = (size_t)(65536 - at);
    }
    return real(file, to, size, at);
}
ssize_t pread(int file, void *to, size_t size, off_t at) { return pread64(file, to, size, at); }
"""


def check_read_error(h):
    with h.case("156", "read error half-way"):
        if h.sanitized:
            raise Skip("a preloaded library and the address sanitizer exclude each other")
        shim = h.path("fail_read.so")
        built = subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", shim,
                                h.write("fail_read.c", FAIL_READ), "-ldl"], capture_output=True)
        if built.returncode != 0:
            raise Skip("no compiler for the fault injector")
        picture = jpeg.picture(16, 16, [(1, 1, 1)], lambda c, x, y: 90)
        h.write("files/bad-sector.jpg", picture + b"\0" * (1 << 20))
        run = h.expect(h.spur("check", manifest(h, "bad-sector.jpg"), "--json",
                              environment={"LD_PRELOAD": shim}), 3)
        if "Input/output error" not in run.rows()[1]["reason"]:
            raise Failure(f"expected the system's reason\n{run}")


def check_all_bad(h):
    folder = h.folder("allbad")
    for i in range(1100):
        h.write(f"allbad/cat/{i:05}.jpg", b"x")
    with h.case("157", "every file is bad"):
        h.expect(h.spur("score", folder, "--out", h.path("run157"), "--detector", h.model), 4,
                 "1000")
    with h.case("157", "every file is bad, with --keep-going"):
        h.expect(h.spur("score", folder, "--out", h.path("run157k"), "--detector", h.model,
                        "--keep-going"), 3)


def check_output(h):
    photos = os.path.join(h.data, "photos-tiny")

    def refused(name, out, reason=None):
        with h.case("158", name):
            run = h.spur("score", photos, "--out", out, "--detector", h.model)
            if run.code not in (4, 6):
                raise Failure(f"expected 4 or 6\n{run}")
            h.expect(run, run.code, reason or ".")
    refused("output is a file", h.write("taken", b"something"))
    refused("output below a file", h.path("taken", "run"))
    refused("output below a missing folder's missing folder", "/proc/nowhere/run")
    refused("output on a read-only file system", "/proc/run")
    with h.case("158", "exported file cannot be written"):
        out = h.path("run158")
        h.expect(h.spur("score", photos, "--out", out, "--detector", h.model), 0)
        h.expect(h.spur("export", out, "--csv", "/proc/nowhere.csv"), 6, "nowhere.csv")
    with h.case("158", "standard output is full"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([h.program, "export", out, "--csv", "-"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=20)
        if done.returncode != 6 or b"space" not in done.stderr:
            raise Failure(f"expected exit 6: {done}")
    with h.case("158", "disk full during a run"):
        check_full_disk(h, photos)


def check_full_disk(h, photos):
    disk = h.folder("disk")
    script = (f'mount -t tmpfs -o size=48k none {disk} && exec "$0" score "$1" --out {disk}/run '
              f'--detector "$2"')
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script, h.program, photos, h.model],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if b"unshare" in done.stderr or b"mount" in done.stderr:
        raise Skip("no small file system to be had here")
    if done.returncode != 6 or b"error:" not in done.stderr:
        raise Failure(f"expected exit 6: {done}")


def run(h):
    os.makedirs(h.path("files"), exist_ok=True)
    check_kinds(h)
    check_permission(h)
    check_changes(h)
    check_read_error(h)
    check_all_bad(h)
    check_output(h)
