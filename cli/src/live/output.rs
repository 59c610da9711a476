//! Where lines go, and what happens when they cannot be written.
//!
//! To stdout, or to the end of a file that is opened anew on SIGHUP (for logrotate) and
//! renamed when it is too large. A full disk does not end the sensor: what could not be
//! written is counted and said once, until writing works again.

use crate::output::exit_code::Failure;
use crate::output::stdout::print_line;
use crate::output::talk::Talk;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use wormsift_export::append::append_whole;

/// Takes lines.
pub(super) struct Output {
    file: Option<LogFile>,
    errors: u64,
    is_failing: bool,
}

struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    /// Where to end, and how many old files to keep.
    rotation: Option<(u64, u16)>,
}

impl Output {
    /// stdout, or a file that is appended to.
    pub(super) fn open(
        path: Option<&Path>,
        rotation: Option<(u64, u16)>,
    ) -> Result<Self, Failure> {
        let file = path.map(|path| LogFile::open(path, rotation)).transpose().map_err(
            |error| Failure::of(path.unwrap_or(Path::new("output")).display(), error),
        )?;
        Ok(Self { file, errors: 0, is_failing: false })
    }

    /// Lines that could not be written.
    pub(super) fn errors(&self) -> u64 {
        self.errors
    }

    /// Writes a line, at once.
    ///
    /// Only a stdout that cannot be written ends the run, as in `detect`.
    pub(super) fn line(&mut self, line: &str, talk: &Talk) -> Result<(), Failure> {
        let Some(file) = &mut self.file else { return print_line(line) };
        match file.line(line) {
            Ok(()) => self.is_failing = false,
            Err(error) => {
                self.errors += 1;
                if !self.is_failing {
                    talk.error(format_args!("{}: {error}", file.path.display()));
                }
                self.is_failing = true;
            }
        }
        Ok(())
    }

    /// Opens the file anew: somebody may have renamed it.
    pub(super) fn reopen(&mut self, talk: &Talk) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.reopen()
        {
            talk.error(format_args!("{}: {error}", file.path.display()));
        }
    }
}

impl LogFile {
    fn open(path: &Path, rotation: Option<(u64, u16)>) -> io::Result<Self> {
        let file = append_to(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size, rotation })
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        let text = format!("{line}\n");
        if let Some((most, keep)) = self.rotation
            && self.size > 0
            && self.size + text.len() as u64 > most
        {
            self.rotate(keep)?;
        }
        append_whole(&mut self.file, text.as_bytes())?;
        self.size += text.len() as u64;
        Ok(())
    }

    /// `FILE` becomes `FILE.1`, that becomes `FILE.2`, and so on; the last one goes.
    fn rotate(&mut self, keep: u16) -> io::Result<()> {
        let name = |number: u16| {
            let mut name = self.path.as_os_str().to_owned();
            if number > 0 {
                name.push(format!(".{number}"));
            }
            PathBuf::from(name)
        };
        for number in (0..keep).rev() {
            match fs::rename(name(number), name(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error);
                }
                _ => {}
            }
        }
        self.reopen()
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = append_to(&self.path)?;
        self.size = self.file.metadata()?.len();
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{ColorChoice, TalkArgs};

    fn talk() -> Talk {
        Talk::new(&TalkArgs { quiet: true, verbose: false, color: ColorChoice::Never })
    }

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("wormsift-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn files_are_rotated_and_no_line_is_cut_or_lost() {
        let folder = folder("rotation");
        let path = folder.join("lines");
        let mut output = Output::open(Some(&path), Some((20, 3))).unwrap();
        for number in 0..10 {
            output.line(&format!("line {number}"), &talk()).unwrap();
        }
        let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(text("lines"), "line 8\nline 9\n");
        assert_eq!(text("lines.1"), "line 6\nline 7\n");
        assert_eq!(text("lines.3"), "line 2\nline 3\n");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_renamed_file_is_left_alone_and_a_lost_one_counted() {
        let folder = folder("reopening");
        let path = folder.join("lines");
        let mut output = Output::open(Some(&path), None).unwrap();
        output.line("one", &talk()).unwrap();
        fs::rename(&path, folder.join("old")).unwrap();
        output.line("two", &talk()).unwrap();
        output.reopen(&talk());
        output.line("three", &talk()).unwrap();
        assert_eq!(fs::read_to_string(folder.join("old")).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        assert_eq!(output.errors(), 0);
        fs::remove_dir_all(folder).unwrap();
        let mut full = Output::open(Some(Path::new("/dev/full")), None).unwrap();
        full.line("lost", &talk()).unwrap();
        full.line("lost", &talk()).unwrap();
        assert_eq!(full.errors(), 2);
    }
}
