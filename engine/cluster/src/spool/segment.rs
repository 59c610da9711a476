//! One file of a spool: a header, then records, each with its length before it.
//!
//! The header is written under another name and renamed, so a kill leaves it whole or away.
//! A record carries its own checksum; the first that does not fit ends the file.

use crate::codec::{Reader, Writer, unsealed};
use crate::private::private;
use crate::{Error, Fleet, MAX_MESSAGE, Message, TapName};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8] = b"WSSPOOL1";

/// A file; only the newest is written to. It is open if this process wrote to it.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    first: u64,
    next: u64,
    bytes: u64,
    /// From here on its records cannot be read.
    given_up: Option<u64>,
    file: Option<File>,
}

/// What an earlier run left of the newest file.
pub(super) struct Recovered {
    pub(super) segment: Segment,
    pub(super) id: u64,
    pub(super) latest: Option<(u64, u32)>,
    pub(super) torn_bytes: u64,
}

fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.spool"))
}

/// The first sequence of each file in the folder.
pub(super) fn firsts(folder: &Path) -> Result<Vec<u64>, Error> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list the spool", folder))? {
        let name = entry.map_err(Error::io("list the spool", folder))?.file_name();
        let name = name.to_string_lossy();
        if let Some(first) = name.strip_suffix(".spool").and_then(|n| n.parse().ok()) {
            firsts.push(first);
        }
    }
    Ok(firsts)
}

/// Deletes a file and says how long it was.
pub(super) fn remove(folder: &Path, first: u64) -> Result<u64, Error> {
    let path = path(folder, first);
    let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
    fs::remove_file(&path).map_err(Error::io("delete a file of the spool", &path))?;
    Ok(bytes)
}

/// Forces the names of new files to the disk.
pub(super) fn sync_names(folder: &Path) -> Result<(), Error> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(Error::io("force the spool to the disk", folder))
}

/// A message as a record.
pub(super) fn record(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message is at most 1 MiB");
    [&length.to_le_bytes(), message].concat()
}

