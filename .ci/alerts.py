"""Holds the rules of the standard suite's findings against Suricata, Snort 3 and Zeek.

What counts is the connection: addresses, protocol and ports, in either direction. The truth of
a capture names the packets that carry each content of the worm, and so the connections that do.
A rule belongs to the content that it has 16 bytes in common with; where there is none, something
else was found, and each of its alerts is one on others.
"""

import argparse
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import defaultdict
from ipaddress import ip_address
from pathlib import Path

PAGE = Path("engine/docs/rules.md")
BEGIN, END = "<!-- table of .ci/alerts: begin -->\n", "<!-- table of .ci/alerts: end -->\n"
FEW = ["tcp-exploit", "mail", "ipv6", "tunnelled", "slammer"]
COLUMNS = ["scenario", "settings", "rule", "connections", "Suricata", "Snort", "Zeek",
           "Zeek, no script", "on others"]
WINDOW = 16
# What Zeek prints of each match.
PRINT = """event signature_match(state: signature_state, msg: string, data: string)
\t{
\tlocal c = state$conn$id;
\tprint fmt("%s %s %s %d %s %d", state$sig_id, get_port_transport_proto(c$resp_p), c$orig_h,
\t          port_to_count(c$orig_p), c$resp_h, port_to_count(c$resp_p));
\t}
"""


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **more)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout + done.stderr


def connection(protocol, *ends):
    """The same for both directions."""
    (one, its_port, other, other_port) = ends
    ends = sorted([(ip_address(one), int(its_port)), (ip_address(other), int(other_port))],
                  key=lambda end: (int(end[0]), end[1]))
    return (protocol.lower(), *ends)


class Packets:
    """The connection of each packet of a capture in pcap, in its innermost form."""

    def __init__(self, path):
        self.fragments = {}
        self.found = [None]
        data = Path(path).read_bytes()
        assert data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xd4\xc3\xb2\xa1"), "not a pcap as expected"
        assert data[20:24] == b"\1\0\0\0", "not Ethernet"
        at = 24
        while at < len(data):
            (length,) = struct.unpack_from("<I", data, at + 8)
            self.found.append(self.ethernet(data[at + 16:at + 16 + length]))
            at += 16 + length

    def ethernet(self, frame):
        at = 12
        while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
            at += 4
        return self.network(frame[at:at + 2], frame[at + 2:])

    def network(self, kind, packet):
        if kind == b"\x08\x00":
            protocol, ends = packet[9], (packet[12:16], packet[16:20])
            (place,) = struct.unpack_from("!H", packet, 6)
            rest = packet[(packet[0] & 15) * 4:]
            if place & 0x3FFF:
                # The first fragment has the ports of the others.
                name = (ends, packet[4:6], protocol)
                if place & 0x1FFF:
                    return self.fragments[name]
                self.fragments[name] = self.transport(protocol, ends, rest)
                return self.fragments[name]
        elif kind == b"\x86\xdd":
            protocol, ends, rest = packet[6], (packet[8:24], packet[24:40]), packet[40:]
        else:
            return None
        return self.transport(protocol, ends, rest)

    def transport(self, protocol, ends, rest):
        if protocol == 47:
            at = 4 + sum(4 for bit in (0x80, 0x20, 0x10) if rest[0] & bit)
            kind = rest[2:4]
            return self.ethernet(rest[at:]) if kind == b"\x65\x58" else self.network(kind, rest[at:])
        if protocol not in (6, 17):
            return None
        source, destination = struct.unpack_from("!HH", rest)
        if protocol == 17 and destination == 4789:
            return self.ethernet(rest[16:])
        name = {6: "tcp", 17: "udp"}[protocol]
        return connection(name, ends[0], source, ends[1], destination)


def worm(path):
    """Each content of the worm, with the connections that carry something of it."""
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    packets = Packets(path)
    assert len(packets.found) == truth["packets"] + 1
    for content in truth["contents"]:
        found = {packets.found[number] for first, last in content["carriers"]["runs"]
                 for number in range(first, last + 1)}
        assert found and None not in found
        yield bytes.fromhex(content["content_hex"]), found


def rules_of(path):
    """The rules of a file for Suricata: by sid, what each looks for."""
    found = {}
    for line in path.read_text().splitlines():
        tokens = [bytes.fromhex(token) for token in re.findall(r'content:"\|([0-9A-F ]+)\|"', line)]
        # None of the worms has a content in text that export would not write in hexadecimal.
        assert tokens, line
        found[int(re.search(r"sid:(\d+)", line).group(1))] = (
            re.search(r'msg:"wormsift candidate \w+ ([^" ]+)', line).group(1), tokens)
    return found


