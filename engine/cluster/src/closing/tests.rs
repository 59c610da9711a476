use super::*;
use crate::codec::{Reader, Writer};
use proptest::prelude::*;

fn name(number: usize) -> TapName {
    TapName::new(&format!("t{number}")).unwrap()
}

fn parcel(tap: usize, tick: u64, part: u32, sequence: u64) -> Parcel {
    let bytes = vec![tap as u8, part as u8];
    let (leaves, absent_since) = (false, None);
    Parcel { tap: name(tap), tick, part, spool: 1, sequence, leaves, absent_since, bytes }
}

/// One parcel a tick, so that the sequence is the tick.
fn plain(tap: usize, tick: u64) -> Parcel {
    parcel(tap, tick, 0, tick)
}

fn rules(lateness: u64) -> Rules {
    Rules { lateness, capacity: usize::MAX }
}

/// Ticks, each with who was blind since the one before, from when to when.
type Blinds = Vec<(TapName, u64, u64)>;

fn ticks(closed: &[Closed]) -> Vec<(u64, Blinds)> {
    let of = |closed: &Closed| match closed {
        Closed::Tick(tick) => {
            let blind = tick.blind.iter().map(|it| (it.tap.clone(), it.from, it.to));
            Some((tick.tick, blind.collect()))
        }
        Closed::Late(_) => None,
    };
    closed.iter().filter_map(of).collect()
}

fn lates(closed: &[Closed]) -> usize {
    closed.iter().filter(|closed| matches!(closed, Closed::Late(_))).count()
}

fn run(closing: &mut Closing, parcels: impl IntoIterator<Item = Parcel>) -> Vec<Closed> {
    parcels.into_iter().flat_map(|parcel| closing.parcel(parcel)).collect()
}

#[test]
fn a_tick_waits_for_all_declared_taps() {
    let mut closing = Closing::new(rules(30), &[name(0), name(1)]);
    assert_eq!(run(&mut closing, (0..20).map(|tick| plain(0, tick))), []);
    let closed = run(&mut closing, (0..3).map(|tick| plain(1, tick)));
    assert_eq!(ticks(&closed), [(0, vec![]), (1, vec![])]);
    assert_eq!(closing.closed(), Some(1));
}

#[test]
fn a_silent_tap_is_waited_for_and_named() {
    let mut closing = Closing::new(rules(5), &[name(0), name(1)]);
    let closed = run(&mut closing, (0..8).map(|tick| plain(0, tick)));
    let expected = [0, 1, 2].map(|tick| (tick, vec![(name(1), tick, tick)]));
    assert_eq!(ticks(&closed), expected);
    assert_eq!(closing.counters().closed_by_lateness, 3);
    // What it sends of these ticks is late; then it takes part again.
    let closed = run(&mut closing, (0..5).map(|tick| plain(1, tick)));
    assert_eq!((lates(&closed), ticks(&closed)), (3, vec![(3, vec![])]));
    let (_, counters) = closing.tap_counters().nth(1).unwrap();
    assert_eq!((counters.late, counters.blind, counters.came), (3, 3, 5));
}

#[test]
fn a_hole_is_named_filled_or_given_up() {
    let mut closing = Closing::new(rules(6), &[name(0)]);
    let before = [0, 1, 4, 6].map(|tick| plain(0, tick));
    assert_eq!(ticks(&run(&mut closing, before)), [(0, vec![])]);
    let hole = |from, to| Hole { tap: name(0), spool: 1, from, to };
    assert_eq!(closing.holes(), [hole(2, 4), hole(5, 6)]);
    let closed = run(&mut closing, [2, 3].map(|tick| plain(0, tick)));
    assert_eq!(ticks(&closed), [(1, vec![]), (2, vec![]), (3, vec![])]);
    assert_eq!(closing.holes(), [hole(5, 6)]);
    // 5 never comes: it may be of tick 4, which closes before 6 gives it up.
    let closed = run(&mut closing, (7..14).map(|tick| plain(0, tick)));
    let torn = |from, to| vec![(name(0), from, to)];
    assert_eq!(
        ticks(&closed),
        [(4, torn(4, 4)), (6, torn(5, 6))]
            .into_iter()
            .chain((7..13).map(|t| (t, vec![])))
            .collect::<Vec<_>>()
    );
    assert!(closing.holes().is_empty());
    // And when it comes at last, it is late, once.
    assert_eq!(lates(&run(&mut closing, [plain(0, 5), plain(0, 5)])), 1);
    let (_, counters) = closing.tap_counters().next().unwrap();
    assert_eq!((counters.missing, counters.late, counters.duplicates), (1, 1, 1));
}

