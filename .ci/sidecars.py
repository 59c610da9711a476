"""The sensor beside Suricata and Zeek, word by word as its documents say: called by .ci/sidecars
in namespaces of its own."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

DOCS = Path("engine/docs").resolve()
WORM = ["slammer", "--seed", "1"]
# Packets a second: the whole in some seconds.
PACE = "400"


def must(*command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **more)
    assert done.returncode == 0, (command, done.stdout)
    return done.stdout


def program(name):
    found = next((path for path in (f"/opt/{name}/bin/{name}", shutil.which(name))
                  if path and Path(path).exists()), None)
    if found is None:
        print(f"skipped: no {name} here")
    return found


def blocks(page, kind):
    """The blocks of a page that are of a kind, such as yaml."""
    return re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", (DOCS / page).read_text())


def commands(page):
    """The commands of the first console block of a page, each with its continuation."""
    text = blocks(page, "console")[0].replace("\\\n", " ")
    return [re.sub(r"\s+# .*$", "", line)[2:].strip() for line in text.splitlines()]


def until(what, seconds, ready):
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, f"not in {seconds} s: {what() if callable(what) else what}"
        time.sleep(0.2)
    return found


class Place:
    """Folders and users that are not the machine's, and a wire whose end is eth1."""

    def __init__(self, binary):
        self.work = Path(tempfile.mkdtemp())
        self.work.chmod(0o755)
        must("cp", "-a", "/etc", self.work / "etc")
        must("mount", "--bind", self.work / "etc", "/etc")
        for folder in ["/run", "/var/lib", "/var/log"]:
            must("mount", "-t", "tmpfs", "tmpfs", folder)
        for user in ["suricata", "wormsift"]:
            subprocess.run(["useradd", "--system", "--user-group", user], check=False)
        must("ip", "link", "set", "lo", "up")
        must("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "send0")
        for name in ["eth1", "send0"]:
            must("ip", "link", "set", name, "up", "arp", "off")
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
            must("ethtool", "-K", name, "rx", "off", "tx", "off", "gso", "off", "gro", "off")
        bin = self.work / "bin"
        bin.mkdir()
        (bin / "wormsift").symlink_to(binary)
        os.environ["PATH"] = f"{bin}:/opt/suricata/bin:/opt/zeek/bin:{os.environ['PATH']}"
        self.worm = self.work / "worm.pcap"
        must("wormsift", "generate", "-q", *WORM, "-o", self.worm)
        os.chdir(self.work)

    def replay(self):
        must("tcpreplay", "-q", "--timer=nano", "-i", "send0", "--pps", PACE, self.worm)

    def start(self, command, said):
        return subprocess.Popen(shlex.split(command), stdout=open(self.work / said, "ab"),
                                stderr=subprocess.STDOUT, cwd=self.work)

    def said(self, name):
        return (self.work / name).read_text(errors="replace")


def end(process, name):
    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=60)
    assert code == 0, f"{name} ended with {code}"


def metric(name):
    with urllib.request.urlopen("http://127.0.0.1:9768/metrics") as answer:
        return int(float(re.search(rf"(?m)^{name}(?:{{.*}})? (\S+)$", answer.read().decode()).group(1)))


