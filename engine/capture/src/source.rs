//! A regular file as a source of bytes, which need not stay open between reads.
//!
//! Captures that overlap are all under way at once, and may be more than a process may
//! hold open. So the first [`HELD`] stay open; each of the others is opened for a read,
//! wound to its place and closed again, which costs some microseconds a chunk. A file that
//! was replaced by another in between is an error, not a mixture.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Files held open at once by one trace: far below any usual limit (256 to 1,024).
pub(super) const HELD: usize = 32;

/// A file that is read in order.
pub(super) struct FileSource {
    path: PathBuf,
    file: Option<File>,
    /// Whether it is closed after each read.
    let_go: bool,
    offset: u64,
    identity: (u64, u64),
}

impl FileSource {
    /// Takes a file that was just opened; with `let_go` it is closed until it is read.
    pub(super) fn new(
        path: PathBuf,
        file: File,
        metadata: &Metadata,
        let_go: bool,
    ) -> Self {
        let identity = identity(metadata);
        let file = (!let_go).then_some(file);
        Self { path, file, let_go, offset: 0, identity }
    }

    fn opened(&mut self) -> io::Result<File> {
        if let Some(file) = self.file.take() {
            return Ok(file);
        }
        let mut file = File::open(&self.path)?;
        if identity(&file.metadata()?) != self.identity {
            return Err(io::Error::other("another file under the same name"));
        }
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file)
    }
}

impl Read for FileSource {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut file = self.opened()?;
        let read = file.read(into);
        self.offset += *read.as_ref().unwrap_or(&0) as u64;
        self.file = (!self.let_go).then_some(file);
        read
    }
}

/// What tells a file from another under the same name.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// No such number can be had without opening the file in another way.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_that_is_let_go_reads_like_one_that_is_held() {
        let path = std::env::temp_dir().join(format!("source-{}", std::process::id()));
        let content: Vec<u8> = (0..10_000_u32).map(|i| ((i * i) >> 3) as u8).collect();
        fs::write(&path, &content).unwrap();
        let open = |let_go| {
            let file = File::open(&path).unwrap();
            let metadata = file.metadata().unwrap();
            FileSource::new(path.clone(), file, &metadata, let_go)
        };
        for let_go in [false, true] {
            let mut source = open(let_go);
            let (mut read, mut piece) = (Vec::<u8>::new(), [0; 333]);
            loop {
                let n = source.read(&mut piece).unwrap();
                assert_eq!(source.file.is_none(), let_go);
                if n == 0 {
                    break;
                }
                read.extend(&piece[..n]);
            }
            assert_eq!(read, content);
        }
        let mut source = open(true);
        source.read_exact(&mut [0; 10]).unwrap();
        let other = path.with_extension("other");
        fs::write(&other, &content).unwrap();
        fs::rename(&other, &path).unwrap();
        let error = source.read(&mut [0; 10]).unwrap_err().to_string();
        assert_eq!(error, "another file under the same name");
        fs::remove_file(&path).unwrap();
        assert_eq!(source.read(&mut [0; 1]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
