//! Writers of pcap and pcapng.
//!
//! Classic pcap with nanoseconds and pcapng, little-endian, straight onto any
//! [`Write`]: memory holds one frame. pcapng takes frames of any link
//! types side by side, pcap those of one. [`CaptureFile`](crate::CaptureFile) puts
//! either on disk.

use std::io::{self, Write};

/// The number of Ethernet in both formats.
pub const LINKTYPE_ETHERNET: u32 = 1;
/// Longest frame announced; longer ones cannot come from a `FrameBuilder`.
const SNAP_LENGTH: u32 = 262_144;

/// A frame as a capture holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapturedFrame<'a> {
    /// Time in nanoseconds since the epoch.
    pub time_ns: u64,
    /// A libpcap `LINKTYPE_` number.
    pub link_type: u32,
    /// Bytes on the wire; more than there are where the capture cut it.
    pub original_length: u32,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
}

impl<'a> CapturedFrame<'a> {
    /// A whole Ethernet frame.
    pub fn ethernet(time_ns: u64, bytes: &'a [u8]) -> Self {
        let original_length = bytes.len() as u32;
        Self { time_ns, link_type: LINKTYPE_ETHERNET, original_length, bytes }
    }
}

/// Takes frames in order of time.
pub trait FrameWriter {
    /// Writes one frame.
    ///
    /// # Errors
    /// A link type that the format has no place for, or an error of the stream
    /// that it writes to.
    fn write_captured(&mut self, frame: &CapturedFrame<'_>) -> io::Result<()>;

    /// Writes one whole Ethernet frame.
    ///
    /// # Errors
    /// As [`FrameWriter::write_captured`].
    fn write_frame(&mut self, time_ns: u64, frame: &[u8]) -> io::Result<()> {
        self.write_captured(&CapturedFrame::ethernet(time_ns, frame))
    }
}

/// Classic pcap, magic a1b23c4d: seconds and nanoseconds. One link type.
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
    link_type: u32,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header, for Ethernet.
    ///
    /// # Errors
    /// An error of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        Self::of_link_type(out, LINKTYPE_ETHERNET)
    }

    /// Writes the file header.
    ///
    /// # Errors
    /// An error of `out`.
    pub fn of_link_type(mut out: W, link_type: u32) -> io::Result<Self> {
        let mut header = [0; 24];
        header[..4].copy_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
        header[4..6].copy_from_slice(&2u16.to_le_bytes());
        header[6..8].copy_from_slice(&4u16.to_le_bytes());
        header[16..20].copy_from_slice(&SNAP_LENGTH.to_le_bytes());
        header[20..].copy_from_slice(&link_type.to_le_bytes());
        out.write_all(&header)?;
        Ok(Self { out, link_type })
    }

    /// The stream that it writes to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// Seconds beyond 32 bits (after 2106) are written as the last one.
impl<W: Write> FrameWriter for PcapWriter<W> {
    fn write_captured(&mut self, frame: &CapturedFrame<'_>) -> io::Result<()> {
        if frame.link_type != self.link_type {
            let reason = format!(
                "pcap holds one link type, expected {}, found {}; pcapng holds both",
                self.link_type, frame.link_type
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let time_ns = frame.time_ns;
        let seconds = u32::try_from(time_ns / 1_000_000_000).unwrap_or(u32::MAX);
        let mut header = [0; 16];
        header[..4].copy_from_slice(&seconds.to_le_bytes());
        header[4..8].copy_from_slice(&((time_ns % 1_000_000_000) as u32).to_le_bytes());
        header[8..12].copy_from_slice(&(frame.bytes.len() as u32).to_le_bytes());
        header[12..].copy_from_slice(&frame.original_length.to_le_bytes());
        self.out.write_all(&header)?;
        self.out.write_all(frame.bytes)
    }
}

/// pcapng: one section, an interface for each link type, nanoseconds.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    /// The link type of each interface described so far.
    interfaces: Vec<u32>,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header and the description of an Ethernet interface.
    ///
    /// # Errors
    /// An error of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = Self::of_any_link_type(out)?;
        writer.interface(LINKTYPE_ETHERNET)?;
        Ok(writer)
    }

    /// Writes the section header; an interface is described when its first frame
    /// comes. Programs on libpcap read the file only where there is one.
    ///
    /// # Errors
    /// An error of `out`.
    pub fn of_any_link_type(mut out: W) -> io::Result<Self> {
        let mut section = Vec::new();
        section.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        section.extend_from_slice(&1u16.to_le_bytes());
        section.extend_from_slice(&0u16.to_le_bytes());
        // The section's length is not known while streaming.
        section.extend_from_slice(&u64::MAX.to_le_bytes());
        option(4, b"wormsift-corpora", &mut section);
        option(0, b"", &mut section);
        write_block(&mut out, 0x0a0d_0d0a, &section)?;
        Ok(Self { out, interfaces: Vec::new() })
    }

