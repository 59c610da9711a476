//! A conversation as the table keeps it: half a cache line.

use super::facts::{
    AGE_UNIT, Acquaintance, Age, Answered, Facts, NewPair, Role, ViewStep,
};
use super::side::*;
use super::{Kind, Observed, Step};
use crate::packet::{Handshake, tcp_flags};
use crate::time::{Span, Timestamp};

/// A conversation that is quiet so long is over, where nothing else says so: RFC 4787
/// (REQ-5) recommends five minutes before an address translator forgets one of UDP, and
/// no host repeats its SYN for longer.
pub(super) const QUIET: Span = Span::from_secs(300);

/// The lower or the higher end began it; neither for not known.
const INITIATORS: [u8; 2] = [1, 1 << 1];
const DATAGRAMS: u8 = 1 << 2;
/// What was seen first may not be the beginning.
const TAKEN_UP: u8 = 1 << 3;
const MIDSTREAM: u8 = 1 << 4;
const NEW_PAIR: u32 = 5;
/// The bits of a turn.
pub(super) const TURNS: u16 = (1 << 11) - 1;
/// Its age is not known, or no longer.
const AGELESS: u8 = 1 << 7;

/// How a conversation shows itself at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// By its first packet, which the initiator sends.
    First,
    /// By the SYN+ACK of its responder.
    Second,
    /// By the first piece of a stream, which either end may send.
    Piece,
    /// By a segment from its middle.
    Middle,
    /// By a segment that no conversation needs: a RST, or one without ACK.
    Stray,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Conversation {
    /// When it was last heard of.
    pub(super) last: Timestamp,
    /// The lower end's, and the higher one's.
    sides: [Side; 2],
    /// The turn of the filters in which its pair was last entered, modulo 2^11.
    pub(super) turn: u16,
    pub(super) acquaintance: Acquaintance,
    /// The unit of time in which it began, modulo 2^16.
    begun: u16,
    state: u8,
}

impl Step {
    fn side(&self) -> usize {
        usize::from(self.from_higher)
    }

    /// Whether it is a SYN without ACK, which an unanswered scan repeats.
    #[inline]
    pub(super) fn is_request(&self) -> bool {
        matches!(self.kind, Kind::Tcp { flags, .. }
            if flags & (tcp_flags::SYN | tcp_flags::ACK | tcp_flags::RST) == tcp_flags::SYN)
    }

    /// What it is to a conversation that was not known before.
    pub(super) fn opening(&self) -> Opening {
        match self.kind {
            Kind::Datagram => Opening::First,
            Kind::HostStream { begins: true, .. } => Opening::Piece,
            Kind::HostStream { begins: false, .. } => Opening::Middle,
            Kind::Tcp { flags, .. } => match segment(flags) {
                Segment { reset: true, .. } => Opening::Stray,
                Segment { syn: true, ack: false, .. } => Opening::First,
                Segment { syn: true, ack: true, .. } => Opening::Second,
                Segment { ack: true, .. } => Opening::Middle,
                Segment { .. } => Opening::Stray,
            },
        }
    }
}

/// The flags of a segment that matter here.
struct Segment {
    /// A SYN that is no RST.
    syn: bool,
    ack: bool,
    reset: bool,
}

#[inline]
fn segment(flags: u8) -> Segment {
    let reset = flags & tcp_flags::RST != 0;
    Segment {
        syn: flags & tcp_flags::SYN != 0 && !reset,
        ack: flags & tcp_flags::ACK != 0,
        reset,
    }
}

/// The unit of time that a moment lies in.
fn unit(time: Timestamp) -> u64 {
    time.as_nanos() / AGE_UNIT
}

