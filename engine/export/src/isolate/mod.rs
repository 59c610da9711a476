//! Isolation list: hosts to cut off, each with its class, reason and expiry.
//!
//! Nothing is pushed to any device. The list and the sets made from it are for a person to
//! look at and to apply.
//!
//! - A host is *confirmed* if it passed on a content of grade *high* after it had received it,
//!   was shown not to be forged (`Relay::proven`), and is not known to have begun conversations
//!   at that port before; not at ports of services that forward, such as SMTP. Any other known sender is *suspected*: relays, listed sources and the
//!   sources of samples. Addresses of suspected hosts may be forged.
//! - It expires some time after the content was last seen. Time is packet time, so that an old
//!   capture gives the list that it would have given then.
//! - A list is for one address space. Hosts whose address belongs to another site are left out:
//!   there it is another host, which may be innocent.
//! - What overlaps a protected network is in no list ([`Protected`]).
//! - A run adds a bounded number of hosts that the list applied before ([`read`]) does not
//!   have, confirmed ones first. What is left out is counted.
//!
//! Costs a look-up for each sender of each signature, and for each host one for each protected
//! network.

mod applied;
mod protected;
mod render;

pub use applied::read;
pub use protected::{Protected, read_networks};
pub use render::{csv, iprep, ipset, nftables, stix};

use std::collections::{BTreeMap, BTreeSet};
use wormsift::detect::ports::is_forwarding;
use wormsift::packet::{Host, Network, Site, Timestamp};
use wormsift::signature::{Confidence, Relay, Signature};
use wormsift::time::Span;

/// How a list is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsolateOptions {
    /// From the last sighting of the content to the expiry.
    pub lasts: Span,
    /// Most hosts that are added to the list applied before.
    pub most_new: usize,
    /// What has expired by then is left out. `None`: the latest sighting of any content.
    pub as_of: Option<Timestamp>,
    /// The site at which it will be applied: of addresses that belong to a site, its own are
    /// listed. `None`: none.
    pub site: Option<Site>,
}

/// A day, and 256 hosts.
impl Default for IsolateOptions {
    fn default() -> Self {
        Self { lasts: Span::from_secs(86_400), most_new: 256, as_of: None, site: None }
    }
}

/// How sure it is that a host is infected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It sent the content.
    Suspected,
    /// It passed the content on, and is not forged.
    Confirmed,
}

impl Class {
    const ALL: [Self; 2] = [Self::Suspected, Self::Confirmed];

    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Confirmed => "confirmed",
        }
    }
}

/// What becomes of a host, compared with the list applied before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was not there.
    New,
    /// It was there, with another class or expiry.
    Changed,
    /// It was there as it is now.
    Same,
    /// It was there and is no more: it expired, is protected now, or is listed by nothing.
    Gone,
}

impl Change {
    const ALL: [Self; 4] = [Self::New, Self::Changed, Self::Same, Self::Gone];

    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Same => "same",
            Self::Gone => "gone",
        }
    }
}

/// Why a host is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// How sure that is.
    pub class: Class,
    /// Compared with the list applied before.
    pub change: Change,
    /// When the content was last seen.
    pub last_seen: Timestamp,
    /// When it expires.
    pub until: Timestamp,
    /// Id of the signature that says most against it.
    pub signature: String,
    /// Id of that signature's incident, if any.
    pub incident: Option<String>,
    /// Whether it is in a home network; `None` where those are not set.
    pub inside: Option<bool>,
    /// What it did, in one sentence.
    pub reason: String,
}

/// Hosts to isolate, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IsolationList {
    hosts: BTreeMap<Network, Listed>,
    as_of: Timestamp,
    /// What was left out.
    pub left_out: LeftOutHosts,
}

/// Hosts that are in no list, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOutHosts {
    /// They are protected.
    pub protected: u64,
    /// Their time was over.
    pub expired: u64,
    /// They would be new beyond the most that a run may add.
    pub beyond_most: u64,
    /// Their addresses belong to other sites.
    pub other_site: u64,
}

