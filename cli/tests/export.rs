//! `wormsift export` and `detect --rules`: rules from findings.

use crate::common::{code, file, folder, outbreak, run, stderr, stdout};

const FORMATS: [&str; 14] = [
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
    "csv",
    "isolate",
    "iprep",
    "isolate-stix",
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
            "nftables" | "ipset" | "csv" | "isolate" | "iprep" | "isolate-stix" => {
                "10.0.0.1"
            }
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
    assert!(stderr(&refused).contains("sids.json: not a wormsift-sids/2 registry"));
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

/// The lines of the outbreak with other ids, contents, ports and grades: a line each.
fn others(lines: &str, count: usize, grade: &str) -> String {
    let text = std::fs::read_to_string(lines).unwrap();
    let last = text.lines().rfind(|line| line.contains("\"type\":\"summary\"")).unwrap();
    let mut one: serde_json::Value = serde_json::from_str(last).unwrap();
    let mut text = String::new();
    for n in 0..count {
        let content = format!("content number {n}, which is {grade}");
        let hex: String = content.bytes().map(|byte| format!("{byte:02x}")).collect();
        one["id"] =
            format!("{n:08x}{}", one["id"].as_str().unwrap().split_at(8).1).into();
        one["content_hex"] = hex.clone().into();
        one["tokens_hex"] = serde_json::json!([hex]);
        one["confidence"] = grade.into();
        text += &format!("{one}\n");
    }
    text
}

#[test]
fn two_sensors_have_ranges_of_their_own_and_one_that_ran_out_stops_new_rules_only() {
    let (folder, lines) = found("export_ranges");
    let sids = folder.join("sids.json");
    let sids = sids.to_str().unwrap();
    let few = file(&folder, "few.jsonl", others(&lines, 2, "medium").as_bytes());
    let many = file(&folder, "many.jsonl", others(&lines, 5, "medium").as_bytes());
    let of = |text: &str| -> Vec<String> {
        let sids = text.split(" sid:").skip(1);
        sids.map(|rest| rest.split(';').next().unwrap().to_owned()).collect()
    };
    let range = ["--sid-base", "1700000", "--sid-count", "3"];
    let base = ["export", "--sids", sids];
    let first = run(&[&base[..], &range, &[&few]].concat());
    assert_eq!(of(&stdout(&first)), ["1700000", "1700001"], "{}", stderr(&first));
    // The range is remembered.
    let second = run(&[&base[..], &[&many]].concat());
    assert_eq!(code(&second), 0);
    assert_eq!(of(&stdout(&second)), ["1700000", "1700001", "1700002"]);
    let said = stderr(&second);
    assert!(
        said.contains("2 new signatures have no rule: all sids from 1700000"),
        "{said}"
    );
    let wide = run(&[&base[..], &["--sid-count", "9", &many]].concat());
    assert_eq!(of(&stdout(&wide)).len(), 5);
    let beyond = run(&["export", "--sid-base", "4294967295", "--sid-count", "2", &few]);
    assert_eq!(code(&beyond), 2);
}

#[test]
fn what_must_be_left_out_is_of_the_lowest_grade_and_host_sets_begin_at_medium() {
    let (folder, lines) = found("export_most");
    let text = others(&lines, 6, "low") + &others(&lines, 9, "high");
    // The ids of the low ones begin anew: give them others.
    let text = text.replacen("\"id\":\"0000000", "\"id\":\"f000000", 6);
    let mixed = file(&folder, "mixed.jsonl", text.as_bytes());
    let output = run(&["export", "--most-rules", "9", &mixed]);
    let rules = stdout(&output);
    assert_eq!(rules.matches("wormsift_confidence high").count(), 9, "{rules}");
    assert_eq!(rules.lines().count(), 9);
    assert!(stderr(&output).contains("6 signatures of the lowest grade"));
    let low = file(&folder, "low.jsonl", others(&lines, 1, "low").as_bytes());
    for format in ["nftables", "ipset", "csv"] {
        let output = run(&["export", "--format", format, &low]);
        assert!(!stdout(&output).contains("10.0.0."), "{format}");
        let asked = ["export", "--format", format, "--min-confidence", "low", &low];
        assert!(stdout(&run(&asked)).contains("10.0.0."), "{format}");
    }
    assert_eq!(stdout(&run(&["export", &low])).lines().count(), 1);
}

#[test]
fn lines_of_version_1_are_exported_as_before() {
    let (folder, lines) = found("export_version_1");
    let text = std::fs::read_to_string(&lines).unwrap();
    let older = text.replace("wormsift/2", "wormsift/1");
    let older = file(&folder, "older.jsonl", older.as_bytes());
    let rules = stdout(&run(&["export", &lines]));
    assert!(rules.starts_with("alert udp "));
    assert_eq!(stdout(&run(&["export", &older])), rules);
}

#[test]
fn what_is_passed_on_by_trade_has_no_rule_unless_it_is_asked_for() {
    let (folder, lines) = found("export_kinds");
    let text = std::fs::read_to_string(&lines).unwrap();
    assert!(text.contains(r#""kind":"outbreak""#));
    let by_trade = text.replace(r#""kind":"outbreak""#, r#""kind":"forwarding_service""#);
    let by_trade = file(&folder, "by_trade.jsonl", by_trade.as_bytes());
    for format in ["suricata", "csv"] {
        let export =
            |more: &[&str]| run(&[&["export", "--format", format], more].concat());
        let default = export(&[&by_trade]);
        assert_eq!(code(&default), 0);
        let said = stderr(&default);
        assert!(said.contains("1 signature left out: of kinds"), "{format}: {said}");
        assert!(
            !stdout(&default).contains("10.0.0.1") && !stdout(&default).contains("sid:")
        );
        let all = stdout(&export(&["--kind", "all", &by_trade]));
        let named = stdout(&export(&["--kind", "unclear,forwarding-service", &by_trade]));
        let outbreak = stdout(&export(&[&lines]));
        assert_eq!((&all, &named), (&outbreak, &outbreak), "{format}");
    }
}

#[test]
fn the_signatures_of_one_incident_are_exported_by_its_id() {
    let (_, lines) = found("export_incident");
    let text = std::fs::read_to_string(&lines).unwrap();
    let line = text.lines().find(|line| line.contains(r#""type":"incident""#)).unwrap();
    let incident: serde_json::Value = serde_json::from_str(line).unwrap();
    let id = incident["id"].as_str().unwrap();
    let export = |id: &str| run(&["export", "--incident", id, &lines]);
    assert_eq!(stdout(&export(&id[..6])), stdout(&run(&["export", &lines])));
    let other = if id.starts_with('0') { "ffff" } else { "0000" };
    let none = export(other);
    assert!(stderr(&none).contains("1 signature left out: of other incidents"));
    assert!(!stdout(&none).contains("sid:"));
    assert_eq!(code(&export("xyz")), 2);
}

/// The hosts of a class in a list.
fn of_class<'a>(list: &'a str, class: &str) -> Vec<&'a str> {
    let lines = list.lines().map(|line| line.split(',').collect::<Vec<_>>());
    lines.filter(|fields| fields[1] == class).map(|fields| fields[0]).collect()
}

#[test]
fn confirmed_hosts_are_infected_and_no_servers_and_none_is_protected() {
    let folder = folder("export_isolate");
    for (scenario, least) in [("tcp-exploit", 20), ("mail", 0), ("forged-sources", 0)] {
        let capture = folder.join("it.pcapng").display().to_string();
        assert_eq!(code(&run(&["generate", "-q", scenario, "-o", &capture])), 0);
        let truth = std::fs::read_to_string(folder.join("it.truth.json")).unwrap();
        let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
        let infected: Vec<&str> = truth["infections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["host"].as_str().unwrap())
            .collect();
        let lines =
            file(&folder, "it.jsonl", &run(&["detect", "--json", &capture]).stdout);
        let export = |more: &[&str]| {
            let output =
                run(&[&["export", "-q", "--format", "isolate", &lines], more].concat());
            (code(&output), stdout(&output))
        };
        let (exit, list) = export(&[]);
        let confirmed = of_class(&list, "confirmed");
        assert!(exit == 0 && confirmed.len() >= least, "{scenario}: {list}");
        assert!(
            confirmed.iter().all(|host| infected.contains(host)),
            "{scenario}: {list}"
        );
        let Some(first) = confirmed.first() else { continue };
        let protect = file(&folder, "protect.txt", format!("{first}\n").as_bytes());
        let (_, fewer) = export(&["--protect", &protect]);
        assert_eq!(of_class(&fewer, "confirmed"), confirmed[1..]);
        let (_, few) = export(&["--most-new", "5"]);
        assert_eq!(of_class(&few, "confirmed").len(), 5);
        // A damaged line of the list applied before is named, and the rest is used.
        let damaged = list.replacen("confirmed", "certain", 1);
        let applied = file(&folder, "applied.csv", damaged.as_bytes());
        let (exit, next) = export(&["--applied", &applied]);
        assert_eq!(
            (exit, next.matches(",same,").count() + 1),
            (3, list.lines().count() - 1)
        );
        // `detect` writes the same list, and says so as well.
        let written = folder.join("written.csv").display().to_string();
        let list = ["--rules", &written, "--format", "isolate", "--applied", &applied];
        let output = run(&[&["detect", "-q", "--json", &capture], &list[..]].concat());
        assert_eq!(code(&output), 3, "{}", stderr(&output));
        assert_eq!(std::fs::read_to_string(&written).unwrap(), next);
        let wrong = file(&folder, "wrong.txt", b"10.0.0.1\ngateway\n");
        assert_eq!(export(&["--protect", &wrong]), (1, String::new()));
    }
}
