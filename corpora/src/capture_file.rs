//! Capture files, plain or zstd.
//!
//! The name decides the format and the compression.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::pcap_writer::{
    CapturedFrame, FrameWriter, LINKTYPE_ETHERNET, PcapWriter, PcapngWriter,
};

/// A capture file on disk in the format that its name asks for: `.pcap` is classic pcap,
/// everything else pcapng; a further `.zst` compresses it.
pub struct CaptureFile {
    writer: Box<dyn FinishedWriter + Send>,
}

impl CaptureFile {
    /// zstd's own default level.
    pub const DEFAULT_LEVEL: i32 = 3;

    /// Creates the file or replaces it. `level` is zstd's, 1 to 22.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn create(path: &Path, level: i32) -> io::Result<Self> {
        Self::of_link_types(path, level, &[LINKTYPE_ETHERNET])
    }

    /// Creates the file or replaces it, for frames of these link types. A classic
    /// pcap takes only the first.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn of_link_types(path: &Path, level: i32, types: &[u32]) -> io::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let plain = name.strip_suffix(".zst");
        let classic = is_classic(&name);
        let file = BufWriter::with_capacity(1 << 18, File::create(path)?);
        let sink = match plain {
            Some(_) => Sink::Compressed(Box::new(zstd::Encoder::new(file, level)?)),
            None => Sink::Plain(file),
        };
        let first = types.first().copied().unwrap_or(LINKTYPE_ETHERNET);
        let writer: Box<dyn FinishedWriter + Send> = if classic {
            Box::new(PcapWriter::of_link_type(sink, first)?)
        } else {
            let mut writer = PcapngWriter::of_any_link_type(sink)?;
            for link_type in types {
                writer.interface(*link_type)?;
            }
            Box::new(writer)
        };
        Ok(Self { writer })
    }

    /// Whether a file of this name holds one link type only.
    pub fn takes_one_link_type(path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        is_classic(&name)
    }

    /// Writes what is still buffered. Without it a compressed file is cut short.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn finish(self) -> io::Result<()> {
        self.writer.finish()
    }
}

impl FrameWriter for CaptureFile {
    fn write_captured(&mut self, frame: &CapturedFrame<'_>) -> io::Result<()> {
        self.writer.write_captured(frame)
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

fn is_classic(lower_case_name: &str) -> bool {
    lower_case_name.strip_suffix(".zst").unwrap_or(lower_case_name).ends_with(".pcap")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: u64 = 1_700_000_000_123_456_789;

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
