//! Which new contents are followed while more come than the candidate table can hold.
//!
//! Whoever sends the traffic can make contents that repeat, as many as the link carries, and
//! each of them would displace a candidate and fill the tables of hosts. A content that
//! spreads repeats on and on; made-up ones, of which many are needed, repeat seldom. So
//! while new candidates would turn a full table over faster than in [`RETENTION`] seconds,
//! fewer begin, in steps:
//!
//! - only with the one or two least windows of a packet, by bits of their keyed hash: those
//!   are the same in every copy of a content, and one window is enough to find it;
//! - only after more sightings: two, four, eight times the prevalence threshold, and never
//!   more than a prevalence window counts;
//! - of one host, up to an eighth of what the shard admits in a second.
//!
//! What is a candidate already goes on. A step is taken back once the step before would have
//! admitted half of what is allowed, for four seconds of packet time.
//!
//! Guarantees: all of it is decided by the shard's own sightings in packet order. While the
//! table has room, nothing is refused. What a step costs a content that spreads is time: it
//! is followed from its sixth, twelfth or fifteenth copy on instead of its third, with what
//! is remembered of those before. Only windows that may begin a candidate are remembered
//! meanwhile, so that memory of first sightings lasts for longer.

use crate::packet::{Host, Timestamp};
use crate::pipeline::clock::TICK;
use crate::sketch::{CountMin, hash_pair};
use crate::state::persist;

/// Seconds in which admitted contents may turn a full table over.
const RETENTION: usize = 4;
/// Seconds for which a step must be unneeded before it is taken back.
const CALM: u64 = 4;
/// Groups of sources, each with a quota of its own.
const GROUPS: usize = 64;
/// Part of what a shard admits in a second that one group may,
const GROUP_SHARE: u32 = 8;
/// and no fewer than so many: in small tables a worm's hosts share groups with others.
const LEAST_QUOTA: u32 = 4;
/// Sources that are counted by name.
const NAMED: usize = 16;

/// Windows of a packet that may begin a candidate, and by what the prevalence threshold is
/// multiplied. The first step is that of quiet tables.
const STEPS: [(usize, u32); 6] =
    [(usize::MAX, 1), (2, 1), (1, 1), (1, 2), (1, 4), (1, 8)];

fn step(at: u8) -> (usize, u32) {
    STEPS[usize::from(at).min(STEPS.len() - 1)]
}

/// A content that is not a candidate, as the gate looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newcomer {
    pub(super) time: Timestamp,
    pub(super) source: Host,
    pub(super) prevalence: u32,
    /// How many windows of its packet are less than this one.
    pub(super) lesser: usize,
}

/// The gate of one shard. See the [module](self).
#[derive(Debug)]
pub(crate) struct Admission {
    step: u8,
    /// The second that is counted.
    second: u64,
    /// Entries asked for in it, in a full table.
    asked: u32,
    /// Contents of it that the step before would have admitted.
    would_ask: u32,
    /// Seconds in which this step was not needed.
    calm: u64,
    by_group: [u32; GROUPS],
    sources: Sources,
    /// Packets that showed newcomers, and the seconds of the first and the last.
    packets: u64,
    between: (u64, u64),
    prevalence: u32,
    /// Entries that may be asked for in a second.
    allowed: u32,
    seed: u64,
}

impl Admission {
    /// For a table of `capacity` entries, contents that are promoted at `prevalence`
    /// sightings, and the seed of the groups of sources.
    pub(super) fn new(capacity: usize, prevalence: u32, seed: u64) -> Self {
        Self {
            step: 0,
            second: 0,
            asked: 0,
            would_ask: 0,
            calm: 0,
            by_group: [0; GROUPS],
            sources: Sources::default(),
            packets: 0,
            between: (0, 0),
            prevalence,
            allowed: (capacity / RETENTION).max(4) as u32,
            seed,
        }
    }

    /// Whether all that is promoted is admitted.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.step == 0
    }

    /// Whether a new content past prevalence is to be followed.
    pub(super) fn admits(&mut self, newcomer: Newcomer) -> bool {
        self.pass(newcomer.time);
        let Newcomer { source, prevalence, lesser, .. } = newcomer;
        let Some(before) = self.step.checked_sub(1) else { return true };
        // Counted at the sighting at which it would have been, so once a content.
        let is_first = prevalence == self.threshold(before);
        let would = is_first && lesser < step(before).0;
        self.would_ask += u32::from(would);
        let is_least = lesser < step(self.step).0;
        let group = (hash_pair(0, source.0, self.seed) % GROUPS as u64) as usize;
        let most = (self.allowed / GROUP_SHARE).max(LEAST_QUOTA);
        let admitted = is_least
            && prevalence >= self.threshold(self.step)
            && self.by_group[group] < most;
        self.by_group[group] += u32::from(admitted);
        // Once a packet.
        if lesser == 0 {
            self.count(source);
        }
        admitted
    }

    /// Notes that `entries` candidates were asked for in a full table.
    pub(super) fn ask(&mut self, time: Timestamp, entries: u64) {
        self.pass(time);
        self.asked += entries as u32;
        if self.asked > self.allowed && usize::from(self.step) + 1 < STEPS.len() {
            self.step += 1;
            (self.asked, self.calm) = (0, 0);
            // It is needed for this second.
            self.would_ask = self.allowed;
        }
    }

    /// Packets that showed new contents past prevalence while the gate was not open, and the
    /// seconds of the first and of the last.
    pub(crate) fn packets(&self) -> (u64, (u64, u64)) {
        (self.packets, self.between)
    }

    /// Sightings after which a content is followed now.
    pub(crate) fn sightings(&self) -> u32 {
        self.threshold(self.step)
    }

    /// Their sources, with at least so many packets of each.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (Host, u64)> {
        self.sources.0.iter().map(|it| (it.host, it.count - it.error))
    }

    fn threshold(&self, at: u8) -> u32 {
        let most = u32::from(CountMin::CAP).max(self.prevalence);
        (self.prevalence * step(at).1).min(most)
    }

    fn count(&mut self, source: Host) {
        if self.packets == 0 {
            self.between.0 = self.second;
        }
        self.between.1 = self.second;
        self.packets += 1;
        self.sources.count(source);
    }

    /// Moves on to the second of `time`.
    fn pass(&mut self, time: Timestamp) {
        let second = time.as_nanos() / TICK.0;
        if second <= self.second {
            return;
        }
        let idle = second - self.second - 1;
        let is_needed = self.would_ask > self.allowed / 2;
        self.calm = if is_needed { idle } else { self.calm + 1 + idle };
        while self.step > 0 && self.calm >= CALM {
            self.step -= 1;
            self.calm -= CALM;
        }
        (self.second, self.asked, self.would_ask) = (second, 0, 0);
        self.by_group = [0; GROUPS];
    }
}

