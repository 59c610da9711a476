//! Traffic as hosts and forgers send it, on a table that is much too small: facts are
//! weaker than those of the twin that forgets nothing, and not wrong.

use super::twin::Twin;
use super::*;
use std::collections::HashMap;

/// Numbers below a bound, one after the other.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 += 1;
        hash_word(self.0, 99) % n
    }

    /// Once in `n` times.
    fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn number(&mut self) -> u32 {
        self.below(1 << 32) as u32
    }

    /// Mostly some milliseconds, at times minutes.
    fn gap(&mut self) -> u64 {
        let minutes = if self.once_in(40) { self.below(12) } else { 0 };
        minutes * MINUTE + (1 + self.below(200)) * SECOND / 1_000
    }
}

/// The packets of one connection, as they pass the tap.
struct Line {
    connection: u64,
    pair: u64,
    /// Which end begins all that is TCP: the other would be taken for one that asks at
    /// the same time as an unanswered scan.
    low: bool,
    time: u64,
    packets: Vec<Step>,
}

impl Line {
    fn send(&mut self, dice: &mut Dice, from_higher: bool, kind: Kind, payload_len: u32) {
        self.time += dice.gap();
        let Self { connection, pair, time, .. } = *self;
        let step =
            Step { connection, from_higher, pair, kind, payload_len, time: at(time) };
        // Some packets are lost to the capture, some are sent twice. A session that shows
        // no beginning is taken for the one before.
        let begins = matches!(kind, Kind::Tcp { flags, .. } if flags & SYN != 0);
        if !dice.once_in(30) || begins && !self.packets.is_empty() {
            self.packets.push(step);
        }
        if dice.once_in(30) {
            self.packets.push(Step { time: at(time + SECOND / 100), ..step });
        }
    }

    /// A session between two hosts that see each other's segments.
    fn session(&mut self, dice: &mut Dice) {
        let begin = self.packets.len();
        let low = self.low;
        let mut next = [dice.number(), dice.number()];
        let [asks, answers] = [usize::from(low), usize::from(!low)];
        self.send(dice, low, tcp(SYN, next[asks], 0), 0);
        next[asks] = next[asks].wrapping_add(1);
        self.send(dice, !low, tcp(SYN | ACK, next[answers], next[asks]), 0);
        next[answers] = next[answers].wrapping_add(1);
        let first = next;
        self.send(dice, low, tcp(ACK, next[asks], next[answers]), 0);
        for _ in 0..dice.below(25) {
            let from = dice.once_in(2);
            let [me, other] = [usize::from(from), usize::from(!from)];
            let under_way = next[other].wrapping_sub(first[other]).min(20_000);
            let late = dice.below(u64::from(under_way) + 1) as u32;
            let len = if dice.once_in(3) { 0 } else { dice.below(1_460) as u32 };
            self.send(
                dice,
                from,
                tcp(ACK, next[me], next[other].wrapping_sub(late)),
                len,
            );
            next[me] = next[me].wrapping_add(len);
        }
        let last = [FIN | ACK, RST | ACK][dice.below(2) as usize];
        self.send(dice, low, tcp(last, next[asks], next[answers]), 0);
        // What the tap sees of it: all, its end, or one direction.
        match dice.below(6) {
            0 if begin == 0 => {
                self.packets.drain(..self.packets.len() / 2);
            }
            1 => {
                let seen = |at, step: &Step| at < begin || step.from_higher == low;
                let mut at = 0..;
                self.packets.retain(|step| seen(at.next().unwrap(), step));
            }
            _ => {}
        }
    }

    /// Segments from an address that is not the sender's, and what the victim says.
    fn forged(&mut self, dice: &mut Dice) {
        let (low, first, number) = (self.low, dice.number(), dice.number());
        // Wrong for sure.
        let guess = number.wrapping_add(1 << 31);
        let asks = dice.once_in(2);
        if asks {
            self.send(dice, low, tcp(SYN, first.wrapping_sub(1), 0), 0);
            let answers = dice.once_in(2);
            let flags = if answers { SYN | ACK } else { RST | ACK };
            self.send(dice, !low, tcp(flags, number, first), 0);
        }
        for n in 0..4 {
            let sequence = first.wrapping_add(n * 500);
            self.send(dice, low, tcp(ACK, sequence, guess), 500);
            if dice.once_in(2) {
                self.send(dice, !low, tcp(RST, guess, 0), 0);
            }
        }
    }

