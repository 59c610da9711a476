//! How a body is carried across the tap: protocol, segments, order, fragments, tunnel.
//!
//! A detector that looks at single packets can be evaded in many ways. Each carriage is
//! one of them, so that a test can name what it defeats.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::error::CorpusError;
use crate::frame_builder::{FrameBuilder, Tunnel, TunnelKind};
use crate::ground_truth::Protocol;
use crate::link::Emitter;

/// How a body is carried. The default is one UDP datagram over IPv4.
///
/// Its text form lists what differs from that, joined by commas:
/// `tcp:536,reorder,ipv6,vlan:7,vxlan:42`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carriage {
    /// Over TCP, in segments of so many bytes.
    pub tcp_segment: Option<usize>,
    /// Every tenth pair of segments is swapped.
    pub reorder: bool,
    /// Every tenth segment is seen twice.
    pub duplicates: bool,
    /// Every tenth segment is sent again after the three that follow it.
    pub retransmissions: bool,
    /// In front of the body, a segment of random bytes one million bytes ahead.
    pub far_ahead_fake: bool,
    /// In IP fragments that carry at most so many bytes.
    pub fragment: Option<usize>,
    /// Between IPv6 hosts, each in a /64 of its own.
    pub ipv6: bool,
    /// Under these VLAN tags, outermost first.
    pub vlans: Vec<u16>,
    /// Inside a tunnel.
    pub tunnel: Option<TunnelKind>,
}

impl Carriage {
    /// One UDP datagram.
    pub fn udp() -> Self {
        Self::default()
    }

    /// A TCP connection, the body cut into segments of `segment` bytes (at least
    /// 1, at most 1,460).
    pub fn tcp(segment: usize) -> Self {
        Self { tcp_segment: Some(segment), ..Self::default() }
    }

    /// With every tenth pair of segments swapped.
    #[must_use]
    pub fn reordered(self) -> Self {
        Self { reorder: true, ..self }
    }

    /// With every tenth segment seen twice.
    #[must_use]
    pub fn duplicated(self) -> Self {
        Self { duplicates: true, ..self }
    }

    /// With every tenth segment sent again later.
    #[must_use]
    pub fn retransmitted(self) -> Self {
        Self { retransmissions: true, ..self }
    }

    /// With a fake segment far ahead in front of the body.
    #[must_use]
    pub fn with_far_ahead_fake(self) -> Self {
        Self { far_ahead_fake: true, ..self }
    }

    /// In IP fragments of at most `size` bytes.
    #[must_use]
    pub fn fragmented(self, size: usize) -> Self {
        Self { fragment: Some(size), ..self }
    }

    /// Over IPv6.
    #[must_use]
    pub fn over_ipv6(self) -> Self {
        Self { ipv6: true, ..self }
    }

    /// Under one more VLAN tag, inside those given before: two make QinQ.
    #[must_use]
    pub fn vlan(mut self, identifier: u16) -> Self {
        self.vlans.push(identifier);
        self
    }

    /// Inside a tunnel.
    #[must_use]
    pub fn inside_tunnel(self, kind: TunnelKind) -> Self {
        Self { tunnel: Some(kind), ..self }
    }

    /// What carries the body.
    pub(crate) fn protocol(&self) -> Protocol {
        match self.tcp_segment {
            Some(_) => Protocol::Tcp,
            None => Protocol::Udp,
        }
    }

    /// Wraps datagrams in the tags, the tunnel and the fragments of this carriage.
    pub(crate) fn emitter(&self) -> Emitter {
        let tunnel = self.tunnel.map(|kind| Tunnel {
            source: Ipv4Addr::new(192, 0, 2, 1),
            destination: Ipv4Addr::new(192, 0, 2, 2),
            kind,
        });
        let builder =
            FrameBuilder { vlans: self.vlans.clone(), tunnel, ..FrameBuilder::default() };
        Emitter::new(builder, self.fragment)
    }

    /// Refuses what changes segments, for scenarios with sessions of their own.
    pub(crate) fn check_only_wraps(&self) -> Result<(), CorpusError> {
        let wrapping = Self {
            fragment: self.fragment,
            ipv6: self.ipv6,
            vlans: self.vlans.clone(),
            tunnel: self.tunnel,
            ..Self::default()
        };
        if *self == wrapping {
            return Ok(());
        }
        let expected = format!(
            "fragment:N, ipv6, vlan:N, gre or vxlan:N alone (this scenario has its own \
             conversations), found {self}"
        );
        Err(CorpusError::setting("carriage", expected))
    }
}

impl fmt::Display for Carriage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tcp_segment {
            Some(segment) => write!(f, "tcp:{segment}")?,
            None => f.write_str("udp")?,
        }
        for (set, name) in [
            (self.reorder, "reorder"),
            (self.duplicates, "duplicates"),
            (self.retransmissions, "retransmissions"),
            (self.far_ahead_fake, "far-ahead-fake"),
            (self.ipv6, "ipv6"),
        ] {
            if set {
                write!(f, ",{name}")?;
            }
        }
        if let Some(size) = self.fragment {
            write!(f, ",fragment:{size}")?;
        }
        for vlan in &self.vlans {
            write!(f, ",vlan:{vlan}")?;
        }
        match self.tunnel {
            Some(TunnelKind::Gre) => f.write_str(",gre"),
            Some(TunnelKind::Vxlan(network)) => write!(f, ",vxlan:{network}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Carriage {
    type Err = CorpusError;

    fn from_str(text: &str) -> Result<Self, CorpusError> {
        let mut carriage = Self::default();
        for part in text.split(',') {
            let wrong = || {
                let expected = format!(
                    "udp, tcp:N, reorder, duplicates, retransmissions, far-ahead-fake, \
                     fragment:N, ipv6, vlan:N, gre or vxlan:N, found {part:?}"
                );
                CorpusError::setting("carriage", expected)
            };
            let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
            match part.trim().split_once(':').unwrap_or((part.trim(), "")) {
                ("udp", "") => carriage.tcp_segment = None,
                ("tcp", size) => carriage.tcp_segment = Some(number(size)? as usize),
                ("reorder", "") => carriage.reorder = true,
                ("duplicates", "") => carriage.duplicates = true,
                ("retransmissions", "") => carriage.retransmissions = true,
                ("far-ahead-fake", "") => carriage.far_ahead_fake = true,
                ("fragment", size) => carriage.fragment = Some(number(size)? as usize),
                ("ipv6", "") => carriage.ipv6 = true,
                ("vlan", vlan) => {
                    carriage.vlans.push(vlan.parse().map_err(|_| wrong())?);
                }
                ("gre", "") => carriage.tunnel = Some(TunnelKind::Gre),
                ("vxlan", network) => {
                    carriage.tunnel = Some(TunnelKind::Vxlan(number(network)?));
                }
                _ => return Err(wrong()),
            }
        }
        Ok(carriage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_reads_back() {
        let all = Carriage::tcp(536)
            .reordered()
            .duplicated()
            .retransmitted()
            .with_far_ahead_fake()
            .fragmented(128)
            .over_ipv6()
            .vlan(10)
            .vlan(20)
            .inside_tunnel(TunnelKind::Vxlan(42));
        for carriage in
            [all, Carriage::udp(), Carriage::udp().inside_tunnel(TunnelKind::Gre)]
        {
            assert_eq!(carriage.to_string().parse::<Carriage>().unwrap(), carriage);
        }
        for wrong in ["", "tcp", "tcp:x", "udp:1", "vlan:70000", "carrier-pigeon"] {
            assert!(wrong.parse::<Carriage>().is_err(), "{wrong}");
        }
    }
}
