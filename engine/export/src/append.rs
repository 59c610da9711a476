//! Whole lines at the end of a file.
//!
//! A line that cannot be written whole is taken back, so that a full disk leaves no part
//! of a line before the next one.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// Writes to the end of a file, all of it or nothing where the file can be cut back.
///
/// # Errors
///
/// As [`Write::write_all`]; what was written of the text is then taken back if it is the
/// end of an ordinary file.
pub fn append_whole(file: &mut File, text: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < text.len() {
        match file.write(&text[written..]) {
            Ok(0) => {
                take_back(file, written as u64);
                return Err(io::ErrorKind::WriteZero.into());
            }
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                take_back(file, written as u64);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Cuts off so many bytes, unless somebody else has written behind them.
fn take_back(file: &mut File, written: u64) {
    let Ok(found) = file.metadata() else { return };
    if written == 0 || !found.is_file() {
        return;
    }
    if file.stream_position().is_ok_and(|at| at == found.len() && at >= written) {
        let end = found.len() - written;
        let _ = file.set_len(end);
        let _ = file.seek(SeekFrom::Start(end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};

    #[test]
    fn what_was_written_last_can_be_taken_back() {
        let name = format!("wormsift-taken-back-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("lines");
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(&path).unwrap();
        append_whole(&mut file, b"one\n").unwrap();
        append_whole(&mut file, b"par").unwrap();
        take_back(&mut file, 3);
        append_whole(&mut file, b"two\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
