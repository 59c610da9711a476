//! `wormsift mute`, and what the commands that read its file make of it.

use crate::common::{body, code, file, folder, outbreak, run, schema, stderr, stdout};
use serde_json::Value;
use std::path::PathBuf;

/// A capture of an outbreak, what was found in it, and the ids of signature and incident.
struct Found {
    folder: PathBuf,
    capture: String,
    lines: String,
    signature: String,
    incident: String,
}

impl Found {
    fn new(name: &str) -> Self {
        let folder = folder(name);
        let capture = file(&folder, "outbreak.pcap", &outbreak());
        let found = run(&["detect", "-q", "--json", &capture]).stdout;
        let lines = file(&folder, "found.jsonl", &found);
        let of = |kind: &str| {
            let text = String::from_utf8(found.clone()).unwrap();
            let line = parsed(&text).into_iter().find(|line| line["type"] == kind);
            line.unwrap()["id"].as_str().unwrap().to_owned()
        };
        let (signature, incident) = (of("signature"), of("incident"));
        Self { folder, capture, lines, signature, incident }
    }

    fn mutes(&self) -> String {
        self.folder.join("wormsift.mute").display().to_string()
    }

    /// `wormsift mute` with this file; its exit code and what it said.
    fn mute(&self, arguments: &[&str]) -> (i32, String) {
        let output = run(&[&["mute", "--file", &self.mutes()], arguments].concat());
        (code(&output), stdout(&output) + &stderr(&output))
    }

    /// An entry without end.
    fn mute_ever(&self, what: &[&str]) {
        let (code, said) =
            self.mute(&[what, &["--reason", "known to us", "--never"]].concat());
        assert_eq!(code, 0, "{said}");
    }

    fn detect(&self, arguments: &[&str]) -> std::process::Output {
        let own = ["detect", "--mute", &self.mutes(), &self.capture];
        run(&[&own, arguments].concat())
    }
}

/// The lines, which the schema knows.
fn parsed(text: &str) -> Vec<Value> {
    let strict = schema::strict();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .inspect(|value| assert_eq!(schema::faults(&strict, value), [""; 0]))
        .collect()
}

/// Findings and incidents among lines, as text.
fn findings(text: &str) -> Vec<String> {
    let is_finding = |line: &&str| !line.contains(r#""type":"stats""#);
    text.lines().filter(is_finding).map(str::to_owned).collect()
}

#[test]
fn entries_are_added_listed_replaced_and_removed() {
    let found = Found::new("mute_edit");
    let (signature, incident) = (&found.signature, &found.incident);
    let both = [&incident[..6], "--signatures", &found.lines];
    found.mute_ever(&both);
    let content: String = body()[..40].iter().map(|byte| format!("{byte:02x}")).collect();
    let until = ["--until", "2026-12-31T00:00:00Z", "--reason", "a scanner"];
    let (code, said) = found.mute(&[&["--content", &content], &until[..]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.ends_with(&format!(
        "content {content} is muted until 2026-12-31 00:00:00 UTC\n"
    )));

    // A person edits it, and a line is wrong.
    let text = std::fs::read_to_string(found.mutes()).unwrap();
    assert!(text.starts_with("# ") && text.lines().count() == 3, "{text}");
    let edited = format!("{text}# a note\nwrong\n\n");
    std::fs::write(found.mutes(), &edited).unwrap();
    let (code, said) = found.mute(&["--list"]);
    assert_eq!(code, 3);
    assert!(said.contains(
        "wormsift.mute: line 5: expected an entry as a JSON object, found `wrong`"
    ));
    assert!(said.contains(&format!(
        "line 2: id {incident} (outbreak), without end: known to us\n\
         line 3: content {content}, until 2026-12-31 00:00:00 UTC: a scanner\n"
    )));

    // The same again is refused, and may be asked for.
    let (code, said) = found.mute(&[&both, &until[..]].concat());
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("line 2 has an entry of id") && said.contains("--replace"),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(found.mutes()).unwrap(), edited);
    let (code, said) = found.mute(&[&both, &until[..], &["--replace"]].concat());
    assert_eq!(code, 3, "{said}");
    let lines: Vec<String> = std::fs::read_to_string(found.mutes())
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        lines[1..5].join("\n") + "\n",
        edited.split_once('\n').unwrap().1.split_once('\n').unwrap().1
    );
    let last: Value = serde_json::from_str(&lines[5]).unwrap();
    assert_eq!(last["id"], incident.as_str());
    assert_eq!(last["kind"], "outbreak");
    assert_eq!(last["signatures"][0], signature.as_str());
    assert_eq!(last["until"], "2026-12-31T00:00:00.000000000Z");
    assert!(last["added"].as_str().unwrap().ends_with(".000000000Z"));

    let (code, said) = found.mute(&["--remove", "--content", &content]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("is no longer muted: a scanner"), "{said}");
    let (_, said) = found.mute(&["--remove", &incident[..4]]);
    assert!(
        said.contains(&format!("id {incident} is no longer muted: a scanner")),
        "{said}"
    );
    let text = std::fs::read_to_string(found.mutes()).unwrap();
    assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), ["# a note", "wrong", ""]);
    let (code, said) = found.mute(&["--remove", &incident[..4]]);
    assert_eq!(code, 2);
    assert!(said.contains(&format!("no entry of {}, of 0", &incident[..4])), "{said}");
    // Nothing is left beside it.
    let names = std::fs::read_dir(&found.folder).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("wormsift.mute")).count(), 1);
}

