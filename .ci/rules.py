"""Holds the exported rules against programs and schemas of others."""

import json
import pathlib
import re
import subprocess
import sys

import pymisp
import suricataparser
import yara_x

work = pathlib.Path(sys.argv[1])
text = {path.name: path.read_text() for path in work.glob("found.*") if path.is_file()}
found = [json.loads(line) for line in text["found.jsonl"].splitlines()]
contents = {
    bytes.fromhex(one["content_hex"]) for one in found if one["type"] == "signature"
}
assert contents, "nothing was found to make rules of"


def hexadecimal(rule):
    return [bytes.fromhex(part) for part in re.findall(r'content:"\|([0-9A-F ]+)\|"', rule)]


rules = text["found.rules"].splitlines()
assert len(rules) == len(contents)
for line in rules:
    parsed = suricataparser.parse_rule(line)
    assert parsed is not None and parsed.enabled and parsed.action == "alert", line
    assert parsed.sid >= 1_500_000 and parsed.rev == 1
    for part in hexadecimal(line):
        assert any(part in content for content in contents), "bytes that were not found"

checked = subprocess.run(
    [pathlib.Path(sys.executable).parent / "suricata-check", "-r",
     str(work / "found.rules"), "-o", str(work)],
    capture_output=True, text=True, check=False,
)
assert checked.returncode == 0, checked.stderr
report = (work / "suricata-check.jsonl").read_text()
mandatory = re.findall(r'"code": "(M\d{3})"', report)
assert report and not mandatory, f"suricata-check: {mandatory}"

compiled = yara_x.compile(text["found.yar"])
for content in contents:
    assert compiled.scan(b"before" + content + b"after").matching_rules, "YARA finds nothing"
assert not compiled.scan(bytes(4_096)).matching_rules

event = pymisp.MISPEvent()
event.load(json.loads(text["found.misp.json"]))
assert any(one.type == "suricata" for one in event.attributes)

for line in text["found.eve.jsonl"].splitlines():
    alert = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+[+-]\d+", alert["timestamp"])
    assert alert["event_type"] == "alert" and alert["alert"]["action"] == "allowed"
    assert all(isinstance(v, list) for v in alert["alert"]["metadata"].values())
print(f"{len(rules)} rules accepted by suricata-check, suricataparser, YARA-X, PyMISP")
