//! The grade of a signature, and the reasons for it.

use super::Handshakes;
use super::evidence::{Load, View};
use super::strength::LEAST_VALUES;
use super::{Alarm, Count, Kind, Support};
use crate::detect::alarms::DARK_HOSTS;
use crate::packet::protocol;
use crate::state::persist_choice;

/// How much to trust a signature.
///
/// - *Low*: its content has fewer than 8 distinct byte values (filler has); or it
///   was grown from the samples of one source only; or its sources look forged: on a
///   [two-way](View::is_two_way) tap, nine in ten of its listed sources sent it over TCP
///   without ever acknowledging what the other side answered, and no other host passed
///   it on.
/// - *High*: none of that, its [kind](super::Kind) is an outbreak, and at least two hosts
///   passed this very content on as that rule asks, and are shown not to be forged. What else
///   is not known of hosts counts neither way. Never what responders alone sent, nor what hosts
///   pass on by trade.
/// - *Medium*: all others. What nobody passed on is never more, since UDP, and TCP on a
///   tap that sees one direction, do not show whether sources are forged.
///
/// Of what a *decoy* received and then passed on, in a conversation that it started, the grade
/// is never low: decoys start nothing by themselves. It is high if one such decoy is shown not
/// to be forged, or by the rule above, and nothing speaks for low.
///
/// What shows that an address is not forged depends on the transport:
///
/// - *TCP*: where it sent the content, it acknowledged what the other side had answered. A tap
///   that sees one direction shows that of nobody.
/// - *Datagrams* have no handshake. The setting `home_net` must be given, and the host in it
///   must have sent the content to one outside: at the border of a network nobody outside can
///   do so in its place.
/// - *In tunnels* nothing shows it, unless both ends are in `trusted_tunnels`: whoever sends
///   into a tunnel can forge both directions.
/// - *Streams that an IDS put together*: what the IDS says of the handshake.
///
/// One grade lower where every host that passed it on had begun to pass on something else
/// at this port on eight other occasions or more, ten minutes or more apart: servers that
/// forward do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// May well be filler, one host's habit, or forged.
    #[default]
    Low,
    /// One alarm, and nothing against it.
    Medium,
    /// Passed on by several hosts, or seen by both alarms.
    High,
}

impl Confidence {
    /// The name used in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// As many relays make an accident unlikely.
const SEVERAL_RELAYS: usize = 2;

/// What the rule looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grounds<'a> {
    pub(super) distinct_bytes: u32,
    pub(super) support: Support,
    pub(super) alarms: &'a [Alarm],
    /// Sources and destinations.
    pub(super) hosts: [Count; 2],
    /// Hosts that passed it on.
    pub(super) relays: usize,
    /// Those that are not known to get no answers.
    pub(super) credible_relays: usize,
    /// Those that are infected by the rule of [`Kind`], if that is an outbreak.
    pub(super) infected_relays: usize,
    /// Those of them that are shown not to be forged.
    pub(super) proven_relays: usize,
    /// Those that are decoys, and those of these that are shown not to be forged.
    pub(super) decoys: (usize, usize),
    /// Those that kept to hosts which they had talked to before.
    pub(super) contact_relays: usize,
    /// What the content is likely to be, with others that belong to it.
    pub(super) kind: Kind,
    /// How many contents belong to it.
    pub(super) contents: usize,
    /// Whether responders alone sent it, as far as roles are known.
    pub(super) only_replies: bool,
    /// Whether all of them pass on whatever comes.
    pub(super) forwarded: bool,
    pub(super) protocol: u8,
    pub(super) handshakes: Handshakes,
    pub(super) view: View,
    pub(super) load: Load,
}