impl Conversation {
    /// A conversation that begins with this step, or is taken up at it: the step itself
    /// is still to be taken. `doubtful`: the table may have known it and let go of it.
    pub(super) fn begin(
        step: &Step,
        new_pair: NewPair,
        met_at: Option<Timestamp>,
        doubtful: bool,
    ) -> Self {
        let side = step.side();
        let datagrams = step.kind == Kind::Datagram;
        let opening = step.opening();
        let midstream = matches!(opening, Opening::Middle | Opening::Stray);
        let initiator = match opening {
            Opening::First if datagrams && doubtful => 0,
            Opening::First => INITIATORS[side],
            Opening::Second => INITIATORS[1 - side],
            Opening::Piece | Opening::Middle | Opening::Stray => 0,
        };
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let state = initiator
            | bit(datagrams, DATAGRAMS)
            | bit(midstream || doubtful, TAKEN_UP)
            | bit(midstream, MIDSTREAM)
            | bit(midstream || doubtful, AGELESS)
            | (new_pair as u8) << NEW_PAIR;
        let begun = unit(step.time) as u16;
        let acquaintance = met_at.map_or(Acquaintance::default(), |met_at| {
            Acquaintance::of_units(unit(step.time).saturating_sub(unit(met_at)))
        });
        Self { state, begun, last: step.time, acquaintance, ..Self::default() }
    }

    pub(super) fn is_datagrams(&self) -> bool {
        self.state & DATAGRAMS != 0
    }

    /// Whether the step begins another conversation between the same two ends.
    #[inline]
    pub(super) fn is_over_at(&self, step: &Step) -> bool {
        let quiet = step.time.since(self.last) >= QUIET;
        match step.kind {
            Kind::Datagram => quiet,
            Kind::HostStream { begins, .. } => {
                begins && (quiet || self.sides[step.side()].is(PIECES))
            }
            Kind::Tcp { flags, sequence, acknowledgement } => {
                let Segment { syn, ack, .. } = segment(flags);
                syn && (quiet || {
                    let acknowledgement = ack.then_some(acknowledgement);
                    !self.repeats(step.side(), sequence, acknowledgement)
                })
            }
        }
    }

    /// Whether a SYN, or a SYN+ACK of this acknowledgement, belongs to this conversation.
    fn repeats(&self, side: usize, sequence: u32, acknowledgement: Option<u32>) -> bool {
        let (me, other) = (self.sides[side], self.sides[1 - side]);
        if me.is(OPENED) && me.first == sequence {
            return true;
        }
        match acknowledgement {
            // The other side's SYN may have carried data that are acknowledged as well.
            Some(number) => {
                other.is(OPENED)
                    && number.wrapping_sub(other.first).wrapping_sub(1) <= REACH
            }
            // Both sides asked at the same time (RFC 9293, section 3.5).
            None => !me.is(OPENED) && !me.is(SPOKE) && other.is(ASKED),
        }
    }

    /// Takes a packet of this conversation, and says what is known at it.
    #[inline]
    pub(super) fn take(&mut self, step: &Step) -> Observed {
        let side = step.side();
        let (mut me, other) = (self.sides[side], self.sides[1 - side]);
        let mut speaks = !me.is(SPOKE);
        match step.kind {
            Kind::Datagram => {}
            Kind::HostStream { handshake, .. } => {
                me.flags |= PIECES | ACKED;
                match handshake {
                    Handshake::Answered => me.flags |= ANSWERED,
                    Handshake::Unanswered => me.flags |= UNANSWERED,
                    Handshake::Unknown => {}
                }
            }
            Kind::Tcp { flags, sequence, acknowledgement } => {
                let Segment { syn, ack, reset } = segment(flags);
                if syn {
                    me.open(sequence);
                    me.flags |= if ack { 0 } else { ASKED };
                    if ack && !other.is(OPENED) && !other.is(SPOKE) {
                        self.sides[1 - side].open(acknowledgement.wrapping_sub(1));
                    }
                }
                if !me.is(ANSWERED) {
                    let acknowledged =
                        ack.then(|| other.acknowledged_by(acknowledgement)).flatten();
                    if acknowledged == Some(Acknowledges::Seen) {
                        me.flags |= ANSWERED;
                    } else if !(reset || syn && step.payload_len == 0)
                        && self.owes_an_answer(&me, &other, ack, acknowledged)
                    {
                        me.flags |= UNANSWERED;
                    }
                }
                if reset {
                    // A host that knows the connection sets ACK in its RST; one that does
                    // not sets it where the segment it answers had none (RFC 9293,
                    // section 3.10.7.1).
                    let refuses = other.is(SPOKE) && other.is(ACKED) != ack;
                    me.flags |= if refuses { REFUSED } else { 0 };
                    speaks = false;
                } else if syn || ack || step.payload_len > 0 {
                    let start = sequence.wrapping_add(u32::from(syn));
                    me.send(start, start.wrapping_add(step.payload_len));
                }
                me.flags = me.flags & !ACKED | if ack { ACKED } else { 0 };
            }
        }
        me.flags |= SPOKE;
        let view = if step.payload_len > 0 {
            me.view_step(step.kind)
        } else {
            ViewStep::default()
        };
        self.sides[side] = me;
        let now = self.last.max(step.time);
        // Seen in time, the number of its unit is not yet used again.
        let idle = unit(now) - unit(self.last);
        let units = (unit(now) as u16).wrapping_sub(self.begun);
        if (idle | u64::from(units)) >= 1 << 15 {
            self.state |= AGELESS;
        }
        self.last = now;
        let facts = self.facts(side);
        let answers = speaks && facts.role == Role::Responder;
        Observed { facts, view, begins: false, answers }
    }

