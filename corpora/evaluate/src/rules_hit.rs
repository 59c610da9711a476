//! The packets that the exported rules of a run match.
//!
//! Of the worm's own traffic all of it, of other traffic nothing. The matcher looks for
//! the tokens of the rules as an IDS does, over datagrams and along TCP directions.

use super::about::is_true;
use super::results::Run;
use super::said::Said;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use wormsift::config::Config;
use wormsift::decode::Fragments;
use wormsift::decode::{Decoded, Decoder};
use wormsift::packet::{Frame, Packet, protocol};
use wormsift_corpora::GroundTruth;
use wormsift_export::matching::Matcher;
use wormsift_export::{Rule, RuleOptions, Sid};

/// Memory for the ends of TCP segments, bytes.
const TAILS: usize = 16 << 20;

/// The rules of a run's signatures as last said.
pub(crate) struct Rules<'a> {
    rules: Vec<Rule<'a>>,
    /// Whether each is of a signature about something planted.
    right: Vec<bool>,
}

/// One direction of a TCP connection.
type Flow = (IpAddr, IpAddr, u16, u16, u64);

impl<'a> Rules<'a> {
    pub(crate) fn of(said: &'a Said, truth: &GroundTruth, config: &Config) -> Self {
        let (sid, options) = (Sid { sid: 1, rev: 1 }, RuleOptions::default());
        let mut rules = Self { rules: Vec::new(), right: Vec::new() };
        for (_, it) in said.last().into_values() {
            if let Ok(rule) = Rule::new(it, sid, &options) {
                rules.rules.push(rule);
                rules.right.push(is_true(it, truth, config));
            }
        }
        rules
    }

    /// Packets that some rule hits, and those that one of a true signature does.
    pub(crate) fn count(&self, frames: &[Frame<'_>]) -> [u64; 2] {
        let mut hits = [0; 2];
        self.each(frames, |_, holding| {
            hits[0] += u64::from(!holding.is_empty());
            hits[1] += u64::from(holding.iter().any(|rule| self.right[*rule]));
        });
        hits
    }

    /// Counts the worm's packets to the services of true signatures and those that are
    /// hit: what travels elsewhere is in the recall. Over TCP, flows: one that holds
    /// less than the content's bytes was cut before its end and does not count.
    pub(crate) fn count_worm(
        &self,
        frames: &[Frame<'_>],
        truth: &GroundTruth,
        run: &mut Run,
    ) {
        if !self.right.contains(&true) {
            return;
        }
        let contents: Vec<_> = truth
            .contents
            .iter()
            .filter(|content| !content.carriers.runs.is_empty())
            .collect();
        let [mut hit, mut all] = [0; 2];
        let mut flows: BTreeMap<Flow, (u64, bool, bool)> = BTreeMap::new();
        self.each(frames, |packet, holding| {
            let carried = contents
                .iter()
                .find(|it| it.carriers.contains(packet.number) && self.concern(packet));
            let held = holding.iter().any(|rule| self.right[*rule]);
            if packet.protocol != protocol::TCP {
                all += u64::from(carried.is_some());
                hit += u64::from(carried.is_some() && held);
                return;
            }
            let flow = (
                packet.source,
                packet.destination,
                packet.source_port,
                packet.destination_port,
                packet.encapsulation,
            );
            if let Some(content) = carried {
                let (bytes, whole, _) = flows.entry(flow).or_default();
                *bytes += packet.payload.len() as u64;
                *whole |= *bytes >= content.length as u64;
            }
            if let Some((_, _, hit)) = flows.get_mut(&flow) {
                *hit |= held;
            }
        });
        let whole = || flows.values().filter(|(_, whole, _)| *whole);
        all += whole().count() as u64;
        hit += whole().filter(|(_, _, hit)| *hit).count() as u64;
        run.rules_hit = Some([hit, all]);
    }

    /// Whether a rule of a true signature looks at such packets.
    fn concern(&self, packet: &Packet<'_>) -> bool {
        let mut right = self.rules.iter().zip(&self.right).filter(|(_, right)| **right);
        right.any(|(rule, _)| rule.service.concerns(rule.signature.protocol, packet))
    }

    /// Gives every packet and the rules that hold on it.
    fn each(&self, frames: &[Frame<'_>], mut each: impl FnMut(&Packet<'_>, &[usize])) {
        if self.rules.is_empty() {
            return;
        }
        let Ok(mut matcher) = Matcher::new(&self.rules, TAILS) else { return };
        let decoder = Decoder::new(true, false);
        let mut fragments = Fragments::new(decoder.clone());
        let (mut found, mut holding) = (Vec::new(), Vec::new());
        let mut scan = |packet: &Packet<'_>| -> Result<(), Infallible> {
            found.clear();
            matcher.scan(packet, &mut found);
            matcher.complete(packet, &found, &mut holding);
            each(packet, &holding);
            Ok(())
        };
        for frame in frames {
            let Ok(()) = match decoder.frame(frame) {
                Decoded::Packet(packet) => scan(&packet),
                Decoded::Fragment(fragment) => fragments.insert(&fragment, &mut scan),
                Decoded::Drop(_) => Ok(()),
            };
        }
    }
}
