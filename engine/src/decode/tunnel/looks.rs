//! Whether bytes can be the beginning of a packet or a frame.
//!
//! Asked where a header does not say what follows it. The answer looks at a fixed number
//! of bytes and goes down no further, so that guesses in guesses cannot multiply.

use super::super::link::{ethertype, tags};
use super::super::names::{self, ETHERTYPES};
use super::Context;

/// An IPv4 or IPv6 header with lengths that fit what is there.
pub(super) fn ip(context: &Context<'_>, data: &[u8]) -> bool {
    match data.first().map(|first| first >> 4) {
        Some(4) => v4(context, data),
        Some(6) => v6(context, data),
        _ => false,
    }
}

pub(super) fn v4(context: &Context<'_>, data: &[u8]) -> bool {
    let Some(header) = data.first_chunk::<20>() else { return false };
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    header[0] >> 4 == 4
        && header_len >= 20
        && (total_len == 0 || total_len >= header_len)
        && (context.cut || total_len <= data.len())
}

pub(super) fn v6(context: &Context<'_>, data: &[u8]) -> bool {
    let Some(header) = data.first_chunk::<40>() else { return false };
    let payload_len = usize::from(u16::from_be_bytes([header[4], header[5]]));
    header[0] >> 4 == 6 && (context.cut || payload_len <= data.len() - 40)
}

/// What an Ethernet type says is there.
pub(super) fn network(context: &Context<'_>, ethertype: u16, data: &[u8]) -> bool {
    match ethertype {
        ethertype::IPV4 => v4(context, data),
        ethertype::IPV6 => v6(context, data),
        names::ARP => data.starts_with(&[0, 1, 8, 0]),
        ethertype::PPPOE_SESSION => data.starts_with(&[0x11, 0]),
        ethertype::MPLS => data.len() > 4,
        0..=ethertype::LENGTH_MAX => {
            // LLC with equal access points, as SNAP and spanning tree have them.
            let fits = context.cut || usize::from(ethertype) <= data.len();
            ethertype >= 3
                && fits
                && matches!(data, [dsap, ssap, 3, ..] if dsap == ssap && *dsap != 0)
        }
        other => {
            tags::find(other).is_some() || names::find(ETHERTYPES, other.into()).is_some()
        }
    }
}

/// An Ethernet frame with up to three VLAN tags.
pub(super) fn ethernet(context: &Context<'_>, data: &[u8]) -> bool {
    let mut rest = data.get(12..).unwrap_or_default();
    for _ in 0..4 {
        let Some((field, after)) = rest.split_first_chunk() else { return false };
        match u16::from_be_bytes(*field) {
            ethertype::VLAN | ethertype::PROVIDER_VLAN => {
                rest = after.get(2..).unwrap_or_default();
            }
            ethertype => return network(context, ethertype, after),
        }
    }
    false
}
