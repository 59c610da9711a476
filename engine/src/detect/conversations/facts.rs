//! What is known of a packet's conversation, in 20 bits.

use crate::packet::Handshake;
use crate::time::Span;

/// Which end of its conversation sends a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Who began was not seen.
    #[default]
    Unknown,
    /// It began the conversation.
    Initiator,
    /// The other end did.
    Responder,
}

/// Whether the other side has sent anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Answered {
    /// Not that was seen, but part of the conversation was not seen.
    #[default]
    Unknown,
    /// It has not.
    No,
    /// It has.
    Yes,
}

/// Whether two hosts had not talked before the conversation began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NewPair {
    /// Not known.
    #[default]
    Unknown,
    /// They had talked before.
    No,
    /// They had, but for the first time in this window or the one before: a scan or an
    /// earlier connection of the same attack leaves this to its last one. Where memory
    /// ran out, it may be said as `No`.
    Lately,
    /// They had not talked in this window or the one before. In a capture's first windows
    /// that says no more than that they had not since it began.
    Yes,
}

impl NewPair {
    /// The value of this number's lowest two bits.
    #[inline]
    pub(super) fn of(bits: u16) -> Self {
        NEW_PAIRS[usize::from(bits & 0b11)]
    }
}

/// What is known of a packet's conversation up to this packet, itself included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// Which end sends.
    pub role: Role,
    /// Whether the other end has sent anything.
    pub answered: Answered,
    /// Whether the sender has acknowledged what the other side sent.
    pub handshake: Handshake,
    /// Whether the two hosts had talked before the conversation began.
    pub new_pair: NewPair,
    /// Whether the conversation is one of TCP whose beginning was not seen.
    pub midstream: bool,
    /// How long ago the conversation began.
    pub age: Age,
    /// How long before it the two hosts first talked, where that was lately.
    pub acquaintance: Acquaintance,
    /// Whether the packet came through a tunnel that is not trusted, so that both directions
    /// may be forged: then the sender is never said to be answered.
    pub untrusted: bool,
}

/// How long before a conversation began its two hosts first talked, between powers of two of
/// 1/64 s; not known where they did not talk before, or too long ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Acquaintance(u8);

impl Acquaintance {
    /// From times in units of 1/64 s.
    pub(super) fn of_units(units: u64) -> Self {
        let bits = u64::BITS - units.leading_zeros();
        Self(u8::try_from(bits + 1).unwrap_or(u8::MAX).min(MOST_ACQUAINTANCE))
    }

    pub(super) fn of_bits(bits: u8) -> Self {
        Self(bits & MOST_ACQUAINTANCE)
    }

    pub(super) fn bits(self) -> u8 {
        self.0
    }

    /// At least and at most so long, if that is known.
    pub fn between(self) -> Option<(Span, Option<Span>)> {
        let bits = u32::from(self.0).checked_sub(1)?;
        let least = (1_u64 << bits >> 1).saturating_sub(1);
        let most = (self.0 < MOST_ACQUAINTANCE).then(|| Span(AGE_UNIT << bits));
        Some((Span(AGE_UNIT * least), most))
    }
}

/// Five bits.
const MOST_ACQUAINTANCE: u8 = 31;

/// How long ago a conversation began, rounded up to a power of two of 1/64 s; not known
/// where its beginning was not seen, or is 512 s ago or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Age(u8);

/// Of which the age of a conversation is a multiple: 1/64 s.
pub(super) const AGE_UNIT: u64 = 1_000_000_000 / 64;

impl Age {
    /// The age of a conversation that began in a unit so many before the current one.
    #[inline]
    pub(super) fn of_units(units: u16) -> Self {
        match units >> 15 {
            0 => Self((1 + u16::BITS - units.leading_zeros()) as u8),
            _ => Self::default(),
        }
    }

    /// The conversation began after this time span before the packet, if that is known.
    #[inline]
    pub fn within(self) -> Option<Span> {
        (1..=MOST_AGE).contains(&self.0).then(|| Span(AGE_UNIT << (self.0 - 1)))
    }

    /// It is at least so old.
    pub fn at_least(self) -> Span {
        let units = 1_u64 << self.0 >> 2;
        Span(AGE_UNIT * units.saturating_sub(1))
    }
}

/// What a packet adds to the view of the tap, which is of TCP directions with payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewStep {
    /// It is the first of its direction.
    pub is_first: bool,
    /// It is the first of its direction at which the sender is known to be answered.
    pub is_answer: bool,
}

/// What [`Conversations::take`](super::Conversations::take) says of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// What is known of its conversation.
    pub facts: Facts,
    /// What it adds to the view of the tap.
    pub view: ViewStep,
    /// Whether its conversation begins with it, as far as is known.
    pub begins: bool,
    /// Whether it is the first that the responder says, and more than a refusal.
    pub answers: bool,
}

impl Observed {
    /// Of a packet that came through a tunnel that is not trusted: it is no evidence of what
    /// its sender gets to see, nor of what the tap sees.
    pub fn distrust(&mut self) {
        self.facts.untrusted = true;
        if self.facts.handshake == Handshake::Answered {
            self.facts.handshake = Handshake::Unknown;
        }
        self.view = ViewStep::default();
    }
}

/// Two bits a fact; the order is that of [`Facts::pack`].
const ANSWERED: u32 = 2;
const HANDSHAKE: u32 = 4;
const NEW_PAIR: u32 = 6;
const MIDSTREAM: u32 = 8;
const AGE: u32 = 9;
const MOST_AGE: u8 = 16;
const ACQUAINTANCE: u32 = 14;
const UNTRUSTED: u32 = 19;

