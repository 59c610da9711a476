//! What a content, or several that belong together, are likely to be.
//!
//! A kind is a statement with its evidence, never a filter: all are reported.

use super::passing::PassingOn;
use super::{Handshakes, Relay, Roles};
use crate::detect::count::Count;
use crate::packet::Host;
use crate::state::persist_choice;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What spreads.
///
/// What a decoy received and then passed on, in a conversation that it started, is an outbreak.
/// Else the rule is, the first that holds:
///
/// 1. **Forwarding service, peer protocol.** At least two contents, or the only one, are
///    *settled*: most of their relays had begun conversations at the port before they received
///    the content, and do not spread it to hosts that were new to them; or keep to hosts that
///    they knew. It is a peer protocol where a third of the hosts are relays, or about half both
///    sent and received it; else a forwarding service.
/// 2. **Outbreak.** At least two relays of a content, and a quarter of all, sent it to hosts that
///    were new to them, and had begun no conversation at the port before they received it, as
///    far as is known; and one in ten of those that sent it are relays, of which fewer than half
///    had begun such before, or these relays attacked five new hosts each: what is part of a
///    protocol is also passed on by a few that talk to a host or two. Or as many had begun none,
///    whomever they sent it to, in a chain of two or more, and relays are as many as that among
///    all senders: a worm that attacks contacts. Or at least five
///    sent it to hosts that were new to them, in such a chain, and half of those that sent it
///    had received it before. Hosts that are settled relays of another of these contents do not
///    count.
/// 3. **Forwarding service, peer protocol**, too, where any content is settled; and a peer
///    protocol where most relays had begun conversations at the port before, and about half of
///    the hosts both sent and received it.
/// 4. **Mass delivery.** Nobody passed it on, and responders sent most of it, or most listed
///    sources are answered and there are four times as many destinations as sources.
/// 5. **Scan campaign.** Nobody passed it on, initiators sent it, and most listed sources are not
///    known to be answered, to nearly as many destinations as sources or more: where first
///    copies were not noted, some hosts are missing.
/// 6. **Unclear.**
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Content that infects: recipients become relays, and attack hosts new to them.
    Outbreak,
    /// Servers pass on what they receive, to the hosts that they serve.
    ForwardingService,
    /// Hosts of one protocol pass content on among each other.
    PeerProtocol,
    /// Sent to many hosts that may not have asked for it, and passed on by none.
    ScanCampaign,
    /// Received by many from few, and passed on by none.
    MassDelivery,
    /// None of these rules holds.
    #[default]
    Unclear,
}

/// So many relays that spread are enough, or settled contents.
const SEVERAL: usize = 2;
/// So many that spread are enough even if they began conversations at the port before.
const MANY_RELAYS: usize = 5;
/// One in so many relays of a content.
const SHARE: usize = 4;
/// One in so many of those that sent a content received it before, or relays attack so many
/// hosts that were new to them.
const SENDERS: u64 = 10;
const ATTACKED: usize = 5;
/// One in so many hosts of a peer protocol are relays.
const PEERS: u64 = 3;
/// Nine in ten are nearly as many.
const NEARLY: (u64, u64) = (9, 10);
/// Recipients for each source that make a delivery.
const MANY_EACH: u64 = 4;

impl Kind {
    /// All, in the order in which they are to be read.
    pub const ALL: [Self; 6] = [
        Self::Outbreak,
        Self::Unclear,
        Self::ScanCampaign,
        Self::MassDelivery,
        Self::PeerProtocol,
        Self::ForwardingService,
    ];

    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outbreak => "outbreak",
            Self::ForwardingService => "forwarding_service",
            Self::PeerProtocol => "peer_protocol",
            Self::ScanCampaign => "scan_campaign",
            Self::MassDelivery => "mass_delivery",
            Self::Unclear => "unclear",
        }
    }

    /// Whether hosts pass content on by trade.
    pub const fn is_by_trade(self) -> bool {
        matches!(self, Self::ForwardingService | Self::PeerProtocol)
    }
}

/// What the rule looks at, of one content.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) relays: Cow<'a, [Relay]>,
    pub(super) roles: Roles,
    pub(super) handshakes: Handshakes,
    /// Sources and destinations.
    pub(super) hosts: [Option<Count>; 2],
    /// All hosts, and those that both sent and received it, as far as the lists tell.
    pub(super) all_hosts: u64,
    pub(super) both_ways: u64,
}

