//! Any steps whatever, with numbers that often fit: equal to the twin at every step.

use super::twin::Twin;
use super::*;
use crate::state::{Exchange, Persist};
use proptest::prelude::*;
use std::collections::HashMap;

/// Makes steps of numbers, and remembers what would go on from them.
struct Player {
    connections: u64,
    window: u64,
    time: u64,
    /// Per connection, what each side would send next.
    next: HashMap<u64, [u32; 2]>,
}

/// Takes a number below `n` out of `raw`.
fn take(raw: &mut u64, n: u64) -> u64 {
    let taken = *raw % n;
    *raw /= n;
    taken
}

impl Player {
    fn new(connections: u64, window: u64) -> Self {
        Self { connections, window, time: 3 * window, next: HashMap::new() }
    }

    fn step(&mut self, mut raw: u64, also: u64) -> Step {
        let raw = &mut raw;
        self.time += match take(raw, 64) {
            0 => 5 * MINUTE,
            1 => 5 * MINUTE - 1,
            2 => self.window,
            3 => 2 * MINUTE,
            some => some * SECOND / 10,
        };
        let time = self.time - take(raw, 2) * take(raw, 3) * SECOND;
        let number = take(raw, self.connections);
        let from_higher = take(raw, 2) == 1;
        let payload_len =
            [0, 0, 0, 10, 10, 1_400, 70_000, 1 << 29][take(raw, 8) as usize];
        let segments = take(raw, 4) == 0;
        let kind = match number % 4 {
            0 => Kind::Datagram,
            1 if !segments => {
                use Handshake::Unknown;
                let handshake = [Unknown, Unknown, Gets, GetsNone][take(raw, 4) as usize];
                Kind::HostStream { handshake, begins: take(raw, 4) == 0 }
            }
            _ => self.segment(number, from_higher, payload_len, raw, also as u32),
        };
        Step {
            connection: hash_word(number, 11),
            from_higher,
            pair: hash_word(number % 7, 12),
            kind,
            payload_len,
            time: at(time),
        }
    }

    fn segment(
        &mut self,
        number: u64,
        from_higher: bool,
        len: u32,
        raw: &mut u64,
        any: u32,
    ) -> Kind {
        let first = [number as u32 * 1_000, (number as u32 * 1_000).wrapping_neg()];
        let [me, other] = [usize::from(from_higher), usize::from(!from_higher)];
        let next = self.next.entry(number).or_insert(first);
        const FLAGS: [u8; 16] = [
            ACK,
            ACK,
            ACK,
            ACK,
            ACK,
            ACK,
            FIN | ACK,
            SYN,
            SYN,
            SYN | ACK,
            SYN | ACK,
            RST,
            RST | ACK,
            0,
            FIN,
            SYN | RST,
        ];
        let flags = FLAGS[take(raw, 16) as usize];
        let syn = flags & SYN != 0;
        let sequence = match take(raw, 8) {
            0..3 if syn => first[me],
            3 if syn => next[me],
            0..5 => next[me],
            5 => next[me].wrapping_sub(1_400),
            6 => next[me].wrapping_add(1 << 30),
            _ => any,
        };
        let acknowledgement = match take(raw, 8) {
            0..3 => next[other],
            3 => first[other].wrapping_add(1),
            4 => next[other].wrapping_sub(65_536),
            5 => next[other].wrapping_add(65_535),
            6 => next[other].wrapping_add(1 << 29),
            _ => any.rotate_left(9),
        };
        if take(raw, 4) > 0 {
            next[me] = sequence.wrapping_add(len + u32::from(syn));
        }
        tcp(flags, sequence, acknowledgement)
    }
}

/// Plays to a table and to the twin; the twin forgets what the table does.
fn play(
    all: &mut Conversations,
    connections: u64,
    window: u64,
    raws: impl Iterator<Item = (u64, u64)>,
) -> HashMap<Facts, u64> {
    let mut player = Player::new(connections, window);
    let mut twin = Twin::new(window);
    let mut seen = HashMap::new();
    for (n, (raw, also)) in raws.enumerate() {
        let step = player.step(raw, also);
        let set = all.table.set(step.connection).unwrap();
        let Observed { facts, answers, .. } = all.take(step);
        assert_eq!(facts, twin.observe(step, set), "step {n}: {step:?}");
        assert_eq!(answers, twin.has_answered(step.connection), "step {n}: {step:?}");
        *seen.entry(facts).or_default() += 1;
        for connection in twin.known() {
            if !all.table.holds(connection) {
                twin.forget(connection, all.table.set(connection).unwrap());
            }
        }
    }
    seen
}

