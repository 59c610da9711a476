//! Incidents against their definition.

use super::*;
use crate::detect::propagation::Relay;
use proptest::prelude::*;

/// A signature with relays and sources of these numbers.
#[derive(Clone, Debug)]
struct Plain {
    port: Option<u16>,
    relays: Vec<u128>,
    sources: Vec<u128>,
    /// Whether its relays pass it on as a worm's do.
    turned: bool,
}

impl Plain {
    fn member(&self, number: u64) -> Member<'static> {
        let relay = |host: &u128| Relay {
            host: Host(*host),
            fan_out: 3,
            new_targets: if self.turned { 3 } else { 0 },
            began_before: Some(!self.turned),
            ..Relay::default()
        };
        let relays: Vec<Relay> = self.relays.iter().map(relay).collect();
        let mut sources: Vec<Host> = self.sources.iter().map(|n| Host(*n)).collect();
        sources.sort_unstable();
        sources.dedup();
        let facts = Facts { relays: relays.into(), ..Facts::default() };
        Member { number, protocol: 6, port: self.port, sources: sources.into(), facts }
    }
}

fn plain(port: u16, relays: &[u128], sources: &[u128], turned: bool) -> Plain {
    Plain { port: Some(port), relays: relays.to_vec(), sources: sources.to_vec(), turned }
}

/// Signatures, each with its number, as the ledger shows them.
fn look(incidents: &mut Incidents, signatures: &[(u64, Plain)]) -> Changed {
    let members: Vec<_> = signatures.iter().map(|(n, it)| it.member(*n)).collect();
    incidents.look(&members, &BTreeSet::new(), |n| format!("signature {n}"))
}

/// The members of each incident.
fn sets(incidents: &Incidents) -> Vec<Vec<u64>> {
    let mut sets: Vec<_> =
        incidents.all().map(|(_, found)| found.members.clone()).collect();
    sets.sort();
    sets
}

/// What is told of an incident that has these signatures.
fn told(incidents: &mut Incidents, id: u128, signatures: &[&str], relays: u32) -> bool {
    let incident = Incident {
        signatures: signatures.iter().map(|id| (*id).to_owned()).collect(),
        relays,
        ..Incident::default()
    };
    incidents.is_news(id, &Outline::of(&incident))
}

#[test]
fn a_shared_relay_or_half_of_the_sources_at_one_service_belong_together() {
    let mut incidents = Incidents::default();
    let signatures = [
        (1, plain(80, &[1, 2], &[1, 2], false)),
        (2, plain(80, &[2, 3], &[2, 3], false)),
        (3, plain(81, &[2, 3], &[50, 51], false)),
        (4, plain(80, &[], &[20, 21, 22, 23], false)),
        (5, plain(80, &[], &[22, 23, 24, 25, 26, 27], false)),
        (6, plain(80, &[], &[27, 30, 31], false)),
    ];
    look(&mut incidents, &signatures);
    assert_eq!(sets(&incidents), [vec![1, 2], vec![3], vec![4, 5], vec![6]]);
    let (id, found) = incidents.of(2).unwrap();
    assert_eq!((id, found.kind), (named("signature 1"), Kind::ForwardingService));
    assert!(incidents.of(9).is_none());
}

#[test]
fn outbreaks_at_two_ports_with_the_same_relays_are_one() {
    let mut incidents = Incidents::default();
    let mut signatures = [
        (1, plain(80, &[1, 2, 3], &[9], true)),
        (2, plain(81, &[2, 3, 4, 5], &[8], true)),
        (3, plain(82, &[5, 6, 7], &[7], true)),
    ];
    look(&mut incidents, &signatures);
    assert_eq!(sets(&incidents), [vec![1, 2], vec![3]]);
    // What is no outbreak is told for each service.
    signatures[1].1.turned = false;
    look(&mut incidents, &signatures);
    assert_eq!(sets(&incidents), [vec![1], vec![2], vec![3]]);
    // At one service it is told once.
    signatures[0].1 = plain(81, &[8, 9], &[9], false);
    look(&mut incidents, &signatures);
    assert_eq!(sets(&incidents), [vec![1, 2], vec![3]]);
}

