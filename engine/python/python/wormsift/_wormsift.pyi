"""Content sifting: finds self-spreading content in network traffic and writes its signature."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypedDict, final, type_check_only

from typing_extensions import Buffer, CapsuleType, Self, Unpack

__all__ = [
    "Baseline",
    "Config",
    "ConfigError",
    "Corpus",
    "Error",
    "Evaluation",
    "Incident",
    "IncidentHost",
    "InputError",
    "InputWarning",
    "Lines",
    "Matches",
    "Relay",
    "Run",
    "Sample",
    "Sensor",
    "Signature",
    "Signatures",
    "Table",
    "__version__",
    "detect",
    "evaluate",
    "generate",
    "learn",
    "match",
    "read_signatures",
    "rules",
    "scenarios",
]

__version__: str

_Path: TypeAlias = str | PathLike[str]
_Captures: TypeAlias = _Path | bytes | bytearray | Corpus | Iterable[_Path | bytes | bytearray | Corpus]
_Span: TypeAlias = str | timedelta
_Network: TypeAlias = str | IPv4Network | IPv6Network | IPv4Address | IPv6Address
_Networks: TypeAlias = str | Sequence[_Network]
_Time: TypeAlias = int | float | datetime
_Address: TypeAlias = str | bytes | IPv4Address | IPv6Address
_Format: TypeAlias = Literal["suricata", "snort3", "zeek", "yara", "eve", "stix", "misp"]

@type_check_only
class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...

@type_check_only
class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: Any = None) -> Any: ...

@type_check_only
class _Settings(TypedDict, total=False):
    beta: int
    sampling: str | int
    prevalence: int
    prevalence_window: _Span
    prevalence_window_most: _Span
    sources: int
    destinations: int
    dispersion_window: _Span
    spread: int
    port_rule: Literal["roles", "destination", "source", "service", "none"]
    short_datagrams: bool
    tails: bool
    learning_period: _Span
    boilerplate: bool
    tunnels: bool
    vxlan_ports: Sequence[int]
    checksums: bool
    v6_prefix: int
    home_net: _Networks
    dark: _Networks
    dark_learn: _Span
    relay_exempt: str | Sequence[str]
    trusted_tunnels: _Networks
    decoys: _Networks
    decoys_may: str | Sequence[str]
    memory: str
    key: bytes | str | None

@type_check_only
class _SensorSettings(_Settings, total=False):
    taps: str | Sequence[str]

class Error(Exception):
    """What goes wrong in wormsift. Its kinds are ConfigError and InputError."""

class ConfigError(Error):
    """A setting, an option or a name cannot be used."""

class InputError(Error):
    """A file or another input cannot be read, found or written."""

class InputWarning(UserWarning):
    """Some input is damaged or out of order; what could be read was used."""

@final
class Config:
    """All settings of a sensor. It never changes; `replace` makes another.

    Every setting of `wormsift config` is a keyword argument, an attribute and an item."""

    def __new__(cls, **settings: Unpack[_SensorSettings]) -> Self: ...
    @classmethod
    def from_toml(cls, text: str, /) -> Config:
        """Settings from TOML text, as `wormsift config` prints it."""

    def to_toml(self) -> str:
        """All settings as TOML text. The key is never shown."""

    def to_dict(self) -> dict[str, Any]:
        """All settings by name. The key is never shown."""

    def replace(self, **settings: Unpack[_SensorSettings]) -> Config:
        """The same settings but for those that are named."""

    def __getitem__(self, name: str, /) -> Any: ...
    @property
    def beta(self) -> int: ...
    @property
    def sampling(self) -> str: ...
    @property
    def prevalence(self) -> int: ...
    @property
    def prevalence_window(self) -> str: ...
    @property
    def prevalence_window_most(self) -> str: ...
    @property
    def sources(self) -> int: ...
    @property
    def destinations(self) -> int: ...
    @property
    def dispersion_window(self) -> str: ...
    @property
    def spread(self) -> int: ...
    @property
    def port_rule(self) -> str: ...
    @property
    def short_datagrams(self) -> bool: ...
    @property
    def tails(self) -> bool: ...
    @property
    def learning_period(self) -> str: ...
    @property
    def boilerplate(self) -> bool: ...
    @property
    def tunnels(self) -> bool: ...
    @property
    def vxlan_ports(self) -> list[int]: ...
    @property
    def checksums(self) -> bool: ...
    @property
    def v6_prefix(self) -> int: ...
    @property
    def home_net(self) -> list[str]: ...
    @property
    def dark(self) -> list[str]: ...
    @property
    def dark_learn(self) -> str: ...
    @property
    def relay_exempt(self) -> list[str]: ...
    @property
    def trusted_tunnels(self) -> list[str]: ...
    @property
    def decoys(self) -> list[str]: ...
    @property
    def decoys_may(self) -> list[str]: ...
    @property
    def taps(self) -> list[str]: ...
    @property
    def memory(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__ = None  # type: ignore[assignment]

@final
class Table:
    """Rows and columns. pandas, polars, pyarrow and duckdb take it as it is; times are nanoseconds
    in UTC, contents are binary."""

    @property
    def name(self) -> str:
        """What the rows are."""

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""

    def __len__(self) -> int: ...
    def __getitem__(self, column: str, /) -> list[Any]:
        """A column as a list; times are nanoseconds since 1970."""

    def to_pylist(self) -> list[dict[str, Any]]:
        """Rows as dicts; times are nanoseconds since 1970."""

    def to_pandas(self) -> Any:
        """A DataFrame of pandas, which must be installed with pyarrow."""

    def to_polars(self) -> Any:
        """A DataFrame of polars, which must be installed."""

    def to_arrow(self) -> Any:
        """A Table of pyarrow, which must be installed."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """The rows as a stream of the Arrow PyCapsule interface."""

    def __arrow_c_schema__(self) -> CapsuleType:
        """The schema of the Arrow PyCapsule interface."""

@final
class Relay:
    """A host that received a content before it sent it."""

    @property
    def host(self) -> str:
        """Its address."""

    @property
    def received_at_ns(self) -> int | None:
        """When it first received it, in nanoseconds since 1970."""

    @property
    def received_from(self) -> str | None:
        """From whom."""

    @property
    def sent_at_ns(self) -> int:
        """When it first sent it, in nanoseconds since 1970."""

    @property
    def fan_out(self) -> int:
        """Hosts that it was the first to send it to."""

    @property
    def new_targets(self) -> int:
        """Of these, up to 255, those that it began to talk to after it had received it."""

    @property
    def known_targets(self) -> int:
        """Of these, up to 255, those that it had talked to before."""

    @property
    def proven(self) -> bool | None:
        """Whether it is shown that its address was not forged."""

    @property
    def is_decoy(self) -> bool:
        """Whether it is a decoy."""

@final
class Sample:
    """A packet in which a content was seen."""

    @property
    def packet(self) -> int:
        """Number of the packet, from 1."""

    @property
    def time_ns(self) -> int:
        """Its time, in nanoseconds since 1970."""

    @property
    def source(self) -> str:
        """Who sent it."""

    @property
    def destination(self) -> str:
        """Whom it was sent to."""

    @property
    def source_port(self) -> int:
        """Port of the sender, 0 without ports."""

    @property
    def destination_port(self) -> int:
        """Port of the receiver; for ICMP type x 256 + code."""

    @property
    def offset(self) -> int:
        """Where the content begins in the payload, in bytes."""

@final
class Signature:
    """Content that spreads, with the evidence for it.

    Two are equal when all that they say is; `id` names the content."""

    @staticmethod
    def from_json(line: str, /) -> Signature:
        """Reads the JSON line of a finding."""

    @property
    def id(self) -> str:
        """Name of the content: 32 hexadecimal digits."""

    @property
    def word(self) -> Literal["signature", "update", "summary"]:
        """Which word this is: `signature` (the first), `update` or `summary` (the last)."""

    @property
    def alarm(self) -> str:
        """The alarm that fired first: `dispersion`, `propagation` or `dark`."""

    @property
    def confidence(self) -> Literal["low", "medium", "high"]:
        """How sure it is: `low`, `medium` or `high`."""

    @property
    def kind(self) -> str:
        """What it is likely to be, such as `outbreak`."""

    @property
    def incident(self) -> str | None:
        """Id of the incident that it belongs to."""

    @property
    def part_of(self) -> str | None:
        """In the last word on a part of another signature: the id of that one."""

    @property
    def muted(self) -> bool:
        """Whether an entry of the file of mutes holds for it."""

    @property
    def protocol(self) -> int:
        """IP protocol number."""

    @property
    def port(self) -> int | None:
        """Port under the port rule."""

    @property
    def port_rule(self) -> str:
        """Which port that is."""

    @property
    def service(self) -> str:
        """Protocol and port, such as `tcp/80`."""

    @property
    def content(self) -> bytes:
        """The bytes that repeat."""

    @property
    def tokens(self) -> list[bytes]:
        """The strings that must all occur for a match."""

    @property
    def tokens_ordered(self) -> bool:
        """Whether the tokens followed each other in this order in every sample."""

    @property
    def packets(self) -> int:
        """Packets in which it was counted."""

    @property
    def sources(self) -> int:
        """Number of source hosts."""

    @property
    def sources_precision(self) -> str:
        """What that number is: `exact`, `about` or `at_least`."""

    @property
    def destinations(self) -> int:
        """Number of destination hosts."""

    @property
    def destinations_precision(self) -> str:
        """What that number is: `exact`, `about` or `at_least`."""

    @property
    def source_list(self) -> list[str]:
        """Up to 64 source hosts."""

    @property
    def destination_list(self) -> list[str]:
        """Up to 64 destination hosts."""

    @property
    def spread(self) -> int:
        """Hosts that all relays passed it on to."""

    @property
    def relays(self) -> list[Relay]:
        """Hosts that received it before they sent it."""

    @property
    def samples(self) -> list[Sample]:
        """Packets in which it was seen."""

    @property
    def first_seen(self) -> datetime:
        """Time of the first packet that is known, cut to microseconds."""

    @property
    def first_seen_ns(self) -> int:
        """The same in nanoseconds since 1970."""

    @property
    def last_seen(self) -> datetime:
        """Time of the last sighting, cut to microseconds."""

    @property
    def last_seen_ns(self) -> int:
        """The same in nanoseconds since 1970."""

    @property
    def detected_at(self) -> datetime:
        """When it was first told, cut to microseconds."""

    @property
    def detected_at_ns(self) -> int:
        """The same in nanoseconds since 1970."""

    @property
    def reasons(self) -> list[str]:
        """What its grade rests on, a sentence each."""

    def to_json(self) -> str:
        """The JSON line of `wormsift detect --json`."""

    def to_dict(self) -> dict[str, Any]:
        """All that the JSON line says."""

    def rule(self, format: _Format = "suricata", *, sid: int = 1500000, most_bytes: int | None = None) -> str:
        """It as text of another program; the number of the rule is `sid`. Raises ConfigError where it
        is too weak for a rule."""

    def explain(self, *, follow: bool = False) -> str:
        """All that is known of it as text, as `wormsift explain` prints it. With `follow` the captures
        are read a second time, to see which host had it from which."""

    def evidence(self, path: _Path) -> int:
        """Copies the packets that show it to a new capture, and says how many they are. The captures
        are read a second time."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class IncidentHost:
    """A host of an incident."""

    @property
    def host(self) -> str:
        """Its address."""

    @property
    def first_seen_ns(self) -> int | None:
        """When it was first seen with the content, in nanoseconds since 1970."""

    @property
    def received_from(self) -> str | None:
        """From whom it received it."""

    @property
    def generation(self) -> int:
        """How many relays stand before it."""

    @property
    def fan_out(self) -> int:
        """Hosts that it passed it on to."""

