//! Classic pcap: one header, then records.

use pcap_parser::PcapError;
use pcap_parser::nom::{self, Needed};
use pcap_parser::pcap::{
    LegacyPcapBlock, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_header,
};

use super::MAX_RECORD_BYTES;
use super::damage::Defect;
use super::format::{RawFrame, Step};
use crate::packet::{LinkType, Timestamp};

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
    link: LinkType,
}

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
        if parsed.version_major != 2 {
            let found =
                format!("version {}.{}", parsed.version_major, parsed.version_minor);
            return Err(Step::Broken(Defect::new(4, "a pcap file of version 2", found)));
        }
        let modified = modified_big_endian || parsed.is_modified_format();
        Ok(Self {
            big_endian: parsed.is_bigendian(),
            nanos_per_unit: if parsed.is_nanosecond_precision() { 1 } else { 1_000 },
            record_header_bytes: if modified { 24 } else { 16 },
            // The upper bits say how long the frame check sequence is.
            link: LinkType(parsed.network.0 as u32 & 0xffff),
        })
    }

    /// Looks at the next record.
    #[inline]
    pub(super) fn step(&self, data: &[u8]) -> Step {
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

    #[inline]
    fn frame(&self, record: &LegacyPcapBlock<'_>, start: usize) -> RawFrame {
        // No overflow: 2^32 x 10^9 + 2^32 x 10^3 < 2^63. A fraction of a second or more
        // carries.
        let nanos = u64::from(record.ts_sec) * 1_000_000_000
            + u64::from(record.ts_usec) * self.nanos_per_unit;
        RawFrame {
            time: Timestamp::from_nanos(nanos),
            link: self.link,
            original_len: record.origlen.max(record.caplen),
            start,
            len: record.data.len(),
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
