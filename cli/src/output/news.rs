//! What a sensor or a merger has found since it was last asked, into a report.

use crate::output::exit_code::Failure;
use crate::output::report::Report;
use crate::output::talk::Talk;
use wormsift::dark::DarkEvent;
use wormsift::pipeline::Sensor;
use wormsift::signature::{DecoyReport, Finding, Incident, Wave};
use wormsift_export::durations::Durations;

/// Whoever finds.
pub(crate) trait News {
    fn warnings(&mut self) -> Vec<String>;
    fn findings(&mut self) -> Vec<Finding>;
    fn incidents(&mut self) -> Vec<Incident>;
    fn decoy_reports(&mut self) -> Vec<DecoyReport>;
    fn waves(&mut self) -> Vec<Wave>;
    fn dark_events(&mut self) -> Vec<DarkEvent>;
}

macro_rules! news {
    ($type:ty) => {
        impl News for $type {
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
news!(Sensor);
#[cfg(feature = "fleet")]
news!(wormsift::fleet::Merger);

/// Reports it, in the order of lines.
pub(crate) fn report_news(
    from: &mut impl News,
    durations: &Durations,
    report: &mut Report,
    talk: &Talk,
) -> Result<(), Failure> {
    for warning in from.warnings() {
        report.warning(&warning, talk)?;
    }
    for finding in from.findings() {
        report.finding(durations.estimate(finding), talk)?;
    }
    for incident in from.incidents() {
        report.incident(durations.estimate_incident(incident), talk)?;
    }
    for decoy in from.decoy_reports() {
        report.decoy(&decoy, talk)?;
    }
    from.waves().into_iter().try_for_each(|wave| report.wave(wave))?;
    from.dark_events().into_iter().try_for_each(|event| report.event(event))
}
