//! Hosts that pass on what they receive do so, to hosts that they knew.

use std::collections::BTreeSet;

use super::{Spreading, acquainted, after, alone_with_incident, pair};
use wormsift_corpora::Trace;
use wormsift_corpora::ground_truth::IncidentTruth;

const PASSING_ON: [&str; 8] = [
    "load-balancers",
    "syslog-relays",
    "dns-forwarders",
    "radius-proxies",
    "service-mesh",
    "gossip",
    "replication",
    "update-peers",
];

/// Each host of the incident first receives some of what spreads, and sends it later; of
/// update peers at least two of three, since nobody asks the last ones.
pub(super) fn receives_before_it_sends(incident: &IncidentTruth, spreading: &Spreading) {
    let relayed = incident.hosts.iter().filter(|host| {
        spreading.windows.values().any(|seen| {
            let (sent, received) = (seen.sent.get(*host), seen.received.get(*host));
            sent.zip(received).is_some_and(|(sent, received)| received < sent)
        })
    });
    let (relayed, hosts) = (relayed.count(), incident.hosts.len());
    let least = if incident.subject == "update-peers" { hosts * 2 / 3 } else { hosts };
    assert!(relayed >= least, "{}: {relayed} of {hosts}", incident.subject);
}

/// How many pairs the hosts of the incident pass it on over, all of which had talked.
pub(super) fn knew_each_other(
    trace: &Trace,
    incident: &IncidentTruth,
    spreading: &Spreading,
) -> usize {
    let known = acquainted(trace, incident.begins_ns);
    let mut passed = BTreeSet::new();
    for (_, from, to, port) in &spreading.packets {
        // Answers go back to whoever asked; only update peers send the content in answers.
        let answer = *port == incident.port && incident.subject == "dns-forwarders";
        if incident.hosts.contains(from) && !answer {
            assert!(
                known.contains(&pair(*from, *to)),
                "{}: {from} {to}",
                incident.subject
            );
            passed.insert((*from, *to));
        }
    }
    passed.len()
}

#[test]
fn each_host_of_the_truth_receives_before_it_sends() {
    for name in PASSING_ON {
        for seed in [1, 2, 3] {
            let (trace, incident) = alone_with_incident(name, seed);
            receives_before_it_sends(&incident, &after(&trace, &incident));
        }
    }
}

#[test]
fn each_host_of_the_truth_passes_on_to_hosts_that_it_knew() {
    for name in PASSING_ON {
        for seed in [1, 2, 3] {
            let (trace, incident) = alone_with_incident(name, seed);
            let pairs = knew_each_other(&trace, &incident, &after(&trace, &incident));
            println!("{name}, seed {seed}: {pairs} pairs");
            // Each has at least two others to pass it on to.
            assert!(pairs >= 2 * incident.hosts.len(), "{name}: {pairs}");
        }
    }
}

/// A balancer opens a connection of its own to a server; a client never reaches one.
#[test]
fn a_balancer_hides_its_clients() {
    let (trace, incident) = alone_with_incident("load-balancers", 1);
    let spreading = after(&trace, &incident);
    let (mut from_clients, mut from_balancers) = (BTreeSet::new(), BTreeSet::new());
    for (_, from, to, _) in &spreading.packets {
        if incident.hosts.contains(to) {
            from_clients.insert(*from);
        } else {
            assert!(incident.hosts.contains(from), "{from} {to}");
            from_balancers.insert(*to);
        }
    }
    assert_eq!((from_clients.len(), from_balancers.len()), (40, 6));
    assert!(from_clients.is_disjoint(&from_balancers));
}

/// A relay passes a burst on about a second after its first receipt.
#[test]
fn a_syslog_relay_queues_a_burst() {
    let (trace, incident) = alone_with_incident("syslog-relays", 1);
    let spreading = after(&trace, &incident);
    // Before the text there are two colons; what is behind them is all alike.
    let text = spreading.windows.iter().filter(|(bytes, _)| !bytes.contains(&b':'));
    let text: Vec<_> = text.map(|(_, seen)| seen).collect();
    assert!(text.len() >= 10, "{}", text.len());
    for seen in text {
        for relay in &incident.hosts {
            let waited = (seen.sent[relay] - seen.received[relay]) / 1_000_000;
            assert!((990..1_260).contains(&waited), "{waited} ms");
        }
        assert_eq!((seen.sent.len(), seen.received.len()), (40 + 2, 2 + 3));
    }
}

/// Who sends a piece of an update was asked for it, in the same connection.
#[test]
fn an_update_is_sent_in_answers_alone() {
    let (trace, incident) = alone_with_incident("update-peers", 1);
    let spreading = after(&trace, &incident);
    assert!(spreading.packets.iter().all(|(.., port)| *port == incident.port));
    // All but the last to come send it on, and all receive it.
    let receivers: BTreeSet<_> =
        spreading.packets.iter().map(|packet| packet.2).collect();
    assert!(incident.hosts.iter().all(|host| receivers.contains(host)));
}