    fn datagrams(&mut self, dice: &mut Dice) {
        let asks = dice.once_in(2);
        self.send(dice, asks, Kind::Datagram, 40);
        for _ in 0..dice.below(12) {
            let from = dice.once_in(2);
            self.send(dice, from, Kind::Datagram, 100);
        }
    }

    fn scan(&mut self, dice: &mut Dice) {
        let first = dice.number();
        for _ in 0..=dice.below(2) {
            self.send(dice, self.low, tcp(SYN, first, 0), 0);
        }
    }
}

/// The packets of so many connections in the order of time, each with several
/// conversations.
fn traffic(seed: u64, connections: u64) -> Vec<Step> {
    let mut dice = Dice(seed << 40);
    let mut packets = Vec::new();
    for number in 0..connections {
        let time = WINDOW + dice.below(100) * MINUTE;
        let (connection, pair) = (hash_word(number, seed), hash_word(number % 701, seed));
        let low = dice.once_in(2);
        let mut line = Line { connection, pair, low, time, packets: Vec::new() };
        // What is forged after a session shares its facts, if that is still known.
        let sort = dice.below(6);
        for _ in 0..=dice.below(3) {
            match sort {
                0 | 1 => line.datagrams(&mut dice),
                2 => line.forged(&mut dice),
                _ if dice.once_in(2) => line.scan(&mut dice),
                _ => line.session(&mut dice),
            }
            line.time += dice.below(20 * 60) * SECOND;
        }
        packets.append(&mut line.packets);
    }
    packets.sort_by_key(|step| step.time);
    packets
}

/// Whether all but the pair says no more than the twin, and nothing else.
fn is_weaker(ours: &Facts, exact: &Facts) -> bool {
    (ours.role == exact.role || ours.role == Role::Unknown)
        && (ours.answered == exact.answered || ours.answered == Answered::Unknown)
        && (ours.handshake == exact.handshake || ours.handshake == Handshake::Unknown)
        && ours.midstream >= exact.midstream
}

fn pair_is_weaker(ours: NewPair, exact: NewPair) -> bool {
    ours == exact
        || ours == NewPair::Unknown
        || (ours, exact) == (NewPair::No, NewPair::Lately)
}

#[test]
fn too_little_memory_makes_facts_weaker_and_not_wrong() {
    let window = 20 * MINUTE;
    for (seed, bytes) in [(1, 1 << 20), (1, 40_000), (2, 12_000), (3, 3_000), (4, 1_200)]
    {
        let mut all = Conversations::new(bytes, Span(window), seed);
        let mut twin = Twin::new(window);
        // Whether the pair had talked in three windows when its conversation began.
        let mut had_talked = HashMap::new();
        let (mut equal, mut begun, mut wrong_pairs) = (0, 0, 0);
        let packets = traffic(seed, 3_000);
        for (n, &step) in packets.iter().enumerate() {
            let talked = twin.talked_at(step.pair, step.time.as_nanos(), 3);
            let exact = twin.observe(step, 0);
            let ours = all.observe(step);
            assert!(is_weaker(&ours, &exact), "{bytes}: {n}: {ours:?}, {exact:?}");
            equal += usize::from(ours == exact);
            if twin.has_begun(step.connection) {
                had_talked.insert(step.connection, talked);
                begun += 1;
            }
            if !pair_is_weaker(ours.new_pair, exact.new_pair) {
                let early = all.counters().pairs_turned_early > 0;
                assert_ne!(ours.new_pair, NewPair::Yes, "{bytes}: {n}");
                wrong_pairs += usize::from(!(early && had_talked[&step.connection]));
            }
        }
        let counters = all.counters();
        println!("{bytes}: {} {equal} {begun} {wrong_pairs} {counters:?}", packets.len());
        assert!(packets.len() > 30_000 && begun > 5_000);
        // Packets of conversations whose pair the filters took for another's: once in a
        // thousand conversations if they are full.
        assert!(wrong_pairs * 200 <= packets.len(), "{wrong_pairs}");
        let evicted = counters.tcp_evicted + counters.datagrams_evicted;
        assert_eq!(equal == packets.len(), bytes == 1 << 20, "{bytes}: {equal}");
        assert_eq!(evicted > 1_000, bytes < 1 << 20, "{counters:?}");
        assert_eq!(counters.pairs_turned_early > 0, bytes < 40_000, "{counters:?}");
    }
}
