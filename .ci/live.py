"""Counts packets through a live sensor, at two rates: called by .ci/live in a namespace.

Usage: live.py SECONDS [THREADS]
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

CAPTURE = "corpora/traces/outbreak.pcapng.zst"
SENSOR = "target/release/wormsift"
SENDER = "target/release/examples/replay"
MOST_DROPPED = 0.001
# Program, stacks and buffers, beside tables and rings.
MOST_BESIDE = 96 << 20
# Tables are in use page by page, generation by generation: with short windows all of them
# are within seconds, small rings too, and from then on memory may not grow,
SHORT = ["--memory", "64MiB", "--prevalence-window", "1s", "--prevalence-window-most", "1s",
         "--dispersion-window", "2s", "--ring-size", "8MiB"]
# but for buffers that come to their usual size in the first minute.
MOST_GROWTH = 8 << 20


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


def counter(name, metrics):
    for line in metrics.splitlines():
        if line.startswith((name + " ", name + "{")):
            return int(float(line.rsplit(" ", 1)[1]))
    raise SystemExit(f"no {name} in the metrics")


def metrics():
    with urllib.request.urlopen("http://127.0.0.1:9768/metrics") as answer:
        return answer.read().decode()


def send(seconds, rate=None):
    words = [SENDER, "tap0", CAPTURE, "--fresh", "--seconds", str(seconds)]
    words += ["--rate", str(rate)] if rate else []
    return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)


def lost_on_the_wire():
    """What the virtual wire itself had to drop, before any packet socket saw it."""
    links = json.loads(subprocess.check_output(["ip", "-s", "-j", "link"]))
    stats = {link["ifname"]: link["stats64"] for link in links if "stats64" in link}
    return max(stats["tap0"]["tx"]["dropped"], stats["tap1"]["rx"]["dropped"])


def run(name, seconds, threads, rate=None, settings=(), warm_up=2):
    """One sensor, one sender; the rate that was reached, and the share dropped."""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder, "found.jsonl")
        wire = lost_on_the_wire()
        sensor = subprocess.Popen(
            [SENSOR, "live", "-i", "tap1", "--threads", threads, "-o", output, "-q",
             "--interval", "5s", *settings]
        )
        try:
            for _ in range(200):
                try:
                    metrics()
                    break
                except OSError:
                    time.sleep(0.05)
            first = send(warm_up, rate)
            early = counter("wormsift_resident_memory_bytes", metrics())
            sent = send(seconds, rate)
            late = counter("wormsift_resident_memory_bytes", metrics())
            sensor.send_signal(signal.SIGTERM)
            assert sensor.wait(60) == 0, "the sensor failed"
        finally:
            sensor.kill()
        lines = [json.loads(line) for line in output.read_text().splitlines()]
    stats = [line for line in lines if line["type"] == "stats"][-1]
    seen, wire = stats["capture"], lost_on_the_wire() - wire
    total = first["sent"] + sent["sent"]
    taken, dropped = seen["frames"], seen["kernel_drops"]
    growth = late - early
    tables = stats["memory"]["total_bytes"] + int(threads) * (64 << 20)
    print(
        f"{name}: {sent['frames_per_second']:,} frames/s, "
        f"{sent['bits_per_second'] / 1e9:.2f} Gbit/s for {sent['seconds']:.0f} s, "
        f"{threads} threads; sent {total:,} = received {taken:,} + dropped {dropped:,} "
        f"+ lost on the wire {wire:,}; memory {late >> 20} MiB, {growth >> 10} KiB more than "
        f"{sent['seconds']:.0f} s before, tables and rings {tables >> 20} MiB"
    )
    assert taken + dropped == seen["kernel_packets"], seen
    assert taken + dropped + wire == total, "packets that nobody counted"
    assert taken == stats["packet_counters"]["frames"], "frames that were not sifted"
    assert late < tables + MOST_BESIDE, "more memory than tables and rings have"
    assert not settings or growth < MOST_GROWTH, "memory grows"
    return sent["frames_per_second"], dropped / total


def main(seconds, threads="2"):
    ip("link add tap0 type veth peer name tap1")
    for name in ("tap0", "tap1"):
        ip(f"link set {name} addrgenmode none arp off up")
    ip("link set lo up")
    seconds = float(seconds)
    rate, _ = run("highest rate", seconds, threads)
    _, share = run("a third of that rate", seconds, threads, rate / 3)
    print(f"dropped at a third of the rate: {share:.4%}")
    assert share < MOST_DROPPED, "too many packets dropped"
    run("short windows", seconds, threads, rate / 4, SHORT, warm_up=30)


main(*sys.argv[1:])
