//! `wormsift explain` as a user runs it.

use crate::common::{code, folder, run, stderr, stdout};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn traces() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpora/traces")
}

/// The findings of the committed trace in a file, and the id of the first.
fn findings(name: &str) -> (String, String, String) {
    let trace = traces().join("outbreak.pcapng.zst").display().to_string();
    let found = stdout(&run(&["detect", "-q", "--json", &trace]));
    let first: Value = serde_json::from_str(found.lines().next().unwrap()).unwrap();
    let file = folder(name).join("found.jsonl").display().to_string();
    std::fs::write(&file, &found).unwrap();
    (trace, file, first["id"].as_str().unwrap().to_owned())
}

#[test]
fn the_chain_is_who_infected_whom() {
    let (trace, file, id) = findings("explain_chain");
    let output = run(&["explain", &id[..6], "--json", "--signatures", &file, &trace]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let explained: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(explained["type"], "explanation");
    assert_eq!(explained["signature"]["id"], id.as_str());
    let truth = std::fs::read_to_string(traces().join("outbreak.truth.json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    // Those whose infection the tap saw.
    let infected: BTreeMap<&str, &str> = truth["infections"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|infection| infection["packet"].is_u64())
        .map(|i| (i["host"].as_str().unwrap(), i["by"].as_str().unwrap()))
        .collect();
    let mut checked = 0;
    for link in explained["chain"].as_array().unwrap() {
        let host = link["host"].as_str().unwrap();
        if let Some(by) = infected.get(host) {
            assert_eq!(link["from"], *by, "{link}");
            assert!(link["received_at"].as_str() <= link["sent_at"].as_str(), "{link}");
            checked += 1;
        }
    }
    assert!(checked >= 30, "{checked} of {}", infected.len());
    let growth = explained["growth_curve"].as_array().unwrap();
    let hosts = |point: &Value| point["hosts"].as_u64().unwrap();
    assert!(growth.windows(2).all(|two| hosts(&two[0]) <= hosts(&two[1])));
    assert_eq!(
        hosts(growth.last().unwrap()),
        explained["chain"].as_array().unwrap().len() as u64
    );
    let fit = |field: &str| explained["growth_fit"][field].as_f64().unwrap();
    assert!(fit("points") >= 4.0 && fit("standard_error") > 0.0);
    assert!(
        fit("standard_error") < fit("rate_per_second"),
        "{}",
        explained["growth_fit"]
    );
    let doubling = std::f64::consts::LN_2 / fit("rate_per_second");
    assert!((fit("doubling_seconds") / doubling - 1.0).abs() < 1e-9);
}

#[test]
fn the_text_shows_reasons_growth_chain_and_aligned_bytes() {
    let (trace, file, id) = findings("explain_text");
    let text = stdout(&run(&["explain", &id, "--signatures", &file, &trace]));
    for part in [
        "why: ",
        "growth: ",
        "relays double in ",
        "chain: ",
        " had it from ",
        "content at byte 24",
        "\n   >      0",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains('\x1b'));
    let alone = stdout(&run(&["explain", &id, "--signatures", &file]));
    assert!(
        alone.contains("growth: ") && alone.contains("give the captures after the id")
    );
    let painted = run(&["explain", &id, "--color", "always", "--signatures", &file]);
    assert!(stdout(&painted).contains("\x1b["));
}

#[test]
fn an_id_that_is_none_is_said_with_the_nearest() {
    let (_, file, id) = findings("explain_id");
    let refused = |given: &str| {
        let output = run(&["explain", given, "--signatures", &file]);
        assert_eq!(code(&output), 2);
        stderr(&output)
    };
    let other = if id.ends_with('0') { "1" } else { "0" };
    let near = format!("{}{other}", &id[..31]);
    assert!(refused(&near).contains(&format!("the nearest is {id}")));
    assert!(refused("02a").contains("first four hexadecimal digits"));
    assert!(refused("xyzw").contains("found `xyzw`"));
}

#[test]
fn an_incident_is_explained_by_its_hosts_and_strongest_signature() {
    let (_, file, id) = findings("explain_incident");
    let lines = std::fs::read_to_string(&file).unwrap();
    let last = lines.lines().rfind(|line| line.contains(r#""type":"incident""#)).unwrap();
    let incident: Value = serde_json::from_str(last).unwrap();
    let name = incident["id"].as_str().unwrap();
    let output = run(&["explain", &name[..8], "--signatures", &file]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with(&format!("{name}  outbreak, medium confidence")), "{text}");
    let host = incident["incident_hosts"][0]["host"].as_str().unwrap();
    assert!(text.contains(&format!("      {host:15}  received ")), "{text}");
    assert_eq!(incident["signature_ids"][0], id.as_str());
    assert!(text.contains(&format!("\n{id}  ")), "{text}");
}
