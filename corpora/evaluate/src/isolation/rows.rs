//! The epidemics of one world and span, summed up.

use super::{Outcome, World};
use crate::statistics::{Estimate, estimate, estimate_of_shares, some_estimate};
use serde::{Deserialize, Serialize};
use wormsift::time::Span;

/// Points of a curve.
const POINTS: usize = 120;

/// Epidemics with a list applied some time after each alarm, or without one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct IsolationRow {
    /// Where the epidemic is.
    pub(crate) name: String,
    /// Seconds in which the infected double while they are few.
    pub(crate) doubling_seconds: f64,
    /// Seconds from an alarm to the hosts that it names being cut off; `None` without a list.
    pub(crate) after_seconds: Option<f64>,
    /// Vulnerable hosts of the site.
    pub(crate) vulnerable: u64,
    /// The share of these that is infected in the end.
    pub(crate) infected_share: Estimate,
    /// How many were when the first host was listed.
    pub(crate) infected_at_first: Option<Estimate>,
    /// Hosts of the site listed in a run.
    pub(crate) listed: Estimate,
    /// In all runs: hosts listed, and those of them not infected.
    pub(crate) all_listed: [u64; 2],
    /// The same of confirmed ones.
    pub(crate) confirmed: [u64; 2],
    /// [seconds since the first infection, median share infected by then].
    pub(crate) curve: Vec<[f64; 2]>,
}

impl IsolationRow {
    pub(super) fn of(world: World, span: Option<Span>, outcomes: &[Outcome]) -> Self {
        let all = world.vulnerable() as f64;
        let share = |hosts: usize| hosts as f64 / all;
        let point = |place: usize| {
            let at = world.length() * place as f64 / POINTS as f64;
            let shares = outcomes.iter().map(|it| {
                share(it.infected_at.partition_point(|infected| *infected <= at))
            });
            [at, estimate_of_shares(shares).median]
        };
        let sum = |of: fn(&Outcome) -> [u64; 2]| {
            outcomes.iter().map(of).fold([0; 2], |a, b| [a[0] + b[0], a[1] + b[1]])
        };
        Self {
            name: world.name().to_owned(),
            doubling_seconds: world.doubling(),
            after_seconds: span.map(Span::as_secs_f64),
            vulnerable: world.vulnerable(),
            infected_share: estimate_of_shares(
                outcomes.iter().map(|it| share(it.infected_at.len())),
            ),
            infected_at_first: some_estimate(
                outcomes.iter().filter_map(|it| it.at_first).map(|hosts| hosts as f64),
            ),
            listed: estimate(outcomes.iter().map(|it| it.listed[0] as f64)),
            all_listed: sum(|it| it.listed),
            confirmed: sum(|it| it.confirmed),
            curve: (0..=POINTS).map(point).collect(),
        }
    }
}
