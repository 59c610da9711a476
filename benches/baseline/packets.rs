//! The packets that are sifted when speed is measured.
//!
//! Decoded once and held in memory, payload behind payload. Between passes all
//! payload bytes are xored with one byte: new content for the sifter, while what
//! repeats within a pass still repeats, wherever it stands. Packet time is laid
//! out anew so that a table sees as many contents a window as it is made for.

use std::env;
use std::path::PathBuf;
use wormsift::decode::{Decoded, Decoder};
use wormsift::detect::prevalence::Prevalence;
use wormsift::packet::{Frame, LinkType, Packet, Timestamp};
use wormsift_capture::{Limits, Trace, inputs};
use wormsift_corpora::{GenerateOptions, PcapngWriter, generate};

/// Nanoseconds of the window that prevalence is counted in.
pub const WINDOW: u64 = 60_000_000_000;
/// Bytes of payload for each key that is kept.
const BYTES_PER_KEY: usize = 64;
/// Counters a key for which prevalence tables are sized.
const COUNTERS_PER_KEY: f64 = 6.0;

/// Decoded packets, all in memory.
pub struct Packets {
    stored: Vec<Stored>,
    bytes: Vec<u8>,
    name: String,
    pass: u64,
}

/// A packet without its payload, and where that is.
struct Stored {
    packet: Packet<'static>,
    start: usize,
    len: usize,
}

impl Packets {
    /// The capture files or folders of the arguments; without any, those of
    /// `$WORMSIFT_CAPTURES/benign`; without that, made traffic.
    pub fn open(arguments: &[String]) -> Self {
        let folder = env::var_os("WORMSIFT_CAPTURES").map(PathBuf::from);
        let benign = folder.map(|folder| folder.join("benign")).filter(|at| at.is_dir());
        match benign {
            _ if !arguments.is_empty() => Self::read(arguments),
            Some(folder) => Self::read(&[folder.display().to_string()]),
            None => Self::made(400_000),
        }
    }

    /// Those of capture files and folders. Fragments and what cannot be decoded are
    /// left out.
    pub fn read(arguments: &[String]) -> Self {
        let mut packets = Self::empty(arguments.join(" "));
        let (inputs, unreadable) = inputs(arguments);
        unreadable.iter().for_each(|damage| eprintln!("{damage}"));
        let mut trace = Trace::open(inputs);
        while let Some(batch) = trace.next_batch(Limits::default()) {
            batch.frames().for_each(|frame| packets.push(&frame));
        }
        packets
    }

    /// So many packets of a small site, from a seed, nothing planted.
    pub fn made(packets: u64) -> Self {
        let options = GenerateOptions {
            packets: Some(packets),
            worm: false,
            background_hosts: Some(400),
            background_rate: Some(2.0),
            ..GenerateOptions::default()
        };
        let mut file = Vec::new();
        let mut writer = PcapngWriter::new(&mut file).expect("memory takes it");
        generate("outbreak", 1, &options, &mut writer).expect("a quiet scenario");
        let mut made = Self::empty(format!("{packets} made packets"));
        let mut trace = Trace::from_bytes("made", file);
        while let Some(batch) = trace.next_batch(Limits::default()) {
            batch.frames().for_each(|frame| made.push(&frame));
        }
        made
    }

    /// `total` bytes in UDP payloads of one size, all different.
    pub fn unique(payload: usize, total: usize) -> Self {
        let mut packets = Self::empty(format!("random payloads of {payload} bytes"));
        let bytes = crate::measure::random(total);
        for (n, payload) in (0u32..).zip(bytes.chunks_exact(payload)) {
            let mut data = vec![2; 12];
            data.extend_from_slice(&[8, 0, 0x45, 0]);
            data.extend_from_slice(&((payload.len() + 28) as u16).to_be_bytes());
            data.extend_from_slice(&[0, 1, 0, 0, 64, 17, 0, 0, 10, 1]);
            data.extend_from_slice(&n.to_be_bytes());
            data.extend_from_slice(&[10, 2, 0, 7, 0, 9]);
            data.extend_from_slice(&((payload.len() + 8) as u16).to_be_bytes());
            data.extend_from_slice(&[0, 0]);
            data.extend_from_slice(payload);
            packets.push(&Frame {
                number: 1,
                time: Timestamp::from_nanos(0),
                link: LinkType::ETHERNET,
                original_len: data.len() as u32,
                tap: 0,
                data: &data,
            });
        }
        packets
    }

