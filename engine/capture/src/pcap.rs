//! Classic pcap: one header, then records.

use pcap_parser::PcapError;
use pcap_parser::nom::{self, Needed};
use pcap_parser::pcap::{
    LegacyPcapBlock, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_header,
};

use super::MAX_RECORD_BYTES;
use super::damage::Defect;
use super::step::{RawFrame, Step};
use wormsift::packet::{LinkType, Timestamp};

/// The magic of a "modified" file (A. Kuznetzov's patches to libpcap), as its writer
/// had it in a register.
const MODIFIED: u32 = 0xa1b2_cd34;
/// The plain magic in big-endian order.
const PLAIN_BIG_ENDIAN: [u8; 4] = 0xa1b2_c3d4_u32.to_be_bytes();

/// What the header of a pcap file says.
#[derive(Debug)]
pub(super) struct Pcap {
    big_endian: bool,
    /// Nanoseconds a unit of the second number of a time: 1000 or 1.
    nanos_per_unit: u64,
    record_header_bytes: usize,
    lengths: Lengths,
    link: LinkType,
}

/// In which order a record's two lengths stand. Files before version 2.3 have the length
/// on the wire first, files of 2.3 were written both ways, and later ones have the captured
/// length first. The rule is that of libpcap (`sf-pcap.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    /// The smaller one is the captured length.
    Either,
    WireFirst,
}

impl Lengths {
    /// Of a file of this version; `None` where no file has it.
    fn of_version(major: u16, minor: u16) -> Option<Self> {
        match (major, minor) {
            (2, 0..=2) | (DG_UX, 0) => Some(Self::WireFirst),
            (2, 3) => Some(Self::Either),
            (2, _) => Some(Self::CapturedFirst),
            _ => None,
        }
    }
}

/// The major version that tcpdump on DG/UX writes.
const DG_UX: u16 = 543;

impl Pcap {
    /// Bytes of the file header.
    pub(super) const HEADER_BYTES: usize = 24;

    /// Whether a file that starts so is a pcap file.
    pub(super) fn begins_with(magic: [u8; 4]) -> bool {
        let known = |number| matches!(number, 0xa1b2_c3d4 | 0xa1b2_3c4d | MODIFIED);
        known(u32::from_le_bytes(magic)) || known(u32::from_be_bytes(magic))
    }

    /// Reads the file header.
    ///
    /// # Errors
    /// The step to answer with where `data` holds no whole header.
    pub(super) fn open(data: &[u8]) -> Result<Self, Step> {
        let Some(&(mut header)) = data.first_chunk::<{ Self::HEADER_BYTES }>() else {
            return Err(Step::Need {
                bytes: Self::HEADER_BYTES,
                of: "a pcap file header",
            });
        };
        let magic = [header[0], header[1], header[2], header[3]];
        // pcap-parser does not know the modified format in big-endian order; but for
        // the magic, its header is the plain one.
        let modified_big_endian = u32::from_be_bytes(magic) == MODIFIED;
        if modified_big_endian {
            header[..4].copy_from_slice(&PLAIN_BIG_ENDIAN);
        }
        let (_, parsed) = parse_pcap_header(&header).map_err(|_| {
            Step::Broken(Defect::new(0, "a pcap file header", "something else"))
        })?;
        let (major, minor) = (parsed.version_major, parsed.version_minor);
        let Some(lengths) = Lengths::of_version(major, minor) else {
            let found = format!("version {major}.{minor}");
            return Err(Step::Broken(Defect::new(4, "a pcap file of version 2", found)));
        };
        let modified = modified_big_endian || parsed.is_modified_format();
        Ok(Self {
            big_endian: parsed.is_bigendian(),
            nanos_per_unit: if parsed.is_nanosecond_precision() { 1 } else { 1_000 },
            record_header_bytes: if modified { 24 } else { 16 },
            lengths,
            // The upper bits say how long the frame check sequence is.
            link: LinkType(parsed.network.0 as u32 & 0xffff),
        })
    }

