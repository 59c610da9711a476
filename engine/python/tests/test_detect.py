"""Runs over captures."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

import wormsift


def without_time(lines: list[str]) -> list[str]:
    """The lines, with the one value that differs from run to run taken out."""
    stats = json.loads(lines[-1])
    seconds = stats["run"]["seconds"]
    assert seconds >= 0
    return [*lines[:-1], lines[-1].replace(f'"seconds":{json.dumps(seconds)}', '"seconds":0', 1)]


def of_tool(tool: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        [tool, "detect", "--json", "-q", *arguments], capture_output=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr.decode()
    return done.stdout.decode().splitlines()


def lines_of(run: wormsift.Run) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wormsift.InputWarning)
        return list(run.lines())


CASES: list[tuple[list[str], dict[str, object]]] = [
    ([], {}),
    (["--sources", "5", "--destinations", "5"], {"sources": 5, "destinations": 5}),
    (["--sampling", "64", "--port-rule", "destination"], {"sampling": "64", "port_rule": "destination"}),
    (["--dark", "203.0.113.0/24", "--decoys", "198.51.100.0/28"],
     {"dark": "203.0.113.0/24", "decoys": ["198.51.100.0/28"]}),
    (["--filter", "udp", "--count", "1500"], {"filter": "udp", "count": 1500}),
    (["--only-net", "10.0.0.0/8", "--home-net", "10.0.0.0/8"],
     {"only_net": "10.0.0.0/8", "home_net": ["10.0.0.0/8"]}),
]


@pytest.mark.parametrize("flags, settings", CASES)
def test_lines_are_those_of_the_tool(
    tool: Path, trace: Path, flags: list[str], settings: dict[str, object]
) -> None:
    expected = of_tool(tool, "--threads", "2", *flags, str(trace))
    run = wormsift.detect(trace, threads=2, **settings)  # type: ignore[arg-type]
    assert without_time(lines_of(run)) == without_time(expected)
    assert len(expected) > 1


@pytest.mark.parametrize("folder", ["benign", "attack", "malformed", "silent"])
def test_lines_over_real_captures_are_those_of_the_tool(
    tool: Path, captures: Path, folder: str
) -> None:
    given = captures / folder
    if not given.is_dir():
        pytest.skip(f"no {given}")
    flags = ["--sources", "3", "--destinations", "3", "--count", "150000"]
    expected = of_tool(tool, *flags, str(given))
    run = wormsift.detect(given, sources=3, destinations=3, count=150_000)
    assert without_time(lines_of(run)) == without_time(expected)


def test_lines_of_a_corpus_of_taps_mutes_and_durations(tool: Path, tmp_path: Path) -> None:
    one = wormsift.generate("outbreak", tmp_path / "one.pcapng", seed=3)
    two = wormsift.generate("outbreak", tmp_path / "two.pcapng.zst", seed=4)
    expected = of_tool(tool, "--tap", f"edge={one.path}", "--tap", f"core={two.path}")
    run = wormsift.detect(taps={"edge": one, "core": two})
    assert without_time(lines_of(run)) == without_time(expected)

    first = next(iter(wormsift.detect(one)))
    mute = tmp_path / "mute"
    subprocess.run(
        [tool, "mute", first.id, "--reason", "known", "--never", "--file", mute],
        check=True, capture_output=True,
    )
    durations = tmp_path / "durations.csv"
    durations.write_text("prefix,seconds\n0.0.0.0/0,3600\n0.0.0.0/0,7200\n")
    expected = of_tool(tool, "--mute", str(mute), "--durations", str(durations), str(one.path))
    run = wormsift.detect(one, mute=mute, durations=durations)
    lines = lines_of(run)
    assert without_time(lines) == without_time(expected)
    assert any('"muted":{' in line for line in lines)
    assert first.id not in [it.id for it in run]
    assert first.id in run.signatures["id"]


def test_signatures_come_as_they_are_found(trace: Path) -> None:
    run = wormsift.detect(trace)
    first = next(iter(run))
    assert not run.finished
    assert first.word == "signature" and first.confidence in ("low", "medium", "high")
    assert len(first.content) > 40 and first.relays and first.reasons
    again = list(run)
    assert again[0] == first and run.finished
    assert [it.id for it in run] == [it.id for it in again]
    last = run.findings()[0]
    assert last.id == first.id and last.word == "summary" and last.packets >= first.packets
    assert last != first and hash(last) == hash(first)
    assert json.loads(last.to_json())["id"] == last.to_dict()["id"] == last.id
    assert wormsift.Signature.from_json(last.to_json()) == last
    assert abs(last.first_seen.timestamp() * 1e9 - last.first_seen_ns) < 1_000_000
    assert run.stats["packet_counters"]["frames"] == run.stats["selection"]["selected"]


def test_a_capture_in_memory_gives_what_its_file_gives(tmp_path: Path) -> None:
    corpus = wormsift.generate("outbreak", seed=7)
    file = wormsift.generate("outbreak", tmp_path / "same.pcapng", seed=7)
    assert corpus.capture_bytes == (tmp_path / "same.pcapng").read_bytes()
    assert corpus.truth == file.truth == json.loads((tmp_path / "same.truth.json").read_text())
    runs = [wormsift.detect(it) for it in (corpus, corpus.capture_bytes, file, tmp_path / "same.pcapng")]
    lines = [lines_of(run)[:-1] for run in runs]
    assert lines[0] == lines[1] == lines[2] == lines[3]
    assert corpus.contents[0] == [next(iter(runs[0])).content]


def test_a_baseline_silences_what_it_knows(tmp_path: Path) -> None:
    corpus = wormsift.generate("outbreak", seed=7)
    assert list(wormsift.detect(corpus))
    learned = wormsift.learn(corpus, output=tmp_path / "known")
    assert 0 < learned.contents <= learned.capacity and learned.refused == 0
    assert not list(wormsift.detect(corpus, baseline=tmp_path / "known"))
    with pytest.raises(wormsift.InputError, match="learned with"):
        wormsift.detect(corpus, baseline=tmp_path / "known", beta=32)


def test_match_counts_what_the_tool_counts(tool: Path, trace: Path, tmp_path: Path, found: wormsift.Run) -> None:
    jsonl = tmp_path / "found.jsonl"
    jsonl.write_text("\n".join(found.lines()) + "\n")
    done = subprocess.run(
        [tool, "match", "-q", "--json", "--hits", "--signatures", jsonl, trace],
        capture_output=True, check=True,
    )
    for signatures in (found, jsonl, [jsonl], wormsift.read_signatures(jsonl)):
        matches = wormsift.match(signatures, trace, hits=True)
        assert matches.lines() == done.stdout.decode().splitlines()
    assert matches.matched == len({row["packet"] for row in matches.hits.to_pylist()}) > 0
    assert matches.signatures["packets"][0] > 0
    assert sum(matches.signatures["packets"]) == len(matches.hits)


def test_rules_and_evidence(tool: Path, trace: Path, tmp_path: Path, found: wormsift.Run) -> None:
    first = found.findings()[0]
    assert first.rule().startswith("alert udp ") and "sid:1500000; rev:1;" in first.rule()
    for form in ("suricata", "snort3", "zeek", "yara", "eve", "stix", "misp"):
        assert first.rule(form, sid=7)
    assert wormsift.rules(found.findings()).splitlines()[0] == first.rule()
    with pytest.raises(ValueError, match="format: expected suricata"):
        first.rule("snort2")  # type: ignore[arg-type]
    copied = first.evidence(tmp_path / "one.pcapng")
    assert 0 < copied <= len(first.samples) + 1
    assert found.evidence(tmp_path / "all.pcapng") >= copied
    subprocess.run(
        [tool, "detect", "-q", "--write-evidence", tmp_path / "tool.pcapng", trace],
        check=True, capture_output=True,
    )
    assert (tmp_path / "all.pcapng").read_bytes() == (tmp_path / "tool.pcapng").read_bytes()


def test_an_explanation_is_that_of_the_tool(tool: Path, trace: Path, tmp_path: Path, found: wormsift.Run) -> None:
    jsonl = tmp_path / "found.jsonl"
    jsonl.write_text("\n".join(found.lines()) + "\n")
    first = found.findings()[0]

    def of_tool(*captures: Path) -> str:
        command: list[str | Path] = [tool, "explain", "-q", first.id, "--signatures", jsonl, *captures]
        return subprocess.run(command, capture_output=True, check=True).stdout.decode()

    assert first.explain() == of_tool()
    assert first.explain(follow=True) == of_tool(trace) != of_tool()
    with pytest.raises(wormsift.InputError, match="not found in captures"):
        wormsift.Signature.from_json(first.to_json()).explain(follow=True)


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    with pytest.raises(wormsift.InputError, match="nothing.pcap"):
        wormsift.detect(tmp_path / "nothing.pcap")
    whole = wormsift.generate("outbreak", seed=7).capture_bytes
    assert whole is not None
    run = wormsift.detect(whole[:-5])
    with pytest.warns(wormsift.InputWarning, match="memory"):
        run.finish()
    assert len(run.damage) == 1
    empty = wormsift.detect(whole, filter="port 1")
    lines = list(empty.lines())
    assert json.loads(lines[0])["type"] == "warning" and "none of" in empty.warnings[0]
    with pytest.raises(ValueError, match="filter: "):
        wormsift.detect(whole, filter="port")
    with pytest.raises(ValueError, match="either captures or taps"):
        wormsift.detect()


def test_times_choose_packets(trace: Path, found: wormsift.Run) -> None:
    import datetime

    first = min(found.signatures["first_seen"])
    at = datetime.datetime.fromtimestamp(first // 10**9, datetime.UTC)
    counts = [
        wormsift.detect(trace, until=it).stats["selection"]["selected"]
        for it in (first - first % 10**9, float(first // 10**9), at)
    ]
    assert counts[0] == counts[1] == counts[2] < found.stats["selection"]["selected"]
    with pytest.raises(ValueError, match="naive"):
        wormsift.detect(trace, since=at.replace(tzinfo=None))


INTERRUPTED = """
import os, signal, sys, threading, time
import wormsift
told = []
def interrupt():
    told.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.4, interrupt).start()