#[test]
fn what_infected_hosts_send_besides_belongs_to_the_outbreak() {
    let mut incidents = Incidents::default();
    let signatures = [
        (1, plain(80, &[1, 2, 3], &[9], true)),
        (2, plain(81, &[], &[1, 9, 20, 21], true)),
        (3, plain(82, &[], &[1, 20, 21], true)),
        // Relays of its own make it another matter.
        (4, plain(83, &[30], &[1, 2, 3], true)),
    ];
    look(&mut incidents, &signatures);
    assert_eq!(sets(&incidents), [vec![1, 2], vec![3], vec![4]]);
    assert_eq!(incidents.of(2).unwrap().1.kind, Kind::Outbreak);
}

#[test]
fn an_incident_keeps_its_id_and_the_younger_becomes_part_of_the_older() {
    let mut incidents = Incidents::default();
    let mut signatures =
        vec![(1, plain(80, &[1], &[1], true)), (2, plain(80, &[2], &[2], true))];
    let first = look(&mut incidents, &signatures);
    assert_eq!((first.incidents.len(), first.parts.len()), (2, 0));
    let (a, b) = (incidents.of(1).unwrap().0, incidents.of(2).unwrap().0);
    assert!(told(&mut incidents, a, &["x"], 1) && told(&mut incidents, b, &["y"], 1));
    assert!(look(&mut incidents, &signatures).incidents.is_empty());
    // The third joins both.
    signatures.push((3, plain(80, &[1, 2], &[3], true)));
    let joined = look(&mut incidents, &signatures);
    let older = a.min(b);
    assert_eq!(joined.parts, [(a.max(b), older)]);
    assert_eq!(joined.incidents, [older]);
    // Its first signature is forgotten: its name stays.
    signatures.remove(0);
    look(&mut incidents, &signatures);
    assert_eq!(incidents.of(3).unwrap().0, older);
    signatures.clear();
    look(&mut incidents, &signatures);
    incidents.drop_ended();
    assert!(incidents.told.is_empty() && incidents.of.is_empty());
}

#[test]
fn what_parts_from_an_incident_that_bears_its_name_gets_another() {
    let mut incidents = Incidents::default();
    let alone =
        |n: u64| (n, plain(80, &[], &[u128::from(10 * n), u128::from(10 * n) + 1], true));
    let together = |n: u64| (n, plain(80, &[], &[1, 2], true));
    look(&mut incidents, &[alone(1), alone(2)]);
    look(&mut incidents, &[together(1), together(2)]);
    assert_eq!(sets(&incidents), [[1, 2]]);
    look(&mut incidents, &[alone(1), alone(2)]);
    assert_eq!(sets(&incidents), [[1], [2]]);
}

#[test]
fn other_signatures_kinds_and_twice_the_relays_are_news() {
    let mut incidents = Incidents::default();
    assert!(told(&mut incidents, 7, &["x"], 2));
    assert!(!told(&mut incidents, 7, &["x"], 3));
    assert!(told(&mut incidents, 7, &["x"], 4));
    assert!(!told(&mut incidents, 7, &["x"], 7));
    assert!(told(&mut incidents, 7, &["x", "y"], 7));
    // The strongest first may change without news.
    assert!(!told(&mut incidents, 7, &["y", "x"], 7));
    let detected_at = Timestamp::from_nanos(5);
    let later = Incident { detected_at, kind: Kind::Outbreak, ..Incident::default() };
    assert!(incidents.is_news(7, &Outline::of(&later)));
    assert_eq!(incidents.told_at(7), Some(Timestamp::default()), "as it was first told");
}

