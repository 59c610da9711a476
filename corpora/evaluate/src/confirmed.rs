//! Whom signatures name as confirmed for an isolation list, beside who is infected.
//!
//! Of worms one confirmed host in a thousand may be none that is infected; where addresses are
//! forged, and where nothing spreads, none may.

use crate::results::{Row, Subject};
use crate::said::Said;
use std::collections::BTreeMap;
use wormsift_corpora::GroundTruth;
use wormsift_export::isolate::{Class, IsolateOptions, IsolationList, Protected};
use wormsift_export::text::counted;

/// Hosts that the last words on all signatures make confirmed, and those of them that are not
/// infected.
pub(crate) fn confirmed(said: &Said, truth: &GroundTruth) -> [u64; 2] {
    let options = IsolateOptions { most_new: usize::MAX, ..IsolateOptions::default() };
    let none = BTreeMap::new();
    let list = IsolationList::new(&said.closing, &Protected::default(), &none, &options);
    let confirmed = list.hosts().filter(|(_, it)| it.class == Class::Confirmed);
    confirmed.fold([0; 2], |[all, wrong], (network, _)| {
        let is_infected = truth.infections.iter().any(|one| network.contains(one.host));
        [all + 1, wrong + u64::from(!is_infected)]
    })
}

/// What the confirmed hosts of these rows are: of worms, and of what does not spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConfirmedSums {
    /// Confirmed in runs of worms, and not infected.
    worms: [u64; 2],
    /// Not infected, in runs in which sources are forged.
    forged: u64,
    /// Confirmed where nothing spreads.
    benign: u64,
}

impl ConfirmedSums {
    pub(crate) fn of(rows: &[Row]) -> Self {
        let mut sums = Self::default();
        for row in rows {
            let [all, wrong] = row.confirmed;
            if row.subject == Subject::Worm {
                sums.worms = [sums.worms[0] + all, sums.worms[1] + wrong];
                sums.forged += if row.name.starts_with("forged") { wrong } else { 0 };
            } else {
                // A capture's truth may name who is infected.
                let labelled = row.subject == Subject::Labelled;
                sums.benign += if labelled { wrong } else { all };
            }
        }
        sums
    }

    /// Whether one may rely on them.
    pub(crate) fn is_good(self) -> bool {
        let [all, wrong] = self.worms;
        1_000 * wrong <= all && self.forged == 0 && self.benign == 0
    }

    /// In words; nothing where no host is confirmed.
    pub(crate) fn text(self) -> Option<String> {
        let [all, wrong] = self.worms;
        (all + self.benign > 0).then(|| {
            format!(
                "{} confirmed for isolation, {wrong} of them not infected, {} of these under \
                 forged sources; {} where nothing spreads",
                counted(all, "host"),
                self.forged,
                self.benign
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_in_a_thousand_is_allowed_of_worms_alone() {
        let row = |name: &str, subject, confirmed| Row {
            name: name.to_owned(),
            subject,
            confirmed,
            ..Row::default()
        };
        let is_good = |rows: &[Row]| ConfirmedSums::of(rows).is_good();
        let worm = row("outbreak", Subject::Worm, [1_000, 1]);
        assert!(is_good(&[]) && is_good(std::slice::from_ref(&worm)));
        assert!(!is_good(&[row("outbreak", Subject::Worm, [999, 1])]));
        let others = [
            (row("forged-sources", Subject::Worm, [0, 0]), true),
            (row("forged-sources", Subject::Worm, [9_000, 1]), false),
            (row("backup", Subject::Benign, [0, 0]), true),
            (row("backup", Subject::Benign, [1, 1]), false),
            (row("day.pcap", Subject::Clean, [1, 1]), false),
            (row("day.pcap", Subject::Labelled, [1, 0]), true),
            (row("day.pcap", Subject::Labelled, [1, 1]), false),
        ];
        for (other, good) in others {
            assert_eq!(is_good(&[worm.clone(), other.clone()]), good, "{other:?}");
        }
        assert_eq!(ConfirmedSums::default().text(), None);
        let text = ConfirmedSums::of(&[worm]).text().unwrap();
        assert!(
            text.starts_with("1,000 hosts confirmed for isolation, 1 of them"),
            "{text}"
        );
    }
}
