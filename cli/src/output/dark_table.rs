//! What happened at dark addresses, for a person: scans and victims, largest first.

use crate::output::largest::{Largest, table};
use crate::output::table::moment;
use std::fmt::Write as _;
use wormsift::dark::{DarkEvent, Interval};
use wormsift::signature::Precision;
use wormsift_export::text::{counted, grouped, service_name};

/// The last word on each event.
pub(crate) struct DarkTable(Largest<DarkEvent>);

impl Default for DarkTable {
    fn default() -> Self {
        Self(Largest::by(packets))
    }
}

impl DarkTable {
    pub(crate) fn take(&mut self, event: DarkEvent) {
        self.0.take(key(&event).to_owned(), event);
    }

    /// Two tables, each with a title; nothing where there were no events.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        for (name, title) in
            [("victim", "victims of floods under forged addresses"), ("scan", "scans")]
        {
            let events = self.0.sorted(|event| event.name() == name);
            let title = format!("{title} at dark addresses: {}", events.len());
            text += &table(&title, &events, events.len() as u64, news);
        }
        if self.0.left_out() > 0 {
            let left_out = counted(self.0.left_out(), "smaller event");
            let _ = writeln!(text, "{left_out} not kept; --json tells all");
        }
        text
    }
}

fn key(event: &DarkEvent) -> &str {
    match event {
        DarkEvent::Scan(it) => &it.id,
        DarkEvent::Victim(it) => &it.id,
        _ => "",
    }
}

fn packets(event: &DarkEvent) -> u64 {
    match event {
        DarkEvent::Scan(it) => it.packets,
        DarkEvent::Victim(it) => it.packets,
        _ => 0,
    }
}

/// An event in one line.
pub(crate) fn news(event: &DarkEvent) -> String {
    match event {
        DarkEvent::Scan(it) => {
            let mut text = format!(
                "{} {} {}: {} to {} addresses",
                it.source,
                it.class.name(),
                service_name(it.protocol, it.port),
                counted(it.packets, "packet"),
                reached(it.destinations, it.precision),
            );
            if let Some(coverage) = it.coverage {
                let _ = write!(text, ", {:.2} % of IPv4", 100.0 * coverage.estimate);
            }
            text += &rate(it.rate);
            if let Some(tool) = it.tool {
                let _ = write!(text, ", mark of {}", tool.name());
            }
            text + &span(it.first_seen, it.last_seen)
        }
        DarkEvent::Victim(it) => {
            let text = format!(
                "{} {}: {} to {} addresses",
                it.victim,
                service_name(it.protocol, it.port),
                counted(it.packets, "answer"),
                reached(it.destinations, it.precision),
            );
            text + &rate(it.rate) + &span(it.first_seen, it.last_seen)
        }
        _ => event.name().to_owned(),
    }
}

fn reached(count: u64, precision: Precision) -> String {
    match precision {
        Precision::AtLeast => format!("at least {}", grouped(count)),
        Precision::Exact | Precision::About => grouped(count),
    }
}

fn rate(rate: Option<Interval>) -> String {
    let whole = |number: f64| grouped(number.round() as u64);
    rate.map_or_else(String::new, |Interval { low, estimate, high }| {
        format!(", {} packets/s ({} to {})", whole(estimate), whole(low), whole(high))
    })
}

fn span(first: wormsift::Timestamp, last: wormsift::Timestamp) -> String {
    format!(", {} to {}", moment(first), moment(last))
}