    /// The number of the interface of this link type, which is described first
    /// where it is new.
    pub(crate) fn interface(&mut self, link_type: u32) -> io::Result<u32> {
        let number = self.interfaces.iter().position(|known| *known == link_type);
        if let Some(number) = number {
            return Ok(number as u32);
        }
        let number = self.interfaces.len() as u32;
        let mut interface = Vec::new();
        interface.extend_from_slice(&link_type.to_le_bytes());
        interface.extend_from_slice(&SNAP_LENGTH.to_le_bytes());
        option(2, format!("tap{number}").as_bytes(), &mut interface);
        // if_tsresol: ten to the minus ninth.
        option(9, &[9], &mut interface);
        option(0, b"", &mut interface);
        write_block(&mut self.out, 1, &interface)?;
        self.interfaces.push(link_type);
        Ok(number)
    }

    /// The stream that it writes to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> FrameWriter for PcapngWriter<W> {
    fn write_captured(&mut self, frame: &CapturedFrame<'_>) -> io::Result<()> {
        let interface = self.interface(frame.link_type)?;
        let (time_ns, length) = (frame.time_ns, frame.bytes.len() as u32);
        let padding = frame.bytes.len().wrapping_neg() & 3;
        let total = 32 + length + padding as u32;
        let mut header = [0; 28];
        header[..4].copy_from_slice(&6u32.to_le_bytes());
        header[4..8].copy_from_slice(&total.to_le_bytes());
        header[8..12].copy_from_slice(&interface.to_le_bytes());
        header[12..16].copy_from_slice(&((time_ns >> 32) as u32).to_le_bytes());
        header[16..20].copy_from_slice(&(time_ns as u32).to_le_bytes());
        header[20..24].copy_from_slice(&length.to_le_bytes());
        header[24..].copy_from_slice(&frame.original_length.to_le_bytes());
        self.out.write_all(&header)?;
        self.out.write_all(frame.bytes)?;
        self.out.write_all(&[0; 3][..padding])?;
        self.out.write_all(&total.to_le_bytes())
    }
}

fn option(code: u16, value: &[u8], block: &mut Vec<u8>) {
    block.extend_from_slice(&code.to_le_bytes());
    block.extend_from_slice(&(value.len() as u16).to_le_bytes());
    block.extend_from_slice(value);
    block.resize(block.len().next_multiple_of(4), 0);
}

fn write_block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let total = (body.len() as u32 + 12).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&total)?;
    out.write_all(body)?;
    out.write_all(&total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: u64 = 1_700_000_000_123_456_789;

    #[test]
    fn classic_pcap_has_its_known_bytes() {
        let mut writer = PcapWriter::new(Vec::new()).unwrap();
        writer.write_frame(TIME, b"frame").unwrap();
        let bytes = writer.into_inner();
        let expected = [
            &[0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &[0, 0, 4, 0, 1, 0, 0, 0],
            &1_700_000_000_u32.to_le_bytes(),
            &123_456_789_u32.to_le_bytes(),
            &[5, 0, 0, 0, 5, 0, 0, 0],
            b"frame",
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn pcapng_blocks_close_as_they_open() {
        let mut writer = PcapngWriter::new(Vec::new()).unwrap();
        for length in 0..9 {
            writer.write_frame(TIME, &vec![7; length]).unwrap();
        }
        let bytes = writer.into_inner();
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let (mut at, mut kinds) = (0, Vec::new());
        while at < bytes.len() {
            let total = word(at + 4) as usize;
            assert_eq!(total % 4, 0);
            assert_eq!(word(at + total - 4) as usize, total);
            if word(at) == 6 {
                let time = u64::from(word(at + 12)) << 32 | u64::from(word(at + 16));
                assert_eq!(time, TIME);
                assert_eq!(word(at + 20) as usize, kinds.len() - 2);
                assert_eq!(word(at + 24), word(at + 20));
            }
            kinds.push(word(at));
            at += total;
        }
        assert_eq!(kinds[..2], [0x0a0d_0d0a, 1]);
        assert_eq!(kinds[2..], [6; 9]);
    }

    #[test]
    fn interfaces_come_when_needed_and_cut_frames_keep_their_length() {
        let cut = |link_type| CapturedFrame {
            time_ns: TIME,
            link_type,
            original_length: 1_500,
            bytes: b"start",
        };
        let mut writer = PcapngWriter::of_any_link_type(Vec::new()).unwrap();
        for link_type in [101, LINKTYPE_ETHERNET, 101] {
            writer.write_captured(&cut(link_type)).unwrap();
        }
        let bytes = writer.into_inner();
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let (mut at, mut blocks) = (0, Vec::new());
        while at < bytes.len() {
            match word(at) {
                1 => blocks.push(("interface", word(at + 8))),
                6 => {
                    assert_eq!((word(at + 20), word(at + 24)), (5, 1_500));
                    blocks.push(("frame", word(at + 8)));
                }
                _ => {}
            }
            at += word(at + 4) as usize;
        }
        let (interface, frame) = ("interface", "frame");
        let expected =
            [(interface, 101), (frame, 0), (interface, 1), (frame, 1), (frame, 0)];
        assert_eq!(blocks, expected);

        let mut writer = PcapWriter::of_link_type(Vec::new(), 101).unwrap();
        writer.write_captured(&cut(101)).unwrap();
        assert!(writer.write_captured(&cut(LINKTYPE_ETHERNET)).is_err());
        let bytes = writer.into_inner();
        assert_eq!((bytes[20], bytes.len()), (101, 24 + 16 + 5));
        assert_eq!(bytes[32..40], [5, 0, 0, 0, 0xdc, 5, 0, 0]);
    }
}
