//! A fleet over a real broker finds what one process finds, whatever is killed.
//!
//! Where no `nats-server` is installed these tests say so; `.ci/nats` installs it.

#[cfg(target_os = "linux")]
mod interface;
mod output;

use crate::common::broker::{Broker, Scratch};
use crate::common::{code, run, stderr, stdout, wormsift};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);
const MEMORY: [&str; 2] = ["--memory", "64MiB"];

/// A tap: its name, with its site, and its capture.
type Of<'a> = (&'a str, &'a str);

struct Fleet<'a> {
    taps: &'a [Of<'a>],
    broker: Broker,
    folder: PathBuf,
    gate: &'a str,
}

impl Fleet<'_> {
    fn role(&self, command: &str) -> Vec<String> {
        let taps: Vec<&str> = self.taps.iter().map(|(name, _)| *name).collect();
        let (url, taps) = (self.broker.url(), taps.join(","));
        let fleet =
            ["--nats", &url, "--fleet", "test", "--taps", &taps].map(str::to_owned);
        [command.to_owned()]
            .into_iter()
            .chain(fleet)
            .chain(MEMORY.map(str::to_owned))
            .collect()
    }

    fn start(&self, words: &[String], out: &str) -> Child {
        let file = |name: String| File::create(self.folder.join(name)).expect("a file");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        wormsift(&words)
            .stdin(Stdio::null())
            .stdout(file(format!("{out}.out")))
            .stderr(file(format!("{out}.err")))
            .spawn()
            .expect("the binary runs")
    }

    fn tap(&self, at: usize) -> Child {
        self.tap_with(at, &[])
    }

    fn tap_with(&self, at: usize, more: &[&str]) -> Child {
        let (tap, capture) = self.taps[at];
        let name = tap.split('@').next().expect("a name");
        let spool = self.folder.join(format!("spool-{name}"));
        let mut words = self.role("tap");
        words.extend([name, "--spool", text(&spool), capture].map(str::to_owned));
        words.extend(["--gate", self.gate].map(str::to_owned));
        words.extend(more.iter().map(|word| (*word).to_owned()));
        self.start(&words, name)
    }

    /// The last tap, which counts otherwise than the merger.
    fn stranger(&self) -> Child {
        let (name, capture) = self.taps[self.taps.len() - 1];
        let spool = self.folder.join(format!("spool-{name}"));
        let mut words = self.role("tap");
        words.extend([name, "--spool", text(&spool), capture].map(str::to_owned));
        words.extend(["--prevalence", "4"].map(str::to_owned));
        self.start(&words, name)
    }

    fn merger(&self) -> Child {
        self.merger_with(&[])
    }

    fn merger_with(&self, more: &[&str]) -> Child {
        let state = self.folder.join("state");
        let mut words = self.role("merge");
        let own =
            ["--state", text(&state), "--lateness", "1d", "--checkpoint-every", "50ms"];
        words.extend(own.iter().chain(more).map(|word| (*word).to_owned()));
        self.start(&words, "merge")
    }

    /// What the merger has found.
    fn found(&self) -> String {
        let found = fs::read_to_string(self.folder.join("merge.out")).expect("its lines");
        let kept = fs::read_to_string(self.folder.join("state/findings.jsonl"));
        assert_eq!(found, kept.expect("its lines"), "what it prints is what it keeps");
        found
    }

    fn said(&self, role: &str) -> String {
        fs::read_to_string(self.folder.join(format!("{role}.err"))).unwrap_or_default()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain name")
}

/// Waits for a process's good end.
fn ended(child: &mut Child, said: impl Fn() -> String) {
    ended_with(0, child, said);
}

/// Waits for a process to end with this code.
fn ended_with(code: i32, child: &mut Child, said: impl Fn() -> String) {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a child") {
            assert_eq!(status.code(), Some(code), "{}", said());
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    panic!("it does not end: {}", said());
}

/// Lines of each kind, in their order: kinds are mixed by when they are asked for.
fn by_kind(lines: &str) -> Vec<Vec<&str>> {
    let of = |kind: &str| {
        let kind = format!("\"type\":\"{kind}\"");
        lines.lines().filter(|line| line.contains(&kind)).collect()
    };
    ["signature", "update", "incident", "event", "decoy", "summary"].map(of).into()
}