#[test]
fn a_tap_says_what_it_lost() {
    let mut closing = Closing::new(rules(1000), &[name(0)]);
    run(&mut closing, [0, 1, 50].map(|tick| plain(0, tick)));
    let closed = closing.lost(&Lost { tap: name(0), spool: 1, sequence: 50 });
    assert_eq!(ticks(&closed), [(1, vec![(name(0), 1, 1)])]);
    let closed = closing.parcel(plain(0, 51));
    assert_eq!(ticks(&closed), [(50, vec![(name(0), 2, 50)])]);
    // Said again, it changes nothing.
    let before = closing.clone();
    assert_eq!(closing.lost(&Lost { tap: name(0), spool: 1, sequence: 50 }), []);
    assert_eq!(closing, before);
}

#[test]
fn who_leaves_is_not_waited_for() {
    let mut closing = Closing::new(rules(1000), &[name(0), name(1)]);
    let leaving = |tick| Parcel { leaves: true, ..plain(1, tick) };
    run(&mut closing, [plain(0, 0), plain(1, 0), leaving(1)]);
    let closed = run(&mut closing, (1..100).map(|tick| plain(0, tick)));
    assert_eq!(closed.len(), 99, "0 to 98");
    assert!(ticks(&closed).iter().all(|(_, blind)| blind.is_empty()));
    // It comes back; of ticks that it passes and sends nothing of, it saw nothing.
    let back = parcel(1, 120, 0, 2);
    let closed = run(&mut closing, [back, plain(0, 100), parcel(0, 121, 0, 101)]);
    assert_eq!(ticks(&closed), [(99, vec![]), (100, vec![])]);
    let closed = run(&mut closing, [parcel(1, 122, 0, 3)]);
    assert_eq!(ticks(&closed), [(120, vec![])]);
    let all_gone = [
        Parcel { leaves: true, ..parcel(0, 122, 0, 102) },
        Parcel { leaves: true, ..parcel(1, 123, 0, 4) },
    ];
    let closed = run(&mut closing, all_gone);
    assert_eq!(ticks(&closed).last(), Some(&(123, vec![])));
    assert_eq!(closing.waiting(), 0);
}

#[test]
fn a_tap_says_when_it_was_not_running() {
    let mut closing = Closing::new(rules(1000), &[name(0), name(1)]);
    run(&mut closing, (10..15).map(|tick| parcel(0, tick, 0, tick - 10)));
    // It began at 12: before, nobody knows what it would have seen.
    let since =
        |since, tick, n| Parcel { absent_since: Some(since), ..parcel(1, tick, 0, n) };
    let closed = run(&mut closing, [since(0, 12, 0), parcel(1, 13, 0, 1)]);
    let blind = |from, to| vec![(name(1), from, to)];
    assert_eq!(
        ticks(&closed),
        [(10, blind(10, 10)), (11, blind(11, 11)), (12, blind(12, 12))]
    );
    // Killed in 13, there again in 17: known before any of these ticks closes.
    let again = [since(13, 17, 2), parcel(1, 18, 0, 3), parcel(1, 22, 0, 4)];
    let rest = (15..23).map(|tick| parcel(0, tick, 0, tick - 10));
    let closed = run(&mut closing, again.into_iter().chain(rest));
    let expected = (13..=17).map(|tick| (tick, blind(tick, tick)));
    let seen = (18..=21).map(|tick| (tick, vec![]));
    assert_eq!(ticks(&closed), expected.chain(seen).collect::<Vec<_>>());
    let (_, counters) = closing.tap_counters().nth(1).unwrap();
    assert_eq!((counters.blind, counters.late), (8, 0));
}

#[test]
fn a_tap_that_was_not_declared_is_not_blind_before_it_comes() {
    let mut closing = Closing::new(rules(1000), &[name(0)]);
    run(&mut closing, (0..10).map(|tick| plain(0, tick)));
    let new = (0..2).map(|n| parcel(1, 10 + n, 0, n));
    let closed = run(&mut closing, new.chain((10..12).map(|tick| plain(0, tick))));
    assert_eq!(ticks(&closed), [(9, vec![]), (10, vec![])]);
}

