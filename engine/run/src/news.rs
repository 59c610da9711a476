//! What a sensor has to tell, in the order in which it is told.

use serde::Serialize;
use wormsift::dark::DarkEvent;
use wormsift::fleet::Merger;
use wormsift::pipeline::Sensor;
use wormsift::signature::{DecoyReport, Finding, Incident, Wave};
use wormsift_export::durations::Durations;
use wormsift_export::json_lines;
use wormsift_export::mute::Muted;

/// One thing that is told.
#[derive(Clone, Debug)]
pub enum News {
    /// What the sensor says about itself.
    Warning(String),
    /// What is new of a signature.
    Finding(Box<Finding>),
    /// What is new of an incident.
    Incident(Incident),
    /// A decoy started a conversation.
    Decoy(DecoyReport),
    /// Many more addresses sent a content.
    Wave(Wave),
    /// Something at dark addresses.
    Event(DarkEvent),
}

/// What the engine says about itself.
#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "warning")
)]
pub struct Warning<'a> {
    /// One line.
    pub message: &'a str,
}

/// Whoever finds: each call gives what is new since the last one.
pub trait Teller {
    /// What it says about itself.
    fn warnings(&mut self) -> Vec<String>;
    /// What is new of signatures.
    fn findings(&mut self) -> Vec<Finding>;
    /// What is new of incidents.
    fn incidents(&mut self) -> Vec<Incident>;
    /// What decoys started.
    fn decoy_reports(&mut self) -> Vec<DecoyReport>;
    /// Waves.
    fn waves(&mut self) -> Vec<Wave>;
    /// What happened at dark addresses.
    fn dark_events(&mut self) -> Vec<DarkEvent>;
}

macro_rules! teller {
    ($type:ty) => {
        impl Teller for $type {
            fn warnings(&mut self) -> Vec<String> {
                self.warnings()
            }
            fn findings(&mut self) -> Vec<Finding> {
                self.findings()
            }
            fn incidents(&mut self) -> Vec<Incident> {
                self.incidents()
            }
            fn decoy_reports(&mut self) -> Vec<DecoyReport> {
                self.decoy_reports()
            }
            fn waves(&mut self) -> Vec<Wave> {
                self.waves()
            }
            fn dark_events(&mut self) -> Vec<DarkEvent> {
                self.dark_events()
            }
        }
    };
}
teller!(Sensor);
teller!(Merger);

impl News {
    /// What is new since the last call, hosts estimated by `durations`.
    pub fn take(from: &mut impl Teller, durations: &Durations) -> Vec<Self> {
        let mut news: Vec<_> = from.warnings().into_iter().map(Self::Warning).collect();
        let findings = from.findings().into_iter();
        news.extend(findings.map(|it| Self::Finding(Box::new(durations.estimate(it)))));
        let incidents = from.incidents().into_iter();
        news.extend(incidents.map(|it| Self::Incident(durations.estimate_incident(it))));
        news.extend(from.decoy_reports().into_iter().map(Self::Decoy));
        news.extend(from.waves().into_iter().map(Self::Wave));
        news.extend(from.dark_events().into_iter().map(Self::Event));
        news
    }

    /// It as a JSON line, without the line feed, with what mutes it.
    pub fn line(&self, muted: Option<&Muted>) -> String {
        match self {
            Self::Warning(message) => {
                // Plain text: there is nothing that could fail.
                json_lines::line("warning", &Warning { message }).unwrap_or_default()
            }
            Self::Finding(finding) => json_lines::write_marked(finding, muted),
            Self::Incident(incident) => {
                json_lines::write_marked_incident(incident, muted)
            }
            Self::Decoy(report) => json_lines::write_decoy(report),
            Self::Wave(wave) => json_lines::write_wave(wave),
            Self::Event(event) => json_lines::write_event(event),
        }
    }
}
