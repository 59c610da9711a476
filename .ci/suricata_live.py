"""The plugin in a real Suricata on a live interface, and what happens to it in operation.

Runs in a network namespace of its own (`.ci/suricata --live`), with a pair of veth, AF_PACKET
and tcpreplay; what arrives is recorded by tcpdump and given to `wormsift detect`.

- Scenarios at their own pace, over two and four threads: the same contents as `detect` on the
  recording.
- Benign captures at their own pace, several times: nothing that `detect` on the recording does
  not have.
- Operation: rotation under traffic, kill -9 and restart, reloads, a full disk, a foreign rules
  file, a state of other settings, simulated inline mode, several captures in one process.
"""

import argparse
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("offline", HERE / "suricata.py")
offline = importlib.util.module_from_spec(spec)
spec.loader.exec_module(offline)
run, last_words, KEY = offline.run, offline.last_words, offline.KEY


def contents(summaries):
    return {line["content_hex"] for line in summaries.values()}


def must(*command):
    done = run(command)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


class Live(offline.Bench):
    def __init__(self, options):
        super().__init__(options)
        must("ip", "link", "set", "lo", "up")
        must("ip", "link", "add", "send0", "mtu", "9000", "type", "veth", "peer", "name", "tap0",
             "mtu", "9000")
        for name in ["send0", "tap0"]:
            must("ip", "link", "set", name, "up", "arp", "off")
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
            run(["ethtool", "-K", name, "rx", "off", "tx", "off", "tso", "off", "gso", "off",
                 "gro", "off"])

    def start(self, folder, threads=2, settings="", more=()):
        process = self.launch(folder, threads, settings, more)
        self.wait_for(folder, "Engine started", process, times=self.started)
        return process

    def launch(self, folder, threads=2, settings="", more=(), number=0):
        """Starts a Suricata and does not wait. Several on one interface see all of it if each has
        a cluster of its own. The kernel puts fragments together once in a namespace, and gives
        the whole to one of those who ask for it: only the first asks."""
        folder.mkdir(parents=True, exist_ok=True)
        yaml = self.base.replace("\naf-packet:", "\naf-packet-of-the-default:") + (
            f"\naf-packet:\n  - interface: tap0\n    threads: {threads}\n"
            f"    cluster-id: {99 - number}\n    cluster-type: cluster_flow\n"
            f"    defrag: {'no' if number else 'yes'}\n    tpacket-v3: yes\n"
            f"plugins:\n  - {self.options.plugin}\n"
            f"wormsift:\n{settings or '  stream: yes'}\n  key: {KEY}\n")
        (folder / "suricata.yaml").write_text(yaml)
        log = open(folder / "said", "ab")
        self.started = self.said(folder).count("Engine started") + 1
        return subprocess.Popen(
            [f"{self.options.suricata}/bin/suricata", "-c", str(folder / "suricata.yaml"),
             "-S", "/dev/null", "-l", str(folder), "--af-packet=tap0", "-k", "none",
             "--set", f"unix-command.filename={folder}/socket",
             "--pidfile", str(folder / "pid"), *more],
            stdout=log, stderr=subprocess.STDOUT)

    @staticmethod
    def said(folder):
        return (folder / "said").read_text(errors="replace")

    def wait_for(self, folder, word, process=None, times=1, seconds=180):
        end = time.monotonic() + seconds
        while self.said(folder).count(word) < times:
            assert process is None or process.poll() is None, self.said(folder)
            assert time.monotonic() < end, f"no {word!r} in\n{self.said(folder)}"
            time.sleep(0.1)

    @staticmethod
    def stop(process, with_signal=signal.SIGTERM):
        process.send_signal(with_signal)
        return process.wait(timeout=120)

    def record(self, path):
        process = subprocess.Popen(
            ["tcpdump", "-i", "tap0", "-Q", "in", "-B", "32768", "-s", "0", "-U", "-w", str(path)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        process.stderr.readline()
        return process

    @staticmethod
    def replay(capture, *how):
        # Its default timer yields in a loop, and so comes late on a machine that has other work.
        return run(["tcpreplay", "-q", "--timer=nano", "-i", "send0", *how, str(capture)])

    def replayed(self, capture, threads, *how):
        """Replays a capture once past several Suricatas, one for each number of threads that is
        given: what `detect` finds in the recording, and what each plugin found with its
        counters."""
        folder = self.work / "live"
        run(["rm", "-rf", str(folder)])
        folders = [folder / str(i) for i in range(len(threads))]
        processes = [self.launch(one, count, number=i)
                     for i, (one, count) in enumerate(zip(folders, threads))]
        for one, process in zip(folders, processes):
            self.wait_for(one, "Engine started", process)
        recorder = self.record(folder / "recorded.pcap")
        sent = self.replay(capture, *how)
        time.sleep(1.5)
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
        for process in processes:
            process.send_signal(signal.SIGTERM)
        results = []
        for one, process in zip(folders, processes):
            assert process.wait(timeout=120) == 0, self.said(one)
            lines = (one / "wormsift.jsonl").read_text().splitlines()
            results.append((last_words(lines), self.statistics(one)))
        counts = [int(count) for count in re.findall(r"(?:Successful|Failed) packets:\s*(\d+)",
                                                     sent.stdout)]
        assert counts and counts[0], f"nothing was sent of {capture}: {sent.stderr}"
        return self.detect(folder / "recorded.pcap"), results


def shared_out(items, options, what):
    """Runs this program for a share of the items in each of several namespaces at a time, and
    counts the shares that ended with 1."""
    def command(number, share):
        work = Path(options.work, f"job{number}")
        work.mkdir()
        words = ["unshare", "--net", "--mount", sys.executable, __file__, "--what", what]
        for name in ["suricata", "plugin", "wormsift"]:
            words += [f"--{name}", getattr(options, name)]
        words += ["--work", str(work), "--runs", str(options.runs)]
        flag = {"scenarios": "--scenario", "benign": "--benign"}[what]
        return words + [word for item in share for word in (flag, str(item))]

    shares = [items[i::options.jobs] for i in range(options.jobs)]
    jobs = [subprocess.Popen(command(i, share)) for i, share in enumerate(shares) if share]
    return sum(job.wait() != 0 for job in jobs)


# UDP, TCP in order and out of it, fragments, and content in tiny segments.
SCENARIOS = ["slammer", "tcp-exploit", "small-segments", "fragmented", "mail"]
THREADS = [2, 4]


def scenarios(live, options):
    """Those of the names, such as slammer, or slammer/4 for four threads alone."""
    items = [f"{name}/{threads}" for name in options.scenario or SCENARIOS
             for threads in ([""] if "/" in name else THREADS)]
    if options.jobs > 1:
        return shared_out(items, options, "scenarios")
    failed = 0
    for item in items:
        name, threads = item.split("/")[:2]
        truth, [(found, counts)] = live.replayed(live.capture(name), [int(threads)])
        well = contents(found) == contents(truth)
        failed += not well
        packets = [max((line["packets"] for line in lines.values()), default=0)
                   for lines in (found, truth)]
        print(f"live {name} threads={threads}: {len(found)} of {len(truth)} signatures, "
              f"packets {packets[0]} of {packets[1]}, late {counts.get('late_packets', 0)}, "
              f"dropped by the kernel {counts.get('capture.kernel_drops', 0)}: "
              f"{'as expected' if well else 'WRONG'}", flush=True)
    return failed


def benign(live, options):
    """Each capture past several Suricatas at a time, with two threads and with four by turns."""
    captures = [path for name in options.benign or []
                for path in (sorted(Path(name).iterdir()) if Path(name).is_dir() else [Path(name)])]
    if options.jobs > 1:
        return shared_out(captures, options, "benign")
    failed = total = 0
    for capture in captures:
        more = less = late = dropped = 0
        left, most = options.runs, 0
        try:
            while left:
                at_once = min(left, 5)
                truth, results = live.replayed(capture, [THREADS[i % 2] for i in range(at_once)])
                left -= at_once
                most = max(most, len(truth))
                for found, counts in results:
                    more += bool(contents(found) - contents(truth))
                    less += bool(contents(truth) - contents(found))
                    late += counts.get("late_packets", 0)
                    dropped += counts.get("capture.kernel_drops", 0)
        except AssertionError as error:
            failed += 1
            print(f"benign {capture.name}: WRONG: {str(error)[:600]}", flush=True)
            continue
        failed += bool(more)
        total += options.runs
        print(f"benign {capture.name}: in {more} of {options.runs} runs more than detect "
              f"(of {most}), in {less} less, late {late}, dropped by the kernel {dropped}",
              flush=True)
    print(f"{total} runs, {failed} captures not as expected", flush=True)
    return failed


def lines_of(path):
    """All lines of a file, each of which must be whole."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def under_traffic(live, folder, what):
    """Does something to a Suricata that sees a worm over and over; what it found must be what
    `detect` finds in the recording, over all files."""
    process = live.start(folder)
    recorder = live.record(folder / "recorded.pcap")
    sender = subprocess.Popen(["tcpreplay", "-q", "--timer=nano", "-i", "send0", "--pps", "300",
                               "--loop", "0", str(live.capture("slammer"))],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        what(process)
    finally:
        sender.terminate()
        sender.wait()
    time.sleep(1.5)
    recorder.send_signal(signal.SIGINT)
    recorder.wait()
    assert live.stop(process) == 0, live.said(folder)
    files = sorted(folder.glob("wormsift.jsonl*"))
    # Each line is whole.
    lines = [json.dumps(line) for file in files for line in lines_of(file)]
    found, truth = last_words(lines), live.detect(folder / "recorded.pcap")
    assert truth and found.keys() == truth.keys(), (found.keys(), truth.keys())
    announced = [line["id"] for line in map(json.loads, lines) if line["type"] == "signature"]
    assert len(announced) == len(set(announced)), "announced twice"


def rotation(live):
    folder = live.work / "rotation"

    def rotate(process):
        time.sleep(1)
        for i in range(3):
            os.rename(folder / "wormsift.jsonl", folder / f"wormsift.jsonl.{i}")
            process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 20
            while not (folder / "wormsift.jsonl").exists():
                assert time.monotonic() < end, f"not opened anew after HUP {i}"
                time.sleep(0.1)
            time.sleep(1)

    under_traffic(live, folder, rotate)


def sids(path):
    """What each rule of a file looks for, by its number."""
    return {re.search(r"sid:(\d+)", line).group(1): re.findall(r'content:"([^"]*)"', line)
            for line in path.read_text().splitlines() if line.startswith("alert ")}


def kill_and_restart(live):
    folder = live.work / "kill"
    settings = "  state: known.state\n  state-interval: 1s\n  rules: known.rules"
    process = live.start(folder, settings=settings)
    worm = live.capture("slammer")
    live.replay(worm, "--pps", "500")
    end = time.monotonic() + 20
    while not (folder / "known.state").exists() and time.monotonic() < end:
        live.replay(worm, "--pps", "50", "--limit", "100")
    assert (folder / "known.state").exists(), live.said(folder)
    process.kill()
    process.wait()
    before, rules = len(lines_of(folder / "wormsift.jsonl")), sids(folder / "known.rules")
    assert before > 0 and rules
    (folder / "pid").unlink(missing_ok=True)
    process = live.start(folder, settings=settings)
    assert "goes on from" in live.said(folder)
    live.replay(worm, "--pps", "500")
    time.sleep(1.5)
    assert live.stop(process) == 0
    assert len(lines_of(folder / "wormsift.jsonl")) > before
    after = sids(folder / "known.rules")
    assert rules.items() <= after.items(), "a rule is gone, or has another number"
    contents = [tuple(content) for content in after.values()]
    assert len(contents) == len(set(contents)), "a rule is there twice"


def reloads(live):
    folder = live.work / "reloads"

    def reload(process):
        for i in range(10):
            process.send_signal(signal.SIGUSR2)
            live.wait_for(folder, "rule reload complete", process, times=i + 1)

    under_traffic(live, folder, reload)


def full_disk(live):
    """Nothing half is left, each kind of failure is said once, and with room it goes on."""
    for room in [False, True]:
        folder, disk = live.work / f"full-{room}", live.work / f"disk-{room}"
        disk.mkdir()
        must("mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(disk))
        try:
            settings = (f"  output: {disk}/out.jsonl\n  rules: {disk}/out.rules\n"
                        f"  state: {disk}/out.state\n  state-interval: 1s")
            process = live.start(folder, settings=settings)
            live.replay(live.capture("slammer"), "--pps", "500")
            time.sleep(1)
            if room:
                must("mount", "-o", "remount,size=64m", str(disk))
                live.replay(live.capture("slammer"), "--pps", "500")
                time.sleep(1)
            assert live.stop(process) == 0, live.said(folder)
            lines_of(disk / "out.jsonl")
            assert live.said(folder).count("out.state") == 1, live.said(folder)
            assert (disk / "out.state").exists() == room
            assert not (disk / "out.rules.new").exists()
            if room:
                assert sids(disk / "out.rules"), live.said(folder)
        finally:
            must("umount", str(disk))


def foreign_files(live):
    folder = live.work / "foreign"
    folder.mkdir()
    foreign = "alert tcp any any -> any any (msg:\"mine\"; sid:7; rev:1;)\n"
    (folder / "local.rules").write_text(foreign)
    process = live.start(folder, settings="  rules: local.rules")
    assert "local.rules, line 1: expected a rule that wormsift wrote" in live.said(folder)
    assert live.stop(process) == 0
    assert (folder / "local.rules").read_text() == foreign
    before = sorted(path.name for path in folder.iterdir())
    done = run([f"{live.options.suricata}/bin/suricata", "-T", "-c", str(folder / "suricata.yaml"),
                "-l", str(folder), "-S", "/dev/null"])
    assert "local.rules, line 1" in done.stdout + done.stderr, done.stdout + done.stderr
    assert (folder / "local.rules").read_text() == foreign
    new = set(path.name for path in folder.iterdir()) - set(before)
    assert not any("wormsift" in name or "state" in name for name in new), new


def other_settings(live):
    capture = live.capture("slammer")
    for settings in ["  state: {0}\n  sources: 30\n", "  state: {0}\n  sources: 20\n"]:
        settings = settings.format(live.work / "other.state")
        _, _, bad, _ = live.suricata(capture, "single", "yes", "none", settings=settings)
    assert any("is not used" in line for line in bad), bad
    assert (live.work / "other.state.old").exists() and (live.work / "other.state").exists()


def inline(live):
    for name in ["tcp-exploit", "small-segments"]:
        capture = live.capture(name)
        truth = live.detect(capture)
        for mode in ["single", "autofp"]:
            found, counts, bad, _ = live.suricata(capture, mode, "yes", "none",
                                                  more=["--simulate-ips"])
            assert found.keys() == truth.keys() and not bad, (name, mode, counts, bad)


def socket(live):
    """Several captures in one process."""
    folder = live.work / "socket"
    folder.mkdir()
    yaml = live.base + (f"\nplugins:\n  - {live.options.plugin}\n"
                        f"wormsift:\n  stream: yes\n  key: {KEY}\n")
    (folder / "suricata.yaml").write_text(yaml)
    with open(folder / "said", "wb") as log:
        process = subprocess.Popen(
            [f"{live.options.suricata}/bin/suricata", "-c", str(folder / "suricata.yaml"),
             "-S", "/dev/null", "-l", str(folder), f"--unix-socket={folder}/socket"],
            stdout=log, stderr=subprocess.STDOUT)
    end = time.monotonic() + 60
    while not (folder / "socket").exists():
        assert process.poll() is None and time.monotonic() < end, live.said(folder)
        time.sleep(0.1)
    names = ["slammer", "tcp-exploit", "slammer"]
    for i, name in enumerate(names):
        (folder / str(i)).mkdir()
        must(f"{live.options.suricata}/bin/suricatasc", "-c",
             f"pcap-file {live.capture(name)} {folder}/{i}", f"{folder}/socket")
    end = time.monotonic() + 120
    while time.monotonic() < end:
        done = must(f"{live.options.suricata}/bin/suricatasc", "-c", "pcap-file-number",
                    f"{folder}/socket")
        current = must(f"{live.options.suricata}/bin/suricatasc", "-c", "pcap-current",
                       f"{folder}/socket")
        if '"message":0' in done.replace(" ", "") and "None" in current:
            break
        time.sleep(0.5)
    run([f"{live.options.suricata}/bin/suricatasc", "-c", "shutdown", f"{folder}/socket"])
    process.wait(timeout=60)
    for i, name in enumerate(names):
        found = last_words((folder / str(i) / "wormsift.jsonl").read_text().splitlines())
        truth = live.detect(live.capture(name))
        assert contents(found) == contents(truth), (name, live.said(folder))


OPERATION = [rotation, kill_and_restart, reloads, full_disk, foreign_files, other_settings,
             inline, socket]


def operation(live, options):
    failed = 0
    for test in OPERATION:
        if options.only and test.__name__ not in options.only:
            continue
        try:
            test(live)
            print(f"{test.__name__}: as expected", flush=True)
        except Exception as error:  # noqa: BLE001 One that fails does not stop the others.
            failed += 1
            at = error.__traceback__
            while at.tb_next is not None:
                at = at.tb_next
            print(f"{test.__name__}: WRONG: line {at.tb_lineno}: {type(error).__name__}: "
                  f"{str(error)[-1500:]}", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser()
    for name in ["suricata", "plugin", "wormsift", "work"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--what", choices=["scenarios", "benign", "operation"], action="append")
    parser.add_argument("--scenario", action="append")
    parser.add_argument("--benign", action="append")
    parser.add_argument("--only", action="append")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    live = Live(options)
    failed = 0
    for what in options.what or ["scenarios", "operation"]:
        failed += {"scenarios": scenarios, "benign": benign, "operation": operation}[what](
            live, options)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