def suricata(place):
    page = "suricata-sidecar.md"
    *before, sensor_command = commands(page)
    for command in before:
        must("sh", "-c", command)
    prefix = Path(program("suricata")).parent.parent
    config = Path("/etc/suricata")
    if (prefix / "etc/suricata").is_dir():
        # As a package puts it: under /etc and /var, for that user to read and write.
        shutil.copytree(prefix / "etc/suricata", config)
    must("chmod", "-R", "a+rX", config)
    text = (config / "suricata.yaml").read_text().replace(f"{prefix}/etc", "/etc")
    text = text.replace(f"{prefix}/var", "/var") + "threshold-file: /etc/suricata/threshold.config\n"
    added = "".join(blocks(page, "yaml"))
    # As in an editor: what the page sets takes the place of what is there.
    for key in re.findall(r"(?m)^([a-z-]+):", added):
        text = re.sub(rf"(?m)^{key}:.*\n(?:[ #-].*\n|\n)*", "", text)
    (place.work / "suricata.yaml").write_text(text + "\n" + added)
    for folder in ["/run/suricata", "/var/lib/suricata/rules", "/var/lib/suricata/cache/sgh",
                   "/var/log/suricata"]:
        must("install", "-d", "-o", "suricata", "-g", "suricata", folder)
    # The rules that are there anyway.
    Path("/var/lib/suricata/rules/suricata.rules").write_text(
        'alert tcp any any -> any any (msg:"other"; content:"never to be seen 7f3a"; sid:1;)\n')

    sensor = place.start(sensor_command, "sensor")
    rules = Path("/var/lib/wormsift/wormsift.rules")
    until(lambda: place.said("sensor"), 30, rules.exists)
    ids = place.start(f"suricata -c {place.work}/suricata.yaml --af-packet=eth1 -k none "
                      "-l /var/log/suricata", "ids")
    until(lambda: place.said("ids"), 60, lambda: "Engine started" in place.said("ids"))
    assert not re.search(r"(?m)^(E|W): ", place.said("ids")), place.said("ids")
    socket = Path("/run/suricata/suricata-command.socket")
    print("the socket is", must("stat", "-c", "%U:%G %a", socket).strip())

    def alerts():
        log = Path("/var/log/suricata/eve.json")
        lines = log.read_text().splitlines() if log.exists() else []
        return [one for one in map(json.loads, filter(None, lines)) if one["event_type"] == "alert"]

    place.replay()
    until(lambda: place.said("sensor"), 30, lambda: "alert " in rules.read_text())
    until(lambda: place.said("sensor") + place.said("ids"), 30,
          lambda: "rule reload complete" in place.said("ids"))
    # What was found last may need another: five seconds between two.
    time.sleep(6)
    before = len(alerts())
    place.replay()
    until(lambda: place.said("ids"), 20, lambda: len(alerts()) > before + 1000)
    reloads = metric("wormsift_suricata_reloads_total")
    end(sensor, "the sensor")
    end(ids, "Suricata")
    sids = {one["alert"]["signature_id"] for one in alerts()}
    written = set(map(int, re.findall(r"sid:(\d+)", rules.read_text())))
    assert sids and sids <= written, (sids, written)
    print(f"Suricata: {len(written)} rules, {reloads} reloads, {before} alerts in the first replay "
          f"and {len(alerts()) - before} in the second")


def zeek(place):
    page = "zeek.md"
    *before, sensor_command, zeek_command = commands(page)
    for command in before:
        must("sh", "-c", command)
    sensor = place.start(sensor_command, "sensor-zeek")
    signatures = Path("/var/lib/wormsift/signatures.sig")
    until(lambda: place.said("sensor-zeek"), 30, signatures.exists)

    def run(turn):
        """One life of Zeek, with a replay in it: the notices by kind."""
        folder = place.work / f"zeek{turn}"
        folder.mkdir()
        ids = subprocess.Popen(shlex.split(zeek_command), cwd=folder,
                               stdout=open(folder / "said", "wb"), stderr=subprocess.STDOUT)
        until(lambda: (folder / "said").read_text(), 60,
              lambda: "listening on" in (folder / "said").read_text())
        place.replay()
        time.sleep(2)
        end(ids, "Zeek")
        said = (folder / "said").read_text()
        assert "error" not in said, said
        log = folder / "notice.log"
        kinds = {}
        for line in log.read_text().splitlines() if log.exists() else []:
            if line.startswith("#fields"):
                at = line.split("\t").index("note") - 1
            elif not line.startswith("#"):
                kind = line.split("\t")[at]
                kinds[kind] = kinds.get(kind, 0) + 1
        return kinds

    first = run(1)
    until(lambda: place.said("sensor-zeek"), 30,
          lambda: "signature wormsift-" in signatures.read_text())
    second = run(2)
    end(sensor, "the sensor")
    assert second.get("Wormsift::Spreading_Content", 0) > 100, second
    strange = [kind for kind in second if kind.startswith("Signatures::")]
    assert not strange, second
    written = signatures.read_text().count("\nsignature wormsift-")
    print(f"Zeek: {written} signatures; notices before the restart {first or 'none'}, after it {second}")


def main():
    place = Place(Path(sys.argv[1]))
    try:
        for name, beside in [("suricata", suricata), ("zeek", zeek)]:
            if (not sys.argv[2:] or name in sys.argv[2:]) and program(name):
                beside(place)
                shutil.rmtree("/var/lib/wormsift")
    finally:
        os.chdir("/")
        must("umount", "/etc")
        shutil.rmtree(place.work)


if __name__ == "__main__":
    main()
