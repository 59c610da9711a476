//! Captures of the presets.

use std::time::Duration;

use super::arrivals::{Arrivals, Until};
use super::{Attack, BLASTER, CODE_RED, MIRAI, Preset, SASSER, SLAMMER, WITTY};
use crate::address_space::Prefix;
use crate::background::{self, BackgroundSettings};
use crate::carriage::Carriage;
use crate::epidemic::Epidemic;
use crate::error::CorpusError;
use crate::frame_builder::MAX_PAYLOAD;
use crate::frame_stream::{FrameStream, Limits};
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};
use crate::tcp_dialogue::FULL_SEGMENT;
use crate::traffic::{LAST_START_NS, Traffic};

const NOBODY_INSIDE: Verdict = Verdict::Silent(
    "no host behind the tap is vulnerable, so that none is seen to pass it on",
);
/// Between the start of the capture and the worm's first packet.
const QUIET_NS: u64 = 20_000_000_000;
/// The capture ends soon after so many hosts have scanned the network: far
/// beyond 30, since slow worms must first repeat within a prevalence window.
const SOURCES: usize = 400;

const fn profile(
    name: &'static str,
    summary: &'static str,
    defeats: &'static str,
    expectations: &'static [Expectation],
) -> Profile {
    Profile {
        name,
        summary,
        defeats,
        kind: Kind::Worm,
        two_way: false,
        same_port: true,
        standard: true,
        expectations,
    }
}

/// By default, and the same under settings that cannot miss it.
const FIRES: &[Expectation] = &[Expectation::by_default(Verdict::Fires, NOBODY_INSIDE)];

pub(crate) const SCENARIOS: &[Entry] = &[
    Entry {
        profile: profile(
            "code-red",
            "Code Red v2 reaches a /16: 4 KB over TCP to port 80, the infected double in \
             37 minutes",
            "a sensor of one body in each packet: the body needs three segments",
            FIRES,
        ),
        open: |seed, options| open(&CODE_RED, seed, options),
    },
    Entry {
        profile: profile(
            "slammer",
            "Slammer reaches a /16: 376 bytes in one UDP packet to port 1434, the infected \
             double in 10 seconds",
            "every answer that is slower than a minute",
            &[
                Expectation::by_default(
                    Verdict::Open(
                        "of the 337 windows of its 376 bytes, one in 64 is sampled: one \
                         body in two hundred has none",
                    ),
                    NOBODY_INSIDE,
                ),
                Expectation::under(
                    "sampling = \"winnow:128\"",
                    Verdict::Fires,
                    NOBODY_INSIDE,
                ),
            ],
        ),
        open: |seed, options| open(&SLAMMER, seed, options),
    },
    Entry {
        profile: profile(
            "blaster",
            "a worm like Blaster reaches a /16: 1,700 bytes over TCP to port 135, the \
             infected double in ten minutes",
            "a sensor of one body in each packet: the body needs two segments",
            FIRES,
        ),
        open: |seed, options| open(&BLASTER, seed, options),
    },
    Entry {
        profile: profile(
            "witty",
            "Witty reaches a /16: 650 bytes and random padding, by UDP from port 4000 to \
             random ports, from 110 hosts at first",
            "content keys with the destination port; rules on the packet's length",
            &[
                Expectation::by_default(
                    Verdict::Silent(
                        "the destination port is part of the key, so that every copy has \
                         another key",
                    ),
                    NOBODY_INSIDE,
                ),
                Expectation::under(
                    "port_rule = \"source\"",
                    Verdict::Fires,
                    NOBODY_INSIDE,
                ),
                Expectation::under("port_rule = \"none\"", Verdict::Fires, NOBODY_INSIDE),
            ],
        ),
        open: |seed, options| open(&WITTY, seed, options),
    },
    Entry {
        profile: profile(
            "sasser",
            "Sasser reaches a /16: 2,000 bytes over TCP to port 445, half of the scans \
             near the scanner",
            "the even scanning that most estimates assume",
            FIRES,
        ),
        open: |seed, options| open(&SASSER, seed, options),
    },
    Entry {
        profile: profile(
            "mirai",
            "a worm like Mirai reaches a /16: guesses of passwords at ports 23 and 2323, \
             18 bytes in common",
            "content sifting as such: hardly any content",
            &[Expectation::by_default(
                Verdict::Silent(
                    "a session's 36 bytes are fewer than a window, even across its segments",
                ),
                NOBODY_INSIDE,
            )],
        ),
        open: |seed, options| open(&MIRAI, seed, options),
    },
];

