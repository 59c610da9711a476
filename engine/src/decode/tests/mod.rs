//! Frames are built by hand here, with no code of the module but its constants'
//! meaning, so that a shared mistake cannot hide.

mod encapsulations;
mod layers;
mod link_frames;
mod link_tables;
mod links;
mod oracle;
mod reassembly;
mod robustness;
mod tshark;
mod tunnels;

use super::{Decoded, Decoder, Drop, Fragment};
use crate::packet::{Frame, LinkType, Packet, Timestamp, protocol};

const SOURCE_4: [u8; 4] = [192, 0, 2, 1];
const DESTINATION_4: [u8; 4] = [198, 51, 100, 2];
const SOURCE_6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const DESTINATION_6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// The frame with number 7 at time 9, decoded through tunnels, checksums ignored.
fn decode(link: LinkType, data: &[u8]) -> Decoded<'_> {
    Decoder::new(true, false).frame(&frame(link, data))
}

fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
    Frame {
        number: 7,
        time: Timestamp::from_nanos(9),
        link,
        original_len: data.len() as u32,
        tap: 0,
        data,
    }
}

#[track_caller]
fn packet(link: LinkType, data: &[u8]) -> Packet<'_> {
    match decode(link, data) {
        Decoded::Packet(packet) => packet,
        other => panic!("no packet but {other:?}"),
    }
}

#[track_caller]
fn fragment(link: LinkType, data: &[u8]) -> Fragment<'_> {
    match decode(link, data) {
        Decoded::Fragment(fragment) => fragment,
        other => panic!("no fragment but {other:?}"),
    }
}

#[track_caller]
fn dropped(link: LinkType, data: &[u8]) -> Drop {
    match decode(link, data) {
        Decoded::Drop(reason) => reason,
        other => panic!("not dropped but {other:?}"),
    }
}

/// Whether it is the packet of [`sample`], with the payload "wormsift".
#[track_caller]
fn assert_sample(packet: &Packet<'_>) {
    assert_eq!((packet.number, packet.time.as_nanos()), (7, 9));
    assert_eq!(packet.protocol, protocol::UDP);
    assert_eq!((packet.source_port, packet.destination_port), (1_234, 5_678));
    assert_eq!(packet.payload, b"wormsift");
    if packet.source.is_ipv4() {
        assert_eq!(packet.source, std::net::IpAddr::from(SOURCE_4));
        assert_eq!(packet.destination, std::net::IpAddr::from(DESTINATION_4));
    } else {
        assert_eq!(packet.source, std::net::IpAddr::from(SOURCE_6));
        assert_eq!(packet.destination, std::net::IpAddr::from(DESTINATION_6));
    }
}

/// An IPv4 packet that [`assert_sample`] knows again.
fn sample() -> Vec<u8> {
    v4(17, &udp(1_234, 5_678, b"wormsift"))
}

/// The same in IPv6.
fn sample_6() -> Vec<u8> {
    v6(17, &udp(1_234, 5_678, b"wormsift"))
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[2; 6], &[4; 6], &ethertype.to_be_bytes(), payload])
}

/// A VLAN tag's bytes after its own Ethernet type, priority bits set.
fn vlan(id: u16, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&(0xa000 | id).to_be_bytes(), &ethertype.to_be_bytes(), payload])
}

fn v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    v4_at(protocol, 0, payload)
}

/// An IPv4 packet with the given flags and fragment offset.
fn v4_at(protocol: u8, position: u16, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len()) as u16;
    let mut header = join(&[
        &[0x45, 0],
        &total.to_be_bytes(),
        &[0xbe, 0xef],
        &position.to_be_bytes(),
        &[64, protocol, 0, 0],
        &SOURCE_4,
        &DESTINATION_4,
    ]);
    let sum = ones_complement(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    join(&[&header, payload])
}

fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    join(&[
        &[0x60, 0, 0, 0],
        &(payload.len() as u16).to_be_bytes(),
        &[next, 64],
        &SOURCE_6,
        &DESTINATION_6,
        payload,
    ])
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    join(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &((8 + payload.len()) as u16).to_be_bytes(),
        &[0, 0],
        payload,
    ])
}

/// A TCP segment with 4 bytes of options.
fn tcp(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    join(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &[1, 2, 3, 4, 5, 6, 7, 8, 0x60, flags, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0],
        payload,
    ])
}

/// The checksum that makes `bytes`, with zeros in its field, hold.
fn ones_complement(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