@final
class Incident:
    """Signatures that belong together."""

    @property
    def id(self) -> str:
        """Its name: 32 hexadecimal digits."""

    @property
    def kind(self) -> str:
        """What it is likely to be, such as `outbreak` or `forwarding service`."""

    @property
    def confidence(self) -> Literal["low", "medium", "high"]:
        """How sure it is: `low`, `medium` or `high`."""

    @property
    def signatures(self) -> list[str]:
        """Ids of its signatures, the strongest first."""

    @property
    def services(self) -> list[str]:
        """Protocols and ports, such as `tcp/80`."""

    @property
    def hosts(self) -> list[IncidentHost]:
        """The hosts that are listed."""

    @property
    def hosts_unlisted(self) -> int:
        """How many more there are."""

    @property
    def relays(self) -> int:
        """Hosts that passed something on."""

    @property
    def generations(self) -> int:
        """Length of the longest chain of relays."""

    @property
    def sources(self) -> int:
        """Number of sources."""

    @property
    def destinations(self) -> int:
        """Number of destinations."""

    @property
    def spread(self) -> int:
        """Sum of the relays' fan-outs."""

    @property
    def doubling_seconds(self) -> float | None:
        """Seconds in which the hosts double, where that could be fitted."""

    @property
    def part_of(self) -> str | None:
        """Id of the older incident that it became a part of."""

    @property
    def muted(self) -> bool:
        """Whether an entry of the file of mutes holds for it."""

    @property
    def first_seen_ns(self) -> int:
        """Time of the first sighting, in nanoseconds since 1970."""

    @property
    def last_seen_ns(self) -> int:
        """Time of the last sighting, in nanoseconds since 1970."""

    @property
    def reasons(self) -> list[str]:
        """What kind and grade rest on, a sentence each."""

    def to_json(self) -> str:
        """The JSON line of `wormsift detect --json`."""

    def to_dict(self) -> dict[str, Any]:
        """All that the JSON line says."""

