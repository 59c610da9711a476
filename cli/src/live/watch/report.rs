//! What is written of what the sensor finds and the writer says.

use super::{Watch, Written};
use crate::output::dark_table;
use crate::output::exit_code::Failure;
use crate::output::report::news;
use crate::output::talk::Talk;
use crate::output::wave_table;
use wormsift::signature::Finding;
use wormsift_export::text::decoy_news;

impl Watch {
    /// Writes what the sensor has found and has to say.
    pub(super) fn report(&mut self, talk: &Talk) -> Result<(), Failure> {
        for warning in self.parts.sensor.warnings() {
            self.news.warning(&warning);
            self.parts.lines.warning(&warning, talk)?;
        }
        for finding in self.parts.sensor.findings() {
            let finding = self.parts.durations.estimate(finding);
            let signature = finding.signature();
            let muted = self.parts.muting.signature(signature);
            self.tell_mutes(talk)?;
            self.parts.lines.finding(&finding, muted.as_ref(), talk)?;
            match &finding {
                Finding::Signature(_) | Finding::Update(_) if muted.is_some() => {
                    talk.detail(format_args!("muted: {}", news(signature)));
                }
                Finding::Signature(_) => talk.news(news(signature)),
                Finding::Update(_) => {
                    talk.detail(format_args!("update: {}", news(signature)))
                }
                Finding::Summary(_) => {}
            }
            self.news.signature(signature, muted.as_ref());
            if let Some(writer) = &mut self.parts.writer {
                writer.finding(&finding, muted.is_some());
            }
        }
        for incident in self.parts.sensor.incidents() {
            let incident = self.parts.durations.estimate_incident(incident);
            let muted = self.parts.muting.incident(&incident);
            self.tell_mutes(talk)?;
            self.parts.lines.incident(&incident, muted.as_ref(), talk)?;
            self.news.incident(incident, muted.as_ref());
        }
        for event in self.parts.sensor.dark_events() {
            talk.detail(dark_table::news(&event));
            self.parts.lines.event(&event, talk)?;
        }
        for wave in self.parts.sensor.waves() {
            talk.detail(wave_table::news(&wave));
            self.parts.lines.wave(&wave, talk)?;
        }
        for decoy in self.parts.sensor.decoy_reports() {
            talk.news(decoy_news(&decoy));
            self.parts.lines.decoy(&decoy, talk)?;
        }
        let Some(writer) = &mut self.parts.writer else { return Ok(()) };
        writer.pass();
        self.counts = writer.counts();
        let written = writer.news();
        self.hear_writer(written, talk)
    }

    /// Says which mutes no longer hold.
    fn tell_mutes(&mut self, talk: &Talk) -> Result<(), Failure> {
        for line in self.parts.muting.take_news() {
            self.news.warning(&line);
            self.parts.lines.warning(&line, talk)?;
        }
        Ok(())
    }

    /// Writes the alerts that are ready, and passes on what else the writer says.
    pub(super) fn hear_writer(
        &mut self,
        news: Vec<Written>,
        talk: &Talk,
    ) -> Result<(), Failure> {
        for one in news {
            match one {
                Written::Alerts(lines) => self.parts.lines.text(&lines, talk)?,
                Written::RulesWritten => {
                    if let Some(suricata) = &self.parts.suricata {
                        suricata.reload();
                    }
                }
                Written::Warning(text) => {
                    self.news.warning(&text);
                    self.parts.lines.warning(&text, talk)?;
                }
                Written::Failed(reason) => talk.error(reason),
            }
        }
        Ok(())
    }
}
