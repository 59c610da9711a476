//! Scenarios of an adversary do what their profiles say, by a count of what is on the wire.

mod flags;
mod strategies;

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{alone, assert_seed_decides};
use wormsift_corpora::{Kind, Profile, Scenario, Trace};

fn profiles() -> impl Iterator<Item = &'static Profile> {
    Scenario::profiles().filter(|profile| profile.adversary)
}

/// What IPv4 says of a frame: source, identification, offset, more, what follows.
fn datagram(frame: &[u8]) -> ([u8; 4], u16, usize, bool, &[u8]) {
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let end = 14 + usize::from(word(16));
    let position = word(20);
    let offset = usize::from(position & 0x1fff) * 8;
    let source = frame[26..30].try_into().unwrap();
    (source, word(18), offset, position & 0x2000 != 0, &frame[34..end])
}

fn is_tcp(frame: &[u8]) -> bool {
    frame[23] == 6
}

/// The numbers of frames that carry planted bytes.
fn carriers(trace: &Trace) -> BTreeSet<usize> {
    let carriers = &trace.truth.contents[0].carriers;
    (1..=trace.frames.len()).filter(|number| carriers.contains(*number as u64)).collect()
}

#[test]
fn each_is_of_its_suite_alone_and_says_why() {
    assert!(profiles().count() >= 11);
    for profile in profiles() {
        assert!(!profile.standard && !profile.trust, "{}", profile.name);
        assert!(profile.summary.len() > 20 && profile.defeats.len() > 20);
    }
}

#[test]
fn a_seed_decides_every_byte() {
    profiles().for_each(|profile| assert_seed_decides(profile.name));
}

#[test]
fn sixty_hosts_are_infected_in_few_packets() {
    for profile in profiles().filter(|it| it.kind == Kind::Worm) {
        let truth = alone(profile.name, 2).truth;
        assert!(
            truth.infections.len() >= 60,
            "{}: {}",
            profile.name,
            truth.infections.len()
        );
        assert!(truth.packets < 400_000, "{}: {}", profile.name, truth.packets);
    }
}

/// Eight hosts receive what strangers sent, and each sends it to five others; over TCP nobody
/// answers.
#[test]
fn forged_hosts_pass_on_what_they_received() {
    for name in ["forged-relays", "forged-relay-datagrams"] {
        let trace = alone(name, 6);
        let mut copies: BTreeMap<Vec<u8>, BTreeMap<[u8; 4], usize>> = BTreeMap::new();
        for (_, frame) in &trace.frames {
            let (source, .., bytes) = datagram(frame);
            if bytes.len() > 700 {
                let body = bytes[bytes.len() - 700..].to_vec();
                *copies.entry(body).or_default().entry(source).or_default() += 1;
            }
        }
        let body = copies.values().max_by_key(|by| by.len()).unwrap();
        let passed_on = body.values().filter(|count| **count >= 5).count();
        assert!(body.len() > 70 && passed_on == 8, "{name}: {passed_on}");
    }
}

/// The true fragments of each datagram cover it once, and together hold the invariant.
#[test]
fn true_fragments_are_the_whole_body() {
    for name in profiles().map(|it| it.name).filter(|name| name.starts_with("fragments"))
    {
        let trace = alone(name, 3);
        let carriers = carriers(&trace);
        let invariant = &trace.truth.contents[0].invariant_pieces()[0];
        let mut datagrams: BTreeMap<_, Vec<(usize, &[u8])>> = BTreeMap::new();
        for number in &carriers {
            let frame = &trace.frames[number - 1].1;
            let (source, identification, offset, _, bytes) = datagram(frame);
            let parts = datagrams.entry((source, identification)).or_default();
            parts.push((offset, bytes));
        }
        let mut whole = 0;
        for parts in datagrams.values_mut() {
            parts.sort_unstable();
            let joined: Vec<u8> =
                parts.iter().flat_map(|(_, bytes)| *bytes).copied().collect();
            let contiguous =
                parts.windows(2).all(|two| two[0].0 + two[0].1.len() == two[1].0);
            let holds =
                joined.windows(invariant.len()).any(|window| window == *invariant);
            assert!(contiguous || !holds, "{name}");
            whole += usize::from(contiguous && holds);
        }
        // Those at the end are cut off; of what is held back, most.
        let least = if name == "fragments-held-back" { 0.1 } else { 0.5 };
        let share = whole as f64 / datagrams.len() as f64;
        assert!(share > least, "{name}: {whole} of {}", datagrams.len());
    }
}

#[test]
fn fakes_are_there_and_carry_nothing() {
    for (name, least) in [
        ("fragments-fake-first", 1.0),
        ("fragments-fake-last", 0.8),
        ("fragments-fake-end", 0.05),
        ("fragments-held-back", 5.0),
        ("segments-far-ahead-fakes", 3.0),
        ("segments-inconsistent", 0.9),
        ("segments-bad-checksum", 0.9),
    ] {
        let trace = alone(name, 4);
        let carriers = carriers(&trace);
        let fakes = trace.frames.iter().zip(1..).filter(|((_, frame), number)| {
            let payload = if is_tcp(frame) { 20 } else { 0 };
            !carriers.contains(number) && datagram(frame).4.len() > payload + 30
                || !is_tcp(frame) && !carriers.contains(number)
        });
        let share = fakes.count() as f64 / carriers.len() as f64;
        assert!(share >= least, "{name}: {share}");
    }
}

#[test]
fn segments_come_in_the_order_that_is_said() {
    let trace = alone("segments-even-first", 5);
    let carriers = carriers(&trace);
    let mut ahead = 0_usize;
    let mut last: BTreeMap<([u8; 4], u16), u32> = BTreeMap::new();
    for number in &carriers {
        let (source, _, _, _, bytes) = datagram(&trace.frames[number - 1].1);
        let port = u16::from_be_bytes([bytes[0], bytes[1]]);
        let sequence = u32::from_be_bytes(bytes[4..8].try_into().unwrap());
        assert!(bytes.len() <= 20 + 8);
        let before = last.insert((source, port), sequence);
        ahead += usize::from(before.is_some_and(|it| sequence.wrapping_sub(it) == 16));
    }
    assert!(ahead * 10 > carriers.len() * 9, "{ahead} of {}", carriers.len());
    let trace = alone("segments-one-byte", 5);
    let lengths = self::carriers(&trace)
        .into_iter()
        .map(|number| datagram(&trace.frames[number - 1].1).4.len());
    assert!(lengths.into_iter().all(|length| length == 21));
}
