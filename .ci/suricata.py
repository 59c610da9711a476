"""Runs the plugin in a real Suricata over captures and compares it with `wormsift detect`.

For each scenario, run mode, stream setting and set of rules:
- `stream: no`, single: contents, ids, grades and every count are those of `detect`.
- `stream: yes`, single, a raw rule: they are those of a twin that follows the capture's TCP
  sessions itself (suricata_twin.py): each byte once, when it is acknowledged.
- `stream: yes`, single, other rules: Suricata lets streams go, and copies of segments come
  after that. Contents and ids are those of the twin, and each count lies between the twin's
  and that of the twin that takes copies as well.
- autofp: the same contents, and counts within 1 %.

What the twin finds may differ from what `detect` finds in two ways, both looked at:
- Copies: the twin that takes them has exactly the counts and grades of `detect`.
- Ends: bytes that were not acknowledged at the moment of the alarm. A content then lies in
  one of `detect`, or holds one, and has another id.
A row that is not as expected ends the run with 1.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import suricata_twin

FEW = ["tcp-exploit", "small-segments", "reordered", "mailing-list", "forged-sources", "slammer"]
RAW_RULE = 'alert tcp any any -> any any (content:"never to be seen 7f3a"; sid:1;)\n'
KEY = "c0ffee00c0ffee00c0ffee00c0ffee00"


def run(command, **more):
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )


def last_words(lines):
    """The summary of each signature that is no part of another, by id."""
    lines = [json.loads(line) for line in lines]
    return {line["id"]: line for line in lines
            if line["type"] == "summary" and not line.get("part_of")}


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = Path(options.work)
        base = Path(options.suricata, "etc/suricata/suricata.yaml").read_text()
        # The list `plugins:` may be there once.
        self.base = re.sub(r"(?m)^plugins:\n(?:[ #].*\n)*", "", base)
        self.rules = {
            "none": Path("/dev/null"),
            "shipped": self.shipped(),
            "raw": self.work / "raw.rules",
        }
        self.rules["raw"].write_text(RAW_RULE)
        self.key = self.work / "key"
        self.key.write_text(KEY + "\n")
        self.key.chmod(0o600)

    def shipped(self):
        """The rules that come with Suricata, in one file."""
        folder = Path(self.options.suricata, "share/suricata/rules")
        if not folder.is_dir():
            folder = Path(self.options.suricata, "etc/suricata/rules")
        path = self.work / "shipped.rules"
        path.write_text("".join(rules.read_text() for rules in sorted(folder.glob("*.rules"))))
        return path

    def capture(self, scenario):
        path = self.work / f"{scenario}.pcap"
        if not path.exists():
            made = run([self.options.wormsift, "generate", "-q", scenario, "--seed", "1",
                        "-o", str(path)])
            assert made.returncode == 0, made.stderr
        return path

    def detect(self, capture):
        done = run([self.options.wormsift, "detect", "-q", "--json", "--key-file", str(self.key),
                    "--sampling", suricata_twin.SAMPLING, str(capture)])
        assert done.returncode == 0, done.stderr
        return last_words(line for line in done.stdout.splitlines() if line)

    def twin(self, capture, copies):
        return last_words(suricata_twin.lines(self.options.library, KEY, capture, copies))

    def suricata(self, capture, mode, stream, rules, more=(), settings=""):
        """One run: the last words on each signature, its statistics, what it said."""
        folder = self.work / "run"
        run(["rm", "-rf", str(folder)])
        folder.mkdir()
        yaml = self.base + (
            f"\nplugins:\n  - {self.options.plugin}\n"
            f"wormsift:\n  stream: {stream}\n  key: {KEY}\n"
            f"  sampling: {suricata_twin.SAMPLING}\n{settings}"
        )
        (folder / "suricata.yaml").write_text(yaml)
        command = [f"{self.options.suricata}/bin/suricata", "-c", str(folder / "suricata.yaml"),
                   "-S", str(self.rules[rules]), "-l", str(folder), "--runmode", mode,
                   "-r", str(capture), *more]
        start = time.monotonic()
        done = run(command, timeout=600)
        took = time.monotonic() - start
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert "wormsift" in said, f"the plugin said nothing:\n{said}"
        bad = [line for line in said.splitlines() if re.match(r"(E|W|Error|Warning): wormsift", line)]
        lines = (folder / "wormsift.jsonl").read_text().splitlines()
        return last_words(lines), self.statistics(folder), bad, took

    @staticmethod
    def statistics(folder):
        found = {}
        log = folder / "stats.log"
        if log.exists():
            for line in log.read_text().splitlines():
                parts = [part.strip() for part in line.split("|")]
                if len(parts) == 3 and parts[0].startswith(("wormsift.", "capture.kernel_")):
                    found[parts[0].removeprefix("wormsift.")] = int(parts[2])
        return found


COUNTS = ["packets", "sources", "destinations", "spread"]


def compare(found, least, most, share):
    """What is wrong with a run, in words: counts lie between those of two others, but for a
    share of them."""
    wrong = [f"not found: {id[:12]}" for id in least.keys() - found.keys()]
    wrong += [f"found beside: {id[:12]}" for id in found.keys() - least.keys()]
    for id in least.keys() & found.keys():
        for name in ["content_hex", "confidence"]:
            if found[id][name] != least[id][name]:
                wrong.append(f"{id[:12]}: another {name}")
        for name in COUNTS:
            low, high = sorted([least[id][name], most.get(id, least[id])[name]])
            got, room = found[id][name], max(1, share * high) if share else 0
            if not low - room <= got <= high + room:
                wrong.append(f"{id[:12]}: {name} {got} for {low} to {high}")
    return sorted(wrong)


def explain(copied, truth):
    """Whether what a twin that takes copies finds is what `detect` finds: what is wrong, and
    the contents that end elsewhere."""
    of_twin, of_truth = dict(copied), dict(truth)
    pairs = [(of_twin.pop(id), of_truth.pop(id)) for id in copied.keys() & truth.keys()]
    ends = []
    for id, mine in list(of_twin.items()):
        for other, theirs in list(of_truth.items()):
            one, two = sorted([mine["content_hex"], theirs["content_hex"]], key=len)
            if one in two:
                pairs.append((of_twin.pop(id), of_truth.pop(other)))
                ends.append(f"{other[:12]} ends elsewhere")
                break
    wrong = [f"twin: not found: {id[:12]}" for id in of_truth]
    wrong += [f"twin: found beside: {id[:12]}" for id in of_twin]
    for mine, theirs in pairs:
        wrong += [f"twin: {theirs['id'][:12]}: {name} {mine[name]} for {theirs[name]}"
                  for name in [*COUNTS, "confidence"] if mine[name] != theirs[name]]
    return wrong, ends


def most_packets(summaries):
    return max((line["packets"] for line in summaries.values()), default=0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", action="append")
    for name in ["suricata", "plugin", "library", "wormsift", "work"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--table")
    options = parser.parse_args()
    bench = Bench(options)
    scenarios = options.only or FEW
    if options.all and not options.only:
        text = run([options.wormsift, "generate", "--help"]).stdout
        listed = re.search(r"possible values: ([^\]]*)\]", text).group(1)
        scenarios = [name.strip() for name in listed.split(",")]
    rows, failed = [], 0
    for scenario in scenarios:
        capture = bench.capture(scenario)
        truth = bench.detect(capture)
        once, copied = bench.twin(capture, False), bench.twin(capture, True)
        wrong, ends = explain(copied, truth)
        copies = most_packets(copied) - most_packets(once)
        if wrong:
            failed += 1
            print(scenario, "; ".join(wrong), flush=True)
        for mode in ["single", "autofp"]:
            for stream in ["no", "yes"]:
                for rules in ["none", "shipped", "raw"]:
                    if not options.all and (rules == "shipped" or mode == "autofp" and rules == "raw"):
                        continue
                    found, counts, bad, took = bench.suricata(capture, mode, stream, rules)
                    least, most = (truth, truth) if stream == "no" else (once, copied)
                    if rules == "raw":
                        most = least
                    wrong = compare(found, least, most, 0 if mode == "single" else 0.01) + bad
                    failed += bool(wrong)
                    row = [scenario, mode, stream, rules, f"{len(found)}/{len(truth)}",
                           f"{most_packets(found)}/{most_packets(truth)}", str(copies),
                           str(counts.get("released_bytes", 0)),
                           str(counts.get("late_packets", 0)),
                           "; ".join(wrong + (ends if stream == "yes" else [])) or "as expected"]
                    rows.append(row)
                    print(" ".join(row), f"({took:.1f}s)", flush=True)
        if options.all:
            os.remove(capture)
    if options.table:
        head = ["scenario", "run mode", "stream", "rules", "signatures", "packets", "copies",
                "released bytes", "late", "result"]
        lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
        Path(options.table).write_text("\n".join(lines) + "\n")
    print(f"{len(rows)} runs in Suricata, {failed} not as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
