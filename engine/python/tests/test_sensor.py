"""Packets from the caller."""

from __future__ import annotations

import ipaddress
import struct
from typing import Any

import pytest

import wormsift


def worm() -> list[dict[str, Any]]:
    """A host is infected by the one before it, and attacks three others."""
    body = bytes(i * i % 251 for i in range(300))
    return [
        {
            "time": step * 100_000_000,
            "source": f"10.0.0.{step // 3}",
            "destination": f"10.0.0.{step // 3 + 1 + step % 3 * 20}",
            "protocol": 17,
            "source_port": 5_000,
            "destination_port": 4_444,
            "payload": body,
        }
        for step in range(30)
    ]


def finished(sensor: wormsift.Sensor) -> list[str]:
    sensor.finish()
    return sensor.lines()


def expected() -> list[str]:
    sensor = wormsift.Sensor()
    for packet in worm():
        sensor.observe(**packet)
    return finished(sensor)


def test_packets_give_the_worm() -> None:
    sensor = wormsift.Sensor()
    for packet in worm():
        sensor.observe(**packet)
    sensor.advance(10_000_000_000)
    assert len(sensor.signatures) == 1
    sensor.finish()
    found = sensor.findings()
    assert found[0].word == "signature" and found[0].content == worm()[0]["payload"]
    assert found[0].relays and sensor.findings() == []
    assert sensor.incidents() and sensor.incidents() == []
    assert sensor.stats["packet_counters"]["packets"] == 30
    assert len(sensor.events()) == 0 and sensor.warnings() == []


@pytest.mark.parametrize("threads", [1, 2])
def test_forms_of_packets_are_equal(threads: int) -> None:
    def packets(**changes: Any) -> list[str]:
        sensor = wormsift.Sensor(threads=threads)
        for packet in worm():
            for name, change in changes.items():
                packet[name] = change(packet[name])
            sensor.observe(*packet.values())
        return finished(sensor)

    same = expected()
    assert any('"type":"signature"' in line for line in same)
    assert packets(payload=bytearray) == same
    assert packets(payload=memoryview) == same
    assert packets(source=lambda it: ipaddress.ip_address(it).packed) == same
    assert packets(source=ipaddress.ip_address, destination=ipaddress.ip_address) == same
    assert packets(time=lambda it: it / 1e9) == same


def columns_of_lists() -> dict[str, list[Any]]:
    packets = worm()
    return {name: [packet[name] for packet in packets] for name in packets[0]}


def test_batches_are_equal_to_packets() -> None:
    same = expected()
    for form in ("lists", "numpy", "arrays", "table", "polars", "pandas"):
        columns: Any = columns_of_lists()
        addresses = [int(ipaddress.ip_address(it)) for it in columns["source"]]
        if form == "numpy":
            numpy = pytest.importorskip("numpy")
            columns["time"] = numpy.array(columns["time"]).astype("datetime64[ns]")
            columns["source"] = numpy.array(addresses, dtype="uint32")
            packed = b"".join(ipaddress.ip_address(it).packed for it in columns["destination"])
            columns["destination"] = numpy.frombuffer(packed, dtype="uint8").reshape(-1, 4)
            columns["protocol"] = numpy.array(columns["protocol"])
            columns["source_port"] = numpy.array(columns["source_port"], dtype="uint16")
            columns["destination_port"] = numpy.array([0, 4_444] * 30)[1::2]
            lengths = [len(it) for it in columns["payload"]]
            whole = numpy.frombuffer(b"".join(columns["payload"]), dtype="uint8")
            columns["payload"] = (whole, numpy.cumsum([0, *lengths]))
        elif form != "lists":
            pyarrow = pytest.importorskip("pyarrow")
            columns["time"] = pyarrow.array(columns["time"], pyarrow.timestamp("ns", "UTC"))
            table = pyarrow.table(columns)
            if form == "arrays":
                columns = {name: table.column(name).combine_chunks() for name in table.column_names}
            elif form == "polars":
                columns = pytest.importorskip("polars").DataFrame(table)
            elif form == "pandas":
                pandas = pytest.importorskip("pandas")
                if not hasattr(pandas.DataFrame, "from_arrow"):
                    continue
                columns = pandas.DataFrame.from_arrow(table)
            else:
                columns = table
        sensor = wormsift.Sensor()
        assert sensor.observe_batch(columns) == 30, form
        assert finished(sensor) == same, form


def test_frames_are_what_a_capture_gives() -> None:
    corpus = wormsift.generate("outbreak", seed=7)
    capture = corpus.capture_bytes
    assert capture is not None
    times, frames, at = [], [], 0
    while at < len(capture):
        kind, length = struct.unpack_from("<II", capture, at)
        if kind == 6:
            _, high, low, captured, _ = struct.unpack_from("<IIIII", capture, at + 8)
            times.append(high << 32 | low)
            frames.append(capture[at + 28 : at + 28 + captured])
        at += length
    assert len(frames) == corpus.packets
    sensor = wormsift.Sensor()
    for start in range(0, len(frames), 1_000):
        part = slice(start, start + 1_000)
        assert sensor.frames(times[part], frames[part]) == len(frames[part])
    lines = list(wormsift.detect(corpus).lines())
    # What is told at once is told by kinds.
    assert sorted(finished(sensor)) == sorted(lines[:-1])


def test_where_something_is_wrong_nothing_is_taken() -> None:
    sensor = wormsift.Sensor()
    good = columns_of_lists()

    def wrong(message: str, kind: type[Exception] = ValueError, **changes: Any) -> None:
        with pytest.raises(kind, match=message):
            sensor.observe_batch({**good, **changes})

    wrong("column source, row 3: expected an IP address, found `x`",
          source=[*good["source"][:3], "x", *good["source"][4:]])
    wrong("column protocol, row 0: expected a number of 8 bits, found 256", protocol=[256] * 30)
    wrong("column payload: expected 30 rows, found 29", payload=good["payload"][1:])
    wrong("found `colour`", colour=[1] * 30)
    wrong("column time, row 0", time=[-1] * 30)
    wrong("tap: expected a number below 1, found 1", tap=[1] * 30)
    wrong("column payload, row 0", TypeError, payload=["text"] * 30)
    wrong("payload: expected ascending offsets", payload=(b"1234", [0, 5] + [5] * 29))
    with pytest.raises(ValueError, match="column payload is missing"):
        sensor.observe_batch({name: it for name, it in good.items() if name != "payload"})
    with pytest.raises(TypeError):
        sensor.observe_batch(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="as many times as frames"):
        sensor.frames([1], [])
    with pytest.raises(TypeError, match="payload: expected bytes"):
        sensor.observe(1, "10.0.0.1", "10.0.0.2", 17, 1, 2, "text")  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        sensor.observe(1, "10.0.0.1", "10.0.0.2", 17, 70_000, 2, b"")
    with pytest.raises(ValueError):
        sensor.observe(-1, "10.0.0.1", "10.0.0.2", 17, 7, 2, b"")
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({**good, "protocol": pyarrow.array([17] * 29 + [None])})
    with pytest.raises(ValueError, match="column protocol, row 29: expected a value, found null"):
        sensor.observe_batch(table)
    assert sensor.stats["packet_counters"]["frames"] == 0


def test_time_moves_on_without_packets() -> None:
    sensor = wormsift.Sensor()
    for packet in worm():
        sensor.observe(**packet)
    assert sensor.observe_batch(columns_of_lists()) == 30
    sensor.advance(60_000_000_000)
    assert sensor.findings()
