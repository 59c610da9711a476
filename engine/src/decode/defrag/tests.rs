use etherparse::defrag::IpFragRange;
use proptest::prelude::*;

use super::partial::MAX_PIECES;
use super::*;
use crate::packet::protocol;

const ROOMY: usize = 1 << 20;

fn piece(identification: u32, offset: u16, more: bool, bytes: &[u8]) -> Fragment<'_> {
    Fragment {
        number: 1,
        time: Timestamp::from_nanos(0),
        source: IpAddr::from([192, 0, 2, 1]),
        destination: IpAddr::from([192, 0, 2, 2]),
        identification,
        protocol: protocol::UDP,
        encapsulation: 0,
        untrusted_tunnel: false,
        offset,
        more,
        depth: 0,
        routed: false,
        bytes,
    }
}

/// What the pool must always hold to: the budget, and every fragment counted once.
#[track_caller]
fn assert_sound(pool: &Defragmenter) {
    let held: usize = pool
        .waiting
        .iter()
        .map(|partial| {
            let pieces = size_of_val(partial.buffer.sections().as_slice());
            assert!(pieces <= PIECES_BYTES);
            assert!(
                partial.buffer.sections().capacity() * size_of::<IpFragRange>()
                    <= PIECES_BYTES
            );
            partial.buffer.data().capacity() + PIECES_BYTES
        })
        .sum();
    assert_eq!(held, pool.used);
    assert!(held <= pool.budget, "{held} bytes are held");
    assert!(pool.waiting.len() <= pool.slots);
    assert_eq!(pool.waiting.len(), pool.tags.len());
    let counts = pool.counters();
    let accounted = counts.reassembled
        + counts.duplicates
        + counts.timed_out
        + counts.evicted_slots
        + counts.evicted_bytes
        + counts.refused_too_long
        + counts.refused_length
        + counts.refused_end
        + counts.refused_scattered
        + counts.refused_memory
        + pool.waiting();
    assert_eq!(accounted, counts.fragments);
}

/// The same rules, a byte at a time.
struct Twin {
    bytes: Vec<Option<u8>>,
    end: Option<usize>,
}

impl Twin {
    fn new() -> Self {
        Self { bytes: vec![None; 65_536], end: None }
    }

