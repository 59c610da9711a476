//! What has been said: joins the windows of one content, and says each content once.

use super::candidate::Candidate;
use super::grow::{Aligned, grow};
use super::piece::{Piece, SampleId};
use super::{Alarm, Confidence, Evidence, Relay, SampleInfo, Signature, signature_id};
use crate::packet::{Host, Timestamp};
use std::collections::VecDeque;

/// A candidate at the tick of its alarm.
#[derive(Clone, Debug)]
pub struct AlarmedCandidate {
    /// Its key.
    pub key: u64,
    /// Which threshold it passed.
    pub alarm: Alarm,
    /// IP protocol number.
    pub protocol: u8,
    /// The port in its key.
    pub port: Option<u16>,
    /// The table's entry at the tick.
    pub candidate: Candidate,
    /// Its spread at the tick.
    pub spread: u32,
    /// Its relays at the tick.
    pub relays: Vec<Relay>,
    /// The bytes around its window.
    pub samples: Vec<AlarmSample>,
    /// Number of the packet that set it off.
    pub packet: u64,
    /// Where the window starts in that packet's payload.
    pub offset: i32,
}

/// A sample at the tick.
#[derive(Clone, Debug)]
pub struct AlarmSample {
    /// The flow shard that holds it.
    pub flow_shard: u8,
    /// Its number in that shard.
    pub id: u64,
    /// The piece of stream.
    pub bytes: Vec<u8>,
    /// Where the candidate's window starts in it.
    pub window: usize,
    /// The packet that the window was seen in.
    pub packet: u64,
    /// When that counted.
    pub time: Timestamp,
    /// Who sent it.
    pub source: Host,
    /// Whom it was sent to.
    pub destination: Host,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
}

/// What the engine has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// New content, at the tick of its alarm.
    Signature(Signature),
    /// A known one: longer, or found by the second alarm, or again after a
    /// dispersion window.
    Update(Signature),
    /// A known one with its final counts.
    Summary(Signature),
}

/// What the ledger did and could not do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerCounters {
    /// Windows that alarmed.
    pub alarms: u64,
    /// Of these, windows whose bytes no sample held any more.
    pub without_samples: u64,
    /// Signatures emitted.
    pub signatures: u64,
    /// Updates emitted.
    pub updates: u64,
    /// Signatures retired early, with their summary, to make room.
    pub retired: u64,
}

impl LedgerCounters {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("alarms", self.alarms),
            ("without_samples", self.without_samples),
            ("signatures", self.signatures),
            ("updates", self.updates),
            ("retired", self.retired),
        ]
        .into_iter()
    }
}

/// Remembers signatures, and turns the alarms of a tick into findings.
pub struct Ledger {
    port_rule: &'static str,
    dispersion_window: u64,
    window_len: usize,
    /// In order of emission.
    known: VecDeque<Known>,
    counters: LedgerCounters,
}

/// Signatures remembered: a run that makes more retires the oldest.
const MOST_KNOWN: usize = 1_024;
/// Member keys looked up for the final counts.
const MOST_KEYS: usize = 64;
/// Samples listed with a signature.
const MOST_LISTED: usize = 16;

/// A signature and how to recognise more of it.
struct Known {
    signature: Signature,
    piece: Piece,
    keys: Vec<u64>,
    /// When it was last emitted for each alarm.
    alarmed: [Option<Timestamp>; 2],
}

/// One content at one tick: a piece, and who alarmed for it.
struct Group {
    piece: Piece,
    sample_sources: u32,
    members: Vec<AlarmedCandidate>,
    infos: Vec<SampleInfo>,
}

impl Ledger {
    /// An empty ledger for windows of `window_len` bytes under a port rule.
    pub fn new(port_rule: &'static str, dispersion_window: u64, window_len: usize) -> Self {
        Self {
            port_rule,
            dispersion_window,
            window_len,
            known: VecDeque::new(),
            counters: LedgerCounters::default(),
        }
    }

    /// What it did and could not do.
    pub fn counters(&self) -> LedgerCounters {
        self.counters
    }

