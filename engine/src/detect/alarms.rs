//! The alarms that a content can raise, and the rules by which it does.
//!
//! The rules are functions of plain evidence: what the dispersion tables estimate, what
//! the candidate names, and how far the content was passed on.

use super::count::MOST_HOSTS;
use crate::state::persist_choice;

/// Sources, and dark addresses that they sent a content to, at which it alarms.
pub const DARK_HOSTS: usize = 3;

/// Why a content was reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm {
    #[default]
    /// Many sources and many destinations (EarlyBird, section 4.2).
    Dispersion,
    /// Hosts that received the content passed it on.
    Propagation,
    /// Several sources sent it to several dark addresses.
    Dark,
}

impl Alarm {
    /// All alarms, in order.
    pub const ALL: [Self; 3] = [Self::Dispersion, Self::Propagation, Self::Dark];

    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dispersion => "dispersion",
            Self::Propagation => "propagation",
            Self::Dark => "dark",
        }
    }
}

/// What a content must reach to raise an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Distinct sources in the dispersion window, for dispersion.
    pub sources: u32,
    /// Distinct destinations, for the same.
    pub destinations: u32,
    /// Sum of the relays' fan-outs, for propagation.
    pub spread: u32,
    /// Relays, for the same.
    pub relays: usize,
}

/// What is known of a content over all ports, which is sent from many to many more easily
/// than at one.
///
/// It must reach more than at one port:
///
/// - *Dispersion*: the same thresholds where nine in ten requests come from one source
///   port, as those of Witty did. Else twice as many hosts, and less than half as many
///   replies with it as requests: what both sides say is a greeting.
/// - *Propagation*: three relays and twice the spread; a relay for each ten hosts that
///   send it in conversations that they began, since peers of one protocol send without
///   having received; and eight requests with it, and one for each two replies, since
///   servers alone are no worm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OverAllPorts {
    /// Whether it comes from one source port.
    pub is_from_one_port: bool,
    /// Packets that initiators sent with it.
    pub requests: u64,
    /// Packets that responders did.
    pub replies: u64,
    /// Estimated hosts that sent it in conversations that they began.
    pub sources: u32,
}

/// Fewer do not tell how many there are for each reply.
const LEAST_REQUESTS: u64 = 8;

impl OverAllPorts {
    /// The thresholds, from those at one port.
    pub fn thresholds(&self, at_port: &Thresholds) -> Thresholds {
        let factor = if self.is_from_one_port { 1 } else { 2 };
        Thresholds {
            sources: at_port.sources.saturating_mul(factor),
            destinations: at_port.destinations.saturating_mul(factor),
            spread: at_port.spread.saturating_mul(2),
            relays: at_port.relays.max(3).max((self.sources / 10) as usize),
        }
    }

    /// Whether it may alarm by dispersion.
    pub fn may_disperse(&self) -> bool {
        self.is_from_one_port || 2 * self.replies < self.requests
    }

    /// Whether it may alarm by propagation.
    pub fn may_be_passed_on(&self) -> bool {
        self.requests >= LEAST_REQUESTS && 2 * self.requests >= self.replies
    }
}

/// What is known of the hosts on one side of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostEvidence {
    /// Hosts of the dispersion window that are named.
    pub named: u32,
    /// Estimate of the dispersion tables, and no more than the candidate allows for.
    pub estimate: u32,
    /// Whether every host since the candidate was entered is named.
    pub is_listed: bool,
    /// Whether every host of the dispersion window is named.
    pub is_complete: bool,
}

/// Whether a content raises the alarm of dispersion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispersed {
    /// A side is below its threshold.
    No,
    /// The estimates are not below, but the names are too few for that.
    NotBorneOut,
    /// Both sides have reached their thresholds.
    Yes,
}