#[test]
fn a_new_spool_counts_anew() {
    let mut closing = Closing::new(rules(1000), &[name(0)]);
    run(&mut closing, (0..10).map(|tick| plain(0, tick)));
    // A capture is replayed from the start: what came before is dropped, the rest goes on.
    let of_new = |tick, sequence| Parcel { spool: 2, ..parcel(0, tick, 0, sequence) };
    let closed = run(&mut closing, (0..12).map(|tick| of_new(tick, tick)));
    assert_eq!(ticks(&closed), [(9, vec![]), (10, vec![])]);
    // A live tap lost its spool: what it did not see is named.
    let anew = |n| Parcel { spool: 3, ..parcel(0, 20 + n, 0, n) };
    let closed = run(&mut closing, [anew(0), anew(2)]);
    assert_eq!(ticks(&closed), [(11, vec![(name(0), 11, 11)])]);
    assert_eq!(closing.holes(), [Hole { tap: name(0), spool: 3, from: 1, to: 2 }]);
    let closed = run(&mut closing, [anew(1), anew(3)]);
    let lost = vec![(name(0), 12, 20)];
    assert_eq!(ticks(&closed), [(20, lost), (21, vec![]), (22, vec![])]);
    // Old spools are known.
    assert_eq!(run(&mut closing, [plain(0, 50), of_new(60, 12)]), []);
    let (_, counters) = closing.tap_counters().next().unwrap();
    assert_eq!((counters.renumbered, counters.duplicates), (2, 12));
    assert_eq!(closing.covered()[0].spool, 3);
}

#[test]
fn what_waits_is_bounded() {
    let capacity = 10 * (OVERHEAD + 2);
    let mut closing =
        Closing::new(Rules { lateness: 1000, capacity }, &[name(0), name(1)]);
    for tick in 0..50 {
        closing.parcel(plain(0, tick));
        assert!(closing.waiting() <= capacity);
    }
    assert_eq!(closing.counters().closed_by_memory, 40);
    // Parcels after a hole count, too.
    for sequence in 10..50 {
        closing.parcel(plain(1, sequence));
        assert!(closing.waiting() <= capacity);
    }
}

/// Nothing that a tap can say makes a panic or a long loop.
#[test]
fn extremes() {
    let mut closing = Closing::new(rules(30), &[name(0)]);
    for (tick, part, sequence) in [
        (u64::MAX, 0, 0),
        (u64::MAX, 1, 1),
        (u64::MAX, u32::MAX, u64::MAX),
        (0, 0, u64::MAX),
        (0, 0, 5),
        (1, 0, 0),
    ] {
        for leaves in [true, false] {
            closing.parcel(Parcel { leaves, ..parcel(0, tick, part, sequence) });
            closing.parcel(Parcel { leaves, ..parcel(1, tick, part, sequence) });
            closing.lost(&Lost { tap: name(1), spool: 1, sequence });
            closing.holes();
        }
    }
    closing.lost(&Lost { tap: name(2), spool: 1, sequence: u64::MAX });
    assert_eq!(save(&restore(&save(&closing))), save(&closing));
}

fn save(closing: &Closing) -> Vec<u8> {
    let mut out = Writer::default();
    closing.save(&mut out);
    out.0
}

fn restore(bytes: &[u8]) -> Closing {
    Closing::restore(&mut Reader(bytes), rules(30), &[]).unwrap()
}

/// What each of some taps sends: parts a tick, and how many ticks follow without any.
fn sent() -> impl Strategy<Value = Vec<Vec<Parcel>>> {
    let steps = prop::collection::vec(
        (1..4u32, prop::sample::select(vec![1, 1, 1, 2, 5])),
        1..30,
    );
    prop::collection::vec(steps, 1..5).prop_map(|taps| {
        let of = |(tap, steps): (usize, Vec<(u32, u64)>)| {
            let (mut tick, mut parcels) = (100, Vec::new());
            for (parts, next) in steps {
                for part in 0..parts {
                    parcels.push(parcel(tap, tick, part, parcels.len() as u64));
                }
                tick += next;
            }
            parcels
        };
        let mut all: Vec<Vec<Parcel>> = taps.into_iter().enumerate().map(of).collect();
        for parcels in &mut all {
            parcels.last_mut().unwrap().leaves = true;
        }
        all
    })
}

