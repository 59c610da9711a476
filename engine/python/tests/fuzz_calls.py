"""Calls with arguments of all kinds: only documented exceptions come out, and no panic.

    python fuzz_calls.py [CALLS [SEED]]        100,000 calls unless told otherwise

Prints how many calls ended in what. Ends with 1 where an exception is not documented."""

from __future__ import annotations

import datetime
import ipaddress
import random
import resource
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import wormsift

# What the documentation names: KeyError for items by name, the others as the stubs say.
DOCUMENTED = (wormsift.Error, TypeError, ValueError, KeyError)
FAULT = "a fault of wormsift"


class Odd:
    """Nothing that any call expects."""


def values(random: random.Random, known: list[Any]) -> Any:
    """Something of any kind."""
    small = random.randrange(-2, 70_000)
    kinds: list[Callable[[], Any]] = [
        lambda: None,
        lambda: random.choice([True, False]),
        lambda: small,
        lambda: random.choice([0, 1, 2, 255, 256, 2**16, 2**31, 2**32, 2**63, 2**64, 2**200, -1, -(2**63)]),
        lambda: random.choice([0.0, -0.0, 1.5, 1e300, float("nan"), float("inf"), -1e9, 1e-300]),
        lambda: random.choice(["", "x", "10.0.0.1", "::1", "2001:db8::/32", "10.0.0.0/8", "1m", "64MiB",
                               "outbreak", "udp", "tcp:536,reorder", "\0", "\ud800", "é" * 50, "-",
                               "/nothing/here", "winnow:128", "sources=2..5", "[", "{}"]),
        lambda: random.randbytes(random.choice([0, 1, 4, 16, 20, 64, 1_500])),
        lambda: bytearray(random.randbytes(random.randrange(40))),
        lambda: memoryview(random.randbytes(40))[:: random.choice([1, 2, -1])],
        lambda: [values(random, known) for _ in range(random.randrange(4))],
        lambda: tuple(values(random, known) for _ in range(random.randrange(4))),
        lambda: {random.choice(["time", "source", "payload", "x"]): values(random, known)},
        lambda: datetime.datetime(random.randrange(1, 9999), 1, 1, tzinfo=datetime.UTC),
        lambda: datetime.datetime(2024, 1, 1),
        lambda: datetime.timedelta(seconds=random.choice([-1, 0, 1, 10**6]), microseconds=small),
        lambda: ipaddress.ip_address(random.randrange(2**32)),
        lambda: ipaddress.ip_network("10.0.0.0/8"),
        lambda: random.choice(known),
        lambda: Odd(),
        lambda: Odd,
        lambda: range(3),
        lambda: {1, 2},
        lambda: iter([b"x"]),
    ]
    return random.choice(kinds)()


SETTINGS = sorted(wormsift.Config().to_dict()) + ["short_datagrams", "tails", "key", "nothing"]
COLUMNS = ["time", "source", "destination", "protocol", "source_port", "destination_port", "payload"]


