"""Runs for the report's tests: names that mean mischief, and a plain run."""
import os
import shutil
import subprocess

# As class folders and as file names; a slash cannot be part of either.
HOSTILE = [
    b"<script>window.hit=1<", b"\"><img src=x onerror=window.hit=1>", b"=cmd|'x'!A1", b"+1", b"-rf",
    b"@x", b"]]>", b"javascript:window.hit=1", b"\x1b]0;title\x07", b"a\xe2\x80\xaeb", b"&amp;&lt;",
    b"line\nbreak", b"tab\there", b"quote'\"quote", "emoji \U0001f426 höher".encode(), b"\xff\xfe",
    b"%41%00#?x=1", b"--><!--", b"</title><script>window.hit=1", b"x" * 200,
]


def safe(name):
    """A folder's name cannot hold a slash; the mischief stays."""
    return name.replace(b"/", b"\\")


def run(*words, **more):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, **more).stdout


def pictures(data):
    folder = os.path.join(data, "photos-tiny")
    found = []
    for base, _, files in sorted(os.walk(folder)):
        found += [os.path.join(base, name) for name in sorted(files)]
    return found


def make_hostile(spur, data, folder):
    """A run whose classes and files have hostile names, and one failed image."""
    images = pictures(data)
    root = os.path.join(folder, "hostile").encode()
    for i, name in enumerate(HOSTILE):
        place = os.path.join(root, safe(name))
        try:
            name.decode()
        except UnicodeDecodeError:
            place = os.path.join(root, b"bytes")  # a label must be text, a file name need not
        os.makedirs(place, exist_ok=True)
        for j in range(3):
            # Names end in .png: other files are no images of a folder.
            shutil.copy(images[(i + j) % len(images)],
                        os.path.join(place, safe(HOSTILE[(i + j) % len(HOSTILE)]) + b".png"))
    with open(os.path.join(root, b"+1", b"broken <b>.png"), "wb") as out:
        out.write(b"no image <script>window.hit=1</script>")
    run_folder = os.path.join(folder, "hostile-run")
    subprocess.run([spur, "score", root, "--out", run_folder, "--detector",
                    os.path.join(data, "tiny-owlvit"), "-q"], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    return run_folder
