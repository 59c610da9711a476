use super::*;
use crate::detect::conversations::Facts;
use crate::signature::sample::testing::{host, sample};
use crate::signature::{Candidates, Confidence, Missing, Precision, Seen};
use proptest::prelude::*;

const BETA: usize = 40;
const WINDOW: Span = Span::from_secs(3_600);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn ledger() -> Ledger {
    ledger_of(4_096, 1 << 24)
}

fn ledger_of(signatures: usize, bytes: usize) -> Ledger {
    Ledger::new(LedgerSettings {
        port_rules: ["destination"; 2],
        dispersion_window: WINDOW,
        signatures,
        bytes,
        seed: 11,
        partly_seen: 0..0,
        taps: Vec::new(),
    })
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length + 8).map(|_| next()).skip(8).collect()
}

/// A candidate seen from `n` sources by `n` destinations.
fn candidate(key: u64, n: u64) -> Candidate {
    let hosts = (0..n.max(1)).map(|i| (500 - i, 700 - i)).collect::<Vec<_>>();
    candidate_of(key, &hosts)
}

/// A candidate seen from and by these hosts.
fn candidate_of(key: u64, hosts: &[(u64, u64)]) -> Candidate {
    let mut table = Candidates::new(1 << 14, 8, Span::from_secs(4 * 3_600), 11);
    let (mut slot, n) = (None, hosts.len());
    for (i, &(source, destination)) in (0..).zip(hosts) {
        let seen = Seen {
            content: key,
            packet: 100 + i,
            time: at(10 + i),
            offset: 0,
            source: host(source),
            destination: host(destination),
            protocol: 6,
            source_port: 1_024,
            destination_port: 445,
            flow_shard: 0,
            facts: Facts::default(),
            missing: Missing::default(),
            is_decoys: false,
            tap: 0,
        };
        slot = table.observe(key, &seen, (n as u32, n as u32), 2, &mut Vec::new());
    }
    table.get(slot.unwrap()).unwrap().clone()
}

/// One host's stream: the stretch of a content that it shows, in its own noise.
#[derive(Clone)]
struct Stream {
    id: u64,
    bytes: Vec<u8>,
    /// Where the content begins in it.
    origin: i64,
}

/// Stream `id` with the stretch `shown` of `content`, the neighbours differing
/// from those of any other of 256 streams.
fn stream(id: u64, content: &[u8], shown: std::ops::Range<usize>) -> Stream {
    let before = 1 + (id * 7 % 50) as usize;
    let mut bytes = noise(id + 1_000, before);
    bytes[before - 1] = id as u8;
    let origin = before as i64 - shown.start as i64;
    bytes.extend(&content[shown]);
    bytes.push(id as u8);
    bytes.extend(noise(id + 9_000, 5 + (id % 11) as usize));
    Stream { id, bytes, origin }
}

/// The alarm of the window at `position` of the content.
fn alarm(key: u64, position: usize, streams: &[Stream]) -> AlarmedCandidate {
    let samples = streams
        .iter()
        .filter_map(|s| {
            let start = usize::try_from(s.origin + position as i64).ok()?;
            let range = start..start + BETA;
            (range.end <= s.bytes.len()).then(|| sample(s.id, s.id, &s.bytes, range))
        })
        .collect();
    AlarmedCandidate {
        key,
        alarm: Alarm::Dispersion,
        fired: Alarm::ALL.map(|it| it == Alarm::Dispersion),
        protocol: 6,
        port: Some(445),
        candidate: candidate(key, 4),
        spread: 0,
        relays: Vec::new(),
        samples,
        packet: 1_000 + position as u64,
        offset: position as i32,
        load: Load::default(),
    }
}

fn whole(content: &[u8], ids: std::ops::Range<u64>) -> Vec<Stream> {
    ids.map(|id| stream(id, content, 0..content.len())).collect()
}

