//! The captures, held in memory, to be gone over again and again.
//!
//! Between passes every payload byte is xored with one byte: new content for the
//! sifter, while what repeats within a pass still repeats. Times and numbers go on.

use wormsift::config::Config;
use wormsift::decode::{Decoded, Decoder};
use wormsift::packet::{Frame, LinkType, Timestamp};
use wormsift::pipeline::FrameList;
use wormsift_capture::{Damage, Limits, Trace};

/// Captured bytes that are held at most.
const MOST_BYTES: usize = 1 << 30;

/// Frames and their bytes.
pub(super) struct Memory {
    bytes: Vec<u8>,
    frames: Vec<Stored>,
    payload_bytes: u64,
    /// First to last timestamp, and a second.
    span: u64,
    pass: u64,
    cut: bool,
}

struct Stored {
    time: u64,
    start: usize,
    len: u32,
    original_len: u32,
    link: LinkType,
    /// Where its payload lies in the frame; empty for what is no whole packet.
    payload: (u32, u32),
}

impl Memory {
    /// Reads the captures up to a bound, and what was wrong with them.
    pub(super) fn read(captures: &[String], config: &Config) -> (Self, Vec<Damage>) {
        let decoder = wormsift::pipeline::decoder(config);
        let (inputs, mut damage) = wormsift_capture::inputs(captures);
        let mut trace = Trace::open(inputs);
        let mut memory = Self {
            bytes: Vec::new(),
            frames: Vec::new(),
            payload_bytes: 0,
            span: 0,
            pass: 0,
            cut: false,
        };
        while let Some(batch) = trace.next_batch(Limits::default()) {
            if memory.bytes.len() + batch.bytes() > MOST_BYTES {
                memory.cut = true;
                break;
            }
            batch.frames().for_each(|frame| memory.push(&frame, &decoder));
        }
        damage.extend(trace.damage());
        let times = memory.frames.iter().map(|frame| frame.time);
        let first = times.clone().min().unwrap_or(0);
        let last = times.max().unwrap_or(0);
        memory.span = last - first + 1_000_000_000;
        (memory, damage)
    }

    fn push(&mut self, frame: &Frame<'_>, decoder: &Decoder) {
        let payload = match decoder.frame(frame) {
            Decoded::Packet(packet) if !packet.payload.is_empty() => {
                let start = packet.payload.as_ptr().addr() - frame.data.as_ptr().addr();
                (start as u32, packet.payload.len() as u32)
            }
            _ => (0, 0),
        };
        self.payload_bytes += u64::from(payload.1);
        self.frames.push(Stored {
            time: frame.time.as_nanos(),
            start: self.bytes.len(),
            len: frame.data.len() as u32,
            original_len: frame.original_len,
            link: frame.link,
            payload,
        });
        self.bytes.extend_from_slice(frame.data);
    }

    /// The payloads of whole packets.
    pub(super) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.frames.iter().map(|frame| {
            let start = frame.start + frame.payload.0 as usize;
            &self.bytes[start..start + frame.payload.1 as usize]
        })
    }

    /// Packets of a pass.
    pub(super) fn packets(&self) -> usize {
        self.frames.len()
    }

    /// Bytes of all payloads of whole packets.
    pub(super) fn payload_bytes(&self) -> u64 {
        self.payload_bytes
    }

    /// Bytes of all frames.
    pub(super) fn captured_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether there was more than is held.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Other payloads, later.
    pub(super) fn advance(&mut self) {
        let step = (self.pass as u8) ^ (self.pass as u8).wrapping_add(1);
        for frame in &self.frames {
            let start = frame.start + frame.payload.0 as usize;
            let payload = &mut self.bytes[start..start + frame.payload.1 as usize];
            payload.iter_mut().for_each(|byte| *byte ^= step);
        }
        self.pass += 1;
    }
}

impl FrameList for Memory {
    fn len(&self) -> usize {
        self.frames.len()
    }

    fn frame(&self, index: usize) -> Frame<'_> {
        let stored = &self.frames[index];
        let time = stored.time.saturating_add(self.pass.saturating_mul(self.span));
        Frame {
            number: self.pass * self.frames.len() as u64 + index as u64 + 1,
            time: Timestamp::from_nanos(time),
            link: stored.link,
            original_len: stored.original_len,
            tap: 0,
            data: &self.bytes[stored.start..stored.start + stored.len as usize],
        }
    }
}