@final
class Signatures:
    """The signatures of a run, each when it is found for the first time."""

    def __iter__(self) -> Signatures: ...
    def __next__(self) -> Signature: ...

@final
class Lines:
    """The JSON lines of a run, each as soon as it is known: an iterator of str."""

    def __iter__(self) -> Lines: ...
    def __next__(self) -> str: ...

@final
class Run:
    """A run over captures. Iterating over it yields each Signature as it is found; a second
    iteration begins with the first again.

    Tables and statistics are those at the end, so asking for one goes on to the end."""

    def __iter__(self) -> Signatures: ...
    def lines(self) -> Lines:
        """Everything that is told as JSON lines, those of `wormsift detect --json`, each as soon as it
        is known. Time in the statistics at the end aside, they are the same to the byte."""

    def finish(self) -> Run:
        """Goes on to the end, and returns the run."""

    @property
    def finished(self) -> bool:
        """Whether the end was reached."""

    @property
    def config(self) -> Config:
        """The settings."""

    def findings(self) -> list[Signature]:
        """The last word on each signature that is not muted, as objects, the first found first."""

    def incident_list(self) -> list[Incident]:
        """The last word on each incident, as objects, the first found first."""

    @property
    def signatures(self) -> Table:
        """Table of signatures: the last word on each."""

    @property
    def incidents(self) -> Table:
        """Table of incidents: the last word on each."""

    @property
    def relays(self) -> Table:
        """Table of relays: hosts that received a content before they sent it."""

    @property
    def hosts(self) -> Table:
        """Table of hosts, in long form: one row for each host and role in a signature or incident."""

    @property
    def events(self) -> Table:
        """Table of events: scans and victims at dark addresses, waves, and what decoys started."""

    @property
    def stats(self) -> dict[str, Any]:
        """Counters of the whole run, as in the last line of `lines`."""

    @property
    def warnings(self) -> list[str]:
        """What the sensor had to say about itself so far, a line each."""

    @property
    def damage(self) -> list[str]:
        """What is damaged or out of order in the captures, as far as they were read, a line each."""

    def evidence(self, path: _Path) -> int:
        """Copies the packets that show the signatures that are not muted to a new capture, and says how
        many they are. The captures are read a second time."""