impl Facts<'_> {
    /// Whether most relays pass it on by trade.
    fn is_settled(&self) -> bool {
        let settled = self.relays.iter().filter(|relay| is_settled(relay)).count();
        2 * settled > self.relays.len()
    }

    fn numbers(&self) -> [u64; 2] {
        self.hosts.map(|count| count.map_or(0, |count| count.number.into()))
    }
}

/// Whether a relay does what forwards does.
fn is_settled(relay: &Relay) -> bool {
    match relay.began_before {
        Some(true) => !relay.spreads(),
        Some(false) => false,
        None => relay.keeps_to_contacts(),
    }
}

/// Whether a relay attacks hosts that are new to it, at a port that is new to it as far as is
/// known.
fn is_turned(relay: &Relay) -> bool {
    relay.spreads() && relay.began_before != Some(true)
}

/// Whether a relay began its first conversation at the port after it had received the content.
fn is_changed(relay: &Relay) -> bool {
    relay.began_before == Some(false)
}

/// How relays of one content are infected: the first of the three ways of [`Kind`] that holds,
/// and how many are.
enum Infected {
    Turned(usize),
    Changed(usize),
    Spreading(usize),
}

/// Hosts that are known to pass on `by_trade` are not infected.
fn infected_by(content: &Facts<'_>, by_trade: &BTreeSet<Host>) -> Option<Infected> {
    let relays = &content.relays;
    let others = || relays.iter().filter(|it| !by_trade.contains(&it.host));
    let count = |is: fn(&Relay) -> bool| others().filter(|it| is(it)).count();
    let are_enough = |some: usize| some >= SEVERAL && SHARE * some >= relays.len();
    let senders = content.numbers()[0];
    let turned = count(is_turned);
    let attacks =
        others().filter(|it| is_turned(it)).map(|it| usize::from(it.new_targets));
    let attacked: usize = attacks.sum();
    let began = relays.iter().filter(|it| it.began_before == Some(true)).count();
    let are_many = SENDERS * relays.len() as u64 >= senders && 2 * began < relays.len();
    if are_enough(turned) && (are_many || attacked >= ATTACKED * turned) {
        return Some(Infected::Turned(turned));
    }
    if PassingOn::of(relays).generations < 2 {
        return None;
    }
    let changed = count(is_changed);
    if are_enough(changed) && are_many {
        return Some(Infected::Changed(changed));
    }
    let spreading = count(Relay::spreads);
    let had_received = 2 * relays.len() as u64 >= senders;
    (spreading >= MANY_RELAYS && had_received).then_some(Infected::Spreading(spreading))
}

/// How many relays of one content are infected by the rule of [`Kind`], and how many of these
/// are [shown not to be forged](Relay::proven).
pub(super) fn infected(content: &Facts<'_>) -> (usize, usize) {
    let (is, infected): (fn(&Relay) -> bool, _) =
        match infected_by(content, &BTreeSet::new()) {
            Some(Infected::Turned(n)) => (is_turned, n),
            Some(Infected::Changed(n)) => (is_changed, n),
            Some(Infected::Spreading(n)) => (Relay::spreads, n),
            None => return (0, 0),
        };
    let proven = |it: &&Relay| it.proven == Some(true) && is(it);
    (infected, content.relays.iter().filter(proven).count())
}