    fn insert(&mut self, fragment: &Fragment<'_>) -> Option<Vec<u8>> {
        let start = usize::from(fragment.offset);
        let end = start + fragment.bytes.len();
        if fragment.more
            && (fragment.bytes.is_empty() || !fragment.bytes.len().is_multiple_of(8))
        {
            return None;
        }
        let furthest =
            self.bytes.iter().rposition(Option::is_some).map_or(0, |at| at + 1);
        match self.end {
            Some(known) if end > known || (!fragment.more && end != known) => {
                return None;
            }
            None if !fragment.more && end < furthest => return None,
            _ => {}
        }
        if !fragment.more {
            self.end = Some(end);
        }
        for (place, byte) in self.bytes[start..end].iter_mut().zip(fragment.bytes) {
            place.get_or_insert(*byte);
        }
        let whole: Option<Vec<u8>> = self.bytes[..self.end?].iter().copied().collect();
        if whole.is_some() {
            *self = Self::new();
        }
        whole
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn overlaps_and_contradictions_end_as_in_a_byte_map_where_the_first_copy_wins(
        fragments in prop::collection::vec(
            (0_u16..6, 0_usize..28, any::<bool>(), any::<u8>()),
            1..40,
        ),
    ) {
        let mut pool = Defragmenter::new(4, ROOMY);
        let mut twin = Twin::new();
        for (offset, length, more, fill) in fragments {
            // Mostly whole units, sometimes not.
            let length = if length % 5 == 0 { length } else { length / 8 * 8 };
            let bytes: Vec<u8> = (0..length).map(|at| fill.wrapping_add(at as u8)).collect();
            let fragment = piece(1, offset * 8, more, &bytes);
            let whole = pool.insert(&fragment).map(|datagram| datagram.bytes);
            prop_assert_eq!(whole, twin.insert(&fragment));
            assert_sound(&pool);
        }
    }
}

/// A datagram's bytes and its fragments: offset, length, whether more follow.
type Cut = (Vec<u8>, Vec<(u16, usize, bool)>);

fn cut_datagram() -> impl Strategy<Value = Cut> {
    (
        prop::collection::vec(any::<u8>(), 9..1_200),
        prop::collection::btree_set(1_usize..150, 1..12),
    )
        .prop_map(|(bytes, units)| {
            let mut ends: Vec<usize> = units
                .iter()
                .map(|unit| unit * 8)
                .filter(|end| *end < bytes.len())
                .collect();
            ends.push(bytes.len());
            let mut start = 0;
            let cuts = ends
                .iter()
                .map(|end| {
                    let cut = (start as u16, end - start, *end < bytes.len());
                    start = *end;
                    cut
                })
                .collect();
            (bytes, cuts)
        })
}

/// Datagrams, and an order of their fragments in which some come twice.
fn shuffled() -> impl Strategy<Value = (Vec<Cut>, Vec<(usize, usize)>)> {
    prop::collection::vec(cut_datagram(), 1..5)
        .prop_flat_map(|cuts| {
            let all: Vec<(usize, usize)> = cuts
                .iter()
                .enumerate()
                .flat_map(|(which, (_, pieces))| {
                    (0..pieces.len()).map(move |place| (which, place))
                })
                .collect();
            let twice = prop::sample::subsequence(all.clone(), 0..=all.len());
            (Just(cuts), Just(all), twice)
        })
        .prop_flat_map(|(cuts, mut all, twice)| {
            all.extend(twice);
            (Just(cuts), Just(all).prop_shuffle())
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_order_with_duplicates_and_interleaved_gives_the_originals((cuts, order) in shuffled()) {
        let mut pool = Defragmenter::new(8, ROOMY);
        let mut completed = vec![0; cuts.len()];
        for (number, (which, place)) in order.iter().enumerate() {
            let (bytes, pieces) = &cuts[*which];
            let (offset, length, more) = pieces[*place];
            let start = usize::from(offset);
            let mut fragment =
                piece(*which as u32, offset, more, &bytes[start..start + length]);
            fragment.number = number as u64;
            fragment.time = Timestamp::from_nanos(number as u64 * 10);
            if let Some(datagram) = pool.insert(&fragment) {
                prop_assert_eq!(&datagram.bytes, bytes);
                prop_assert_eq!(datagram.number, fragment.number);
                prop_assert_eq!(datagram.time, fragment.time);
                completed[*which] += 1;
            }
            assert_sound(&pool);
        }
        prop_assert!(completed.iter().all(|times| *times >= 1));
    }
}

#[test]
fn a_duplicate_is_harmless_and_an_overlap_keeps_the_first_copy() {
    let mut pool = Defragmenter::new(2, ROOMY);
    assert!(pool.insert(&piece(1, 8, true, &[1; 16])).is_none());
    assert!(pool.insert(&piece(1, 8, true, &[1; 16])).is_none());
    assert_eq!(pool.counters().duplicates, 1);
    assert!(pool.insert(&piece(1, 16, false, &[2; 12])).is_none());
    assert_eq!(pool.counters().overlaps, 1);
    let datagram = pool.insert(&piece(1, 0, true, &[3; 16])).unwrap();
    assert_eq!(datagram.bytes, [[3; 8].as_slice(), &[1; 16], &[2; 4]].concat());
    let counts = pool.counters();
    assert_eq!((counts.reassembled, counts.datagrams, counts.overlaps), (3, 1, 2));
    assert_eq!(pool.waiting(), 0);
    assert_sound(&pool);
}

#[test]
fn an_end_may_come_after_all_its_bytes() {
    let mut pool = Defragmenter::new(2, ROOMY);
    assert!(pool.insert(&piece(1, 0, true, &[1; 16])).is_none());
    let datagram = pool.insert(&piece(1, 8, false, &[2; 8])).unwrap();
    assert_eq!(datagram.bytes, [1; 16]);
    assert!(pool.insert(&piece(2, 0, true, &[1; 16])).is_none());
    assert_eq!(pool.insert(&piece(2, 16, false, &[])).unwrap().bytes, [1; 16]);
}

#[test]
fn fragments_of_other_datagrams_are_told_apart() {
    let first = piece(1, 0, true, &[1; 8]);
    let last = piece(1, 8, false, &[2; 8]);
    let others = [
        Fragment { source: IpAddr::from([9; 4]), ..last },
        Fragment { destination: IpAddr::from([9; 4]), ..last },
        // The same tag as the right one, for the ends swap their places.
        Fragment { source: last.destination, destination: last.source, ..last },
        Fragment { identification: 2, ..last },
        Fragment { protocol: protocol::TCP, ..last },
        Fragment { encapsulation: 3, ..last },
    ];
    let mut pool = Defragmenter::new(16, ROOMY);
    assert!(pool.insert(&first).is_none());
    for other in &others {
        assert!(pool.insert(other).is_none(), "{other:?}");
    }
    assert_eq!(pool.insert(&last).unwrap().bytes.len(), 16);
    assert_eq!(pool.waiting(), others.len() as u64);
}

#[test]
fn the_first_fragment_of_an_ipv6_datagram_names_its_protocol() {
    let ends = (IpAddr::from([1_u16; 8]), IpAddr::from([2_u16; 8]));
    let v6 = |fragment| Fragment { source: ends.0, destination: ends.1, ..fragment };
    let mut pool = Defragmenter::new(16, ROOMY);
    let last = Fragment { protocol: 99, ..v6(piece(1, 8, false, &[2; 8])) };
    assert!(pool.insert(&last).is_none());
    let datagram = pool.insert(&v6(piece(1, 0, true, &[1; 8]))).unwrap();
    assert_eq!(datagram.protocol, protocol::UDP);
}

#[test]
fn impossible_fragments_are_refused_under_their_names() {
    let mut pool = Defragmenter::new(16, ROOMY);
    let long = vec![0; 8];
    assert!(pool.insert(&piece(1, 65_528, true, &long)).is_none());
    assert_eq!(pool.counters().refused_too_long, 1);
    assert!(pool.insert(&piece(1, 8, true, &[0; 9])).is_none());
    assert!(pool.insert(&piece(1, 8, true, &[])).is_none());
    assert_eq!(pool.counters().refused_length, 2);
    assert_eq!(pool.waiting(), 0);
    assert!(pool.insert(&piece(1, 16, true, &[0; 16])).is_none());
    assert!(pool.insert(&piece(1, 8, false, &[0; 8])).is_none());
    assert_eq!(pool.counters().refused_end, 1, "short of bytes that are there");
    assert!(pool.insert(&piece(1, 40, false, &[0; 8])).is_none());
    assert!(pool.insert(&piece(1, 40, false, &[0; 7])).is_none());
    assert!(pool.insert(&piece(1, 48, true, &[0; 8])).is_none());
    assert_eq!(pool.counters().refused_end, 3, "another end, and past the end");
    assert_sound(&pool);
    let longest = vec![5; 65_535];
    let mut pool = Defragmenter::new(1, ROOMY);
    assert!(pool.insert(&piece(1, 65_528, false, &longest[..7])).is_none());
    let datagram = pool.insert(&piece(1, 0, true, &longest[..65_528])).unwrap();
    assert_eq!(datagram.bytes, longest);
}

#[test]
fn a_datagram_in_too_many_pieces_takes_only_what_joins_them() {
    let mut pool = Defragmenter::new(1, ROOMY);
    for unit in 0..=MAX_PIECES as u16 {
        assert!(pool.insert(&piece(1, unit * 16, true, &[0; 8])).is_none());
    }
    assert_eq!(pool.counters().refused_scattered, 1);
    assert!(pool.insert(&piece(1, 8, true, &[0; 8])).is_none());
    assert!(pool.insert(&piece(1, 4_000, true, &[0; 8])).is_none());
    assert_eq!(pool.counters().refused_scattered, 1, "there is a place again");
    assert_sound(&pool);
}

#[test]
fn a_datagram_has_thirty_seconds_and_no_more() {
    let at =
        |nanos, fragment| Fragment { time: Timestamp::from_nanos(nanos), ..fragment };
    let first = at(1_000, piece(1, 0, true, &[1; 8]));
    let last = piece(1, 8, false, &[2; 8]);
    let mut pool = Defragmenter::new(4, ROOMY);
    assert!(pool.insert(&first).is_none());
    assert!(pool.insert(&at(1_000 + REASSEMBLY_NANOS, last)).is_some());
    assert!(pool.insert(&first).is_none());
    assert!(pool.insert(&at(1_001 + REASSEMBLY_NANOS, last)).is_none());
    assert_eq!(pool.counters().timed_out, 1);
    assert_eq!(pool.waiting(), 1, "the late one starts anew");
    assert_sound(&pool);
    let again = at(1_002 + REASSEMBLY_NANOS, piece(1, 0, true, &[1; 8]));
    assert_eq!(pool.insert(&again).unwrap().bytes.len(), 16);
}

#[test]
fn one_wrong_timestamp_does_not_empty_the_pool() {
    let mut pool = Defragmenter::new(4, ROOMY);
    assert!(pool.insert(&piece(1, 0, true, &[1; 8])).is_none());
    let bogus = Timestamp::from_nanos(u64::MAX);
    assert!(
        pool.insert(&Fragment { time: bogus, ..piece(2, 0, true, &[1; 8]) }).is_none()
    );
    assert!(pool.insert(&piece(1, 8, false, &[2; 8])).is_some());
    assert!(pool.insert(&piece(2, 8, false, &[2; 8])).is_some(), "earlier is not late");
}

#[test]
fn the_oldest_makes_room_for_the_newest() {
    let mut pool = Defragmenter::new(2, ROOMY);
    for identification in 1..=3 {
        assert!(pool.insert(&piece(identification, 0, true, &[1; 8])).is_none());
    }
    assert_eq!(pool.counters().evicted_slots, 1);
    assert!(pool.insert(&piece(2, 8, false, &[2; 8])).is_some(), "the second stayed");
    assert!(pool.insert(&piece(3, 8, false, &[2; 8])).is_some(), "so did the third");
    assert!(pool.insert(&piece(1, 8, false, &[2; 8])).is_none(), "the first went");
    let late = Timestamp::from_nanos(REASSEMBLY_NANOS + 1);
    for identification in 4..=5 {
        let fragment = piece(identification, 0, true, &[1; 8]);
        assert!(pool.insert(&Fragment { time: late, ..fragment }).is_none());
    }
    assert_eq!(pool.counters().timed_out, 1, "it had waited too long in any case");
    assert_eq!(pool.counters().evicted_slots, 1);
    assert_sound(&pool);
}

#[test]
fn memory_goes_to_the_newest_and_a_datagram_never_evicts_itself() {
    let mut pool = Defragmenter::new(8, 4 * (1_000 + PIECES_BYTES));
    for identification in 0..4 {
        assert!(pool.insert(&piece(identification, 0, true, &[1; 1_000])).is_none());
    }
    assert_eq!(pool.counters().evicted_bytes, 0);
    // The oldest grows: the others go, from the oldest on.
    assert!(pool.insert(&piece(0, 1_000, true, &[1; 1_000])).is_none());
    assert_eq!(pool.counters().evicted_bytes, 1);
    assert_sound(&pool);
    assert_eq!(pool.insert(&piece(0, 2_000, false, &[])).unwrap().bytes, [1; 2_000]);
    assert!(pool.insert(&piece(1, 1_000, false, &[1; 3])).is_none(), "it was evicted");
    assert_eq!(pool.insert(&piece(2, 1_000, false, &[1; 3])).unwrap().bytes, [1; 1_003]);
    let huge = vec![0; 60_000];
    assert!(pool.insert(&piece(9, 0, true, &huge)).is_none());
    assert_eq!(pool.counters().refused_memory, 1);
    assert_sound(&pool);
}

#[test]
fn a_flood_keeps_the_budget_and_every_fragment_is_accounted_for() {
    let mut pool = Defragmenter::new(32, 100_000);
    let memory = pool.memory_bytes();
    let bytes = [0xaa; 1_480];
    let mut state = 1_u64;
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Offsets of every magnitude, so that some fragments meet.
        let offset = ((state >> 33) as u16 >> (state >> 60)) & !7;
        let length = (state >> 20) as usize % 186 * 8;
        let more = state >> 62 != 0;
        let identification = (state >> 50) as u32 % 60;
        let time = Timestamp::from_nanos((state >> 12) % (2 * REASSEMBLY_NANOS));
        let fragment =
            Fragment { time, ..piece(identification, offset, more, &bytes[..length]) };
        pool.insert(&fragment);
        assert_sound(&pool);
    }
    assert_eq!(pool.memory_bytes(), memory);
    let counts = pool.counters();
    assert!(counts.evicted_bytes > 0 && counts.timed_out > 0 && counts.refused_end > 0);
}

#[test]
fn pools_that_can_hold_nothing_refuse_and_count() {
    let mut pool = Defragmenter::new(0, 0);
    assert!(pool.insert(&piece(1, 0, true, &[1; 8])).is_none());
    assert_eq!(pool.counters().refused_memory, 1);
    assert_sound(&pool);
}