@final
class Sensor:
    """A sensor that is given packets or frames, in order of time.

    Keyword arguments are settings; `baseline` is a file of `learn`. Calls may come from any thread;
    each waits for the one before it."""

    def __new__(
        cls,
        config: Config | None = None,
        *,
        baseline: _Path | None = None,
        threads: int | None = None,
        **settings: Unpack[_SensorSettings],
    ) -> Self: ...
    @property
    def config(self) -> Config:
        """The settings."""

    def observe(
        self,
        time: _Time,
        source: _Address,
        destination: _Address,
        protocol: int,
        source_port: int,
        destination_port: int,
        payload: Buffer,
        *,
        flags: int = 0,
        sequence: int = 0,
        acknowledgement: int = 0,
        tap: int = 0,
    ) -> None:
        """Takes one packet. `time` is nanoseconds since 1970 as int, seconds as float or an aware
        datetime; addresses are text, the bytes of the wire or of `ipaddress`; `payload` is bytes or
        any buffer of bytes. For TCP give flags, sequence and acknowledgement as in its header."""

    def observe_batch(self, columns: _ArrowStream | _ArrowArray | Mapping[str, Any]) -> int:
        """Takes many packets, and says how many. `columns` is a table of the Arrow PyCapsule interface
        (of pyarrow, polars, pandas, duckdb), or a dict of arrays (numpy, Arrow) or lists. Columns are
        named as the arguments of `observe`; flags, sequence, acknowledgement and tap may be missing.

        Times are timestamps or nanoseconds; addresses are text, binary of 4 or 16 bytes, uint32 for
        IPv4, or a numpy array of (n, 4) or (n, 16) bytes; payloads are binary, a list of bytes, or for
        numpy a tuple of all bytes and n + 1 offsets. Where something is wrong, no packet is taken."""

    def frames(
        self,
        times: Iterable[_Time],
        frames: Iterable[Buffer],
        link_type: int = 1,
        *,
        tap: int = 0,
    ) -> int:
        """Takes frames as they were captured, and says how many. `times` has a time for each, as
        `observe` takes them; `link_type` is that of pcap (1 for Ethernet). Where something is wrong, no
        frame is taken."""

    def advance(self, time: _Time) -> None:
        """Moves packet time to `time`: ticks that have passed tell what they found although no packet
        came."""

    def finish(self) -> None:
        """Ends the trace: tells what is pending, then one last word on each signature. Packets may
        follow."""

    def findings(self) -> list[Signature]:
        """What was found since the last call: new signatures, updates, and last words."""

    def incidents(self) -> list[Incident]:
        """What is new of incidents since the last call."""

    def events(self) -> Table:
        """Table of events since the last call: at dark addresses, waves, and of decoys."""

    def warnings(self) -> list[str]:
        """What the sensor had to say about itself since the last call, a line each."""

    def lines(self) -> list[str]:
        """All that was told and not yet taken, as the JSON lines of `wormsift detect --json`."""

    @property
    def signatures(self) -> Table:
        """Table of all signatures that are followed, as of the last packet; none after `finish`."""

    @property
    def stats(self) -> dict[str, Any]:
        """Counters since the start."""

