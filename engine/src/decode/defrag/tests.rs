use proptest::prelude::*;
use std::collections::BTreeSet;

use super::*;
use crate::packet::protocol;

const ROOMY: usize = 1 << 20;
/// Bytes that come with what differs.
const CONTEXT: usize = 9;
/// What a short datagram takes beside its bytes.
const BITS: usize = 8;

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
        tap: 0,
        offset,
        more,
        depth: 0,
        routed: false,
        bytes,
    }
}

fn from(source: u32, fragment: Fragment<'_>) -> Fragment<'_> {
    Fragment { source: IpAddr::from(source.to_be_bytes()), ..fragment }
}

/// What the pool must always hold to: the budget, and every fragment counted once.
#[track_caller]
fn assert_sound(pool: &Defragmenter) {
    let waiting = pool.sets.iter().flat_map(|set| &set.waiting);
    let held: usize = waiting.map(|partial| partial.assembly.memory_bytes()).sum();
    assert_eq!(held, pool.used);
    assert!(held <= pool.budget, "{held} bytes are held");
    for set in &pool.sets {
        assert!(set.waiting.len() <= pool.places);
        assert_eq!(set.waiting.len(), set.tags.len());
        assert!(set.waiting.iter().is_sorted_by_key(|partial| partial.arrival));
    }
    let counts = pool.counters();
    let accounted = counts.reassembled
        + counts.duplicates
        + counts.timed_out
        + counts.evicted_slots
        + counts.evicted_bytes
        + counts.unfinished
        + counts.refused_too_long
        + counts.refused_length
        + counts.refused_memory
        + pool.waiting();
    assert_eq!(accounted, counts.fragments);
}

/// The same rules, a byte at a time.
struct Twin {
    /// First and last copies.
    bytes: Vec<Option<(u8, u8)>>,
    end: Option<usize>,
}

impl Twin {
    fn new() -> Self {
        Self { bytes: vec![None; 256], end: None }
    }

    /// Whether the datagram is complete with the fragment.
    fn insert(&mut self, fragment: &Fragment<'_>) -> bool {
        let start = usize::from(fragment.offset);
        let end = start + fragment.bytes.len();
        if !fragment.more {
            self.end = Some(self.end.map_or(end, |known| known.min(end)));
        }
        for (place, byte) in self.bytes[start..end].iter_mut().zip(fragment.bytes) {
            let first = place.map_or(*byte, |(first, _)| first);
            *place = Some((first, *byte));
        }
        self.end.is_some_and(|end| self.bytes[..end].iter().all(Option::is_some))
    }

    fn first_copies(&self) -> Vec<u8> {
        let end = self.end.expect("it is complete");
        self.bytes[..end].iter().map(|copies| copies.expect("it is complete").0).collect()
    }

    /// The windows of the datagram as a system has it that keeps last copies, with their
    /// places.
    fn windows_of_last_copies(&self) -> Vec<(usize, Vec<u8>)> {
        let windows = self.bytes.windows(CONTEXT + 1).enumerate();
        windows
            .filter_map(|(at, window)| {
                let last = window.iter().map(|copies| Some((*copies)?.1));
                Some((at, last.collect::<Option<Vec<u8>>>()?))
            })
            .collect()
    }
}

fn holds((at, piece): &(usize, Vec<u8>), place: usize, bytes: &[u8]) -> bool {
    let inside = place.checked_sub(*at).and_then(|from| piece.get(from..));
    inside.is_some_and(|inside| inside.starts_with(bytes))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_overlaps_and_contradicts_no_version_of_a_byte_is_lost(
        fragments in prop::collection::vec(
            (0_u16..6, 0_usize..28, 0_u8..8, 0_u8..3),
            1..40,
        ),
    ) {
        let mut pool = Defragmenter::keyed(4, ROOMY, CONTEXT, 5);
        let mut twin = Twin::new();
        let mut sent: BTreeSet<(usize, u8)> = BTreeSet::new();
        let mut given: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut leftovers = Vec::new();
        // The last step is none: all that waits is given up.
        for step in fragments.iter().map(Some).chain([None]) {
            let mut whole = false;
            match step {
                Some(&(offset, length, last, version)) => {
                    // Mostly whole units, sometimes not.
                    let length = if length % 5 == 0 { length } else { length / 8 * 8 };
                    let start = offset * 8;
                    // Copies of one version agree with each other.
                    let bytes: Vec<u8> = (start..start + length as u16)
                        .map(|at| (at as u8).wrapping_mul(7).wrapping_add(version))
                        .collect();
                    let fragment = piece(1, start, last != 0, &bytes);
                    let carried = Carried::default();
                    let datagram = pool.insert_carried(&fragment, carried, &mut leftovers);
                    assert_sound(&pool);
                    if fragment.more && (length == 0 || length % 8 != 0) {
                        // Refused, and sifted by itself at once.
                        prop_assert!(datagram.is_none());
                        let left = leftovers.pop().expect("a refused fragment");
                        prop_assert_eq!(left.pieces, [(usize::from(start), bytes)]);
                        continue;
                    }
                    sent.extend((usize::from(start)..).zip(bytes.iter().copied()));
                    whole = twin.insert(&fragment);
                    prop_assert_eq!(datagram.is_some(), whole);
                    if let Some(datagram) = datagram {
                        prop_assert_eq!(&datagram.bytes, &twin.first_copies());
                        given.push((0, datagram.bytes));
                    }
                }
                None => pool.give_up_all(&mut leftovers),
            }
            given.extend(leftovers.drain(..).flat_map(|left| left.pieces));
            if whole || step.is_none() {
                for (place, byte) in std::mem::take(&mut sent) {
                    prop_assert!(given.iter().any(|it| holds(it, place, &[byte])));
                }
                for (place, window) in twin.windows_of_last_copies() {
                    prop_assert!(given.iter().any(|it| holds(it, place, &window)));
                }
                given.clear();
                twin = Twin::new();
            }
        }
        prop_assert_eq!(pool.waiting(), 0);
        assert_sound(&pool);
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
    assert_eq!(counts.conflicts, 2);
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
    assert_sound(&pool);
    let longest = vec![5; 65_535];
    let mut pool = Defragmenter::new(1, ROOMY);
    assert!(pool.insert(&piece(1, 65_528, false, &longest[..7])).is_none());
    let datagram = pool.insert(&piece(1, 0, true, &longest[..65_528])).unwrap();
    assert_eq!(datagram.bytes, longest);
}

#[test]
fn the_nearest_end_counts_and_what_lies_past_it_is_given_back() {
    let mut pool = Defragmenter::keyed(16, ROOMY, 4, 5);
    let mut leftovers = Vec::new();
    let mut insert =
        |fragment| pool.insert_carried(&fragment, Carried::default(), &mut leftovers);
    assert!(insert(piece(1, 16, true, &[3; 16])).is_none());
    assert!(insert(piece(1, 8, false, &[2; 8])).is_none(), "short of bytes there");
    assert!(insert(piece(1, 40, false, &[4; 7])).is_none(), "another end");
    let datagram = insert(piece(1, 0, true, &[1; 8])).unwrap();
    assert_eq!(datagram.bytes, [[1; 8], [2; 8]].concat());
    assert_eq!(pool.counters().end_conflicts, 2);
    let pieces = &leftovers[0].pieces;
    let joined = [&[2; 4][..], &[3; 16]].concat();
    assert_eq!(*pieces, [(12, joined), (40, vec![4; 7])]);
    assert_eq!(
        leftovers[0].beginning,
        [1; 8].into_iter().chain([2; 8]).chain([3; 16]).collect::<Vec<u8>>()
    );
    assert_sound(&pool);
}

#[test]
fn a_datagram_may_have_as_many_holes_as_it_has_room_for() {
    let bytes: Vec<u8> = (0..65_528_u32).map(|at| (at / 8 * 31) as u8).collect();
    let mut pool = Defragmenter::new(1, ROOMY);
    let units = bytes.len() / 8;
    let order = (0..units).step_by(2).chain((1..units).step_by(2));
    for unit in order {
        let unit_bytes = &bytes[unit * 8..][..8];
        let fragment = piece(1, (unit * 8) as u16, unit + 1 < units, unit_bytes);
        if let Some(datagram) = pool.insert(&fragment) {
            assert_eq!(datagram.bytes, bytes);
        }
    }
    assert_eq!(pool.counters().datagrams, 1);
    assert_sound(&pool);
}

#[test]
fn one_source_evicts_a_few_others_at_most() {
    for (places, honest) in [(64, 40), (1_024, 400)] {
        let mut pool = Defragmenter::keyed(places, 16 * ROOMY, CONTEXT, 77);
        for source in 0..honest {
            pool.insert(&from(source, piece(1, 0, true, &[1; 8])));
        }
        for identification in 0..5_000 {
            pool.insert(&from(9_999, piece(identification, 0, true, &[2; 1_480])));
        }
        let lost = (0..honest)
            .filter(|&it| pool.insert(&from(it, piece(1, 8, false, &[1; 8]))).is_none());
        assert_eq!(lost.count(), 0, "{places}");
        assert!(pool.counters().evicted_slots + pool.counters().evicted_bytes > 4_000);
        assert_sound(&pool);
    }
}

#[test]
fn what_a_flood_of_sources_evicts_is_given_back() {
    let mut pool = Defragmenter::keyed(64, ROOMY, CONTEXT, 77);
    let mut leftovers = Vec::new();
    let held_back: Vec<u8> = (0..1_480_u32).map(|at| (at * 7) as u8).collect();
    let first = Fragment { number: 7, ..piece(1, 0, true, &held_back) };
    pool.insert_carried(&first, Carried::default(), &mut leftovers);
    for source in 0..200 {
        let fragment = from(source, piece(1, 0, true, &[2; 8]));
        pool.insert_carried(&fragment, Carried::default(), &mut leftovers);
    }
    let of_first: Vec<_> = leftovers.iter().filter(|left| left.number == 7).collect();
    assert_eq!(of_first.len(), 1);
    assert_eq!(of_first[0].pieces, [(0, held_back.clone())]);
    assert_eq!(of_first[0].beginning, held_back[..256]);
    assert_eq!(leftovers.len() as u64, pool.counters().evicted_slots);
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
    let wrong = Fragment { time: bogus, ..piece(2, 0, true, &[1; 8]) };
    assert!(pool.insert(&wrong).is_none());
    assert!(pool.insert(&piece(1, 8, false, &[2; 8])).is_some());
    assert!(pool.insert(&piece(2, 8, false, &[2; 8])).is_some(), "earlier is not late");
}

#[test]
fn what_is_out_of_time_is_given_back_without_a_sibling() {
    let mut pool = Defragmenter::keyed(4, ROOMY, CONTEXT, 5);
    let mut leftovers = Vec::new();
    let late = Timestamp::from_nanos(REASSEMBLY_NANOS + 1);
    let fragments = [
        piece(1, 0, true, &[1; 8]),
        Fragment { time: late, ..piece(2, 0, true, &[2; 8]) },
        Fragment { time: late, ..piece(3, 0, true, &[3; 8]) },
    ];
    for (before, fragment) in fragments.iter().enumerate() {
        assert_eq!(pool.counters().timed_out, 0, "{before}");
        pool.insert_carried(fragment, Carried::default(), &mut leftovers);
    }
    assert_eq!((pool.counters().timed_out, pool.waiting()), (1, 2));
    assert_eq!(leftovers[0].pieces, [(0, vec![1; 8])]);
    assert_sound(&pool);
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
    let mut pool = Defragmenter::new(8, 4 * (1_000 + 16 * BITS));
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
    assert!(counts.evicted_bytes > 0 && counts.timed_out > 0 && counts.end_conflicts > 0);
    assert!(counts.conflicts == 0 && counts.duplicates > 0);
}

#[test]
fn pools_that_can_hold_nothing_refuse_and_count() {
    let mut pool = Defragmenter::new(0, 0);
    assert!(pool.insert(&piece(1, 0, true, &[1; 8])).is_none());
    assert_eq!(pool.counters().refused_memory, 1);
    assert_sound(&pool);
}