#[test]
fn hosts_come_by_receipt_then_those_that_only_sent() {
    let relay = |host: u128, from: Option<u128>, time: u64| Relay {
        host: Host(host),
        received_at: Some(Timestamp::from_nanos(time)),
        received_from: from.map(Host),
        sent_at: Timestamp::from_nanos(time + 1),
        fan_out: time as u32,
        ..Relay::default()
    };
    let of = |relays: Vec<Relay>, sources: &[u128]| {
        let source_list = sources.iter().map(|n| Host(*n)).collect();
        (relays, source_list)
    };
    let (relays, source_list) =
        of(vec![relay(2, Some(1), 20), relay(1, Some(9), 10)], &[9, 1, 2]);
    let first = super::super::tests::signature_of(relays, source_list);
    let (relays, source_list) = of(vec![relay(2, None, 15)], &[2]);
    let second = super::super::tests::signature_of(relays, source_list);
    let hosts = hosts(&[first, second]);
    let brief: Vec<_> = hosts
        .iter()
        .map(|it| (it.host.0, it.generation, it.fan_out, it.first_seen.is_some()))
        .collect();
    // Host 2 as it received the second, with the larger fan-out of both.
    assert_eq!(brief, [(1, 1, 10, true), (2, 1, 20, true), (9, 0, 0, false)]);
}

/// The definition, pair by pair, until nothing more joins.
fn twin(signatures: &[(u64, Plain)]) -> Vec<Vec<u64>> {
    let shared = |a: &[u128], b: &[u128]| {
        let set: BTreeSet<_> = a.iter().collect();
        b.iter().collect::<BTreeSet<_>>().intersection(&set).count()
    };
    let listed = |sources: &[u128]| sources.iter().collect::<BTreeSet<_>>().len();
    let together = |a: &Plain, b: &Plain| {
        let shared_sources = shared(&a.sources, &b.sources);
        a.port == b.port
            && (shared(&a.relays, &b.relays) > 0
                || shared_sources >= 2
                    && 2 * shared_sources >= listed(&a.sources).min(listed(&b.sources)))
    };
    let mut sets: Vec<Vec<usize>> = (0..signatures.len()).map(|i| vec![i]).collect();
    loop {
        let pair = (0..sets.len())
            .flat_map(|a| (a + 1..sets.len()).map(move |b| (a, b)))
            .find(|(a, b)| {
                sets[*a].iter().any(|i| {
                    sets[*b]
                        .iter()
                        .any(|j| together(&signatures[*i].1, &signatures[*j].1))
                })
            });
        let Some((a, b)) = pair else { break };
        let other = sets.remove(b);
        sets[a].extend(other);
    }
    let mut sets: Vec<Vec<u64>> = sets
        .into_iter()
        .map(|set| {
            let mut set: Vec<u64> = set.into_iter().map(|i| signatures[i].0).collect();
            set.sort_unstable();
            set
        })
        .collect();
    sets.sort();
    sets
}

proptest! {
    #[test]
    fn signatures_belong_together_as_defined(
        signatures in prop::collection::vec(
            (80u16..82, prop::collection::vec(0u128..30, 0..2),
             prop::collection::vec(0u128..25, 0..22)),
            0..14,
        ),
    ) {
        // One relay each, of which none is an outbreak or a trade.
        let signatures: Vec<_> = (1..)
            .zip(signatures)
            .map(|(n, (port, relays, sources))| (n, plain(port, &relays, &sources, true)))
            .collect();
        let mut incidents = Incidents::default();
        look(&mut incidents, &signatures);
        prop_assert_eq!(sets(&incidents), twin(&signatures));
        // So they do at every later look, whatever they were called before.
        for (n, other) in [(0, vec![3]), (1, vec![]), (2, vec![1, 2, 3])] {
            let mut changed = signatures.clone();
            if let Some((_, plain)) = changed.get_mut(n) {
                plain.sources = other;
            }
            changed.truncate(signatures.len() - n.min(signatures.len()));
            look(&mut incidents, &changed);
            prop_assert_eq!(sets(&incidents), twin(&changed));
        }
    }
}
