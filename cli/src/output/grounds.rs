//! The figures that a signature rests on, besides its reasons.

use wormsift::signature::{Evidence, Growth, Handshakes, Load, Signature, View};
use wormsift_export::text::{counted, grouped};

/// Each figure with its name; none that lines of an earlier writer do not have.
pub(crate) fn grounds(signature: &Signature) -> Vec<(&'static str, String)> {
    let Evidence { handshakes, view, load, growth, nearest, .. } = &signature.evidence;
    let mut lines = Vec::new();
    if let Some(growth) = growth {
        lines.push(("growth", doubling(growth)));
    }
    if (*handshakes, *view) == (Handshakes::default(), View::default()) {
        return lines;
    }
    let Handshakes { answered, unanswered, unknown } = handshakes;
    lines.push((
        "answers",
        format!(
            "{answered} of the {} were answered over TCP, {unanswered} were not, {unknown} not \
             known (UDP, or one direction seen)",
            counted(u64::from(*answered) + u64::from(*unanswered) + u64::from(*unknown), "source")
        ),
    ));
    let sees = match view.is_two_way() {
        true => "sees both directions",
        false => "not known to see both directions",
    };
    lines.push((
        "tap",
        format!(
            "{sees}: {} of {} had an answer",
            grouped(view.answered),
            counted(view.directions, "TCP direction")
        ),
    ));
    let Load { prevalence, dispersion } = load;
    let percent = |thousandths: u16| f64::from(thousandths) / 10.0;
    lines.push((
        "load",
        format!(
            "prevalence tables {:.1} % full, dispersion tables {:.1} %",
            percent(*prevalence),
            percent(*dispersion)
        ),
    ));
    lines.push((
        "nearest boilerplate",
        match nearest {
            Some(nearest) => format!(
                "{}, which knows {} of {}",
                nearest.literals,
                grouped(nearest.bytes),
                counted(signature.content.len() as u64, "byte")
            ),
            None => "none".to_owned(),
        },
    ));
    lines
}

/// How fast relays became more.
pub(crate) fn doubling(growth: &Growth) -> String {
    let seconds = growth.doubling_seconds;
    let doubling = match seconds < 0.1 {
        true => format!("{:.3} ms", seconds * 1e3),
        false => format!("{seconds:.1} s"),
    };
    format!(
        "relays double in {doubling} ({:.3e} per second, standard error {:.1e}, {})",
        growth.rate_per_second,
        growth.standard_error,
        counted(growth.points, "point"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::table::testing::signature;
    use wormsift::signature::Nearest;

    #[test]
    fn every_figure_has_a_line_and_an_older_line_has_none() {
        let mut found = signature(1, 0, 31, b"content");
        assert_eq!(grounds(&found), []);
        found.evidence.handshakes =
            Handshakes { answered: 1, unanswered: 29, unknown: 2 };
        found.evidence.view = View { directions: 4_000, answered: 3_600 };
        found.evidence.load = Load { prevalence: 31, dispersion: 7 };
        found.evidence.nearest = Some(Nearest { literals: "http".to_owned(), bytes: 4 });
        found.evidence.growth = Some(Growth {
            rate_per_second: 0.25,
            doubling_seconds: 2.77,
            standard_error: 0.01,
            points: 9,
        });
        let text: Vec<String> = grounds(&found)
            .into_iter()
            .map(|(name, it)| format!("{name}: {it}"))
            .collect();
        assert_eq!(
            text,
            [
                "growth: relays double in 2.8 s (2.500e-1 per second, standard error 1.0e-2, 9 points)",
                "answers: 1 of the 32 sources were answered over TCP, 29 were not, 2 not known \
                 (UDP, or one direction seen)",
                "tap: sees both directions: 3,600 of 4,000 TCP directions had an answer",
                "load: prevalence tables 3.1 % full, dispersion tables 0.7 %",
                "nearest boilerplate: http, which knows 4 of 7 bytes",
            ]
        );
    }
}