impl HostEvidence {
    /// Lists decide while they name every host; a linear counter may read thirty for
    /// twenty-five. What they lack is in the estimate.
    fn reaches(&self, threshold: u32) -> bool {
        let list_decides = self.is_complete && threshold <= MOST_HOSTS as u32;
        self.named >= threshold || !list_decides && self.estimate >= threshold
    }

    /// Whether the list shows half of the threshold, as far as it can.
    fn bears_out(&self, threshold: u32) -> bool {
        !self.is_listed || 2 * self.named >= threshold.min(MOST_HOSTS as u32)
    }
}

impl Thresholds {
    /// The thresholds of a content that a decoy passed on: one host is enough, since decoys
    /// start nothing by themselves.
    #[must_use]
    pub fn of_decoy(self) -> Self {
        Self { spread: 1, relays: 1, ..self }
    }

    /// Whether estimates of (sources, destinations) alone would raise the alarm of
    /// dispersion.
    pub fn are_estimated(&self, estimates: (u32, u32)) -> bool {
        estimates.0 >= self.sources && estimates.1 >= self.destinations
    }

    /// Whether sources and destinations raise the alarm of dispersion.
    ///
    /// A table that is full estimates thirty for every content, so the candidate's lists
    /// must bear it out: one of them, since either may lack hosts that came before it was
    /// entered; both where the table is known to be overloaded.
    pub fn dispersed(
        &self,
        sides: [HostEvidence; 2],
        is_overloaded: impl FnOnce() -> bool,
    ) -> Dispersed {
        let sides = [(sides[0], self.sources), (sides[1], self.destinations)];
        if !sides.iter().all(|(side, threshold)| side.reaches(*threshold)) {
            return Dispersed::No;
        }
        let borne_out =
            sides.iter().filter(|(side, threshold)| side.bears_out(*threshold)).count();
        if borne_out == 2 || borne_out == 1 && !is_overloaded() {
            Dispersed::Yes
        } else {
            Dispersed::NotBorneOut
        }
    }

    /// Whether a spread, which a sighting has just raised, raises the alarm of
    /// propagation. `relays` is asked for only where one is too few.
    ///
    /// One host less is enough where it is `evident` of the relay that it passed the content
    /// on: two of its targets were new to it, and it began to talk to them after it had
    /// received the content.
    pub fn is_passed_on(
        &self,
        spread: u32,
        is_evident: bool,
        relays: impl FnOnce() -> usize,
    ) -> bool {
        spread + u32::from(is_evident) >= self.spread
            && (self.relays <= 1 || relays() >= self.relays)
    }
}

persist_choice!(Alarm: Alarm::Dispersion, Alarm::Propagation, Alarm::Dark);

#[cfg(test)]
mod tests {
    use super::*;

    const THIRTY: Thresholds =
        Thresholds { sources: 30, destinations: 30, spread: 4, relays: 1 };

    /// A side whose list is complete.
    fn complete(named: u32, estimate: u32) -> HostEvidence {
        HostEvidence { named, estimate, is_listed: true, is_complete: true }
    }

    /// A side some of whose hosts came before the candidate was entered.
    fn late(named: u32, estimate: u32) -> HostEvidence {
        HostEvidence { is_complete: false, ..complete(named, estimate) }
    }

    /// A side with more hosts than are named.
    fn cut(named: u32, estimate: u32) -> HostEvidence {
        HostEvidence { is_listed: false, ..late(named, estimate) }
    }

    #[test]
    fn complete_lists_decide_whatever_the_tables_estimate() {
        use Dispersed::{No, Yes};
        for (sources, destinations, estimate, expected) in
            [(30, 30, 30, Yes), (29, 30, 99, No), (30, 29, 99, No), (30, 30, 28, Yes)]
        {
            let sides = [complete(sources, estimate), complete(destinations, estimate)];
            for is_overloaded in [false, true] {
                assert_eq!(THIRTY.dispersed(sides, || is_overloaded), expected);
            }
        }
    }

