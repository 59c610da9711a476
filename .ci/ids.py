"""Writes a capture with one content over ICMP, ICMPv6 and UDP over IPv6, and the lines of
their signatures: icmp.pcap and icmp.jsonl in the folder that is given."""

import json
import pathlib
import struct
import sys

work = pathlib.Path(sys.argv[1])
BODY = bytes(range(0x80, 0x90)) + b"; a body that spreads |over| ICMP"


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(kind, packet):
    return b"\2\0\0\0\0\2\2\0\0\0\0\1" + struct.pack("!H", kind) + packet


def over_4(host, protocol, data):
    ends = bytes([192, 0, 2, host, 198, 51, 100, host])
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 1, 0, 64, protocol, 0) + ends
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet(0x0800, head + data)


def over_6(host, protocol, data, at):
    ends = b"".join(bytes.fromhex("20010db8") + bytes([0, side] + 9 * [0] + [host]) for side in (1, 2))
    pseudo = ends + struct.pack("!II", len(data), protocol)
    data = data[:at] + struct.pack("!H", checksum(pseudo + data)) + data[at + 2:]
    return ethernet(0x86DD, struct.pack("!IHBB", 6 << 28, len(data), protocol, 64) + ends + data)


def echo_4(host, kind):
    data = struct.pack("!BBHHH", kind, 0, 0, host, 1) + BODY
    return over_4(host, 1, data[:2] + struct.pack("!H", checksum(data)) + data[4:])


def echo_6(host, kind):
    return over_6(host, 58, struct.pack("!BBHHH", kind, 0, 0, host, 1) + BODY, 2)


def udp_6(host, port):
    return over_6(host, 17, struct.pack("!HHHH", 40_000, port, 8 + len(BODY), 0) + BODY, 6)


# Replies and another port are none of the signatures' business.
frames = [echo_4(1, 8), echo_4(2, 8), echo_6(1, 128), echo_6(2, 128), udp_6(3, 4444),
          echo_6(4, 129), udp_6(5, 4445)]
capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
for second, frame in enumerate(frames):
    capture += struct.pack("<IIII", 1_700_000_000 + second, 0, len(frame), len(frame)) + frame
(work / "icmp.pcap").write_bytes(capture)

found = [json.loads(line) for line in (work / "found.jsonl").read_text().splitlines()]
last = next(one for one in found if one["type"] == "summary")
lines = []
for number, (protocol, port) in enumerate([("icmp", 8 << 8), ("icmpv6", 128 << 8), ("udp", 4444)]):
    one = {**last, "id": f"{number:032x}", "protocol": protocol, "port": port,
           "port_rule": "destination", "content_hex": BODY.hex(), "tokens_hex": [BODY.hex()],
           "samples": []}
    lines.append(json.dumps(one) + "\n")
(work / "icmp.jsonl").write_text("".join(lines))
