//! Scanners: each sends one packet to a share of the dark addresses, none of them twice.
//!
//! A scanner goes through its share of the Internet in random order at its rate, so that
//! packets arrive here at random times. The marks of three tools are in every packet of
//! theirs, and in no packet of the plain scanners.

use super::dark::Dark;
use super::headers::number;
use super::permutation::Permutation;
use crate::benign::host_pool::HostPool;
use crate::error::CorpusError;
use crate::frame_builder::{Transport, tcp};
use crate::ground_truth::{Protocol, ScanTool};
use crate::link::{Endpoint, Icmp, Link, udp};
use crate::rng::Rng;
use crate::simulation::{Process, Schedule};
use crate::time::SECOND;
use crate::traffic::{DarkEvent, Mark, Planted, PlantedScanner};

/// The identification of packets that ZMap sends.
const ZMAP: u16 = 54_321;

/// What one scanner looks for.
#[derive(Clone, Copy)]
struct Plan {
    tool: Option<ScanTool>,
    protocol: Protocol,
    port: u16,
    /// Which share of all addresses it scans, in percent.
    percent: u64,
    /// Packets a second in all of IPv4.
    rate: f64,
    /// Seconds after the start.
    begin: u64,
}

const fn plan(
    tool: Option<ScanTool>,
    (protocol, port): (Protocol, u16),
    percent: u64,
    rate: f64,
    begin: u64,
) -> Plan {
    Plan { tool, protocol, port, percent, rate, begin }
}

/// A scan of one percent takes 42.9 million packets. All are over after two hours.
const PLANS: [Plan; 20] = {
    use Protocol::{Icmp, Tcp, Udp};
    let zmap = Some(ScanTool::Zmap);
    let masscan = Some(ScanTool::Masscan);
    let mirai = Some(ScanTool::Mirai);
    [
        plan(zmap, (Tcp, 443), 100, 1_000_000.0, 600),
        plan(zmap, (Tcp, 80), 8, 100_000.0, 300),
        plan(zmap, (Tcp, 8_080), 2, 50_000.0, 4_000),
        plan(zmap, (Tcp, 22), 1, 20_000.0, 120),
        plan(zmap, (Tcp, 5_900), 1, 10_000.0, 1_500),
        plan(masscan, (Tcp, 3_389), 4, 100_000.0, 60),
        plan(masscan, (Tcp, 1_433), 2, 40_000.0, 3_600),
        plan(masscan, (Tcp, 6_379), 1, 15_000.0, 900),
        plan(masscan, (Tcp, 445), 1, 30_000.0, 5_000),
        plan(masscan, (Tcp, 9_200), 1, 60_000.0, 2_400),
        plan(mirai, (Tcp, 23), 3, 40_000.0, 30),
        plan(mirai, (Tcp, 23), 1, 12_000.0, 2_000),
        plan(mirai, (Tcp, 2_323), 1, 10_000.0, 1_000),
        plan(mirai, (Tcp, 5_555), 1, 25_000.0, 4_500),
        plan(None, (Tcp, 22), 1, 8_000.0, 700),
        plan(None, (Tcp, 21), 1, 50_000.0, 3_000),
        plan(None, (Tcp, 25), 1, 20_000.0, 4_200),
        plan(None, (Udp, 123), 1, 20_000.0, 1_800),
        plan(None, (Udp, 1_900), 1, 9_000.0, 500),
        plan(None, (Icmp, 0), 1, 30_000.0, 5_200),
    ]
};

struct Scanner {
    source: Endpoint,
    /// In which order it scans.
    order: Permutation,
    /// What a datagram or an echo of it holds: fewer than 16 bytes.
    filler: Vec<u8>,
    sent: u64,
}

pub(super) struct Scanners {
    dark: Dark,
    /// In the order of `PLANS`.
    scanners: Vec<Scanner>,
    begin_ns: u64,
}

impl Scanners {
    pub(super) fn new(
        dark: &Dark,
        pool: &mut HostPool,
        begin_ns: u64,
    ) -> Result<Self, CorpusError> {
        let sources = pool.outside(PLANS.len())?;
        let rng = &mut pool.rng;
        let bits = 32 - u32::from(dark.bits());
        let scanner = |source| Scanner {
            source,
            order: Permutation::new(bits, rng),
            filler: rng.bytes(8),
            sent: 0,
        };
        let scanners = sources.into_iter().map(scanner).collect();
        Ok(Self { dark: dark.clone(), scanners, begin_ns })
    }

    /// How many dark addresses the scanner reaches: at least one.
    fn share(&self, plan: &Plan) -> u64 {
        (self.dark.addresses() * plan.percent).div_ceil(100)
    }

    fn begins_ns(&self, plan: &Plan) -> u64 {
        self.begin_ns.saturating_add(plan.begin * SECOND)
    }