    fn empty(name: String) -> Self {
        Self { stored: Vec::new(), bytes: Vec::new(), name, pass: 0 }
    }

    fn push(&mut self, frame: &Frame<'_>) {
        if let Decoded::Packet(packet) = Decoder::new(true, false).frame(frame) {
            self.stored.push(Stored {
                packet: Packet { payload: &[], ..packet },
                start: self.bytes.len(),
                len: packet.payload.len(),
            });
            self.bytes.extend_from_slice(packet.payload);
        }
    }

    /// Where they are from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.stored.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.stored.is_empty()
    }

    /// All payloads, one behind the other.
    pub fn payload(&self) -> &[u8] {
        &self.bytes
    }

    /// Other content, later: see the module.
    pub fn advance(&mut self) {
        let step = (self.pass as u8) ^ (self.pass as u8).wrapping_add(1);
        self.bytes.iter_mut().for_each(|byte| *byte ^= step);
        self.pass += 1;
    }

    /// Payload bytes that may pass in a window for prevalence tables of `table`
    /// bytes: six counters a key.
    pub fn bytes_per_window(table: usize) -> u64 {
        // The law is linear: bytes of a million keys.
        let million = Prevalence::bytes_for(1 << 20, COUNTERS_PER_KEY) as u128;
        let keys = ((table as u128) << 20) / million;
        keys as u64 * BYTES_PER_KEY as u64
    }

    /// This pass's packets, so many payload bytes a window.
    pub fn iter(&self, bytes_per_window: u64) -> impl Iterator<Item = Packet<'_>> {
        let first = self.pass * self.stored.len() as u64 + 1;
        let before = u128::from(self.pass) * self.bytes.len() as u128;
        (first..).zip(&self.stored).map(move |(number, stored)| {
            let bytes = before + stored.start as u128;
            let nanos = bytes * u128::from(WINDOW) / u128::from(bytes_per_window.max(1));
            Packet {
                number,
                time: Timestamp::from_nanos(nanos as u64),
                payload: &self.bytes[stored.start..stored.start + stored.len],
                ..stored.packet
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_changes_every_byte_and_time_and_numbers_go_on() {
        let mut packets = Packets::unique(100, 1_000);
        assert_eq!((packets.len(), packets.payload().len()), (10, 1_000));
        let first = packets.payload().to_vec();
        let times: Vec<_> = packets.iter(500).map(|packet| packet.time).collect();
        assert_eq!(times[5].as_nanos(), WINDOW);
        for pass in 1..=255u64 {
            packets.advance();
            let mask = pass as u8;
            assert!(
                packets.payload().iter().zip(&first).all(|(new, old)| *new == old ^ mask)
            );
            assert_eq!(packets.iter(500).next().map(|p| p.number), Some(pass * 10 + 1));
        }
    }

    #[test]
    fn made_packets_are_the_same_each_time() {
        let [one, two] = [Packets::made(500), Packets::made(500)];
        assert!(one.len() > 400 && one.payload() == two.payload());
        let pairs = one.iter(1 << 20).zip(two.iter(1 << 20));
        assert!(pairs.into_iter().all(|(one, two)| one == two));
    }

    #[test]
    fn a_window_fills_a_table_as_far_as_it_is_made_for() {
        let bytes = Packets::bytes_per_window(1 << 20);
        let keys = bytes / BYTES_PER_KEY as u64;
        let needed = Prevalence::bytes_for(keys, COUNTERS_PER_KEY);
        assert!((1_000_000..1_080_000).contains(&needed), "{needed}");
    }
}
