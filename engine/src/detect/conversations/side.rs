//! What is held of one side of a conversation.
//!
//! Sequence numbers are compared modulo 2^32 (RFC 9293, section 3.4).

use super::Kind;
use super::facts::ViewStep;

/// How far an acknowledgement may lie beyond what the other side was seen to send: the
/// largest window without scaling (RFC 9293, section 3.1). Behind it where answers
/// crossed, ahead of it where the capture lost some.
pub(super) const REACH: u32 = 65_535;

/// The largest window with scaling (RFC 7323, section 2.3): no byte that waits for its
/// acknowledgement is farther from another.
pub(super) const LARGEST_WINDOW: u32 = 1 << 30;

/// Sent anything.
pub(super) const SPOKE: u16 = 1;
/// `next` means something, and `first` too.
pub(super) const NUMBERED: u16 = 1 << 1;
/// `first` is the number of its SYN, seen or acknowledged by a SYN+ACK.
pub(super) const OPENED: u16 = 1 << 2;
/// Sent a SYN without ACK.
pub(super) const ASKED: u16 = 1 << 3;
/// Acknowledged what the other side sent.
pub(super) const ANSWERED: u16 = 1 << 4;
/// Sent something that should have, and did not.
pub(super) const UNANSWERED: u16 = 1 << 5;
/// Its last segment had the ACK flag.
pub(super) const ACKED: u16 = 1 << 6;
/// Sent a RST as hosts do that know of no connection.
pub(super) const REFUSED: u16 = 1 << 7;
/// Sent a piece of a stream that the host put together.
pub(super) const PIECES: u16 = 1 << 8;
/// Sent payload that counts for the view of the tap.
pub(super) const VIEWED: u16 = 1 << 9;
/// Counts as answered there.
pub(super) const PROVED: u16 = 1 << 10;
/// Bits that the above take.
pub(super) const FLAG_BITS: u32 = 12;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Side {
    /// Sequence number of its SYN, or else of the first byte that it was seen to send.
    pub(super) first: u32,
    /// The number after the last byte that it was seen to send.
    pub(super) next: u32,
    pub(super) flags: u16,
}

/// What an acknowledgement number says of the side that it is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledges {
    /// What that side was seen to send.
    Seen,
    /// What it may have sent before it was seen.
    Unseen,
    /// What it cannot have sent.
    Nothing,
}

impl Side {
    #[inline]
    pub(super) fn is(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Notes a packet with payload for the view of the tap, which knows nothing of
    /// datagrams, and of streams only what their host says.
    #[inline]
    pub(super) fn view_step(&mut self, kind: Kind) -> ViewStep {
        let counts = match kind {
            Kind::Tcp { .. } => true,
            Kind::HostStream { .. } => self.is(ANSWERED | UNANSWERED),
            Kind::Datagram => false,
        };
        if !counts || self.is(PROVED) {
            return ViewStep::default();
        }
        let step = ViewStep { is_first: !self.is(VIEWED), is_answer: self.is(ANSWERED) };
        self.flags |= VIEWED | if step.is_answer { PROVED } else { 0 };
        step
    }

    /// Notes a SYN. One with another number than before begins the count anew: a server
    /// without memory of its connections may answer each SYN with a number of its own.
    pub(super) fn open(&mut self, sequence: u32) {
        if !self.is(OPENED) || self.first != sequence {
            self.first = sequence;
            self.flags = self.flags & !NUMBERED | OPENED;
        }
    }

    /// Notes bytes that were sent. What lies among those seen before was sent again; what
    /// lies elsewhere is believed, as the numbers before it may have been the false ones.
    #[inline]
    pub(super) fn send(&mut self, start: u32, end: u32) {
        if !self.is(NUMBERED) {
            if !self.is(OPENED) {
                self.first = start;
            }
            self.flags |= NUMBERED;
            self.next = end;
        } else if self.next.wrapping_sub(end) > self.sent() + REACH {
            self.next = end;
        }
    }

    /// How many bytes it was seen to send, as far as an acknowledgement may go back.
    #[inline]
    fn sent(&self) -> u32 {
        self.next.wrapping_sub(self.first).min(LARGEST_WINDOW)
    }

    /// What `number` acknowledges, if this side's numbers are known.
    #[inline]
    pub(super) fn acknowledged_by(&self, number: u32) -> Option<Acknowledges> {
        if !self.is(NUMBERED) {
            return None;
        }
        // Both ends of the range are inside it.
        let behind = self.next.wrapping_add(REACH).wrapping_sub(number);
        let away = self.next.wrapping_sub(number).cast_signed().unsigned_abs();
        Some(if behind <= self.sent() + 2 * REACH {
            Acknowledges::Seen
        } else if away <= LARGEST_WINDOW {
            Acknowledges::Unseen
        } else {
            Acknowledges::Nothing
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Acknowledges::{Nothing, Seen, Unseen};
    use super::*;

    #[test]
    fn one_guess_in_32_768_fits_a_side_that_only_opened() {
        for first in [0, 5, 1 << 31, u32::MAX] {
            let mut side = Side::default();
            side.open(first);
            assert_eq!(side.acknowledged_by(first), None);
            side.send(first.wrapping_add(1), first.wrapping_add(1));
            let fits = |n: u32| side.acknowledged_by(n) == Some(Seen);
            // Guesses at an even distance over all numbers.
            let hits = (0..1_u32 << 25).filter(|n| fits(n << 7)).count();
            assert_eq!(hits * 32_768, 1 << 25);
        }
    }

    #[test]
    fn an_acknowledgement_fits_from_before_the_first_byte_to_after_the_last() {
        for first in [0_u32, 70_000, u32::MAX - 100_000, u32::MAX] {
            let mut side = Side::default();
            let at = |offset: i64| (i64::from(first) + offset) as u32;
            side.send(at(0), at(10));
            side.send(at(10), at(200_000));
            // Sent again, and a SYN of old.
            side.send(at(10), at(20));
            for (offset, wanted) in [
                (-65_535, Seen),
                (-65_536, Unseen),
                (0, Seen),
                (100_000, Seen),
                (265_535, Seen),
                (265_536, Unseen),
                (200_000 - (1 << 30), Unseen),
                (199_999 - (1 << 30), Nothing),
                (200_000 + (1 << 30), Unseen),
                (200_001 + (1 << 30), Nothing),
                (1 << 31, Nothing),
            ] {
                assert_eq!(side.acknowledged_by(at(offset)), Some(wanted), "{offset}");
            }
        }
    }

    #[test]
    fn a_number_far_away_holds_until_the_next_one() {
        let mut side = Side::default();
        side.send(200_000, 210_000);
        let mut next_after = |end| {
            side.send(end, end);
            side.next
        };
        let again = 200_000 - REACH;
        assert_eq!(next_after(again), 210_000);
        assert_eq!(next_after(again - 1), again - 1);
        assert_eq!(next_after(220_000), 220_000);
        assert_eq!(next_after(3 << 30), 3 << 30);
        assert_eq!(next_after(230_000), 230_000);
        assert_eq!(side.first, 200_000);
    }

    #[test]
    fn another_syn_begins_the_count_anew_and_the_same_one_does_not() {
        let mut side = Side::default();
        side.open(100);
        side.send(101, 5_000);
        side.open(100);
        assert_eq!((side.first, side.next, side.is(NUMBERED)), (100, 5_000, true));
        side.open(1 << 29);
        assert!(!side.is(NUMBERED));
        side.send((1 << 29) + 1, (1 << 29) + 1);
        assert_eq!((side.first, side.next), (1 << 29, (1 << 29) + 1));
    }
}
