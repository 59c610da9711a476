use super::super::testing::{check, starts};
use super::*;
use wormsift::packet::Timestamp;

fn address(number: u32) -> Host {
    Host::of(std::net::Ipv4Addr::from(0x0a00_0000 + number).into(), 64)
}

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + u64::from(seconds) * 1_000_000_000)
}

/// A host that received it, after so many seconds.
fn relay(number: u32, from: Option<u32>, generation: u32, after: u32) -> IncidentHost {
    IncidentHost {
        host: address(number),
        first_seen: Some(at(after)),
        received_from: from.map(address),
        generation,
        fan_out: 2,
    }
}

fn source(number: u32) -> IncidentHost {
    IncidentHost { host: address(number), ..IncidentHost::default() }
}

fn incident(hosts: Vec<IncidentHost>) -> Incident {
    let relays = hosts.iter().filter(|it| it.generation > 0).count() as u32;
    let generations = hosts.iter().map(|it| it.generation).max().unwrap_or(0);
    Incident { hosts, relays, generations, first_seen: at(0), ..Incident::default() }
}

/// One that infects two, each of which infects two, and so on.
fn doubling(count: u32) -> Incident {
    let generation = |n: u32| (n + 1).ilog2() + 1;
    let from = |n: u32| n.checked_sub(1).map(|n| n / 2);
    incident((0..count).map(|n| relay(n, from(n), generation(n), n)).collect())
}

/// Names of the rows, each behind as many dots as it is deep.
fn outline(incident: &Incident) -> Vec<String> {
    let tree = Tree::of(incident);
    let clock = Clock::new(at(0), at(100));
    let line = |row: &Row| {
        let [name, ..] = texts(row, &tree, &clock);
        format!("{}{name}", ".".repeat(row.depth))
    };
    tree.rows().iter().map(line).collect()
}

#[test]
fn a_small_tree_is_drawn_as_it_is() {
    // 1 is only known to have sent it; 9 is not listed; of 4 it is not known.
    let small = incident(vec![
        relay(2, Some(1), 1, 3),
        relay(3, Some(2), 2, 5),
        relay(4, None, 1, 6),
        relay(5, Some(9), 1, 8),
        relay(6, Some(2), 2, 10),
        source(1),
        source(7),
    ]);
    assert_eq!(
        outline(&small),
        [
            "not known",
            ".10.0.0.1",
            "..10.0.0.2",
            "...10.0.0.3",
            "...10.0.0.6",
            ".10.0.0.4",
            ".10.0.0.9",
            "..10.0.0.5",
            ".10.0.0.7",
        ]
    );
    let drawn = draw(&small).unwrap().into_string();
    let texts = check(&drawn);
    assert_eq!(
        texts[..12],
        [
            "host",
            "first seen",
            "to",
            "not known",
            "10.0.0.1",
            "10.0.0.2",
            "+3.0\u{a0}s",
            "2",
            "10.0.0.3",
            "+5.0\u{a0}s",
            "2",
            "10.0.0.6"
        ]
    );
    let story = "5 hosts passed it on, in 2 generations, within 7\u{a0}s; of 1 of them it is not \
                 known from whom they received it. Times are since the first packet. Hollow marks \
                 are hosts that are only known to have sent it.";
    assert!(drawn.contains(story), "{drawn}");
    // One stroke down from each of four parents, and one across to each of eight children.
    let edges = drawn.split_once("edge\" d=\"").unwrap().1.split('"').next().unwrap();
    assert_eq!((edges.matches('V').count(), edges.matches('H').count()), (4, 8));
    for edge in ["M34 67V96", "M34 80H45", "M34 96H45", "M6 35V160"] {
        assert!(edges.contains(edge), "{edge} in {edges}");
    }
    let relays = drawn.split_once("relay\" d=\"").unwrap().1.split('"').next().unwrap();
    assert_eq!(starts(relays)[..2], [[31.0, 64.0], [45.0, 80.0]]);
    assert_eq!(starts(relays).len(), 5);
}