def in_common(tokens, content):
    return any(token[at:at + WINDOW] in content for token in tokens
               for at in range(len(token) - WINDOW + 1))


class Ids:
    """A program: its version, and what it says of a capture with some rules."""

    def __init__(self, name, version):
        self.program = next((path for path in (f"/opt/{name}/bin/{name}", shutil.which(name))
                             if path and Path(path).exists()), None)
        self.version = None
        if self.program:
            self.version = re.search(r"\d+\.\d+\.\d+[.\d]*", run(self.program, version)).group(0)
        else:
            print(f"skipped: no {name} here")

    def config(self, *names):
        """Its own default configuration: beside it, or in /etc."""
        prefix = Path(self.program).parent.parent
        return next(path for path in (prefix / "etc" / names[0], Path("/etc") / names[0])
                    if path.exists())


class Suricata(Ids):
    def __init__(self):
        super().__init__("suricata", "-V")

    def alerts(self, work, capture, _script):
        log = work / "suricata"
        log.mkdir()
        said = run(self.program, "-v", "-c", self.config("suricata/suricata.yaml"),
                   "-S", work / "found.rules", "-k", "none", "-l", log, "--runmode", "single",
                   "-r", capture)
        assert not re.search(r"(?m)^(E|W).*: detect", said), said
        said += (log / "suricata.log").read_text()
        loaded = int(re.search(r"(\d+) rules successfully loaded, 0 rules failed", said).group(1))
        found = defaultdict(set)
        for line in (log / "eve.json").read_text().splitlines():
            one = json.loads(line)
            if one["event_type"] == "alert":
                found[one["alert"]["signature_id"]].add(
                    connection(one["proto"], one["src_ip"], one["src_port"],
                               one["dest_ip"], one["dest_port"]))
        return loaded, found


class Snort(Ids):
    def __init__(self):
        super().__init__("snort", "-V")
        if self.program:
            daq = Path(self.program).parent.parent / "lib/daq"
            self.common = ["-c", self.config("snort/snort.lua"),
                           *(["--daq-dir", daq] if daq.is_dir() else [])]
            # Its configuration has rules of its own.
            self.own = self.loaded(run(self.program, *self.common, "-T"))

    @staticmethod
    def loaded(said):
        return int(re.search(r"total rules loaded: (\d+)", said).group(1))

    def alerts(self, work, capture, _script):
        said = run(self.program, *self.common, "-R", work / "found.snort.rules",
                   "-k", "none", "-r", capture, "-A", "alert_csv", "--lua",
                   'alert_csv = { fields = "proto src_addr src_port dst_addr dst_port sid", '
                   "file = true }", "-l", work)
        loaded = self.loaded(said) - self.own
        found = defaultdict(set)
        log = work / "alert_csv.txt"
        for line in log.read_text().splitlines() if log.exists() else []:
            *ends, sid = line.replace(" ", "").split(",")
            found[int(sid)].add(connection(*ends))
        return loaded, found


class Zeek(Ids):
    def __init__(self):
        super().__init__("zeek", "--version")

    def alerts(self, work, capture, script):
        folder = work / f"zeek-{script}"
        folder.mkdir()
        shutil.copy(work / "found.sig", folder / "signatures.sig")
        shutil.copy(work / "wormsift.zeek", folder)
        (folder / "print.zeek").write_text(PRINT)
        how = ["./wormsift.zeek"] if script else ["-s", "./signatures.sig"]
        said = run(self.program, "-C", "-r", capture, *how, "./print.zeek", cwd=folder)
        found = defaultdict(set)
        for line in said.splitlines():
            # What Zeek has to say against a signature is not such a line.
            rule, *ends = line.split(" ")
            found[int(rule.removeprefix("wormsift-"))].add(connection(*ends))
        loaded = (folder / "signatures.sig").read_text().count("\nsignature wormsift-")
        return loaded, found


def rows_of_the_suite(binary, scenarios):
    """Each worm of the suite under each of its settings, where something is found."""
    which = [word for name in scenarios for word in ("--scenario", name)] or ["--suite", "standard"]
    text = run(binary, "evaluate", "-q", *which, "--seeds", "1", "--runs-only", "--json")
    for row in json.loads(text)["rows"]:
        if row["subject"] == "worm" and any(row[alarm]["detected"] for alarm in
                                            ("dispersion", "propagation")):
            yield row["name"], row["settings"]