fn contents(findings: &[Finding]) -> Vec<&[u8]> {
    findings.iter().map(|finding| &finding.signature().content[..]).collect()
}

/// Lets another alarm have raised it.
fn fires(alarmed: &mut AlarmedCandidate, alarm: Alarm) {
    alarmed.alarm = alarm;
    alarmed.fired = Alarm::ALL.map(|it| it == alarm);
}

#[test]
fn one_content_alarms_through_many_windows_and_is_one_signature() {
    let content = noise(1, 376);
    let streams = whole(&content, 0..8);
    let alarms = (0..300).map(|n| alarm(n + 1, n as usize, &streams)).collect();
    let mut ledger = ledger();
    let findings = ledger.tick(at(100), alarms);
    let [Finding::Signature(signature)] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(signature.content, content);
    assert_eq!(signature.tokens, std::slice::from_ref(&content));
    assert_eq!(
        signature.id,
        super::super::signature_id(6, "destination", Some(445), &content)
    );
    assert_eq!(signature.evidence.keys, 300);
    assert_eq!(signature.confidence, Confidence::Medium);
    assert_eq!((signature.sources, signature.destinations, signature.packets), (4, 4, 4));
    assert_eq!(signature.source_list, [497, 498, 499, 500].map(host));
    assert_eq!(signature.first_seen, at(10));
    assert_eq!(signature.last_seen, at(13));
    assert_eq!(signature.detected_at, at(100));
    assert_eq!(signature.samples.len(), 8);
    for (sample, stream) in signature.samples.iter().zip(&streams) {
        assert_eq!(sample.offset, stream.origin);
        assert_eq!(sample.source, host(stream.id));
    }
    assert_eq!(ledger.counters().alarms, 300);
    assert_eq!(ledger.counters().signatures, 1);
}

#[test]
fn a_later_alarm_inside_a_known_content_is_no_news() {
    let content = noise(1, 300);
    let mut ledger = ledger();
    ledger.tick(at(100), vec![alarm(1, 0, &whole(&content, 0..4))]);
    // Known by its samples, by its bytes alone, by its key alone.
    let same = alarm(2, 90, &whole(&content, 0..4));
    let inside = (20..23).map(|id| stream(id, &content, 50..200)).collect::<Vec<_>>();
    let bytes = alarm(3, 100, &inside);
    let mut bare = alarm(1, 0, &[]);
    bare.candidate = candidate(1, 9);
    for late in [same, bytes, bare] {
        assert_eq!(ledger.tick(at(200), vec![late]), []);
    }
    assert_eq!(ledger.counters().alarms_known, 3);
    let summary = &ledger.finish(|_, _, _| None)[0];
    assert_eq!(summary.signature().content, content);
    assert_eq!(summary.signature().evidence.keys, 3);
    assert_eq!(summary.signature().sources, 9);
}

#[test]
fn the_second_alarm_updates_once_and_so_does_each_new_window() {
    let content = noise(1, 100);
    let streams = whole(&content, 0..4);
    let mut ledger = ledger();
    let first = ledger.tick(at(100), vec![alarm(1, 0, &streams)]);
    let relay = |n, seconds| Relay {
        host: host(n),
        received_at: None,
        sent_at: at(seconds),
        fan_out: 3,
        new_targets: 3,
        proven: Some(true),
        ..Relay::default()
    };
    let relays = vec![relay(3, 90), relay(4, 91)];
    let mut passed_on = alarm(2, 20, &streams);
    fires(&mut passed_on, Alarm::Propagation);
    passed_on.spread = 6;
    passed_on.relays = relays.clone();
    let second = ledger.tick(at(200), vec![passed_on.clone()]);
    let [Finding::Update(update)] = &second[..] else { panic!("{second:?}") };
    assert_eq!(update.id, first[0].signature().id);
    assert_eq!(update.alarm, Alarm::Dispersion);
    assert_eq!(update.evidence.alarms, [Alarm::Dispersion, Alarm::Propagation]);
    assert_eq!(update.confidence, Confidence::High);
    assert_eq!((update.spread, &update.relays), (6, &relays));
    assert_eq!(update.detected_at, at(100));
    assert_eq!(ledger.tick(at(3_699), vec![alarm(3, 5, &streams)]), []);
    let again = vec![alarm(1, 0, &streams), alarm(3, 5, &streams), passed_on];
    assert!(matches!(ledger.tick(at(3_700), again)[..], [Finding::Update(_)]));
    assert_eq!(ledger.tick(at(3_701), vec![alarm(3, 5, &streams)]), []);
}

