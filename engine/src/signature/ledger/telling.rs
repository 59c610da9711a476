//! How many signatures are told, and which first.
//!
//! Contents that alarm can be made up faster than anyone can read, or a rules file can hold,
//! what is written of them. So new signatures have an allowance: a thousand at once, and one
//! more each second of packet time. Beyond that those are told of which most hosts bear
//! evidence; the others wait in the ledger, where their evidence grows with each alarm, and
//! are told when it is their turn. What has waited in vain when room is needed, or when the
//! run ends, was never told (counted).
//!
//! While the allowance lasts, every signature is told at the tick of its first alarm.

use super::{Ledger, News, Raised};
use crate::state::persist;
use crate::time::{Span, Timestamp};
use std::collections::BTreeSet;

/// Signatures that may be told at once.
const MOST: u64 = 1_024;
/// For each of these one more may be.
const EACH: Span = Span::from_secs(1);

/// How many signatures may still be told.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u64,
    /// Up to when time has added to it.
    since: Timestamp,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: MOST, since: Timestamp::default() }
    }
}

impl Allowance {
    fn pass(&mut self, now: Timestamp) {
        let more = now.since(self.since).0 / EACH.0;
        self.since =
            if self.left + more >= MOST { now } else { self.since + EACH * more };
        self.left = (self.left + more).min(MOST);
    }
}

/// Evidence of a signature, by which those that wait are told: the more hosts the sooner,
/// then what was seen last.
type Weight = (u64, Timestamp, u64);

impl Ledger {
    /// Leaves in the news of a tick what may be told now.
    pub(super) fn choose(&mut self, now: Timestamp, news: &mut Vec<(Raised, News)>) {
        self.allowance.pass(now);
        let mut forced: BTreeSet<u64> = BTreeSet::new();
        let mut is_first: BTreeSet<u64> = BTreeSet::new();
        for (_, news) in &*news {
            match news {
                News::First(n) => {
                    self.untold.insert(*n);
                    is_first.insert(*n);
                }
                News::More(_) => {}
                // Who was told of a part is told what it is a part of.
                News::PartOf(part, last) if !self.untold.contains(part) => {
                    let whole = last.part_of.as_ref().and_then(|id| self.ids.get(id));
                    forced.extend(whole.filter(|n| self.untold.contains(n)));
                }
                News::PartOf(..) => {}
            }
        }
        news.retain(|(_, news)| match news {
            News::PartOf(part, _) => !self.untold.remove(part),
            _ => true,
        });
        if self.untold.is_empty() {
            return;
        }
        let mut chosen = self.heaviest(self.allowance.left.max(forced.len() as u64));
        chosen.extend(forced);
        self.allowance.left = self.allowance.left.saturating_sub(chosen.len() as u64);
        self.untold.retain(|n| !chosen.contains(n));
        self.counters.put_off +=
            is_first.iter().filter(|n| self.untold.contains(n)).count() as u64;
        news.retain(|(_, news)| match news {
            News::First(n) | News::More(n) => !self.untold.contains(n),
            News::PartOf(..) => true,
        });
        for n in chosen.into_iter().filter(|n| !is_first.contains(n)) {
            let place = news.iter_mut().find(|(_, news)| news.is_of(n));
            match place {
                Some((_, news)) => *news = News::First(n),
                None => news.push((Raised::default(), News::First(n))),
            }
            if let Some(known) = self.known.get_mut(&n) {
                known.tell_late(now);
            }
            self.touched.insert(n);
        }
    }

    /// At the end of a run: forgets what there is no allowance to tell.
    pub(super) fn drop_untold(&mut self) {
        let chosen = self.heaviest(self.allowance.left);
        for n in std::mem::take(&mut self.untold) {
            if !chosen.contains(&n) {
                self.forget(n);
                self.counters.untold += 1;
            }
        }
    }

    /// What makes room in a full ledger: of those that wait the one with the least evidence,
    /// else the oldest.
    pub(super) fn first_to_go(&self) -> Option<u64> {
        let untold = self.untold.iter().copied();
        untold
            .min_by_key(|n| self.weight(*n))
            .or_else(|| self.known.keys().next().copied())
    }

    /// So many of those that wait, of which most hosts bear evidence.
    fn heaviest(&self, most: u64) -> BTreeSet<u64> {
        if self.untold.len() as u64 <= most {
            return self.untold.clone();
        }
        let mut all: Vec<Weight> = self.untold.iter().map(|n| self.weight(*n)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.into_iter().take(most as usize).map(|(.., n)| n).collect()
    }

    fn weight(&self, n: u64) -> Weight {
        let Some(known) = self.known.get(&n) else { return Weight::default() };
        let tally = &known.tally;
        let hosts = tally.source_count().number.min(tally.destinations.count().number);
        (u64::from(hosts) + u64::from(tally.spread), tally.last_seen, n)
    }
}

persist!(Allowance { left, since });
