//! A file's format, told by its first bytes.

use super::damage::Defect;
use super::foreign;
use super::pcap::Pcap;
use super::pcapng::PcapNg;
use super::step::{Skipped, Step};

/// What a file should be.
pub(super) const CAPTURE: &str = "a pcap or pcapng capture";

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