impl Facts {
    /// The facts as a number below 2^20; 0 if nothing is known.
    #[inline]
    pub fn pack(self) -> u32 {
        self.role as u32
            | (self.answered as u32) << ANSWERED
            | (self.handshake as u32) << HANDSHAKE
            | (self.new_pair as u32) << NEW_PAIR
            | u32::from(self.midstream) << MIDSTREAM
            | u32::from(self.age.0) << AGE
            | u32::from(self.acquaintance.0) << ACQUAINTANCE
            | u32::from(self.untrusted) << UNTRUSTED
    }

    /// The facts that were packed. What no facts pack to counts as unknown.
    #[inline]
    pub fn unpack(packed: u32) -> Self {
        let two = |at: u32| (packed >> at & 0b11) as usize;
        Self {
            role: ROLES[two(0)],
            answered: ANSWERS[two(ANSWERED)],
            handshake: HANDSHAKES[two(HANDSHAKE)],
            new_pair: NewPair::of((packed >> NEW_PAIR) as u16),
            midstream: packed >> MIDSTREAM & 1 == 1,
            age: match (packed >> AGE) as u8 & 0b1_1111 {
                age @ 0..=MOST_AGE => Age(age),
                _ => Age::default(),
            },
            acquaintance: Acquaintance::of_bits((packed >> ACQUAINTANCE) as u8),
            untrusted: packed >> UNTRUSTED & 1 == 1,
        }
    }
}

/// Each value at its own number.
const ROLES: [Role; 4] = [Role::Unknown, Role::Initiator, Role::Responder, Role::Unknown];
const ANSWERS: [Answered; 4] =
    [Answered::Unknown, Answered::No, Answered::Yes, Answered::Unknown];
const HANDSHAKES: [Handshake; 4] =
    [Handshake::Unknown, Handshake::Answered, Handshake::Unanswered, Handshake::Unknown];
const NEW_PAIRS: [NewPair; 4] =
    [NewPair::Unknown, NewPair::No, NewPair::Lately, NewPair::Yes];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn all_facts_come_back_from_different_numbers() {
        let mut numbers = HashSet::new();
        for role in &ROLES[..3] {
            for answered in &ANSWERS[..3] {
                for handshake in &HANDSHAKES[..3] {
                    for new_pair in NEW_PAIRS {
                        for midstream in [false, true] {
                            let (role, answered, handshake) =
                                (*role, *answered, *handshake);
                            for age in (0..=MOST_AGE).map(Age) {
                                let facts = Facts {
                                    role,
                                    answered,
                                    handshake,
                                    new_pair,
                                    midstream,
                                    age,
                                    acquaintance: Acquaintance(7),
                                    untrusted: midstream,
                                };
                                assert_eq!(Facts::unpack(facts.pack()), facts);
                                numbers.insert(facts.pack());
                            }
                        }
                    }
                }
            }
        }
        assert_eq!(numbers.len(), 3 * 3 * 3 * 4 * 2 * 17);
    }

    #[test]
    fn an_acquaintance_lies_between_powers_of_two() {
        let unit = |span: Span| span.0 / AGE_UNIT;
        for (units, least, most) in
            [(0, 0, 1), (1, 0, 2), (2, 1, 4), (3, 1, 4), (4, 3, 8), (1_000, 511, 1_024)]
        {
            let between = Acquaintance::of_units(units).between().unwrap();
            assert_eq!((unit(between.0), between.1.map(unit)), (least, Some(most)));
        }
        assert_eq!(Acquaintance::of_units(u64::MAX).between().unwrap().1, None);
        assert_eq!(Acquaintance::default().between(), None);
    }

    #[test]
    fn an_age_is_at_least_what_was_seen() {
        for units in [0_u16, 1, 2, 3, 4, 100, 0x7fff] {
            let age = Age::of_units(units);
            let least = age.at_least().0 / AGE_UNIT;
            assert!(least <= u64::from(units) && 4 * least + 4 > u64::from(units));
        }
        assert_eq!(Age::default().at_least(), Span(0));
    }

    #[test]
    fn an_age_is_rounded_up_to_a_power_of_two() {
        let within = |units| Age::of_units(units).within().map(|span| span.0 / AGE_UNIT);
        for (units, expected) in [
            (0, Some(1)),
            (1, Some(2)),
            (2, Some(4)),
            (3, Some(4)),
            (4, Some(8)),
            (0x7fff, Some(0x8000)),
            (0x8000, None),
            (u16::MAX, None),
        ] {
            assert_eq!(within(units), expected, "{units}");
        }
        assert_eq!(Age::default().within(), None);
    }

    #[test]
    fn any_number_unpacks() {
        assert_eq!(Facts::default().pack(), 0);
        assert_eq!(Facts::unpack(0), Facts::default());
        for number in (0..=u32::MAX).step_by(65_537) {
            let facts = Facts::unpack(number);
            assert!(facts.pack() < 1 << 20);
            assert_eq!(Facts::unpack(facts.pack()), facts);
        }
        let none = Facts {
            new_pair: NewPair::Yes,
            midstream: true,
            acquaintance: Acquaintance(31),
            untrusted: true,
            ..Facts::default()
        };
        assert_eq!(Facts::unpack(u32::MAX), none);
    }
}