impl Grounds<'_> {
    /// Applies the rule of [`Confidence`]: the grade, and each ground as a sentence.
    pub(super) fn judge(&self) -> (Confidence, Vec<String>) {
        if self.decoys.0 > 0 {
            return self.judge_decoys();
        }
        let mut reasons = self.against();
        let for_it = self.for_it();
        let confidence = match (reasons.is_empty(), for_it.is_empty()) {
            (false, _) => Confidence::Low,
            (true, false) => Confidence::High,
            (true, true) => Confidence::Medium,
        };
        reasons.extend(for_it);
        if confidence == Confidence::Medium {
            reasons.extend(self.between());
        }
        if !self.forwarded {
            return (confidence, reasons);
        }
        reasons.push(
            "Every host that passed it on had passed other contents on to this port, on \
             many occasions: servers that forward do."
                .to_owned(),
        );
        let lower = match confidence {
            Confidence::High => Confidence::Medium,
            Confidence::Medium | Confidence::Low => Confidence::Low,
        };
        (lower, reasons)
    }

    /// The same of what decoys passed on.
    fn judge_decoys(&self) -> (Confidence, Vec<String>) {
        let (decoys, proven) = self.decoys;
        let mut reasons = vec![match decoys {
            1 => "A decoy, which starts nothing by itself, received it and then passed it on."
                .to_owned(),
            n => format!(
                "{n} decoys, which start nothing by themselves, received it and then passed it \
                 on."
            ),
        }];
        let (against, for_it) = (self.against(), self.for_it());
        let is_high = against.is_empty() && (proven > 0 || !for_it.is_empty());
        reasons.extend(against);
        reasons.extend(for_it);
        if proven == 0 {
            let how = self.proof();
            reasons.push(format!("No such decoy is shown not to be forged: {how}."));
        }
        (if is_high { Confidence::High } else { Confidence::Medium }, reasons)
    }

    fn against(&self) -> Vec<String> {
        let mut against = Vec::new();
        if (self.distinct_bytes as usize) < LEAST_VALUES {
            against.push(format!(
                "The content has only {} distinct byte values: it may be filler.",
                self.distinct_bytes
            ));
        }
        match self.support {
            Support::Sources => {}
            Support::OneSource => against.push(
                "All samples are from one source, so the content may be longer than what \
                 others send."
                    .to_owned(),
            ),
            Support::OneSample => against.push(
                "Only one sample is left, so the content is a window of it and may be a \
                 part of something longer."
                    .to_owned(),
            ),
        }
        if self.are_forged() {
            let Handshakes { answered, unanswered, unknown } = self.handshakes;
            against.push(format!(
                "Forged sources: {unanswered} of {} listed sources sent it over TCP without \
                 knowing what the other side had answered, on a tap that sees both \
                 directions.",
                answered + unanswered + unknown
            ));
        }
        against
    }

    fn are_forged(&self) -> bool {
        self.protocol == protocol::TCP
            && self.view.is_two_way()
            && self.handshakes.are_missing()
            && self.credible_relays == 0
    }

    fn for_it(&self) -> Vec<String> {
        let mut for_it = Vec::new();
        if self.only_replies || self.kind != Kind::Outbreak {
            return for_it;
        }
        let (relays, infected) = (self.relays, self.infected_relays);
        let several = self.proven_relays >= SEVERAL_RELAYS;
        if self.alarms.contains(&Alarm::Propagation) && several {
            for_it.push(format!(
                "{relays} hosts received the content and then passed it on, {infected} of \
                 them as hosts do that it infects: to hosts new to them, or at a port where \
                 they had begun nothing before."
            ));
        }
        let both = [Alarm::Dispersion, Alarm::Propagation];
        let both = both.iter().all(|alarm| self.alarms.contains(alarm));
        if both && several && !self.is_overloaded() {
            for_it
                .push("Both the dispersion and the propagation alarm fired.".to_owned());
        }
        for_it
    }

    /// Why it is no more than medium.
    fn between(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let passed_on = self.alarms.contains(&Alarm::Propagation);
        reasons.push(match (passed_on, self.relays) {
            (true, 0 | 1) => "One host passed the content on.".to_owned(),
            (true, relays) => format!("{relays} hosts passed the content on."),
            (false, _) => {
                let [sources, destinations] = self.hosts;
                format!(
                    "The content went from {sources} sources to {destinations} \
                         destinations."
                )
            }
        });
        if self.alarms.contains(&Alarm::Dark) {
            reasons.push(format!(
                "At least {DARK_HOSTS} sources sent it to at least {DARK_HOSTS} dark addresses, \
                 which nobody does on purpose but who scans."
            ));
        }
        if self.contact_relays > 0 {
            reasons.push(format!(
                "{} of {} hosts that passed it on kept to hosts that they had talked to before \
                 they received it: services that forward do, and a worm that attacks contacts.",
                self.contact_relays, self.relays
            ));
        }
        if self.infected_relays >= SEVERAL_RELAYS && self.proven_relays < SEVERAL_RELAYS {
            reasons.push(self.lack_of_proof());
        }
        if self.kind.is_by_trade() && self.contents > 1 {
            reasons.push(format!(
                "It is one of {} contents that belong together and are passed on by trade.",
                self.contents
            ));
        }
        if self.only_replies {
            reasons.push("It was only sent in replies, as servers do.".to_owned());
        }
        if self.alarms.contains(&Alarm::Dispersion) && self.is_overloaded() {
            reasons.push(
                "Dispersion tables were overloaded, so that its estimates run high."
                    .to_owned(),
            );
        }
        if self.relays == 0 && self.handshakes.answered == 0 {
            reasons.extend(match self.protocol {
                protocol::TCP if self.view.is_two_way() => None,
                protocol::TCP => Some(
                    "Sources may be forged: the tap was not seen to show both directions \
                     of conversations."
                        .to_owned(),
                ),
                _ => Some(
                    "Sources may be forged: its protocol has no handshake.".to_owned(),
                ),
            });
        }
        reasons
    }

    /// Why hosts that pass it on as infected ones do are not enough.
    fn lack_of_proof(&self) -> String {
        let (infected, proven) = (self.infected_relays, self.proven_relays);
        let known = format!(
            "Of {infected} hosts that passed it on as hosts do that it infects, {proven} are \
             shown not to be forged"
        );
        format!("{known}: {}.", self.proof())
    }

    /// What would show that a host is not forged.
    fn proof(&self) -> &'static str {
        match self.protocol {
            protocol::TCP => {
                "over TCP that takes a handshake that the tap saw, outside of tunnels whose \
                 ends are not in trusted_tunnels"
            }
            _ => {
                "without a handshake that takes a host of the home network (home_net) that \
                 sends it outside, and not through tunnels whose ends are not in \
                 trusted_tunnels"
            }
        }
    }

    fn is_overloaded(&self) -> bool {
        self.load.is_dispersion_overloaded()
    }
}

