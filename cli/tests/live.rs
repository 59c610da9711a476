//! `wormsift live` over a wire of the test's own, in network namespaces; skipped where
//! those are not permitted.
#![cfg(target_os = "linux")]

mod interfaces;

use crate::common;
use crate::common::namespace::{inside, ip};
use crate::common::wire::{self, TRACE, send, trace};
use crate::common::{body, code, folder, run, stdout, udp, wormsift};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;
use wormsift_capture::live::Sender;

/// Which windows are kept.
const SAMPLING: &str = "8";
/// How long anything may take; a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sensor that runs.
struct Live {
    child: Child,
    talk: PathBuf,
}

impl Live {
    /// Starts it, in a folder that the unprivileged user may write to, and waits until it
    /// is ready.
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let talk = folder.join("talk");
        // The key is random: at 1 in 64, one in a hundred would miss 300 bytes.
        let mut all = vec!["live", "-i", "tap1", "--sampling", SAMPLING];
        all.extend(["--memory", "32MiB", "--ring-size", "16MiB"]);
        all.extend(arguments);
        let child = wormsift(&all)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&talk).expect("a file for talk"))
            .spawn()
            .expect("the binary runs");
        let mut live = Self { child, talk };
        wait_for("health", || {
            let ended = live.child.try_wait().expect("our own child");
            assert!(ended.is_none(), "it ended: {}", live.said());
            get("/health").is_some_and(|page| page.contains(" 200 OK"))
        });
        live
    }

    fn signal(&self, name: &str) {
        wire::signal(&self.child, name);
    }

    /// Ends it with a signal; its exit code, and what it said.
    fn stop(mut self, name: &str) -> (i32, String) {
        self.signal(name);
        let status = self.child.wait().expect("it ends");
        (status.code().expect("by itself"), self.said())
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.talk).expect("talk is text")
    }

    /// A line of `/proc/PID/status`.
    fn status(&self, name: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("it still runs");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.expect("a line of this name").trim_start_matches(':').trim().to_owned()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(what: &str, done: impl FnMut() -> bool) {
    wire::wait_for(what, PATIENCE, done);
}

/// What the status server answers, head and all.
fn get(path: &str) -> Option<String> {
    let mut server = TcpStream::connect("127.0.0.1:9768").ok()?;
    write!(server, "GET {path} HTTP/1.1\r\nHost: localhost:9768\r\n\r\n").ok()?;
    let mut text = String::new();
    server.read_to_string(&mut text).ok()?;
    Some(text)
}

/// A small outbreak of a body: 24 hosts, each attacked by the one before.
fn small_outbreak(body: &[u8]) -> Vec<Vec<u8>> {
    let attack = |step: u8| {
        let host = step / 3;
        let target = if step.is_multiple_of(3) { host + 1 } else { 100 + step };
        udp([10, 0, 0, host], [10, 0, 0, target], 4_444, body)
    };
    (0..72).map(attack).collect()
}

/// The lines of a type.
fn lines(text: &str, kind: &str) -> Vec<Value> {
    let strict = common::schema::strict();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a whole line of JSON"))
        .filter(|value| value["type"] == kind)
        .inspect(|value| assert_eq!(common::schema::faults(&strict, value), [""; 0]))
        .collect()
}

fn contents(text: &str, kind: &str) -> BTreeSet<String> {
    let hex = |value: &Value| value["content_hex"].as_str().expect("hex").to_owned();
    lines(text, kind).iter().map(hex).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// A folder that anybody may write to.
fn open_folder(name: &str) -> PathBuf {
    // Below /tmp: the way to the build's own folder may be closed to other users.
    let folder = std::env::temp_dir().join(format!("wormsift-live-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&folder, mode).expect("our own folder");
    folder
}

/// What a capture gives.
fn detected(trace: &str) -> BTreeSet<String> {
    let detected = run(&["detect", "--json", "--quiet", "--sampling", SAMPLING, trace]);
    let expected = contents(&stdout(&detected), "summary");
    assert!(!expected.is_empty());
    expected
}

#[cfg(feature = "pcap")]
#[test]
fn through_libpcap_it_is_the_same() {
    if !inside("live::through_libpcap_it_is_the_same") {
        return;
    }
    let expected = detected(TRACE);
    let frames = trace();
    let folder = open_folder("libpcap");
    let output = folder.join("found.jsonl");
    // The expression is true of the trace; the frames that it is not true of are ours.
    for tap in [
        &["--libpcap", "--bpf", "net 10.0.0.0/8 or net 192.168.0.0/16"][..],
        &["--bpf", "net 10.0.0.0/8 or net 192.168.0.0/16"],
    ] {
        let _ = fs::remove_file(&output);
        let arguments = ["--user", "nobody", "-o", "found.jsonl", "-q"];
        let live = Live::start(&folder, &[&arguments, tap].concat());
        assert_eq!(live.status("Seccomp"), "2");
        send(&[udp([203, 0, 113, 1], [203, 0, 113, 2], 53, &body())]);
        send(&frames);
        wait_for("a signature", || read(&output).contains("\"type\":\"signature\""));
        let (code, said) = live.stop("-TERM");
        assert_eq!((code, said.as_str()), (0, ""));
        let text = read(&output);
        assert_eq!(contents(&text, "summary"), expected, "{tap:?}");
        let stats = lines(&text, "stats").pop().expect("a last line of statistics");
        assert_eq!(stats["capture"]["frames"], frames.len(), "{stats}");
        assert_eq!(stats["capture"]["kernel_packets"], frames.len(), "{stats}");
    }
    let refused = run(&["live", "-i", "tap1", "--libpcap", "--bpf", "tcp porrt 80"]);
    assert!(common::stderr(&refused).contains("syntax error"));
    assert_ne!(code(&refused), 0);
    fs::remove_dir_all(folder).expect("our own folder");
}

#[test]
fn an_outbreak_on_the_wire_gives_the_contents_of_its_capture() {
    if !inside("live::an_outbreak_on_the_wire_gives_the_contents_of_its_capture") {
        return;
    }
    let expected = detected(TRACE);
    let frames = trace();
    for threads in ["1", "3"] {
        let folder = open_folder("outbreak");
        let output = folder.join("found.jsonl");
        let arguments =
            ["--threads", threads, "--user", "nobody", "-o", "found.jsonl", "-q"];
        let live = Live::start(&folder, &arguments);
        send(&frames);
        // Nothing more comes; time goes on by the clock, and the alarm is told.
        wait_for("a signature", || read(&output).contains("\"type\":\"signature\""));

        // Nothing is left of root.
        assert_eq!(live.status("Uid"), "65534\t65534\t65534\t65534");
        for (name, value) in [
            ("CapInh", "0000000000000000"),
            ("CapPrm", "0000000000000000"),
            ("CapEff", "0000000000000000"),
            ("CapBnd", "0000000000000000"),
            ("CapAmb", "0000000000000000"),
            ("NoNewPrivs", "1"),
            ("Seccomp", "2"),
            ("Groups", ""),
        ] {
            assert_eq!(live.status(name), value, "{name}");
        }
        let (code, said) = live.stop("-TERM");
        assert_eq!((code, said.as_str()), (0, ""));
        let text = read(&output);
        // On a busy machine packets come at other times, and alarms at other packets: what few
        // samples had shown may be a byte or two longer, and stay a signature of its own.
        for kind in ["signature", "summary"] {
            let told = contents(&text, kind);
            assert!(told.is_superset(&expected), "{threads} threads, {kind}: {told:?}");
            let are_forms = told.iter().all(|content| {
                let is_form =
                    |whole: &String| whole.contains(content) || content.contains(whole);
                expected.iter().any(is_form)
            });
            assert!(are_forms, "{threads} threads, {kind}: {told:?}");
        }
        let incident =
            lines(&text, "incident").pop().expect("what was found belongs together");
        assert_eq!(incident["kind"], "outbreak", "{incident}");
        let stats = lines(&text, "stats").pop().expect("a last line of statistics");
        let capture = &stats["capture"];
        assert_eq!(capture["frames"], frames.len(), "{capture}");
        assert_eq!(capture["kernel_packets"], frames.len(), "{capture}");
        assert_eq!(capture["kernel_drops"], 0, "{capture}");
        assert_eq!(stats["packet_counters"]["frames"], frames.len());
        assert_eq!(stats["run"]["stopped_by"], 15);
        fs::remove_dir_all(folder).expect("our own folder");
    }
}

#[test]
fn what_is_muted_is_apart_and_the_file_is_read_again() {
    if !inside("live::what_is_muted_is_apart_and_the_file_is_read_again") {
        return;
    }
    let folder = open_folder("mute");
    let [output, rules, mutes] =
        ["found.jsonl", "wormsift.rules", "wormsift.mute"].map(|name| folder.join(name));
    let bytes: String = body()[20..80].iter().map(|byte| format!("{byte:02x}")).collect();
    let entry =
        format!(r#"{{"content":"{bytes}","reason":"a scan of ours","until":"never"}}"#);
    fs::write(&mutes, format!("{entry}\nwrong\n")).expect("a file of mutes");
    let arguments = ["-o", "found.jsonl", "--rules", "wormsift.rules", "--mute"];
    let live = Live::start(&folder, &[&arguments[..], &["wormsift.mute"]].concat());
    assert!(live.said().contains("wormsift.mute: line 2: expected an entry"));
    send(&small_outbreak(&body()));
    let incident = "wormsift_muted_findings_total{type=\"incident\"} 1";
    wait_for("an incident", || get("/metrics").is_some_and(|it| it.contains(incident)));
    let page = get("/").expect("it answers");
    assert!(page.contains("without end: a scan of ours"), "{page}");
    assert_eq!(page.matches("None so far.").count(), 2, "{page}");
    assert!(!live.said().contains("found: "), "{}", live.said());

    // A file that cannot be read changes nothing.
    fs::rename(&mutes, folder.join("away")).expect("our own file");
    live.signal("-HUP");
    let kept = "the mutes in use are kept";
    wait_for("the failure", || live.said().contains(kept));
    assert!(!read(&rules).contains("alert "));
    fs::write(&mutes, "# none\n").expect("a file of mutes");
    live.signal("-HUP");
    wait_for("the rule", || read(&rules).contains("alert udp "));
    let (code, _) = live.stop("-TERM");
    assert_eq!(code, 0);
    let text = read(&output);
    let told = lines(&text, "signature");
    assert!(!told.is_empty());
    assert!(told.iter().all(|it| it["muted"]["reason"] == "a scan of ours"), "{text}");
    assert!(lines(&text, "summary").iter().all(|it| it["muted"].is_null()), "{text}");
    let stats = lines(&text, "stats").pop().expect("a last line of statistics");
    assert_eq!(stats["muted_counters"]["muted_signatures"], told.len(), "{stats}");
    fs::remove_dir_all(folder).expect("our own folder");
}

#[test]
fn what_is_seen_stands_on_the_page_and_stays_text() {
    if !inside("live::what_is_seen_stands_on_the_page_and_stays_text") {
        return;
    }
    let folder = folder("live-page");
    let live = Live::start(&folder, &["-o", "found.jsonl"]);
    let hostile = b"<script>alert(1)</script><img src=x onerror=alert(2)>\"'&lt;-->\
        </style></pre>\x1b[31m\xe2\x80\xae\xff\0<svg/onload=alert(3)>"
        .repeat(2);
    send(&small_outbreak(&hostile));
    wait_for("a signature", || get("/").is_some_and(|page| page.contains("udp/4444")));
    let page = get("/").expect("it answers");
    let (head, page) = page.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("Content-Security-Policy: default-src 'none';"), "{head}");
    for hostile in ["<script", "<img", "<svg", "\u{202e}", "\u{1b}"] {
        assert!(!page.contains(hostile), "{hostile:?}");
    }
    assert!(page.contains("&lt;script&gt;al"), "{page}");
    assert!(page.contains("propagation"), "{page}");

    // Figures follow findings by a moment.
    let all = "wormsift_packets_total{source=\"tap1\"} 72";
    wait_for("all packets", || get("/metrics").is_some_and(|page| page.contains(all)));
    let metrics = get("/metrics").expect("it answers");
    for line in [
        "wormsift_capture_dropped_packets_total{source=\"tap1\"} 0",
        "wormsift_interface_up{interface=\"tap1\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(get("/nothing").is_some_and(|page| page.starts_with("HTTP/1.1 404 ")));
    // For those who look: a browser and promtool, see .ci/live.
    if let Some(pages) = std::env::var_os("WORMSIFT_PAGES").map(PathBuf::from) {
        fs::create_dir_all(&pages).expect("a folder for pages");
        fs::write(pages.join("status.html"), page).expect("a page");
        let metrics = metrics.split_once("\r\n\r\n").expect("a head").1;
        fs::write(pages.join("metrics.txt"), metrics).expect("a page");
    }

    ip("link set tap1 down");
    wait_for("the fall", || {
        get("/health").is_some_and(|page| page.starts_with("HTTP/1.1 503 "))
    });
    ip("link set tap1 up");
    wait_for("the rise", || get("/health").is_some_and(|page| page.contains(" 200 OK")));
    let (code, said) = live.stop("-INT");
    assert_eq!(code, 130);
    for line in [
        "no capabilities, and none can be gained",
        "landlock: may write files in .",
        "seccomp: ",
        "no program can be started, no interface opened",
        "listening on tap1 with ",
        "tap1: listened for ",
        "found: ",
        "tap1: the interface is down; waiting",
        "tap1: up again",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
}

#[test]
fn a_hangup_opens_files_anew_and_suricata_is_told_of_rules() {
    if !inside("live::a_hangup_opens_files_anew_and_suricata_is_told_of_rules") {
        return;
    }
    let folder = folder("live-hangup");
    let socket =
        std::env::temp_dir().join(format!("wormsift-fake-{}", std::process::id()));
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).expect("a socket");
    let (asked, asks) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.expect("a client");
            let mut lines = BufReader::new(&client).lines();
            while let Some(Ok(line)) = lines.next() {
                (&client).write_all(b"{\"return\": \"OK\"}\n").expect("it listens");
                let _ = asked.send(line);
            }
        }
    });
    fs::write(folder.join("all.ddd"), "1\n6 0 0 262144\n").expect("a file");
    fs::write(folder.join("live.toml"), "spread = 3\n").expect("a file");
    let socket_name = socket.to_str().expect("a plain name");
    let arguments = [
        "-o",
        "found.jsonl",
        "--rules",
        "found.rules",
        "--suricata-socket",
        socket_name,
        "--bpf-ddd",
        "all.ddd",
        "--config",
        "live.toml",
        "--interval",
        "1s",
    ];
    let live = Live::start(&folder, &arguments);
    assert_eq!(read(&folder.join("found.rules")), "", "there from the start");
    send(&small_outbreak(&body()));
    let rules = || read(&folder.join("found.rules"));
    wait_for("a rule", || rules().contains("sid:1500000; rev:1;"));
    let asked: Vec<String> =
        (0..2).map(|_| asks.recv_timeout(PATIENCE).expect("a message")).collect();
    assert_eq!(
        asked,
        ["{\"version\":\"0.2\"}", "{\"command\":\"ruleset-reload-nonblocking\"}"]
    );

    fs::rename(folder.join("found.jsonl"), folder.join("old.jsonl")).expect("a file");
    fs::write(folder.join("all.ddd"), "1\n6 0 0 0\n").expect("a file");
    fs::write(folder.join("live.toml"), "spread = 4\nsources = 9\n").expect("a file");
    live.signal("-HUP");
    wait_for("a new file", || !read(&folder.join("found.jsonl")).is_empty());
    wait_for("the settings", || live.said().contains("next start: sources, spread"));
    assert!(!lines(&read(&folder.join("old.jsonl")), "signature").is_empty());
    // Nothing passes the new filter.
    send(&small_outbreak(&body()));
    fs::write(folder.join("all.ddd"), "1\n6 0 0\n").expect("a file");
    live.signal("-HUP");
    wait_for("the filter", || live.said().contains("the filter in use is kept"));
    let (code, said) = live.stop("-TERM");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("all.ddd: line 2: expected code"), "{said}");
    let stats = lines(&read(&folder.join("found.jsonl")), "stats").pop().expect("a line");
    assert_eq!(stats["capture"]["frames"], 72);

    // The next start knows the rules of the last.
    let live = Live::start(&folder, &arguments[..6]);
    assert!(rules().contains("sid:1500000; rev:1;"));
    assert!(live.said().contains("of an earlier run taken over into the rules"));
    assert_eq!(live.stop("-TERM").0, 0);
    fs::remove_file(socket).expect("our own socket");
}

#[test]
fn eve_rotates_and_a_run_has_an_end() {
    if !inside("live::eve_rotates_and_a_run_has_an_end") {
        return;
    }
    let folder = folder("live-eve");
    let arguments = [
        "-o",
        "eve.json",
        "--eve",
        "--rotate-size",
        "4KiB",
        "--rotate-keep",
        "50",
        "--interval",
        "1s",
        "--duration",
        "6s",
        "--no-sandbox",
        "--filter",
        "udp",
    ];
    let mut live = Live::start(&folder, &arguments);
    send(&small_outbreak(&body()));
    let status = live.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", live.said());
    assert!(live.said().contains("sandbox: none"), "{}", live.said());
    let mut kinds = BTreeSet::new();
    let mut files = 0;
    for entry in fs::read_dir(&folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with("eve.json") || name.contains("sids") {
            continue;
        }
        files += 1;
        for line in read(&path).lines() {
            let event: Value = serde_json::from_str(line).expect("a whole line of JSON");
            kinds.insert(event["event_type"].as_str().expect("a type").to_owned());
            if event["event_type"] == "alert" {
                assert_eq!(event["alert"]["signature_id"], 1_500_000);
            } else {
                assert!(event["stats"]["capture"]["kernel_packets"].is_u64(), "{event}");
            }
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["alert", "stats"]);
    assert!(files > 2, "{files}");
}

#[test]
fn what_was_learned_as_good_raises_no_alarm() {
    if !inside("live::what_was_learned_as_good_raises_no_alarm") {
        return;
    }
    let folder = folder("live-baseline");
    let good = common::file(&folder, "good.pcap", &common::outbreak());
    let key = common::file(&folder, "key", b"000102030405060708090a0b0c0d0e0f");
    let file = folder.join("good.baseline");
    let file = file.to_str().expect("a plain name");
    let known = ["--key-file", &key, "--sampling", SAMPLING, "--memory", "32MiB"];
    let learned = run(&[&["learn", &good, "-o", file][..], &known].concat());
    assert_eq!(code(&learned), 0, "{}", common::stderr(&learned));
    for (baseline, expected) in [(&[][..], 1), (&["--baseline", file][..], 0)] {
        let output = folder.join("found.jsonl");
        let _ = fs::remove_file(&output);
        let arguments = ["-o", "found.jsonl", "--key-file", &key];
        let live = Live::start(&folder, &[&arguments[..], baseline].concat());
        send(&small_outbreak(&body()));
        wait_for("the packets", || {
            let line = "wormsift_packets_total{source=\"tap1\"} 72";
            get("/metrics").is_some_and(|page| page.contains(line))
        });
        assert_eq!(live.stop("-TERM").0, 0);
        assert_eq!(contents(&read(&output), "summary").len(), expected);
    }
}

#[test]
fn what_was_known_an_interval_before_a_kill_is_known_again() {
    if !inside("live::what_was_known_an_interval_before_a_kill_is_known_again") {
        return;
    }
    let folder = open_folder("live-state");
    let (output, state) = (folder.join("found.jsonl"), folder.join("state"));
    let arguments = ["-o", "found.jsonl", "--state", "state", "--interval", "1s"];
    let arguments = [&arguments[..], &["--user", "nobody"]].concat();
    let signatures = || lines(&read(&output), "signature").len();
    let sent = |live: &Live| {
        send(&small_outbreak(&body()));
        let line = "wormsift_packets_total{source=\"tap1\"}";
        wait_for("the packets", || {
            get("/metrics").is_some_and(|page| {
                page.lines().any(|l| l.starts_with(line) && !l.ends_with(" 0"))
            })
        });
        assert!(live.said().is_empty(), "{}", live.said());
    };
    let live = Live::start(&folder, &[&arguments[..], &["-q"]].concat());
    sent(&live);
    wait_for("a signature", || signatures() == 1);
    let time = || fs::metadata(&state).and_then(|state| state.modified()).ok();
    let before = time();
    wait_for("a state", || time() > before);
    // As `kill -9` does.
    drop(live);

    // The same again is nothing new.
    let live = Live::start(&folder, &[&arguments[..], &["-q"]].concat());
    sent(&live);
    let before = time();
    wait_for("a state", || time() > before);
    assert_eq!(live.stop("-TERM").0, 0);
    assert_eq!(signatures(), 1);

    // A damaged state is kept aside, and all is new.
    let mut bytes = fs::read(&state).expect("a state");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&state, bytes).expect("our own file");
    let live = Live::start(&folder, &arguments);
    wait_for("the warning", || live.said().contains("damaged"));
    let said = live.said();
    assert!(said.contains("state.refused, the sensor starts without it"), "{said}");
    assert!(folder.join("state.refused").exists());
    send(&small_outbreak(&body()));
    wait_for("a signature", || signatures() == 2);
    assert_eq!(live.stop("-TERM").0, 0);
    fs::remove_dir_all(folder).expect("our own folder");
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    if !inside("live::what_cannot_be_done_is_said_in_one_line") {
        return;
    }
    let folder = folder("live-wrong");
    let bpf = common::file(&folder, "wrong.ddd", b"3\n");
    for (arguments, expected, line) in [
        (vec!["-i", "nothing"], 1, "nothing: cannot find the interface: No such device"),
        (vec!["-i", "tap1", "--user", "nobody-of-this-name"], 2, "there is no such user"),
        (
            vec!["-i", "tap1", "--bpf-ddd", &bpf],
            2,
            "wrong.ddd: line 2: expected instruction 1",
        ),
        (vec!["-i", "tap1", "--eve"], 2, "--eve to stdout needs --sids"),
        (
            vec!["-i", "tap1", "-o", "/no/such/folder/file"],
            2,
            "--output /no/such/folder/file: the folder /no/such/folder does not exist",
        ),
        (vec!["-i", "tap1", "--ring-size", "1MiB"], 2, "2MiB to 64GiB"),
    ] {
        let output = run(&[&["live"][..], &arguments].concat());
        let said = common::stderr(&output);
        assert_eq!(code(&output), expected, "{said}");
        assert!(said.contains(line), "{line} in {said}");
    }
    let mut live = Live::start(&folder, &["-o", "found.jsonl"]);
    ip("link del tap1");
    let status = live.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(1));
    assert!(live.said().contains("tap1: the interface is gone"), "{}", live.said());
    assert!(!lines(&read(&folder.join("found.jsonl")), "stats").is_empty());
}
