#!/usr/bin/env python3
"""browser.py SPUR DATA [REPORT]: the pages of a report in a real browser, opened from the disk.

No console message, no request but to the files, no scrolling to the side at 360 and 1440 pixels,
enough contrast in both themes, a name for everything that can be used or seen, hostile names
inert, keys that page between classes, a table that sorts, and the same table without JavaScript.
Exit code 77 (skipped) where there is no browser.
"""
import os
import subprocess
import sys
import tempfile

from devtools import Browser, find_browser
from worlds import make_hostile

failures = []

# Text against what is behind it (WCAG 2: 4.5, large text 3), names of controls and pictures.
LOOK = r"""(() => {
    const faults = [];
    const parse = text => {
        const found = text.match(/[\d.]+/g).map(Number);
        return {r: found[0], g: found[1], b: found[2], a: found.length > 3 ? found[3] : 1};
    };
    const light = c => [c.r, c.g, c.b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour.a === 1) return colour;
        }
        return {r: 255, g: 255, b: 255};
    };
    const mix = (c, back) => ({r: c.r * c.a + back.r * (1 - c.a), g: c.g * c.a + back.g * (1 - c.a),
                               b: c.b * c.a + back.b * (1 - c.a)});
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const seen = new Set();
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || seen.has(element) ||
            element.closest("script, style, title, desc")) continue;
        seen.add(element);
        const style = getComputedStyle(element);
        const inSvg = element instanceof SVGElement;
        const back = behind(element);
        const paint = inSvg ? style.fill : style.color;
        if (!/^rgb/.test(paint)) continue;
        const ink = parse(paint);
        ink.a *= inSvg ? Number(style.fillOpacity) : 1;
        for (let at = element; at; at = at.parentElement) ink.a *= Number(getComputedStyle(at).opacity);
        const a = light(mix(ink, back)), b = light(back);
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
        const needed = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
        if (ratio < needed) {
            faults.push("contrast " + ratio.toFixed(2) + ": " + walker.currentNode.data.trim().slice(0, 40));
        }
    }
    let level = 0;
    for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
        const now = Number(heading.tagName[1]);
        if (now > level + 1) faults.push("heading " + heading.tagName + " after h" + level + ": " + heading.textContent);
        level = now;
    }
    for (const image of document.images) {
        if (!image.alt.trim()) faults.push("picture without a text");
        if (!image.complete || image.naturalWidth === 0) {
            if (image.loading !== "lazy") faults.push("picture does not load: " + image.src.slice(0, 80));
        }
    }
    for (const input of document.querySelectorAll("input, select")) {
        if (!input.labels || !input.labels.length || !input.labels[0].textContent.trim()) {
            faults.push("control without a label");
        }
    }
    for (const link of document.querySelectorAll("a, button, summary")) {
        if (!link.textContent.trim() && !link.querySelector("img[alt]:not([alt=''])") &&
            !link.querySelector(".none")) {
            faults.push("link without words: " + link.outerHTML.slice(0, 80));
        }
    }
    for (const box of document.querySelectorAll(".scroll")) {
        if (box.scrollWidth > box.clientWidth && box.tabIndex < 0) faults.push("box that keys cannot scroll");
    }
    if (window.hit) faults.push("a name was run as a script");
    const sideways = document.documentElement.scrollWidth - window.innerWidth;
    if (sideways > 0) faults.push("scrolls to the side by " + sideways);
    return faults.slice(0, 12);
})()"""

LAZY = """(async () => {
    for (const image of document.images) {
        image.loading = "eager";
        try { await image.decode(); } catch (error) { return image.getAttribute("src").slice(0, 80); }
    }
    return "";
})()"""


def expect(condition, *words):
    if not condition:
        failures.append(" ".join(str(w) for w in words))


def check_events(events, report, words):
    for event in events:
        kind = event.get("method")
        params = event.get("params", {})
        if kind in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            expect(False, words, kind, str(params)[:300])
        if kind == "Network.requestWillBeSent":
            address = params["request"]["url"]
            expect(address.startswith("file://" + report) or address.startswith("data:"), words,
                   "asks for", address[:200])


def check_page(browser, report, name, width, dark):
    words = "%s at %d%s:" % (name, width, " dark" if dark else "")
    events = browser.open("file://" + os.path.join(report, name), width, 900, dark)
    for fault in browser.evaluate(LOOK):
        expect(False, words, fault)
    check_events(events + browser.events, report, words)