#[test]
fn different_contents_ports_and_protocols_never_join() {
    let (one, two) = (noise(1, 100), noise(2, 100));
    let streams = whole(&one, 0..4);
    let mut udp = alarm(3, 0, &streams);
    udp.protocol = 17;
    let mut other = alarm(4, 0, &streams);
    other.port = Some(446);
    let alarms = vec![alarm(1, 0, &streams), alarm(2, 1, &whole(&two, 4..8)), udp, other];
    let findings = ledger().tick(at(100), alarms);
    assert_eq!(contents(&findings), [&one[..], &one, &one, &two]);
    let mut ids: Vec<_> = findings.iter().map(|f| &f.signature().id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn a_content_longer_than_its_samples_is_joined_by_their_overlaps() {
    let content = noise(1, 6_000);
    // Samples of 2,000 bytes; each stretch of the content is in three of them.
    let streams: Vec<_> = (0..20)
        .map(|id| {
            let start = (id as usize / 4) * 1_000;
            stream(id, &content, start..start + 2_000)
        })
        .collect();
    let alarms = (0..95).map(|n| {
        let position = n as usize * 60;
        let showing: Vec<_> = streams
            .iter()
            .filter(|s| {
                let start = (s.id as usize / 4) * 1_000;
                position >= start && position + BETA <= start + 2_000
            })
            .cloned()
            .collect();
        alarm(n + 1, position, &showing)
    });
    let findings = ledger().tick(at(100), alarms.collect());
    assert_eq!(contents(&findings), [&content[..]]);
}

#[test]
fn longer_samples_extend_a_known_content_under_the_same_id() {
    let content = noise(1, 900);
    let mut ledger = ledger();
    let short: Vec<_> = (0..4).map(|id| stream(id, &content, 0..400)).collect();
    let first = ledger.tick(at(100), vec![alarm(1, 30, &short)]);
    assert_eq!(contents(&first), [&content[..400]]);
    // New samples that show all of it.
    let second = ledger.tick(at(101), vec![alarm(2, 500, &whole(&content, 10..14))]);
    let [Finding::Update(update)] = &second[..] else { panic!("{second:?}") };
    assert_eq!(update.content, content);
    assert_eq!(update.id, first[0].signature().id);
    assert_eq!(ledger.len(), 1);
}

/// Of an early content of 480 bytes, later copies share 240.
#[test]
fn a_content_is_cut_to_what_later_copies_share_once_a_quarter_of_its_windows_say_so() {
    let content = noise(3, 480);
    let early = whole(&content, 0..8);
    let first = (0..8).map(|n| alarm(n + 1, 55 * n as usize, &early)).collect();
    let mut ledger = ledger();
    assert_eq!(contents(&ledger.tick(at(1), first)), [&content[..]]);
    let later: Vec<Stream> = (20..28).map(|id| stream(id, &content, 120..360)).collect();
    let again = |windows: std::ops::Range<u64>| -> Vec<AlarmedCandidate> {
        windows.map(|n| alarm(n + 1, 55 * n as usize, &later)).collect()
    };
    assert_eq!(ledger.tick(at(2), again(3..4)), []);
    let findings = ledger.tick(at(3), again(3..5));
    assert_eq!(contents(&findings), [&content[120..360]]);
    assert!(matches!(findings[..], [Finding::Update(_)]));
    // What was cut off alarms once more: the content stays as it is.
    assert_eq!(ledger.tick(at(4), vec![alarm(1, 0, &early)]), []);
}

#[test]
fn a_bridge_joins_two_known_contents_under_the_older_id() {
    let content = noise(1, 1_000);
    let mut ledger = ledger();
    let left: Vec<_> = (0..4).map(|id| stream(id, &content, 0..300)).collect();
    let right: Vec<_> = (4..8).map(|id| stream(id, &content, 600..1_000)).collect();
    let one = ledger.tick(at(100), vec![alarm(1, 10, &left)]);
    let two = ledger.tick(at(101), vec![alarm(2, 700, &right)]);
    let bridge = ledger.tick(at(102), vec![alarm(3, 400, &whole(&content, 8..12))]);
    let [Finding::Update(update), Finding::Summary(summary)] = &bridge[..] else {
        panic!("{bridge:?}")
    };
    assert_eq!(update.content, content);
    assert_eq!(update.id, one[0].signature().id);
    assert_eq!(update.evidence.keys, 3);
    assert_eq!(summary.id, two[0].signature().id);
    assert_eq!(ledger.counters().absorbed, 1);
    assert_eq!(ledger.finish(|_, _, _| None).len(), 1);
}

#[test]
fn a_window_without_samples_is_counted_and_not_reported() {
    let mut ledger = ledger();
    assert_eq!(ledger.tick(at(1), vec![alarm(1, 0, &[])]), []);
    assert_eq!(ledger.counters().windows_unknown, 1);
    assert!(ledger.is_empty());
}

#[test]
fn the_oldest_signatures_are_retired_with_a_summary_and_memory_keeps_to_its_bound() {
    for (signatures, bytes) in [(10, 1 << 24), (4_096, 30_000), (4_096, 0), (0, 1 << 24)]
    {
        let mut ledger = ledger_of(signatures, bytes);
        let mut emitted = Vec::new();
        let mut retired = Vec::new();
        for n in 0..60 {
            let content = noise(n + 50, 100 + n as usize);
            let streams = whole(&content, 4 * n..4 * n + 4);
            for finding in ledger.tick(at(n), vec![alarm(n + 1, 0, &streams)]) {
                match finding {
                    Finding::Signature(it) => emitted.push(it.id),
                    Finding::Summary(it) => retired.push(it.id),
                    Finding::Update(it) => panic!("{it:?}"),
                }
            }
            assert!(ledger.len() <= signatures);
            assert!(ledger.memory_bytes() <= bytes);
        }
        assert_eq!(emitted.len(), 60);
        assert_eq!(retired[..], emitted[..retired.len()]);
        assert_eq!(ledger.counters().retired, retired.len() as u64);
        retired.extend(
            ledger.finish(|_, _, _| None).iter().map(|f| f.signature().id.clone()),
        );
        retired.sort();
        emitted.sort();
        assert_eq!(retired, emitted);
        assert!(ledger.is_empty() && ledger.memory_bytes() <= bytes / 4);
    }
}

#[test]
fn a_forgotten_content_comes_back_as_an_update_and_never_as_a_second_signature() {
    for (signatures, bytes) in [(3, 1 << 20), (4_096, 20_000)] {
        let mut ledger = ledger_of(signatures, bytes);
        let mut first = BTreeMap::new();
        for n in 0..60 {
            // Every content in turn, three times over.
            let content = n % 20;
            let body = noise(content + 50, 200);
            let streams = whole(&body, 4 * content..4 * content + 4);
            let mut again = alarm(content + 1, 0, &streams);
            if n >= 20 {
                fires(&mut again, Alarm::Propagation);
            }
            let findings = ledger.tick(at(n), vec![again]);
            match &findings[0] {
                Finding::Signature(it) => {
                    assert!(n < 20, "{n}");
                    assert_eq!(first.insert(it.id.clone(), at(n)), None);
                }
                Finding::Update(it) => {
                    assert!(n >= 20, "{n}");
                    assert_eq!(first[&it.id], it.detected_at);
                    assert_eq!(it.alarm, Alarm::Dispersion);
                }
                Finding::Summary(it) => panic!("{it:?}"),
            }
        }
        assert_eq!(ledger.counters().signatures, 20);
        assert_eq!(ledger.counters().returned, 40);
        assert!(ledger.memory_bytes() <= bytes);
        // What a finished run reported is not new to packets that follow it.
        ledger.finish(|_, _, _| None);
        let later = alarm(20, 0, &whole(&noise(69, 200), 76..80));
        assert!(matches!(ledger.tick(at(99), vec![later])[..], [Finding::Update(_)]));
    }
}

#[test]
fn what_a_signature_began_as_is_not_reported_again_after_it_grew_away_from_it() {
    let content = noise(1, 200);
    let mut ledger = ledger();
    // One sample gives the window alone; others overlap it, but begin later.
    let one = stream(1, &content, 0..100);
    let window = ledger.tick(at(1), vec![alarm(1, 0, std::slice::from_ref(&one))]);
    assert_eq!(contents(&window), [&content[..BETA]]);
    let mut rest: Vec<_> = (2..5).map(|id| stream(id, &content, 10..200)).collect();
    rest.push(one);
    let grown = ledger.tick(at(2), vec![alarm(2, 20, &rest)]);
    let [Finding::Update(update)] = &grown[..] else { panic!("{grown:?}") };
    assert!(!update.content.starts_with(&content[..BETA]));
    let mut again = alarm(3, 0, &[stream(9, &content, 0..100)]);
    fires(&mut again, Alarm::Propagation);
    let again = ledger.tick(at(3), vec![again]);
    let [Finding::Update(same)] = &again[..] else { panic!("{again:?}") };
    assert_eq!((&same.id, &same.content), (&update.id, &update.content));
}

#[test]
fn summaries_take_final_counts_and_rank_what_was_passed_on_first() {
    let mut ledger = ledger();
    for n in 0..4 {
        let streams = whole(&noise(n + 1, 80), 4 * n..4 * n + 4);
        ledger.tick(at(100), vec![alarm(n, 0, &streams)]);
    }
    let filler: Vec<u8> = noise(5, 80).iter().map(|byte| byte & 3).collect();
    ledger.tick(at(100), vec![alarm(4, 0, &whole(&filler, 16..20))]);
    // Key 0 is gone from its table; 1 and 2 grew; 3 was passed on; 4 grew most, and its
    // content is poor.
    let lookup = |key: u64, _: u8, _: Option<u16>| {
        let n = [None, Some(20), Some(30), Some(5), Some(40)][key as usize]?;
        let candidate = candidate(key, n);
        Some(Snapshot { candidate, spread: u32::from(key == 3), relays: Vec::new() })
    };
    let findings = ledger.finish(lookup);
    let order: Vec<_> = findings
        .iter()
        .map(|finding| match finding {
            Finding::Summary(it) => (it.spread, it.sources, it.packets),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(order, [(1, 5, 5), (0, 30, 30), (0, 20, 20), (0, 4, 4), (0, 40, 40)]);
    assert_eq!(findings[1].signature().source_list.len(), 30);
    assert_eq!(ledger.finish(lookup), []);
}

#[test]
fn hosts_are_those_of_all_windows_and_relays_of_one_ties_go_to_the_lowest_key() {
    let streams = whole(&noise(1, 200), 0..4);
    let relay = |n| Relay {
        host: host(n),
        received_at: None,
        sent_at: at(n),
        fan_out: 1,
        ..Relay::default()
    };
    let mut alarms: Vec<_> = [(7, 0, 2), (5, 3, 2), (6, 9, 2)]
        .map(|(key, position, spread)| {
            let mut alarm = alarm(key, position, &streams);
            alarm.spread = spread;
            alarm.relays = vec![relay(key)];
            alarm.candidate = candidate_of(key, &[(key, 2_000), (1_000, key)]);
            alarm
        })
        .into();
    alarms[0].candidate = candidate_of(7, &[(7, 3), (7, 4), (1_000, 3)]);
    let findings = ledger().tick(at(1), alarms);
    let signature = findings[0].signature();
    assert_eq!(signature.relays, [relay(5)]);
    assert_eq!(signature.source_list, [5, 6, 7, 1_000].map(host));
    assert_eq!(signature.destination_list, [3, 4, 5, 6, 2_000].map(host));
    assert_eq!((signature.sources, signature.destinations), (4, 5));
    assert_eq!(signature.sources_precision, Precision::Exact);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_order_of_a_ticks_alarms_gives_the_same_findings(
        length in 60_usize..600,
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..40),
        cut in 2_usize..20,
    ) {
        let one = noise(length as u64, length);
        let two = noise(7 + length as u64, length);
        let mut alarms = Vec::new();
        for (n, content) in [one.clone(), two.clone()].iter().enumerate() {
            let n = n as u64;
            let streams = whole(content, 8 * n..8 * n + 8);
            for position in (0..=length - BETA).step_by(7) {
                // Each window has samples of its own, two in common with the next.
                let first = (position / 7) % 6;
                let key = 2 * position as u64 + n;
                alarms.push(alarm(key, position, &streams[first..first + 3]));
            }
        }
        let later = alarms.split_off(alarms.len() / cut);
        let run = |first: Vec<AlarmedCandidate>, later: Vec<AlarmedCandidate>| {
            let mut ledger = ledger();
            let mut findings = ledger.tick(at(1), first);
            findings.extend(ledger.tick(at(2), later));
            findings.extend(ledger.finish(|_, _, _| None));
            findings
        };
        let findings = run(alarms.clone(), later.clone());
        let mut shuffled = later.clone();
        for (a, b) in &swaps {
            shuffled.swap(a.index(later.len()), b.index(later.len()));
        }
        let mut reversed = alarms.clone();
        reversed.reverse();
        prop_assert_eq!(&run(reversed, shuffled), &findings);
        let summaries: Vec<_> = findings
            .iter()
            .filter(|finding| matches!(finding, Finding::Summary(_)))
            .map(|finding| finding.signature().content.clone())
            .collect();
        prop_assert_eq!(summaries.len(), 2);
        prop_assert!(summaries.contains(&one) && summaries.contains(&two));
    }
}

/// Streams that show `content` at a random place, and another string behind it.
fn with_token(ids: std::ops::Range<u64>, content: &[u8], token: &[u8]) -> Vec<Stream> {
    ids.map(|id| {
        let mut one = stream(id, content, 0..content.len());
        one.bytes.extend(token);
        one.bytes.extend(noise(id + 50_000, 9));
        one
    })
    .collect()
}

#[test]
fn tokens_come_with_the_samples_and_go_where_later_ones_lack_them() {
    let (content, token) = (noise(1, 60), noise(2, 20));
    let mut ledger = ledger();
    // Two sources cannot tell.
    let first =
        ledger.tick(at(100), vec![alarm(1, 0, &with_token(0..2, &content, &token))]);
    assert_eq!(first[0].signature().tokens, std::slice::from_ref(&content));
    let more =
        ledger.tick(at(101), vec![alarm(2, 5, &with_token(10..16, &content, &token))]);
    let [Finding::Update(update)] = &more[..] else { panic!("{more:?}") };
    assert_eq!(update.tokens, [content.clone(), token.clone()]);
    assert!(update.tokens_ordered);
    assert_eq!(update.id, first[0].signature().id);
    // The same again is no news; a sample with half of the token shortens it.
    let same = vec![alarm(3, 7, &with_token(20..26, &content, &token))];
    assert_eq!(ledger.tick(at(102), same), []);
    let half = vec![alarm(4, 9, &with_token(30..36, &content, &token[8..]))];
    let half = ledger.tick(at(103), half);
    assert_eq!(half[0].signature().tokens, [content.clone(), token[8..].to_vec()]);
    let none = vec![alarm(5, 11, &whole(&content, 40..46))];
    let none = ledger.tick(at(104), none);
    assert_eq!(none[0].signature().tokens, [content]);
}

#[test]
fn a_token_of_other_traffic_is_left_out() {
    let (content, token) = (noise(1, 60), noise(2, 20));
    let mut ledger = ledger();
    ledger.show_ordinary(vec![[b"GET / ", &token[..]].concat().into()]);
    let alarms = vec![alarm(1, 0, &with_token(0..6, &content, &token))];
    let findings = ledger.tick(at(100), alarms);
    assert_eq!(findings[0].signature().tokens, [content]);
}

/// The alarm of a content that one host passed on from this second on.
fn passed_on(n: u64, by: u64, second: u64) -> AlarmedCandidate {
    let streams = whole(&noise(n + 50, 200), 4 * (n % 50)..4 * (n % 50) + 4);
    let sent_at = at(second);
    let relay = Relay {
        host: host(by),
        received_at: None,
        sent_at,
        fan_out: 3,
        ..Relay::default()
    };
    let alarm = alarm(n + 1, 0, &streams);
    AlarmedCandidate {
        alarm: Alarm::Propagation,
        fired: Alarm::ALL.map(|it| it == Alarm::Propagation),
        spread: 3,
        relays: vec![relay],
        ..alarm
    }
}

#[test]
fn a_server_that_forwards_lowers_what_it_alone_passed_on_and_a_worm_stays() {
    let mut ledger = ledger();
    let mut grades = |n: u64, by: u64, second: u64| -> Vec<Confidence> {
        let findings = ledger.tick(at(second), vec![passed_on(n, by, second)]);
        findings.iter().map(|finding| finding.signature().confidence).collect()
    };
    for n in 0..8 {
        assert_eq!(grades(n, 1, 1_000 * n), [Confidence::Medium], "{n}");
    }
    // What was said of the others is corrected.
    assert_eq!(grades(8, 1, 8_000), [Confidence::Low; 9]);
    // A worm's victim passes forty strings on within minutes, and then one of them for
    // days: they are one occasion.
    for n in 10..50 {
        assert_eq!(grades(n, 2, 9_000 + n), [Confidence::Medium], "{n}");
    }
    for day in 1..20 {
        assert_eq!(grades(20, 2, 86_400 * day), [Confidence::Medium], "{day}");
    }
}

#[test]
fn a_forgotten_content_keeps_its_name_when_it_grows_otherwise() {
    let mut ledger = ledger_of(1, 1 << 20);
    let body = noise(50, 200);
    let first = ledger.tick(at(0), vec![alarm(1, 0, &whole(&body, 0..4))]);
    let first = first[0].signature().clone();
    // Another takes its place.
    ledger.tick(at(1), vec![alarm(2, 0, &whole(&noise(60, 200), 4..8))]);
    assert_eq!(ledger.counters().retired, 1);
    let again = alarm(1, 0, &whole(&body[..150], 8..12));
    let findings = ledger.tick(at(2), vec![again]);
    let [Finding::Update(it), ..] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((&it.id, it.detected_at), (&first.id, first.detected_at));
    assert_eq!((it.content.len(), first.content.len()), (150, 200));
    assert_eq!(ledger.counters().signatures, 2);
}

/// The alarm of a content of its own at a port of its own, known of so many hosts.
fn own(n: u64, hosts: u64) -> AlarmedCandidate {
    let content = noise(50_000 + n, 60);
    let alarm = alarm(n + 1, 0, &whole(&content, 4 * n..4 * n + 3));
    let candidate = candidate(n + 1, hosts);
    AlarmedCandidate { port: Some(n as u16), packet: 1_000 + n, candidate, ..alarm }
}

#[test]
fn a_flood_of_signatures_is_told_by_its_evidence_and_the_rest_waits() {
    let mut ledger = ledger();
    let flood = (0..1_100).map(|n| own(n, if n >= 1_090 { 9 } else { 4 })).collect();
    let findings = ledger.tick(at(100), flood);
    assert_eq!(findings.len(), 1_024);
    let told: BTreeSet<_> = findings.iter().map(|it| it.signature().port).collect();
    assert!((1_090..1_100).all(|port| told.contains(&Some(port))));
    assert_eq!((ledger.counters().signatures, ledger.counters().put_off), (1_024, 76));
    // One a second, and the one that has grown goes first, as of now.
    let waiting = (0..1_090).find(|port| !told.contains(&Some(*port))).unwrap();
    let findings = ledger.tick(at(102), vec![own(u64::from(waiting), 20)]);
    let [Finding::Signature(grown), Finding::Signature(other)] = &findings[..] else {
        panic!("{findings:?}")
    };
    let of_both = [grown, other].map(|it| (it.port, it.sources));
    assert!(of_both.contains(&(Some(waiting), 20)), "{of_both:?}");
    assert_eq!((grown.detected_at, other.detected_at), (at(102), at(102)));
    assert_eq!(ledger.tick(at(102), vec![own(2_000, 4)]), []);
    // What was told alarms again, and what was not is none of an incident.
    ledger.finish(|_, _, _| None);
    assert_eq!(ledger.counters().untold, 75);
    assert_eq!(ledger.counters().put_off, 77);
}

#[test]
fn what_waits_makes_room_before_what_was_told() {
    let mut ledger = ledger_of(1_030, 1 << 24);
    ledger.tick(at(100), (0..1_024).map(|n| own(n, 4)).collect());
    let findings = ledger.tick(at(100), (2_000..2_020).map(|n| own(n, 4)).collect());
    assert_eq!((findings.len(), ledger.len()), (0, 1_030));
    assert_eq!((ledger.counters().untold, ledger.counters().retired), (14, 0));
    let summaries = ledger.finish(|_, _, _| None);
    assert_eq!(summaries.len(), 1_024);
}

#[test]
fn a_part_that_was_told_brings_its_whole_to_light() {
    let content = noise(7, 400);
    let [left, right] = [0..180, 200..400].map(|shown| {
        let ids = if shown.start == 0 { 9_000..9_003 } else { 9_010..9_013 };
        ids.map(|id| stream(id, &content, shown.clone())).collect::<Vec<_>>()
    });
    let mut ledger = ledger();
    ledger.tick(at(100), (0..1_024).map(|n| own(n, 4)).collect());
    // The left part has to wait; the right one comes later, is known of more hosts, and told.
    let mut first = alarm(50_001, 0, &left);
    first.candidate = candidate(50_001, 2);
    assert_eq!(ledger.tick(at(100), vec![first]), []);
    let mut second = alarm(50_002, 200, &right);
    second.candidate = candidate(50_002, 9);
    assert_eq!(ledger.tick(at(101), vec![second]).len(), 1);
    let bridge = alarm(50_003, 100, &whole(&content, 9_020..9_023));
    let findings = ledger.tick(at(101), vec![bridge]);
    let kinds: Vec<_> = findings
        .iter()
        .map(|it| (matches!(it, Finding::Signature(_)), it.signature().part_of.is_some()))
        .collect();
    assert!(
        kinds.contains(&(true, false)) && kinds.contains(&(false, true)),
        "{kinds:?}"
    );
    let id_of_whole =
        findings.iter().find(|it| it.signature().part_of.is_none()).unwrap();
    let part = findings.iter().find_map(|it| it.signature().part_of.clone());
    assert_eq!(part.as_ref(), Some(&id_of_whole.signature().id));
}
