//! What a signature rests on.

use super::{Alarm, Growth, Handshakes, PassingOn, Relay};
use crate::detect::conversations::ViewStep;
use crate::detect::dispersion::Dispersion;
use crate::packet::Timestamp;
use crate::state::persist;
use serde::Serialize;

/// What a signature's confidence rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Content keys (windows) that alarmed and are parts of the content.
    pub keys: u64,
    /// The alarms that fired, in the order of [`Alarm::ALL`].
    pub alarms: Vec<Alarm>,
    /// Distinct byte values in the content.
    pub distinct_bytes: u32,
    /// What those that passed it on did.
    pub passing_on: PassingOn,
    /// How the number of hosts that passed it on grew, by the relays' first sendings.
    pub growth: Option<Growth>,
    /// Whether its listed sources get answers.
    pub handshakes: Handshakes,
    /// How much of its conversations the tap had seen by the latest tick.
    pub view: View,
    /// Packets that came again from another source, between the same ports and to the same
    /// host: the tap sees both sides of an address translator.
    pub translated: u32,
    /// How full the sensor was when its windows alarmed.
    pub load: Load,
    /// What is known to be good and comes nearest, if anything does.
    pub nearest: Option<Nearest>,
    /// Each ground for the confidence as one sentence, for a person to read.
    pub reasons: Vec<String>,
}

/// How many TCP directions a tap saw get answers, which tells whether it sees both
/// directions of its conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct View {
    /// TCP directions that brought payload.
    pub directions: u64,
    /// Those whose sender acknowledged what the other side was seen to send.
    pub answered: u64,
}

/// Fewer directions than this do not tell what a tap sees.
const LEAST_DIRECTIONS: u64 = 16;
/// One in so many answered is enough.
const SEEN_WHOLE: u64 = 4;

impl View {
    /// Counts what a packet adds.
    pub(crate) fn count(&mut self, step: ViewStep) {
        self.directions += u64::from(step.is_first);
        self.answered += u64::from(step.is_answer);
    }

    /// Whether the tap sees both directions: a quarter of at least 16 got answers. A tap
    /// that sees one direction shows none, so that it could be less; but where routes
    /// differ there and back, some are seen whole by chance. It is not more, since every
    /// forged connection counts against it: whoever wants to hide behind a one-way view
    /// must forge three for each true one since the sensor began.
    pub fn is_two_way(&self) -> bool {
        self.directions >= LEAST_DIRECTIONS
            && SEEN_WHOLE * self.answered >= self.directions
    }
}

/// How full the tables of the shards that alarmed were, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Prevalence counters in use.
    pub prevalence: u16,
    /// Dispersion cells in use.
    pub dispersion: u16,
}

impl Load {
    /// From shares of 0 to 1.
    pub fn of_shares(prevalence: f64, dispersion: f64) -> Self {
        let thousandths = |share: f64| (share.clamp(0.0, 1.0) * 1_000.0).round() as u16;
        Self { prevalence: thousandths(prevalence), dispersion: thousandths(dispersion) }
    }

    /// Whether estimates of dispersion run high.
    pub(super) fn is_dispersion_overloaded(self) -> bool {
        self.dispersion > Self::of_shares(0.0, Dispersion::MOST_FILL).dispersion
    }

    /// The higher of each.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            prevalence: self.prevalence.max(other.prevalence),
            dispersion: self.dispersion.max(other.dispersion),
        }
    }
}

/// The protocol whose boilerplate covers most of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// Name of the file of literals, the protocols that it is about.
    pub literals: String,
    /// Bytes of the content that lie in them.
    pub bytes: u64,
}

/// The growth by the hosts that passed it on.
pub(super) fn growth(relays: &[Relay]) -> Option<Growth> {
    let mut times: Vec<Timestamp> = relays.iter().map(|relay| relay.sent_at).collect();
    times.sort_unstable();
    Growth::fit(&times)
}

persist!(View { directions, answered });
persist!(Load { prevalence, dispersion });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_two_way_where_a_quarter_of_sixteen_directions_is_answered() {
        let cases = [(0, 0, false), (15, 15, false), (16, 4, true), (17, 4, false)];
        for (directions, answered, two_way) in cases {
            let view = View { directions, answered };
            assert_eq!(view.is_two_way(), two_way, "{view:?}");
        }
    }
}