    #[test]
    fn estimates_decide_where_names_are_missing_or_the_threshold_is_above_them() {
        let sides = |one: HostEvidence| [one, complete(30, 30)];
        assert_eq!(THIRTY.dispersed(sides(late(29, 30)), || false), Dispersed::Yes);
        assert_eq!(THIRTY.dispersed(sides(late(29, 29)), || false), Dispersed::No);
        assert_eq!(THIRTY.dispersed(sides(cut(2, 30)), || false), Dispersed::Yes);
        let more = MOST_HOSTS as u32 + 1;
        let thresholds = Thresholds { sources: more, ..THIRTY };
        let full = |estimate| sides(complete(MOST_HOSTS as u32, estimate));
        assert_eq!(thresholds.dispersed(full(more), || true), Dispersed::Yes);
        assert_eq!(thresholds.dispersed(full(more - 1), || true), Dispersed::No);
    }

    #[test]
    fn one_list_must_show_half_and_both_where_the_table_is_overloaded() {
        use Dispersed::{NotBorneOut, Yes};
        for (sides, alone, overloaded) in [
            ([late(14, 30), late(14, 30)], NotBorneOut, NotBorneOut),
            ([late(15, 30), late(14, 30)], Yes, NotBorneOut),
            ([late(15, 30), late(15, 30)], Yes, Yes),
            ([cut(0, 30), late(14, 30)], Yes, NotBorneOut),
            ([cut(0, 30), cut(0, 30)], Yes, Yes),
        ] {
            assert_eq!(THIRTY.dispersed(sides, || false), alone, "{sides:?}");
            assert_eq!(THIRTY.dispersed(sides, || true), overloaded, "{sides:?}");
        }
        // A list ends at 64, so half of that is enough for any threshold above.
        let thresholds = Thresholds { sources: 1_000, destinations: 1_000, ..THIRTY };
        assert_eq!(thresholds.dispersed([late(32, 1_000); 2], || true), Yes);
        assert_eq!(thresholds.dispersed([late(31, 1_000); 2], || false), NotBorneOut);
    }

    #[test]
    fn over_all_ports_more_is_needed() {
        let requests = |is_from_one_port, requests, replies, sources| OverAllPorts {
            is_from_one_port,
            requests,
            replies,
            sources,
        };
        let witty = requests(true, 90, 90, 90);
        let at_random = requests(false, 90, 44, 11);
        let expected = Thresholds { spread: 8, relays: 9, ..THIRTY };
        assert_eq!(witty.thresholds(&THIRTY), expected);
        let expected = Thresholds { sources: 60, destinations: 60, spread: 8, relays: 3 };
        assert_eq!(at_random.thresholds(&THIRTY), expected);
        for (over_all, disperses, passed_on) in [
            (witty, true, true),
            (at_random, true, true),
            (requests(false, 90, 45, 9), false, true),
            (requests(false, 8, 16, 9), false, true),
            (requests(false, 8, 17, 9), false, false),
            (requests(false, 7, 0, 9), true, false),
        ] {
            assert_eq!(over_all.may_disperse(), disperses, "{over_all:?}");
            assert_eq!(over_all.may_be_passed_on(), passed_on, "{over_all:?}");
        }
    }

    #[test]
    fn a_spread_alarms_from_its_threshold_on_with_as_many_relays() {
        let unasked = || panic!("one relay is certain");
        assert!(!THIRTY.is_passed_on(3, false, unasked));
        assert!(THIRTY.is_passed_on(4, false, unasked));
        assert!(!THIRTY.is_passed_on(2, true, unasked));
        assert!(THIRTY.is_passed_on(3, true, unasked));
        assert!(THIRTY.of_decoy().is_passed_on(1, false, unasked));
        assert!(!THIRTY.of_decoy().is_passed_on(0, false, unasked));
        let two = Thresholds { relays: 2, ..THIRTY };
        assert!(!two.is_passed_on(3, false, unasked));
        assert!(!two.is_passed_on(9, false, || 1));
        assert!(two.is_passed_on(4, false, || 2));
    }
}
