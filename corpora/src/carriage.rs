//! How a body is carried across the tap: protocol, segments, order, fragments, tunnel.
//!
//! A sifter that looks at single packets can be passed by in many ways. Each
//! carriage is one of them, so that a test can name what it defeats.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::emitter::{Emitter, End, FRAME_GAP_NS};
use crate::error::CorpusError;
use crate::frame_builder::{FrameBuilder, Transport, Tunnel, TunnelKind};
use crate::rng::Rng;
use crate::tcp_dialogue::{FULL_SEGMENT, Peer, TcpDialogue};
use crate::traffic::{FrameQueue, Mark};

/// How far ahead of the stream the fake segment of
/// [`Carriage::far_ahead_fake`] pretends to be.
const FAKE_DISTANCE: u32 = 1_000_000;
/// Every so many-th segment or pair is disturbed.
const DISTURBED: u64 = 10;

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

    /// The same wrapping around one UDP datagram.
    fn wrapping(&self) -> Self {
        Self {
            fragment: self.fragment,
            ipv6: self.ipv6,
            vlans: self.vlans.clone(),
            tunnel: self.tunnel,
            ..Self::default()
        }
    }

    /// Wraps what a scenario itself lays out; refuses what would lay it out
    /// otherwise.
    pub(crate) fn emitter(&self) -> Result<Emitter, CorpusError> {
        if *self == self.wrapping() {
            return Ok(Carrier::new(self.clone()).emitter);
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

/// One body on its way.
pub(crate) struct Delivery<'a> {
    pub(crate) time_ns: u64,
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) body: &'a [u8],
    /// Which content the body is, see [`Mark::Content`].
    pub(crate) content: u16,
    /// The infection that this delivery completes.
    pub(crate) infects: Option<u32>,
    /// Whether somebody listens there.
    pub(crate) answered: bool,
}

/// Lays bodies into a queue, as a [`Carriage`] says.
#[derive(Debug)]
pub(crate) struct Carrier {
    carriage: Carriage,
    emitter: Emitter,
    /// Pairs and segments so far, over all connections: short ones are
    /// disturbed as often as long ones.
    pairs: u64,
    segments: u64,
}

impl Carrier {
    pub(crate) fn new(carriage: Carriage) -> Self {
        let tunnel = carriage.tunnel.map(|kind| Tunnel {
            source: Ipv4Addr::new(192, 0, 2, 1),
            destination: Ipv4Addr::new(192, 0, 2, 2),
            kind,
        });
        let builder = FrameBuilder {
            vlans: carriage.vlans.clone(),
            tunnel,
            ..FrameBuilder::default()
        };
        let emitter = Emitter::new(builder, carriage.fragment);
        Self { carriage, emitter, pairs: 0, segments: 0 }
    }

    /// Enters every frame of one delivery. Returns when the body is whole at
    /// the destination; `None` when nobody there takes it.
    pub(crate) fn deliver(
        &mut self,
        queue: &mut FrameQueue,
        delivery: &Delivery<'_>,
        rng: &mut Rng,
    ) -> Option<u64> {
        match self.carriage.tcp_segment {
            Some(segment) => {
                self.connect(queue, delivery, segment.clamp(1, FULL_SEGMENT), rng)
            }
            None => {
                let transport = Transport::Udp {
                    source_port: delivery.from.port,
                    destination_port: delivery.to.port,
                };
                let Delivery { content, infects, .. } = *delivery;
                let whole = self.emitter.emit(
                    queue,
                    delivery.time_ns,
                    Mark::Content { content, infects },
                    (&delivery.from, &delivery.to),
                    transport,
                    delivery.body,
                );
                delivery.answered.then_some(whole)
            }
        }
    }

