//! What a sensor says of contents that come faster than it can follow them.
//!
//! One line names how many packets a second show new ones, of which kind the candidates are,
//! and the hosts that send most of it; another the signatures that are put off. Both are
//! given once, and the first again at the end where it has become ten times as much.

use super::Sensor;
use super::content_shard::ShardLoad;
use super::warnings::{Warning, grouped};
use crate::packet::Host;
use std::collections::BTreeMap;

/// Packets of newcomers that are no accident any more.
const MANY_PACKETS: u64 = 1_000;
/// Signatures put off that are no accident any more.
const MANY_SIGNATURES: u64 = 16;
/// Thresholds passed without a candidate that are no accident any more.
const MANY_ALARMS: u64 = 64;
/// Hosts that are named.
const NAMED: usize = 4;
/// A host that sends at least one in so many of the packets is named.
const WORTH_NAMING: u64 = 20;

/// Packets of new contents while not all were followed, over all shards.
#[derive(Default)]
struct Flood {
    packets: u64,
    seconds: u64,
    /// The hosts that certainly sent most of it, with their packets.
    sources: Vec<(Host, u64)>,
    /// Copies after which a content is followed in the strictest shard.
    copies: u32,
}

impl Sensor {
    /// Warns of contents that find no room; at the end of a run, again.
    pub(super) fn warn_of_flood(&mut self, loads: &[ShardLoad], at_end: bool) {
        let packets = loads.iter().map(|it| it.kept_out).sum();
        let told = self.flood_told;
        if packets >= MANY_PACKETS && (told == 0 || at_end && packets >= 10 * told) {
            self.flood_told = packets;
            let text = describe(&Flood::of(loads), loads);
            self.warnings.push(text);
        }
        let counters = *self.ledger.counters();
        let many = counters.put_off > MANY_SIGNATURES;
        self.warn_once(Warning::PutOff, many, || {
            format!(
                "{} new signatures were put off: more contents alarm than are reported (1,024 \
                 at once and one more a second); those of which most hosts bear evidence are \
                 reported first, and rules are written of what is reported",
                grouped(counters.put_off)
            )
        });
        let without: u64 = loads.iter().map(|it| it.alarms_without_room).sum();
        self.warn_once(Warning::WithoutRoom, without > MANY_ALARMS, || {
            format!(
                "{} thresholds were passed by contents for which the candidate table had no \
                 room: give more memory",
                grouped(without)
            )
        });
    }
}

impl Flood {
    fn of(loads: &[ShardLoad]) -> Self {
        let mut sum = Self::default();
        let mut by_host: BTreeMap<Host, u64> = BTreeMap::new();
        let (mut first, mut last) = (u64::MAX, 0);
        for load in loads.iter().filter(|load| load.kept_out > 0) {
            sum.packets += load.kept_out;
            (first, last) = (first.min(load.between.0), last.max(load.between.1));
            sum.copies = sum.copies.max(load.sightings);
            for (host, packets) in &load.sources {
                *by_host.entry(*host).or_default() += packets;
            }
        }
        sum.seconds = last.saturating_sub(first) + 1;
        sum.sources = by_host.into_iter().collect();
        sum.sources.retain(|(_, packets)| packets * WORTH_NAMING >= sum.packets);
        sum.sources.sort_by_key(|(host, packets)| (std::cmp::Reverse(*packets), *host));
        sum.sources.truncate(NAMED);
        sum
    }
}

fn describe(flood: &Flood, loads: &[ShardLoad]) -> String {
    let live: u64 = loads.iter().map(|load| load.live).sum();
    let of_class =
        |class: usize| loads.iter().map(|load| load.classes[class]).sum::<u64>();
    let percent = |part: u64, all: u64| 100 * part / all.max(1);
    let of_class = |class| percent(of_class(class), live);
    let share = |&(host, packets): &(Host, u64)| {
        format!("{host} ({} %)", percent(packets, flood.packets))
    };
    let sources = match &flood.sources[..] {
        [] => format!(
            "no host sent one in {WORTH_NAMING} of them, so their sources are many or \
             forged"
        ),
        named => format!(
            "most from {}",
            named.iter().map(share).collect::<Vec<_>>().join(", ")
        ),
    };
    format!(
        "contents that repeat come faster than the candidate tables can hold, so that not \
         all are followed: {} packets showed new ones, {} a second, {sources}; of the \
         candidates, {} % were passed on and {} % have alarmed; a new content is followed \
         from its copy number {} on, by one or two of its windows",
        grouped(flood.packets),
        grouped(flood.packets / flood.seconds.max(1)),
        of_class(1),
        of_class(2),
        flood.copies,
    )
}