/// Reads so many bytes; `None` where the file ends before.
fn read(from: &mut impl Read, bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; bytes];
    match from.read_exact(&mut buffer) {
        Ok(()) => Ok(Some(buffer)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads the next record; `None` where there is no whole one.
fn read_record(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let Some(length) = read(from, 4)? else { return Ok(None) };
    let length = u32::from_le_bytes(length.try_into().expect("4 bytes")) as usize;
    if length > MAX_MESSAGE {
        return Ok(None);
    }
    read(from, length)
}

/// What a file begins with: whose it is, and the latest parcel before it.
fn header(
    fleet: &Fleet,
    tap: &TapName,
    id: u64,
    first: u64,
    latest: Option<(u64, u32)>,
) -> Vec<u8> {
    let mut out = Writer::default();
    out.0.extend_from_slice(MAGIC);
    out.name(fleet.as_str());
    out.name(tap.as_str());
    out.u64(id);
    out.u64(first);
    let (tick, part) = latest.unwrap_or_default();
    out.u8(u8::from(latest.is_some()));
    out.u64(tick);
    out.u32(part);
    record(&out.sealed())
}

impl Segment {
    /// A file of which all records were written: another one follows it.
    pub(super) fn full(folder: &Path, first: u64, next: u64) -> Result<Self, Error> {
        let path = path(folder, first);
        let metadata =
            fs::metadata(&path).map_err(Error::io("read a file of the spool", &path))?;
        Ok(Self { path, first, next, bytes: metadata.len(), given_up: None, file: None })
    }

    /// A new, empty file.
    pub(super) fn begin(
        folder: &Path,
        first: u64,
        fleet: &Fleet,
        tap: &TapName,
        id: u64,
        latest: Option<(u64, u32)>,
    ) -> Result<Self, Error> {
        let (temporary, path) = (folder.join("new"), path(folder, first));
        let header = header(fleet, tap, id, first, latest);
        let make = || -> io::Result<File> {
            let mut file =
                private().create(true).write(true).truncate(true).open(&temporary)?;
            file.write_all(&header)?;
            fs::rename(&temporary, &path)?;
            Ok(file)
        };
        let file = make().map_err(Error::io("make a file of the spool", &path))?;
        let bytes = header.len() as u64;
        Ok(Self { path, first, next: first, bytes, given_up: None, file: Some(file) })
    }

    /// Opens the newest file to go on, and cuts off what follows the last whole record.
    /// `None` where its header is not there.
    pub(super) fn recover(
        folder: &Path,
        first: u64,
        fleet: &Fleet,
        tap: &TapName,
    ) -> Result<Option<Recovered>, Error> {
        let path = path(folder, first);
        let io = |error| Error::file("read a file of the spool", &path, error);
        let file = File::options().read(true).write(true).open(&path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut from = BufReader::new(&file);
        let Some(head) = read_record(&mut from).map_err(io)? else { return Ok(None) };
        let Some((owner, id, mut latest)) = parse(&head) else { return Ok(None) };
        if owner != (fleet.as_str(), tap.as_str()) {
            return Err(Error::file(
                "use the spool",
                folder,
                format!(
                    "it is that of tap {} in fleet {}, not of tap {tap} in fleet {}; give each \
                     tap a folder of its own",
                    owner.1,
                    owner.0,
                    fleet.as_str()
                ),
            ));
        }
        let (mut bytes, mut next) = (4 + head.len() as u64, first);
        while let Some(record) = read_record(&mut from).map_err(io)? {
            match Message::decode(&record, fleet) {
                Ok(Message::Parcel(parcel)) if parcel.sequence == next => {
                    latest = Some((parcel.tick, parcel.part));
                }
                _ => break,
            }
            bytes += 4 + record.len() as u64;
            next += 1;
        }
        file.set_len(bytes).map_err(io)?;
        io::Seek::seek(&mut &file, io::SeekFrom::End(0)).map_err(io)?;
        let segment = Self { path, first, next, bytes, given_up: None, file: Some(file) };
        Ok(Some(Recovered { segment, id, latest, torn_bytes: length - bytes }))
    }

    /// Appends a record, or nothing of it.
    pub(super) fn append(&mut self, record: &[u8]) -> Result<(), Error> {
        let file = self.file.as_mut().expect("only the newest file is written to");
        if let Err(why) = file.write_all(record) {
            // A part of it would hide all that is appended after it.
            let undo = file
                .set_len(self.bytes)
                .and_then(|()| io::Seek::seek(file, io::SeekFrom::End(0)));
            let undone = match undo {
                Ok(_) => String::new(),
                Err(error) => {
                    format!(" (and what was written cannot be undone: {error})")
                }
            };
            return Err(Error::file(
                "append to the spool",
                &self.path,
                format!("{why}{undone}"),
            ));
        }
        self.bytes += record.len() as u64;
        self.next += 1;
        Ok(())
    }

    /// Forces what was appended to the disk.
    pub(super) fn sync(&self) -> Result<(), Error> {
        let synced = self.file.as_ref().map_or(Ok(()), File::sync_data);
        synced.map_err(Error::io("force the spool to the disk", &self.path))
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next == self.first
    }

    /// Notes that nothing from `sequence` on can be read, and says how many more that are.
    pub(super) fn give_up(&mut self, sequence: u64) -> u64 {
        let before = self.given_up.unwrap_or(self.next);
        self.given_up = Some(before.min(sequence));
        before.saturating_sub(sequence)
    }
}

/// The fleet and tap that a header names, the spool's own number, and the latest parcel
/// before the file.
type Header<'a> = ((&'a str, &'a str), u64, Option<(u64, u32)>);

fn parse(header: &[u8]) -> Option<Header<'_>> {
    let mut from = Reader(unsealed(header)?.strip_prefix(MAGIC)?);
    let owner = (from.name().ok()?, from.name().ok()?);
    let id = from.u64().ok()?;
    let _first = from.u64().ok()?;
    let is_there = from.flag().ok()?;
    let latest = (from.u64().ok()?, from.u32().ok()?);
    from.end().ok()?;
    Some((owner, id, is_there.then_some(latest)))
}

/// Reads the records of a file in order.
#[derive(Debug)]
pub(super) struct Walk {
    path: PathBuf,
    from: BufReader<File>,
    next: u64,
}

impl Walk {
    /// From the first record on; `None` where the header cannot be read.
    pub(super) fn begin(folder: &Path, first: u64) -> Result<Option<Self>, Error> {
        let path = path(folder, first);
        let io = |error| Error::file("read a file of the spool", &path, error);
        let mut from = BufReader::new(File::open(&path).map_err(io)?);
        let is_whole = read_record(&mut from).map_err(io)?.is_some();
        Ok(is_whole.then_some(Self { path, from, next: first }))
    }

    pub(super) fn is_at(&self, sequence: u64) -> bool {
        self.next == sequence
    }

    pub(super) fn record(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let record = read_record(&mut self.from)
            .map_err(Error::io("read a file of the spool", &self.path))?;
        self.next += 1;
        Ok(record)
    }
}
