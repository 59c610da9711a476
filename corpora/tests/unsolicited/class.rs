//! The class of a packet to a dark address, by the written rules, from its bytes alone.

use crate::common::Parsed;
use wormsift_corpora::ground_truth::DarkClasses;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Backscatter,
    Scan,
    Probe,
    Other,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

pub(super) fn class_of(packet: &Parsed<'_>) -> Class {
    let payload = packet.payload;
    match packet.protocol {
        1 => match packet.ports[1] >> 8 {
            // Echo, time stamp, information and mask replies; errors.
            0 | 14 | 16 | 18 | 3 | 4 | 5 | 11 | 12 => Class::Backscatter,
            8 => Class::Scan,
            _ => Class::Other,
        },
        6 if packet.flags & RST != 0 || packet.flags & (SYN | ACK) == SYN | ACK => {
            Class::Backscatter
        }
        6 if packet.flags & (SYN | FIN) == SYN && payload.is_empty() => Class::Scan,
        17 if is_answer(packet) => Class::Backscatter,
        17 if payload.len() < 16 => Class::Scan,
        _ if !payload.is_empty() => Class::Probe,
        _ => Class::Other,
    }
}

/// From the port of a service, and of the form of an answer.
fn is_answer(packet: &Parsed<'_>) -> bool {
    let payload = packet.payload;
    match packet.ports[0] {
        53 => payload.len() >= 12 && payload[2] & 0x80 != 0,
        443 => payload.len() > 5 && payload[0] & 0xc0 == 0xc0,
        _ => false,
    }
}

pub(super) fn add(classes: &mut DarkClasses, class: Class) {
    *match class {
        Class::Backscatter => &mut classes.backscatter,
        Class::Scan => &mut classes.scan,
        Class::Probe => &mut classes.probe,
        Class::Other => &mut classes.other,
    } += 1;
}
