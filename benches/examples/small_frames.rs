//! Writes the worst case for any program that reads packets: frames of 64 bytes.
//!
//! ```text
//! cargo run --release -p wormsift-benches --example small_frames -- FILE.pcap FRAMES
//! ```
//!
//! UDP datagrams of 22 random bytes from a seed, each from another address.

use baseline::measure::random;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use wormsift_corpora::{FrameWriter, PcapWriter};

/// Bytes of each frame, its Ethernet header included.
const FRAME: usize = 64;
const HEADERS: usize = 42;
/// Nanoseconds from one to the next: a million a second.
const GAP: u64 = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(frames)) = (arguments.next(), arguments.next()) else {
        return Err("usage: small_frames FILE.pcap FRAMES".into());
    };
    let frames: u64 = frames.parse()?;
    let mut frame = vec![2; 12];
    frame.extend_from_slice(&[8, 0, 0x45, 0, 0, (FRAME - 14) as u8, 0, 1, 0, 0, 64, 17]);
    frame.resize(FRAME, 0);
    frame[34..38].copy_from_slice(&[0, 7, 0, 9]);
    frame[39] = (FRAME - 34) as u8;
    let pool = random(1 << 20);
    let mut writer = PcapWriter::new(BufWriter::new(File::create(path)?))?;
    for n in 0..frames {
        // Addresses count up; payloads are cut from a pool and marked with the number.
        frame[26..30]
            .copy_from_slice(&(0x0a00_0000 | n as u32 & 0xff_ffff).to_be_bytes());
        frame[30..34]
            .copy_from_slice(&(0x1e00_0000 | n as u32 >> 4 & 0xffff).to_be_bytes());
        let at = (n as usize).wrapping_mul(7_919) % (pool.len() - FRAME);
        frame[HEADERS..].copy_from_slice(&pool[at..at + FRAME - HEADERS]);
        let mark = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        frame[HEADERS..HEADERS + 8].copy_from_slice(&mark);
        writer.write_frame(1_700_000_000_000_000_000 + n * GAP, &frame)?;
    }
    writer.into_inner().flush()?;
    Ok(())
}
