//! Simulates an epidemic of ten million hosts without any packets, and prints its cost.
//! `cargo run --release -p wormsift-corpora --example epidemic_scale`.
//!
//! The peak of memory is that of the process so far (Linux only).

use std::error::Error;
use std::time::Instant;

use wormsift_corpora::address_space::{AddressSpace, Prefix};
use wormsift_corpora::epidemic::{Epidemic, EpidemicSettings, LocalPreference};
use wormsift_corpora::rng::Rng;

const HOSTS: u32 = 10_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let near = LocalPreference { same_8: 0.25, same_16: 0.25, same_24: 0.0 };
    let nowhere = LocalPreference::default();
    let networks = [("nothing local", 24, nowhere), ("nothing local", 16, nowhere)];
    for (name, bits, local) in networks.into_iter().chain([("half local", 16, near)]) {
        let settings = EpidemicSettings {
            space: AddressSpace {
                scanned: Prefix::new([0, 0, 0, 0].into(), 0),
                inside: Prefix::new([44, 0, 0, 0].into(), bits),
            },
            vulnerable_inside: 0,
            vulnerable_outside: HOSTS,
            scan_rate: 10.0,
            local,
            ..EpidemicSettings::default()
        };
        let start = Instant::now();
        let mut epidemic = Epidemic::new(settings, 0, Rng::new(1, "scale"))?;
        println!(
            "{name}, dark /{bits}: {HOSTS} vulnerable hosts drawn in {:.2} s, peak of \
             memory {}",
            start.elapsed().as_secs_f64(),
            peak_memory()
        );
        let start = Instant::now();
        let mut contacts: u64 = 0;
        for percent in [1, 50, 99] {
            let goal = (u64::from(HOSTS) * percent / 100) as usize;
            while epidemic.infections().len() < goal {
                epidemic.next_contact().ok_or("the epidemic ended")?;
                contacts += 1;
            }
            println!(
                "  {percent} % infected, {contacts} scans through the tap: {:.2} s, peak \
                 of memory {}",
                start.elapsed().as_secs_f64(),
                peak_memory()
            );
        }
    }
    Ok(())
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kilobytes.map_or("unknown".to_owned(), |kilobytes: u64| {
        format!("{} MB", kilobytes / 1_024)
    })
}
