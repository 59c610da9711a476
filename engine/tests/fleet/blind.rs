//! What findings say of taps that were not there.

use super::take;
use super::{
    Said, answer, assert_same, by_pair, config, finish, frames, stored, two_taps,
};
use serde_json::Value;
use wormsift::fleet::{Merger, Parcel};
use wormsift::time::Span;
use wormsift_export::json_lines;

/// Each finding of the time says who was blind, counted here second by second; a merger that is
/// saved and restored says the same.
#[test]
fn findings_say_who_was_blind() {
    const LATENESS: u64 = 3;
    let stored = stored("outbreak", 10);
    let frames = frames(&stored);
    let (frames, config) = (by_pair(&frames), config(2, ""));
    let folder =
        std::env::temp_dir().join(format!("wormsift-blind-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("merger");
    // The second tap is away after a quarter of its parcels, and brings the rest at the end.
    let run = |every: usize| {
        let (mut taps, [a, b]) = two_taps(&frames, &config);
        let tick = |message: &Vec<u8>| Parcel::decode(message).unwrap().tick();
        let (away, lateness) = (b.len() / 4, Span::from_secs(LATENESS));
        let (own, rest) = b.split_at(away);
        let mut log: Vec<_> = a.iter().map(|it| (0, it)).collect();
        log.extend(own.iter().map(|it| (1, it)));
        // What is left at the end of the first comes last.
        log.sort_by_key(|(_, message)| tick(message).unwrap_or(u64::MAX));
        let merger = Merger::new(config.clone(), "test").unwrap();
        let mut merger = merger.with_lateness(lateness);
        let mut said = Said::default();
        for at in 0..log.len() {
            merger.receive(log[at].1).unwrap();
            answer(&mut merger, &mut taps);
            take!(said, merger);
            if at % every == every - 1 && tick(log[at].1).is_some() {
                merger.save(&path).unwrap();
                let restored = Merger::restore(config.clone(), "test", &path).unwrap();
                merger = restored.with_lateness(lateness);
                let mut covered: Vec<_> = merger.taps().map(|tap| tap.covered).collect();
                for (tap, message) in &log[..=at] {
                    match covered[*tap].checked_sub(1) {
                        Some(left) => covered[*tap] = left,
                        None => merger.receive(message).unwrap(),
                    }
                }
                answer(&mut merger, &mut taps);
                take!(said, merger);
            }
        }
        for message in rest {
            merger.receive(message).unwrap();
            answer(&mut merger, &mut taps);
            take!(said, merger);
        }
        // Ticks that closed before the second tap was there again: the first was further ahead.
        let ticks = || log.iter().filter_map(|(_, message)| tick(message));
        let furthest = ticks().max().unwrap();
        let last = ticks().filter(|tick| tick + LATENESS < furthest).max().unwrap();
        let passed = tick(&own[away - 1]).unwrap();
        assert!(passed < last, "ticks closed without it");
        (finish(merger, &mut taps, said), (passed..=last).collect::<Vec<u64>>())
    };
    let (said, blind) = run(usize::MAX);
    let mut counts = Vec::new();
    for line in said.findings.iter().chain(&said.incidents) {
        let line: Value = serde_json::from_str(line).unwrap();
        // The end of the run: all that closed without it is known.
        if line["type"] != "summary" {
            continue;
        }
        let second = |name: &str| {
            let time: jiff::Timestamp = line[name].as_str().unwrap().parse().unwrap();
            u64::try_from(time.as_second()).unwrap()
        };
        let span = second("first_seen")..=second("last_seen");
        let expected = blind.iter().filter(|tick| span.contains(tick)).count();
        let found = match &line["blind"] {
            Value::Null => 0,
            of => {
                assert_eq!(
                    (&of[0]["tap"], of.as_array().unwrap().len()),
                    (&"tap-1".into(), 1)
                );
                of[0]["seconds"].as_u64().unwrap()
            }
        };
        assert_eq!(found, expected as u64, "{line}");
        counts.push(found);
    }
    assert!(counts.iter().any(|count| *count > 0), "{counts:?}");
    assert!(
        said.incidents.iter().any(|line| line.contains("\"blind\":[{\"tap\":\"tap-1\""))
    );
    assert_same(&run(5).0, &said, "saved and restored");
    std::fs::remove_dir_all(&folder).unwrap();
}
