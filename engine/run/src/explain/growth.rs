//! How a signature's hosts grew.

use crate::palette::{Paint, Palette};
use crate::words::moment;
use serde::Serialize;
use std::fmt::Write as _;
use wormsift::packet::Timestamp;
use wormsift::signature::{Growth, Signature};
use wormsift_export::json_lines::{GrowthRecord, Time};
use wormsift_export::text::{counted, grouped};

/// Lines of the drawing.
const STEPS: u64 = 12;
/// Columns of its longest bar.
const WIDTH: usize = 48;

/// How many hosts had begun to send at some time.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "point"))]
pub(super) struct Point {
    pub(super) time: Time,
    pub(super) hosts: u64,
}

/// The count at the end of each of twelve equal steps; fewer where times are few.
pub(super) fn points(times: &[Timestamp]) -> Vec<Point> {
    steps(times)
        .into_iter()
        .map(|(time, hosts)| Point { time: time.into(), hosts })
        .collect()
}

fn steps(times: &[Timestamp]) -> Vec<(Timestamp, u64)> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Vec::new();
    };
    let span = last.as_nanos() - first.as_nanos();
    let many = STEPS.min(span.max(1));
    (1..=many)
        .map(|step| {
            // 128 bits: a span may take all 64.
            let part = (u128::from(span) * u128::from(step) / u128::from(many)) as u64;
            let end = Timestamp::from_nanos(first.as_nanos() + part);
            (end, times.partition_point(|time| *time <= end) as u64)
        })
        .collect()
}

/// How fast it grew, of which there is one number: the signature's own, by its relays. Only
/// a signature without one takes it from the times at which hosts began to send.
fn growth(signature: &Signature, times: &[Timestamp]) -> Option<Growth> {
    signature.evidence.growth.or_else(|| Growth::fit(times))
}

/// The same, as it is written out.
pub(super) fn fit(signature: &Signature, times: &[Timestamp]) -> Option<GrowthRecord> {
    growth(signature, times).map(GrowthRecord::from)
}

/// A bar a step. Nothing where nobody was seen to pass it on.
pub(super) fn write(
    text: &mut String,
    signature: &Signature,
    times: &[Timestamp],
    palette: Palette,
) {
    if times.is_empty() {
        return;
    }
    let all = times.len();
    let title = format!("growth: {} seen to send it", counted(all as u64, "host"));
    let _ = writeln!(text, "\n   {}", palette.paint(Paint::Bold, &title));
    for (time, hosts) in steps(times) {
        let bar = "#".repeat((hosts as usize * WIDTH).div_ceil(all));
        let _ = writeln!(text, "   {}  {:>7} {bar}", moment(time), grouped(hosts));
    }
    // Otherwise it stands above, with what the signature rests on.
    if signature.evidence.growth.is_none()
        && let Some(fit) = growth(signature, times)
    {
        let _ = writeln!(
            text,
            "   hosts that send it double in {:.1} s ({:.3e} per second, standard error {:.1e}, \
             {})",
            fit.doubling_seconds,
            fit.rate_per_second,
            fit.standard_error,
            counted(fit.points, "point"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn each_step_counts_who_began_by_its_end() {
        let times: Vec<Timestamp> = (0..=24).map(at).collect();
        let counts: Vec<u64> = steps(&times).into_iter().map(|(_, n)| n).collect();
        assert_eq!(counts, (1..=12).map(|step| 2 * step + 1).collect::<Vec<u64>>());
        assert!(steps(&[]).is_empty());
        assert_eq!(steps(&[at(7), at(7)]), [(at(7), 2)]);
        let far = [Timestamp::from_nanos(0), Timestamp::from_nanos(u64::MAX)];
        assert_eq!(steps(&far).last(), Some(&(far[1], 2)));
    }

    #[test]
    fn there_is_one_doubling_time_whichever_hosts_were_seen() {
        let mut signature = crate::testing::signature(1, 0, 1, b"x");
        let times: Vec<Timestamp> = (1..=8).map(|n| at(n * n)).collect();
        let own = Growth {
            rate_per_second: 0.1,
            doubling_seconds: 6.9,
            standard_error: 0.01,
            points: 9,
        };
        let doublings = |text: &str| text.matches("double in").count();
        let text = |signature: &Signature| {
            let mut text = String::new();
            crate::signature_text::block(&mut text, None, signature, Palette(false));
            write(&mut text, signature, &times, Palette(false));
            text
        };
        assert_eq!(doublings(&text(&signature)), 1);
        assert_ne!(fit(&signature, &times).unwrap().doubling_seconds, 6.9);
        signature.evidence.growth = Some(own);
        assert_eq!(doublings(&text(&signature)), 1);
        assert!(text(&signature).contains("double in 6.9 s"), "{}", text(&signature));
        assert_eq!(fit(&signature, &times).unwrap().doubling_seconds, 6.9);
    }
}
