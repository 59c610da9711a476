//! The file around a sensor's state.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `wormsift` |
//! | 4 | version of the format, little-endian |
//! | 8 + n | the program's version, text |
//! | 8 + n | the settings in use, JSON, without the key |
//! | 16 | the key |
//! | 8 + 8 | bytes and rate of the baseline's filters, 0 without one |
//! | rest | the tables, in the order of the sensor |
//! | 16 | XXH3-128 of all before |
//!
//! The key is in it: whoever can read the file can evade the sensor. It is created
//! readable for its owner only. The checksum finds damage, not malice.

use super::{Exchange, Persist, persist};
use crate::error::Error;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"wormsift";
/// Raised with every change of what tables write.
const VERSION: u32 = 14;
const CHECKSUM: u64 = 16;

/// What tables were built from.
#[derive(Clone, Default)]
pub(crate) struct Identity {
    /// The settings, JSON, without the key.
    pub(crate) settings: String,
    pub(crate) key: u128,
    /// Bytes and false-positive rate of the baseline, whose memory the tables lack; 0
    /// without one.
    pub(crate) baseline: (usize, f64),
}

persist!(Identity { settings, key, baseline });

/// A saved state whose checksum holds, ready to be read.
pub struct StateFile {
    path: PathBuf,
    file: BufReader<File>,
    identity: Identity,
    /// Where the tables begin.
    body: u64,
}

impl StateFile {
    /// Opens a file and checks it whole, in a fixed amount of memory.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no state file, is of another version, or is damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let fail = |reason: io::Error| Error::of_file(path, reason);
        let file = File::open(path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut exchange = Exchange::reading(&mut file);
        let identity = header(&mut exchange, Identity::default()).map_err(fail)?;
        let body = file.stream_position().map_err(fail)?;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        verify(&mut file, length).map_err(fail)?;
        Ok(Self { path: path.to_owned(), file, identity, body })
    }

    /// The settings that it was saved under, JSON, without the key.
    pub fn settings(&self) -> &str {
        &self.identity.settings
    }

    /// The key that it was saved under.
    pub(crate) fn key(&self) -> u128 {
        self.identity.key
    }

    /// Bytes and rate of the baseline that it was saved with, if any.
    pub(crate) fn baseline(&self) -> Option<(usize, f64)> {
        Some(self.identity.baseline).filter(|(bytes, _)| *bytes > 0)
    }

    /// Reads the tables into `value`, which was built from the same settings.
    pub(crate) fn restore(mut self, value: &mut impl Persist) -> Result<(), Error> {
        let fail = |reason: io::Error| Error::of_file(&self.path, reason);
        self.file.seek(SeekFrom::Start(self.body)).map_err(fail)?;
        let mut exchange = Exchange::reading(&mut self.file);
        value.persist(&mut exchange).map_err(fail)?;
        let longer = exchange.misfit("the end of the tables", "more of them");
        let mut rest = Vec::new();
        self.file.take(CHECKSUM + 1).read_to_end(&mut rest).map_err(fail)?;
        if rest.len() as u64 != CHECKSUM {
            return Err(fail(longer));
        }
        Ok(())
    }

    /// Writes a state beside `path`, to be put in its place.
    pub(crate) fn write(
        path: &Path,
        identity: Identity,
        value: &mut impl Persist,
    ) -> Result<WrittenState, Error> {
        refuse_what_is_no_file(path).map_err(|error| Error::of_file(path, error))?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let written = create(&beside).and_then(|file| {
            let mut file = BufWriter::with_capacity(1 << 20, file);
            let mut exchange = Exchange::writing(&mut file);
            header(&mut exchange, identity)?;
            value.persist(&mut exchange)?;
            let checksum = exchange.digest();
            file.write_all(&checksum.to_le_bytes())?;
            file.into_inner().map_err(io::IntoInnerError::into_error)
        });
        match written {
            Ok(file) => Ok(WrittenState { path: path.to_owned(), beside, file }),
            Err(error) => {
                let _ = fs::remove_file(&beside);
                Err(Error::of_file(path, error))
            }
        }
    }
}

/// A state that is written, but not yet under its name. Waiting for the disk takes long,
/// and need not keep packets waiting: it may be done on another thread.
#[must_use = "without `place` the file stays under another name"]
pub struct WrittenState {
    path: PathBuf,
    beside: PathBuf,
    file: File,
}

impl WrittenState {
    /// Waits for the disk, then puts the file in the place of the one before, so that
    /// what is under the name is always whole.
    ///
    /// # Errors
    ///
    /// What the system answers; what was there before is then untouched.
    pub fn place(self) -> Result<(), Error> {
        let placed = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(&self.beside, &self.path))
            .and_then(|()| sync_folder(&self.path));
        placed.map_err(|error| {
            let _ = fs::remove_file(&self.beside);
            Error::of_file(&self.path, error)
        })
    }
}

/// A device or a folder would be replaced by the file.
fn refuse_what_is_no_file(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(it) if !it.is_file() => Err(io::Error::other(
            "expected a file or nothing there, found something else",
        )),
        _ => Ok(()),
    }
}

/// A file that only its owner may read.
fn create(path: &Path) -> io::Result<File> {
    // Left over from a run that was killed, perhaps with other rights.
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the new name last through a power cut, where folders can be synced.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) {
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

fn header(file: &mut Exchange<'_>, mut identity: Identity) -> io::Result<Identity> {
    let mut magic = *MAGIC;
    file.bytes(&mut magic)?;
    if magic != *MAGIC {
        let found = String::from_utf8_lossy(&magic).escape_default().to_string();
        return Err(
            file.misfit("`wormsift` in front, a saved state", format!("`{found}`"))
        );
    }
    let mut version = VERSION;
    version.persist(file)?;
    if version != VERSION {
        return Err(file.misfit(format!("format version {VERSION}"), version));
    }
    let own = env!("CARGO_PKG_VERSION");
    let mut program = own.to_owned();
    program.persist(file)?;
    if program != own {
        return Err(file.misfit(format!("a state of version {own}"), program));
    }
    identity.persist(file)?;
    Ok(identity)
}

/// Reads all of a file and compares its checksum.
fn verify(file: &mut impl Read, length: u64) -> io::Result<()> {
    let mut exchange = Exchange::reading(file);
    let mut left = length.saturating_sub(CHECKSUM);
    let mut buffer = vec![0; 1 << 16];
    while left > 0 {
        let part = left.min(buffer.len() as u64) as usize;
        exchange.bytes(&mut buffer[..part])?;
        left -= part as u64;
    }
    let (expected, mut found) = (exchange.digest(), 0u128);
    found.persist(&mut exchange)?;
    if found != expected {
        let words = (format!("checksum {expected:032x}"), format!("{found:032x}"));
        return Err(exchange.misfit(words.0, words.1 + ": it is damaged"));
    }
    Ok(())
}