#[test]
fn what_cannot_be_muted_is_said_and_nothing_is_written() {
    let found = Found::new("mute_refused");
    let why = ["--reason", "x", "--never"];
    let unknown = "0".repeat(32);
    for (arguments, expected) in [
        (&["02"][..], "--signatures FILE to look for one that begins so; found `02`"),
        (
            &["02ab", "--signatures", &found.lines],
            "an id that begins with `02ab`, of 1 signature",
        ),
        (
            &["zzzz", "--signatures", &found.lines],
            "four hexadecimal digits or more; found `zzzz`",
        ),
        (&["--content", "4g"], "two hexadecimal digits for each byte, found `4g`"),
        (&["--content", "47455420"], "4 bytes would match by chance"),
    ] {
        let (status, said) = found.mute(&[arguments, &why].concat());
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
    }
    for arguments in [
        &[&unknown[..], "--never"][..],
        &[&unknown, "--reason", "x"],
        &[&unknown, "--reason", "x", "--never", "--for", "1d"],
        &[&unknown, "--content", "00", "--reason", "x", "--never"],
        &["--reason", "x", "--never"],
        &[&unknown, "--reason", "a\nb", "--never"],
    ] {
        let (status, said) = found.mute(arguments);
        assert_eq!(status, 2, "{arguments:?}: {said}");
    }
    for arguments in [&["--list"][..], &["--remove", &unknown]] {
        let (status, said) = found.mute(arguments);
        assert_eq!(status, 1);
        assert!(said.contains("there is no such file"), "{said}");
    }
    assert!(!PathBuf::from(found.mutes()).exists());
    // One that is in none of the files may yet come.
    let (status, said) =
        found.mute(&[&[&unknown[..], "--signatures", &found.lines], &why[..]].concat());
    assert_eq!(status, 0);
    assert!(said.contains("is in none of the files"), "{said}");
    let (status, said) = found.mute(&["--list"]);
    assert_eq!((status, said), (0, format!("line 2: id {unknown}, without end: x\n")));
    let missing = run(&["detect", "--mute", "nowhere.mute", &found.capture]);
    assert_eq!(code(&missing), 1);
    assert!(stderr(&missing).contains("nowhere.mute: "));
}

#[test]
fn muted_lines_are_marked_and_nothing_else_changes() {
    let found = Found::new("mute_lines");
    found.mute_ever(&[&found.incident, "--signatures", &found.lines]);
    let output = found.detect(&["--json", "-q"]);
    assert_eq!(code(&output), 0);
    let marked = stdout(&output);
    let entry = format!(
        r#""muted":{{"entry":"{}","reason":"known to us","until":null}},"#,
        found.incident
    );
    let lines = findings(&marked);
    assert!(
        lines.len() >= 4 && lines.iter().all(|line| line.contains(&entry)),
        "{marked}"
    );
    let without: Vec<String> =
        lines.iter().map(|line| line.replace(&entry, "")).collect();
    assert_eq!(without, findings(&std::fs::read_to_string(&found.lines).unwrap()));
    let stats = parsed(&marked).into_iter().find(|line| line["type"] == "stats").unwrap();
    let counters = &stats["muted_counters"];
    assert_eq!(
        (&counters["muted_signatures"], &counters["muted_incidents"]),
        (&1.into(), &1.into())
    );
    // By its signature the same.
    std::fs::remove_file(found.mutes()).unwrap();
    found.mute_ever(&[&found.signature, "--signatures", &found.lines]);
    let by_signature = stdout(&found.detect(&["--json", "-q"]));
    let by_signature = by_signature.replace(&found.signature, &found.incident);
    assert_eq!(by_signature.matches(&entry).count(), lines.len());
}

