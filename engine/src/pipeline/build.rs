//! Builds a sensor: every table, with its share of the memory.

use super::baseline::{self, Baseline};
use super::clock::Clock;
use super::content_shard::{ContentShard, Rules};
use super::coverage::{Causes, Coverage};
use super::decoys::{DecoyRules, DecoyWatch};
use super::flow_shard::FlowShard;
use super::frames::Round;
use super::host_names::HostNames;
use super::moments::{RunningView, TickedView};
use super::packet_log::PacketLog;
use super::prepare::Spare;
use super::seeds::Seeds;
use super::several_taps::{self, SeveralTaps};
use super::sizing::{FLOW_SHARDS, Plan};
use super::stage_times::StageTimer;
use super::starts::Starts;
use super::stats::{PacketCounters, WindowCounters};
use super::streams::Streams;
use super::warnings::Warning;
use super::worker::Sifter;
use super::{HOSTS, Sensor, StageTimes, dark_addresses, decoder};
use crate::config::Config;
use crate::dark::{Dark, Learned};
use crate::decode::{Decoder, Defragmenter, DropCounters};
use crate::detect::decoys::Decoys;
use crate::error::Error;
use crate::fingerprint::{Kernel, Sampling};
use crate::pages::can_reserve;
use crate::signature::{Boilerplate, Ledger, LedgerSettings};
use std::sync::Arc;

/// Signatures remembered at the same time.
const MOST_SIGNATURES: usize = 4_096;
/// Bytes of the pool of fragments for each datagram that may wait there: with more, a
/// flood of small fragments finds places sooner than memory.
const FRAGMENT_BYTES: usize = 1_024;
/// Datagrams that may wait at the same time, however much memory there is.
const MOST_FRAGMENTED: usize = 8_192;

impl Sensor {
    /// A sensor with all its tables.
    ///
    /// # Errors
    ///
    /// A setting that is out of range.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::with_kernel(config, Kernel::best())
    }

    /// The same on a kernel of the caller's choice: every kernel gives the same
    /// answer, so this is for measurements and tests.
    ///
    /// # Errors
    ///
    /// A setting that is out of range, or a kernel that this machine lacks.
    pub fn with_kernel(config: Config, kernel: Kernel) -> Result<Self, Error> {
        Self::with(config, kernel, None)
    }

    pub(super) fn with(
        config: Config,
        kernel: Kernel,
        baseline: Option<Baseline>,
    ) -> Result<Self, Error> {
        check(&config, kernel)?;
        let seeds = Seeds::new(config.effective_key());
        let baseline = baseline::for_run(&config, baseline)?;
        let boilerplate = config.boilerplate.then(Boilerplate::shipped);
        let known = baseline.as_ref().map_or(0, Baseline::memory_bytes)
            + boilerplate.as_ref().map_or(0, Boilerplate::memory_bytes);
        let learned = Learned::new(dark_addresses::learned(&config), config.dark_learn);
        let plan = Plan::new(&config, known + learned.memory_bytes());
        let PayloadSide { sifter, decoder, defragmenter, streams } =
            PayloadSide::new(&config, &plan, &seeds, kernel);
        let decoy_rules = Arc::new(DecoyRules::new(&config));
        let rules = Arc::new(Rules::new(&config, &seeds, &decoy_rules));
        let mut sensor = Self {
            round: Round::for_density(config.sampling.density()),
            clock: Clock::new(config.dispersion_window),
            decoder,
            defragmenter,
            flow: (0..FLOW_SHARDS)
                .map(|shard| {
                    FlowShard::new(shard, &plan, &seeds, config.dispersion_window)
                })
                .collect(),
            streams,
            content: ContentShard::all(&config, &plan, &seeds, &rules),
            away: None,
            packet_log: PacketLog::new(plan.packet_log),
            running_view: RunningView::default(),
            ticked_view: TickedView::default(),
            dark: plan.has_dark.then(|| {
                let named = dark_addresses::named(&config);
                Dark::new(plan.dark, named, learned, seeds.narrow("dark"))
            }),
            taps: SeveralTaps::new(plan.duplicates, &config),
            starts: Starts::new(
                plan.starts,
                config.dispersion_window,
                seeds.narrow("starts"),
            ),
            host_names: HostNames::new(
                plan.host_names,
                &config,
                seeds.narrow("host names"),
            ),
            ledger: Ledger::new(LedgerSettings {
                port_rules: [Some(0), None].map(|port| config.port_rule.name_with(port)),
                dispersion_window: config.dispersion_window,
                signatures: MOST_SIGNATURES,
                bytes: plan.ledger,
                seed: seeds.narrow(HOSTS),
                partly_seen: partly_seen(&config),
                taps: config.taps.iter().map(|tap| tap.name().into()).collect(),
            })
            .with_boilerplate(boilerplate, config.beta),
            spare: Spare::default(),
            findings: Vec::new(),
            incidents: Vec::new(),
            decoys: DecoyWatch::new(
                decoy_rules,
                Decoys::new(plan.decoys, config.dispersion_window),
            ),
            decoy_reports: Vec::new(),
            waves: Vec::new(),
            learning_begun: false,
            baseline_shape: None,
            frames: 0,
            packets: PacketCounters::default(),
            windows: WindowCounters::default(),
            drops: DropCounters::default(),
            coverage: Coverage::default(),
            causes: Causes::new(),
            warned: [false; Warning::COUNT],
            flood_told: 0,
            warnings: Vec::new(),
            timer: StageTimer::default(),
            times: StageTimes::default(),
            sifter,
            config,
        };
        if let Some(baseline) = baseline {
            sensor.install(baseline);
        }
        Ok(sensor)
    }
}

