//! How far a signature can be trusted, and why.

use super::{Alarm, Support};

/// How much to trust a signature.
///
/// - *Low*: its content has fewer than 8 distinct byte values (filler has), or it
///   was grown from the samples of one source only.
/// - *High*: none of that, and either at least two hosts passed it on, or both
///   alarms fired.
/// - *Medium*: all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// May well be filler, or one host's habit.
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

/// What a signature's confidence rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Content keys (windows) that alarmed and are parts of the content.
    pub keys: u64,
    /// The alarms that fired, in the order of [`Alarm::ALL`].
    pub alarms: Vec<Alarm>,
    /// Distinct byte values in the content.
    pub distinct_bytes: u32,
    /// Each ground for the confidence as one sentence, for a person to read.
    pub reasons: Vec<String>,
}

/// Fewer distinct byte values than this look like filler.
const FEW_BYTE_VALUES: u32 = 8;
/// As many relays make an accident unlikely.
const SEVERAL_RELAYS: usize = 2;

/// Applies the rule of [`Confidence`].
pub(super) fn judge(
    content: &[u8],
    support: Support,
    keys: u64,
    alarms: Vec<Alarm>,
    relays: usize,
) -> (Confidence, Evidence) {
    let mut seen = [false; 256];
    content.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let distinct_bytes = seen.iter().filter(|seen| **seen).count() as u32;
    let mut against = Vec::new();
    let mut for_it = Vec::new();
    if distinct_bytes < FEW_BYTE_VALUES {
        against.push(format!(
            "The content has only {distinct_bytes} distinct byte values: it may be filler."
        ));
    }
    match support {
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
    if alarms.contains(&Alarm::Propagation) && relays >= SEVERAL_RELAYS {
        for_it
            .push(format!("{relays} hosts received the content and then passed it on."));
    }
    if alarms.len() == Alarm::ALL.len() {
        for_it.push("Both the dispersion and the propagation alarm fired.".to_owned());
    }
    let confidence = match (against.is_empty(), for_it.is_empty()) {
        (false, _) => Confidence::Low,
        (true, false) => Confidence::High,
        (true, true) => Confidence::Medium,
    };
    if confidence == Confidence::Medium {
        for_it.push(match alarms.first() {
            Some(Alarm::Propagation) => "One host passed the content on.".to_owned(),
            _ => "Many sources sent the content to many destinations.".to_owned(),
        });
    }
    against.extend(for_it);
    (confidence, Evidence { keys, alarms, distinct_bytes, reasons: against })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_grades_as_written() {
        use Alarm::{Dispersion, Propagation};
        use Support::{OneSample, OneSource, Sources};
        let rich: &[u8] = b"eight distinct values";
        type Case<'a> = (&'a [u8], Support, &'a [Alarm], usize, Confidence, usize);
        let cases: [Case; 9] = [
            (rich, Sources, &[Dispersion], 0, Confidence::Medium, 1),
            (rich, Sources, &[Propagation], 1, Confidence::Medium, 1),
            (rich, Sources, &[Propagation], 2, Confidence::High, 1),
            (rich, Sources, &[Dispersion], 2, Confidence::Medium, 1),
            (rich, Sources, &[Dispersion, Propagation], 1, Confidence::High, 1),
            (rich, Sources, &[Dispersion, Propagation], 2, Confidence::High, 2),
            (b"1234567765", Sources, &[Propagation], 2, Confidence::Low, 2),
            (rich, OneSource, &[Dispersion], 0, Confidence::Low, 1),
            (b"", OneSample, &[Dispersion], 0, Confidence::Low, 2),
        ];
        for (content, support, alarms, relays, confidence, reasons) in cases {
            let (grade, evidence) = judge(content, support, 1, alarms.to_vec(), relays);
            assert_eq!(grade, confidence, "{:?}", evidence.reasons);
            assert_eq!(evidence.reasons.len(), reasons, "{:?}", evidence.reasons);
            assert!(evidence.reasons.iter().all(|reason| reason.ends_with('.')));
        }
        assert_eq!(judge(b"12345678", Sources, 1, vec![], 0).0, Confidence::Medium);
    }
}
