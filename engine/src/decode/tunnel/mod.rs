//! Packets in packets: one family of encapsulations a file.
//!
//! A tunnel is believed when its header is as its standard says and what it carries is
//! read. Otherwise the outer packet counts, whole, and its payload is sifted; where the
//! header was in order and only the inside is not read, that is noted
//! (`Context::unread`). A header that is only likely by its port must be in order in all
//! its fixed parts before anything is noted.
//!
//! Each tunnel passed counts towards [`MAX_DEPTH`](super::MAX_DEPTH).

mod ayiya;
mod capwap;
mod erspan;
mod geneve;
mod gre;
mod gtp;
mod gue;
mod ip;
mod l2tp;
mod lisp;
mod looks;
mod macsec;
mod mpls;
mod nsh;
pub(super) mod ports;
mod ppp;
mod pppoe;
mod sealed;
mod teredo;
mod tzsp;
mod vxlan;

pub(super) use ip::{ICMP_ECHO_TYPES, PROTOCOLS, ip_in_echo};
pub(super) use macsec::macsec;
pub(super) use mpls::mpls;
pub(super) use nsh::nsh;
pub(super) use ppp::{ppp, protocol as ppp_protocol};
pub(super) use pppoe::pppoe;
pub(super) use vxlan::{looks_like as looks_like_vxlan, suspected as suspected_vxlan};

use super::encapsulation::Wrapping;
use super::link::{self, ethertype, header};
use super::names::Tunnel;
use super::{Context, Decoded, Drop, Fragment, Layer, Network, Outcome};
use crate::packet::Packet;

/// Reads what is behind a header that was recognised.
type Decode = for<'a> fn(&Context<'_>, &'a [u8]) -> Outcome<'a>;

/// The inner packet where there is one; else the outer one, for then it was no
/// tunnel, or one of something else than IP.
///
/// A few reasons stand nevertheless: the inner packet exists but must not be
/// used, or it may exist and the capture cut its headers off.
pub(super) fn inner_or_outer<'a>(
    context: &Context<'_>,
    network: &Network,
    inner: Outcome<'a>,
    outer: Packet<'a>,
) -> Outcome<'a> {
    match inner {
        Err(reason) if reason.is_final() || (reason.is_short() && !network.whole) => {
            Err(reason)
        }
        Err(_) => Ok(Decoded::Packet(outer)),
        Ok(found) => Ok(match context.decoder.trusts(network) {
            true => found,
            false => from_untrusted_tunnel(found),
        }),
    }
}

fn from_untrusted_tunnel(found: Decoded<'_>) -> Decoded<'_> {
    match found {
        Decoded::Packet(packet) => {
            Decoded::Packet(Packet { untrusted_tunnel: true, ..packet })
        }
        Decoded::Fragment(fragment) => {
            Decoded::Fragment(Fragment { untrusted_tunnel: true, ..fragment })
        }
        Decoded::Drop(reason) => Decoded::Drop(reason),
    }
}

/// What a tunnel header with an Ethernet type carries.
fn carried<'a>(inner: &Context<'_>, ethertype: u16, data: &'a [u8]) -> Outcome<'a> {
    match ethertype {
        ethertype::ETHERNET => link::ethernet(inner, data),
        ethertype => link::network(inner, ethertype, data),
    }
}

/// What a header with the numbers of NSH (RFC 8300) and VXLAN-GPE carries: they are the
/// same for all that is read.
fn carried_by_next_protocol<'a>(
    inner: &Context<'_>,
    next: u8,
    data: &'a [u8],
    tunnel: Tunnel,
) -> Outcome<'a> {
    match next {
        1 => super::ip::v4(inner, data),
        2 => super::ip::v6(inner, data),
        3 => link::ethernet(inner, data),
        4 => nsh(inner, data),
        5 => mpls(*inner, data),
        _ => Err(inner.unread_inside(tunnel)),
    }
}