/// What needs payloads: in a sensor with all the rest, or at a tap.
pub(super) struct PayloadSide {
    pub(super) sifter: Arc<Sifter>,
    pub(super) decoder: Decoder,
    pub(super) defragmenter: Defragmenter,
    pub(super) streams: Streams,
}

impl PayloadSide {
    fn new(config: &Config, plan: &Plan, seeds: &Seeds, kernel: Kernel) -> Self {
        let sifter = Arc::new(Sifter::new(config, seeds, kernel));
        let context = sifter.fingerprinter.context();
        let fragments = seeds.narrow("fragments");
        Self {
            decoder: decoder(config),
            defragmenter: defragmenter(plan.fragments, context, fragments)
                .with_spaces(several_taps::spaces(config)),
            streams: Streams::new(plan, seeds, context),
            sifter,
        }
    }
}

/// What a tap is built of: as large as that of a sensor without a baseline.
pub(super) struct TapParts {
    pub(super) payload_side: PayloadSide,
    pub(super) plan: Plan,
    pub(super) seeds: Seeds,
}

impl TapParts {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let kernel = Kernel::best();
        check(config, kernel)?;
        let boilerplate = config.boilerplate.then(Boilerplate::shipped);
        let known = boilerplate.as_ref().map_or(0, Boilerplate::memory_bytes);
        let learned = Learned::new(dark_addresses::learned(config), config.dark_learn);
        let plan = Plan::new(config, known + learned.memory_bytes());
        let seeds = Seeds::new(config.effective_key());
        let payload_side = PayloadSide::new(config, &plan, &seeds, kernel);
        Ok(Self { payload_side, plan, seeds })
    }
}

/// Whether a sensor, or a tap, can be built at all.
fn check(config: &Config, kernel: Kernel) -> Result<(), Error> {
    config.validate()?;
    if !kernel.is_available() {
        return Err(Error::config(
            "kernel",
            format!("this machine cannot run {}", kernel.name()),
        ));
    }
    if !can_reserve(config.memory.0) {
        let reason = format!("the system does not give {}; ask for less", config.memory);
        return Err(Error::config("memory", reason));
    }
    Ok(())
}

/// Bytes of contents of which some copies may show no sampled window: those that winnowing
/// does not guarantee (Schleimer, Wilkerson, Aiken 2003, section 2). Of a value, all copies
/// show it or none; datagrams shorter than a window are kept whole.
fn partly_seen(config: &Config) -> std::ops::Range<usize> {
    match config.sampling {
        Sampling::Winnow(width) => config.beta..config.beta + usize::from(width) - 1,
        Sampling::Value(_) => 0..0,
    }
}

/// A pool that takes no more than `bytes`, its places included.
fn defragmenter(bytes: usize, context: usize, seed: u64) -> Defragmenter {
    let slots = (bytes / FRAGMENT_BYTES).min(MOST_FRAGMENTED);
    let places = Defragmenter::new(slots, 0).memory_bytes();
    Defragmenter::keyed(slots, bytes.saturating_sub(places), context, seed)
}
