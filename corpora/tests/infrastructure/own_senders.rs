//! Hosts that send the same without having received it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{acquainted, after, alone_with_incident, packets, pair};

/// A third of the nodes and more have what spreads before any other sends it to them, which
/// infected hosts never do; and some of the pairs are new, as those of a worm are.
#[test]
fn nodes_announce_themselves_unasked_also_to_new_ones() {
    let (trace, incident) = alone_with_incident("node-discovery", 1);
    let spreading = after(&trace, &incident);
    let common = spreading.windows.values().max_by_key(|seen| seen.sent.len()).unwrap();
    assert!(common.sent.len() > 150, "{}", common.sent.len());
    let unasked = common.sent.iter().filter(|(host, sent)| {
        common.received.get(*host).is_none_or(|received| received > *sent)
    });
    let unasked = unasked.count();
    assert!(unasked * 3 >= common.sent.len(), "{unasked} of {}", common.sent.len());
    let known = acquainted(&trace, incident.begins_ns);
    let pairs: BTreeSet<_> =
        spreading.packets.iter().map(|packet| pair(packet.1, packet.2)).collect();
    let new = pairs.iter().filter(|pair| !known.contains(pair)).count();
    println!(
        "{unasked} of {} unasked, {new} of {} pairs are new",
        common.sent.len(),
        pairs.len()
    );
    assert!(new > 200 && new < pairs.len(), "{new} of {}", pairs.len());
}

/// Every packet is there a second time, 60 microseconds later, with one of its addresses
/// translated and one router more behind it.
#[test]
fn a_translator_shows_every_packet_twice() {
    let (trace, incident) = alone_with_incident("nat-both-sides", 1);
    let hosts: BTreeSet<IpAddr> = incident.hosts.iter().copied().collect();
    let mut public: BTreeMap<IpAddr, IpAddr> = BTreeMap::new();
    let mut waiting = BTreeMap::new();
    let mut doubled = 0;
    for ((time, frame), (_, packet)) in trace.frames.iter().zip(packets(&trace)) {
        let key = (packet.payload.to_vec(), packet.ports);
        let ends = (packet.source, packet.destination);
        let Some((first_time, hops, first)) =
            waiting.insert(key, (*time, frame[22], ends))
        else {
            continue;
        };
        doubled += 1;
        assert_eq!((time - first_time, hops - frame[22]), (60_000, 1));
        let (own, translated) = if hosts.contains(&first.0) {
            assert_eq!(first.1, ends.1);
            (first.0, ends.0)
        } else {
            assert_eq!(first.0, ends.0);
            (ends.1, first.1)
        };
        assert!(hosts.contains(&own) && !hosts.contains(&translated));
        assert_eq!(*public.entry(own).or_insert(translated), translated);
    }
    // The capture may end between the two.
    assert!(trace.frames.len() - 2 * doubled <= 1, "{doubled}");
    assert_eq!(public.len(), 24);
    assert_eq!(public.values().collect::<BTreeSet<_>>().len(), 24);
    // Sources and destinations of what spreads have no host in common.
    let spreading = after(&trace, &incident);
    let windows = spreading.windows.values();
    assert!(
        windows.clone().all(|seen| seen
            .sent
            .keys()
            .all(|host| { !seen.received.contains_key(host) }))
    );
    let common = windows.max_by_key(|seen| seen.sent.len()).unwrap();
    assert_eq!((common.sent.len(), common.received.len()), (2 * 24, 40));
}

/// What spreads goes to all hardware addresses and to one address of IP, the last of the
/// site; what goes to single hosts differs.
#[test]
fn a_broadcast_goes_to_a_group() {
    let (trace, incident) = alone_with_incident("broadcasts", 1);
    let last = IpAddr::from([10, 20, 31, 255]);
    let mut alone = 0;
    for ((_, frame), (_, packet)) in trace.frames.iter().zip(packets(&trace)) {
        assert_eq!(frame[..6] == [0xff; 6], packet.destination == last);
        alone += usize::from(packet.destination != last);
    }
    assert!(alone > 200, "{alone}");
    let spreading = after(&trace, &incident);
    assert!(spreading.packets.iter().all(|packet| packet.2 == last));
    let senders: BTreeSet<_> = spreading.packets.iter().map(|packet| packet.1).collect();
    assert_eq!(senders, incident.hosts.iter().copied().collect());
}