@final
class Baseline:
    """Content that is known to be good: what `detect` and Sensor take as `baseline`, once it is
    saved."""

    @property
    def contents(self) -> int:
        """Contents that are known."""

    @property
    def capacity(self) -> int:
        """Contents for which there is room at the rate that was asked for."""

    @property
    def refused(self) -> int:
        """How many times a content was not taken in, for lack of room."""

    def save(self, path: _Path) -> None:
        """Writes it to a file."""

@final
class Matches:
    """What signatures matched."""

    @property
    def signatures(self) -> Table:
        """Table of signatures: how many packets each matched, the most frequent first."""

    @property
    def hits(self) -> Table:
        """Table of packets that a signature matched, in order; empty unless `hits` were asked for."""

    @property
    def matched(self) -> int:
        """Packets on which at least one signature holds."""

    @property
    def packets(self) -> int:
        """Packets that were looked at."""

    @property
    def stats(self) -> dict[str, Any]:
        """What was looked at."""

    @property
    def not_looked_for(self) -> list[str]:
        """Signatures that are too weak to look for, a line each."""

    def lines(self) -> list[str]:
        """The JSON lines of `wormsift match --json`."""

@final
class Corpus:
    """A generated capture and its truth."""

    @property
    def path(self) -> Path | None:
        """The capture's file; None where it is in memory."""

    @property
    def capture_bytes(self) -> bytes | None:
        """The capture, pcapng, where it is in memory."""

    @property
    def scenario(self) -> str:
        """The scenario's name."""

    @property
    def seed(self) -> int:
        """What it was drawn from."""

    @property
    def packets(self) -> int:
        """How many packets it has."""

    @property
    def infected(self) -> int:
        """How many hosts were infected."""

    @property
    def contents(self) -> list[list[bytes]]:
        """What was planted: of each content the pieces that are the same in every copy."""

    @property
    def truth(self) -> dict[str, Any]:
        """All that is known of it: planted contents, infections, and the packets that carry them."""

