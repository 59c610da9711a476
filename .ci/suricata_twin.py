"""What the plugin should make of a capture: a slow model of what Suricata hands over.

Reads a capture itself, follows its TCP sessions, and gives the engine, through the library
and with no Suricata between, each new byte of a session once: as the segments that it came
in, when it is acknowledged, in the order of the stream. Everything else is given as frames.
With `copies` each copy of a segment is given as well, when it comes: what is then found
should have the counts of `wormsift detect`, which counts packets.

Sessions begin with their SYN, as Suricata has it by default (`midstream: no`).
"""

import ctypes
import struct

OK = 0
# Counts of packets are compared, and a winnowed window near a seam may count in its segment
# and again at the seam, so that copies of segments do not add up.
SAMPLING = "64"
ANSWERED, UNANSWERED = 1, 2
# So far may an acknowledgement lie from what the other side sends next.
REACH = 65535
FIN, SYN, RST, ACK = 1, 2, 4, 16
HALF = 1 << 31
AROUND = 1 << 32


class Piece(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t), ("number", ctypes.c_uint64),
        ("time_ns", ctypes.c_uint64), ("offset", ctypes.c_uint64),
        ("ip_version", ctypes.c_uint8), ("handshake", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 2),
        ("source_port", ctypes.c_uint16), ("destination_port", ctypes.c_uint16),
        ("source", ctypes.c_uint8 * 16), ("destination", ctypes.c_uint8 * 16),
        ("encapsulation", ctypes.c_uint64),
    ]


class Frame(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t), ("number", ctypes.c_uint64),
        ("time_ns", ctypes.c_uint64), ("link_type", ctypes.c_uint32),
        ("original_length", ctypes.c_uint32),
    ]


class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("length", ctypes.c_size_t),
                ("capacity", ctypes.c_size_t)]


class Engine:
    """The engine in the library, with one worker."""

    def __init__(self, library, key):
        self.lib = ctypes.CDLL(library)
        self.lib.wormsift_last_error.restype = ctypes.c_char_p
        config = ctypes.c_void_p()
        self.engine, self.worker = ctypes.c_void_p(), ctypes.c_void_p()
        self.well(self.lib.wormsift_config_new(ctypes.byref(config)))
        self.well(self.lib.wormsift_config_set(config, b"key", key.encode()))
        self.well(self.lib.wormsift_config_set(config, b"sampling", SAMPLING.encode()))
        self.well(self.lib.wormsift_engine_new(config, ctypes.byref(self.engine)))
        self.well(self.lib.wormsift_worker_new(self.engine, ctypes.byref(self.worker)))
        self.lib.wormsift_config_free(config)

    def well(self, status):
        assert status == OK, self.lib.wormsift_last_error()

    def frame(self, time, link, length, data):
        it = Frame(struct_size=ctypes.sizeof(Frame), time_ns=time, link_type=link,
                   original_length=length)
        self.well(self.lib.wormsift_worker_frame(self.worker, ctypes.byref(it), data,
                                                 ctypes.c_size_t(len(data))))

    def piece(self, time, ends, offset, data, handshake):
        source, source_port, destination, destination_port = ends
        it = Piece(struct_size=ctypes.sizeof(Piece), time_ns=time, offset=offset,
                   ip_version=4 if len(source) == 4 else 6, source_port=source_port,
                   destination_port=destination_port, handshake=handshake)
        it.source[: len(source)] = source
        it.destination[: len(destination)] = destination
        self.well(self.lib.wormsift_worker_stream(self.worker, ctypes.byref(it), data,
                                                  ctypes.c_size_t(len(data))))

    def lines(self):
        """All findings, as lines of JSON; the engine is gone afterwards."""
        self.lib.wormsift_worker_free(self.worker)
        self.well(self.lib.wormsift_engine_finish(self.engine))
        found, finding = [], ctypes.c_void_p()
        while self.lib.wormsift_engine_next(self.engine, ctypes.byref(finding)) == OK:
            text = Buffer()
            self.well(self.lib.wormsift_finding_render(finding, 0, 0, 0, ctypes.byref(text)))
            found.append(text.data.decode())
            self.lib.wormsift_buffer_free(ctypes.byref(text))
            self.lib.wormsift_finding_free(finding)
        self.lib.wormsift_engine_free(self.engine)
        return found