    fn connect(
        &mut self,
        queue: &mut FrameQueue,
        delivery: &Delivery<'_>,
        size: usize,
        rng: &mut Rng,
    ) -> Option<u64> {
        let order = if delivery.answered {
            self.order(delivery.body.len().div_ceil(size))
        } else {
            Vec::new()
        };
        let Delivery { from, to, time_ns, content, infects, .. } = *delivery;
        let mut dialogue =
            TcpDialogue::new(queue, &mut self.emitter, from, to, time_ns, rng);
        if !delivery.answered {
            dialogue.knock_in_vain();
            return None;
        }
        dialogue.open();
        let banner = format!("ready {:08x}\r\n", rng.next_u64() as u32);
        dialogue.say(Peer::Server, banner.as_bytes(), 300_000);
        dialogue.turn(Peer::Client, 200_000);
        if self.carriage.far_ahead_fake {
            let mut fake = Vec::new();
            rng.append(size, &mut fake);
            dialogue.segment(Peer::Client, FAKE_DISTANCE, &fake, Mark::Ordinary);
            dialogue.turn(Peer::Client, FRAME_GAP_NS);
        }
        let mut whole_at = None;
        let mut arrived = Arrived::new(delivery.body.len().div_ceil(size));
        for index in order {
            let start = index * size;
            let end = (start + size).min(delivery.body.len());
            let completes = arrived.enter(index);
            let mark = Mark::Content { content, infects: infects.filter(|_| completes) };
            dialogue.segment(
                Peer::Client,
                start as u32,
                &delivery.body[start..end],
                mark,
            );
            if completes {
                whole_at = Some(dialogue.time_ns());
            }
            if completes || arrived.total.is_multiple_of(2) {
                let known = (arrived.in_order * size).min(delivery.body.len());
                dialogue.acknowledge_ahead(Peer::Client, known as u32);
            }
            dialogue.turn(Peer::Client, FRAME_GAP_NS);
        }
        dialogue.advance(Peer::Client, delivery.body.len() as u32);
        let answer = format!("done {:08x}\r\n", rng.next_u64() as u32);
        dialogue.say(Peer::Server, answer.as_bytes(), 500_000);
        dialogue.close(Peer::Client);
        whole_at
    }

    /// The segments' numbers in the order of their sending.
    fn order(&mut self, count: usize) -> Vec<usize> {
        let mut plain: Vec<usize> = (0..count).collect();
        if self.carriage.reorder {
            for pair in plain.chunks_exact_mut(2) {
                self.pairs += 1;
                if self.pairs.is_multiple_of(DISTURBED) {
                    pair.swap(0, 1);
                }
            }
        }
        let mut order = Vec::with_capacity(plain.len() + plain.len() / 4 + 2);
        // Segments to be sent again, each with the place after which that is due.
        let mut again = Vec::new();
        for (place, index) in plain.into_iter().enumerate() {
            self.segments += 1;
            order.push(index);
            if self.carriage.duplicates && self.segments.is_multiple_of(DISTURBED) {
                order.push(index);
            }
            // Another phase, so that the two disturb different segments.
            if self.carriage.retransmissions
                && (self.segments + DISTURBED / 2).is_multiple_of(DISTURBED)
            {
                again.push((place + 3, index));
            }
            if again.first().is_some_and(|&(due, _)| due <= place) {
                order.push(again.remove(0).1);
            }
        }
        order.extend(again.into_iter().map(|(_, index)| index));
        order
    }
}

/// Which segments a receiver has.
struct Arrived {
    seen: Vec<bool>,
    /// How many of the first ones, without a gap.
    in_order: usize,
    /// How many have arrived, copies included.
    total: usize,
}

impl Arrived {
    fn new(count: usize) -> Self {
        Self { seen: vec![false; count], in_order: 0, total: 0 }
    }

    /// Whether this segment is the one that makes the body whole.
    fn enter(&mut self, index: usize) -> bool {
        let before = self.in_order;
        self.total += 1;
        self.seen[index] = true;
        while self.seen.get(self.in_order) == Some(&true) {
            self.in_order += 1;
        }
        before < self.seen.len() && self.in_order == self.seen.len()
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

    #[test]
    fn disturbed_orders_still_hold_every_segment() {
        let carriage = Carriage::tcp(1).reordered().duplicated().retransmitted();
        let mut carrier = Carrier::new(carriage);
        let (mut swapped, mut copies) = (0, 0);
        for count in 1..60 {
            let order = carrier.order(count);
            let mut arrived = Arrived::new(count);
            let completing = order.iter().filter(|&&index| arrived.enter(index)).count();
            assert_eq!(completing, 1);
            copies += order.len() - count;
            swapped += order.windows(2).filter(|pair| pair[0] == pair[1] + 1).count();
        }
        // 1,770 segments: 177 duplicates, as many retransmissions, some 87 swaps.
        assert_eq!(copies, 2 * 177);
        assert!((60..=110).contains(&swapped), "{swapped}");
    }
}
