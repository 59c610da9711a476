//! How does a stream of frames become a capture file?
//!
//! Classic pcap with nanoseconds and pcapng, Ethernet, little-endian, straight
//! onto any [`Write`]: nothing is held back but one frame. Files whose name
//! ends in `.zst` are compressed on the way.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Linux' name for Ethernet in both formats.
const LINKTYPE_ETHERNET: u32 = 1;
/// Longest frame announced; longer ones cannot come from a `FrameBuilder`.
const SNAP_LENGTH: u32 = 262_144;

/// Takes frames in order of time.
pub trait FrameWriter {
    /// Writes one frame.
    ///
    /// # Errors
    /// What the stream below it answers.
    fn write_frame(&mut self, time_ns: u64, frame: &[u8]) -> io::Result<()>;
}

/// Classic pcap, magic a1b23c4d: seconds and nanoseconds.
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut header = [0; 24];
        header[..4].copy_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
        header[4..6].copy_from_slice(&2u16.to_le_bytes());
        header[6..8].copy_from_slice(&4u16.to_le_bytes());
        header[16..20].copy_from_slice(&SNAP_LENGTH.to_le_bytes());
        header[20..].copy_from_slice(&LINKTYPE_ETHERNET.to_le_bytes());
        out.write_all(&header)?;
        Ok(Self { out })
    }

    /// The stream below it.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// Seconds beyond 32 bits (after 2106) are written as the last one.
impl<W: Write> FrameWriter for PcapWriter<W> {
    fn write_frame(&mut self, time_ns: u64, frame: &[u8]) -> io::Result<()> {
        let seconds = u32::try_from(time_ns / 1_000_000_000).unwrap_or(u32::MAX);
        let length = frame.len() as u32;
        let mut header = [0; 16];
        header[..4].copy_from_slice(&seconds.to_le_bytes());
        header[4..8].copy_from_slice(&((time_ns % 1_000_000_000) as u32).to_le_bytes());
        header[8..12].copy_from_slice(&length.to_le_bytes());
        header[12..].copy_from_slice(&length.to_le_bytes());
        self.out.write_all(&header)?;
        self.out.write_all(frame)
    }
}

/// pcapng: one section, one interface, nanoseconds.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header and the interface description.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut section = Vec::new();
        section.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        section.extend_from_slice(&1u16.to_le_bytes());
        section.extend_from_slice(&0u16.to_le_bytes());
        // The section's length is not known while streaming.
        section.extend_from_slice(&u64::MAX.to_le_bytes());
        option(4, b"wormsift-corpora", &mut section);
        option(0, b"", &mut section);
        write_block(&mut out, 0x0a0d_0d0a, &section)?;

        let mut interface = Vec::new();
        interface.extend_from_slice(&LINKTYPE_ETHERNET.to_le_bytes());
        interface.extend_from_slice(&SNAP_LENGTH.to_le_bytes());
        option(2, b"tap0", &mut interface);
        // if_tsresol: ten to the minus ninth.
        option(9, &[9], &mut interface);
        option(0, b"", &mut interface);
        write_block(&mut out, 1, &interface)?;
        Ok(Self { out })
    }

    /// The stream below it.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> FrameWriter for PcapngWriter<W> {
    fn write_frame(&mut self, time_ns: u64, frame: &[u8]) -> io::Result<()> {
        let length = frame.len() as u32;
        let padding = frame.len().wrapping_neg() & 3;
        let total = 32 + length + padding as u32;
        let mut header = [0; 28];
        header[..4].copy_from_slice(&6u32.to_le_bytes());
        header[4..8].copy_from_slice(&total.to_le_bytes());
        header[12..16].copy_from_slice(&((time_ns >> 32) as u32).to_le_bytes());
        header[16..20].copy_from_slice(&(time_ns as u32).to_le_bytes());
        header[20..24].copy_from_slice(&length.to_le_bytes());
        header[24..].copy_from_slice(&length.to_le_bytes());
        self.out.write_all(&header)?;
        self.out.write_all(frame)?;
        self.out.write_all(&[0; 3][..padding])?;
        self.out.write_all(&total.to_le_bytes())
    }
}

/// A capture file on disk, its format told by its name: `.pcap` is classic
/// pcap, everything else pcapng; a further `.zst` compresses it.
pub struct CaptureFile {
    writer: Box<dyn FinishedWriter>,
}

impl CaptureFile {
    /// zstd's own default level.
    pub const DEFAULT_LEVEL: i32 = 3;

    /// Creates the file or replaces it. `level` is zstd's, 1 to 22.
    ///
    /// # Errors
    /// What the file system answers.
    pub fn create(path: &Path, level: i32) -> io::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let plain = name.strip_suffix(".zst");
        let classic = plain.unwrap_or(&name).ends_with(".pcap");
        let file = BufWriter::with_capacity(1 << 18, File::create(path)?);
        let sink = match plain {
            Some(_) => Sink::Compressed(Box::new(zstd::Encoder::new(file, level)?)),
            None => Sink::Plain(file),
        };
        let writer: Box<dyn FinishedWriter> = if classic {
            Box::new(PcapWriter::new(sink)?)
        } else {
            Box::new(PcapngWriter::new(sink)?)
        };
        Ok(Self { writer })
    }

    /// Writes what is still buffered. Without it a compressed file is cut short.
    ///
    /// # Errors
    /// What the file system answers.
    pub fn finish(self) -> io::Result<()> {
        self.writer.finish()
    }
}

impl FrameWriter for CaptureFile {
    fn write_frame(&mut self, time_ns: u64, frame: &[u8]) -> io::Result<()> {
        self.writer.write_frame(time_ns, frame)
    }
}

impl std::fmt::Debug for CaptureFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureFile").finish_non_exhaustive()
    }
}

trait FinishedWriter: FrameWriter {
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl FinishedWriter for PcapWriter<Sink> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.into_inner().finish()
    }
}

impl FinishedWriter for PcapngWriter<Sink> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.into_inner().finish()
    }
}

enum Sink {
    Plain(BufWriter<File>),
    Compressed(Box<zstd::Encoder<'static, BufWriter<File>>>),
}

impl Sink {
    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Compressed(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Compressed(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Compressed(encoder) => encoder.flush(),
        }
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
    fn the_name_decides_format_and_compression() {
        let folder =
            std::env::temp_dir().join(format!("corpora-writer-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let written = |name: &str| {
            let path = folder.join(name);
            let mut file = CaptureFile::create(&path, 1).unwrap();
            file.write_frame(TIME, &[1; 60]).unwrap();
            file.finish().unwrap();
            std::fs::read(path).unwrap()
        };
        let (pcap, pcapng) = (written("a.pcap"), written("a.pcapng"));
        assert_eq!(pcap[..4], 0xa1b2_3c4d_u32.to_le_bytes());
        assert_eq!(pcapng[..4], 0x0a0d_0d0a_u32.to_le_bytes());
        assert_eq!(zstd::decode_all(&written("a.PCAP.zst")[..]).unwrap(), pcap);
        assert_eq!(zstd::decode_all(&written("a.pcapng.zst")[..]).unwrap(), pcapng);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
