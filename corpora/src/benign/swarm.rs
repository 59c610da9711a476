//! Scenarios `swarm-fixed-port` and `swarm-random-ports`: peers share an archive.
//!
//! Who has received a piece sends it to others: every peer is a relay by design, and every
//! piece goes from many to many. The messages have the form of BitTorrent over UDP: a hello
//! with a 20-byte hash of the archive, requests, and blocks of 16 KiB that are the same
//! whoever sends them. In one scenario all peers listen on one port, as they once did; in
//! the other each on a port of its own, as they do now.

use std::collections::BTreeSet;

use super::host_pool::HostPool;
use super::setup::BenignSetup;
use crate::error::CorpusError;
use crate::link::{Endpoint, FRAME_GAP_NS, Link};
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::time::MILLISECOND;
use crate::traffic::Planted;

const PEERS_INSIDE: usize = 60;
const PEERS_OUTSIDE: usize = 80;
const SEEDS: usize = 4;
const BLOCKS: usize = 20;
const BLOCK: usize = 16_384;
/// Block bytes of one datagram.
const SLICE: usize = 1_380;
const PORT: u16 = 6_881;
/// Attempted transfers a second, those between hosts of one side among them.
const RATE: f64 = 16.0;

const MANY_TO_MANY: Verdict =
    Verdict::Open("every peer sends every block to others: only a baseline can tell");
const RELAYS: Verdict =
    Verdict::Open("peers pass on what they received: relays by design");

pub(super) const FIXED_PORT: Entry = Entry {
    profile: Profile::benign(
        "swarm-fixed-port",
        "140 peers share an archive over UDP port 6881",
        "propagation alone: every peer passes on what it received",
        &[
            Expectation::by_default(MANY_TO_MANY, RELAYS),
            Expectation::under("port_rule = \"destination\"", MANY_TO_MANY, RELAYS),
        ],
    ),
    open: |request| BenignSetup::default().start(request, |pool| Swarm::new(pool, true)),
};

pub(super) const RANDOM_PORTS: Entry = Entry {
    profile: Profile::benign(
        "swarm-random-ports",
        "140 peers share an archive, each at a random UDP port of its own",
        "dispersion and propagation without the port in the key",
        &[
            Expectation::by_default(
                Verdict::Silent(
                    "what both sides say is a greeting, and blocks are replies",
                ),
                RELAYS,
            ),
            Expectation::under(
                "port_rule = \"destination\"",
                Verdict::Silent("each peer has a port of its own: one destination a key"),
                Verdict::Silent("a peer receives at its port and sends to others' ports"),
            ),
            Expectation::under("port_rule = \"none\"", MANY_TO_MANY, RELAYS),
        ],
    ),
    open: |request| BenignSetup::default().start(request, |pool| Swarm::new(pool, false)),
};

struct Peer {
    end: Endpoint,
    name: [u8; 20],
    /// Which blocks it has received, and which are on their way.
    has: BTreeSet<usize>,
    awaits: BTreeSet<usize>,
}

struct Swarm {
    peers: Vec<Peer>,
    archive: Archive,
    /// Pairs that have exchanged hellos.
    met: BTreeSet<(usize, usize)>,
    /// Blocks that are still missing or on their way, in all peers.
    missing: usize,
}

struct Archive {
    hash: Vec<u8>,
    blocks: Vec<Vec<u8>>,
}

enum Event {
    /// A peer asks another for a block.
    Ask,
    /// The block has arrived.
    Arrived { peer: usize, block: usize },
}

impl Archive {
    fn new(rng: &mut Rng) -> Self {
        let blocks = (0..BLOCKS).map(|_| rng.bytes(BLOCK)).collect();
        Self { hash: rng.bytes(20), blocks }
    }
}

impl Swarm {
    fn new(pool: &mut HostPool, fixed: bool) -> Result<Self, CorpusError> {
        let mut ends = pool.outside(PEERS_OUTSIDE)?;
        ends.extend(pool.inside(PEERS_INSIDE)?);
        let rng = &mut pool.rng;
        rng.shuffle(&mut ends);
        let peers = ends.into_iter().map(|end| {
            let port = if fixed { PORT } else { rng.between(10_000, 65_000) as u16 };
            let mut name = *b"-WS0001-000000000000";
            rng.fill(&mut name[8..]);
            let end = end.at(port);
            Peer { end, name, has: BTreeSet::new(), awaits: BTreeSet::new() }
        });
        let peers = peers.collect();
        let mut swarm =
            Self { peers, archive: Archive::new(rng), met: BTreeSet::new(), missing: 0 };
        swarm.seed();
        Ok(swarm)
    }

    /// Gives the whole archive to the first peers and nothing to the others.
    fn seed(&mut self) {
        for (index, peer) in self.peers.iter_mut().enumerate() {
            peer.has =
                if index < SEEDS { (0..BLOCKS).collect() } else { BTreeSet::new() };
            peer.awaits.clear();
        }
        self.met.clear();
        self.missing = (self.peers.len() - SEEDS) * BLOCKS;
    }