class Side:
    """What one end of a session has sent."""

    def __init__(self, sequence):
        self.zero = sequence  # of its first byte
        self.next = 0  # of what comes next
        self.acknowledged = 0  # as offsets from there
        self.logged = 0
        self.held = {}  # not yet logged, none overlapping another, by offset
        self.starts = set()  # of segments

    def offset(self, sequence, near):
        """A sequence number as an offset, the nearest to another."""
        offset = (sequence - self.zero) % AROUND
        while offset < near - HALF:
            offset += AROUND
        return offset if offset < near + HALF else offset - AROUND

    def take(self, start, payload):
        """Keeps what is new of a segment; whether anything is."""
        at, end, new = max(start, self.logged), start + len(payload), False
        others = [(other, other + len(held)) for other, held in self.held.items()]
        for other, stop in [*sorted(range for range in others if range[0] < end), (end, end)]:
            if at < other:
                self.held[at] = payload[at - start : other - start]
                new = True
            at = max(at, stop)
        self.next = max(self.next, end)
        if new:
            self.starts.add(max(start, self.logged))
        return new

    def due(self, all_of_it):
        """What is to be handed over now: offsets and bytes, segment by segment."""
        begin, joined = self.logged, bytearray()
        while begin + len(joined) in self.held:
            joined += self.held.pop(begin + len(joined))
        end = begin + len(joined)
        if end > self.acknowledged and not all_of_it:
            end = max(begin, self.acknowledged)
            if rest := bytes(joined[end - begin :]):
                self.held[end] = rest
        cuts = sorted(at for at in self.starts if begin < at < end)
        for start, stop in zip([begin, *cuts], [*cuts, end]):
            if stop > start:
                yield start, bytes(joined[start - begin : stop - begin])
        self.logged = end
        self.starts = {at for at in self.starts if at >= end}


def frames(path):
    """Time, link type, length on the wire and bytes of each frame."""
    with open(path, "rb") as file:
        head = file.read(24)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        magic, = struct.unpack(order + "I", head[:4])
        unit = 1 if magic == 0xA1B23C4D else 1000
        link, = struct.unpack(order + "I", head[20:24])
        while len(head := file.read(16)) == 16:
            seconds, part, held, length = struct.unpack(order + "IIII", head)
            # Suricata counts in microseconds.
            time = seconds * 10**9 + part * unit // 1000 * 1000
            yield time, link, length, file.read(held)


def segment(data):
    """Ends, sequence number, acknowledgement, flags and payload of a TCP segment in a plain
    Ethernet frame; None for anything else."""
    kind, at = struct.unpack(">H", data[12:14])[0], 14
    if kind == 0x0800:
        header, total = (data[at] & 15) * 4, struct.unpack(">H", data[at + 2 : at + 4])[0]
        if data[at + 9] != 6 or struct.unpack(">H", data[at + 6 : at + 8])[0] & 0x3FFF:
            return None
        source, destination = data[at + 12 : at + 16], data[at + 16 : at + 20]
        end, at = at + total, at + header
    elif kind == 0x86DD:
        if data[at + 6] != 6:
            return None
        source, destination = data[at + 8 : at + 24], data[at + 24 : at + 40]
        end = at + 40 + struct.unpack(">H", data[at + 4 : at + 6])[0]
        at += 40
    else:
        return None
    ports = struct.unpack(">HH", data[at : at + 4])
    sequence, acknowledgement, offset, flags = struct.unpack(">IIBB", data[at + 4 : at + 14])
    payload = data[at + (offset >> 4) * 4 : end]
    return (source, ports[0], destination, ports[1]), sequence, acknowledgement, flags, payload


def lines(library, key, capture, copies=False):
    """The findings of a capture, as the plugin should write them."""
    engine = Engine(library, key)
    sessions = {}  # both ends: who began, and the sides by sender
    time = 0
    for time, link, length, data in frames(capture):
        it = segment(data) if link == 1 else None
        if it is None:
            engine.frame(time, link, length, data)
            continue
        ends, sequence, acknowledgement, flags, payload = it
        sender, receiver = ends[:2], ends[2:]
        name = frozenset([sender, receiver])
        session = sessions.get(name)
        if flags & SYN and not flags & ACK and (session is None or session["over"]):
            session = sessions[name] = {"client": ends, "over": False, "sides": {}}
        if session is None:
            engine.frame(time, link, length, data)
            continue
        sides = session["sides"]
        if flags & SYN and sender not in sides:
            sides[sender] = Side((sequence + 1) % AROUND)
        mine, theirs = sides.get(sender), sides.get(receiver)
        if flags & ACK and theirs is not None:
            offset = theirs.offset(acknowledgement, theirs.acknowledged)
            fits = abs(offset - theirs.next) <= REACH
            if fits:
                theirs.acknowledged = max(theirs.acknowledged, min(offset, theirs.next))
        else:
            fits = False
        if payload and mine is not None and not flags & RST:
            start = mine.offset((sequence + bool(flags & SYN)) % AROUND, mine.logged)
            if not fits:
                # No part of the stream: its sender has not seen the answers.
                engine.piece(time, ends, start % AROUND, payload, UNANSWERED)
            elif not mine.take(start, payload) and copies:
                engine.piece(time, ends, start % AROUND, payload, ANSWERED)
        session["over"] |= bool(flags & RST)
        hand_over(engine, time, session, session["over"])
    for session in sessions.values():
        hand_over(engine, time, session, True)
    return engine.lines()


def hand_over(engine, time, session, all_of_it):
    client = session["client"]
    for ends in [client, client[2:] + client[:2]]:
        side = session["sides"].get(ends[:2])
        for offset, data in side.due(all_of_it) if side is not None else []:
            engine.piece(time, ends, offset % AROUND, data, ANSWERED)