/// Sources by their packets, as space saving counts them (Metwally, Agrawal, El Abbadi
/// 2005): what each has at least is its count less its error.
#[derive(Debug, Default)]
struct Sources(Vec<Counted>);

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    host: Host,
    count: u64,
    error: u64,
}

impl Sources {
    fn count(&mut self, host: Host) {
        if let Some(known) = self.0.iter_mut().find(|it| it.host == host) {
            known.count += 1;
            return;
        }
        if self.0.len() < NAMED {
            self.0.push(Counted { host, count: 1, error: 0 });
        } else if let Some(least) = self.0.iter_mut().min_by_key(|it| it.count) {
            *least = Counted { host, count: least.count + 1, error: least.count };
        }
    }
}

persist!(Admission {
    step, second, asked, would_ask, calm, by_group, sources, packets, between;
    prevalence, allowed, seed
});
persist!(Counted { host, count, error });

persist!(Sources { 0 });

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: usize = RETENTION * 40;

    fn gate() -> Admission {
        Admission::new(CAPACITY, 3, 5)
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * TICK.0 + 7)
    }

    fn newcomer(seconds: u64, source: u128, prevalence: u32, lesser: usize) -> Newcomer {
        Newcomer { time: at(seconds), source: Host(source), prevalence, lesser }
    }

    /// A gate that was pushed up so many steps in a second.
    fn pushed(steps: u64, second: u64) -> Admission {
        let mut gate = gate();
        for _ in 0..41 * steps {
            gate.ask(at(second), 1);
        }
        gate
    }

    #[test]
    fn what_the_table_can_hold_opens_the_gate_to_all() {
        let mut gate = gate();
        for second in 0..100 {
            gate.ask(at(second), 40);
            assert!(gate.is_open());
            assert!(gate.admits(newcomer(second, 1, 3, 99)));
        }
        gate.ask(at(99), 1);
        assert!(!gate.is_open());
    }

    #[test]
    fn each_step_asks_for_more_copies_and_fewer_windows() {
        for (steps, copies, windows) in [
            (0, 3, 99),
            (1, 3, 2),
            (2, 3, 1),
            (3, 6, 1),
            (4, 12, 1),
            (5, 15, 1),
            (9, 15, 1),
        ] {
            let mut gate = pushed(steps, 1);
            assert_eq!(gate.sightings(), copies, "{steps}");
            assert!(gate.admits(newcomer(1, 1, copies, windows - 1)));
            assert!(gate.is_open() || !gate.admits(newcomer(1, 2, copies, windows)));
            assert!(gate.is_open() || !gate.admits(newcomer(1, 3, copies - 1, 0)));
        }
    }

    #[test]
    fn a_step_that_is_not_needed_for_four_seconds_is_taken_back() {
        let mut gate = pushed(4, 10);
        // Six copies are what the step before asks for; as long as twenty contents a second
        // reach them it is needed.
        for second in 11..60 {
            (0..21).for_each(|n| {
                gate.admits(newcomer(second, n, 6, 0));
            });
            assert_eq!(gate.sightings(), 12);
        }
        for second in 60..65 {
            assert_eq!(gate.sightings(), 12, "{second}");
            (0..20).for_each(|n| {
                gate.admits(newcomer(second, n, 6, 0));
            });
        }
        assert_eq!(gate.sightings(), 6);
        // Time that nothing came in counts as well.
        gate.admits(newcomer(90, 1, 1, 0));
        assert!(gate.is_open());
    }

    #[test]
    fn one_host_gets_an_eighth_and_the_others_theirs() {
        let mut gate = pushed(1, 1);
        let admitted = |gate: &mut Admission, source| {
            (0..100).filter(|_| gate.admits(newcomer(1, source, 9, 0))).count()
        };
        assert_eq!(admitted(&mut gate, 1), 5);
        assert_eq!(admitted(&mut gate, 2), 5);
        assert_eq!(gate.packets(), (200, (1, 1)));
        let mut sources: Vec<_> = gate.sources().collect();
        sources.sort_unstable();
        assert_eq!(sources, [(Host(1), 100), (Host(2), 100)]);
        assert!(gate.admits(newcomer(2, 1, 9, 0)), "in another second");
    }

    #[test]
    fn a_host_that_sends_much_is_named_among_many() {
        let mut sources = Sources::default();
        for n in 0..10_000 {
            sources.count(Host(if n % 4 == 0 { 7 } else { 100 + n }));
        }
        let most = sources.0.iter().max_by_key(|it| it.count - it.error).unwrap();
        assert_eq!(most.host, Host(7));
        let certain = most.count - most.error;
        assert!((1_800..=2_500).contains(&certain), "{certain}");
    }
}