    /// The findings of one tick. The order of `alarms` does not matter.
    pub fn tick(&mut self, now: Timestamp, mut alarms: Vec<AlarmedCandidate>) -> Vec<Finding> {
        alarms.sort_by_key(|alarm| (alarm.packet, alarm.offset, alarm.key, alarm.alarm));
        self.counters.alarms += alarms.len() as u64;
        let mut groups: Vec<Group> = Vec::new();
        for alarm in alarms {
            match self.group_of(alarm) {
                Some(group) => gather(&mut groups, group),
                None => self.counters.without_samples += 1,
            }
        }
        join_all(&mut groups);
        let mut findings = Vec::new();
        for group in groups {
            self.say(now, group, &mut findings);
        }
        findings
    }

    fn group_of(&self, alarm: AlarmedCandidate) -> Option<Group> {
        let aligned: Vec<Aligned<'_>> = alarm
            .samples
            .iter()
            .map(|s| Aligned { bytes: &s.bytes, window: s.window, source: s.source })
            .collect();
        let growth = grow(&aligned, self.window_len)?;
        let mut starts: Vec<(SampleId, i64)> = Vec::new();
        let mut infos = Vec::new();
        for &i in &growth.samples {
            let sample = &alarm.samples[i];
            let start = sample.window as i64 - growth.before as i64;
            starts.push(((sample.flow_shard, sample.id), start));
            infos.push(SampleInfo {
                packet: sample.packet,
                time: sample.time,
                source: sample.source,
                destination: sample.destination,
                source_port: sample.source_port,
                destination_port: sample.destination_port,
                offset: start.max(0) as u64,
            });
        }
        starts.sort_unstable();
        starts.dedup_by_key(|(id, _)| *id);
        Some(Group {
            piece: Piece { content: growth.content, starts },
            sample_sources: growth.sources as u32,
            members: vec![alarm],
            infos,
        })
    }

    /// Emits a group: as news, as more of something known, or not at all.
    fn say(&mut self, now: Timestamp, group: Group, findings: &mut Vec<Finding>) {
        let first = &group.members[0];
        let place = self.known.iter().enumerate().find_map(|(i, known)| {
            let same = known.signature.protocol == first.protocol
                && known.signature.port == first.port;
            if !same {
                return None;
            }
            let inside = known.piece.position(&group.piece);
            let around = || group.piece.position(&known.piece).map(|at| -at);
            inside
                .or_else(around)
                .or_else(|| known.piece.distance(&group.piece))
                .map(|distance| (i, distance))
        });
        let Some((i, distance)) = place else {
            if self.known.len() == MOST_KNOWN {
                self.counters.retired += 1;
                findings.extend(
                    self.known.pop_front().map(|known| Finding::Summary(known.signature)),
                );
            }
            self.counters.signatures += 1;
            let known = self.new_signature(now, group);
            findings.push(Finding::Signature(known.signature.clone()));
            self.known.push_back(known);
            return;
        };
        let known = &mut self.known[i];
        let old_length = known.piece.content.len();
        known.piece.join(&group.piece, distance);
        let mut news = known.piece.content.len() > old_length;
        for member in &group.members {
            let last = &mut known.alarmed[member.alarm as usize];
            if last.is_none_or(|t| now.as_nanos() - t.as_nanos() >= self.dispersion_window) {
                *last = Some(now);
                known.signature.alarm = member.alarm;
                news = true;
            }
        }
        known.signature.content.clone_from(&known.piece.content);
        known.signature.tokens = vec![known.piece.content.clone()];
        known.learn(&group);
        if news {
            self.counters.updates += 1;
            known.signature.detected_at = now;
            findings.push(Finding::Update(known.signature.clone()));
        }
    }

    fn new_signature(&self, now: Timestamp, group: Group) -> Known {
        let first = &group.members[0];
        let content = group.piece.content.clone();
        let signature = Signature {
            id: signature_id(first.protocol, self.port_rule, first.port, &content),
            alarm: first.alarm,
            confidence: Confidence::Low,
            protocol: first.protocol,
            port: first.port,
            port_rule: self.port_rule,
            tokens: vec![content.clone()],
            content,
            packets: 0,
            sources: 0,
            destinations: 0,
            source_list: Vec::new(),
            destination_list: Vec::new(),
            spread: 0,
            relays: Vec::new(),
            first_seen: first.candidate.first_seen,
            last_seen: first.candidate.last_seen,
            detected_at: now,
            evidence: Evidence::default(),
            samples: Vec::new(),
        };
        let mut known = Known {
            signature,
            piece: group.piece.clone(),
            keys: Vec::new(),
            alarmed: [None; 2],
        };
        for member in &group.members {
            known.alarmed[member.alarm as usize] = Some(now);
        }
        known.learn(&group);
        known
    }

