//! What decoys may start: they look up names at one resolver, and the time at one server.
//!
//! This part also tells the truth about the decoys, since it is in both scenarios.

use super::Farm;
use crate::background::{ask_the_time, resolve};
use crate::benign::host_pool::HostPool;
use crate::error::CorpusError;
use crate::simulation::{Process, Schedule};
use crate::text::word;
use crate::traffic::Planted;

/// Errands a second of all decoys together.
const RATE: f64 = 0.8;
const NAMES: usize = 40;

pub(super) struct Errands {
    farm: Farm,
    names: Vec<String>,
}

impl Errands {
    pub(super) fn new(farm: &Farm, pool: &mut HostPool) -> Result<Self, CorpusError> {
        let rng = &mut pool.rng;
        let name = |_| format!("{}.{}.example", word(rng), word(rng));
        Ok(Self { farm: farm.clone(), names: (0..NAMES).map(name).collect() })
    }
}

impl Process for Errands {
    /// The next errand of any decoy.
    type Event = ();

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<()>) {
        schedule.after(start_ns, RATE, ());
    }

    fn handle(&mut self, time_ns: u64, (): (), schedule: &mut Schedule<()>) {
        let Schedule { link, rng, .. } = schedule;
        let decoy = *rng.one_of(&self.farm.decoys);
        if rng.chance(0.7) {
            let ends = (&decoy.client(rng), &self.farm.resolver);
            let name = rng.one_of(&self.names);
            let identifier = rng.next_u64() as u16;
            let address = [192, 0, 2, rng.below(250) as u8].into();
            resolve(time_ns, ends, identifier, (name, Some(address)), link, rng);
        } else {
            ask_the_time(&decoy, &self.farm.time_server, time_ns, link, rng);
        }
        schedule.after(time_ns, RATE, ());
    }

    fn planted(&self) -> Planted {
        let parameters = vec![
            ("decoys", self.farm.decoys.len().into()),
            ("errands_a_second", RATE.into()),
        ];
        Planted { decoys: Some(self.farm.planted()), ..Planted::none(parameters) }
    }
}