impl IsolationList {
    /// The known senders of `signatures`, but for those that are protected, compared with the
    /// list `applied` before.
    pub fn new<'a>(
        signatures: impl IntoIterator<Item = &'a Signature>,
        protected: &Protected,
        applied: &BTreeMap<Network, Listed>,
        options: &IsolateOptions,
    ) -> Self {
        let mut hosts: BTreeMap<Network, Listed> = BTreeMap::new();
        let mut latest = Timestamp::default();
        let mut elsewhere = BTreeSet::new();
        for signature in signatures {
            latest = latest.max(signature.last_seen);
            for (network, listed) in senders(signature, options, &mut elsewhere) {
                hosts.entry(network).and_modify(|it| it.meet(&listed)).or_insert(listed);
            }
        }
        let as_of = options.as_of.unwrap_or(latest);
        let other_site = elsewhere.len() as u64;
        let mut left_out = LeftOutHosts { other_site, ..LeftOutHosts::default() };
        // What was applied stays until it expires, whether or not this run knows of it.
        for (network, before) in
            applied.iter().filter(|(_, it)| it.change != Change::Gone)
        {
            let now = hosts.entry(*network).or_insert_with(|| before.clone());
            if before.class > now.class {
                *now = Listed {
                    until: now.until,
                    last_seen: now.last_seen,
                    ..before.clone()
                };
            }
            now.until = now.until.max(before.until);
            let is_same = (now.class, now.until) == (before.class, before.until);
            now.change = if is_same { Change::Same } else { Change::Changed };
        }
        hosts.retain(|network, it| {
            let is_protected = protected.holds(network);
            let is_over = it.until <= as_of;
            left_out.protected += u64::from(is_protected);
            left_out.expired += u64::from(is_over && !is_protected);
            if (is_protected || is_over) && it.change != Change::New {
                it.change = Change::Gone;
                return true;
            }
            !is_protected && !is_over
        });
        let new = hosts.iter().filter(|(_, it)| it.change == Change::New);
        let mut new: Vec<_> =
            new.map(|(network, it)| (it.class, it.last_seen, *network)).collect();
        new.sort_by_key(|(class, last_seen, network)| {
            (std::cmp::Reverse((*class, *last_seen)), *network)
        });
        for (.., network) in new.drain(options.most_new.min(new.len())..) {
            hosts.remove(&network);
            left_out.beyond_most += 1;
        }
        Self { hosts, as_of, left_out }
    }

    /// Hosts that are to be isolated, in the order of their addresses.
    pub fn hosts(&self) -> impl Iterator<Item = (&Network, &Listed)> {
        self.hosts.iter().filter(|(_, it)| it.change != Change::Gone)
    }

    /// The same and those that are so no more.
    pub fn with_gone(&self) -> impl Iterator<Item = (&Network, &Listed)> {
        self.hosts.iter()
    }

    /// The time up to which expiries are counted.
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// How many hosts have this class.
    pub fn count(&self, class: Class) -> u64 {
        self.hosts().filter(|(_, it)| it.class == class).count() as u64
    }
}

impl Listed {
    /// Takes what another signature says of the same host: the higher class, then the later
    /// sighting has the word.
    fn meet(&mut self, other: &Self) {
        let until = self.until.max(other.until);
        let inside = self.inside.or(other.inside);
        if (other.class, other.last_seen) > (self.class, self.last_seen) {
            self.clone_from(other);
        }
        (self.until, self.inside) = (until, inside);
    }
}

/// Each known sender of a signature once; those of other sites go to `elsewhere`.
fn senders(
    it: &Signature,
    options: &IsolateOptions,
    elsewhere: &mut BTreeSet<Host>,
) -> BTreeMap<Network, Listed> {
    let mut is_elsewhere = |host: Host| {
        let is = host.site().is_some() && host.site() != options.site;
        if is {
            elsewhere.insert(host);
        }
        is
    };
    let listed = |host, class, reason| {
        let listed = Listed {
            class,
            change: Change::New,
            last_seen: it.last_seen,
            until: it.last_seen + options.lasts,
            signature: it.id.clone(),
            incident: it.incident.clone(),
            inside: it.addresses.inside(host),
            reason,
        };
        (it.addresses.network(host), listed)
    };
    let mut senders = BTreeMap::new();
    for relay in it.relays.iter().filter(|relay| !is_elsewhere(relay.host)) {
        let class = match is_confirmed(it, relay) {
            true => Class::Confirmed,
            false => Class::Suspected,
        };
        let (network, listed) = listed(relay.host, class, reason(it, relay));
        // Of several hosts in one network, the one that says most.
        let known = senders.entry(network).or_insert_with(|| listed.clone());
        if listed.class > known.class {
            *known = listed;
        }
    }
    let samples = it.samples.iter().map(|sample| sample.source);
    let others = it.source_list.iter().copied().chain(samples);
    for host in others.filter(|host| !is_elsewhere(*host)) {
        let text = "sent the content; that it received it before was not seen".to_owned();
        let (network, listed) = listed(host, Class::Suspected, text);
        senders.entry(network).or_insert(listed);
    }
    senders
}

fn is_confirmed(it: &Signature, relay: &Relay) -> bool {
    // A content over all ports is at the one that it was sent to most.
    let busiest = || it.ports.list().max_by_key(|(_, count)| *count);
    let port = it.port.or_else(|| busiest().map(|(port, _)| port));
    it.confidence == Confidence::High
        && relay.proven == Some(true)
        && relay.began_before != Some(true)
        && !port.is_some_and(is_forwarding)
}

/// What a relay did.
fn reason(it: &Signature, relay: &Relay) -> String {
    let from = relay.received_from.map_or_else(String::new, |host| {
        format!(" from {}", render::text(&it.addresses.network(host)))
    });
    let so = if is_confirmed(it, relay) {
        ""
    } else if relay.proven == Some(true) {
        "; but its service forwards, it began such conversations before, or the grade is not high"
    } else {
        "; that its address is not forged was not shown"
    };
    let hosts = match relay.fan_out {
        1 => "1 host".to_owned(),
        n => format!("{n} hosts"),
    };
    format!("received the content{from} and passed it on to {hosts}{so}")
}

#[cfg(test)]
mod tests;
