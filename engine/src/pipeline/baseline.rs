//! The keys that a sensor knows to be good.
//!
//! From a file, or from its own first hours; what it knows can be kept. Which settings
//! a content key depends on is said here and nowhere else.

use super::content_shard::ContentShard;
use super::seeds::Seeds;
use super::sizing::CONTENT_SHARDS;
use super::{Chunk, Sensor};
use crate::config::{Config, Size};
use crate::error::{BaselineError, Error};
use crate::fingerprint::Kernel;
use crate::signature::{Binding, LearnedKeys};
use crate::sketch::Bloom;
use crate::time::Span;

/// Content keys known to be good, for sensors with the same key and settings.
///
/// ```
/// use wormsift::pipeline::{Baseline, Sensor};
/// use wormsift::Config;
///
/// let config = Config::default();
/// let mut baseline = Baseline::new(&config, 1 << 20, 1e-6);
/// baseline.learn(0x1234);
/// let file = baseline.write();
/// let sensor = Sensor::with_baseline(config.clone(), Baseline::read(&config, &file)?)?;
/// assert_eq!(sensor.baseline().unwrap().write(), file);
///
/// let other = Config::from_toml("beta = 32")?;
/// assert!(Baseline::read(&other, &file).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Baseline(LearnedKeys);

impl Baseline {
    /// Bytes of a filter unless set otherwise: 1.1 million keys at the default rate.
    pub const DEFAULT_SIZE: Size = Size(4 << 20);
    /// How often an unknown key is taken for a known one, unless set otherwise. Each
    /// such key is a window that can raise no alarm: 1 in a million costs a content of
    /// 1,000 sampled windows one of them in 0.1 % of cases.
    pub const DEFAULT_RATE: f64 = 1e-6;

    /// Sightings within a prevalence window from which on a content is learned, unless set
    /// otherwise: what was seen once is hardly ever what disperses, and is most of all.
    pub const DEFAULT_SIGHTINGS: u8 = 2;

    /// An empty one of at most `bytes` (where that is 3 KiB or more) for sensors with
    /// these settings; `false_positive_rate` is held up to
    /// [`capacity`](LearnedKeys::capacity) keys.
    pub fn new(config: &Config, bytes: usize, false_positive_rate: f64) -> Self {
        Self(LearnedKeys::new(
            binding(config),
            bytes,
            false_positive_rate,
            &filter_seeds(config),
        ))
    }

    /// Reads what [`write`](Self::write) wrote, for sensors with these settings.
    ///
    /// # Errors
    ///
    /// A damaged file, or one that was learned under another key or other settings.
    pub fn read(config: &Config, file: &[u8]) -> Result<Self, BaselineError> {
        LearnedKeys::read(file, &binding(config), &filter_seeds(config)).map(Self)
    }

    /// The bytes of a file. They hold neither the secret key nor anything that it could
    /// be derived from.
    pub fn write(&self) -> Vec<u8> {
        self.0.write()
    }

    /// Enters a content key, as a [`Decision`](super::Decision) has it.
    pub fn learn(&mut self, key: u64) -> bool {
        self.0.insert(super::batch::content_shard(key), key)
    }

    /// Enters the contents that a sensor which
    /// [keeps decisions](Sensor::keep_decisions) saw at least so many times since the
    /// last call. The sensor's findings are taken and dropped.
    pub fn learn_from(&mut self, sensor: &mut Sensor, sightings: u8) {
        for decision in sensor.decisions() {
            if decision.prevalence >= u32::from(sightings) {
                self.learn(decision.key);
            }
        }
        sensor.findings();
    }

    /// Enters what another one knows: the same as having learned both.
    ///
    /// # Errors
    ///
    /// They differ in key, settings, size or rate.
    pub fn merge(&mut self, other: &Self) -> Result<(), BaselineError> {
        self.0.merge(&other.0)
    }

    /// The keys, with their counts and rates.
    pub fn keys(&self) -> &LearnedKeys {
        &self.0
    }

    /// Bytes allocated.
    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

/// The baseline that a run begins with: the one given, or an empty one to learn into.
pub(super) fn for_run(
    config: &Config,
    given: Option<Baseline>,
) -> Result<Option<Baseline>, Error> {
    let budget = config.memory.0;
    let Some(baseline) = given else {
        let share = (budget / LEARNING_SHARE) as usize;
        let empty = || Baseline::new(config, share, Baseline::DEFAULT_RATE);
        return Ok((config.learning_period > Span(0)).then(empty));
    };
    let refused = |error: BaselineError| Error::config("baseline", error.to_string());
    baseline.0.check(&binding(config)).map_err(refused)?;
    let bytes = baseline.memory_bytes() as u64;
    if bytes > budget / 2 {
        return Err(Error::config(
            "memory",
            format!(
                "expected at least {} for a baseline of {bytes} bytes, found {}",
                Size(2 * bytes),
                Size(budget)
            ),
        ));
    }
    Ok(Some(baseline))
}

/// The part of the budget that a learning period fills: an eighth.
const LEARNING_SHARE: u64 = 8;

fn seeds(config: &Config) -> Seeds {
    Seeds::new(config.effective_key())
}

fn filter_seeds(config: &Config) -> Vec<u64> {
    let seeds = seeds(config);
    (0..CONTENT_SHARDS).map(|shard| seeds.shard("baseline", shard)).collect()
}

fn binding(config: &Config) -> Binding {
    Binding {
        key: seeds(config).wide("baseline binding"),
        settings: format!(
            "beta = {}, sampling = {}, port_rule = {}",
            config.beta,
            config.sampling,
            config.port_rule.name()
        ),
    }
}

impl Sensor {
    /// A sensor that knows some content to be good. Its memory is part of the budget.
    ///
    /// # Errors
    ///
    /// A setting that is out of range; a baseline of another key or other settings, or
    /// one that takes more than half of the memory.
    pub fn with_baseline(config: Config, baseline: Baseline) -> Result<Self, Error> {
        Self::with(config, Kernel::best(), Some(baseline))
    }

    /// What it knows to be good by now, to be kept; `None` without a baseline.
    pub fn baseline(&self) -> Option<Baseline> {
        let filters: Vec<&Bloom> =
            self.content.iter().filter_map(|content| content.baseline.as_ref()).collect();
        let first = self.baseline_shape?;
        let empty = Baseline::new(&self.config, first.bytes, first.rate);
        Some(Baseline(LearnedKeys::of_bits(empty.0, filters)))
    }

    /// Gives each shard its filter.
    pub(super) fn install(&mut self, baseline: Baseline) {
        self.baseline_shape =
            Some(Shape { bytes: baseline.0.bytes(), rate: baseline.0.rate() });
        for (content, filter) in self.content.iter_mut().zip(baseline.0.into_filters()) {
            content.baseline = Some(filter);
        }
    }

    /// Starts the learning period at the first packet's time.
    pub(super) fn begin_learning(&mut self, chunks: &[Chunk]) {
        let period = self.config.learning_period;
        if self.learning_begun || period == Span(0) {
            return;
        }
        let mut records = chunks.iter().flat_map(|chunk| &chunk.records);
        let Some(first) = records.find(|record| !record.vacant) else { return };
        self.learning_begun = true;
        let until = first.time + period;
        let learns = |content: &mut ContentShard| content.learns_until = until;
        self.content.iter_mut().for_each(learns);
    }
}

/// With what the filters were made.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    bytes: usize,
    rate: f64,
}

impl Shape {
    pub(super) fn numbers(self) -> (usize, f64) {
        (self.bytes, self.rate)
    }
}