persist_choice!(Confidence: Confidence::Low, Confidence::Medium, Confidence::High);

#[cfg(test)]
mod tests {
    use super::*;
    use Alarm::{Dispersion, Propagation};

    const TWO_WAY: View = View { directions: 100, answered: 90 };
    const FORGED: Handshakes = Handshakes { answered: 1, unanswered: 29, unknown: 0 };

    fn grounds(alarms: &[Alarm], relays: usize) -> Grounds<'_> {
        Grounds {
            distinct_bytes: 20,
            support: Support::Sources,
            alarms,
            hosts: [Count::exact(3), Count::about(900)],
            relays,
            credible_relays: relays,
            infected_relays: relays,
            proven_relays: relays,
            decoys: (0, 0),
            contact_relays: 0,
            kind: Kind::Outbreak,
            contents: 1,
            only_replies: false,
            forwarded: false,
            protocol: protocol::TCP,
            handshakes: Handshakes { answered: 30, unanswered: 0, unknown: 0 },
            view: TWO_WAY,
            load: Load::default(),
        }
    }

    fn assert_grade(grounds: Grounds<'_>, grade: Confidence, reasons: usize) {
        let (found, said) = grounds.judge();
        assert_eq!((found, said.len()), (grade, reasons), "{grounds:?}: {said:?}");
        assert!(said.iter().all(|reason| reason.ends_with('.')), "{said:?}");
    }

    #[test]
    fn the_rule_grades_as_written() {
        use Confidence::{High, Low, Medium};
        use Support::{OneSample, OneSource};
        let cases: [(&[Alarm], usize, Confidence, usize); 6] = [
            (&[Dispersion], 0, Medium, 1),
            (&[Propagation], 1, Medium, 1),
            (&[Propagation], 2, High, 1),
            (&[Dispersion], 2, Medium, 1),
            (&[Dispersion, Propagation], 1, Medium, 1),
            (&[Dispersion, Propagation], 2, High, 2),
        ];
        for (alarms, relays, grade, reasons) in cases {
            assert_grade(grounds(alarms, relays), grade, reasons);
        }
        let said = |alarms, relays| grounds(alarms, relays).judge().1[0].clone();
        let dispersed = "The content went from 3 sources to about 900 destinations.";
        assert_eq!(said(&[Dispersion], 2), dispersed);
        assert_eq!(said(&[Propagation], 1), "One host passed the content on.");
        let filler = Grounds { distinct_bytes: 7, ..grounds(&[Propagation], 2) };
        assert_grade(filler, Low, 2);
        for support in [OneSource, OneSample] {
            assert_grade(Grounds { support, ..grounds(&[Dispersion], 0) }, Low, 1);
        }
    }

    #[test]
    fn what_a_decoy_passed_on_is_never_low_and_high_by_one_proof() {
        use Confidence::{High, Medium};
        let one = |proven| Grounds {
            decoys: (1, proven),
            proven_relays: proven,
            ..grounds(&[Propagation], 1)
        };
        assert_grade(one(1), High, 1);
        assert_grade(one(0), Medium, 2);
        let said = one(0).judge().1;
        assert!(said[0].starts_with("A decoy, which starts nothing"), "{said:?}");
        assert!(said[1].starts_with("No such decoy is shown not to be"), "{said:?}");
        for against in [
            Grounds { support: Support::OneSource, ..one(1) },
            Grounds { distinct_bytes: 7, ..one(1) },
        ] {
            assert_grade(against, Medium, 2);
        }
        assert_grade(Grounds { forwarded: true, ..one(1) }, High, 1);
        // By two other relays that are proven.
        let others = Grounds { decoys: (2, 0), ..grounds(&[Propagation], 4) };
        assert_grade(others, High, 3);
        assert!(others.judge().1[0].starts_with("2 decoys, which start nothing"));
    }

    #[test]
    fn who_keeps_to_contacts_or_only_replies_is_never_high() {
        use Confidence::{High, Medium};
        let both = grounds(&[Dispersion, Propagation], 4);
        let kept = |contact_relays, infected_relays| Grounds {
            contact_relays,
            infected_relays,
            proven_relays: infected_relays,
            ..both
        };
        assert_grade(kept(2, 2), High, 2);
        assert_grade(kept(3, 1), Medium, 2);
        assert_grade(kept(0, 0), Medium, 1);
        let said = kept(4, 0).judge().1;
        assert!(
            said[1].starts_with("4 of 4 hosts that passed it on kept to"),
            "{said:?}"
        );
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Outbreak) {
            assert_grade(Grounds { kind, ..both }, Medium, 1);
        }
        let trade = Grounds { kind: Kind::PeerProtocol, contents: 3, ..both };
        assert_grade(trade, Medium, 2);
        assert!(trade.judge().1[1].starts_with("It is one of 3 contents"));
        assert_grade(Grounds { only_replies: true, ..both }, Medium, 2);
    }

    #[test]
    fn sources_without_answers_are_low_on_a_two_way_tap_and_medium_elsewhere() {
        let forged = Grounds { handshakes: FORGED, ..grounds(&[Dispersion], 0) };
        assert_grade(forged, Confidence::Low, 1);
        assert!(forged.judge().1[0].starts_with("Forged sources: 29 of 30"));
        // Relays that are such sources themselves do not speak for it, others do.
        let both = &[Dispersion, Propagation];
        let relayed = Grounds { handshakes: FORGED, ..grounds(both, 3) };
        assert_grade(Grounds { credible_relays: 0, ..relayed }, Confidence::Low, 3);
        assert_grade(relayed, Confidence::High, 2);
        let none = Handshakes { unanswered: 30, ..Handshakes::default() };
        let one_way = View { directions: 100, answered: 24 };
        let telescope = Grounds { handshakes: none, view: one_way, ..forged };
        assert_grade(telescope, Confidence::Medium, 2);
        let unknown = Handshakes { unknown: 30, ..Handshakes::default() };
        let datagrams = Grounds { protocol: 17, handshakes: unknown, ..forged };
        assert_grade(datagrams, Confidence::Medium, 2);
        for grounds in [telescope, datagrams] {
            assert!(grounds.judge().1[1].starts_with("Sources may be forged:"));
        }
    }

    #[test]
    fn hosts_that_may_be_forged_make_no_high_grade() {
        let both = grounds(&[Dispersion, Propagation], 9);
        for (proven_relays, grade, reasons) in [
            (0, Confidence::Medium, 2),
            (1, Confidence::Medium, 2),
            (2, Confidence::High, 2),
        ] {
            for protocol in [protocol::TCP, protocol::UDP] {
                assert_grade(Grounds { proven_relays, protocol, ..both }, grade, reasons);
            }
        }
        let said = Grounds { proven_relays: 1, ..both }.judge().1;
        let known =
            "Of 9 hosts that passed it on as hosts do that it infects, 1 are shown";
        assert!(said[1].starts_with(known), "{said:?}");
    }

    #[test]
    fn what_only_forwarding_servers_passed_on_is_one_grade_lower() {
        let both = Grounds { forwarded: true, ..grounds(&[Dispersion, Propagation], 2) };
        assert_grade(both, Confidence::Medium, 3);
        let one = Grounds { forwarded: true, ..grounds(&[Propagation], 1) };
        assert_grade(one, Confidence::Low, 2);
    }

    #[test]
    fn an_overloaded_dispersion_alarm_does_not_raise_the_grade() {
        let load = Load { prevalence: 0, dispersion: 401 };
        let both = Grounds { load, ..grounds(&[Dispersion, Propagation], 1) };
        assert_grade(both, Confidence::Medium, 2);
        let two = Grounds { relays: 2, infected_relays: 2, proven_relays: 2, ..both };
        assert_grade(two, Confidence::High, 1);
    }
}