fn detected(arguments: &[&str]) -> String {
    let output = run(&[&["detect", "--json", "-q"], &MEMORY[..], arguments].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

/// Captures of a scenario, one a tap.
fn generated(folder: &Path, scenario: &[&str], taps: &[&str]) -> Vec<String> {
    let path = folder.join("x.pcapng");
    let made = run(&[&["generate", "-o", text(&path)], scenario].concat());
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let of = |tap: &&str| text(&folder.join(format!("x{tap}.pcapng"))).to_owned();
    taps.iter().map(of).collect()
}

fn fleet<'a>(scratch: &Scratch, taps: &'a [Of<'a>], gate: &'a str) -> Option<Fleet<'a>> {
    let broker = Broker::start(scratch.path())?;
    Some(Fleet { taps, broker, folder: scratch.path().to_owned(), gate })
}

/// Runs it undisturbed, the merger after the taps.
fn merged(fleet: &Fleet<'_>) -> String {
    let mut taps: Vec<Child> = (0..fleet.taps.len()).map(|at| fleet.tap(at)).collect();
    let mut merger = fleet.merger();
    ended(&mut merger, || fleet.said("merge"));
    for (tap, (name, _)) in taps.iter_mut().zip(fleet.taps) {
        ended(tap, || fleet.said(name.split('@').next().unwrap_or_default()));
    }
    fleet.found()
}

#[test]
fn one_tap_finds_what_detect_finds() {
    let scratch = Scratch::new("one-tap");
    let files = generated(scratch.path(), &["outbreak", "--seed", "7"], &[""]);
    let taps = [("a", &*files[0])];
    let Some(fleet) = fleet(&scratch, &taps, "all") else { return };
    let (found, expected) = (merged(&fleet), detected(&[&files[0]]));
    assert_eq!(by_kind(&found), by_kind(&expected));
    assert!(!by_kind(&found)[0].is_empty(), "a signature");
    // Started again, it says the same once more.
    let mut merger = fleet.merger();
    let mut tap = fleet.tap(0);
    ended(&mut merger, || fleet.said("merge"));
    ended(&mut tap, || fleet.said("a"));
    assert_eq!(fleet.found(), found);
}

#[test]
fn two_taps_of_one_site_find_what_detect_finds() {
    let scratch = Scratch::new("two-taps");
    let files =
        generated(scratch.path(), &["two-taps", "--seed", "3"], &[".edge", ".core"]);
    let taps = [("edge", &*files[0]), ("core", &*files[1])];
    let Some(fleet) = fleet(&scratch, &taps, "all") else { return };
    let of = |at: usize| format!("{}={}", taps[at].0, taps[at].1);
    let expected = detected(&["--tap", &of(0), "--tap", &of(1)]);
    assert_eq!(by_kind(&merged(&fleet)), by_kind(&expected));
}

#[test]
fn three_taps_of_two_sites_find_what_detect_finds() {
    let scratch = Scratch::new("three-taps");
    let files = generated(scratch.path(), &["two-sites", "--seed", "3"], &[".a", ".b"]);
    let more = Scratch::new("three-taps-more");
    let third = generated(more.path(), &["outbreak", "--seed", "9"], &[""]);
    let taps = [("a@x", &*files[0]), ("b@y", &*files[1]), ("c@y", &*third[0])];
    let Some(fleet) = fleet(&scratch, &taps, "all") else { return };
    let of = |at: usize| format!("{}={}", &taps[at].0[..1], taps[at].1);
    let (a, b, c) = (of(0), of(1), of(2));
    let expected =
        detected(&["--site", "x", "--tap", &a, "--site", "y", "--tap", &b, "--tap", &c]);
    assert_eq!(by_kind(&merged(&fleet)), by_kind(&expected));
}

#[test]
fn a_gate_passes_the_worm() {
    let scratch = Scratch::new("gate");
    let files = generated(scratch.path(), &["outbreak", "--seed", "7"], &[""]);
    let taps = [("a", &*files[0])];
    let Some(fleet) = fleet(&scratch, &taps, "promoted") else { return };
    let ids = |lines: &str| -> BTreeSet<String> {
        let id = |line: &&str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            line["id"].as_str().expect("an id").to_owned()
        };
        by_kind(lines)[5].iter().map(id).collect()
    };
    assert_eq!(ids(&merged(&fleet)), ids(&detected(&[&files[0]])));
}

/// kill -9 of one or all, again and again; `roles` are taps, the merger, and the broker.
fn killed(name: &str, roles: &[usize]) {
    let scratch = Scratch::new(name);
    let files =
        generated(scratch.path(), &["two-taps", "--seed", "3"], &[".edge", ".core"]);
    let taps = [("edge", &*files[0]), ("core", &*files[1])];
    let Some(mut fleet) = fleet(&scratch, &taps, "all") else { return };
    let of = |at: usize| format!("{}={}", taps[at].0, taps[at].1);
    let expected = detected(&["--tap", &of(0), "--tap", &of(1)]);
    let mut processes = [fleet.tap(0), fleet.tap(1), fleet.merger()];
    let begin = Instant::now();
    let (mut kills, mut after) = (0, 0);
    while processes[2].try_wait().expect("a child").is_none() {
        assert!(begin.elapsed() < PATIENCE, "{}", fleet.said("merge"));
        // At other moments of the work each time.
        std::thread::sleep(Duration::from_millis(40 + kills * 67 % 170));
        let role = roles[kills as usize % roles.len()];
        if kills == 20 || processes[2].try_wait().expect("a child").is_some() {
            continue;
        }
        kills += 1;
        after += u64::from(scratch.path().join("state/checkpoint").exists());
        if role == 3 {
            fleet.broker.kill();
            fleet.broker.restart();
            continue;
        }
        processes[role].kill().expect("it can be killed");
        processes[role].wait().expect("it ends");
        processes[role] = if role == 2 { fleet.merger() } else { fleet.tap(role) };
    }
    for (process, name) in processes.iter_mut().zip(["edge", "core", "merge"]) {
        ended(process, || fleet.said(name));
    }
    let found = fleet.found();
    assert_eq!(by_kind(&found), by_kind(&expected), "{kills} kills");
    crate::common::environment::say(&format!(
        "{name}: {kills} kills in {:.1} s, {after} of them after the first checkpoint",
        begin.elapsed().as_secs_f64()
    ));
}

