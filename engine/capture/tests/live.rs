//! Frames over a pair of virtual interfaces: each test runs itself again inside a network
//! namespace of its own, which ends with it. Where that is not permitted it says so and
//! does nothing.
#![cfg(target_os = "linux")]

#[path = "../../tests/common/environment.rs"]
mod environment;
#[path = "common/namespace.rs"]
mod namespace;

use namespace::inside;
use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;
use wormsift::packet::LinkType;
use wormsift_capture::live::{
    BpfProgram, LiveSettings, Rings, Sender, Waited, wait_for_any,
};

/// An Ethernet frame with IPv4 and UDP, of a flow and with a number in its payload.
fn frame(flow: u8, number: u32, length: usize, vlan: Option<u16>) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    if let Some(tci) = vlan {
        frame.extend([0x81, 0x00]);
        frame.extend(tci.to_be_bytes());
    }
    let payload = length.max(4) as u16;
    frame.extend([0x08, 0x00, 0x45, 0x00]);
    frame.extend((28 + payload).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, flow, 10, 9, 9, 9]);
    frame.extend([0x10, flow, 0, 53]);
    frame.extend((8 + payload).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(number.to_be_bytes());
    frame.resize(frame.len() + usize::from(payload) - 4, flow);
    frame
}

fn send_all(sender: &Sender, frames: &[Vec<u8>]) {
    let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let mut sent = 0;
    while sent < frames.len() {
        sent += sender.send(&frames[sent..]).expect("the wire is up");
    }
}

/// All that comes until nothing more does.
fn receive(rings: &mut Rings) -> Vec<Vec<u8>> {
    let mut received = Vec::new();
    let mut last = 0;
    while rings.wait(Rings::HAND_OVER * 3).expect("the wire is up") {
        let batch = rings.batch();
        for frame in batch.frames() {
            last += 1;
            assert_eq!(frame.number, last);
            received.push(frame.data.to_vec());
        }
        assert!(batch.frames().is_sorted_by_key(|frame| frame.time));
    }
    received
}

#[test]
fn what_is_sent_is_received_whole_and_in_order() {
    if !inside("what_is_sent_is_received_whole_and_in_order") {
        return;
    }
    let sent: Vec<Vec<u8>> = (0..3_000_u32)
        .map(|n| {
            let vlan = (n % 3 == 0).then_some(0x2000 | (n % 4_000) as u16);
            frame((n % 7) as u8, n, n as usize % 1_300, vlan)
        })
        .collect();
    let mut rings = Rings::open(&LiveSettings::new("tap1")).unwrap();
    assert_eq!(rings.link(), LinkType::ETHERNET);
    send_all(&Sender::open("tap0").unwrap(), &sent);
    let received = receive(&mut rings);
    assert!(sent == received, "{} of {} frames", received.len(), sent.len());
    let counters = rings.counters().unwrap();
    assert_eq!((counters.frames, counters.kernel_drops), (3_000, 0));
    assert_eq!(counters.kernel_packets, 3_000);
    assert_eq!((counters.vlan_restored, counters.cut), (1_000, 0));
    let bytes: usize = sent.iter().map(Vec::len).sum();
    assert_eq!(counters.bytes, bytes as u64);
}

#[test]
fn several_rings_share_the_frames_and_keep_each_flow_in_order() {
    if !inside("several_rings_share_the_frames_and_keep_each_flow_in_order") {
        return;
    }
    let mut settings = LiveSettings::new("tap1");
    settings.rings = 3.try_into().unwrap();
    settings.ring_bytes = 8 << 20;
    let mut rings = Rings::open(&settings).unwrap();
    assert_eq!((rings.len(), rings.memory_bytes()), (3, 24 << 20));
    let sent: Vec<Vec<u8>> =
        (0..4_000_u32).map(|n| frame((n % 64) as u8, n, 300, None)).collect();
    send_all(&Sender::open("tap0").unwrap(), &sent);
    let received = receive(&mut rings);
    assert_eq!(received.len(), sent.len());
    let by_flow = |frames: &[Vec<u8>]| {
        let mut flows = BTreeMap::<u8, Vec<Vec<u8>>>::new();
        for frame in frames {
            flows.entry(frame[29]).or_default().push(frame.clone());
        }
        flows
    };
    assert!(by_flow(&received) == by_flow(&sent));
    assert_eq!(rings.counters().unwrap().kernel_packets, 4_000);
}

#[test]
fn the_kernel_filters_and_cuts() {
    if !inside("the_kernel_filters_and_cuts") {
        return;
    }
    let mut settings = LiveSettings::new("tap1");
    settings.snaplen = 100;
    // tcpdump -ddd -y EN10MB 'src host 10.0.0.3'
    let three =
        "6\n40 0 0 12\n21 0 3 2048\n32 0 0 26\n21 0 1 167772163\n6 0 0 262144\n6 0 0 0\n";
    let three = BpfProgram::from_ddd(three).unwrap();
    settings.filter = Some(three.clone());
    let mut rings = Rings::open(&settings).unwrap();
    let sender = Sender::open("tap0").unwrap();
    let sent: Vec<Vec<u8>> =
        (0..40_u32).map(|n| frame((n % 4) as u8, n, 500, None)).collect();
    send_all(&sender, &sent);
    let mut count = 0;
    while rings.wait(Rings::HAND_OVER * 3).unwrap() {
        for frame in rings.batch().frames() {
            assert_eq!((frame.data.len(), frame.data[29]), (100, 3));
            assert_eq!(frame.original_len as usize, sent[0].len());
            count += 1;
        }
    }
    let counters = rings.counters().unwrap();
    assert_eq!((count, counters.cut, counters.kernel_packets), (10, 10, 10));

    // Another filter while receiving, then none at all, then nothing.
    rings.set_filter(None).unwrap();
    send_all(&sender, &sent);
    while rings.wait(Rings::HAND_OVER * 3).unwrap() {
        count += rings.batch().len();
    }
    assert_eq!(count, 50);
    rings.set_filter(Some(&three)).unwrap();
    rings.stop_receiving().unwrap();
    send_all(&sender, &sent);
    assert!(!rings.wait(Rings::HAND_OVER * 3).unwrap());
    assert_eq!(rings.counters().unwrap().frames, 50);
}