/// The network that listens unless told otherwise: that of documentation and
/// benchmarks, 198.18.0.0/16.
fn default_monitored() -> Prefix {
    Prefix::new([198, 18, 0, 0].into(), 16)
}

/// Starts a preset's scenario.
fn open(
    preset: &'static Preset,
    seed: u64,
    options: &GenerateOptions,
) -> Result<FrameStream, CorpusError> {
    if options.start_ns > LAST_START_NS {
        return Err(CorpusError::setting("start_ns", "a time before 2116"));
    }
    let monitored = options.inside.unwrap_or_else(default_monitored);
    let mut traffic: Vec<Box<dyn Traffic>> = Vec::new();
    let mut duration = options.duration;
    let open_end = duration.is_none() && options.packets.is_none();
    if options.worm {
        traffic.push(Box::new(arrivals(preset, seed, options, monitored, open_end)?));
    } else if open_end {
        duration = Some(Duration::from_secs(200));
    }
    // A slow worm's capture is hours long; the background is as sparse, so that
    // both have a like number of packets.
    let sparse = (preset.growth_rate() * 0.3).min(0.1);
    traffic.extend(background::open(&BackgroundSettings {
        seed,
        start_ns: options.start_ns,
        inside: monitored,
        hosts: options.background_hosts.unwrap_or(20.min(monitored.size() as u32 / 2)),
        rate: options.background_rate.unwrap_or(sparse),
        prefer: Vec::new(),
    })?);
    let nanos =
        |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let limits = Limits {
        until_ns: duration
            .map(|duration| options.start_ns.saturating_add(nanos(duration))),
        packets: options.packets,
    };
    Ok(FrameStream::new(preset.name, seed, traffic, limits, options.list_carriers))
}

fn arrivals(
    preset: &'static Preset,
    seed: u64,
    options: &GenerateOptions,
    monitored: Prefix,
    open_end: bool,
) -> Result<Arrivals, CorpusError> {
    let carriage = carriage(preset, options)?;
    let length = options.body.as_ref().map_or(preset.invariant, |body| body.length());
    let most = MAX_PAYLOAD - preset.padding.end();
    if length == 0 || length > most {
        let expected = format!("a body of 1 to {most} bytes");
        return Err(CorpusError::setting("body", expected));
    }
    let mut settings = preset.epidemic(monitored);
    settings.vulnerable_outside = options.vulnerable_hosts.unwrap_or(preset.population);
    settings.scan_rate = options.scan_rate.unwrap_or(preset.scan_rate);
    let until = match options.until_infected {
        Some(hosts) if hosts > settings.vulnerable_outside => {
            let expected = format!(
                "at most {} vulnerable hosts, found {hosts}",
                settings.vulnerable_outside
            );
            return Err(CorpusError::setting("until_infected", expected));
        }
        Some(hosts) => Until::Infected(hosts as usize),
        None if open_end => {
            Until::Sources(SOURCES.min(settings.vulnerable_outside as usize / 2).max(1))
        }
        None => Until::Limits,
    };
    let epidemic =
        |start_ns| Epidemic::new(settings, start_ns, Rng::new(seed, "preset epidemic"));
    // The worm has spread unseen, often for hours, before its first packet
    // arrives: the capture begins shortly before that.
    let unseen_ns = epidemic(0)?.next_time().unwrap_or(0);
    let first_ns = options.start_ns.saturating_add(QUIET_NS);
    let epidemic = epidemic(first_ns.saturating_sub(unseen_ns))?;
    Ok(Arrivals::new(preset, (epidemic, settings), seed, options, carriage, until))
}

/// Refuses a carriage that would make another worm of it.
fn carriage(preset: &Preset, options: &GenerateOptions) -> Result<Carriage, CorpusError> {
    let asked = &options.carriage;
    let network_only =
        Carriage { ipv6: asked.ipv6, vlans: asked.vlans.clone(), ..Carriage::default() };
    if *asked != network_only {
        let expected =
            format!("at most ipv6 and vlan:N for {}, found {asked}", preset.name);
        return Err(CorpusError::setting("carriage", expected));
    }
    let tcp = matches!(preset.attack, Attack::Tcp { .. });
    Ok(Carriage { tcp_segment: tcp.then_some(FULL_SEGMENT), ..network_only })
}
