//! Taps that send what can be told from their names and ticks, and a merger whose state
//! depends on the order of everything.

use super::environment::say;
use std::path::Path;
use std::time::{Duration, Instant};
use wormsift_cluster::closing::{Rules, Tick};
use wormsift_cluster::jetstream::{Event, Link, Publisher, Receiver, Server};
use wormsift_cluster::spool::{DEFAULT_CAPACITY, Spool};
use wormsift_cluster::{Fleet, TapName};

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// What is promised after a restart. The one time that is asserted: it takes a fifth of it at
/// most on two busy cores.
const RECOVERY: Duration = Duration::from_secs(5);

/// All is merged again that was sent while something was broken; says how long it took.
pub(crate) fn recovered(begin: Instant) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let took = begin.elapsed();
    say(&format!("{test}: recovered in {:.1} s", took.as_secs_f64()));
    assert!(took < RECOVERY, "recovered in {took:?}");
}

pub(crate) fn fleet() -> Fleet {
    Fleet::new("test").unwrap()
}

pub(crate) fn tap(name: &str) -> TapName {
    TapName::new(name).unwrap()
}

pub(crate) fn link(url: &str, name: &str) -> Link {
    let server = Server { urls: url.to_owned(), ..Server::default() };
    Link::open(server, &tap(name)).unwrap()
}

/// What a tap says in a tick: two parts in every third.
pub(crate) fn contents(tap: &str, tick: u64) -> Vec<Vec<u8>> {
    let parts = if tick.is_multiple_of(3) { 2 } else { 1 };
    (0..parts)
        .map(|part| format!("{tap}/{tick}/{part}").repeat(20).into_bytes())
        .collect()
}

/// A number that tells two sequences of ticks apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Merged(pub(crate) u64);

impl Merged {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0xff]) {
            self.0 = (self.0 ^ u64::from(*byte))
                .wrapping_mul(0x0000_0100_0000_01b3)
                .rotate_left(5);
        }
    }

    pub(crate) fn tick(&mut self, tick: &Tick) {
        self.add(&tick.tick.to_le_bytes());
        for parcel in &tick.parcels {
            self.add(parcel.tap.as_str().as_bytes());
            self.add(&parcel.bytes);
        }
    }

    /// What comes of the first ticks of taps that nothing happened to.
    pub(crate) fn twin(taps: &[&str], ticks: u64) -> Self {
        let mut merged = Self::default();
        for tick in 0..ticks {
            merged.add(&tick.to_le_bytes());
            for tap in taps {
                for bytes in contents(tap, tick) {
                    merged.add(tap.as_bytes());
                    merged.add(&bytes);
                }
            }
        }
        merged
    }
}

/// One of the fleet's taps, which sends on from where its spool ends.
pub(crate) struct Tap {
    pub(crate) publisher: Publisher,
    name: String,
    last: u64,
    next: (u64, usize),
}

impl Tap {
    /// Its ticks are those before `ticks`.
    pub(crate) fn new(name: &str, url: &str, folder: &Path, ticks: u64) -> Self {
        let spool =
            Spool::open(&folder.join(name), &fleet(), &tap(name), DEFAULT_CAPACITY)
                .unwrap();
        let mut sent = spool.next();
        let mut next = (0, 0);
        while sent > 0 {
            let parts = contents(name, next.0).len();
            let now = usize::try_from(sent).unwrap().min(parts);
            sent -= now as u64;
            next = if now == parts { (next.0 + 1, 0) } else { (next.0, now) };
        }
        let publisher = Publisher::start(&link(url, name), &fleet(), &tap(name), spool);
        Self { publisher, name: name.to_owned(), last: ticks - 1, next }
    }

    /// Waits until the broker has all of it.
    pub(crate) fn wait_until_delivered(&self) {
        let begin = Instant::now();
        loop {
            let progress = self.publisher.progress();
            if progress.delivered >= progress.appended {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{progress:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends what is left of the ticks before `end`.
    pub(crate) fn send_to(&mut self, end: u64) {
        while self.next.0 < end {
            let contents = contents(&self.name, self.next.0);
            for (part, bytes) in contents.iter().enumerate().skip(self.next.1) {
                let leaves = self.next.0 == self.last && part + 1 == contents.len();
                self.publisher.send(self.next.0, part as u32, leaves, bytes).unwrap();
            }
            self.next = (self.next.0 + 1, 0);
        }
    }
}

/// A merger that goes on from its checkpoint, and writes one every few ticks.
pub(crate) struct Merger {
    pub(crate) receiver: Receiver,
    pub(crate) merged: Merged,
    pub(crate) ticks: u64,
    pub(crate) every: u64,
}

impl Merger {
    pub(crate) fn new(url: &str, folder: &Path, taps: &[&str], every: u64) -> Self {
        let declared: Vec<_> = taps.iter().map(|name| tap(name)).collect();
        let rules = Rules::new(1_000_000);
        let (receiver, state) = Receiver::open(
            &link(url, "merger"),
            &fleet(),
            &folder.join("merger"),
            rules,
            &declared,
        )
        .unwrap();
        let state = state.unwrap_or_else(|| vec![0; 16]);
        let number =
            |at: usize| u64::from_le_bytes(state[at..at + 8].try_into().unwrap());
        Self { receiver, merged: Merged(number(0)), ticks: number(8), every }
    }

    /// Merges until `ticks` are merged.
    pub(crate) fn merge_to(&mut self, ticks: u64) {
        let begin = Instant::now();
        while self.ticks < ticks {
            assert!(
                begin.elapsed() < PATIENCE,
                "only {} of {ticks} ticks: {:#?}",
                self.ticks,
                self.receiver.counters()
            );
            self.step(Duration::from_millis(200));
        }
    }

    /// Takes the next message, if one comes; says whether.
    pub(crate) fn step(&mut self, wait: Duration) -> bool {
        let Some(events) = self.receiver.next(wait).unwrap() else { return false };
        let before = self.ticks / self.every;
        for event in events {
            match event {
                Event::Tick(tick) => {
                    assert_eq!(tick.tick, self.ticks, "each tick once, in order");
                    assert_eq!(tick.blind, [], "nobody is blind");
                    self.merged.tick(&tick);
                    self.ticks += 1;
                }
                Event::Late(parcel) => panic!("{parcel:?} is late"),
                Event::Piece(piece) => panic!("{piece:?} was not asked for"),
            }
        }
        if self.ticks / self.every > before {
            self.checkpoint();
        }
        true
    }

    pub(crate) fn checkpoint(&mut self) {
        let numbers = [self.merged.0, self.ticks];
        self.receiver.checkpoint(&numbers.map(u64::to_le_bytes).concat()).unwrap();
    }

    /// All is merged, and every tap is told.
    pub(crate) fn finish(&mut self, taps: &[Tap]) {
        self.checkpoint();
        for tap in taps {
            let is_covered = tap.publisher.wait_until_covered(PATIENCE);
            assert!(is_covered, "{:?}: {:#?}", tap.name, tap.publisher.counters());
        }
    }
}
