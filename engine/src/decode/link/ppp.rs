//! The framings of PPP: bare, in HDLC-like framing, and with a direction. What it carries
//! is read where tunnels carry it too ([`tunnel::ppp`]).

use super::super::{Context, Outcome, tunnel};
use super::{after, hdlc};

/// PPP with or without framing, or Cisco HDLC, whichever the first byte says.
pub(super) fn link<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    match data.first() {
        Some(&(hdlc::UNICAST | hdlc::MULTICAST)) => hdlc::cisco(context, data),
        _ => tunnel::ppp(context, data),
    }
}

/// A byte for the direction, then PPP as [`link`] reads it.
pub(super) fn with_direction<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    link(context, after(data, 1)?)
}

/// Linux's pppd: the direction stands in place of the address byte.
pub(super) fn pppd<'a>(context: &Context, data: &'a [u8]) -> Outcome<'a> {
    /// The control byte of HDLC-like framing (RFC 1662).
    const CONTROL: u8 = 0x03;
    match after(data, 1)? {
        [CONTROL, rest @ ..] => tunnel::ppp_protocol(context, rest),
        rest => tunnel::ppp(context, rest),
    }
}
