//! `detect --workers` and `--hosts` find what `detect` finds.

use crate::common::{code, file, folder, run, stderr, stdout, wormsift};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const MEMORY: [&str; 2] = ["--memory", "64MiB"];
/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(120);

fn generated(folder: &Path, scenario: &str, name: &str) -> String {
    let path = folder.join(name).to_string_lossy().into_owned();
    let output = run(&["generate", scenario, "--seed", "3", "-o", &path]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    path
}

/// The lines of each type, in their order.
fn by_type(output: &Output) -> Vec<String> {
    let text = stdout(output);
    let types = ["signature", "update", "incident", "summary", "event", "wave", "decoy"];
    let of = |kind: &&str| {
        let mark = format!("\"type\":\"{kind}\"");
        let lines = text.lines().filter(move |line| line.contains(&mark));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    types.iter().flat_map(of).collect()
}

fn detect(words: &[&str]) -> Output {
    let output = run(&[&["detect", "--json"], &MEMORY[..], words].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    output
}

#[test]
fn workers_find_what_threads_find() {
    let folder = folder("workers");
    let one = generated(&folder, "tcp-exploit", "one.pcap");
    let two = generated(&folder, "telescope", "two.pcap");
    let dark = ["--dark", "10.64.0.0/16"];
    for words in [
        vec![one.as_str()],
        vec![&one, &two],
        [&dark[..], &["--tap", &format!("a={one}"), "--tap", &format!("b={two}")]]
            .concat(),
        vec!["--filter", "port 445", &one],
        vec!["--count", "5000", &one],
    ] {
        let expected = by_type(&detect(&words));
        assert!(!expected.is_empty());
        for workers in ["1", "2", "3"] {
            let words = [&["--workers", workers], &words[..]].concat();
            assert_eq!(by_type(&detect(&words)), expected, "{words:?}");
        }
    }
    // What a person is shown is the same, too, but for how long it took.
    let table = |words: &[&str]| stdout(&run(&[&["detect"], words, &[&one]].concat()));
    assert_eq!(table(&["--workers", "2"]), table(&["--threads", "1"]));
}

#[test]
fn what_cannot_be_is_refused_and_damage_is_told() {
    let folder = folder("workers-refused");
    let one = generated(&folder, "outbreak", "one.pcap");
    let hosts = file(&folder, "hosts", b"# two\n127.0.0.1:1\n127.0.0.1:2\n");
    let wrong = file(&folder, "wrong", b"127.0.0.1\n");
    let taps = ["--tap", &format!("a={one}"), "--tap", &format!("b={one}")];
    for (words, why) in [
        (vec!["--workers", "2", "--threads", "2", &one], "cannot be used with"),
        (vec!["--hosts", &hosts, &one], "--process"),
        (
            vec!["--hosts", &hosts, "--process", "0", "--threads", "2", &one],
            "cannot be used with",
        ),
        (
            vec!["--hosts", &hosts, "--process", "2", &one],
            "expected a line for --process 2",
        ),
        (
            vec!["--hosts", &wrong, "--process", "0", &one],
            "expected HOST:PORT, found 127.0.0.1",
        ),
        (
            [&["--workers", "2", "--count", "9"], &taps[..]].concat(),
            "--workers with --filter, --since or the like: expected one --tap",
        ),
    ] {
        let output = run(&[&["detect"], &words[..]].concat());
        assert_eq!(code(&output), 2, "{words:?}");
        assert!(stderr(&output).contains(why), "{words:?}: {}", stderr(&output));
    }
    let bytes = std::fs::read(&one).unwrap();
    let cut = file(&folder, "cut.pcap", &bytes[..bytes.len() - 7]);
    let words = |more: &[&str]| run(&[&["detect"], more, &[&cut]].concat());
    let (here, workers) = (words(&[]), words(&["--workers", "2"]));
    assert_eq!((code(&here), code(&workers)), (3, 3), "{}", stderr(&workers));
    let damage = |output: &Output| {
        let text = stderr(output);
        text.lines()
            .filter(|line| line.contains("cut.pcap:"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert!(!damage(&here).is_empty());
    assert_eq!(damage(&workers), damage(&here));
}

/// Processes of one dataflow.
struct Cluster {
    hosts: String,
    count: usize,
    words: Vec<String>,
}

impl Cluster {
    fn new(folder: &Path, count: usize, words: &[&str]) -> Self {
        // Free ports, until others take them.
        let listeners: Vec<TcpListener> =
            (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let line = |it: &TcpListener| format!("{}\n", it.local_addr().unwrap());
        let lines: String = listeners.iter().map(line).collect();
        let hosts = file(folder, "hosts", lines.as_bytes());
        let words = words.iter().map(|&word| word.to_owned()).collect();
        Self { hosts, count, words }
    }

    fn start(&self, process: usize) -> Child {
        let process = process.to_string();
        let hosts = ["--hosts", &self.hosts, "--process", &process];
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let words = [&["detect", "--json"], &MEMORY[..], &hosts[..], &words[..]].concat();
        wormsift(&words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs")
    }

    /// Starts all, the last one first, and waits for them.
    fn run(&self) -> Vec<Output> {
        let mut started: Vec<Child> =
            (0..self.count).rev().map(|it| self.start(it)).collect();
        started.reverse();
        started.into_iter().map(|it| it.wait_with_output().expect("it ends")).collect()
    }
}

fn three_taps(folder: &Path) -> Vec<String> {
    ["tcp-exploit", "outbreak", "mail"]
        .iter()
        .enumerate()
        .flat_map(|(at, scenario)| {
            let path = generated(folder, scenario, &format!("{at}.pcap"));
            ["--tap".to_owned(), format!("tap-{at}={path}")]
        })
        .collect()
}

#[test]
fn processes_find_what_one_finds() {
    let folder = folder("processes");
    let taps = three_taps(&folder);
    let taps: Vec<&str> = taps.iter().map(String::as_str).collect();
    let expected = by_type(&detect(&taps));
    assert!(!expected.is_empty());
    for (processes, workers) in [(3, "1"), (2, "2")] {
        let words = [&["--workers", workers], &taps[..]].concat();
        let outputs = Cluster::new(&folder, processes, &words).run();
        for output in &outputs {
            assert_eq!(code(output), 0, "{}", stderr(output));
        }
        assert_eq!(by_type(&outputs[0]), expected, "{processes} x {workers}");
        assert!(outputs[1..].iter().all(|output| stdout(output).is_empty()));
    }
}

#[test]
fn when_one_process_is_killed_all_end_soon_and_say_so() {
    let folder = folder("processes-killed");
    let taps = three_taps(&folder);
    // A reader that never ends holds the run up: the last tap reads a pipe.
    let pipe = folder.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let mut words: Vec<&str> = taps[..4].iter().map(String::as_str).collect();
    let last = format!("tap-2={}", pipe.display());
    words.extend(["--tap", &last]);
    let cluster = Cluster::new(&folder, 3, &words);
    let mut started: Vec<Child> = (0..3).map(|it| cluster.start(it)).collect();
    // Once a process opens the pipe, all are connected.
    let writer = std::fs::OpenOptions::new().write(true).open(&pipe).expect("a reader");
    let killed = Instant::now();
    started[1].kill().expect("it runs");
    for at in [0, 2] {
        let status = loop {
            if let Some(status) = started[at].try_wait().unwrap() {
                break status;
            }
            assert!(killed.elapsed() < PATIENCE);
            sleep(Duration::from_millis(10));
        };
        assert!(!status.success(), "process {at}");
    }
    drop(writer);
    assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    for (at, child) in started.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        let said = stderr(&output);
        if at != 1 {
            assert!(said.contains("another process of the dataflow is gone"), "{said}");
            assert!(!said.contains("panicked"), "{said}");
        }
    }
}

#[test]
fn a_process_that_does_not_come_is_named() {
    let folder = folder("processes-missing");
    let one = generated(&folder, "outbreak", "one.pcap");
    let cluster = Cluster::new(&folder, 2, &["--start-within", "1s", &one]);
    let output = cluster.start(0).wait_with_output().unwrap();
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("process 1 at 127.0.0.1:"), "{}", stderr(&output));
    assert!(stdout(&output).is_empty());
}

/// Starts two processes with words of their own; what came of each.
fn pair(folder: &Path, words: [&[&str]; 2]) -> [Output; 2] {
    let cluster = Cluster::new(folder, 2, &[]);
    let start = |at: usize| {
        let own = Cluster {
            hosts: cluster.hosts.clone(),
            count: 2,
            words: words[at].iter().map(|&word| word.to_owned()).collect(),
        };
        own.start(at)
    };
    let started = [0, 1].map(start);
    started.map(|it| it.wait_with_output().expect("it ends"))
}

#[test]
fn what_goes_wrong_in_one_process_ends_the_other() {
    let folder = folder("processes-wrong");
    let (a, b) =
        (generated(&folder, "outbreak", "a.pcap"), generated(&folder, "mail", "b.pcap"));
    let taps = [format!("a={a}"), format!("b={b}")];
    let taps = ["--tap", &taps[0], "--tap", &taps[1]];
    let others = [&["--sampling", "4"], &taps[..]].concat();
    for output in pair(&folder, [&taps, &others]) {
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        assert!(stderr(&output).contains("the same settings"), "{}", stderr(&output));
    }
    // What one cannot read, the first one counts.
    let missing = ["--tap", &format!("a={a}"), "--tap", "b=nothere.pcap"];
    let [first, second] = pair(&folder, [&missing, &missing]);
    assert_eq!(code(&second), 3, "{}", stderr(&second));
    assert!(stderr(&second).contains("nothere.pcap"));
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    // Counts are those of both.
    let outputs = pair(&folder, [&taps, &taps]);
    let one = run(&[&["detect", "--json"], &MEMORY[..], &taps[..]].concat());
    let read = |output: &Output| {
        let text = stderr(output);
        let line =
            text.lines().find(|line| line.contains("read ")).expect("a line").to_owned();
        line.split(" in ").next().expect("a part").to_owned()
    };
    assert_eq!(read(&outputs[0]), read(&one));
}
