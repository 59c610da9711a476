//! Scans of dark addresses: one source, one port, many addresses.

use super::activities::{Activity, Kind};
use super::class::Arrival;
use super::event::{DarkEvent, ScanEvent};
use super::rate::Extent;
use super::{DarkClass, Tool};
use crate::detect::count::Precision;
use crate::state::persist;
use crate::time::Timestamp;

/// Distinct dark addresses from which on it is a scan.
const LEAST_DESTINATIONS: u64 = 10;

/// How many packets have the mark of each tool, in the order of [`Tool::ALL`].
#[derive(Default)]
pub(super) struct Scan {
    marked: [u64; 3],
}

impl Kind for Scan {
    /// Durumeric et al. 2014, section 3.
    const LEAST_RATE: f64 = 10.0;

    fn note(&mut self, arrival: &Arrival, _: Timestamp) {
        if let Some(tool) = arrival.tool {
            self.marked[tool as usize] += 1;
        }
    }

    fn event(scan: &Activity<Self>, extent: Extent, ended: bool) -> Option<DarkEvent> {
        let (destinations, precision) = scan.reached();
        let is_v4 = !scan.subject.host.is_v6();
        let rate = extent.rate(scan.packets, scan.lasted()).filter(|_| is_v4);
        let is_fast = rate.is_none_or(|rate| rate.estimate >= Self::LEAST_RATE);
        if destinations < LEAST_DESTINATIONS || !is_fast {
            return None;
        }
        let is_marked =
            |tool: &Tool| 2 * scan.kind.marked[*tool as usize] >= scan.packets;
        Some(DarkEvent::Scan(ScanEvent {
            id: scan.subject.id("scan", scan.first_seen),
            source: scan.subject.host,
            protocol: scan.subject.protocol,
            port: scan.subject.port,
            class: if scan.subject.probes { DarkClass::Probe } else { DarkClass::Scan },
            packets: scan.packets,
            destinations,
            precision,
            rate,
            // Of a number that ended there is no share.
            coverage: extent
                .coverage(destinations)
                .filter(|_| is_v4 && precision != Precision::AtLeast),
            tool: Tool::ALL.into_iter().find(is_marked),
            first_seen: scan.first_seen,
            last_seen: scan.last_seen,
            ended,
        }))
    }
}

persist!(Scan { marked });
