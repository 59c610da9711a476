//! How many packets a second come out of the generator, on one core, into
//! nowhere: `cargo run --release -p wormsift-corpora --example generation_speed`.
//!
//! Memory does not grow with the packets, but with the hosts infected, with the
//! seconds in which a content was seen (16 bytes each) and, unless left out, with
//! the runs of packets that carry it (16 bytes each).

use std::error::Error;
use std::time::Instant;

use wormsift_corpora::{Carriage, GenerateOptions, PcapngWriter, generate};

fn main() -> Result<(), Box<dyn Error>> {
    let large = GenerateOptions {
        packets: Some(2_000_000),
        background_hosts: Some(400),
        background_rate: Some(2.0),
        scan_rate: Some(20.0),
        ..GenerateOptions::default()
    };
    let carried = |text: &str| -> Result<_, Box<dyn Error>> {
        Ok(GenerateOptions { carriage: text.parse::<Carriage>()?, ..large.clone() })
    };
    let runs = [
        ("worm and background", large.clone()),
        ("background alone", GenerateOptions { worm: false, ..large.clone() }),
        ("worm alone", GenerateOptions { background_hosts: Some(0), ..large.clone() }),
        ("over TCP in segments of 100", carried("tcp:100")?),
        ("in fragments of 128", carried("fragment:128")?),
    ];
    for (name, options) in runs {
        let mut writer = PcapngWriter::new(std::io::sink())?;
        let start = Instant::now();
        let truth = generate("outbreak", 1, &options, &mut writer)?;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{name}: {:.2} M packets/s ({} of {} carry the worm)",
            truth.packets as f64 / seconds / 1e6,
            truth.contents.iter().map(|content| content.carriers.count).sum::<u64>(),
            truth.packets
        );
    }
    Ok(())
}
