//! What a sensor or a merger has found since it was last asked, into a report.

use crate::output::exit_code::Failure;
use crate::output::report::Report;
use crate::output::talk::Talk;
use wormsift_export::durations::Durations;
use wormsift_run::{News, Teller};

/// Reports it, in the order of lines.
pub(crate) fn report_news(
    from: &mut impl Teller,
    durations: &Durations,
    report: &mut Report,
    talk: &Talk,
) -> Result<(), Failure> {
    for news in News::take(from, durations) {
        match news {
            News::Warning(message) => report.warning(&message, talk)?,
            News::Finding(finding) => report.finding(*finding, talk)?,
            News::Incident(incident) => report.incident(incident, talk)?,
            News::Decoy(decoy) => report.decoy(&decoy, talk)?,
            News::Wave(wave) => report.wave(wave)?,
            News::Event(event) => report.event(event)?,
        }
    }
    Ok(())
}