    /// Sends to the next address.
    fn scan(&self, time_ns: u64, index: u16, link: &mut Link, rng: &mut Rng) {
        let (scanner, plan) =
            (&self.scanners[usize::from(index)], PLANS[usize::from(index)]);
        let target = self.dark.address(scanner.order.at(scanner.sent)).at(plan.port);
        let source = scanner.source.client(rng);
        let ends = (&source, &target);
        let drawn = rng.next_u64();
        // Even, as the mark of ZMap is not.
        let even = (drawn >> 32) as u16 & !1;
        let (transport, identification, payload) = match plan.protocol {
            Protocol::Tcp => {
                let (syn, identification) = syn(ends, plan.tool, drawn as u32, even);
                (syn, identification, &[][..])
            }
            Protocol::Udp => (udp(ends), even, &scanner.filler[..]),
            Protocol::Icmp => {
                let (identifier, sequence) = (drawn as u16, (drawn >> 16) as u16);
                let echo = Icmp::EchoRequest { identifier, sequence };
                (echo.transport(false), even, &scanner.filler[..])
            }
        };
        let named = (Mark::Counted(index), identification);
        link.send_identified(time_ns, named, ends, transport, payload);
    }
}

/// The SYN of a tool, and the identification of its datagram; `even` where that is not the
/// tool's mark.
fn syn(
    ends: (&Endpoint, &Endpoint),
    tool: Option<ScanTool>,
    drawn: u32,
    even: u16,
) -> (Transport, u16) {
    let address = number(ends.1.address);
    let folded = address ^ u32::from(ends.1.port);
    let (sequence, identification, window, maximum_segment) = match tool {
        Some(ScanTool::Zmap) => (drawn, ZMAP, 65_535, None),
        Some(ScanTool::Masscan) => (drawn, (folded ^ drawn) as u16, 1_024, None),
        Some(ScanTool::Mirai) => (address, even, 5_840, None),
        // What masscan's mark would be is odd, and the identification is not.
        None => (drawn & !1 | !folded & 1, even, 64_240, Some(1_460)),
    };
    let syn = Transport::Tcp {
        source_port: ends.0.port,
        destination_port: ends.1.port,
        sequence,
        acknowledgement: 0,
        flags: tcp::SYN,
        window,
        maximum_segment,
    };
    (syn, identification)
}

impl Process for Scanners {
    /// A scanner's next packet.
    type Event = u16;

    fn begin(&mut self, _: u64, schedule: &mut Schedule<u16>) {
        for (index, plan) in (0..).zip(&PLANS) {
            schedule.after(self.begins_ns(plan), self.dark.seen(plan.rate), index);
        }
    }

    fn handle(&mut self, time_ns: u64, index: u16, schedule: &mut Schedule<u16>) {
        let plan = &PLANS[usize::from(index)];
        self.scan(time_ns, index, &mut schedule.link, &mut schedule.rng);
        self.scanners[usize::from(index)].sent += 1;
        if self.scanners[usize::from(index)].sent < self.share(plan) {
            schedule.after(time_ns, self.dark.seen(plan.rate), index);
        }
    }

    fn planted(&self) -> Planted {
        let event = |(scanner, plan): (&Scanner, &Plan)| {
            DarkEvent::Scanner(PlantedScanner {
                source: scanner.source.address,
                protocol: plan.protocol,
                port: (plan.protocol != Protocol::Icmp).then_some(plan.port),
                tool: plan.tool,
                rate: plan.rate,
                begin_ns: self.begins_ns(plan),
            })
        };
        let events = self.scanners.iter().zip(&PLANS).map(event).collect();
        let parameters = vec![("scanners", PLANS.len().into())];
        Planted { dark: Some(self.dark.planted(events)), ..Planted::none(parameters) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ends(last: u8) -> (Endpoint, Endpoint) {
        let end = |octets: [u8; 4], port| Endpoint {
            address: Ipv4Addr::from(octets).into(),
            port,
            inside: false,
            hop_limit: 50,
        };
        (end([100, 64, 0, 1], 40_000), end([10, 64, 3, last], 3_389))
    }

    #[test]
    fn the_mark_of_masscan_is_the_known_formula() {
        let (from, to) = ends(7);
        let (_, identification) =
            syn((&from, &to), Some(ScanTool::Masscan), 0x1234_5678, 2);
        // 10.64.3.7 is 0x0a400307 and 3389 is 0x0d3d.
        assert_eq!(identification, 0x0307 ^ 0x0d3d ^ 0x5678);
    }

    #[test]
    fn what_plain_scanners_send_has_no_mark() {
        let mut rng = Rng::new(1, "marks");
        for _ in 0..200_000 {
            let drawn = rng.next_u64();
            let (from, to) = ends(drawn as u8);
            let even = (drawn >> 32) as u16 & !1;
            let (syn, identification) = syn((&from, &to), None, drawn as u32, even);
            let Transport::Tcp { sequence, .. } = syn else { panic!("{syn:?}") };
            let folded = number(to.address) ^ 3_389 ^ sequence;
            assert!(identification != ZMAP && identification != folded as u16);
        }
    }
}