#[test]
fn muted_findings_are_no_findings_for_the_exit_code_the_table_and_the_rules() {
    let found = Found::new("mute_rules");
    found.mute_ever(&[&found.incident, "--signatures", &found.lines]);
    let [rules, page] = ["found.rules", "page.html"].map(|name| found.folder.join(name));
    let [rules, page] = [&rules, &page].map(|path| path.to_str().unwrap());
    let files = ["--rules", rules, "--report", page];
    let output = found.detect(&[&["--fail-on-signature"], &files[..]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("1 signature left out: muted; --with-muted takes them"),
        "{said}"
    );
    assert!(said.contains("1 signature and 1 incident muted"), "{said}");
    assert!(!said.contains("found: ") && !said.contains("to see more, try"), "{said}");
    let incident = format!(
        "nothing found that is not muted\n\nmuted:\n   incident   {}  outbreak, medium confidence, udp/4444, without \
         end: known to us\n",
        found.incident
    );
    assert_eq!(stdout(&output), incident);
    assert_eq!(std::fs::read_to_string(rules).unwrap(), "");
    let html = std::fs::read_to_string(page).unwrap();
    assert!(
        html.contains("No incident was found.")
            && html.contains("without end: known to us")
    );
    // They can be had all the same.
    let output = found.detect(&[&["-q", "--with-muted"], &files[..]].concat());
    assert_eq!(code(&output), 0);
    let all = std::fs::read_to_string(rules).unwrap();
    let plain = stdout(&run(&["export", "-q", &found.lines]));
    assert!(plain.starts_with("alert udp "));
    assert_eq!(all, plain);

    // Lines that were marked are left out of an export, until a file says otherwise.
    let marked = found.detect(&["-q", "--json"]).stdout;
    let marked = file(&found.folder, "marked.jsonl", &marked);
    let export = |more: &[&str]| run(&[&["export"], more].concat());
    for arguments in [&[&*marked][..], &["--mute", &found.mutes(), &found.lines]] {
        let output = export(arguments);
        assert_eq!((code(&output), stdout(&output)), (0, String::new()));
        assert!(
            stderr(&output).contains("1 signature left out: muted"),
            "{}",
            stderr(&output)
        );
        assert_eq!(stdout(&export(&[arguments, &["--with-muted"]].concat())), plain);
    }
    let empty = file(&found.folder, "empty.mute", b"# none\n");
    assert_eq!(stdout(&export(&["--mute", &empty, &marked])), plain);
    let explained = stdout(&run(&["explain", &found.signature, "--signatures", &marked]));
    assert!(explained.contains("   muted without end: known to us\n"), "{explained}");
    let explained = run(&[
        "explain",
        &found.incident,
        "--mute",
        &found.mutes(),
        "--signatures",
        &found.lines,
    ]);
    assert_eq!(
        stdout(&explained).matches("   muted without end: known to us\n").count(),
        2
    );
    let open = run(&[
        "explain",
        &found.signature,
        "--json",
        "--mute",
        &empty,
        "--signatures",
        &marked,
    ]);
    assert!(!stdout(&open).contains("\"muted\""));
}

#[test]
fn a_content_is_muted_under_another_key_and_in_part() {
    let found = Found::new("mute_key");
    let part: String =
        body()[100..160].iter().map(|byte| format!("{byte:02X}")).collect();
    found.mute_ever(&["--content", &part]);
    for seed in 1..6 {
        let key = file(&found.folder, "key", format!("{seed:032x}\n").as_bytes());
        let output = found.detect(&["-q", "--json", "--key-file", &key]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let text = stdout(&output);
        let lines = findings(&text);
        assert!(lines.iter().any(|line| line.contains(r#""type":"summary""#)), "{text}");
        for line in lines {
            assert!(line.contains(r#""reason":"known to us""#), "{line}");
        }
    }
}

#[test]
fn an_end_is_compared_with_packet_time() {
    let found = Found::new("mute_end");
    // The capture lasts from 2001-09-09T01:46:40Z for 18 seconds.
    for (until, is_muted) in
        [("2001-09-09T01:46:41Z", false), ("2001-09-09T01:47:40Z", true)]
    {
        let entry =
            [&found.signature, "--until", until, "--reason", "for a while", "--replace"];
        let (status, said) = found.mute(&entry);
        assert_eq!(status, 0, "{said}");
        let detected = found.detect(&["-q", "--fail-on-signature"]);
        assert_eq!(code(&detected), if is_muted { 0 } else { 4 }, "{until}");
        let exported = run(&["export", "-q", "--mute", &found.mutes(), &found.lines]);
        assert_eq!(stdout(&exported).is_empty(), is_muted, "{until}");
    }
}

#[test]
fn a_muted_incident_that_is_an_outbreak_by_now_is_told() {
    let found = Found::new("mute_outbreak");
    let entry = format!(
        "{{\"id\":\"{}\",\"kind\":\"forwarding_service\",\"reason\":\"mail\",\"until\":\"never\"}}\nwrong\n",
        found.incident
    );
    std::fs::write(found.mutes(), entry).unwrap();
    let output = found.detect(&["--json", "--fail-on-signature"]);
    assert_eq!(code(&output), 4);
    let text = stdout(&output);
    assert!(stderr(&output).contains("wormsift.mute: line 2: expected an entry"));
    let last = |kind: &str| {
        let lines = parsed(&text);
        lines.into_iter().rfind(|line| line["type"] == kind).unwrap()
    };
    assert_eq!(last("summary")["muted"], Value::Null);
    assert_eq!(last("incident")["muted"], Value::Null);
    let said = format!(
        "incident {} is an outbreak and not muted: it was muted as forwarding service, without \
         end: mail",
        found.incident
    );
    assert_eq!(last("warning")["message"], said.as_str());
    let output = run(&["export", "--mute", &found.mutes(), &found.lines]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains(&said), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("alert udp "));
}

#[test]
fn an_incident_that_became_part_of_a_muted_one_is_muted() {
    let found = Found::new("mute_part");
    let older = "0".repeat(31) + "7";
    let text = std::fs::read_to_string(&found.lines).unwrap();
    let last = text.lines().rfind(|line| line.contains(r#""type":"incident""#)).unwrap();
    let whole = last.replacen(&found.incident, &older, 1);
    let part_of = format!(r#""confidence":"medium","part_of":"{older}","#);
    let part = last.replacen(r#""confidence":"medium","#, &part_of, 1);
    let merged = file(
        &found.folder,
        "merged.jsonl",
        format!("{text}{whole}\n{part}\n").as_bytes(),
    );
    // Its signature's last line names the part, and a person may as well.
    let entry = [&found.incident, "--signatures", &merged, "--reason", "x", "--never"];
    let (status, said) = found.mute(&entry);
    assert_eq!(status, 0, "{said}");
    let became = format!("{} has become part of {older}", found.incident);
    assert!(
        said.contains(&became) && said.contains(&format!("id {older} is muted")),
        "{said}"
    );
    // By its id alone, without the list of signatures.
    let entry = format!(
        "{{\"id\":\"{older}\",\"kind\":\"outbreak\",\"reason\":\"x\",\"until\":\"never\"}}"
    );
    std::fs::write(found.mutes(), entry).unwrap();
    let output = run(&["export", "-q", "--mute", &found.mutes(), &merged]);
    assert_eq!((code(&output), stdout(&output)), (0, String::new()));
    let explain = ["explain", &found.incident, "--mute", &found.mutes(), "--signatures"];
    let explained = stdout(&run(&[&explain[..], &[&merged]].concat()));
    assert_eq!(explained.matches("   muted without end: x\n").count(), 2, "{explained}");
    let of_older = run(&["export", "-q", "--incident", &older, &merged]);
    assert!(stdout(&of_older).starts_with("alert udp "));
}
