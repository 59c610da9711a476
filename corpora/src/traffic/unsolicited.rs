//! What scenarios of dark addresses and decoys know before their frames leave, and how it
//! becomes the truth once these are counted.

use std::net::IpAddr;

use crate::ground_truth::{
    Answer, ChurnTruth, DarkClasses, DarkTruth, DecoysTruth, InitiationTruth, Protocol,
    ScanTool, ScannerTruth, VictimTruth,
};
use crate::time::rfc3339;

/// The frames of one number, see [`Mark::Counted`](super::Mark::Counted), as they left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) packets: u64,
    /// Packet number of the first; 0 for none yet.
    pub(crate) first: u64,
    pub(crate) first_ns: u64,
    pub(crate) last_ns: u64,
}

impl Tally {
    /// Counts one frame.
    pub(crate) fn add(&mut self, number: u64, time_ns: u64) {
        if self.packets == 0 {
            (self.first, self.first_ns) = (number, time_ns);
        }
        self.packets += 1;
        self.last_ns = time_ns;
    }
}

/// How many frames of this number have left.
fn tally(tallies: &[Tally], number: usize) -> Tally {
    tallies.get(number).copied().unwrap_or_default()
}

/// Hosts that change their addresses: the truth after each of the latest packets, by its time.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlantedChurn(pub(crate) Vec<(u64, ChurnTruth)>);

impl PlantedChurn {
    /// The truth after the last packet that has left.
    pub(crate) fn truth(self, end_ns: u64) -> ChurnTruth {
        let in_time = self.0.into_iter().rfind(|(time_ns, _)| *time_ns <= end_ns);
        in_time.map(|(_, truth)| truth).unwrap_or_default()
    }
}

/// What comes to a dark network.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlantedDark {
    /// `None` where addresses are those of a given capture.
    pub(crate) network: Option<String>,
    pub(crate) addresses: u64,
    /// What the frames of each number are.
    pub(crate) events: Vec<DarkEvent>,
}

/// What the frames of one number are.
#[derive(Clone, Debug)]
pub(crate) enum DarkEvent {
    Victim(PlantedVictim),
    Scanner(PlantedScanner),
    /// Of no event, of the class that this picks.
    Stray(fn(&mut DarkClasses) -> &mut u64),
}

#[derive(Clone, Debug)]
pub(crate) struct PlantedVictim {
    pub(crate) address: IpAddr,
    pub(crate) answer: Answer,
    pub(crate) protocol: Protocol,
    pub(crate) service_port: Option<u16>,
    pub(crate) rate: f64,
    /// Mean packets a second that the network sees.
    pub(crate) seen_rate: f64,
    pub(crate) begin_ns: u64,
    pub(crate) end_ns: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct PlantedScanner {
    pub(crate) source: IpAddr,
    pub(crate) protocol: Protocol,
    pub(crate) port: Option<u16>,
    pub(crate) tool: Option<ScanTool>,
    pub(crate) rate: f64,
    pub(crate) begin_ns: u64,
}

impl PlantedDark {
    /// The truth, of which frames of a planted content are probes. What would have begun
    /// after the end has not happened.
    pub(crate) fn truth(self, tallies: &[Tally], probes: u64, end_ns: u64) -> DarkTruth {
        let mut truth = DarkTruth {
            network: self.network,
            addresses: self.addresses,
            classes: DarkClasses { probe: probes, ..DarkClasses::default() },
            ..DarkTruth::default()
        };
        for (number, event) in self.events.into_iter().enumerate() {
            let tally = tally(tallies, number);
            match event {
                DarkEvent::Victim(victim) => {
                    truth.classes.backscatter += tally.packets;
                    if victim.begin_ns < end_ns {
                        truth.victims.push(victim.truth(tally, end_ns));
                    }
                }
                DarkEvent::Scanner(scanner) => {
                    truth.classes.scan += tally.packets;
                    if tally.packets > 0 {
                        truth.scanners.push(scanner.truth(tally, self.addresses));
                    }
                }
                DarkEvent::Stray(class) => *class(&mut truth.classes) += tally.packets,
            }
        }
        truth
    }
}

impl PlantedVictim {
    fn truth(self, tally: Tally, end_ns: u64) -> VictimTruth {
        let end_ns = self.end_ns.min(end_ns);
        let seconds = end_ns.saturating_sub(self.begin_ns) as f64 / 1e9;
        VictimTruth {
            address: self.address,
            answer: self.answer,
            protocol: self.protocol,
            service_port: self.service_port,
            rate: self.rate,
            begin: rfc3339(self.begin_ns),
            begin_ns: self.begin_ns,
            end: rfc3339(end_ns),
            end_ns,
            expected: self.seen_rate * seconds,
            packets: tally.packets,
        }
    }
}

impl PlantedScanner {
    fn truth(self, tally: Tally, addresses: u64) -> ScannerTruth {
        ScannerTruth {
            source: self.source,
            protocol: self.protocol,
            port: self.port,
            tool: self.tool,
            rate: self.rate,
            coverage: tally.packets as f64 / addresses as f64,
            destinations: tally.packets,
            packets: tally.packets,
            begin: rfc3339(self.begin_ns),
            begin_ns: self.begin_ns,
            end: rfc3339(tally.last_ns),
            end_ns: tally.last_ns,
        }
    }
}

/// Decoys of a scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlantedDecoys {
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) may: Vec<String>,
    /// Who started the conversation of frame number 0, and with whom.
    pub(crate) initiation: Option<(IpAddr, IpAddr)>,
}

