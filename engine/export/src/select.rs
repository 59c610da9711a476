//! Which signatures get a rule: those of the kinds that are asked for, if they are strong
//! enough, one for each question to packets. Costs one look-up a signature.

use super::distinct::Distinct;
use super::rule::{NoRule, Rule, RuleOptions};
use super::sids::Sid;
use std::fmt;
use wormsift::signature::{Kind, Signature};

/// The kinds of incidents whose signatures get rules, unless others are asked for: not what
/// hosts pass on by trade or deliver to many. Where a tap sees one direction, a worm is a
/// campaign.
pub const RULE_KINDS: [Kind; 3] = [Kind::Outbreak, Kind::Unclear, Kind::ScanCampaign];

/// The same of sets of hosts. Whoever is listed is cut off: nobody who is not known to be
/// infected.
pub const HOST_SET_KINDS: [Kind; 1] = [Kind::Outbreak];

/// Rules without numbers yet, and the signatures that have none.
#[derive(Debug)]
pub struct Selected<'a> {
    /// In the order of their signatures.
    pub rules: Vec<Rule<'a>>,
    /// The others, each with the reason.
    pub left_out: Vec<(&'a Signature, LeftOut<'a>)>,
}

/// Why a signature has no rule of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut<'a> {
    /// It is too weak.
    Weak(NoRule),
    /// The signature of this id has a rule that holds on the same packets.
    Same(&'a str),
}

impl fmt::Display for LeftOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weak(reason) => reason.fmt(f),
            Self::Same(id) => write!(f, "{id} has the same"),
        }
    }
}

/// Makes rules of these signatures; of several that ask the same, the first has it.
pub fn select<'a>(
    signatures: impl IntoIterator<Item = &'a Signature>,
    options: &RuleOptions,
) -> Selected<'a> {
    let mut selected = Selected { rules: Vec::new(), left_out: Vec::new() };
    let mut questions = Distinct::new();
    for signature in signatures {
        match Rule::new(signature, Sid { sid: 0, rev: 0 }, options) {
            Err(weak) => selected.left_out.push((signature, LeftOut::Weak(weak))),
            Ok(rule) => match questions.number(rule.question()) {
                (_, true) => selected.rules.push(rule),
                (first, false) => {
                    let first: &'a Signature = selected.rules[first].signature;
                    selected.left_out.push((signature, LeftOut::Same(&first.id)));
                }
            },
        }
    }
    selected
}

#[cfg(test)]
mod tests {
    use super::super::distinct::work;
    use super::super::rule::tests::signature;
    use super::*;

    fn many(count: u32) -> Vec<Signature> {
        let body = |n: u32| {
            // Every eighth is one that was there before.
            let n = if n % 8 == 7 { n - 1 } else { n };
            format!(
                "GET /{n:08x} a content of its own, {}",
                n.wrapping_mul(2_654_435_761)
            )
        };
        (0..count)
            .map(|n| Signature {
                id: format!("{n:032x}"),
                ..signature(body(n).as_bytes())
            })
            .collect()
    }

    #[test]
    fn the_first_of_those_that_ask_the_same_has_the_rule() {
        let mut signatures = many(300);
        signatures[5].protocol = 6;
        signatures[9].port = Some(446);
        signatures.push(Signature { id: "short".to_owned(), ..signature(b"short") });
        let options = RuleOptions::default();
        let selected = select(&signatures, &options);
        // One after the other, each against all before it.
        let mut rules: Vec<Rule<'_>> = Vec::new();
        let mut left_out = Vec::new();
        for it in &signatures {
            match Rule::new(it, Sid { sid: 0, rev: 0 }, &options) {
                Err(weak) => left_out.push((&*it.id, weak.to_string())),
                Ok(rule) => {
                    let question = rule.question();
                    match rules.iter().find(|known| known.question() == question) {
                        None => rules.push(rule),
                        Some(known) => left_out.push((
                            &it.id,
                            format!("{} has the same", known.signature.id),
                        )),
                    }
                }
            }
        }
        assert!(left_out.len() > 20);
        assert_eq!(selected.rules, rules);
        let said: Vec<_> = selected
            .left_out
            .iter()
            .map(|(it, why)| (&*it.id, why.to_string()))
            .collect();
        assert_eq!(said, left_out);
    }

    #[test]
    fn work_grows_with_the_number_of_signatures_and_not_with_its_square() {
        for count in [500, 4_000] {
            let signatures = many(count);
            let (selected, compared) =
                work::of(|| select(&signatures, &RuleOptions::default()));
            assert!(selected.rules.len() > count as usize / 2);
            assert!(compared <= 2 * u64::from(count), "{count}: {compared}");
        }
    }
}
