//! The figures that a signature rests on, besides its reasons.

use std::collections::BTreeMap;
use wormsift::signature::{
    Evidence, Growth, Handshakes, HostRange, HostRangeMethod, Load, Population,
    Signature, View,
};
use wormsift_export::text::{counted, grouped};

/// How many addresses sent it and what that says of hosts, where it says more than the number
/// of sources does.
fn sizes(population: Population) -> Option<String> {
    let Population { addresses, addresses_hour_peak, addresses_now, hosts } = population;
    let HostRange { low, estimate, high, method } = hosts;
    if low == high && low == addresses.number {
        return None;
    }
    let [sent, peak, now, low, high] =
        [addresses.number, addresses_hour_peak, addresses_now, low, high]
            .map(|count| grouped(count.into()));
    let by = match method {
        HostRangeMethod::Window => "by the addresses within ten minutes, and all",
        HostRangeMethod::Cardcount => "by how long hosts keep an address",
    };
    let likely = estimate
        .map_or_else(String::new, |it| format!(", most likely {}", grouped(it.into())));
    Some(format!(
        "{}{sent} sent it, at most {peak} in one hour, {now} in the latest; hosts that sent it: \
         {low} to {high}{likely} ({by})",
        addresses.precision.words()
    ))
}

/// Each figure with its name; none that lines of an earlier writer do not have.
pub fn grounds(signature: &Signature) -> Vec<(&'static str, String)> {
    let Evidence { handshakes, view, load, growth, nearest, .. } = &signature.evidence;
    let mut lines = Vec::new();
    if let Some(growth) = growth {
        lines.push(("growth", doubling(growth)));
    }
    if let Some(population) = signature.population.and_then(sizes) {
        lines.push(("addresses", population));
    }
    if let Some(blind) = blind(&signature.blind) {
        lines.push(("blind meanwhile", blind));
    }
    if !signature.withheld.is_empty() {
        let taps: Vec<&str> = signature.withheld.iter().map(String::as_str).collect();
        lines.push(("payload withheld by", taps.join(", ")));
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

/// Taps of a fleet that did not see all meanwhile, if there are some.
pub fn blind(taps: &BTreeMap<String, u64>) -> Option<String> {
    let of = |(tap, seconds): (&String, &u64)| {
        format!("{tap} {}", counted(*seconds, "second"))
    };
    let taps: Vec<String> = taps.iter().map(of).collect();
    (!taps.is_empty()).then(|| taps.join(", "))
}

/// How fast relays became more.
pub fn doubling(growth: &Growth) -> String {
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
    use crate::testing::signature;
    use wormsift::signature::{Count, Nearest};

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
        let hosts = HostRange {
            low: 9,
            estimate: None,
            high: 9,
            method: HostRangeMethod::Window,
        };
        let few = Population {
            addresses: Count::exact(9),
            addresses_hour_peak: 9,
            addresses_now: 9,
            hosts,
        };
        assert_eq!(sizes(few), None);
        let hosts = HostRange { low: 1_000, high: 12_000, ..hosts };
        let addresses = Count::about(11_500);
        let many = Population { addresses, addresses_hour_peak: 1_100, hosts, ..few };
        found.population = Some(many);
        let hosts = HostRange {
            estimate: Some(1_045),
            method: HostRangeMethod::Cardcount,
            ..hosts
        };
        assert_eq!(
            sizes(Population { hosts, ..many }).unwrap(),
            "about 11,500 sent it, at most 1,100 in one hour, 9 in the latest; hosts that sent \
             it: 1,000 to 12,000, most likely 1,045 (by how long hosts keep an address)"
        );
        let text: Vec<String> = grounds(&found)
            .into_iter()
            .map(|(name, it)| format!("{name}: {it}"))
            .collect();
        assert_eq!(
            text,
            [
                "growth: relays double in 2.8 s (2.500e-1 per second, standard error 1.0e-2, 9 points)",
                "addresses: about 11,500 sent it, at most 1,100 in one hour, 9 in the latest; hosts \
                 that sent it: 1,000 to 12,000 (by the addresses within ten minutes, and all)",
                "answers: 1 of the 32 sources were answered over TCP, 29 were not, 2 not known \
                 (UDP, or one direction seen)",
                "tap: sees both directions: 3,600 of 4,000 TCP directions had an answer",
                "load: prevalence tables 3.1 % full, dispersion tables 0.7 %",
                "nearest boilerplate: http, which knows 4 of 7 bytes",
            ]
        );
    }
}
