//! Hosts that send the same without having received it.

use std::collections::BTreeSet;

use super::{acquainted, after, alone_with_incident, pair};

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