#[test]
fn what_finds_no_room_is_counted() {
    if !inside("what_finds_no_room_is_counted") {
        return;
    }
    let mut settings = LiveSettings::new("tap1");
    settings.ring_bytes = 2 << 20;
    let mut rings = Rings::open(&settings).unwrap();
    let sent: Vec<Vec<u8>> = (0..6_000_u32).map(|n| frame(1, n, 1_400, None)).collect();
    send_all(&Sender::open("tap0").unwrap(), &sent);
    let received = receive(&mut rings).len() as u64;
    let counters = rings.counters().unwrap();
    assert!(counters.kernel_drops > 3_000, "{counters:?}");
    assert!(counters.kernel_freezes > 0, "{counters:?}");
    assert_eq!(counters.kernel_packets, 6_000);
    assert_eq!(received + counters.kernel_drops, 6_000);
    // And on it goes.
    send_all(&Sender::open("tap0").unwrap(), &sent[..10]);
    while rings.wait(Rings::HAND_OVER * 3).unwrap() {
        drop(rings.batch());
    }
    assert_eq!(rings.counters().unwrap().frames, received + 10);
}

#[test]
fn loopback_shows_each_frame_once_and_a_lost_interface_is_told() {
    if !inside("loopback_shows_each_frame_once_and_a_lost_interface_is_told") {
        return;
    }
    let mut rings = Rings::open(&LiveSettings::new("lo")).unwrap();
    let [one, two] = [0, 0].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    for _ in 0..5 {
        one.send_to(b"hello", two.local_addr().unwrap()).unwrap();
    }
    assert_eq!(receive(&mut rings).len(), 5);

    let mut any = Rings::open(&LiveSettings::new("any")).unwrap();
    assert_eq!(any.link(), LinkType::RAW);
    send_all(&Sender::open("tap0").unwrap(), &[frame(1, 7, 50, None)]);
    // It is seen coming in (a sender goes round what would see it go out), from IP on.
    let frames = receive(&mut any);
    assert_eq!(frames, vec![frame(1, 7, 50, None)[14..].to_vec()]);

    let rings = Rings::open(&LiveSettings::new("tap1")).unwrap();
    assert!(rings.is_present());
    let ip = |line: &str| Command::new("ip").args(line.split(' ')).status().unwrap();
    assert!(ip("link set tap1 down").success());
    let error = rings.wait(Duration::from_secs(5)).unwrap_err();
    assert!(error.is_down(), "{error}");
    assert!(!rings.wait(Duration::from_millis(1)).unwrap(), "said once");
    assert!(ip("link del tap1").success());
    assert!(!rings.is_present());
    for name in ["tap1", "", "a-name-longer-than-any-interface"] {
        let error = Rings::open(&LiveSettings::new(name)).err().unwrap().to_string();
        assert!(error.contains("cannot find the interface"), "{error}");
    }
}

#[test]
fn a_batch_says_what_it_leaves_behind() {
    if !inside("a_batch_says_what_it_leaves_behind") {
        return;
    }
    let open = |name| {
        let mut settings = LiveSettings::new(name);
        settings.ring_bytes = 16 << 20;
        Rings::open(&settings).expect("it opens")
    };
    let (mut busy, idle) = (open("tap1"), open("lo"));
    let sender = Sender::open("tap0").expect("the wire is up");
    let frames: Vec<Vec<u8>> = (0..6_000).map(|at| frame(1, at, 1_400, None)).collect();
    // Eight blocks, of which a batch takes four.
    send_all(&sender, &frames);
    std::thread::sleep(Rings::HAND_OVER * 2);
    let mut waited = [Waited::Rings(&idle), Waited::Rings(&busy)];
    let told =
        wait_for_any(&mut waited, Duration::from_secs(60)).expect("both are polled");
    let told: Vec<bool> = told.into_iter().map(|it| it.expect("both are up")).collect();
    assert_eq!(told, [false, true]);
    let (mut seen, mut marks) = (0, Vec::new());
    loop {
        let batch = busy.batch();
        let Some(last) = batch.frames().last().map(|frame| frame.time) else { break };
        seen += batch.len();
        match batch.handed_over() {
            Some(mark) => assert_eq!(mark, last),
            None => assert_eq!(seen, frames.len()),
        }
        marks.push(batch.handed_over());
    }
    assert_eq!(seen, frames.len());
    assert!(marks.len() > 1 && marks[..marks.len() - 1].iter().all(Option::is_some));
}
