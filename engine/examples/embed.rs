//! An IDS hands over packets that it has already decoded.
//!
//! Run with `cargo run -p wormsift --example embed`.

use wormsift::config::Config;
use wormsift::packet::{Packet, Timestamp, protocol};
use wormsift::pipeline::Sensor;
use wormsift::signature::Finding;
use wormsift_export::json_lines;

fn main() -> Result<(), wormsift::error::Error> {
    let mut sensor = Sensor::new(Config::default())?;
    let mut worker = sensor.worker(); // one for each thread of the host

    // Twelve hosts, each infected by the one before, each attacking three others.
    let worm: Vec<u8> = (0..400_u32).map(|i| (i * i % 251) as u8).collect();
    for step in 0..12 * 3_u32 {
        worker.observe(&Packet {
            number: u64::from(step) + 1,
            time: Timestamp::from_nanos(u64::from(step) * 100_000_000),
            source: [10, 0, 0, (step / 3) as u8].into(),
            destination: [10, 0, 0, (step / 3 + 1 + step % 3 * 20) as u8].into(),
            protocol: protocol::UDP,
            source_port: 40_000 + step as u16,
            destination_port: 4_444,
            sequence: 0,
            acknowledgement: 0,
            tcp_flags: 0,
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: 0,
            payload: &worm,
        });
    }
    sensor.absorb([&mut worker]); // every few megabytes or milliseconds
    sensor.finish();
    for finding in sensor.findings() {
        if let Finding::Signature(signature) = &finding {
            println!(
                "port {:?}: {} bytes repeat",
                signature.port,
                signature.content.len()
            );
        }
        println!("{}", json_lines::write(&finding));
    }
    Ok(())
}
