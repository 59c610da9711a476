use super::*;
use proptest::prelude::*;

const WINDOW: u64 = 100;

fn host(n: u8) -> Host {
    Host(u128::from(n))
}

fn started(decoy: u8, port: u16, time: u64) -> Started<'static> {
    Started {
        decoy: host(decoy),
        destination: host(200),
        protocol: 6,
        port: Some(port),
        time: Timestamp::from_nanos(time),
        packet: time,
        payload: b"what it sends",
    }
}

fn received(decoy: u8, payload: &[u8], time: u64) -> Received<'_> {
    Received {
        decoy: host(decoy),
        sender: host(99),
        protocol: 17,
        port: Some(4_444),
        time: Timestamp::from_nanos(time),
        packet: time,
        payload,
    }
}

fn roomy() -> Decoys {
    Decoys::new(100 * DECOY_BYTES, Span(WINDOW))
}

proptest! {
    /// Against lists of all that ever happened, searched from end to end, with room for all.
    #[test]
    fn with_room_it_tells_what_a_list_of_everything_tells(
        steps in prop::collection::vec(
            (0_u8..3, any::<bool>(), 0_u8..20, 0_u64..30), 1..200),
    ) {
        let mut decoys = roomy();
        let mut all_received: Vec<(u8, u8, u64)> = Vec::new();
        let mut all_reported: Vec<(u8, u16, u64)> = Vec::new();
        let mut all_started: Vec<u8> = Vec::new();
        let mut time = 0;
        for (decoy, starts, what, gap) in steps {
            time += gap;
            if !starts {
                decoys.receive(received(decoy, &[what; 300], time));
                all_received.push((decoy, what, time));
                continue;
            }
            let port = u16::from(what);
            let lately: Vec<_> = (all_reported.iter())
                .filter(|it| it.0 == decoy && time - it.2 < WINDOW)
                .collect();
            let told = lately.iter().any(|it| it.1 == port) || lately.len() == MOST_TOLD;
            let report = decoys.start(started(decoy, port, time));
            prop_assert_eq!(report.is_none(), told);
            if let Some(report) = report {
                prop_assert_eq!(report.is_first, !all_started.contains(&decoy));
                let mut expected: Vec<(u8, u64)> = Vec::new();
                for it in all_received.iter().rev().filter(|it| it.0 == decoy) {
                    if expected.iter().all(|known| known.0 != it.1) {
                        expected.push((it.1, it.2));
                    }
                }
                expected.truncate(MOST_SUSPECTS);
                let found: Vec<(u8, u64)> = (report.suspects.iter())
                    .map(|it| (it.content[0], it.time.as_nanos()))
                    .collect();
                prop_assert_eq!(found, expected);
                prop_assert!(report.suspects.iter().all(|it| it.content.len() == CONTENT));
                all_reported.push((decoy, port, time));
            }
            all_started.push(decoy);
        }
        let DecoyCounters { received, reported, repeated, unreported, forgotten, .. } =
            decoys.counters;
        prop_assert_eq!(received, all_received.len() as u64);
        prop_assert_eq!(reported, all_reported.len() as u64);
        prop_assert_eq!(reported + repeated + unreported, all_started.len() as u64);
        prop_assert_eq!(forgotten, 0);
    }
}

#[test]
fn the_longest_unused_makes_room_and_those_that_started_something_last() {
    let mut decoys = Decoys::new(3 * DECOY_BYTES + 1, Span(WINDOW));
    assert_eq!((decoys.capacity(), decoys.memory_bytes()), (3, 3 * DECOY_BYTES));
    assert!(decoys.start(started(1, 80, 0)).is_some());
    for decoy in 2..=9 {
        decoys.receive(received(decoy, b"probe", u64::from(decoy)));
    }
    assert_eq!(decoys.counters.forgotten, 6);
    let known: Vec<Host> = decoys.known.keys().copied().collect();
    assert_eq!(known, [host(1), host(8), host(9)]);
    assert!(decoys.start(started(1, 80, 20)).is_none(), "it is still known");
    assert!(!decoys.start(started(1, 81, 21)).unwrap().is_first);
    // Even without memory the last one is known.
    let mut one = Decoys::new(0, Span(WINDOW));
    assert_eq!(one.memory_bytes(), 0);
    one.receive(received(1, b"probe", 0));
    assert_eq!(one.start(started(1, 80, 1)).unwrap().suspects.len(), 1);
}

#[test]
fn what_a_decoy_takes_is_within_its_bytes() {
    let mut decoys = roomy();
    for n in 0..200_u8 {
        decoys.receive(received(1, &[n; 1_400], u64::from(n)));
        decoys.start(started(1, n.into(), u64::from(n)));
    }
    let decoy = &decoys.known[&host(1)];
    assert_eq!((decoy.suspects.len(), decoy.told.len()), (MOST_SUSPECTS, MOST_TOLD));
    let suspects = decoy.suspects.iter().map(|it| it.content.capacity());
    let held = suspects.sum::<usize>()
        + decoy.suspects.capacity() * size_of::<Suspect>()
        + decoy.told.capacity() * size_of::<Told>();
    assert!(held + size_of::<Decoy>() + 2 * size_of::<Place>() <= DECOY_BYTES);
}
