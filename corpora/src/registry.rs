//! All scenarios by name.

use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::ground_truth::GroundTruth;
use crate::pcap_writer::FrameWriter;
use crate::profile::Profile;
use crate::scenario::{Entry, GenerateOptions, Request};
use crate::taps::{self, Cut};
use crate::{adversary, benign, infrastructure, presets, unsolicited, worms};

/// All scenarios, group by group.
const GROUPS: [&[Entry]; 7] = [
    worms::SCENARIOS,
    presets::SCENARIOS,
    benign::SCENARIOS,
    infrastructure::SCENARIOS,
    adversary::SCENARIOS,
    unsolicited::SCENARIOS,
    taps::SCENARIOS,
];

fn entries() -> impl Iterator<Item = &'static Entry> {
    GROUPS.into_iter().flatten()
}

/// Traffic with a known answer, under a seed.
#[derive(Clone)]
pub struct Scenario {
    entry: &'static Entry,
    seed: u64,
    options: GenerateOptions,
}

impl Scenario {
    /// The scenario of this name, with default options.
    ///
    /// # Errors
    /// [`CorpusError::UnknownScenario`].
    pub fn named(name: &str, seed: u64) -> Result<Self, CorpusError> {
        let entry =
            entries().find(|entry| entry.profile.name == name).ok_or_else(|| {
                CorpusError::UnknownScenario {
                    name: name.to_owned(),
                    known: Self::names().collect(),
                }
            })?;
        Ok(Self { entry, seed, options: GenerateOptions::default() })
    }

    /// The names of all scenarios.
    pub fn names() -> impl Iterator<Item = &'static str> {
        entries().map(|entry| entry.profile.name)
    }

    /// What is known of each scenario.
    pub fn profiles() -> impl Iterator<Item = &'static Profile> {
        entries().map(|entry| &entry.profile)
    }

    /// The same scenario with these options.
    #[must_use]
    pub fn options(self, options: GenerateOptions) -> Self {
        Self { options, ..self }
    }

    /// What is known of it.
    pub fn profile(&self) -> &'static Profile {
        &self.entry.profile
    }

    /// How several taps see it, where they do.
    pub fn cut(&self) -> Option<Cut> {
        Cut::of(self.entry.profile.name)
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`CorpusError::Setting`].
    pub fn stream(&self) -> Result<FrameStream, CorpusError> {
        let name = self.entry.profile.name;
        self.entry.start(Request { name, seed: self.seed, options: &self.options })
    }
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scenario")
            .field("name", &self.entry.profile.name)
            .field("seed", &self.seed)
            .field("options", &self.options)
            .finish()
    }
}

/// Generates one capture.
///
/// # Errors
/// An unknown scenario, impossible options, or an error of the writer.
pub fn generate(
    scenario: &str,
    seed: u64,
    options: &GenerateOptions,
    writer: &mut dyn FrameWriter,
) -> Result<GroundTruth, CorpusError> {
    let mut stream =
        Scenario::named(scenario, seed)?.options(options.clone()).stream()?;
    let mut frame = Vec::new();
    while let Some(stamp) = stream.next_frame(&mut frame) {
        writer.write_frame(stamp.time_ns, &frame)?;
    }
    Ok(stream.into_truth())
}
