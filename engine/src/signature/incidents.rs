//! Incidents: signatures that belong to one outbreak, one service or one campaign.
//!
//! Two signatures belong together if they are of one service (protocol and port; where
//! a signature has no port, the one at which it was seen most) and share a relay, or half of
//! the listed sources of the one that lists fewer, two at least. So do outbreaks at different
//! services that share half of the relays of the one that has fewer, two at least; what is
//! neither outbreak nor trade, if half of its relays, or of its listed sources where nobody passed
//! it on, two at least, are hosts of an outbreak: the further stages of a worm; and all that hosts
//! pass on by trade at one service.
//!
//! An incident keeps its id as long as one of its signatures is known. Where two become one,
//! the older one goes on, and the other's last word says that it is part of it.

use super::confidence::Confidence;
use super::kind::{Facts, Kind, judge};
use super::passing::generations;
use super::{Growth, Population, Relay, Signature};
use crate::detect::count::Count;
use crate::packet::{AddressPlan, Host, Timestamp};
use crate::state::persist;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_128;

/// Hosts that an incident lists.
const MOST_LISTED: usize = 256;
/// Signatures that are compared by one source.
const MOST_SHARING: usize = 32;

/// Signatures that belong together, and what they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incident {
    /// Its name, from that of its first signature; never changes.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// The highest of its signatures'.
    pub confidence: Confidence,
    /// Ids of its signatures, strongest first.
    pub signatures: Vec<String>,
    /// Their protocols and ports.
    pub services: Vec<(u8, Option<u16>)>,
    /// Hosts that passed one of them on, by when they received it, then those that are only
    /// known to have sent one: up to 256.
    pub hosts: Vec<IncidentHost>,
    /// Those that are not listed.
    pub hosts_unlisted: u32,
    /// How many hosts passed one of them on.
    pub relays: u32,
    /// Length of the longest chain of relays.
    pub generations: u32,
    /// Of its strongest signature.
    pub sources: Count,
    /// Of its strongest signature.
    pub destinations: Count,
    /// The largest of its signatures'.
    pub spread: Count,
    /// Of its strongest signature: how the number of relays grew.
    pub growth: Option<Growth>,
    /// Of its strongest signature: how many addresses sent it; `None` where there was no memory to
    /// count them.
    pub population: Option<Population>,
    /// Time of the first packet that is known.
    pub first_seen: Timestamp,
    /// Latest recorded sighting.
    pub last_seen: Timestamp,
    /// Taps of a fleet that were blind meanwhile, as in [`Signature::blind`].
    pub blind: BTreeMap<String, u64>,
    /// The tick at which it was first reported.
    pub detected_at: Timestamp,
    /// The incident that it was found to be part of, in its last word.
    pub part_of: Option<String>,
    /// Each ground for its kind as one sentence.
    pub reasons: Vec<String>,
    /// What the sensor's settings say of these hosts.
    pub addresses: AddressPlan,
}

/// A host of an incident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncidentHost {
    /// Who.
    pub host: Host,
    /// When it first received the content, or else first sent it, if that is known.
    pub first_seen: Option<Timestamp>,
    /// From whom, if that is known.
    pub received_from: Option<Host>,
    /// Its place in its chain of relays; 0 where it is not known to have received it.
    pub generation: u32,
    /// How many hosts it passed the content on to.
    pub fan_out: u32,
}

impl IncidentHost {
    /// Its fan-out with what that says, as of a relay.
    pub fn fan_out_count(&self) -> Count {
        Relay { fan_out: self.fan_out, ..Relay::default() }.fan_out_count()
    }
}

impl Incident {
    /// Where the hosts of a service would be exempted: the values of the setting
    /// `relay_exempt` that silence it.
    pub fn relay_exempt(&self) -> Vec<(Host, u16)> {
        let ports = || self.services.iter().filter_map(|(_, port)| *port);
        let relays = self.hosts.iter().filter(|host| host.generation > 0);
        relays.flat_map(|it| ports().map(|port| (it.host, port))).collect()
    }

