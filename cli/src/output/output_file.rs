//! Files that a command writes: checked before a long run, replaced whole, and extended
//! by whole lines.
//!
//! A reader of a replaced file sees the old text or the new one. A line that cannot be
//! written whole is taken back, so that a full disk leaves no part of a line before the
//! next one. Devices and pipes are written in place.

use crate::output::exit_code::Failure;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Files that will be written, each with the flag that names it.
#[derive(Default)]
pub(crate) struct OutputFiles<'a> {
    files: Vec<(&'static str, &'a Path)>,
}

impl<'a> OutputFiles<'a> {
    /// Adds the file that this flag names, if it was given.
    pub(crate) fn add(
        &mut self,
        flag: &'static str,
        path: Option<&'a Path>,
    ) -> &mut Self {
        self.files.extend(path.map(|path| (flag, path)));
        self
    }

    /// Refuses what could not be written at the end: a folder, a file in a folder that is
    /// missing or closed to us, one file for two purposes, and a file that is an input.
    pub(crate) fn check<'b>(
        &self,
        inputs: impl IntoIterator<Item = &'b str>,
    ) -> Result<(), Failure> {
        for (flag, path) in &self.files {
            check(path).map_err(|reason| {
                Failure::usage(format_args!("{flag} {}: {reason}", path.display()))
            })?;
        }
        let places: Vec<PathBuf> =
            self.files.iter().map(|(_, path)| place(path)).collect();
        for (index, (flag, path)) in self.files.iter().enumerate() {
            let regular = !is_special(path);
            let same = |other: &&PathBuf| regular && **other == places[index];
            if let Some(other) = places[..index].iter().position(|it| same(&it)) {
                let other = self.files[other].0;
                return Err(Failure::usage(format_args!(
                    "{flag} {}: {other} names the same file; give each its own",
                    path.display()
                )));
            }
        }
        for input in inputs {
            let input = place(Path::new(input));
            if let Some(index) = places.iter().position(|it| *it == input) {
                let (flag, path) = self.files[index];
                return Err(Failure::usage(format_args!(
                    "{flag} {}: this file is read as input and would be overwritten; give \
                     another name",
                    path.display()
                )));
            }
        }
        Ok(())
    }
}

/// Why a file could not be written, found out without writing to it.
fn check(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(it) if it.is_dir() => {
            return Err("is a folder; expected a file name".to_owned());
        }
        Ok(it) if !it.is_file() => return Ok(()),
        _ => {}
    }
    let target = place(path);
    let folder = folder_of(&target);
    match fs::metadata(folder) {
        Ok(it) if it.is_dir() => {}
        Ok(_) => return Err(format!("{} is no folder", folder.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("the folder {} does not exist", folder.display()));
        }
        Err(error) => return Err(format!("{}: {error}", folder.display())),
    }
    // Only trying tells: rights, read-only file systems, names that are too long.
    let trial = beside(&target);
    let existed = trial.exists();
    let opened = OpenOptions::new().append(true).create(true).open(&trial);
    opened.map_err(|error| format!("cannot be written: {error}"))?;
    if !existed {
        let _ = fs::remove_file(&trial);
    }
    if target.exists() {
        let opened = OpenOptions::new().append(true).open(&target);
        opened.map_err(|error| format!("cannot be written: {error}"))?;
    }
    Ok(())
}

/// Where a path leads, links followed as far as there are any.
fn place(path: &Path) -> PathBuf {
    if let Ok(found) = fs::canonicalize(path) {
        return found;
    }
    match (fs::canonicalize(folder_of(path)), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| !it.is_file())
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Writes a file so that a reader sees the old text or the new one, never a part. What is
/// no ordinary file (a device, a pipe) is written to as it is.
pub(crate) fn replace(
    path: &Path,
    text: &(impl AsRef<[u8]> + ?Sized),
) -> Result<(), Failure> {
    let written = if is_special(path) {
        OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_ref()))
    } else {
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let new = beside(&target);
        let done = fs::write(&new, text).and_then(|()| fs::rename(&new, &target));
        if done.is_err() {
            let _ = fs::remove_file(&new);
        }
        done
    };
    written.map_err(|error| Failure::of(path.display(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("wormsift-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn refused(files: &[(&'static str, &Path)], inputs: &[&str]) -> String {
        let mut outputs = OutputFiles::default();
        for (flag, path) in files {
            outputs.add(flag, Some(path));
        }
        match outputs.check(inputs.iter().copied()) {
            Ok(()) => String::new(),
            Err(Failure::Usage(reason)) => reason,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_could_not_be_written_is_refused_and_nothing_is_left_behind() {
        let folder = folder("outputs");
        let file = folder.join("report.html");
        assert_eq!(refused(&[("--report", &file)], &[]), "");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        assert!(refused(&[("--report", &folder)], &[]).contains("is a folder"));
        let missing = folder.join("none/report.html");
        let said = refused(&[("--report", &missing)], &[]);
        assert!(
            said.starts_with("--report ") && said.contains("does not exist"),
            "{said}"
        );
        let said = refused(&[("--report", &file), ("--rules", &file)], &[]);
        assert!(said.contains("--report names the same file"), "{said}");
        fs::write(&file, "a capture").unwrap();
        let said = refused(&[("--rules", &file)], &[file.to_str().unwrap()]);
        assert!(said.contains("read as input"), "{said}");
        let null = Path::new("/dev/null");
        assert_eq!(refused(&[("--report", null), ("--rules", null)], &[]), "");
        assert_eq!(fs::read(&file).unwrap(), b"a capture");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn a_device_stays_one_and_a_link_leads_to_its_file() {
        use std::os::unix::fs::FileTypeExt;
        replace(Path::new("/dev/null"), "text").unwrap();
        let kind = fs::metadata("/dev/null").unwrap().file_type();
        assert!(kind.is_char_device());
        let folder = folder("replace");
        let (file, link) = (folder.join("file"), folder.join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(folder).unwrap();
    }
}
