//! What a file is, and the one question asked of every format: what comes next?

use super::damage::Defect;
use super::foreign;
use super::pcap::Pcap;
use super::pcapng::PcapNg;
use wormsift::packet::{LinkType, Timestamp};

/// What a file should be.
pub(super) const CAPTURE: &str = "a pcap or pcapng capture";

/// What the next bytes of a file are.
pub(super) enum Step {
    /// A record of `bytes` bytes that holds a frame.
    Frame { bytes: usize, frame: RawFrame },
    /// A record or header of `bytes` bytes that holds none.
    Skip { bytes: usize, what: Skipped },
    /// Not all in view: `bytes` are needed for `of`. Never fewer than there are.
    Need { bytes: usize, of: &'static str },
    /// Not what they should be. The file cannot be read beyond this place.
    Broken(Box<Defect>),
}

/// A frame, its bytes counted from the start of its record.
#[derive(Clone, Copy)]
pub(super) struct RawFrame {
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    pub(super) original_len: u32,
    pub(super) start: usize,
    pub(super) len: usize,
    /// Whether the record has no time of its own.
    pub(super) untimed: bool,
    /// Whether the time was out of range.
    pub(super) clamped: bool,
}

/// Why a record is no frame.
pub(super) enum Skipped {
    /// It says how to read others.
    Structure,
    /// A block that nothing here depends on.
    Block,
    /// A packet whose interface is not described, so that its link type is unknown.
    Packet { interface: u32, described: usize },
}

/// A file's format and the state of reading it.
pub(super) enum Format {
    /// Nothing was read yet.
    Unknown,
    Pcap(Pcap),
    PcapNg(PcapNg),
}

impl Format {
    /// Looks at the next record; `data` begins with it and may end anywhere.
    #[inline]
    pub(super) fn step(&mut self, data: &[u8]) -> Step {
        match self {
            Self::Pcap(pcap) => pcap.step(data),
            Self::PcapNg(pcapng) => pcapng.step(data),
            Self::Unknown => self.begin(data),
        }
    }

    #[cold]
    fn begin(&mut self, data: &[u8]) -> Step {
        let Some(&magic) = data.first_chunk::<4>() else {
            return Step::Need { bytes: 4, of: "a capture file header" };
        };
        if PcapNg::begins_with(magic) {
            *self = Self::PcapNg(PcapNg::default());
            return self.step(data);
        }
        if !Pcap::begins_with(magic) {
            let found = foreign::kind(data).found(data);
            return Step::Broken(Defect::of_whole(CAPTURE, found));
        }
        match Pcap::open(data) {
            Ok(pcap) => {
                *self = Self::Pcap(pcap);
                Step::Skip { bytes: Pcap::HEADER_BYTES, what: Skipped::Structure }
            }
            Err(step) => step,
        }
    }
}