    /// The order in which a person should read incidents: the higher confidence, then by kind,
    /// outbreaks first, the larger spread, the more dispersed, the lower id.
    pub fn by_rank(&self, other: &Self) -> std::cmp::Ordering {
        let key = |it: &Self| {
            let place = Kind::ALL.iter().position(|kind| *kind == it.kind);
            let least = it.sources.number.min(it.destinations.number);
            use std::cmp::Reverse;
            (Reverse(it.confidence), place, Reverse((it.spread.number, least)))
        };
        key(self).cmp(&key(other)).then_with(|| self.id.cmp(&other.id))
    }
}

/// A signature as it is compared with others.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) number: u64,
    pub(super) protocol: u8,
    pub(super) port: Option<u16>,
    /// The listed sources in order.
    pub(super) sources: Cow<'a, [Host]>,
    pub(super) facts: Facts<'a>,
}

/// Which incident each known signature belongs to. See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Incidents {
    /// The incident of each, by its number in the ledger.
    of: BTreeMap<u64, u128>,
    told: BTreeMap<u128, Outline>,
    /// What they are, as of the last look.
    now: BTreeMap<u128, Found>,
}

/// What decides whether there is news of an incident, without the incident; and what was last
/// told of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) detected_at: Timestamp,
    pub(super) kind: Kind,
    pub(super) confidence: Confidence,
    /// A sum over the ids of its signatures.
    signatures: u64,
    pub(super) relays: u32,
}

impl Outline {
    /// Adds the id of one of its signatures.
    pub(super) fn add(&mut self, id: &str) {
        self.signatures = self.signatures.wrapping_add(xxh3_128(id.as_bytes()) as u64);
    }

    /// An outline of this kind, of no signature yet.
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// That of an incident.
    pub(super) fn of(incident: &Incident) -> Self {
        let mut outline = Self {
            detected_at: incident.detected_at,
            kind: incident.kind,
            confidence: incident.confidence,
            signatures: 0,
            relays: incident.relays,
        };
        incident.signatures.iter().for_each(|id| outline.add(id));
        outline
    }
}

/// What a look finds.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Incidents that are new, or have other signatures, another kind or touched signatures.
    pub(super) incidents: Vec<u128>,
    /// Those that have become part of others, each with the other.
    pub(super) parts: Vec<(u128, u128)>,
}

/// An incident as of now.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) members: Vec<u64>,
    pub(super) kind: Kind,
    pub(super) reasons: Vec<String>,
}

