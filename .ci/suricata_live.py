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
        folder.mkdir(parents=True, exist_ok=True)
        yaml = self.base.replace("\naf-packet:", "\naf-packet-of-the-default:") + (
            f"\naf-packet:\n  - interface: tap0\n    threads: {threads}\n    cluster-id: 99\n"
            "    cluster-type: cluster_flow\n    defrag: yes\n    tpacket-v3: yes\n"
            f"plugins:\n  - {self.options.plugin}\n"
            f"wormsift:\n{settings or '  stream: yes'}\n  key: {KEY}\n")
        (folder / "suricata.yaml").write_text(yaml)
        log = open(folder / "said", "ab")
        before = self.said(folder).count("Engine started")
        process = subprocess.Popen(
            [f"{self.options.suricata}/bin/suricata", "-c", str(folder / "suricata.yaml"),
             "-S", "/dev/null", "-l", str(folder), "--af-packet=tap0", "-k", "none",
             "--set", f"unix-command.filename={folder}/socket",
             "--pidfile", str(folder / "pid"), *more],
            stdout=log, stderr=subprocess.STDOUT)
        self.wait_for(folder, "Engine started", process, times=before + 1)
        return process

    @staticmethod
    def said(folder):
        return (folder / "said").read_text(errors="replace")

    def wait_for(self, folder, word, process=None, times=1, seconds=60):
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
        return run(["tcpreplay", "-q", "-i", "send0", *how, str(capture)])

    def once(self, capture, threads, *how):
        """Replays a capture; what the plugin found, and what `detect` finds in the recording."""
        folder = self.work / "live"
        run(["rm", "-rf", str(folder)])
        process = self.start(folder, threads)
        recorder = self.record(folder / "recorded.pcap")
        self.replay(capture, *how)
        time.sleep(1.5)
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
        code = self.stop(process)
        assert code == 0, self.said(folder)
        lines = (folder / "wormsift.jsonl").read_text().splitlines()
        return last_words(lines), self.detect(folder / "recorded.pcap"), self.statistics(folder)


def scenarios(live, options):
    failed = 0
    for name in options.scenario or ["slammer", "tcp-exploit"]:
        capture = live.capture(name)
        for threads in [2, 4]:
            found, truth, counts = live.once(capture, threads, *options.pace)
            well = contents(found) == contents(truth)
            failed += not well
            print(f"live {name} threads={threads}: {len(found)} of {len(truth)} signatures, "
                  f"late {counts.get('late_packets', 0)}: {'as expected' if well else 'WRONG'}",
                  flush=True)
    return failed


def benign(live, options):
    failed = 0
    for capture in options.benign or []:
        more = 0
        for _ in range(options.runs):
            found, truth, _ = live.once(capture, 2)
            more += bool(contents(found) - contents(truth))
        failed += bool(more)
        print(f"benign {Path(capture).name}: in {more} of {options.runs} runs more than detect",
              flush=True)
    return failed


def lines_of(path):
    """All lines of a file, each of which must be whole."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def rotation(live):
    folder = live.work / "rotation"
    process = live.start(folder)
    worm = live.capture("slammer")
    sender = subprocess.Popen(["tcpreplay", "-q", "-i", "send0", "--pps", "300", "--loop", "0",
                               str(worm)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    for i in range(3):
        os.rename(folder / "wormsift.jsonl", folder / f"wormsift.jsonl.{i}")
        process.send_signal(signal.SIGHUP)
        time.sleep(1.5)
        assert (folder / "wormsift.jsonl").exists(), f"not opened anew after HUP {i}"
    sender.terminate()
    sender.wait()
    assert live.stop(process) == 0
    files = [folder / "wormsift.jsonl", *(folder / f"wormsift.jsonl.{i}" for i in range(3))]
    assert sum(len(lines_of(file)) for file in files) > 0


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
    before = len(lines_of(folder / "wormsift.jsonl"))
    (folder / "pid").unlink(missing_ok=True)
    process = live.start(folder, settings=settings)
    assert "goes on from" in live.said(folder)
    assert live.stop(process) == 0
    assert before > 0 and (folder / "known.rules").read_text().count("alert ") > 0


def reloads(live):
    folder = live.work / "reloads"
    process = live.start(folder)
    worm = live.capture("slammer")
    sender = subprocess.Popen(["tcpreplay", "-q", "-i", "send0", "--pps", "300", "--loop", "0",
                               str(worm)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for i in range(10):
        process.send_signal(signal.SIGUSR2)
        live.wait_for(folder, "rule reload complete", process, times=i + 1)
    sender.terminate()
    sender.wait()
    assert live.stop(process) == 0, live.said(folder)
    assert lines_of(folder / "wormsift.jsonl")


def full_disk(live):
    folder, disk = live.work / "full", live.work / "disk"
    disk.mkdir()
    must("mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(disk))
    try:
        settings = f"  output: {disk}/out.jsonl\n  rules: {disk}/out.rules\n  state: {disk}/out.state"
        process = live.start(folder, settings=settings)
        live.replay(live.capture("slammer"), "--pps", "500")
        time.sleep(1)
        assert live.stop(process) == 0, live.said(folder)
        lines_of(disk / "out.jsonl")
        said = live.said(folder)
        assert said.count("out.state") == 1, said
        assert not (disk / "out.state").exists() and not (disk / "out.rules.new").exists()
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
    parser.add_argument("--pace", nargs="*", default=[])
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    live = Live(options)
    failed = 0
    for what in options.what or ["scenarios", "operation"]:
        failed += {"scenarios": scenarios, "benign": benign, "operation": operation}[what](
            live, options)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