    /// One summary a signature, with the counts of the candidates that `lookup`
    /// still finds: passed-on content first, then by dispersion, packets and id.
    pub fn finish(
        &mut self,
        mut lookup: impl FnMut(u64) -> Option<(Candidate, u32, Vec<Relay>)>,
    ) -> Vec<Finding> {
        for known in &mut self.known {
            for key in known.keys.clone() {
                if let Some((candidate, spread, relays)) = lookup(key) {
                    known.signature.take(&candidate, spread, &relays);
                }
            }
            known.signature.judge();
        }
        let mut signatures: Vec<Signature> =
            self.known.iter().map(|known| known.signature.clone()).collect();
        signatures.sort_by(|a, b| {
            let rank = |s: &Signature| (s.spread, s.sources.min(s.destinations), s.packets);
            rank(b).cmp(&rank(a)).then_with(|| a.id.cmp(&b.id))
        });
        signatures.into_iter().map(Finding::Summary).collect()
    }
}

/// Puts a group to the one that grew to the same content, or beside the others.
fn gather(groups: &mut Vec<Group>, group: Group) {
    let first = &group.members[0];
    let twin = groups.iter_mut().find(|other| {
        let their = &other.members[0];
        (their.protocol, their.port) == (first.protocol, first.port)
            && other.piece.content == group.piece.content
    });
    match twin {
        Some(twin) => twin.merge(group, 0),
        None => groups.push(group),
    }
}

/// Joins groups of one content until no two are left.
fn join_all(groups: &mut Vec<Group>) {
    let mut at = 0;
    while at < groups.len() {
        let found = (0..groups.len()).filter(|other| *other != at).find_map(|other| {
            let (a, b) = (&groups[at], &groups[other]);
            let (x, y) = (&a.members[0], &b.members[0]);
            if (x.protocol, x.port) != (y.protocol, y.port) {
                return None;
            }
            let distance = a.piece.distance(&b.piece).or_else(|| a.piece.position(&b.piece))?;
            Some((other, distance))
        });
        match found {
            Some((other, distance)) => {
                let joined = groups.remove(other);
                let host = if other < at { at - 1 } else { at };
                groups[host].merge(joined, distance);
                at = 0;
            }
            None => at += 1,
        }
    }
    // Joins may have put a later member first.
    for group in groups.iter_mut() {
        group.members.sort_by_key(|m| (m.packet, m.offset, m.key, m.alarm));
    }
    groups.sort_by_key(|group| {
        let first = &group.members[0];
        (first.packet, first.offset, first.key)
    });
}

impl Group {
    fn merge(&mut self, other: Self, distance: i64) {
        self.piece.join(&other.piece, distance);
        self.sample_sources = self.sample_sources.max(other.sample_sources);
        self.members.extend(other.members);
        self.infos.extend(other.infos);
    }
}

impl Known {
    /// Takes over a group's evidence.
    fn learn(&mut self, group: &Group) {
        for member in &group.members {
            if !self.keys.contains(&member.key) {
                self.signature.evidence.windows += 1;
                if self.keys.len() < MOST_KEYS {
                    self.keys.push(member.key);
                }
            }
            let alarms = &mut self.signature.evidence.alarms;
            if !alarms.contains(&member.alarm) {
                alarms.push(member.alarm);
                alarms.sort_unstable();
            }
            self.signature.take(&member.candidate, member.spread, &member.relays);
        }
        let samples = &mut self.signature.samples;
        for info in &group.infos {
            if samples.iter().all(|known| known.packet != info.packet) {
                samples.push(info.clone());
            }
        }
        samples.sort_by_key(|info| info.packet);
        samples.truncate(MOST_LISTED);
        let sources = &mut self.signature.evidence.sample_sources;
        *sources = (*sources).max(group.sample_sources);
        self.signature.judge();
    }
}