@final
class Evaluation:
    """What an evaluation found."""

    @property
    def rows(self) -> Table:
        """Table of rows: one scenario or capture under one group of settings and one swept value."""

    @property
    def runs(self) -> Table:
        """Table of runs: one seed each."""

    def to_frame(self) -> Any:
        """The rows as a DataFrame of pandas, which must be installed with pyarrow."""

    @property
    def as_expected(self) -> bool:
        """Whether every row is as its scenario says."""

    def to_json(self) -> str:
        """All of it, as `wormsift evaluate --json` prints it."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as a dict."""

    def to_csv(self) -> str:
        """The rows as comma-separated values, as `--csv` writes them."""

    def to_html(self) -> str:
        """The page that `--report` writes."""

def detect(
    captures: _Captures | None = None,
    *,
    taps: Mapping[str, _Captures] | None = None,
    config: Config | None = None,
    baseline: _Path | None = None,
    mute: _Path | None = None,
    durations: _Path | None = None,
    filter: str | None = None,
    only_net: _Network | Iterable[_Network] | None = None,
    exclude_net: _Network | Iterable[_Network] | None = None,
    since: _Time | None = None,
    until: _Time | None = None,
    count: int | None = None,
    threads: int | None = None,
    **settings: Unpack[_Settings],
) -> Run:
    """Sifts captures and yields what spreads in them, as `wormsift detect` does.

    captures: a file, folder, glob pattern, `-`, the bytes of a capture, a Corpus, or a list of
    them, all of which are one trace. Or `taps`: captures by the name of the tap that saw them.
    All other keyword arguments are settings. Nothing is sifted before something is asked for.

    Raises ConfigError for settings, InputError for files that are not there."""

def learn(
    captures: _Captures,
    *,
    output: _Path | None = None,
    sightings: int = 2,
    false_positive_rate: float = 1e-06,
    size: int | str | None = None,
    config: Config | None = None,
    filter: str | None = None,
    only_net: _Network | Iterable[_Network] | None = None,
    exclude_net: _Network | Iterable[_Network] | None = None,
    since: _Time | None = None,
    until: _Time | None = None,
    count: int | None = None,
    threads: int | None = None,
    **settings: Unpack[_Settings],
) -> Baseline:
    """Learns what is good from captures without worms, as `wormsift learn` does.

    `sightings` within the prevalence window make a content known; `false_positive_rate` says how
    often an unknown one may be taken for a known one; `size` is the memory of the baseline, as bytes
    or text such as "4MiB". It belongs to the settings that it was learned with."""

