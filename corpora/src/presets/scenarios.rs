//! The scenarios of the presets.

use super::attack::PresetAttack;
use super::{AttackKind, BLASTER, CODE_RED, MIRAI, Preset, SASSER, SLAMMER, WITTY};
use crate::address_space::Prefix;
use crate::background::most_hosts;
use crate::carriage::Carriage;
use crate::epidemic::{Epidemic, EpidemicSettings};
use crate::error::CorpusError;
use crate::frame_builder::MAX_PAYLOAD;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions, Request};
use crate::tcp_session::FULL_SEGMENT;
use crate::worms::scanning::{Scan, Stop};
use crate::worms::setup::{Prepared, WormSetup};

const NOBODY_INSIDE: Verdict = Verdict::Silent(
    "no host behind the tap is vulnerable, so that none is seen to pass it on",
);
/// The capture ends soon after so many hosts have scanned the network: far
/// beyond 30, since slow worms must first repeat within a prevalence window.
const SOURCES: usize = 400;

/// Settings that the ground truth has.
const PARAMETERS: [&str; 7] = [
    "scan_rate",
    "infection_chance",
    "first_infected",
    "same_8",
    "same_16",
    "vulnerable_inside",
    "vulnerable_outside",
];

/// By default, and the same under settings that cannot miss it.
const FIRES: &[Expectation] = &[Expectation::by_default(Verdict::Fires, NOBODY_INSIDE)];

pub(crate) const SCENARIOS: &[Entry] = &[
    Entry {
        profile: Profile::worm(
            "code-red",
            "Code Red v2 reaches a /16: 4 KB over TCP to port 80, the infected double in \
             37 minutes",
            "a sensor of one body in each packet: the body needs three segments",
            FIRES,
        ),
        open: |request| open(&CODE_RED, request),
    },
    Entry {
        profile: Profile::worm(
            "slammer",
            "Slammer reaches a /16: 376 bytes in one UDP packet to port 1434, the infected \
             double in 10 seconds",
            "every answer that is slower than a minute",
            &[
                Expectation::by_default(Verdict::Fires, NOBODY_INSIDE),
                Expectation::under(
                    "sampling = \"64\"",
                    Verdict::Open(
                        "of the 337 windows of its 376 bytes, one in 64 is sampled: one \
                         body in two hundred has none",
                    ),
                    NOBODY_INSIDE,
                ),
            ],
        ),
        open: |request| open(&SLAMMER, request),
    },
    Entry {
        profile: Profile::worm(
            "blaster",
            "a worm like Blaster reaches a /16: 1,700 bytes over TCP to port 135, the \
             infected double in ten minutes",
            "a sensor of one body in each packet: the body needs two segments",
            FIRES,
        ),
        open: |request| open(&BLASTER, request),
    },
    Entry {
        profile: Profile::worm(
            "witty",
            "Witty reaches a /16: 650 bytes and random padding, by UDP from port 4000 to \
             random ports, from 110 hosts at first",
            "content keys with the destination port; rules on the packet's length",
            &[
                Expectation::by_default(Verdict::Fires, NOBODY_INSIDE),
                Expectation::under(
                    "port_rule = \"destination\"",
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
        open: |request| open(&WITTY, request),
    },
    Entry {
        profile: Profile::worm(
            "sasser",
            "Sasser reaches a /16: 2,000 bytes over TCP to port 445, half of the scans \
             near the scanner",
            "the even scanning that most estimates assume",
            FIRES,
        ),
        open: |request| open(&SASSER, request),
    },
    Entry {
        profile: Profile::worm(
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
        open: |request| open(&MIRAI, request),
    },
];

/// The monitored network by default: that of documentation and benchmarks, 198.18.0.0/16.
fn default_monitored() -> Prefix {
    Prefix::new([198, 18, 0, 0].into(), 16)
}

/// Starts a preset's scenario.
fn open(
    preset: &'static Preset,
    request: Request<'_>,
) -> Result<FrameStream, CorpusError> {
    let options = request.options;
    options.check_start()?;
    let inside = options.inside.unwrap_or_else(default_monitored);
    let mut settings = preset.epidemic(inside);
    settings.vulnerable_outside = options.vulnerable_hosts.unwrap_or(preset.population);
    settings.scan_rate = options.scan_rate.unwrap_or(preset.scan_rate);
    settings.sees_all = options.sees_all;
    let mut setup = WormSetup::of(request, settings.space);
    setup.background_hosts = most_hosts(inside).min(20) as u32;
    // A slow worm's capture is hours long; the background is as sparse, so that both have
    // a like number of packets.
    setup.background_rate = (preset.growth_rate() * 0.3).min(0.1);
    setup.until = None;
    if options.worm {
        setup.options.carriage = carriage(preset, options)?;
    }
    setup.start(|setup| prepare(preset, setup, settings))
}

fn prepare(
    preset: &'static Preset,
    setup: &WormSetup,
    settings: EpidemicSettings,
) -> Result<Prepared<Scan<PresetAttack>>, CorpusError> {
    let options = &setup.options;
    let length = options.body.as_ref().map_or(preset.invariant, |body| body.length());
    let most = MAX_PAYLOAD - preset.padding.end();
    if length == 0 || length > most {
        let expected = format!("a body of 1 to {most} bytes");
        return Err(CorpusError::setting("body", expected));
    }
    let stop = match options.until_infected {
        Some(hosts) => Some(Stop::Infected(hosts as usize)),
        None if options.has_end() => None,
        None => {
            let half = settings.vulnerable_outside as usize / 2;
            Some(Stop::Sources(SOURCES.min(half).max(1)))
        }
    };
    let epidemic = |start_ns| {
        Epidemic::new(settings, start_ns, Rng::new(setup.seed, "preset epidemic"))
    };
    // The worm has spread unseen, often for hours, before its first packet arrives: the
    // capture begins shortly before that.
    let unseen_ns = epidemic(0)?.next_time().unwrap_or(0);
    let epidemic = epidemic(setup.begins_ns.saturating_sub(unseen_ns))?;
    let attack = PresetAttack::new(preset, setup.seed, options);
    let rng = Rng::new(setup.seed, "preset arrivals");
    let scan = Scan::new(setup, epidemic, attack, 1.0, stop);
    let mut prepared = scan.prepared(rng, &PARAMETERS);
    if matches!(preset.attack, AttackKind::Login { .. }) {
        prepared.parameters.retain(|(name, _)| *name != "carriage");
    }
    Ok(prepared)
}

/// How the preset is carried; refuses what would make another worm of it.
fn carriage(preset: &Preset, options: &GenerateOptions) -> Result<Carriage, CorpusError> {
    let asked = &options.carriage;
    let network_only =
        Carriage { ipv6: asked.ipv6, vlans: asked.vlans.clone(), ..Carriage::default() };
    if *asked != network_only {
        let expected =
            format!("at most ipv6 and vlan:N for {}, found {asked}", preset.name);
        return Err(CorpusError::setting("carriage", expected));
    }
    let tcp = matches!(preset.attack, AttackKind::Tcp { .. });
    Ok(Carriage { tcp_segment: tcp.then_some(FULL_SEGMENT), ..network_only })
}
