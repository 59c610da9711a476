"""Rates of the package beside those of the tool and of the library alone, by turns.

    python speed.py TOOL OBSERVE [PACKETS [TURNS]]

TOOL is `wormsift`, OBSERVE the example `observe`. Prints medians of the turns and their ratios.
Nothing is judged: machines are shared."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

import wormsift

COLUMNS = {
    "time": "u8", "source": "u4", "destination": "u4", "protocol": "u1", "source_port": "u2",
    "destination_port": "u2", "flags": "u1", "sequence": "u4", "acknowledgement": "u4",
}


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def by_turns(turns: int, works: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of what each gives, each once a turn."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(turns):
        for name, work in works.items():
            taken[name].append(work())
    return {name: statistics.median(values) for name, values in taken.items()}


def detect(tool: str, folder: Path, packets: int, turns: int) -> None:
    capture = folder / "capture.pcapng"
    wormsift.generate("outbreak", capture, packets=packets, background_hosts=200, background_rate=2.0)

    # Seconds of processors: other programs on the machine change them less than they change time.
    spent: dict[str, list[float]] = {}

    def processor(name: str, who: int, work: Callable[[], object]) -> float:
        begin = resource.getrusage(who)
        took = seconds(work)
        end = resource.getrusage(who)
        used = end.ru_utime - begin.ru_utime + end.ru_stime - begin.ru_stime
        spent.setdefault(name, []).append(used)
        return took

    def of_tool(threads: int) -> Callable[[], float]:
        command = [tool, "detect", "--json", "-q", "--threads", str(threads), str(capture)]
        run = lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        return lambda: processor(f"tool {threads}", resource.RUSAGE_CHILDREN, run)

    def of_python(threads: int) -> Callable[[], float]:
        run = lambda: list(wormsift.detect(capture, threads=threads).lines())
        return lambda: processor(f"Python {threads}", resource.RUSAGE_SELF, run)

    taken = by_turns(turns, {
        "tool, 1 thread": of_tool(1), "Python, 1 thread": of_python(1),
        "tool, 2 threads": of_tool(2), "Python, 2 threads": of_python(2),
    })
    print(f"detect over {packets} packets, {capture.stat().st_size / 1e6:.0f} MB:")
    for name, took in taken.items():
        print(f"  {name}: {took:.3f} s, {packets / took / 1e6:.2f} M packets/s")
    for threads in ("1 thread", "2 threads"):
        print(f"  rate of Python / rate of the tool, {threads}: "
              f"{taken[f'tool, {threads}'] / taken[f'Python, {threads}']:.3f}")
    used = {name: statistics.median(values) for name, values in spent.items()}
    print(f"  processor time of the tool / of Python, 1 thread: {used['tool 1'] / used['Python 1']:.3f}")
    for name in ("tool", "Python"):
        print(f"  {name}, 2 threads / 1: {taken[f'{name}, 1 thread'] / taken[f'{name}, 2 threads']:.2f}")


def observe(example: str, folder: Path, packets: int, turns: int) -> None:
    subprocess.run([example, "write", folder, str(packets)], check=True)
    columns: dict[str, object] = {
        name: numpy.fromfile(folder / name, dtype=f"<{kind}") for name, kind in COLUMNS.items()
    }
    payload = numpy.fromfile(folder / "payload", dtype="u1")
    offsets = numpy.fromfile(folder / "offsets", dtype="<u8").astype("i8")
    rows = len(offsets) - 1
    columns["payload"] = (payload, offsets)
    arrow: object = None
    try:
        import pyarrow

        pieces = pyarrow.Array.from_buffers(
            pyarrow.large_binary(), rows, [None, pyarrow.py_buffer(offsets), pyarrow.py_buffer(payload)])
        arrow = pyarrow.table({**columns, "payload": pieces})
    except ImportError:
        print("skipped: pyarrow is not installed")

    def of_library() -> float:
        done = subprocess.run([example, "measure", folder, "1"], capture_output=True, check=True)
        return float(done.stdout)

    def batch(given: object) -> Callable[[], float]:
        def measure() -> float:
            sensor = wormsift.Sensor(threads=1)

            def work() -> None:
                sensor.observe_batch(given)  # type: ignore[arg-type]
                sensor.finish()

            return rows / seconds(work)

        return measure

    single = min(rows, 200_000)
    packets_of: list[Any] = list(zip(
        *(numpy.asarray(columns[name])[:single].tolist() for name in COLUMNS),
        [payload[a:b].tobytes() for a, b in zip(offsets[:single], offsets[1 : single + 1])],
    ))

    ready = [(t, s.to_bytes(4), d.to_bytes(4), *rest) for t, s, d, *rest in packets_of]

    def one_by_one() -> float:
        sensor = wormsift.Sensor(threads=1)

        def work() -> None:
            for time, source, destination, protocol, from_port, to_port, flags, number, answer, data in ready:
                sensor.observe(time, source, destination, protocol, from_port, to_port, data,
                               flags=flags, sequence=number, acknowledgement=answer)
            sensor.finish()

        return single / seconds(work)

    rates = by_turns(turns, {
        "library, observe": of_library,
        "Python, observe_batch of numpy": batch(columns),
        **({"Python, observe_batch of Arrow": batch(arrow)} if arrow is not None else {}),
        "Python, observe": one_by_one,
    })
    print(f"observe of {rows} packets, {len(payload) / rows:.0f} payload bytes each:")
    for name, rate in rates.items():
        print(f"  {name}: {rate / 1e6:.2f} M packets/s, {rate / rates['library, observe']:.2f} of the library's")


def main() -> None:
    tool, example = sys.argv[1:3]
    packets = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
    turns = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    with tempfile.TemporaryDirectory() as folder:
        detect(tool, Path(folder), packets, turns)
        observe(example, Path(folder), packets, turns)


if __name__ == "__main__":
    main()
