//! One body sent from host to host, in the segments of a carriage.

use crate::carriage::Carriage;
use crate::link::{Endpoint, FRAME_GAP_NS, Link, udp};
use crate::rng::Rng;
use crate::tcp_session::{FULL_SEGMENT, Peer, TcpSession};
use crate::traffic::Mark;

/// How far ahead of the stream the fake segment of [`Carriage::far_ahead_fake`] is.
const FAKE_DISTANCE: u32 = 1_000_000;
/// Every so many-th segment or pair is disturbed.
const DISTURBED: u64 = 10;

/// One attempt to infect a host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) time_ns: u64,
    /// Who attacks; the attack chooses the ports.
    pub(crate) from: Endpoint,
    pub(crate) to: Endpoint,
    /// The infection that this completes.
    pub(crate) infects: Option<u32>,
    /// Whether somebody listens there.
    pub(crate) answered: bool,
}

impl Attempt {
    /// The same from port to port.
    pub(crate) fn at(&self, source_port: u16, destination_port: u16) -> Self {
        let (from, to) = (self.from.at(source_port), self.to.at(destination_port));
        Self { from, to, ..*self }
    }
}

/// Sends bodies as a [`Carriage`] says.
#[derive(Debug)]
pub(crate) struct BodySender {
    carriage: Carriage,
    /// Pairs and segments so far, over all sessions: short ones are disturbed as often as
    /// long ones.
    pairs: u64,
    segments: u64,
}

impl BodySender {
    pub(crate) fn new(carriage: Carriage) -> Self {
        Self { carriage, pairs: 0, segments: 0 }
    }

    /// Sends one body, the first content. Returns when it is complete at the destination;
    /// `None` when nobody there takes it.
    pub(crate) fn send(
        &mut self,
        link: &mut Link,
        attempt: &Attempt,
        body: &[u8],
        rng: &mut Rng,
    ) -> Option<u64> {
        if let Some(segment) = self.carriage.tcp_segment {
            return self.send_segments(link, attempt, body, segment, rng);
        }
        let ends = (&attempt.from, &attempt.to);
        let mark = Mark::Content { content: 0, infects: attempt.infects };
        let complete = link.send(attempt.time_ns, mark, ends, udp(ends), body);
        attempt.answered.then_some(complete)
    }

    fn send_segments(
        &mut self,
        link: &mut Link,
        attempt: &Attempt,
        body: &[u8],
        size: usize,
        rng: &mut Rng,
    ) -> Option<u64> {
        let size = size.clamp(1, FULL_SEGMENT);
        let ends = (attempt.from, attempt.to);
        let mut session = TcpSession::new(link, ends, attempt.time_ns, rng);
        if !attempt.answered {
            session.open_in_vain();
            return None;
        }
        session.open();
        let banner = format!("ready {:08x}\r\n", rng.next_u64() as u32);
        session.send(Peer::Server, banner.as_bytes(), 300_000);
        session.wait(Peer::Client, 200_000);
        if self.carriage.far_ahead_fake {
            let fake = rng.bytes(size);
            session.segment(Peer::Client, FAKE_DISTANCE, &fake, Mark::Ordinary);
            session.wait(Peer::Client, FRAME_GAP_NS);
        }
        let count = body.len().div_ceil(size);
        let mut complete_at = None;
        let mut received = Received::new(count);
        for index in self.order(count) {
            let start = index * size;
            let end = (start + size).min(body.len());
            let completes = received.add(index);
            let infects = attempt.infects.filter(|_| completes);
            let mark = Mark::Content { content: 0, infects };
            session.segment(Peer::Client, start as u32, &body[start..end], mark);
            if completes {
                complete_at = Some(session.time_ns());
            }
            if completes || received.total.is_multiple_of(2) {
                let known = (received.in_order * size).min(body.len());
                session.acknowledge_ahead(Peer::Client, known as u32);
            }
            session.wait(Peer::Client, FRAME_GAP_NS);
        }
        session.advance(Peer::Client, body.len() as u32);
        let answer = format!("done {:08x}\r\n", rng.next_u64() as u32);
        session.send(Peer::Server, answer.as_bytes(), 500_000);
        session.close(Peer::Client);
        complete_at
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
struct Received {
    seen: Vec<bool>,
    /// How many of the first ones, without a gap.
    in_order: usize,
    /// How many were received, copies included.
    total: usize,
}

impl Received {
    fn new(count: usize) -> Self {
        Self { seen: vec![false; count], in_order: 0, total: 0 }
    }

    /// Adds one; whether it makes the body complete.
    fn add(&mut self, index: usize) -> bool {
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
    fn disturbed_orders_still_hold_every_segment() {
        let carriage = Carriage::tcp(1).reordered().duplicated().retransmitted();
        let mut sender = BodySender::new(carriage);
        let (mut swapped, mut copies) = (0, 0);
        for count in 1..60 {
            let order = sender.order(count);
            let mut received = Received::new(count);
            let completing = order.iter().filter(|&&index| received.add(index)).count();
            assert_eq!(completing, 1);
            copies += order.len() - count;
            swapped += order.windows(2).filter(|pair| pair[0] == pair[1] + 1).count();
        }
        // 1,770 segments: 177 duplicates, as many retransmissions, some 87 swaps.
        assert_eq!(copies, 2 * 177);
        assert!((60..=110).contains(&swapped), "{swapped}");
    }
}
