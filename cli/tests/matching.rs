//! `wormsift match`: the packets that signatures match.

use crate::common::{
    code, file, folder, outbreak, outbreak_frames, pcap, run, stderr, stdout, udp,
};

#[test]
fn the_packets_that_carry_the_body_are_counted_and_no_others() {
    let folder = folder("match");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let lines = run(&["detect", "--json", &capture]);
    let lines = file(&folder, "found.jsonl", &lines.stdout);
    let output = run(&["match", "--json", "--hits", "--signatures", &lines, &capture]);
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    let lines_out: Vec<serde_json::Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_type = |kind: &str| -> Vec<&serde_json::Value> {
        lines_out.iter().filter(|line| line["type"] == kind).collect()
    };
    // 24 hosts send the body to three others each; a line of talk follows each.
    assert_eq!(of_type("hit").len(), 72);
    assert_eq!(of_type("matches")[0]["packets"], 72);
    assert_eq!(of_type("match_stats")[0]["packets"], 144);
    assert!(of_type("hit").iter().all(|hit| hit["destination_port"] == 4_444));
    for threads in ["1", "3"] {
        let other = run(&[
            "match",
            "--json",
            "--hits",
            "--threads",
            threads,
            "--batch",
            "7",
            "--signatures",
            &lines,
            &capture,
        ]);
        assert_eq!(stdout(&other), stdout(&output));
    }
    let table = stdout(&run(&["match", "--signatures", &lines, &capture]));
    assert!(table.contains("72 of 144 packets matched by 1 signature"), "{table}");
}

/// VXLAN between one pair of ends, at a port of its own.
#[test]
fn vxlan_is_opened_at_the_ports_that_are_named() {
    let folder = folder("match_vxlan");
    let tunnelled = outbreak_frames().into_iter().map(|frame| {
        let inside = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &frame].concat();
        udp([192, 0, 2, 1], [192, 0, 2, 2], 9_999, &inside)
    });
    let capture = file(&folder, "tunnel.pcap", &pcap(&tunnelled.collect::<Vec<_>>()));
    let port = ["--vxlan-ports", "9999"];
    let found = stdout(&run(&["detect", "--json", port[0], port[1], &capture]));
    let id =
        serde_json::from_str::<serde_json::Value>(found.lines().next().unwrap()).unwrap();
    let id = id["id"].as_str().unwrap().to_owned();
    let lines = file(&folder, "found.jsonl", found.as_bytes());
    let matching = ["match", "--signatures", &lines, &capture];
    let table = stdout(&run(&[&matching[..], &port].concat()));
    assert!(table.contains("72 of 144 packets matched by 1 signature"), "{table}");
    let table = stdout(&run(&matching));
    assert!(table.contains("0 of 144 packets matched by"), "{table}");
    let explain = ["explain", &id, "--signatures", &lines, &capture];
    let text = stdout(&run(&[&explain[..], &port].concat()));
    assert!(text.contains("chain: 24 hosts sent it in 72 packets"), "{text}");
    let refused = run(&[&matching[..], &["--vxlan-ports", "0"]].concat());
    assert_eq!(code(&refused), 2);
    assert!(
        stderr(&refused).contains("--vxlan-ports: expected 1 to 16 ports"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = folder("match_damaged");
    let signatures = file(&folder, "none.jsonl", b"not json\n");
    let capture = file(&folder, "outbreak.pcap", &outbreak());
    let output = run(&["match", "--signatures", &signatures, &capture]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("none.jsonl: line 1: "));
    assert!(stdout(&output).contains("0 of 144 packets matched by 0 signatures"));
}