impl Signature {
    /// Takes over what one of its windows shows, where that is more.
    fn take(&mut self, candidate: &Candidate, spread: u32, relays: &[Relay]) {
        self.packets = self.packets.max(candidate.packets);
        self.sources =
            self.sources.max(candidate.sources_estimate).max(candidate.sources.len() as u32);
        self.destinations = self
            .destinations
            .max(candidate.destinations_estimate)
            .max(candidate.destinations.len() as u32);
        for (list, hosts) in [
            (&mut self.source_list, &candidate.sources),
            (&mut self.destination_list, &candidate.destinations),
        ] {
            if hosts.len() > list.len() {
                let mut hosts = hosts.clone();
                hosts.sort_unstable();
                *list = hosts.into_iter().map(Host::address).collect();
            }
        }
        if spread > self.spread {
            self.spread = spread;
            self.relays = relays.to_vec();
        }
        self.first_seen = self.first_seen.min(candidate.first_seen);
        self.last_seen = self.last_seen.max(candidate.last_seen);
    }

    /// Grades the evidence: the rule is on [`Confidence`].
    fn judge(&mut self) {
        let mut seen = [false; 256];
        self.content.iter().for_each(|byte| seen[usize::from(*byte)] = true);
        let evidence = &mut self.evidence;
        evidence.distinct_bytes = seen.iter().filter(|seen| **seen).count() as u32;
        evidence.reasons.clear();
        let mut low = false;
        if evidence.distinct_bytes < 8 {
            low = true;
            let n = evidence.distinct_bytes;
            evidence.reasons.push(format!("only {n} distinct byte values"));
        }
        if evidence.sample_sources < 2 {
            low = true;
            evidence.reasons.push("its bytes were sampled from one source only".to_owned());
        }
        let relays = self.relays.len();
        if relays > 0 {
            let s = if relays == 1 { "host" } else { "hosts" };
            evidence.reasons.push(format!("{relays} {s} passed it on, to {}", self.spread));
        }
        let both = evidence.alarms.len() > 1;
        if both {
            evidence.reasons.push("both alarms fired".to_owned());
        }
        self.confidence = match (low, relays >= 2 || both) {
            (true, _) => Confidence::Low,
            (false, true) => Confidence::High,
            (false, false) => Confidence::Medium,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Candidates, Seen};
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    /// A window at `at` of `content`, seen in eight streams that hold it all.
    fn alarm(content: &[u8], at: usize, key: u64, alarm: Alarm) -> AlarmedCandidate {
        let mut table = Candidates::new(1 << 20, 8);
        for n in 0..8_u64 {
            let seen = Seen {
                packet: 100 + n,
                time: Timestamp::from_nanos(n * SECOND),
                offset: at as i32,
                source: Host(n.into()),
                destination: Host(u128::from(n) + 50),
                source_port: 1,
                destination_port: 2,
                flow_shard: n as u8,
            };
            table.observe(key, &seen, (n as u32 + 2, n as u32 + 2), false, &mut Vec::new());
        }
        let candidate = table.get(0).clone();
        let samples = candidate
            .samples
            .iter()
            .map(|sample| {
                let before = sample.packet as usize % 5 + 1;
                let mut bytes = vec![sample.packet as u8; before];
                bytes.extend_from_slice(content);
                bytes.push(sample.packet as u8);
                AlarmSample {
                    flow_shard: sample.flow_shard,
                    id: sample.packet,
                    bytes,
                    window: before + at,
                    packet: sample.packet,
                    time: Timestamp::default(),
                    source: sample.source,
                    destination: sample.destination,
                    source_port: 1,
                    destination_port: 2,
                }
            })
            .collect();
        AlarmedCandidate {
            key,
            alarm,
            protocol: 17,
            port: Some(7),
            candidate,
            spread: 0,
            relays: Vec::new(),
            samples,
            packet: 107,
            offset: at as i32,
        }
    }

    fn body(n: usize) -> Vec<u8> {
        (0..n as u32).map(|i| (i.wrapping_mul(i).wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    #[test]
    fn windows_of_one_content_are_one_signature_said_once() {
        let content = body(300);
        let mut ledger = Ledger::new("destination", 100 * SECOND, 40);
        let alarms = (0..260).step_by(20).map(|at| alarm(&content, at, at as u64, Alarm::Dispersion));
        let findings = ledger.tick(Timestamp::from_nanos(SECOND), alarms.collect());
        let [Finding::Signature(signature)] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!(signature.content, content);
        assert_eq!(signature.evidence.windows, 13);
        assert_eq!((signature.sources, signature.confidence), (9, Confidence::Medium));
        let again = alarm(&content, 7, 999, Alarm::Dispersion);
        assert!(ledger.tick(Timestamp::from_nanos(2 * SECOND), vec![again]).is_empty());
        let second = alarm(&content, 7, 999, Alarm::Propagation);
        let findings = ledger.tick(Timestamp::from_nanos(3 * SECOND), vec![second]);
        let [Finding::Update(update)] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((&update.id, update.confidence), (&signature.id, Confidence::High));
        let summaries = ledger.finish(|_| None);
        assert!(matches!(&summaries[..], [Finding::Summary(s)] if s.id == signature.id));
    }

    #[test]
    fn a_longer_find_extends_under_the_same_id() {
        let content = body(200);
        let mut ledger = Ledger::new("destination", 100 * SECOND, 40);
        let short = alarm(&content[50..150], 10, 1, Alarm::Dispersion);
        let findings = ledger.tick(Timestamp::from_nanos(SECOND), vec![short]);
        let Finding::Signature(first) = &findings[0] else { panic!() };
        let long = alarm(&content, 90, 2, Alarm::Dispersion);
        let findings = ledger.tick(Timestamp::from_nanos(2 * SECOND), vec![long]);
        let [Finding::Update(update)] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((&update.id, &update.content), (&first.id, &content));
    }

    #[test]
    fn other_content_or_another_port_is_another_signature() {
        let mut ledger = Ledger::new("destination", 100 * SECOND, 40);
        let one = alarm(&body(100), 10, 1, Alarm::Dispersion);
        let mut other_bytes = body(100);
        other_bytes.reverse();
        let mut two = alarm(&other_bytes, 10, 2, Alarm::Dispersion);
        two.samples.iter_mut().for_each(|sample| sample.id += 1_000);
        let three = AlarmedCandidate { key: 3, port: Some(8), ..one.clone() };
        let findings = ledger.tick(Timestamp::from_nanos(SECOND), vec![one, two, three]);
        assert_eq!(findings.len(), 3);
    }

    #[test]
    fn few_byte_values_or_one_source_mean_low_confidence() {
        let mut ledger = Ledger::new("destination", 100 * SECOND, 40);
        let dull: Vec<u8> = (0..100_u32).map(|i| (i * i % 5) as u8).collect();
        let findings =
            ledger.tick(Timestamp::default(), vec![alarm(&dull, 10, 1, Alarm::Dispersion)]);
        let Finding::Signature(signature) = &findings[0] else { panic!() };
        assert_eq!(signature.confidence, Confidence::Low);
        assert!(signature.evidence.reasons[0].contains("distinct byte values"));
    }

    #[test]
    fn windows_without_samples_are_counted() {
        let mut ledger = Ledger::new("destination", 100 * SECOND, 40);
        let mut lost = alarm(&body(100), 10, 1, Alarm::Dispersion);
        lost.samples.clear();
        assert!(ledger.tick(Timestamp::default(), vec![lost]).is_empty());
        assert_eq!(ledger.counters().without_samples, 1);
    }

    #[test]
    fn remembered_signatures_are_bounded() {
        let mut ledger = Ledger::new("none", 100 * SECOND, 40);
        let mut summaries = 0;
        for n in 0..MOST_KNOWN as u64 + 10 {
            let mut content = body(60);
            content[..8].copy_from_slice(&n.to_le_bytes());
            content[52..].copy_from_slice(&n.to_be_bytes());
            let mut next = alarm(&content, 0, n, Alarm::Dispersion);
            next.samples.iter_mut().for_each(|sample| sample.id += 1_000 * n);
            let findings = ledger.tick(Timestamp::default(), vec![next]);
            summaries += findings.iter().filter(|f| matches!(f, Finding::Summary(_))).count();
        }
        assert_eq!((ledger.known.len(), summaries), (MOST_KNOWN, 10));
        assert_eq!(ledger.counters().retired, 10);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_order_of_alarms_does_not_matter(
            order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let content = body(200);
            let alarms = |order: &[usize]| {
                order
                    .iter()
                    .map(|i| alarm(&content, i * 13, *i as u64, Alarm::Dispersion))
                    .collect::<Vec<_>>()
            };
            let straight: Vec<usize> = (0..12).collect();
            let one = Ledger::new("none", SECOND, 40).tick(Timestamp::default(), alarms(&straight));
            let two = Ledger::new("none", SECOND, 40).tick(Timestamp::default(), alarms(&order));
            prop_assert_eq!(one, two);
        }
    }
}
