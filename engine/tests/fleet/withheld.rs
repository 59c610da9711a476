//! A tap that sends no payload.

use super::{by_pair, config, frames, parcels, stored};
use serde_json::Value;
use wormsift::fleet::{Merger, Tap};
use wormsift::signature::Signature;
use wormsift::{Config, Finding};

/// What a fleet of two finds, and what the second tap sends.
fn run(config: &Config, scenario: &str, withholds: bool) -> (Vec<Signature>, Vec<u8>) {
    let stored = stored(scenario, 10);
    let frames = by_pair(&frames(&stored));
    let tap = |number| Tap::new(config.clone(), "test", number).unwrap();
    let second = if withholds { tap(1).withholding_payloads() } else { tap(1) };
    let mut taps = [tap(0), second];
    let mut merger = Merger::new(config.clone(), "test").unwrap();
    let (mut found, mut sent) = (Vec::new(), Vec::new());
    for (number, parcels) in parcels(&frames, &mut taps).into_iter().enumerate() {
        for parcel in parcels {
            let message = parcel.encode();
            if number == 1 {
                sent.extend_from_slice(&message);
            }
            merger.receive(&message).unwrap();
        }
    }
    merger.finish();
    while !merger.is_finished() {
        for ask in merger.asks() {
            let tap = usize::from(ask.tap());
            let Some(piece) = taps[tap].answer(&ask).unwrap() else { continue };
            if tap == 1 {
                sent.extend_from_slice(&piece.encode());
            }
            merger.answer(piece).unwrap();
        }
    }
    let summaries = merger.findings().into_iter().filter_map(|finding| match finding {
        Finding::Summary(it) => Some(it),
        _ => None,
    });
    found.extend(summaries);
    assert!(merger.taps().nth(1).unwrap().withholds == withholds);
    (found, sent)
}

fn holds(sent: &[u8], content: &[u8]) -> bool {
    content.windows(24).any(|part| sent.windows(24).any(|it| it == part))
}

#[test]
fn no_payload_leaves_and_findings_say_so() {
    let plain = config(2, "");
    let (all, sent) = run(&plain, "outbreak", false);
    assert!(
        all.iter().any(|it| holds(&sent, &it.content)),
        "else there is nothing to keep"
    );
    assert!(all.iter().all(|it| it.withheld.is_empty()));
    // Decoys of whose payloads the beginnings would go, too.
    let hosts: Vec<String> = (all.iter().flat_map(|it| &it.relays).take(3))
        .map(|relay| format!("\"{}\"", relay.host))
        .collect();
    let decoys = config(2, &format!("decoys = [{}]", hosts.join(", ")));
    for config in [&plain, &decoys] {
        let (found, sent) = run(config, "outbreak", true);
        assert!(!found.is_empty());
        for it in all.iter().chain(&found) {
            assert!(!holds(&sent, &it.content));
        }
        for it in &found {
            let saw = it.taps.contains_key("tap-1");
            assert_eq!(it.withheld.contains("tap-1"), saw, "{:?}", it.taps);
            let line = wormsift_export::json_lines::write(&Finding::Summary(it.clone()));
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line["payload_withheld"] == serde_json::json!(["tap-1"]), saw);
        }
        assert!(found.iter().any(|it| !it.withheld.is_empty()));
    }
    // The same contents, as far as the other tap shows them.
    let (found, _) = run(&plain, "outbreak", true);
    let worm = |found: &[Signature]| {
        found.iter().max_by_key(|it| it.spread).map(|it| it.spread).unwrap()
    };
    assert_eq!(worm(&found), worm(&all), "who passed it on is known all the same");
}