impl PlantedDecoys {
    pub(crate) fn truth(self, tallies: &[Tally]) -> DecoysTruth {
        let first = tally(tallies, 0);
        let left = self.initiation.filter(|_| first.packets > 0);
        DecoysTruth {
            addresses: self.addresses,
            may: self.may,
            initiation: left.map(|(host, to)| InitiationTruth {
                host,
                to,
                packet: first.first,
                time: rfc3339(first.first_ns),
                time_ns: first.first_ns,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn victim(begin: u64) -> DarkEvent {
        DarkEvent::Victim(PlantedVictim {
            address: [100, 64, 0, 1].into(),
            answer: Answer::SynAck,
            protocol: Protocol::Tcp,
            service_port: Some(80),
            rate: 131_072.0,
            seen_rate: 2.0,
            begin_ns: begin * SECOND,
            end_ns: (begin + 100) * SECOND,
        })
    }

    #[test]
    fn a_tally_keeps_the_first_and_the_last() {
        let mut tally = Tally::default();
        tally.add(3, 50);
        tally.add(9, 70);
        assert_eq!(tally, Tally { packets: 2, first: 3, first_ns: 50, last_ns: 70 });
    }

    #[test]
    fn what_the_end_cuts_off_is_expected_no_more() {
        let dark = PlantedDark {
            network: None,
            addresses: 65_536,
            events: vec![
                victim(10),
                victim(500),
                DarkEvent::Stray(|classes| &mut classes.other),
            ],
        };
        let mut tallies = [Tally::default(); 3];
        tallies[0].add(1, 20 * SECOND);
        tallies[2].add(2, 21 * SECOND);
        let truth = dark.truth(&tallies, 5, 60 * SECOND);
        let [victim] = &truth.victims[..] else { panic!("{:?}", truth.victims) };
        assert_eq!((victim.end_ns, victim.packets), (60 * SECOND, 1));
        assert!((victim.expected - 100.0).abs() < 1e-9, "{}", victim.expected);
        let classes = DarkClasses { backscatter: 1, scan: 0, probe: 5, other: 1 };
        assert_eq!(truth.classes, classes);
    }

    #[test]
    fn a_conversation_that_never_left_was_not_started() {
        let ends = Some(([10, 0, 0, 1].into(), [10, 0, 0, 2].into()));
        let decoys = PlantedDecoys { initiation: ends, ..PlantedDecoys::default() };
        assert_eq!(decoys.clone().truth(&[]).initiation, None);
        let mut tally = Tally::default();
        tally.add(7, 5);
        let told = decoys.truth(&[tally]).initiation.map(|one| (one.packet, one.time_ns));
        assert_eq!(told, Some((7, 5)));
    }
}