class Calls:
    """One call of each kind, with arguments that are partly right."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.corpus = wormsift.generate("outbreak", seed=7, until_infected=12, background_hosts=5)
        assert self.corpus.capture_bytes is not None
        self.capture = self.corpus.capture_bytes
        self.run = wormsift.detect(self.corpus).finish()
        self.signatures = self.run.findings()
        assert self.signatures
        self.lines = list(self.run.lines())
        self.baseline = folder / "baseline"
        wormsift.learn(self.corpus, output=self.baseline)
        self.sensor = self.new_sensor()
        self.known: list[Any] = [
            self.corpus, self.run, self.signatures[0], self.lines[0], self.run.signatures,
            wormsift.Config(), self.sensor, self.baseline, self.run.incident_list()[0],
        ]

    def new_sensor(self) -> wormsift.Sensor:
        return wormsift.Sensor(memory="16MiB", threads=1)

    def any(self) -> Any:
        return values(self.random, self.known)

    def maybe(self, right: Any) -> Any:
        return right if self.random.random() < 0.88 else self.any()

    def settings(self) -> dict[str, Any]:
        names = self.random.sample(SETTINGS, self.random.randrange(3))
        # Tables are small, so that thousands can be made.
        return {"memory": "16MiB", **{name: self.any() for name in names}}

    def damaged(self, whole: bytes) -> bytes:
        part = bytearray(whole[: self.random.randrange(len(whole))])
        for _ in range(self.random.randrange(4)):
            if part:
                part[self.random.randrange(len(part))] = self.random.randrange(256)
        return bytes(part)

    def config(self) -> Any:
        config = wormsift.Config(**self.settings())
        return config.replace(**self.settings()), repr(config), config.to_toml()

    def toml(self) -> Any:
        return wormsift.Config.from_toml(self.maybe("sources = 3\n"))

    def item(self) -> Any:
        things: list[Any] = [wormsift.Config(), self.run.signatures]
        return self.random.choice(things)[self.any()]

    def observe(self) -> Any:
        self.sensor.observe(
            self.maybe(self.random.randrange(10**12)), self.maybe("10.0.0.1"), self.maybe(b"1234"),
            self.maybe(17), self.maybe(1), self.maybe(2), self.maybe(self.random.randbytes(100)),
            **{name: self.any() for name in self.random.sample(
                ["flags", "sequence", "acknowledgement", "tap", "x"], self.random.randrange(2))},
        )

    def batch(self) -> Any:
        rows = self.random.randrange(4)
        right: dict[str, Any] = {
            "time": [1] * rows, "source": ["10.0.0.1"] * rows, "destination": [b"1234"] * rows,
            "protocol": [6] * rows, "source_port": [1] * rows, "destination_port": [2] * rows,
            "payload": [b"x" * 60] * rows,
        }
        if self.random.random() < 0.8:
            right[self.random.choice([*COLUMNS, "flags", "x"])] = self.maybe([1] * rows)
        return self.sensor.observe_batch(self.maybe(right))

    def frames(self) -> Any:
        return self.sensor.frames(self.maybe([1, 2]), self.maybe([b"x" * 60, self.random.randbytes(99)]),
                                  self.maybe(self.random.choice([0, 1, 101, 113, 276])))

    def advance(self) -> Any:
        return self.sensor.advance(self.any())

    def take(self) -> Any:
        name = self.random.choice(["findings", "incidents", "events", "warnings", "lines", "finish"])
        return getattr(self.sensor, name)(), self.sensor.stats, repr(self.sensor), self.sensor.signatures

    def another(self) -> Any:
        self.sensor = self.new_sensor()
        return wormsift.Sensor(self.maybe(None), baseline=self.maybe(None), **self.settings())

    def detect(self) -> Any:
        given = self.random.choice([self.damaged(self.capture), self.any(), self.corpus])
        options = {name: self.any() for name in self.random.sample(
            ["taps", "config", "baseline", "mute", "durations", "filter", "only_net", "exclude_net",
             "since", "until", "count", "threads"], self.random.randrange(3))}
        # Nobody types: standard input would be waited for.
        if given == "-" or isinstance(given, (list, tuple)) and "-" in given or "taps" in options:
            return None
        run = wormsift.detect(given, **options, **self.settings())
        return list(run), run.signatures, run.stats, run.evidence(self.folder / "evidence.pcapng")

    def line(self) -> Any:
        line = self.damaged(self.random.choice(self.lines).encode()).decode(errors="replace")
        return wormsift.Signature.from_json(self.maybe(line))

    def rule(self) -> Any:
        return self.random.choice(self.signatures).rule(
            self.maybe("yara"), sid=self.maybe(3), most_bytes=self.maybe(64),
        ), self.random.choice(self.signatures).explain()

    def rules(self) -> Any:
        return wormsift.rules(self.maybe(self.signatures), self.maybe("snort3"), sid=self.maybe(2**32 - 1))

    def match(self) -> Any:
        signatures = self.maybe(self.signatures)
        captures = self.maybe(self.damaged(self.capture))
        if "-" in (signatures, captures) or any(
            isinstance(it, (list, tuple)) and "-" in it for it in (signatures, captures)
        ):
            return None
        return wormsift.match(signatures, captures, hits=self.maybe(True), tail_memory=self.maybe("1MiB"),
                              most_bytes=self.maybe(64)).hits

    def learn(self) -> Any:
        captures = self.maybe(self.damaged(self.capture))
        if captures == "-" or isinstance(captures, (list, tuple)) and "-" in captures:
            return None
        return wormsift.learn(captures, sightings=self.maybe(2), size=self.maybe("64KiB"),
                              false_positive_rate=self.maybe(0.01), memory="16MiB")

    def generate(self) -> Any:
        # Numbers are small: memory and time are those of the traffic that is asked for.
        def few(given: Any) -> Any:
            return given % 1_000 if isinstance(given, int) else None if isinstance(given, float) else given

        options = {name: few(self.any()) for name in self.random.sample(
            ["seed", "start", "duration", "until_infected", "background_hosts", "vulnerable_hosts",
             "carriage", "payload", "worm", "sees_all", "carriers"], self.random.randrange(3))}
        return wormsift.generate(self.maybe("outbreak"), packets=few(self.maybe(200)), **options)

    def evaluate(self) -> Any:
        # Nothing that can be done, so that nothing takes long.
        suite: Any = self.any() or "x"
        return wormsift.evaluate(self.any(), suite=suite, sweep=self.any(), seeds=self.maybe(0))

    def read(self) -> Any:
        given = self.any()
        return None if given == "-" else wormsift.read_signatures(given)


# How often each is called, of 1,000.
SHARES = {
    "observe": 350, "batch": 150, "frames": 100, "config": 80, "toml": 20, "item": 40, "advance": 30,
    "take": 20, "line": 100, "rule": 40, "rules": 20, "read": 20, "evaluate": 10, "another": 4,
    "detect": 6, "match": 4, "learn": 3, "generate": 3,
}


MOST_MEMORY = 8 << 30


def main() -> int:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    print(f"{calls} calls from seed {seed}")
    # What takes more is a fault, and must not take the machine with it.
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    warnings.simplefilter("ignore", wormsift.InputWarning)
    ended: Counter[str] = Counter()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        it = Calls(seed, Path(folder))
        names = it.random.choices(list(SHARES), list(SHARES.values()), k=calls)
        for number, name in enumerate(names):
            try:
                getattr(it, name)()
                ended["returned"] += 1
            except BaseException as error:
                kind = type(error).__name__
                ended[kind] += 1
                if not isinstance(error, DOCUMENTED) or FAULT in str(error):
                    wrong += 1
                    print(f"call {number}, {name}: {kind}: {error}")
                    if isinstance(error, KeyboardInterrupt):
                        break
    print(", ".join(f"{kind} {count}" for kind, count in ended.most_common()))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