fn random(seed: u64, count: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..count).map(move |n| (hash_word(n, seed), hash_word(n, seed + 1)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn with_memory_enough_every_fact_is_the_twins(
        raws in prop::collection::vec(any::<(u64, u64)>(), 1..150),
        connections in 1_u64..9,
        window in prop::sample::select(vec![MINUTE, WINDOW]),
    ) {
        let mut all = Conversations::new(1 << 17, Span(window), 3);
        play(&mut all, connections, window, raws.into_iter());
        let counters = all.counters();
        prop_assert_eq!(counters.tcp_evicted + counters.datagrams_evicted, 0);
        prop_assert_eq!(counters.pairs_turned_early, 0);
    }

    #[test]
    fn a_small_table_knows_what_is_left_when_what_it_forgets_is_forgotten(
        raws in prop::collection::vec(any::<(u64, u64)>(), 1..200),
        connections in 9_u64..40,
        window in prop::sample::select(vec![MINUTE, WINDOW]),
    ) {
        let mut all = beside_large_filters(1_200, window);
        play(&mut all, connections, window, raws.into_iter());
    }

    #[test]
    fn what_is_saved_and_restored_goes_on_the_same(
        raws in prop::collection::vec(any::<(u64, u64)>(), 2..200),
    ) {
        let mut player = Player::new(30, MINUTE);
        let mut all = Conversations::new(3_000, Span(MINUTE), 5);
        let (before, after) = raws.split_at(raws.len() / 2);
        for (raw, also) in before {
            all.observe(player.step(*raw, *also));
        }
        let mut saved = Vec::new();
        all.persist(&mut Exchange::writing(&mut saved)).unwrap();
        let mut restored = Conversations::new(3_000, Span(MINUTE), 5);
        restored.observe(step(HIGH, 0, Kind::Datagram, 1));
        restored.persist(&mut Exchange::reading(&mut &saved[..])).unwrap();
        for (raw, also) in after {
            let step = player.step(*raw, *also);
            prop_assert_eq!(all.observe(step), restored.observe(step));
        }
        prop_assert_eq!(all.counters(), restored.counters());
    }
}

/// Many steps, so that rare facts are among them.
#[test]
fn a_long_run_shows_every_kind_of_fact_and_each_is_the_twins() {
    let mut seen: HashMap<Facts, u64> = HashMap::new();
    for (round, window) in [(1, MINUTE), (2, WINDOW)] {
        let mut all = Conversations::new(1 << 20, Span(window), 3);
        let large = play(&mut all, 30, window, random(round * 10, 60_000));
        assert_eq!(all.counters().tcp_evicted, 0);
        let mut all = beside_large_filters(2_000, window);
        let small = play(&mut all, 90, window, random(round * 10 + 5, 60_000));
        let counters = all.counters();
        let [evicted, doubtful] = [counters.tcp_evicted, counters.doubtful];
        assert!(evicted.min(counters.datagrams_evicted) > 1_000, "{counters:?}");
        assert!(doubtful > 500, "{counters:?}");
        for (facts, count) in large.into_iter().chain(small) {
            *seen.entry(facts).or_default() += count;
        }
    }
    let count = |like: &dyn Fn(&Facts) -> bool| -> u64 {
        seen.iter().filter(|(facts, _)| like(facts)).map(|(_, count)| count).sum()
    };
    for role in [Role::Unknown, Initiator, Responder] {
        for answered in [Answered::Unknown, No, Yes] {
            // Who is known to answer has been asked.
            let any = role != Responder || answered != No;
            assert_eq!(
                count(&|it| it.role == role && it.answered == answered) > 100,
                any,
                "{role:?} {answered:?}"
            );
        }
    }
    for handshake in [Handshake::Unknown, Gets, GetsNone] {
        for midstream in [false, true] {
            let both =
                count(&|it| (it.handshake, it.midstream) == (handshake, midstream));
            assert!(both > 1_000, "{handshake:?} {midstream}: {both}");
        }
    }
    use NewPair::{Lately, Unknown};
    for new_pair in [Unknown, NewPair::No, Lately, NewPair::Yes] {
        let pairs = count(&|it| it.new_pair == new_pair);
        assert!(pairs > 1_000, "{new_pair:?}: {pairs}");
    }
}
