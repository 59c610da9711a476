//! Files as memory.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps a regular file as it is now; what is appended later is not seen.
///
/// The mapping is private and read-only. If another process makes the file shorter
/// while it is read, the system stops this process (SIGBUS), as it stops every program
/// that maps files; a file that somebody may cut can be read from standard input.
// A capture is read in place, without a copy, which only a mapping allows; this block
// is the only one in the room.
#[allow(unsafe_code)]
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the bytes are only ever read, as plain `u8`, of which every value is
    // valid, and no decision about memory rests on reading the same byte twice: all
    // offsets are checked against the length of the mapping, which is fixed. A file
    // that shrinks ends the process, it does not corrupt it. That other processes do
    // not write to a capture while it is read is the caller's part, as documented.
    let map = unsafe { Mmap::map(file)? };
    // A hint; without it, reading is only slower.
    #[cfg(unix)]
    let _ = map.advise(memmap2::Advice::Sequential);
    Ok(map)
}
