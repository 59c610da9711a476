"""Holds the exported rules against programs and schemas of others."""

# Of EVE's alerts, what those who read them rely on; additional keys are refused there.
EVE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["timestamp", "event_type", "src_ip", "dest_ip", "proto", "alert"],
    "properties": {
        "timestamp": {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+[+-]\d+$",
        },
        "event_type": {"const": "alert"},
        "src_ip": {"type": "string"},
        "dest_ip": {"type": "string"},
        "src_port": {"type": "integer", "minimum": 0, "maximum": 65_535},
        "dest_port": {"type": "integer", "minimum": 0, "maximum": 65_535},
        "proto": {"type": "string"},
        "pcap_cnt": {"type": "integer", "minimum": 1},
        "flow_id": {"type": "integer", "minimum": 1},
        "in_iface": {"type": "string"},
        "ip_v": {"enum": [4, 6]},
        "icmp_type": {"type": "integer"},
        "icmp_code": {"type": "integer"},
        "alert": {
            "type": "object",
            "additionalProperties": False,
            "required": ["action", "gid", "signature_id", "rev", "signature",
                         "category", "severity"],
            "properties": {
                "action": {"const": "allowed"},
                "gid": {"const": 1},
                "signature_id": {"type": "integer", "minimum": 1_500_000},
                "rev": {"type": "integer", "minimum": 1},
                "signature": {"type": "string"},
                "category": {"type": "string"},
                "severity": {"enum": [2, 3]},
                "metadata": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}

import json
import pathlib
import re
import subprocess
import sys

import jsonschema
import pymisp
import suricataparser
import yara_x

work = pathlib.Path(sys.argv[1])
text = {path.name: path.read_text() for path in work.glob("found.*") if path.is_file()}
found = [json.loads(line) for line in text["found.jsonl"].splitlines()]
last = {one["id"]: one for one in found if one["type"] == "summary"}
contents = {bytes.fromhex(one["content_hex"]) for one in last.values()}
tokens = {bytes.fromhex(token) for one in last.values() for token in one["tokens_hex"]}
assert contents <= tokens, "a signature without its content"
assert any(len(one["tokens_hex"]) > 1 for one in last.values()), "no rule of several tokens"


def hexadecimal(rule):
    return [bytes.fromhex(part) for part in re.findall(r'content:"\|([0-9A-F ]+)\|"', rule)]


rules = text["found.rules"].splitlines()
# Several signatures of one body have the same tokens, and make one rule.
same = {(one["protocol"], one["port"], *one["tokens_hex"]) for one in last.values()}
assert len(rules) == len(same) < len(last)
several = [line for line in rules if line.count("content:") > 1]
assert several and all("distance:0" in line for line in several)
for line in rules:
    parsed = suricataparser.parse_rule(line)
    assert parsed is not None and parsed.enabled and parsed.action == "alert", line
    assert parsed.sid >= 1_500_000 and parsed.rev == 1
    for part in hexadecimal(line):
        assert any(part in token for token in tokens), "bytes that were not found"

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

# The payloads of the samples: UDP over IPv4 over Ethernet, in a plain pcap.
packets, at = [], 24
capture = (work / "poly.pcap").read_bytes()
nanos = capture[:4] in (b"\x4d\x3c\xb2\xa1", b"\xd4\xc3\xb2\xa1")
assert nanos, "not the pcap that was asked for"
while at < len(capture):
    length = int.from_bytes(capture[at + 8:at + 12], "little")
    packets.append(capture[at + 16 + 14 + 20 + 8:at + 16 + length])
    at += 16 + length
for one in last.values():
    parts = [bytes.fromhex(token) for token in one["tokens_hex"]]
    if len(parts) == 1:
        around = b"before" + parts[0] + b"after"
        assert compiled.scan(around).matching_rules, "YARA finds nothing"
        continue
    for sample in one["samples"]:
        payload = packets[sample["packet"] - 1]
        assert compiled.scan(payload).matching_rules, "YARA finds nothing in a source packet"
assert not compiled.scan(bytes(4_096)).matching_rules

event = pymisp.MISPEvent()
event.load(json.loads(text["found.misp.json"]))
assert any(one.type == "snort" for one in event.attributes)
# Older instances refuse a whole event for one attribute that they do not know.
for version in work.glob("pymisp-*"):
    known = json.loads((version / "pymisp/data/describeTypes.json").read_text())["result"]
    for one in event.attributes:
        assert one.type in known["category_type_mappings"][one.category], f"{version}: {one.type}"
assert len(list(work.glob("pymisp-*"))) == 2

# Lines of every type against the committed schema.
schema = json.loads(pathlib.Path("engine/export/schema/wormsift-2.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
ours = jsonschema.Draft202012Validator(schema)
kinds = set()
for path in [*sorted(work.glob("lines.*.jsonl")), work / "found.jsonl",
             pathlib.Path("engine/export/schema/full.jsonl")]:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        one = json.loads(line)
        wrong = next(iter(ours.iter_errors(one)), None)
        assert wrong is None, f"{path}: line {number}: {wrong.json_path}: {wrong.message}"
        kinds.add(one["type"])
told = {rule["if"]["properties"]["type"]["const"] for rule in schema["allOf"]}
assert kinds == told, f"types of lines not seen: {told - kinds}, not told: {kinds - told}"
bad = json.loads(text["found.jsonl"].splitlines()[0])
for change in ({"id": "x"}, {"port": -1}, {"schema": "wormsift/1"}, {"relays": None}):
    assert not ours.is_valid({**bad, **change}), f"the schema takes {change}"

for line in text["found.eve.jsonl"].splitlines():
    alert = json.loads(line)
    jsonschema.validate(alert, EVE)
print(f"{len(rules)} rules accepted by suricata-check, suricataparser, YARA-X, jsonschema, PyMISP")
