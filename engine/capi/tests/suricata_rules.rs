//! Which findings of the plugin for Suricata have a rule in use: by kind, and not what is
//! muted.

use crate::common::{outbreak, run};
use crate::suricata::{build, contents, counter, key};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A run of the plugin over an outbreak with these settings: what it said, the lines of
/// findings, and the file of rules.
fn run_with(
    (plugin, host): &(PathBuf, PathBuf),
    folder: &Path,
    name: &str,
    settings: &[String],
) -> (String, String, String) {
    let output = folder.join(name);
    let rules = folder.join("wormsift.rules");
    let mut command = Command::new(host);
    command.arg(plugin).arg(outbreak("udp", folder)).args(["1", &key()]);
    command.arg(format!("output={}", output.display()));
    command.arg(format!("rules={}", rules.display())).args(settings);
    let said = run(&mut command);
    assert!(!said.contains("error: "), "{said}");
    (said, fs::read_to_string(output).unwrap(), fs::read_to_string(rules).unwrap())
}

#[test]
fn kinds_that_were_not_asked_for_have_no_rule_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let Some(built) = build(folder.path()) else { return };
    let kinds = |kinds: &str| [format!("rule_kinds={kinds}")];
    let with =
        |name: &str, settings: &[String]| run_with(&built, folder.path(), name, settings);
    let (_, lines, rules) = with("other", &kinds("mass_delivery"));
    assert!(lines.contains(r#""kind":"outbreak""#), "{lines}");
    assert_eq!(rules, "");
    let (_, _, rules) = with("default", &[]);
    let asked = rules.lines().count();
    assert!(asked > 0 && rules.lines().all(|it| it.starts_with("alert ")), "{rules}");
    let (_, _, off) = with("again", &kinds("[peer-protocol,mass-delivery]"));
    assert_eq!(off.lines().count(), asked);
    assert!(off.lines().all(|it| it.starts_with("# alert ")), "{off}");
    let (_, _, on) = with("list", &kinds("[outbreak,unclear]"));
    assert!(on.lines().all(|it| it.starts_with("alert ")), "{on}");
}

#[test]
fn what_is_muted_is_marked_and_counted_and_has_no_rule_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let Some(built) = build(folder.path()) else { return };
    let with =
        |name: &str, settings: &[String]| run_with(&built, folder.path(), name, settings);
    let (said, lines, rules) = with("open", &[]);
    assert!(counter(&said, "findings") > 0);
    assert_eq!(counter(&said, "muted"), 0);
    assert!(!lines.contains("\"muted\"") && rules.starts_with("alert "), "{rules}");
    let mutes = folder.path().join("wormsift.mute");
    let mut entries = String::new();
    for content in contents(&lines) {
        let middle = &content[content.len() / 4..content.len() / 4 * 3];
        let hex: String = middle.iter().map(|byte| format!("{byte:02x}")).collect();
        entries += &format!(
            "{{\"content\":\"{hex}\",\"reason\":\"ours\",\"until\":\"never\"}}\n"
        );
    }
    let first = entries.lines().count() + 1;
    fs::write(&mutes, entries + "wrong\n").unwrap();
    let mute = [format!("mute={}", mutes.display())];
    let (said, lines, off) = with("muted", &mute);
    let warned = format!("wormsift.mute: line {first}: expected an entry");
    assert_eq!(said.matches(&warned).count(), 1, "{said}");
    assert_eq!(counter(&said, "findings"), 0);
    assert!(counter(&said, "muted") > 0);
    assert!(lines.lines().all(|line| line.contains(r#""reason":"ours""#)), "{lines}");
    assert_eq!(off.lines().count(), rules.lines().count());
    assert!(off.lines().all(|it| it.starts_with("# alert ")), "{off}");
    // A file that is missing is said; what is found is told.
    fs::remove_file(&mutes).unwrap();
    let output = folder.path().join("missing");
    let mut command = Command::new(&built.1);
    command.arg(&built.0).arg(outbreak("udp", folder.path())).args(["1", &key()]);
    let said = run(command.arg(format!("output={}", output.display())).args(&mute));
    assert!(said.contains("wormsift.mute: "), "{said}");
    assert!(counter(&said, "findings") > 0);
}
