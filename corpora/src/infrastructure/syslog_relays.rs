//! Scenario `syslog-relays`: two relays pass log messages of network devices on to three
//! collectors.
//!
//! Messages come now and then and differ; a relay passes them on to the archive, byte for
//! byte, and tells all collectors every twenty seconds that it lives. When the network
//! changes, all devices report it at once in the same words, and the relays queue the burst
//! for a second before they pass it on to all collectors.

use super::setup::{Cast, FEW_PASS_ON, Facts, Part, start_alone};
use crate::error::CorpusError;
use crate::link::{Endpoint, Link};
use crate::profile::{IncidentExpectation, IncidentGrade, IncidentKind, Profile};
use crate::rng::Rng;
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::text::{prose, token, word};
use crate::time::{MILLISECOND, SECOND};

const PORT: u16 = 514;
const MARK_NS: u64 = 20 * SECOND;
const BURST_NS: u64 = 55 * SECOND;
const REPORTS: usize = 3;

pub(super) const PART: Part = Part {
    incident: IncidentExpectation {
        subject: "syslog-relays",
        kind: IncidentKind::ForwardingService,
        grade: IncidentGrade::NeverHigh,
        reason: "two hosts send on what devices report, to collectors that they knew before",
    },
    open: |cast| cast.start(Relays::new),
};

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        PART.incident.subject,
        "two relays pass bursts of log messages of 40 devices on to three collectors",
        "propagation alone: a relay sends what it received a second ago to several hosts",
        FEW_PASS_ON,
    )
    .in_trust(&[PART.incident]),
    open: |request| start_alone(request, &PART),
};

struct Relays {
    /// With their names.
    devices: Vec<(Endpoint, String)>,
    relays: Vec<Endpoint>,
    collectors: Vec<Endpoint>,
    /// What all devices say when the network changes.
    reports: Vec<String>,
    repeats_ns: u64,
    rate: f64,
    number: u64,
}

enum Event {
    Message,
    Mark,
    Burst,
}

impl Relays {
    fn new(cast: &mut Cast<'_>) -> Result<(Self, Facts), CorpusError> {
        let relays = cast.pool.inside_servers(2)?;
        let collectors = cast.pool.inside_servers(3)?;
        let devices = cast.pool.inside_servers(cast.size(40, 20))?;
        let rng = &mut cast.pool.rng;
        let name = |rng: &mut Rng| format!("{}-{}", word(rng), rng.below(100));
        let devices: Vec<_> = devices.into_iter().map(|end| (end, name(rng))).collect();
        let reports = (0..REPORTS).map(|_| text(160, rng)).collect();
        let parameters = vec![
            ("relays", relays.len().into()),
            ("collectors", collectors.len().into()),
            ("devices", devices.len().into()),
        ];
        let facts = cast.facts(&relays, PORT, parameters);
        let at = |ends: Vec<Endpoint>| ends.into_iter().map(|end| end.at(PORT)).collect();
        let (relays, collectors) = (at(relays), at(collectors));
        let (repeats_ns, rate) = (cast.repeats_ns(), cast.rate(1.0));
        let it =
            Self { devices, relays, collectors, reports, repeats_ns, rate, number: 0 };
        Ok((it, facts))
    }

    /// The line of a device, number and text.
    fn line(&mut self, name: &str, text: &str, rng: &mut Rng) -> String {
        self.number += 1;
        format!(
            "<{}>{}: {name}: {}: {text}",
            184 + rng.below(8),
            self.number,
            token(8, rng)
        )
    }

    fn message(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let (device, name) = rng.one_of(&self.devices).clone();
        let length = rng.between(80, 200) as usize;
        let text = text(length, rng);
        let line = self.line(&name, &text, rng);
        for relay in &self.relays {
            link.udp(time_ns, (&device.at(PORT), relay), line.as_bytes());
            let later = time_ns + rng.between(2, 10) * MILLISECOND;
            link.udp(later, (relay, &self.collectors[0]), line.as_bytes());
        }
    }

    /// The relays say that they live.
    fn mark(&self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        for relay in &self.relays {
            for collector in &self.collectors {
                let mark = format!("<46>mark {}: {}", relay.address, token(40, rng));
                link.udp(
                    time_ns + rng.below(SECOND),
                    (relay, collector),
                    mark.as_bytes(),
                );
            }
        }
    }

    /// All devices report the same; the relays send it on when the queue is read again.
    fn burst(&mut self, time_ns: u64, link: &mut Link, rng: &mut Rng) {
        let text = rng.one_of(&self.reports).clone();
        let mut devices = self.devices.clone();
        rng.shuffle(&mut devices);
        let mut lines = Vec::new();
        for (place, (device, name)) in (0..).zip(&devices) {
            let line = self.line(name, &text, rng);
            let at = time_ns + 8 * MILLISECOND * place + rng.below(8 * MILLISECOND);
            for relay in &self.relays {
                link.udp(at, (&device.at(PORT), relay), line.as_bytes());
            }
            lines.push(line);
        }
        for relay in &self.relays {
            let mut at = time_ns + SECOND + rng.below(SECOND / 4);
            for line in &lines {
                self.pass_on(at, relay, line, link);
                at += 2 * MILLISECOND;
            }
        }
    }

    fn pass_on(&self, time_ns: u64, relay: &Endpoint, line: &str, link: &mut Link) {
        for (place, collector) in (0..).zip(&self.collectors) {
            let at = time_ns + place * MILLISECOND / 10;
            link.udp(at, (relay, collector), line.as_bytes());
        }
    }
}

/// One line of words, of at least this length.
fn text(length: usize, rng: &mut Rng) -> String {
    prose(length, rng).replace("\r\n", " ")
}

impl Process for Relays {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        schedule.at(start_ns, Event::Mark);
        schedule.at(start_ns, Event::Message);
        schedule.at(self.repeats_ns, Event::Burst);
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        let Schedule { link, rng, .. } = schedule;
        match event {
            Event::Message => {
                self.message(time_ns, link, rng);
                schedule.after(time_ns, self.rate, Event::Message);
            }
            Event::Mark => {
                self.mark(time_ns, link, rng);
                schedule.at(time_ns + MARK_NS, Event::Mark);
            }
            Event::Burst => {
                self.burst(time_ns, link, rng);
                schedule.at(time_ns + BURST_NS, Event::Burst);
            }
        }
    }
}