try:
    for _ in range(1000):
        list(wormsift.detect(sys.argv[1:], threads=1))
except KeyboardInterrupt:
    print(time.monotonic() - told[0])
"""


def test_ctrl_c_ends_a_run_soon(trace: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.pcapng"
    wormsift.generate("outbreak", large, packets=300_000, background_hosts=200, background_rate=5.0)
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(large)], capture_output=True, timeout=60, check=False
    )
    assert done.stdout, done.stderr.decode()
    # The time is not judged: machines are shared. It is shown, and far from the length of the run.
    print(f"interrupted after {float(done.stdout):.3f} s")
    assert float(done.stdout) < 10


def test_a_waiting_run_is_interrupted() -> None:
    code = INTERRUPTED.replace("list(wormsift.detect(sys.argv[1:], threads=1))", "list(wormsift.detect('-'))")
    begin = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        said = child.stdout.read()
        assert float(said) < 10 and time.monotonic() - begin < 30


def test_other_threads_go_on_while_a_run_sifts(tmp_path: Path) -> None:
    import threading

    large = tmp_path / "large.pcapng"
    wormsift.generate("outbreak", large, packets=200_000, background_hosts=200, background_rate=5.0)
    ticks = 0
    ended = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not ended.is_set():
            ticks += 1
            time.sleep(0.001)

    other = threading.Thread(target=count)
    other.start()
    wormsift.detect(large).finish()
    ended.set()
    other.join()
    # With the lock held it would tick once or twice.
    assert ticks > 20


def test_objects_describe_themselves(found: wormsift.Run) -> None:
    first = found.findings()[0]
    incident = found.incident_list()[0]
    shown: list[object] = [
        found, first, first.relays[0], first.samples[0], incident, incident.hosts[0], found.signatures,
        found.lines(), iter(found), wormsift.Config(sources=3), wormsift.Sensor(),
        wormsift.generate("outbreak", packets=100),
    ]
    for it in shown:
        assert type(it).__name__ in repr(it) and type(it).__module__ == "wormsift"
        assert type(it).__doc__
    assert "sources=3" in repr(wormsift.Config(sources=3))
    assert incident.signatures == [it.id for it in found.findings() if it.incident == incident.id]
