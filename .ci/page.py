"""Drives Chromium through its debugging pipe: no package beyond the two programs.

Usage: page.py BROWSER FOLDER PAGE.html...  (see .ci/page)
"""

import base64
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

WINDOWS = {"wide": (1280, 900), "phone": (390, 844)}
# A4 across, without its margins of 12 mm, in the pixels of style sheets.
PAPER = 1032
LEAST_COLOURS = 12
# Tables of which some column lies beyond the window or the sheet.
CUT = """[...document.querySelectorAll('table')].filter(table => {
    const box = table.getBoundingClientRect(), around = table.parentElement;
    return box.right > innerWidth + 1 || around.scrollWidth > around.clientWidth + 1;
}).map(table => table.caption ? table.caption.textContent : 'a table').join('; ')"""


class Browser:
    """Messages as JSON, each ended by a zero byte, over file descriptors 3 and 4."""

    def __init__(self, program, profile):
        (self.to_read, to_write), (from_read, self.from_write) = os.pipe(), os.pipe()
        self.write, self.read = to_write, from_read
        arguments = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", "--disable-background-networking",
            "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={profile}",
        ]

        def pipes():
            # Descriptors 3 and 4 may be among the pipe's own: move them away first.
            reading, writing = os.dup(self.to_read), os.dup(self.from_write)
            reading, writing = move(reading), move(writing)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self.process = subprocess.Popen(
            arguments, preexec_fn=pipes, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(self.to_read)
        os.close(self.from_write)
        self.buffer = b""
        self.last = 0
        self.events = []

    def message(self):
        while b"\0" not in self.buffer:
            part = os.read(self.read, 1 << 20)
            if not part:
                raise SystemExit("the browser ended early")
            self.buffer += part
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self.last += 1
        request = {"id": self.last, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        os.write(self.write, json.dumps(request).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method, session):
        while True:
            for event in self.events:
                if event.get("method") == method and event.get("sessionId") == session:
                    return event["params"]
            self.events.append(self.message())


def move(descriptor):
    while descriptor in (3, 4):
        descriptor = os.dup(descriptor)
    return descriptor


def colours(png):
    """Distinct colours of a picture with eight bits a channel."""
    place, header, data = 8, None, b""
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place:place + 8])
        body = png[place + 8:place + 8 + length]
        header = struct.unpack(">IIBBBBB", body) if kind == b"IHDR" else header
        data += body if kind == b"IDAT" else b""
        place += 12 + length
    width, height, depth, colour = header[:4]
    assert depth == 8 and colour in (2, 6), header
    step = 3 if colour == 2 else 4
    raw, size = zlib.decompress(data), width * step
    seen, above = set(), bytearray(size)
    for row in range(height):
        start = row * (size + 1)
        filter_, line = raw[start], bytearray(raw[start + 1:start + 1 + size])
        for i in range(size):
            left = line[i - step] if i >= step else 0
            up, corner = above[i], above[i - step] if i >= step else 0
            if filter_ == 1:
                line[i] = (line[i] + left) & 255
            elif filter_ == 2:
                line[i] = (line[i] + up) & 255
            elif filter_ == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif filter_ == 4:
                guess = left + up - corner
                near = min((left, up, corner), key=lambda value: abs(guess - value))
                line[i] = (line[i] + near) & 255
        seen.update(bytes(line[i:i + 3]) for i in range(0, size, step))
        above = line
    return len(seen)


def look(browser, page, folder, scheme, window):
    """Draws one page in one way; returns what is wrong with it."""
    name = f"{page.stem}-{window}-{scheme}"
    width, height = WINDOWS[window]
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    call = lambda method, **parameters: browser.call(method, session, **parameters)
    for domain in ("Page", "Runtime", "Log", "Network"):
        call(f"{domain}.enable")
    call("Emulation.setEmulatedMedia",
         features=[{"name": "prefers-color-scheme", "value": scheme}])
    call("Emulation.setDeviceMetricsOverride",
         width=width, height=height, deviceScaleFactor=1, mobile=window == "phone")
    browser.events.clear()
    call("Page.navigate", url=page.as_uri())
    browser.wait("Page.loadEventFired", session)
    measure = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight, " \
              "getComputedStyle(document.body).backgroundColor].join(' ')"
    found = call("Runtime.evaluate", expression=measure)["result"]["value"].split(" ", 2)
    wide, high, ground = int(found[0]), int(found[1]), found[2]

    def picture(scale):
        clip = {"x": 0, "y": 0, "width": width, "height": min(high, 16000), "scale": scale}
        shot = call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    (folder / f"{name}.png").write_bytes(picture(1))
    distinct = colours(picture(0.25))
    cut = []
    if window == "wide" and scheme == "light":
        evaluate = lambda: call("Runtime.evaluate", expression=CUT)["result"]["value"]
        cut.append((f"{width} pixels", evaluate()))
        call("Emulation.setDeviceMetricsOverride",
             width=PAPER, height=height, deviceScaleFactor=1, mobile=False)
        call("Emulation.setEmulatedMedia", media="print")
        cut.append(("paper", evaluate()))
        (folder / f"{page.stem}-paper.png").write_bytes(picture(1))
        call("Emulation.setEmulatedMedia", media="")
        printed = call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        (folder / f"{page.stem}.pdf").write_bytes(base64.b64decode(printed["data"]))

    wrong = [f"loses columns at {where}: {what}" for where, what in cut if what]
    for event in browser.events:
        method, said = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            url = said["request"]["url"]
            if url != page.as_uri():
                wrong.append(f"asks for {url[:100]}")
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            wrong.append(f"console: {json.dumps(said)[:200]}")
        elif method == "Log.entryAdded":
            wrong.append(f"console: {said['entry']['text'][:200]}")
    if wide > width:
        wrong.append(f"is {wide} pixels wide in a window of {width}")
    if distinct < LEAST_COLOURS:
        wrong.append(f"is blank: {distinct} colours")
    browser.call("Target.closeTarget", targetId=target)
    print(f"{name}: {wide} x {high}, {distinct} colours, ground {ground}")
    return [f"{name} {fault}" for fault in wrong], ground


def main(program, folder, *pages):
    folder = pathlib.Path(folder).resolve()
    wrong = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        for page in map(lambda page: pathlib.Path(page).resolve(strict=True), pages):
            for window in WINDOWS:
                grounds = set()
                for scheme in ("light", "dark"):
                    faults, ground = look(browser, page, folder, scheme, window)
                    wrong += faults
                    grounds.add(ground)
                if len(grounds) < 2:
                    wrong.append(f"{page.stem}-{window} is the same in light and dark")
        browser.call("Browser.close")
        browser.process.wait(timeout=20)
    for fault in wrong:
        print(fault)
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
