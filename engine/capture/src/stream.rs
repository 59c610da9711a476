//! Bytes that come one after the other: compressed files, standard input, pipes.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// How compressed bytes announce themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames, skippable ones included.
    Zstd,
}

impl Compression {
    /// By the first bytes of a file; `None` where they are something else.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some(Self::Zstd)
            }
            _ => None,
        }
    }

    /// As a damage line names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Bytes enough to tell a compression.
const MAGIC_BYTES: usize = 4;
/// Compressed bytes asked for at once, at most.
const COMPRESSED_CHUNK: usize = 128 << 10;

/// A stream, decompressed where its first bytes say so.
pub(super) enum Stream {
    /// As it is.
    Plain(Counted),
    /// Through a gzip decoder.
    Gzip(Box<MultiGzDecoder<BufReader<Counted>>>),
    /// Through a zstd decoder, whose window the library bounds to 128 MiB.
    Zstd(Box<zstd::Decoder<'static, BufReader<Counted>>>),
}

impl Stream {
    /// Reads the first bytes and chooses the decoder, which asks for no more than `most`
    /// bytes at once.
    ///
    /// # Errors
    /// When the source cannot be read, or the decoder has no memory.
    pub(super) fn open(source: Box<dyn Read + Send>, most: usize) -> io::Result<Self> {
        let mut counted =
            Counted { start: [0; MAGIC_BYTES], ahead: 0..0, source, given: 0 };
        counted.look_ahead()?;
        let compressed =
            |source| BufReader::with_capacity(COMPRESSED_CHUNK.min(most), source);
        Ok(match Compression::of(&counted.start[counted.ahead.clone()]) {
            None => Self::Plain(counted),
            Some(Compression::Gzip) => {
                Self::Gzip(Box::new(MultiGzDecoder::new(compressed(counted))))
            }
            Some(Compression::Zstd) => {
                Self::Zstd(Box::new(zstd::Decoder::with_buffer(compressed(counted))?))
            }
        })
    }

    /// How it is compressed.
    pub(super) fn compression(&self) -> Option<Compression> {
        match self {
            Self::Plain(_) => None,
            Self::Gzip(_) => Some(Compression::Gzip),
            Self::Zstd(_) => Some(Compression::Zstd),
        }
    }

    /// Bytes used so far, as on disk.
    pub(super) fn position(&self) -> u64 {
        let unused = |buffered: &BufReader<Counted>| {
            buffered.get_ref().given - buffered.buffer().len() as u64
        };
        match self {
            Self::Plain(counted) => counted.given,
            Self::Gzip(decoder) => unused(decoder.get_ref()),
            Self::Zstd(decoder) => unused(decoder.get_ref()),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(counted) => counted.read(into),
            Self::Gzip(decoder) => decoder.read(into),
            Self::Zstd(decoder) => decoder.read(into),
        }
    }
}

/// A source that counts, and whose first bytes can be seen before they are read: a pipe
/// cannot be wound back.
pub(super) struct Counted {
    start: [u8; MAGIC_BYTES],
    ahead: std::ops::Range<usize>,
    source: Box<dyn Read + Send>,
    given: u64,
}

impl Counted {
    fn look_ahead(&mut self) -> io::Result<()> {
        while self.ahead.end < MAGIC_BYTES {
            match self.source.read(&mut self.start[self.ahead.end..]) {
                Ok(0) => break,
                Ok(read) => self.ahead.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = if self.ahead.is_empty() {
            self.source.read(into)?
        } else {
            let read = self.ahead.len().min(into.len());
            let from = self.ahead.start;
            into[..read].copy_from_slice(&self.start[from..from + read]);
            self.ahead.start += read;
            read
        };
        self.given += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{gzip, zstd};

    fn read_all(bytes: Vec<u8>) -> (Option<Compression>, Vec<u8>, u64) {
        let mut stream =
            Stream::open(Box::new(io::Cursor::new(bytes)), usize::MAX).unwrap();
        let mut content = Vec::new();
        stream.read_to_end(&mut content).unwrap();
        (stream.compression(), content, stream.position())
    }

    #[test]
    fn streams_are_decompressed_by_their_first_bytes_and_counted_as_on_disk() {
        let content: Vec<u8> = (0..300_000_u64).map(|i| ((i * i) >> 7) as u8).collect();
        let (head, tail) = content.split_at(100_000);
        assert_eq!(read_all(content.clone()), (None, content.clone(), 300_000));
        for (compress, kind) in [
            (gzip as fn(&[u8]) -> Vec<u8>, Compression::Gzip),
            (zstd as fn(&[u8]) -> Vec<u8>, Compression::Zstd),
        ] {
            let parts = [compress(head), compress(tail)].concat();
            let size = parts.len() as u64;
            assert_eq!(read_all(parts), (Some(kind), content.clone(), size));
        }
        let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9], &zstd(head)[..]];
        assert_eq!(read_all(skippable.concat()).1, head);
        assert_eq!(read_all(vec![]), (None, vec![], 0));
        assert_eq!(read_all(vec![0x1f]), (None, vec![0x1f], 1));
    }
}
