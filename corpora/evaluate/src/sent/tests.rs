//! Copies are those of the truth, and streams are put in order.

use super::*;
use crate::stored::Stored;
use std::net::IpAddr;
use wormsift_corpora::{GenerateOptions, GroundTruth, Scenario};

/// The copies of the first content's invariant, or of other bytes.
fn sent(
    name: &str,
    options: GenerateOptions,
    port: Option<u16>,
    bytes: impl Fn(Vec<u8>) -> Vec<u8>,
) -> (Sent, GroundTruth) {
    let scenario = Scenario::named(name, 1).unwrap().options(options);
    let (stored, truth) = Stored::of(&scenario).unwrap();
    let content = &truth.contents[0];
    let bytes = bytes(content.invariant_pieces().remove(0));
    let sought = Sought { content: &bytes, port, port_rule: "destination", beta: 40 };
    let config = Config::default();
    let sent = Sent::of(&[sought], content, &stored.frames(), &config).remove(0);
    (sent, truth)
}

fn seeing_all() -> GenerateOptions {
    GenerateOptions { sees_all: true, ..GenerateOptions::default() }
}

/// Everybody whom the truth names as an infector has sent it, and everybody who was
/// infected in a packet has got it; senders are infected hosts, and no others.
#[test]
fn senders_and_receivers_are_those_of_the_infections() {
    for name in ["outbreak", "tcp-exploit", "reordered", "fragmented", "tunnelled"] {
        let (sent, truth) = sent(name, seeing_all(), None, |invariant| invariant);
        let host = |address: IpAddr| Host::of(address, 64);
        let infections = &truth.infections;
        let by: BTreeSet<Host> =
            infections.iter().filter_map(|one| one.by.map(host)).collect();
        let infected: BTreeSet<Host> =
            infections.iter().map(|one| host(one.host)).collect();
        let seen = infections.iter().filter(|one| one.packet.is_some());
        let reached: BTreeSet<Host> = seen.map(|one| host(one.host)).collect();
        let hosts = |side: usize| -> BTreeSet<Host> {
            let whole = sent.copies.iter().filter(|it| it.whole);
            whole.map(|it| it.hosts[side]).collect()
        };
        assert!(by.is_subset(&hosts(0)) && hosts(0).is_subset(&infected), "{name}");
        assert!(reached.len() > 90 && reached.is_subset(&hosts(1)), "{name}");
        let [sources, destinations] = sent.hosts_since(0);
        assert_eq!(sources.least, hosts(0).len() as u64, "{name}");
        assert_eq!(destinations.least, hosts(1).len() as u64, "{name}");
        let first = truth.contents[0].carriers.first_ns.unwrap();
        let [begins, whole] = sent.first_ns().unwrap();
        assert!(begins >= first && begins <= first + 1_000_000, "{name}");
        assert!(whole >= begins && whole <= first + 10_000_000_000, "{name}");
    }
}

#[test]
fn only_what_came_since_counts() {
    let options = GenerateOptions::default();
    let (sent, _) = sent("outbreak", options, None, |invariant| invariant);
    let time = sent.copies.last().unwrap().ends_ns;
    assert_eq!(sent.hosts_since(time), [Between { least: 1, most: 1 }; 2]);
    assert_eq!(sent.hosts_since(time + 1), [Between::default(); 2]);
}

#[test]
fn other_bytes_and_other_ports_are_no_copies() {
    let whole = |port| {
        let options = GenerateOptions::default();
        let sent = sent("outbreak", options, port, |invariant| invariant).0;
        sent.copies.iter().filter(|copy| copy.whole).count()
    };
    assert!(whole(None) > 1_000);
    assert_eq!((whole(Some(48_879)), whole(Some(80))), (whole(None), 0));
    // One copy in 256 goes on with this byte.
    let options = GenerateOptions::default();
    let longer = sent("outbreak", options, None, |mut invariant| {
        invariant.push(7);
        invariant
    });
    let of_longer = longer.0.copies.iter().filter(|copy| copy.whole).count();
    let share = of_longer as f64 / whole(None) as f64;
    assert!(share > 0.0 && share < 0.02, "{share}");
    // All hold a window of it.
    assert_eq!(longer.0.copies.len(), whole(None));
}

#[test]
fn a_copy_that_the_capture_cuts_off_is_not_whole() {
    let cut = |packets| GenerateOptions {
        packets: Some(packets),
        background_hosts: Some(0),
        ..GenerateOptions::default()
    };
    let between = |packets| {
        let (sent, truth) = sent("small-segments", cut(packets), None, |whole| whole);
        (sent.hosts_since(0)[0], sent.first_ns(), truth.contents[0].carriers.count)
    };
    // Some segments of a body of 39, then all of it.
    let (sources, first, carriers) = between(40);
    assert!(carriers > 5 && carriers < 39, "{carriers}");
    assert_eq!(sources, Between { least: 0, most: 1 });
    assert_eq!(first.unwrap()[1], u64::MAX);
    let (sources, first, carriers) = between(120);
    assert!(carriers >= 39, "{carriers}");
    assert_eq!(sources.least, 1);
    assert!(first.unwrap()[1] < u64::MAX);
}

#[test]
fn runs_are_bytes_without_a_gap_with_the_time_of_their_last() {
    let segments = [(0, 5, "abcd"), (2, 9, "cdef"), (6, 7, "gh"), (20, 1, "xyz")];
    let segments = segments.map(|(at, time, text)| (at, (time, text.into())));
    let stream = Stream { segments: segments.into(), ..Stream::default() };
    let runs = stream.runs();
    let texts: Vec<&[u8]> = runs.iter().map(|run| &run.bytes[..]).collect();
    assert_eq!(texts, [&b"abcdefgh"[..], b"xyz"]);
    let holds = |text: &[u8]| runs.iter().find_map(|run| run.holds(text));
    assert_eq!(holds(b"abcd"), Some(5));
    assert_eq!(holds(b"de"), Some(9));
    assert_eq!(holds(b"gh"), Some(7));
    assert_eq!(holds(b"bcdefgh"), Some(9));
    assert_eq!(holds(b"yz"), Some(1));
    assert_eq!(holds(b"ghx"), None);
}
