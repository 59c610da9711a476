//! `wormsift export` and `detect --rules`: rules from findings.

mod common;

use common::{code, file, folder, outbreak, run, stderr, stdout};

const FORMATS: [&str; 10] = [
    "suricata",
    "snort3",
    "zeek",
    "zeek-script",
    "yara",
    "eve",
    "stix",
    "misp",
    "nftables",
    "ipset",
];

/// A folder with the outbreak and what `detect --json` says of it.
fn found(name: &str) -> (std::path::PathBuf, String) {
    let folder = folder(name);
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let lines = run(&["detect", "--json", &capture]);
    assert_eq!(code(&lines), 0);
    let lines = file(&folder, "found.jsonl", &lines.stdout);
    (folder, lines)
}

#[test]
fn every_format_is_written_and_names_its_signature() {
    let (folder, lines) = found("export_formats");
    let sids = folder.join("sids.json");
    let sids = sids.to_str().unwrap();
    for format in FORMATS {
        let output = run(&["export", "--format", format, "--sids", sids, &lines]);
        assert_eq!((code(&output), stderr(&output)), (0, String::new()), "{format}");
        let text = stdout(&output);
        let expected = match format {
            "zeek-script" => "event signature_match",
            "nftables" | "ipset" => "10.0.0.1",
            _ => "1500000",
        };
        assert!(text.contains(expected), "{format}: {text}");
    }
}

#[test]
fn detect_writes_the_same_rules_as_export() {
    let (folder, lines) = found("export_detect");
    let capture = folder.join("outbreak.pcap");
    let [rules, sids] = ["found.rules", "sids.json"].map(|name| folder.join(name));
    let [rules, sids] = [&rules, &sids].map(|path| path.to_str().unwrap());
    let capture = capture.to_str().unwrap();
    let output = run(&[
        "detect", "-q", "--rules", rules, "--format", "snort3", "--sids", sids, capture,
    ]);
    assert_eq!(code(&output), 0);
    let written = std::fs::read_to_string(rules).unwrap();
    assert!(written.starts_with("alert udp any any -> any 4444 (msg:\"wormsift"));
    let exported = run(&["export", "--format", "snort3", "--sids", sids, &lines]);
    assert_eq!(stdout(&exported), written);
}

#[test]
fn numbers_stay_with_their_signatures() {
    let (folder, lines) = found("export_sids");
    let sids = folder.join("sids.json");
    let export = || run(&["export", "-q", "--sids", sids.to_str().unwrap(), &lines]);
    let first = stdout(&export());
    assert!(first.contains("sid:1500000; rev:1;"));
    assert_eq!(stdout(&export()), first);
    std::fs::write(&sids, "{}").unwrap();
    let refused = export();
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("sids.json: not a wormsift-sids/1 registry"));
    assert_eq!(std::fs::read_to_string(&sids).unwrap(), "{}");
}

#[test]
fn damaged_lines_are_named_and_the_rest_is_used() {
    let (folder, lines) = found("export_damaged");
    let mut text = std::fs::read_to_string(&lines).unwrap();
    text.insert_str(
        0,
        "{\"schema\":\"wormsift/1\",\"type\":\"signature\"}\nnot json\n\n",
    );
    let damaged = file(&folder, "damaged.jsonl", text.as_bytes());
    let output = run(&["export", &damaged]);
    assert_eq!(code(&output), 3);
    let said = stderr(&output);
    assert!(said.contains("damaged.jsonl: line 1: "), "{said}");
    assert!(said.contains("damaged.jsonl: line 2: "), "{said}");
    assert!(said.contains("without --sids"), "{said}");
    assert!(stdout(&output).starts_with("alert udp "));
    let missing = run(&["export", "nowhere.jsonl"]);
    assert_eq!(code(&missing), 1);
}