    /// Looks at the next record.
    #[inline]
    pub(super) fn step(&self, data: &[u8]) -> Step {
        if self.lengths != Lengths::CapturedFirst {
            return self.old_step(data);
        }
        let parse = if self.big_endian { parse_pcap_frame_be } else { parse_pcap_frame };
        // A modified record has eight bytes more between the header that pcap-parser
        // reads and the data: its lengths count, its view of the data does not.
        let record = match parse(data) {
            Ok((_, record)) => record,
            Err(error) => return self.incomplete(data, &error),
        };
        let start = self.record_header_bytes;
        let bytes = start + record.data.len();
        if bytes > MAX_RECORD_BYTES {
            return too_long(bytes as u64);
        }
        if bytes > data.len() {
            return Step::Need { bytes, of: RECORD };
        }
        Step::Frame { bytes, frame: self.frame(&record, start) }
    }

    /// Looks at the next record of a file whose lengths may be swapped. It is read by hand:
    /// pcap-parser takes the first length for that of the data.
    fn old_step(&self, data: &[u8]) -> Step {
        let start = self.record_header_bytes;
        let Some(header) = data.get(..start) else {
            return Step::Need { bytes: start, of: "a record header" };
        };
        let number = |at: usize| {
            let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            if self.big_endian {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            }
        };
        let (first, second) = (number(8), number(12));
        let (captured, original_len) = match self.lengths {
            Lengths::Either if first <= second => (first, second),
            Lengths::CapturedFirst => (first, second),
            Lengths::Either | Lengths::WireFirst => (second, first),
        };
        let len = captured as usize;
        let bytes = start.saturating_add(len);
        if bytes > MAX_RECORD_BYTES {
            return too_long(bytes as u64);
        }
        if bytes > data.len() {
            return Step::Need { bytes, of: RECORD };
        }
        let time = (number(0), number(4));
        Step::Frame {
            bytes,
            frame: self.raw_frame(time, (captured, original_len), start),
        }
    }

    #[inline]
    fn frame(&self, record: &LegacyPcapBlock<'_>, start: usize) -> RawFrame {
        let time = (record.ts_sec, record.ts_usec);
        self.raw_frame(time, (record.data.len() as u32, record.origlen), start)
    }

    /// A frame of this time (seconds and their fraction) and these lengths (captured, on
    /// the wire).
    #[inline]
    fn raw_frame(&self, time: (u32, u32), lengths: (u32, u32), start: usize) -> RawFrame {
        // No overflow: 2^32 x 10^9 + 2^32 x 10^3 < 2^63. A fraction of a second or more
        // carries.
        let nanos =
            u64::from(time.0) * 1_000_000_000 + u64::from(time.1) * self.nanos_per_unit;
        RawFrame {
            time: Timestamp::from_nanos(nanos),
            link: self.link,
            original_len: lengths.1.max(lengths.0),
            start,
            len: lengths.0 as usize,
            untimed: false,
            clamped: false,
        }
    }

    /// What pcap-parser misses.
    #[cold]
    fn incomplete(&self, data: &[u8], error: &nom::Err<PcapError<&[u8]>>) -> Step {
        if data.len() < self.record_header_bytes {
            return Step::Need { bytes: self.record_header_bytes, of: "a record header" };
        }
        let nom::Err::Incomplete(Needed::Size(missing)) = error else {
            // The parser of records has no other error today.
            return Step::Broken(Defect::new(0, "a record", "something else"));
        };
        let bytes = (data.len() as u64)
            .saturating_add(missing.get() as u64)
            .saturating_add(self.record_header_bytes as u64 - 16);
        if bytes > MAX_RECORD_BYTES as u64 {
            return too_long(bytes);
        }
        Step::Need { bytes: bytes as usize, of: RECORD }
    }
}

const RECORD: &str = "a record";

#[cold]
fn too_long(bytes: u64) -> Step {
    let expected = format!("a record of at most {MAX_RECORD_BYTES} bytes");
    Step::Broken(Defect::new(0, expected, format!("one of {bytes} bytes")))
}