    fn ask(&mut self, time_ns: u64, schedule: &mut Schedule<Event>) {
        let Schedule { link, rng, .. } = schedule;
        let (to, from) = (rng.index(self.peers.len()), rng.index(self.peers.len()));
        let (taker, giver) = (&self.peers[to], &self.peers[from]);
        let wanted: Vec<usize> = giver
            .has
            .iter()
            .filter(|block| !taker.has.contains(block) && !taker.awaits.contains(block))
            .copied()
            .collect();
        let Some(&block) = rng.pick(&wanted) else { return };
        let done = if taker.end.inside == giver.end.inside {
            // It does not cross the tap.
            time_ns + 200 * MILLISECOND
        } else {
            let new = self.met.insert((to.min(from), to.max(from)));
            transfer(time_ns, [taker, giver], &self.archive, block, new, link, rng)
        };
        self.peers[to].awaits.insert(block);
        schedule.at(done, Event::Arrived { peer: to, block });
    }

    fn arrived(&mut self, peer: usize, block: usize, rng: &mut Rng) {
        self.peers[peer].awaits.remove(&block);
        if self.peers[peer].has.insert(block) {
            self.missing -= 1;
        }
        if self.missing == 0 {
            // The swarm takes up the next archive.
            self.archive = Archive::new(rng);
            self.seed();
        }
    }
}

/// The taker asks, the giver answers; returns when the last byte has arrived.
fn transfer(
    time_ns: u64,
    [taker, giver]: [&Peer; 2],
    archive: &Archive,
    block: usize,
    new: bool,
    link: &mut Link,
    rng: &mut Rng,
) -> u64 {
    let mut stream = Stream { connection: rng.next_u64() as u16, time_ns };
    let trip = rng.between(5 * MILLISECOND, 60 * MILLISECOND);
    if new {
        for (from, to) in [(taker, giver), (giver, taker)] {
            let mut hello = b"\x13BitTorrent protocol".to_vec();
            hello.extend_from_slice(&[0, 0, 0, 0, 0, 0x10, 0, 5]);
            hello.extend_from_slice(&archive.hash);
            hello.extend_from_slice(&from.name);
            link.udp(stream.time_ns, (&from.end, &to.end), &stream.data(&hello, rng));
            stream.time_ns += trip;
        }
    }
    let place = (block as u32).to_be_bytes();
    let request = [&[0, 0, 0, 13, 6][..], &place, &[0; 4], &(BLOCK as u32).to_be_bytes()];
    let packet = stream.data(&request.concat(), rng);
    link.udp(stream.time_ns, (&taker.end, &giver.end), &packet);
    stream.time_ns += trip;
    let length = (BLOCK as u32 + 9).to_be_bytes();
    let mut piece = [&length[..], &[7], &place, &[0; 4]].concat();
    piece.extend_from_slice(&archive.blocks[block]);
    for (index, slice) in piece.chunks(SLICE).enumerate() {
        stream.time_ns += FRAME_GAP_NS * 5;
        let packet = stream.data(slice, rng);
        link.udp(stream.time_ns, (&giver.end, &taker.end), &packet);
        if index % 2 == 1 {
            let packet = stream.acknowledgement(rng);
            link.udp(stream.time_ns + trip, (&taker.end, &giver.end), &packet);
        }
    }
    stream.time_ns + trip
}

/// The 20-byte header that makes a stream of datagrams.
struct Stream {
    connection: u16,
    time_ns: u64,
}

impl Stream {
    fn data(&self, bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
        let mut packet = self.header(0x01, rng);
        packet.extend_from_slice(bytes);
        packet
    }

    fn acknowledgement(&self, rng: &mut Rng) -> Vec<u8> {
        self.header(0x21, rng)
    }

    fn header(&self, kind: u8, rng: &mut Rng) -> Vec<u8> {
        let mut header = vec![kind, 0];
        header.extend_from_slice(&self.connection.to_be_bytes());
        header.extend_from_slice(&((self.time_ns / 1_000) as u32).to_be_bytes());
        // Delay, window and numbers, which differ from packet to packet.
        rng.append(12, &mut header);
        header
    }
}

impl Process for Swarm {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        schedule.at(start_ns, Event::Ask);
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        match event {
            Event::Ask => {
                self.ask(time_ns, schedule);
                schedule.after(time_ns, RATE, Event::Ask);
            }
            Event::Arrived { peer, block } => {
                self.arrived(peer, block, &mut schedule.rng);
            }
        }
    }

    fn planted(&self) -> Planted {
        let peers = self.peers.len().into();
        Planted::none(vec![("peers", peers), ("blocks", BLOCKS.into())])
    }
}