def match(
    signatures: Run | _Path | Iterable[Signature | _Path],
    captures: _Captures,
    *,
    hits: bool = False,
    most_bytes: int = 256,
    tail_memory: int | str | None = None,
    config: Config | None = None,
    filter: str | None = None,
    only_net: _Network | Iterable[_Network] | None = None,
    exclude_net: _Network | Iterable[_Network] | None = None,
    since: _Time | None = None,
    until: _Time | None = None,
    count: int | None = None,
    threads: int | None = None,
    **settings: Unpack[_Settings],
) -> Matches:
    """Looks for signatures in captures, as `wormsift match` does.

    signatures: a Run, a list of Signature, or files of `wormsift detect --json`. With `hits` each
    packet that one matches is kept, too. `most_bytes` of a content are looked for, 16 to 2048."""

def read_signatures(paths: _Path | Iterable[_Path], /) -> list[Signature]:
    """The last word on each signature in files of `wormsift detect --json`."""

def rules(
    signatures: Sequence[Signature],
    format: _Format = "suricata",
    *,
    sid: int = 1500000,
    most_bytes: int | None = None,
) -> str:
    """Signatures as one text in the form of `wormsift export`: those that make a rule, each question
    once, numbered from `sid` on. What makes no rule is left out; Signature.rule says why."""

def scenarios() -> list[dict[str, str]]:
    """Names of all scenarios, and what each is."""

def generate(
    scenario: str,
    path: _Path | None = None,
    *,
    seed: int = 1,
    start: _Time | None = None,
    duration: timedelta | float | None = None,
    packets: int | None = None,
    until_infected: int | None = None,
    background_hosts: int | None = None,
    background_rate: float | None = None,
    vulnerable_hosts: int | None = None,
    scan_rate: float | None = None,
    carriage: str = "udp",
    payload: Buffer | None = None,
    worm: bool = True,
    sees_all: bool = False,
    carriers: bool = True,
) -> Corpus:
    """Generates traffic with known answers, as `wormsift generate` does: the same seed gives the same
    bytes.

    With `path` the capture goes there and its truth beside it (`day.pcapng` has
    `day.truth.json`); without, it is kept in memory. `duration` is a timedelta or seconds;
    `carriage` is as on the command line, such as "tcp:536,reorder"; `payload` is planted in place of
    the scenario's own body."""

def evaluate(
    scenarios: str | Iterable[str] | None = None,
    *,
    suite: Literal["standard", "plain", "trust", "adversary"] | None = None,
    captures: _Path | Iterable[_Path] | None = None,
    clean: _Path | Iterable[_Path] | None = None,
    held_out: _Path | Iterable[_Path] | None = None,
    learn: _Path | Iterable[_Path] | None = None,
    manifest: _Path | None = None,
    seeds: int | None = None,
    sweep: str | tuple[str, Sequence[object]] | None = None,
    isolate_after: Sequence[str | timedelta | float] | None = None,
    curves: bool = False,
    config: Config | None = None,
    threads: int | None = None,
    **settings: Unpack[_Settings],
) -> Evaluation:
    """Measures detection over scenarios, labelled captures and sweeps, as `wormsift evaluate` does.

    `suite` is standard, plain, trust or adversary; `scenarios` are names of `scenarios()`; `captures`
    have their truth beside them. `sweep` is text such as "sources=2..50:4", or a pair of a setting
    and its values. Seeds go from 1 on. With `curves` all that the report page shows is made. Without
    a setting each run has tables of 64 MiB."""
