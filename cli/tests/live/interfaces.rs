//! Several interfaces at once.

use super::*;

/// Each packet passes both interfaces, now one first, now the other.
#[test]
fn what_two_interfaces_see_counts_once() {
    if !inside("live::interfaces::what_two_interfaces_see_counts_once") {
        return;
    }
    ip("link add tap2 numrxqueues 1 type veth peer name tap3");
    ip("link set tap2 addrgenmode none arp off up");
    ip("link set tap3 addrgenmode none arp off up");
    let frames = small_outbreak(&body());
    let sent = frames.len() as u64;
    for (site, copies) in [(&[][..], sent), (&["--site", "lab"], 0)] {
        let folder = open_folder("interfaces");
        let output = folder.join("found.jsonl");
        let arguments = ["-i", "tap3", "--user", "nobody", "-o", "found.jsonl", "-q"];
        let live = Live::start(&folder, &[site, &arguments].concat());
        let wires =
            ["tap0", "tap2"].map(|name| Sender::open(name).expect("the wire is up"));
        for (at, frame) in frames.iter().enumerate() {
            for wire in [at % 2, 1 - at % 2] {
                assert_eq!(wires[wire].send(&[frame]).expect("the wire is up"), 1);
            }
            std::thread::sleep(Duration::from_micros(600));
        }
        wait_for("a signature", || read(&output).contains("\"type\":\"signature\""));
        let (code, said) = live.stop("-TERM");
        assert_eq!((code, said.as_str()), (0, ""));
        let text = read(&output);
        let stats = lines(&text, "stats").pop().expect("a last line of statistics");
        let taps = stats["tap_counters"].as_array().expect("a list");
        let names: Vec<&Value> = taps.iter().map(|it| &it["tap"]).collect();
        assert_eq!(names, ["tap1", "tap3"]);
        let count =
            |name: &str| [0, 1].map(|tap| taps[tap][name].as_u64().expect("a count"));
        assert_eq!(count("packets"), [sent; 2], "{stats}");
        let merged = ["merged_early", "merged_late"].map(|name| &stats["capture"][name]);
        assert_eq!(merged, [0, 0], "{stats}");
        assert_eq!(count("duplicates").iter().sum::<u64>(), copies, "{stats}");
        let found = lines(&text, "summary").pop().expect("a last word");
        let sources = found["source_list"].as_array().expect("a list");
        let of_lab = |it: &&Value| it.as_str().is_some_and(|it| it.ends_with("%lab"));
        let of_lab = sources.iter().filter(of_lab).count();
        match site {
            // Copies of the first packets came before the content was watched.
            [] => assert!(found["packets"] == sent && of_lab == 0, "{found}"),
            _ => assert!(
                found["packets"] == 2 * sent && 2 * of_lab == sources.len(),
                "{found}"
            ),
        }
        let taps = found["taps"].as_array().expect("both");
        let names: Vec<&Value> = taps.iter().map(|it| &it["tap"]).collect();
        assert_eq!(names, ["tap1", "tap3"]);
    }
}

/// One goes down, comes back, and is removed: each time it is named, and the other goes on.
#[test]
fn one_of_two_interfaces_may_go() {
    if !inside("live::interfaces::one_of_two_interfaces_may_go") {
        return;
    }
    ip("link add tap2 numrxqueues 1 type veth peer name tap3");
    ip("link set tap2 addrgenmode none arp off up");
    ip("link set tap3 addrgenmode none arp off up");
    let folder = folder("live-two");
    let mut live = Live::start(&folder, &["-i", "tap3", "-o", "found.jsonl"]);
    let frames = small_outbreak(&body());
    let has_all = |lines: &[&str]| {
        let page = get("/metrics").unwrap_or_default();
        lines.iter().all(|line| page.lines().any(|it| it == *line))
    };
    let says = |live: &Live, line: &str| {
        wait_for(line, || live.said().lines().any(|it| it.ends_with(line)));
    };
    // Its own taps are no change of settings.
    live.signal("-HUP");
    says(&live, "filter and mutes read again");

    ip("link set tap3 down");
    says(&live, "tap3: the interface is down; waiting");
    let down = "wormsift_interface_up{interface=\"tap3\"} 0";
    wait_for("the metric", || {
        has_all(&["wormsift_interface_up{interface=\"tap1\"} 1", down])
    });
    assert!(get("/health").is_some_and(|page| page.contains(" 200 OK")));
    assert!(get("/").is_some_and(|page| page.contains("tap3: the interface is down")));
    send(&frames);
    let figures = [
        "wormsift_packets_total{source=\"tap1\"} 72",
        "wormsift_packets_total{source=\"tap3\"} 0",
        "wormsift_capture_received_packets_total{source=\"tap1\"} 72",
        "wormsift_capture_dropped_packets_total{source=\"tap3\"} 0",
        "wormsift_tap_packets_total{tap=\"tap1\"} 72",
        "wormsift_tap_duplicates_forgotten_total{tap=\"tap1\"} 0",
        "wormsift_merged_early_packets_total 0",
        "wormsift_merged_late_packets_total 0",
    ];
    wait_for("the figures", || has_all(&figures));

    ip("link set tap1 down");
    says(&live, "tap1: the interface is down; waiting");
    wait_for("the fall", || {
        get("/health").is_some_and(|page| page.starts_with("HTTP/1.1 503 "))
    });
    ip("link set tap3 up");
    says(&live, "tap3: up again");
    ip("link set tap1 up");
    says(&live, "tap1: up again");

    ip("link del tap3");
    says(&live, "tap3: the interface is gone; going on without it");
    assert!(has_all(&[down]));
    send(&frames);
    wait_for("the rest", || has_all(&["wormsift_packets_total{source=\"tap1\"} 144"]));
    // What cannot be done any more to the one that is gone does not matter.
    live.signal("-HUP");
    ip("link del tap1");
    let status = live.child.wait().expect("it ends");
    let said = live.said();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.lines().any(|it| it.ends_with("tap1: the interface is gone")), "{said}");
    assert!(!said.contains("next start"), "{said}");
    for name in ["tap1", "tap3"] {
        let up = format!("{name}: up again");
        assert_eq!(said.matches(&up).count(), 1, "{said}");
    }
    assert_eq!(said.matches("going on without it").count(), 1, "{said}");
    let stats = lines(&read(&folder.join("found.jsonl")), "stats").pop().expect("a line");
    assert_eq!(stats["capture"]["frames"], 144, "{stats}");
    assert_eq!(stats["capture"]["merged_late"], 0, "{stats}");
}
