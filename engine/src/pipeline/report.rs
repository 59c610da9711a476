//! What a sensor tells its host: put where the host takes it, in the packets' own time.

use super::{Sensor, own_time};
use crate::dark::DarkEvent;
use crate::signature::{DecoyReport, Finding, Incident, Signature, Suppressed, Wave};

impl Sensor {
    /// Puts findings where the host takes them, with what the settings say of hosts.
    pub(super) fn report(&mut self, mut findings: Vec<Finding>) {
        let plan = self.config.address_plan();
        self.restore_own(findings.iter_mut().map(|finding| {
            let (Finding::Signature(it) | Finding::Update(it) | Finding::Summary(it)) =
                finding;
            it
        }));
        self.findings.append(&mut findings);
        for mut incident in self.ledger.take_incidents() {
            incident.addresses = plan.clone();
            if !self.clock.own_time().is_engine_time() {
                own_time::restore_incident(&mut incident, &self.clock);
            }
            self.incidents.push(incident);
        }
    }

    /// Puts signatures into the packets' own time, with what the settings say of hosts.
    pub(super) fn restore_own<'a>(
        &self,
        signatures: impl IntoIterator<Item = &'a mut Signature>,
    ) {
        let plan = self.config.address_plan();
        for signature in signatures {
            signature.addresses = plan.clone();
            if !self.clock.own_time().is_engine_time() {
                own_time::restore(signature, &self.clock);
            }
        }
    }

    /// The same of decoys that started something.
    pub(super) fn report_decoys(&mut self, mut reports: Vec<DecoyReport>) {
        if !self.clock.own_time().is_engine_time() {
            reports.iter_mut().for_each(|it| own_time::restore_report(it, &self.clock));
        }
        self.decoy_reports.append(&mut reports);
    }

    /// The same of waves.
    pub(super) fn report_waves(&mut self, mut waves: Vec<Wave>) {
        if !self.clock.own_time().is_engine_time() {
            let own_time = self.clock.own_time();
            waves.iter_mut().for_each(|it| it.hour = own_time.at(it.hour));
        }
        self.waves.append(&mut waves);
    }

    /// The findings since the last call, in order.
    pub fn findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// What is new of incidents since the last call, in order: each when it is first seen, and
    /// again when its kind, grade or signatures change or its relays have doubled; after
    /// [`Sensor::finish`] each once more, the first to read first.
    pub fn incidents(&mut self) -> Vec<Incident> {
        std::mem::take(&mut self.incidents)
    }

    /// What scans and floods showed at dark addresses since the last call.
    pub fn dark_events(&mut self) -> Vec<DarkEvent> {
        let mut events =
            self.dark.as_mut().map_or_else(Vec::new, |dark| dark.take_events());
        events.iter_mut().for_each(|event| own_time::restore_event(event, &self.clock));
        events
    }

    /// Signatures of which many more addresses than before sent the content, since the last call.
    /// Each hour is judged when it is over, by the next sighting; at [`Sensor::finish`] the last
    /// one as far as it has come.
    pub fn waves(&mut self) -> Vec<Wave> {
        std::mem::take(&mut self.waves)
    }

    /// Conversations that decoys started since the last call, in packet order: one of each
    /// decoy, protocol and port in a dispersion window, and at most 16 of a decoy.
    pub fn decoy_reports(&mut self) -> Vec<DecoyReport> {
        std::mem::take(&mut self.decoy_reports)
    }

    /// Contents that alarmed and were kept back as boilerplate: the first 256, in the
    /// order of their ticks.
    pub fn suppressed(&self) -> &[Suppressed] {
        self.ledger.suppressed()
    }

    /// What the sensor has to say about itself since the last call: overload, and frames
    /// that it cannot read.
    pub fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}
