use super::super::{AtDark, DarkContents};
use crate::packet::Host;
use crate::time::{Epoch, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn host(number: u8) -> Host {
    Host(0xffff_0a00_0000 | u128::from(number))
}

proptest! {
    /// Against sets of hosts, where there is room for all contents.
    #[test]
    fn three_sources_and_three_dark_addresses_alarm(
        sightings in prop::collection::vec((0_u64..4, 0_u8..6, 0_u8..6), 0..60),
    ) {
        let mut contents = DarkContents::new(1 << 16);
        let mut twin: BTreeMap<u64, [BTreeSet<u8>; 2]> = BTreeMap::new();
        let when = |n: usize| (Timestamp::from_nanos(n as u64), Epoch::new(7));
        for (n, (content, source, destination)) in sightings.into_iter().enumerate() {
            let key = content.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
            let spread = contents.note(key, when(n), (host(source), host(100 + destination)));
            let sets = twin.entry(content).or_default();
            sets[0].insert(source);
            sets[1].insert(destination);
            let expected = match sets.iter().map(BTreeSet::len).min() {
                Some(0 | 1) | None => AtDark::Single,
                Some(2) => AtDark::Several,
                Some(_) => AtDark::Reached,
            };
            prop_assert_eq!(spread, expected);
        }
        prop_assert_eq!(contents.evicted(), 0);
    }
}

#[test]
fn a_content_is_forgotten_after_two_windows_and_a_flood_of_others_leaves_it() {
    let mut contents = DarkContents::new(1 << 12);
    let at = |epoch| (Timestamp::from_nanos(epoch), Epoch::new(epoch));
    for n in 0..2 {
        let spread = contents.note(1, at(10), (host(n), host(n)));
        assert_ne!(spread, AtDark::Reached);
    }
    for flood in 0..10_000_u64 {
        let key = flood.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 2;
        contents.note(key, at(11), (host(9), host(9)));
    }
    let kept = contents.note(1, at(11), (host(3), host(3)));
    assert_eq!(kept, AtDark::Reached, "two hosts each were kept");
    let gone = contents.note(1, at(13), (host(4), host(4)));
    assert_eq!(gone, AtDark::Single, "and are gone by now");
    let none = &mut DarkContents::new(0);
    assert!(none.is_empty());
    assert_eq!(none.note(1, at(1), (host(1), host(1))), AtDark::Single);
}