/// Applies the rule of [`Kind`] to contents that belong together: the kind, and each ground as
/// a sentence.
pub(super) fn judge(contents: &[&Facts<'_>]) -> (Kind, Vec<String>) {
    let relays = || contents.iter().flat_map(|content| content.relays.iter());
    if relays().next().is_none() {
        return without_relays(contents);
    }
    let decoys: BTreeSet<Host> =
        relays().filter(|relay| relay.is_decoy).map(|relay| relay.host).collect();
    let with_relays = contents.iter().filter(|it| !it.relays.is_empty()).count();
    let settled = contents.iter().filter(|content| content.is_settled()).count();
    let chain = contents
        .iter()
        .map(|content| PassingOn::of(&content.relays).generations)
        .max()
        .unwrap_or(0);
    if !decoys.is_empty() {
        let said = match decoys.len() {
            1 => "A decoy passed it on, which starts nothing by itself.".to_owned(),
            n => format!("{n} decoys passed it on, which start nothing by themselves."),
        };
        return (Kind::Outbreak, vec![said, chain_of(chain)]);
    }
    if settled >= SEVERAL || (settled > 0 && settled == with_relays) {
        return by_trade(contents, settled, with_relays);
    }
    // The content that most relays spread.
    let settled_hosts = settled_elsewhere(contents);
    let found = contents.iter().filter_map(|it| infected_by(it, &settled_hosts));
    let worst = found.max_by_key(|it| match it {
        Infected::Turned(n) => (3, *n),
        Infected::Changed(n) => (2, *n),
        Infected::Spreading(n) => (1, *n),
    });
    let said = match worst {
        Some(Infected::Turned(n)) => format!(
            "{n} hosts passed it on to hosts that were new to them, at a port where they are not \
             known to have begun conversations before."
        ),
        Some(Infected::Changed(n)) => format!(
            "{n} hosts began conversations at the port only after they had received it."
        ),
        Some(Infected::Spreading(n)) => format!(
            "{n} hosts passed it on to hosts that were new to them, and half of those that sent \
             it had received it before."
        ),
        None if settled > 0 => return by_trade(contents, settled, with_relays),
        None => {
            let began = relays().filter(|relay| relay.began_before == Some(true)).count();
            if 2 * began > relays().count() && half_are_both(contents) {
                let said = format!(
                    "{began} of {} hosts that passed it on had begun conversations at the port \
                     before, and about half of all both sent and received it.",
                    relays().count()
                );
                return (Kind::PeerProtocol, vec![said]);
            }
            return (Kind::Unclear, Vec::new());
        }
    };
    let mut reasons = vec![said, chain_of(chain)];
    reasons.extend(unanswered(contents));
    (Kind::Outbreak, reasons)
}

/// What the relays of the content that most pass on met, where much of it did not answer.
fn unanswered(contents: &[&Facts<'_>]) -> Option<String> {
    let most = contents.iter().max_by_key(|content| content.relays.len())?;
    let PassingOn { begun, unanswered, .. } = PassingOn::of(&most.relays);
    (unanswered > 0 && SHARE as u32 * unanswered >= begun).then(|| {
        format!(
            "Of {begun} conversations that they began at the port, {unanswered} were not \
             answered: scans meet such hosts."
        )
    })
}

/// What hosts pass on by trade, of which so many contents with relays are settled.
fn by_trade(contents: &[&Facts<'_>], settled: usize, of: usize) -> (Kind, Vec<String>) {
    let said = format!(
        "Of {} most relays had begun conversations at the port before they received it, or keep \
         to hosts that they knew.",
        of_all(settled, of)
    );
    match third_are_relays(contents) || half_are_both(contents) {
        true => {
            let both = "Many of its hosts both send and receive it.".to_owned();
            (Kind::PeerProtocol, vec![said, both])
        }
        false => (Kind::ForwardingService, vec![said]),
    }
}

fn without_relays(contents: &[&Facts<'_>]) -> (Kind, Vec<String>) {
    // They belong together: the one that most hosts sent or received speaks for all.
    let Some(content) = contents.iter().max_by_key(|it| it.numbers().iter().sum::<u64>())
    else {
        return (Kind::Unclear, Vec::new());
    };
    let [sources, destinations] = content.numbers();
    let Roles { initiator, responder, unknown } = content.roles;
    let Handshakes { answered, unanswered, unknown: silent } = content.handshakes;
    let are_answered = answered > unanswered + silent;
    if u64::from(responder) > u64::from(initiator) + u64::from(unknown) {
        let said = "Nobody passed it on; most of it was sent in replies.".to_owned();
        return (Kind::MassDelivery, vec![said]);
    }
    if are_answered && destinations >= MANY_EACH * sources {
        let said = format!(
            "Nobody passed it on; {sources} sources, most of them answered, sent it to \
             {destinations} hosts."
        );
        return (Kind::MassDelivery, vec![said]);
    }
    let reaches_as_many = NEARLY.1 * destinations >= NEARLY.0 * sources;
    if !are_answered && reaches_as_many && initiator >= unknown {
        let said = format!(
            "Nobody passed it on; {sources} sources, most of them not known to be answered, \
             sent it to {destinations} hosts."
        );
        return (Kind::ScanCampaign, vec![said]);
    }
    (Kind::Unclear, Vec::new())
}

/// Hosts that pass one of several contents on as forwarders do.
fn settled_elsewhere(contents: &[&Facts<'_>]) -> BTreeSet<Host> {
    let relays = contents.iter().flat_map(|content| content.relays.iter());
    let settled = relays.filter(|relay| is_settled(relay)).map(|relay| relay.host);
    settled.collect()
}

fn third_are_relays(contents: &[&Facts<'_>]) -> bool {
    let relays: BTreeSet<Host> = contents
        .iter()
        .flat_map(|content| content.relays.iter().map(|relay| relay.host))
        .collect();
    let hosts = contents.iter().map(|content| content.all_hosts).max().unwrap_or(0);
    hosts > 0 && PEERS * relays.len() as u64 >= hosts
}

fn half_are_both(contents: &[&Facts<'_>]) -> bool {
    let sum = |of: fn(&Facts<'_>) -> u64| contents.iter().map(|it| of(it)).sum::<u64>();
    let all = sum(|it| it.all_hosts);
    all > 0 && 2 * sum(|it| it.both_ways) >= all
}

fn of_all(some: usize, all: usize) -> String {
    match (some, all) {
        (1, 1) => "the content".to_owned(),
        (some, all) if some == all => format!("all {all} contents"),
        (some, all) => format!("{some} of {all} contents"),
    }
}

fn chain_of(generations: u32) -> String {
    match generations {
        0 | 1 => "No relay is known to have received it from another.".to_owned(),
        n => format!("The longest chain of relays is {n} hosts long."),
    }
}

persist_choice!(
    Kind: Kind::Outbreak,
    Kind::Unclear,
    Kind::ScanCampaign,
    Kind::MassDelivery,
    Kind::PeerProtocol,
    Kind::ForwardingService,
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Timestamp;

    fn relay(host: u128, began_before: Option<bool>, new: u8, known: u8) -> Relay {
        Relay {
            host: Host(host),
            received_at: Some(Timestamp::from_nanos(host as u64)),
            received_from: (host > 1).then(|| Host(host - 1)),
            sent_at: Timestamp::from_nanos(host as u64 + 1),
            fan_out: u32::from(new) + u32::from(known),
            new_targets: new,
            known_targets: known,
            began_before,
            ..Relay::default()
        }
    }

    /// Relays that all received it from outside.
    fn apart(mut relays: Vec<Relay>) -> Facts<'static> {
        relays.iter_mut().for_each(|relay| relay.received_from = Some(Host(99)));
        chain(relays)
    }

    /// Each from the one before.
    fn chain(relays: Vec<Relay>) -> Facts<'static> {
        Facts { relays: relays.into(), all_hosts: 20, ..Facts::default() }
    }

    fn assert_kind(contents: &[Facts<'_>], kind: Kind) {
        let contents: Vec<&Facts<'_>> = contents.iter().collect();
        let (found, said) = judge(&contents);
        assert_eq!(found, kind, "{contents:?}: {said:?}");
        assert_eq!(said.is_empty(), kind == Kind::Unclear);
        assert!(said.iter().all(|it| it.ends_with('.')), "{said:?}");
    }

    #[test]
    fn relays_that_turned_make_an_outbreak_and_those_that_did_so_by_trade_do_not() {
        let (n, b) = (Some(false), Some(true));
        assert_kind(&[apart(vec![relay(1, n, 3, 0), relay(2, n, 3, 0)])], Kind::Outbreak);
        assert_kind(
            &[apart(vec![relay(1, None, 3, 0), relay(2, None, 3, 0)])],
            Kind::Outbreak,
        );
        assert_kind(&[apart(vec![relay(1, n, 3, 0)])], Kind::Unclear);
        // Of a protocol's own bytes a few senders had received them before, and talk on.
        let sources = |count| [Some(Count::exact(count)), None];
        let two = |new| apart(vec![relay(1, n, new, 0), relay(2, n, new, 0)]);
        assert_kind(&[Facts { hosts: sources(20), ..two(2) }], Kind::Outbreak);
        assert_kind(&[Facts { hosts: sources(21), ..two(2) }], Kind::Unclear);
        assert_kind(&[Facts { hosts: sources(700), ..two(5) }], Kind::Outbreak);
        let forwards = || apart(vec![relay(1, b, 0, 3), relay(2, b, 1, 2)]);
        assert_kind(&[forwards()], Kind::ForwardingService);
        // The first content of all looks as a worm does, and those after it do not.
        let first = apart(vec![relay(1, n, 3, 0), relay(2, n, 3, 0)]);
        let by_others = apart(vec![relay(8, b, 0, 3), relay(9, b, 1, 2)]);
        assert_kind(&[first.clone(), by_others], Kind::Outbreak);
        assert_kind(&[first.clone(), forwards()], Kind::ForwardingService);
        assert_kind(&[first, forwards(), forwards()], Kind::ForwardingService);
        // A row of proxies is a chain as well.
        let row = chain(vec![relay(1, b, 0, 3), relay(2, b, 0, 3)]);
        assert_kind(std::slice::from_ref(&row), Kind::ForwardingService);
        assert_kind(&[Facts { all_hosts: 6, ..row }], Kind::PeerProtocol);
        let both = Facts { both_ways: 10, ..forwards() };
        assert_kind(&[both], Kind::PeerProtocol);
    }

    #[test]
    fn what_a_decoy_passes_on_is_an_outbreak_whatever_else_passes_it_on() {
        let decoy = Relay { is_decoy: true, ..relay(9, Some(true), 0, 1) };
        assert_kind(&[apart(vec![decoy])], Kind::Outbreak);
        let b = Some(true);
        let forwards = apart(vec![relay(1, b, 0, 3), relay(2, b, 1, 2), decoy]);
        assert_kind(&[forwards], Kind::Outbreak);
    }

    #[test]
    fn a_worm_that_attacks_contacts_is_an_outbreak_in_a_chain_alone() {
        let n = Some(false);
        let relays = || vec![relay(1, n, 0, 3), relay(2, n, 0, 3)];
        assert_kind(&[chain(relays())], Kind::Outbreak);
        assert_kind(&[apart(relays())], Kind::Unclear);
        // Where the port is used by all anyway, it takes five that attack others.
        let used =
            |count| (1..=count).map(|host| relay(host, Some(true), 3, 0)).collect();
        assert_kind(&[chain(used(5))], Kind::Outbreak);
        assert_kind(&[chain(used(4))], Kind::Unclear);
        assert_kind(&[apart(used(5))], Kind::Unclear);
        // Peers send it before they receive it.
        let hosts = [Some(Count::about(11)), None];
        let peers = Facts { hosts, ..chain(used(5)) };
        assert_kind(std::slice::from_ref(&peers), Kind::Unclear);
        assert_kind(&[Facts { both_ways: 10, ..peers }], Kind::PeerProtocol);
        // A few that joined late make no worm of it.
        let mut some: Vec<Relay> = used(9);
        some[0].began_before = Some(false);
        some[1].began_before = Some(false);
        assert_kind(&[apart(some.clone())], Kind::Unclear);
        assert_kind(&[apart(some[..8].to_vec())], Kind::Unclear);
        // Unless these attack many.
        (some[0].new_targets, some[1].new_targets) = (5, 5);
        assert_kind(&[apart(some[..8].to_vec())], Kind::Outbreak);
        assert_kind(&[apart(some[..3].to_vec())], Kind::Outbreak);
    }

    #[test]
    fn what_nobody_passed_on_is_a_delivery_or_a_scan() {
        let roles = |initiator, responder| Roles { initiator, responder, unknown: 0 };
        let hosts = |s, d| [Some(Count::exact(s)), Some(Count::exact(d))];
        let answered =
            |answered, unknown| Handshakes { answered, unanswered: 0, unknown };
        let content = |roles, hosts, handshakes| Facts {
            roles,
            hosts,
            handshakes,
            ..Facts::default()
        };
        let replies = content(roles(3, 9), hosts(5, 40), answered(5, 0));
        assert_kind(&[replies], Kind::MassDelivery);
        let mail = content(roles(50, 0), hosts(3, 40), answered(3, 0));
        assert_kind(&[mail], Kind::MassDelivery);
        let scan = content(roles(50, 0), hosts(30, 40), answered(0, 30));
        assert_kind(&[scan], Kind::ScanCampaign);
        let nearly = |d| content(roles(50, 0), hosts(40, d), answered(0, 40));
        assert_kind(&[nearly(36)], Kind::ScanCampaign);
        assert_kind(&[nearly(35)], Kind::Unclear);
        let crowd = content(roles(50, 0), hosts(60, 3), answered(60, 0));
        assert_kind(&[crowd], Kind::Unclear);
        assert_kind(&[], Kind::Unclear);
    }

    #[test]
    fn every_kind_has_its_name_and_place() {
        let names: std::collections::BTreeSet<_> =
            Kind::ALL.map(Kind::name).into_iter().collect();
        assert_eq!(names.len(), 6);
        assert_eq!(Kind::ALL[0], Kind::Outbreak);
    }
}