impl Incidents {
    /// Looks at all known signatures, of which `first_id` gives the id of one, and returns
    /// what has changed since the last look besides those `touched`.
    pub(super) fn look(
        &mut self,
        members: &[Member<'_>],
        touched: &BTreeSet<u64>,
        first_id: impl Fn(u64) -> String,
    ) -> Changed {
        let groups = joined(grouped(members), members);
        let mut of = BTreeMap::new();
        let mut now = BTreeMap::new();
        let mut parts = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for Judged { group, kind, reasons } in groups {
            let numbers: Vec<u64> = group.iter().map(|i| members[*i].number).collect();
            // The one that was told first goes on.
            let before: BTreeSet<u128> =
                numbers.iter().filter_map(|n| self.of.get(n)).copied().collect();
            let oldest = before
                .iter()
                .filter(|id| !taken.contains(*id))
                .min_by_key(|id| (self.told.get(id).map(|it| it.detected_at), **id))
                .copied();
            let mut id = oldest.unwrap_or_else(|| named(&first_id(numbers[0])));
            // Its own name may have gone on with what it was once a part of.
            while taken.contains(&id) {
                id = named(&format!("{id:032x}"));
            }
            taken.insert(id);
            parts.extend(before.into_iter().filter(|it| *it != id).map(|it| (it, id)));
            of.extend(numbers.iter().map(|n| (*n, id)));
            now.insert(id, Found { members: numbers, kind, reasons });
        }
        // Where a part of one went on by itself, nothing became part of another.
        parts.retain(|part, _| !taken.contains(part) && self.told.contains_key(part));
        let is_changed = |(id, found): &(&u128, &Found)| {
            let before = self.now.get(id);
            before.is_none_or(|it| (it.kind, &it.members) != (found.kind, &found.members))
                || found.members.iter().any(|n| touched.contains(n))
        };
        let incidents = now.iter().filter(is_changed).map(|(id, _)| *id).collect();
        (self.of, self.now) = (of, now);
        Changed { incidents, parts: parts.into_iter().collect() }
    }

    /// What the incident of a signature is: its id and kind.
    pub(super) fn of(&self, number: u64) -> Option<(u128, &Found)> {
        let id = *self.of.get(&number)?;
        Some((id, self.now.get(&id)?))
    }

    pub(super) fn get(&self, id: u128) -> Option<&Found> {
        self.now.get(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (u128, &Found)> {
        self.now.iter().map(|(id, found)| (*id, found))
    }

    /// Whether there is news of an incident: another kind, grade or signature, or twice as
    /// many relays. Notes what is told.
    pub(super) fn is_news(&mut self, id: u128, now: &Outline) -> bool {
        let told = self.told.get(&id);
        let detected_at = told.map_or(now.detected_at, |it| it.detected_at);
        let new = Outline { detected_at, ..now.clone() };
        let is_news = told.is_none_or(|told| {
            new.relays >= 2 * told.relays.max(1)
                || Outline { relays: new.relays, ..told.clone() } != new
        });
        if is_news {
            self.told.insert(id, new);
        }
        is_news
    }

    /// When an incident was first told.
    pub(super) fn told_at(&self, id: u128) -> Option<Timestamp> {
        self.told.get(&id).map(|it| it.detected_at)
    }

    /// Forgets what was told of one.
    pub(super) fn forget(&mut self, id: u128) {
        self.told.remove(&id);
    }

    /// Drops what is told of incidents that are no more.
    pub(super) fn drop_ended(&mut self) {
        let now = &self.now;
        self.told.retain(|id, _| now.contains_key(id));
    }

    /// Bytes for each signature, near enough.
    pub(super) const BYTES_EACH: usize = 3
        * (size_of::<(u64, u128)>() + size_of::<(u128, Outline)>() + size_of::<Found>());
}

/// An incident of these signatures, strongest first.
pub(super) fn incident(id: u128, found: &Found, signatures: &[Signature]) -> Incident {
    let Some(strongest) = signatures.first() else { return Incident::default() };
    let mut services: Vec<_> =
        signatures.iter().map(|it| (it.protocol, it.port)).collect();
    services.sort_unstable();
    services.dedup();
    let hosts = hosts(signatures);
    let listed = hosts.len().min(MOST_LISTED);
    let relays = hosts.iter().filter(|host| host.generation > 0).count();
    let times = |of: fn(&Signature) -> Timestamp| signatures.iter().map(of);
    Incident {
        id: format!("{id:032x}"),
        kind: found.kind,
        confidence: signatures.iter().map(|it| it.confidence).max().unwrap_or_default(),
        signatures: signatures.iter().map(|it| it.id.clone()).collect(),
        services,
        hosts: hosts[..listed].to_vec(),
        hosts_unlisted: (hosts.len() - listed) as u32,
        relays: relays as u32,
        generations: hosts.iter().map(|host| host.generation).max().unwrap_or(0),
        sources: strongest.source_count(),
        destinations: strongest.destination_count(),
        spread: signatures
            .iter()
            .map(Signature::spread_count)
            .max_by_key(|count| count.number)
            .unwrap_or(Count::exact(0)),
        growth: strongest.evidence.growth,
        population: strongest.population,
        first_seen: times(|it| it.first_seen).min().unwrap_or_default(),
        last_seen: times(|it| it.last_seen).max().unwrap_or_default(),
        blind: BTreeMap::new(),
        detected_at: times(|it| it.detected_at).min().unwrap_or_default(),
        part_of: None,
        reasons: found.reasons.clone(),
        addresses: strongest.addresses.clone(),
    }
}

/// Each host once: as the relay of the signature in which it comes first, else as a source.
fn hosts(signatures: &[Signature]) -> Vec<IncidentHost> {
    let mut relays: BTreeMap<Host, IncidentHost> = BTreeMap::new();
    for signature in signatures {
        let generations = generations(&signature.relays);
        for relay in &signature.relays {
            let found = IncidentHost {
                host: relay.host,
                first_seen: Some(relay.received_at.unwrap_or(relay.sent_at)),
                received_from: relay.received_from,
                generation: generations[&relay.host],
                fan_out: relay.fan_out,
            };
            let known = relays.entry(relay.host).or_insert(found);
            let fan_out = known.fan_out.max(found.fan_out);
            if found.first_seen < known.first_seen {
                *known = found;
            }
            known.fan_out = fan_out;
        }
    }
    let sources: BTreeSet<Host> =
        signatures.iter().flat_map(|it| &it.source_list).copied().collect();
    let sources = sources.into_iter().filter(|host| !relays.contains_key(host));
    let sources: Vec<_> =
        sources.map(|host| IncidentHost { host, ..IncidentHost::default() }).collect();
    let mut hosts: Vec<_> = relays.into_values().collect();
    hosts.sort_by_key(|it| (it.first_seen, it.host));
    hosts.extend(sources);
    hosts
}

/// The name of an incident whose first signature has this id.
fn named(first: &str) -> u128 {
    xxh3_128(&[b"incident", first.as_bytes()].concat())
}

/// Members that belong together, by their places, each group in order.
fn grouped(members: &[Member<'_>]) -> Vec<Vec<usize>> {
    let mut sets = Sets::new(members.len());
    let at = |i: usize| (members[i].protocol, members[i].port);
    let relays = (0..members.len()).flat_map(|i| {
        members[i].facts.relays.iter().map(move |relay| (at(i), relay.host, i))
    });
    for same in sorted(relays).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        same.iter().for_each(|(.., i)| sets.join(same[0].2, *i));
    }
    let sources = (0..members.len())
        .flat_map(|i| members[i].sources.iter().map(move |host| (at(i), *host, i)));
    let mut shared: Vec<(u32, u32)> = Vec::new();
    for same in sorted(sources).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let same = &same[..same.len().min(MOST_SHARING)];
        for (n, (.., a)) in same.iter().enumerate() {
            // Those that relays have joined already need no count.
            let least = sets.least(*a);
            let others = same[n + 1..].iter().map(|(.., b)| *b);
            let others = others.filter(|b| sets.least(*b) != least);
            shared.extend(others.map(|b| (*a as u32, b as u32)));
        }
    }
    shared.sort_unstable();
    for pair in shared.chunk_by(|a, b| a == b) {
        let (a, b) = (pair[0].0 as usize, pair[0].1 as usize);
        let listed = |i: usize| members[i].sources.len();
        if is_half(pair.len(), listed(a).min(listed(b))) {
            sets.join(a, b);
        }
    }
    sets.groups()
}

fn sorted<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort_unstable();
    all
}

/// Members that belong together, by their places in order, and what they are.
#[derive(Default)]
struct Judged {
    group: Vec<usize>,
    kind: Kind,
    reasons: Vec<String>,
}

/// A group of members whose kind is an outbreak.
struct Outbreak {
    group: usize,
    relays: BTreeSet<Host>,
    /// Relays and listed sources.
    hosts: BTreeSet<Host>,
}

/// The relays of a group.
fn relays_of(its: &[usize], members: &[Member<'_>]) -> BTreeSet<Host> {
    let relays = its.iter().flat_map(|i| members[*i].facts.relays.iter());
    relays.map(|relay| relay.host).collect()
}

/// The listed sources of a group.
fn sources_of(its: &[usize], members: &[Member<'_>]) -> BTreeSet<Host> {
    its.iter().flat_map(|i| members[*i].sources.iter().copied()).collect()
}

/// Joins outbreaks at different services that share relays, what their hosts send besides, and
/// what is passed on by trade at one service.
fn joined(groups: Vec<Vec<usize>>, members: &[Member<'_>]) -> Vec<Judged> {
    let mut sets = Sets::new(groups.len());
    let mut by_trade: BTreeMap<(u8, Option<u16>), usize> = BTreeMap::new();
    let (mut outbreaks, mut others) = (Vec::new(), Vec::new());
    let judged = |group: Vec<usize>| {
        let (kind, reasons) = judge(&facts_of(&group, members));
        Judged { group, kind, reasons }
    };
    let mut groups: Vec<Judged> = groups.into_iter().map(judged).collect();
    for (n, Judged { group, kind, .. }) in groups.iter().enumerate() {
        if kind.is_by_trade() {
            let service = (members[group[0]].protocol, members[group[0]].port);
            sets.join(*by_trade.entry(service).or_insert(n), n);
        } else if *kind == Kind::Outbreak {
            outbreaks.push(n);
        } else {
            others.push(n);
        }
    }
    // One outbreak alone is compared with nothing, and its hosts may be many.
    if !outbreaks.is_empty() && outbreaks.len() + others.len() > 1 {
        join_to_outbreaks(&mut sets, &groups, members, (&outbreaks, &others));
    }
    let joined = sets.groups().into_iter().map(|parts| match parts[..] {
        // Judged by itself already.
        [one] => std::mem::take(&mut groups[one]),
        _ => {
            let parts = parts.iter().flat_map(|n| &groups[*n].group);
            judged(sorted(parts.copied()))
        }
    });
    joined.collect()
}

/// Joins `others` to the outbreak whose hosts send them, and outbreaks that share relays.
fn join_to_outbreaks(
    sets: &mut Sets,
    groups: &[Judged],
    members: &[Member<'_>],
    (outbreaks, others): (&[usize], &[usize]),
) {
    let outbreak = |group: &usize| {
        let relays = relays_of(&groups[*group].group, members);
        let hosts = &relays | &sources_of(&groups[*group].group, members);
        Outbreak { group: *group, relays, hosts }
    };
    let outbreaks: Vec<Outbreak> = outbreaks.iter().map(outbreak).collect();
    for group in others {
        let relays = relays_of(&groups[*group].group, members);
        let senders = match relays.is_empty() {
            true => sources_of(&groups[*group].group, members),
            false => relays,
        };
        let is_from = |it: &&Outbreak| {
            is_half(senders.intersection(&it.hosts).count(), senders.len())
        };
        if let Some(outbreak) = outbreaks.iter().find(is_from) {
            sets.join(outbreak.group, *group);
        }
    }
    for (n, a) in outbreaks.iter().enumerate() {
        for b in &outbreaks[n + 1..] {
            let shared = a.relays.intersection(&b.relays).count();
            if is_half(shared, a.relays.len().min(b.relays.len())) {
                sets.join(a.group, b.group);
            }
        }
    }
}

fn facts_of<'m, 'a>(group: &[usize], members: &'m [Member<'a>]) -> Vec<&'m Facts<'a>> {
    group.iter().map(|i| &members[*i].facts).collect()
}

/// At least half, and at least two.
fn is_half(shared: usize, of: usize) -> bool {
    shared >= 2 && 2 * shared >= of
}

/// Disjoint sets of numbers; the least of each stands for it.
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn least(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.least(a), self.least(b));
        self.0[a.max(b)] = a.min(b);
    }

    fn groups(mut self) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for i in 0..self.0.len() {
            groups.entry(self.least(i)).or_default().push(i);
        }
        groups.into_values().collect()
    }
}

persist!(Incidents { of, told, now });
persist!(Found { members, kind, reasons });
persist!(Outline { detected_at, kind, confidence, signatures, relays });

#[cfg(test)]
mod tests;