def check_keys(browser, report, classes):
    browser.open("file://" + os.path.join(report, classes[0]), 1440, 900, False)
    if not browser.evaluate("Boolean(document.querySelector('a[rel=next]'))"):
        return
    wanted = browser.evaluate("document.querySelector('a[rel=next]').href")
    browser.key("ArrowRight")
    browser.settle(0.3)
    expect(browser.evaluate("location.href") == wanted, "the right arrow leads to",
           browser.evaluate("location.href"))
    browser.key("ArrowLeft")
    browser.settle(0.3)
    expect(browser.evaluate("location.href").endswith(classes[0]), "the left arrow leads to",
           browser.evaluate("location.href"))


COLUMN = """(column => [...document.querySelectorAll("#class-table tbody tr")]
    .filter(row => !row.hidden).map(row => row.cells[column].textContent))(%d)"""


def check_table(browser, report):
    browser.open("file://" + os.path.join(report, "index.html"), 1440, 900, False)
    before = browser.evaluate(COLUMN % 0)
    press = "document.querySelectorAll('#class-table thead button')[%d].click()"
    browser.evaluate(press % 4)
    values = [float(v.replace("\u2212", "-").replace("\u2013", "-inf")) for v in browser.evaluate(COLUMN % 4)]
    expect(values == sorted(values), "the table is not sorted:", values[:5])
    browser.evaluate(press % 4)
    again = [float(v.replace("\u2212", "-").replace("\u2013", "-inf")) for v in browser.evaluate(COLUMN % 4)]
    expect(again == sorted(values, reverse=True), "the table is not sorted down:", again[:5])
    expect(sorted(browser.evaluate(COLUMN % 0)) == sorted(before), "rows are lost in sorting")
    if len(before) > 8:
        browser.evaluate("""(() => { const input = document.querySelector('#classes input');
            input.value = '%s'; input.dispatchEvent(new Event('input')); })()""" % "emoji")
        expect(browser.evaluate(COLUMN % 0) == [b for b in before if "emoji" in b], "filter keeps",
               browser.evaluate(COLUMN % 0))
    browser.call("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.open("file://" + os.path.join(report, "index.html"), 1440, 900, False)
    expect(browser.evaluate(COLUMN % 0) == before, "another table without JavaScript")
    expect(browser.evaluate("document.querySelectorAll('#class-table button, input').length") == 0,
           "controls without JavaScript")
    browser.call("Emulation.setScriptExecutionDisabled", {"value": False})


def check_policy(browser, report):
    """The policy holds: what it does not know does not run, and nothing is fetched."""
    browser.open("file://" + os.path.join(report, "index.html"), 1440, 900, False)
    browser.evaluate("""(() => { const s = document.createElement("script");
        s.textContent = "window.hit = 1"; document.body.append(s);
        const i = document.createElement("img"); i.src = "https://example.invalid/x.png";
        document.body.append(i); })()""")
    browser.settle(0.1)
    expect(not browser.evaluate("Boolean(window.hit)"), "the policy lets a script run")
    blocked = [e for e in browser.events if e.get("method") == "Log.entryAdded" and
               "Content Security Policy" in e["params"]["entry"]["text"]]
    expect(len(blocked) >= 2, "the policy stops", len(blocked), "of 2")


def check_report(browser, report):
    classes = sorted(os.path.join("classes", n) for n in os.listdir(os.path.join(report, "classes"))
                     if n.endswith(".html"))
    shown = classes[:1] + classes[-2:]
    for name in ["index.html", "suspects.html", "invisible.html", "failed.html", "settings.html"] + shown:
        for width, dark in ((360, False), (1440, False), (1440, True)):
            check_page(browser, report, name, width, dark)
    browser.open("file://" + os.path.join(report, shown[0]), 1440, 900, False)
    broken = browser.evaluate(LAZY)
    expect(broken == "", "picture cannot be shown:", broken)
    check_keys(browser, report, classes)
    check_table(browser, report)
    check_policy(browser, report)


def main():
    path = find_browser()
    if path is None:
        print("skipped: no chromium")
        sys.exit(77)
    spur, data = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 3:
            report = os.path.realpath(sys.argv[3])
        else:
            run = make_hostile(spur, data, folder)
            subprocess.run([spur, "report", run, "-q"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=True)
            report = os.path.join(run, "report")
        browser = Browser(path)
        try:
            check_report(browser, report)
        finally:
            browser.close()
    for line in failures[:40]:
        print(line)
    print("%d failures" % len(failures))
    sys.exit(1 if failures else 0)


main()