    /// Whether a segment that acknowledges nothing which the other side was seen to send
    /// says that its sender gets no answers.
    fn owes_an_answer(
        &self,
        me: &Side,
        other: &Side,
        ack: bool,
        acknowledged: Option<Acknowledges>,
    ) -> bool {
        let taken_up = self.state & TAKEN_UP != 0;
        if other.is(NUMBERED) {
            !taken_up || !ack || acknowledged == Some(Acknowledges::Nothing)
        } else {
            other.is(REFUSED) || !taken_up && me.is(ASKED)
        }
    }

    #[inline]
    fn facts(&self, side: usize) -> Facts {
        let (me, other) = (&self.sides[side], &self.sides[1 - side]);
        let role = if self.state & INITIATORS[side] != 0 {
            Role::Initiator
        } else if self.state & INITIATORS[1 - side] != 0 {
            Role::Responder
        } else {
            Role::Unknown
        };
        let answered = if other.is(SPOKE) {
            Answered::Yes
        } else if self.state & TAKEN_UP != 0 || other.is(OPENED) {
            // Opened without a word: its SYN was not seen.
            Answered::Unknown
        } else {
            Answered::No
        };
        let handshake = if me.is(ANSWERED) {
            Handshake::Answered
        } else if me.is(UNANSWERED) {
            Handshake::Unanswered
        } else {
            Handshake::Unknown
        };
        Facts {
            role,
            answered,
            handshake,
            new_pair: NewPair::of(u16::from(self.state >> NEW_PAIR)),
            midstream: self.state & MIDSTREAM != 0,
            age: if self.state & AGELESS == 0 {
                Age::of_units((unit(self.last) as u16).wrapping_sub(self.begun))
            } else {
                Age::default()
            },
            acquaintance: self.acquaintance,
            // That is known of packets, not of conversations.
            untrusted: false,
        }
    }

    /// As four words.
    #[inline]
    pub(super) fn to_words(self) -> [u64; 4] {
        let [low, high] = self.sides;
        let numbers = |side: Side| u64::from(side.first) | u64::from(side.next) << 32;
        let flags = u32::from(low.flags)
            | u32::from(high.flags) << FLAG_BITS
            | u32::from(self.state) << (2 * FLAG_BITS);
        [
            self.last.as_nanos(),
            numbers(low),
            numbers(high),
            u64::from(self.turn & TURNS)
                | u64::from(self.acquaintance.bits()) << 11
                | u64::from(self.begun) << 16
                | u64::from(flags) << 32,
        ]
    }

    /// The conversation of these words.
    #[inline]
    pub(super) fn from_words([last, low, high, rest]: [u64; 4]) -> Self {
        let flags = rest >> 32;
        let side = |numbers: u64, flags: u64| Side {
            first: numbers as u32,
            next: (numbers >> 32) as u32,
            flags: flags as u16 & ((1 << FLAG_BITS) - 1),
        };
        Self {
            last: Timestamp::from_nanos(last),
            sides: [side(low, flags), side(high, flags >> FLAG_BITS)],
            turn: rest as u16 & TURNS,
            acquaintance: Acquaintance::of_bits((rest >> 11) as u8),
            begun: (rest >> 16) as u16,
            state: (flags >> (2 * FLAG_BITS)) as u8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_conversation_comes_back_from_its_words(words: [u64; 4]) {
            // Every bit means something.
            prop_assert_eq!(Conversation::from_words(words).to_words(), words);
        }
    }
}