#[test]
fn a_tap_is_killed() {
    killed("tap-killed", &[0]);
}

#[test]
fn the_merger_is_killed() {
    killed("merger-killed", &[2]);
}

#[test]
fn the_broker_is_killed() {
    killed("broker-killed", &[3]);
}

#[test]
fn all_are_killed_in_turn() {
    killed("all-killed", &[2, 0, 3, 1]);
}

#[test]
fn what_cannot_be_run_is_said_in_one_line() {
    let tap = |more: &[&str]| {
        let words = ["tap", "a", "--fleet", "test", "--spool", "/nowhere/at/all"];
        let output = run(&[&words[..], more].concat());
        (code(&output), stderr(&output))
    };
    let local = "nats://127.0.0.1:1";
    for (more, reason) in [
        (&["--nats", local, "x.pcap"][..], "--taps: expected all taps"),
        (&["--nats", local, "--taps", "b,c", "x.pcap"], "a: expected one of --taps"),
        (&["--nats", local, "--taps", "a.b,a", "x.pcap"], "--taps: expected the name"),
        (
            &["--nats", "nats://192.0.2.1", "--taps", "a,b", "x.pcap"],
            "would be plain text",
        ),
        (&["--nats", "http://localhost", "--taps", "a,b", "x.pcap"], "expected tls://"),
    ] {
        let (code, said) = tap(more);
        assert!(code == 2 && said.contains(reason), "{code}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let (code, said) =
        tap(&["--nats", local, "--taps", "a,b", "--certificate", "x", "y"]);
    assert!(code == 2 && said.contains("--certificate-key"), "{code}: {said}");
}

#[test]
fn a_tap_with_other_settings_is_named() {
    let scratch = Scratch::new("stranger");
    let captures =
        generated(scratch.path(), &["two-taps", "--packets", "300"], &[".edge", ".core"]);
    let taps = [("a", &captures[0][..]), ("b", &captures[1][..])];
    let Some(fleet) = fleet(&scratch, &taps, "all") else { return };
    let mut both = [fleet.tap(0), fleet.stranger()];
    let mut merger = fleet.merger();
    ended_with(3, &mut merger, || fleet.said("merge"));
    let said = fleet.said("merge");
    assert!(
        said.contains("tap b: what it sends is left out: expected these settings"),
        "{said}"
    );
    both.iter_mut().for_each(|tap| ended(tap, || fleet.said("b")));
}

/// A tap that goes on from a spool with other captures says so, and sends nothing of them.
#[test]
fn a_tap_that_is_given_other_captures_says_so() {
    let scratch = Scratch::new("other-captures");
    let files = generated(scratch.path(), &["outbreak", "--seed", "7"], &[""]);
    let more = Scratch::new("other-captures-more");
    let of_others = generated(more.path(), &["outbreak", "--seed", "8"], &[""]);
    let cut = scratch.path().join("cut.pcapng");
    let whole = fs::read(&files[0]).expect("a capture");
    fs::write(&cut, &whole[..whole.len() / 4]).expect("a capture");
    let (other, shorter) = ([("a", &*of_others[0])], [("a", text(&cut))]);
    let taps = [("a", &*files[0])];
    let Some(mut fleet) = fleet(&scratch, &taps, "all") else { return };
    let mut tap = fleet.tap(0);
    let spool = scratch.path().join("spool-a/spool");
    let bytes = || {
        let files = fs::read_dir(&spool).ok()?;
        files.map(|file| Some(file.ok()?.metadata().ok()?.len())).sum::<Option<u64>>()
    };
    let begin = Instant::now();
    let mut before = None;
    // No merger asks: it is there, and all that it has to send without is in the spool.
    while before.is_none_or(|before| before < 20_000) || before != bytes() {
        assert!(begin.elapsed() < PATIENCE, "{}", fleet.said("a"));
        before = bytes();
        std::thread::sleep(Duration::from_millis(500));
    }
    tap.kill().expect("it can be killed");
    tap.wait().expect("it ends");
    for (captures, reason) in [
        (&other, "the captures are not those of the run before"),
        (&shorter, "they are shorter than those of the run before"),
    ] {
        fleet.taps = captures;
        let mut tap = fleet.tap(0);
        // A capture that ends in a packet is damaged, too; that is the lesser evil.
        ended_with(1, &mut tap, || fleet.said("a"));
        let said = fleet.said("a");
        assert!(said.contains(reason), "{said}");
        assert_eq!(bytes(), before, "nothing of it is sent");
    }
    fleet.taps = &taps;
    assert_eq!(by_kind(&merged(&fleet)), by_kind(&detected(&[&files[0]])));
}