/// The parcels of all taps in an order that keeps each tap's; `picks` chooses whose is next,
/// and which of those before it comes once more.
fn mixed(sent: &[Vec<Parcel>], picks: &[(usize, usize)]) -> Vec<Parcel> {
    let mut next = vec![0; sent.len()];
    let (mut mixed, mut picks): (Vec<Parcel>, _) = (Vec::new(), picks.iter().cycle());
    while next.iter().zip(sent).any(|(next, parcels)| *next < parcels.len()) {
        let (pick, again) = picks.next().unwrap();
        let tap = pick % sent.len();
        if let Some(parcel) = sent[tap].get(next[tap]) {
            mixed.push(parcel.clone());
            next[tap] += 1;
        } else if let Some(tap) =
            (0..sent.len()).find(|tap| next[*tap] < sent[*tap].len())
        {
            mixed.push(sent[tap][next[tap]].clone());
            next[tap] += 1;
        }
        if again % 4 == 0 {
            mixed.push(mixed[again % mixed.len()].clone());
        }
    }
    mixed
}

/// All that was sent, in the end, by tick: looked up from the whole, step by step. Nobody is blind:
/// who passes a tick and sends nothing of it saw nothing.
fn twin(sent: &[Vec<Parcel>]) -> Vec<Tick> {
    let all = || sent.iter().flatten();
    let ticks: BTreeSet<u64> = all().map(|parcel| parcel.tick).collect();
    let of = |tick: u64| {
        let parcels = all().filter(|parcel| parcel.tick == tick).cloned().collect();
        Tick { tick, parcels, blind: Vec::new(), behind: Vec::new() }
    };
    ticks.into_iter().map(of).collect()
}

fn declared(sent: &[Vec<Parcel>]) -> Vec<TapName> {
    (0..sent.len()).map(name).collect()
}

proptest! {
    #[test]
    fn the_mix_does_not_matter_where_none_is_late(
        sent in sent(), picks in prop::collection::vec(any::<(usize, usize)>(), 1..100),
    ) {
        let mut closing = Closing::new(rules(10_000), &declared(&sent));
        let closed = run(&mut closing, mixed(&sent, &picks));
        let expected: Vec<_> = twin(&sent).into_iter().map(Closed::Tick).collect();
        prop_assert_eq!(closed, expected);
        prop_assert_eq!(closing.waiting(), 0);
    }

    /// Whatever is late, missing or said to be lost: each parcel comes out once, in its
    /// tap's order within ticks; what closed stays closed; and whoever is saved and restored
    /// at any moment goes on the same.
    #[test]
    fn each_comes_out_once_whatever_happens(
        sent in sent(), picks in prop::collection::vec(any::<(usize, usize)>(), 1..100),
        lateness in 0..8u64, lost in prop::collection::vec(any::<(usize, usize)>(), 0..8),
        at in any::<prop::sample::Index>(),
    ) {
        let mut log = mixed(&sent, &picks);
        for (from, to) in lost {
            // Moved behind others: a hole that is filled, sooner or later.
            let parcel = log.remove(from % log.len());
            log.insert(to % (log.len() + 1), parcel);
        }
        let mut closing = Closing::new(rules(lateness), &declared(&sent));
        let at = at.index(log.len());
        let mut out = run(&mut closing, log[..at].iter().cloned());
        let bytes = save(&closing);
        let mut again =
            Closing::restore(&mut Reader(&bytes), rules(lateness), &[]).unwrap();
        prop_assert_eq!(&again, &closing);
        let rest = run(&mut closing, log[at..].iter().cloned());
        prop_assert_eq!(&run(&mut again, log[at..].iter().cloned()), &rest);
        out.extend(rest);
        let mut seen = BTreeSet::new();
        let mut latest = None;
        for closed in &out {
            match closed {
                Closed::Tick(tick) => {
                    prop_assert!(latest < Some(tick.tick));
                    latest = Some(tick.tick);
                    for pair in tick.parcels.windows(2) {
                        let of = |p: &Parcel| (p.tap.clone(), p.sequence);
                        prop_assert!(of(&pair[0]) < of(&pair[1]));
                    }
                    for parcel in &tick.parcels {
                        prop_assert!(seen.insert((parcel.tap.clone(), parcel.sequence)));
                        prop_assert_eq!(parcel.tick, tick.tick);
                    }
                }
                Closed::Late(parcel) => {
                    prop_assert!(seen.insert((parcel.tap.clone(), parcel.sequence)));
                }
            }
        }
        prop_assert_eq!(seen.len(), sent.iter().flatten().count());
        prop_assert_eq!(closing.waiting(), 0);
        let counted: u64 = closing.tap_counters().map(|(_, c)| c.late).sum();
        prop_assert_eq!(counted, lates(&out) as u64);
    }
}