#[test]
fn pieces_hold_every_row_once_and_lines_go_on() {
    let hosts = (0..40).map(|n| relay(n, Some(50), 1, n)).collect();
    let drawn = draw(&incident(hosts)).unwrap().into_string();
    // The root, who sent it, and 40.
    let pieces: Vec<&str> = drawn.split("<svg").skip(1).collect();
    let names = pieces.iter().map(|it| it.matches("class=\"host\"").count());
    assert_eq!(names.collect::<Vec<_>>(), [16, 16, 10]);
    let heights = pieces.iter().map(|it| it.split('"').nth(1).unwrap());
    assert_eq!(
        heights.collect::<Vec<_>>(),
        ["0 0 380 280", "0 0 380 256", "0 0 380 160"]
    );
    for (piece, stroke) in pieces.iter().zip(["M20 51V280", "M20 0V256", "M20 0V152"]) {
        assert!(piece.contains(stroke), "{stroke} in {piece}");
    }
    check(&drawn);
}

#[test]
fn every_host_stands_in_the_tree_once() {
    for count in [1, 2, 59, 60] {
        let mut names = outline(&doubling(count));
        assert_eq!(names.remove(0), "not known");
        let mut shown: Vec<String> =
            names.iter().map(|it| it.trim_start_matches('.').to_owned()).collect();
        let mut expected: Vec<String> =
            (0..count).map(|n| address(n).to_string()).collect();
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected);
    }
}

#[test]
fn beyond_the_limit_the_first_are_drawn_and_all_others_counted() {
    for count in [61, 100, 256] {
        let many = doubling(count);
        let lines = outline(&many);
        let more = |line: &String| {
            let line = line.trim_start_matches('.');
            line.strip_prefix("and ")?.strip_suffix(" more")?.parse::<usize>().ok()
        };
        let hidden: usize = lines.iter().filter_map(more).sum();
        let drawn = lines.iter().filter(|it| more(it).is_none()).count() - 1;
        assert_eq!((drawn, drawn + hidden), (MOST_HOSTS, count as usize));
        for first in 0..60 {
            let name = address(first).to_string();
            assert!(lines.iter().any(|it| it.trim_start_matches('.') == name), "{name}");
        }
        let figure = draw(&many).unwrap().into_string();
        check(&figure);
        assert!(
            figure.contains(&format!("Counted but not drawn: {hidden} host")),
            "{figure}"
        );
        assert!(figure.len() < 40_000, "{}", figure.len());
    }
}

#[test]
fn sources_do_not_displace_hosts_that_passed_it_on() {
    let mut hosts: Vec<IncidentHost> =
        (100..150).map(|n| relay(n, Some(3), 1, n)).collect();
    hosts.extend((0..100).map(source));
    let lines = outline(&incident(hosts));
    assert_eq!(lines.iter().filter(|it| it.starts_with("..10.0.0.1")).count(), 50);
    assert_eq!(lines.last().unwrap(), ".and 99 more");
}

#[test]
fn a_few_that_only_sent_it_are_drawn() {
    for (count, last) in [(12, ".10.0.0.111"), (13, ".and 13 more")] {
        let mut hosts = vec![relay(1, Some(2), 1, 5)];
        hosts.extend((100..100 + count).map(source));
        assert_eq!(outline(&incident(hosts)).last().unwrap(), last);
    }
}

#[test]
fn long_chains_and_long_addresses_fit() {
    let chain = (0..60).map(|n| relay(n, n.checked_sub(1), n + 1, 60 * n)).collect();
    check(&draw(&incident(chain)).unwrap().into_string());
    let wide = |n: u16| {
        let address = [0x2001, 0xdb8, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xf000 + n];
        let host = Host::of(std::net::Ipv6Addr::from(address).into(), 128);
        IncidentHost { host, fan_out: 4_000_000_000, ..relay(0, None, 1, 1_000_000) }
    };
    let figure = draw(&incident((0..5).map(wide).collect())).unwrap().into_string();
    let texts = check(&figure);
    // Above 16 it is an estimate.
    assert!(texts.iter().any(|it| it == "~4,000,000,000"), "{texts:?}");
    assert!(texts.iter().any(|it| it == "2001:db8:ffff:ffff:ffff:ffff:ffff:f004"));
}

#[test]
fn senders_in_a_circle_are_cut_at_the_first() {
    let round = incident(vec![
        relay(1, Some(3), 1, 1),
        relay(2, Some(1), 2, 2),
        relay(3, Some(2), 3, 3),
        relay(4, Some(4), 1, 4),
    ]);
    assert_eq!(
        outline(&round),
        ["not known", ".10.0.0.1", "..10.0.0.2", "...10.0.0.3", ".10.0.0.4"]
    );
}
