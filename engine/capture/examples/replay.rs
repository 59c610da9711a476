//! Puts the frames of a capture on an interface: what a live sensor is tested with.
//!
//! `cargo run --release -p wormsift --features live --example replay -- tap0 day.pcap`
//!
//! Options after the two: `--rate N` frames a second (default: as many as go),
//! `--seconds S` (begin again until then; default: once), `--fresh` (when it begins again,
//! bytes behind the headers are changed, so that content does not repeat only because the
//! capture does). Times in the capture are not kept. Prints one line of JSON: what was
//! sent, and how fast.

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("replay: only on Linux");
    std::process::exit(1);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::error::Error;
    use std::time::{Duration, Instant};
    use wormsift::packet::LinkType;
    use wormsift_capture::live::Sender;
    use wormsift_capture::{Limits, Trace, inputs};

    /// Ethernet, IPv4 and TCP with timestamps; behind it bytes are content.
    const HEADERS: usize = 66;
    /// Frames that are sent at once.
    const AT_ONCE: usize = 64;

    pub(super) fn main() -> Result<(), Box<dyn Error>> {
        let mut words = std::env::args().skip(1);
        let (Some(interface), Some(capture)) = (words.next(), words.next()) else {
            return Err(
                "usage: replay IFACE CAPTURE [--rate N] [--seconds S] [--fresh]".into()
            );
        };
        let (mut rate, mut seconds, mut fresh) = (f64::INFINITY, 0.0, false);
        while let Some(word) = words.next() {
            let mut number = || words.next().unwrap_or_default().parse::<f64>();
            match word.as_str() {
                "--rate" => rate = number()?,
                "--seconds" => seconds = number()?,
                "--fresh" => fresh = true,
                other => return Err(format!("unknown option {other}").into()),
            }
        }
        let mut frames = read(&capture)?;
        let sender = Sender::open(&interface)?;
        let start = Instant::now();
        let end = start + Duration::from_secs_f64(seconds);
        let (mut sent, mut bytes, mut round) = (0_u64, 0_u64, 0_u64);
        loop {
            for group in frames.chunks(AT_ONCE) {
                let mut group: Vec<&[u8]> = group.iter().map(Vec::as_slice).collect();
                while !group.is_empty() {
                    let done = sender.send(&group)?;
                    sent += done as u64;
                    bytes +=
                        group.drain(..done).map(|frame| frame.len() as u64).sum::<u64>();
                }
                wait_until(start, sent as f64 / rate);
                if round > 0 && Instant::now() >= end {
                    break;
                }
            }
            round += 1;
            if Instant::now() >= end {
                break;
            }
            if fresh {
                let mask = round.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
                frames.iter_mut().for_each(|frame| change(frame, mask));
            }
        }
        let time = start.elapsed().as_secs_f64();
        println!(
            "{{\"sent\":{sent},\"bytes\":{bytes},\"seconds\":{time:.3},\"rounds\":{round},\
             \"frames_per_second\":{:.0},\"bits_per_second\":{:.0}}}",
            sent as f64 / time,
            bytes as f64 * 8.0 / time
        );
        Ok(())
    }

    fn read(capture: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
        let (inputs, _) = inputs(&[capture.to_owned()]);
        let mut trace = Trace::open(inputs);
        let mut frames = Vec::new();
        while let Some(batch) = trace.next_batch(Limits::default()) {
            for frame in batch.frames() {
                if frame.link == LinkType::ETHERNET {
                    frames.push(frame.data.to_vec());
                }
            }
        }
        if frames.is_empty() {
            return Err(format!("{capture}: no Ethernet frames").into());
        }
        Ok(frames)
    }

    fn change(frame: &mut [u8], mask: [u8; 8]) {
        let content = frame.get_mut(HEADERS..).unwrap_or_default();
        for (byte, mask) in content.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
    }

    /// Sleeps while there is time to, and looks at the clock for the rest.
    fn wait_until(start: Instant, seconds: f64) {
        loop {
            let left = seconds - start.elapsed().as_secs_f64();
            if left <= 0.0 {
                return;
            }
            if left > 0.002 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