def rows(binary, programs, work, scenario, settings):
    """A row for each rule, with what is wrong with it."""
    capture = work / "worm.pcap"
    run(binary, "generate", "-q", scenario, "--seed", "1", "-o", capture)
    (work / "settings.toml").write_text(settings + "\n")
    (work / "found.jsonl").write_text(
        run(binary, "detect", "-q", "--json", "--config", work / "settings.toml", capture))
    for form, name in [("suricata", "found.rules"), ("snort3", "found.snort.rules"),
                       ("zeek", "found.sig"), ("zeek-script", "wormsift.zeek")]:
        run(binary, "export", "-q", "--format", form, "--sids", work / "sids.json",
            "-o", work / name, work / "found.jsonl")
    rules, contents = rules_of(work / "found.rules"), list(worm(capture))
    said = {}
    for name, program, script in [("Suricata", programs[0], True), ("Snort", programs[1], True),
                                  ("Zeek", programs[2], True),
                                  ("Zeek, no script", programs[2], False)]:
        if program.program:
            loaded, said[name] = program.alerts(work, capture, script)
            assert loaded == len(rules), f"{name} loads {loaded} of {len(rules)} rules"
            assert said[name].keys() <= rules.keys(), (name, said[name].keys())
    for sid, (service, tokens) in rules.items():
        carrying = set().union(*(found for content, found in contents if in_common(tokens, content)))
        cells = {"scenario": scenario, "settings": settings.replace("\n", ", "),
                 "rule": f"{service} {sid - min(rules) + 1}", "connections": str(len(carrying) or "other")}
        wrong, others = [], []
        for name, found in said.items():
            beside = len(found[sid] - carrying)
            others.append(str(beside))
            seen = len(found[sid] & carrying)
            cells[name] = f"{seen} ({percent(seen, len(carrying))})" if carrying else "-"
            if carrying and beside:
                wrong.append(f"{name}: {beside} alerts on others")
        cells["on others"] = ", ".join(others) if set(others) != {"0"} else "0"
        yield cells, wrong


def percent(part, whole):
    """Nothing is called all that is not."""
    tenths = part * 1000 // whole
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10} %"


KEY = ["scenario", "settings", "rule"]


def written(page):
    """The rows of the table in the page, and the versions there."""
    table = page.partition(BEGIN)[2].partition(END)[0]
    found = {}
    for line in table.splitlines():
        if line.startswith("| ") and not line.startswith("| scenario"):
            cells = dict(zip(COLUMNS, (cell.strip().strip("`") for cell in line.strip("|").split("|"))))
            found[tuple(cells[name] for name in KEY)] = cells
    return found, dict(re.findall(r"(Suricata|Snort|Zeek) (\d[\d.]*\d)", table))


def table(lines, versions):
    shown = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for cells in lines:
        cells = {**cells, "settings": f"`{cells['settings']}`" if cells["settings"] else ""}
        shown.append("| " + " | ".join(cells[name] for name in COLUMNS) + " |")
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"With {named}:\n\n" + "\n".join(shown) + "\n"


def differences(cells, there, versions, versions_there):
    """Where the page says something else. Another version of a program may see more or less."""
    if there is None:
        return [f"{PAGE} has no such row"]
    same = [name for name in COLUMNS if name.split(",")[0] in versions
            and versions_there.get(name.split(",")[0]) == versions[name.split(",")[0]]]
    if len(same) == 4:
        same.append("on others")
    return [f"{PAGE} says {there[name]} for {name}" for name in ["connections", *same]
            if there[name] != cells[name]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("binary", type=Path)
    options = parser.parse_args()
    binary = options.binary.resolve()
    programs = [Suricata(), Snort(), Zeek()]
    versions = {name: program.version for name, program in zip(["Suricata", "Snort", "Zeek"], programs)
                if program.version}
    if not versions:
        return 0
    page = PAGE.read_text()
    if options.write and (not options.all or len(versions) < 3 or BEGIN not in page):
        print("--write needs --all, all three programs, and the marks in the page")
        return 1
    known, versions_there = written(page)
    lines, failed = [], 0
    for scenario, settings in rows_of_the_suite(binary, [] if options.all else FEW):
        with tempfile.TemporaryDirectory() as work:
            for cells, wrong in rows(binary, programs, Path(work), scenario, settings):
                lines.append(cells)
                if not options.write:
                    there = known.get(tuple(cells[name] for name in KEY))
                    wrong += differences(cells, there, versions, versions_there)
                failed += bool(wrong)
                print(" | ".join(cells.get(name, "-") for name in COLUMNS), *wrong, sep=" | ",
                      flush=True)
    if options.all and not options.write:
        for key in known.keys() - {tuple(cells[name] for name in KEY) for cells in lines}:
            failed += 1
            print(f"{PAGE} has a row of {key}, which the suite has not")
    if options.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(before + BEGIN + table(lines, versions) + END + rest.partition(END)[2])
    print(f"{len(lines)} rules in {', '.join(versions)}: {failed} not as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
