//! The files that stay reachable (Landlock).

use crate::output::exit_code::Failure;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The newest rules that are asked for; an older kernel gives what it has.
const NEWEST: ABI = ABI::V6;

/// The folders that stay within reach.
#[derive(Debug, Default)]
pub(in crate::live) struct Folders {
    /// To read from.
    reading: BTreeSet<PathBuf>,
    /// To read from, write to, and make and rename files in.
    writing: BTreeSet<PathBuf>,
}

impl Folders {
    /// The folder of a file that is read again later. A folder, since editors replace
    /// files.
    pub(in crate::live) fn read(&mut self, file: &Path) {
        self.reading.insert(folder(file));
    }

    /// The folder of a file that is written, and replaced.
    pub(in crate::live) fn write(&mut self, file: &Path) {
        self.writing.insert(folder(file));
    }
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// From now on this thread, and those that it starts, reach no other files, and open no
/// TCP connection. Said in one line.
pub(in crate::live) fn restrict(folders: &Folders) -> Result<String, Failure> {
    let failed = |error: landlock::RulesetError| Failure::of("landlock", error);
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .and_then(|rules| {
            let access = AccessFs::from_read(NEWEST) & !AccessFs::Execute;
            rules.add_rules(path_beneath_rules(&folders.reading, access))
        })
        .and_then(|rules| {
            let access = AccessFs::from_file(NEWEST)
                | AccessFs::ReadDir
                | AccessFs::MakeReg
                | AccessFs::RemoveFile;
            let access = access & !(AccessFs::Execute | AccessFs::IoctlDev);
            rules.add_rules(path_beneath_rules(&folders.writing, access))
        })
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(failed)?;
    let named = |folders: &BTreeSet<PathBuf>| {
        let names: Vec<_> =
            folders.iter().map(|path| path.display().to_string()).collect();
        if names.is_empty() { "no folder".to_owned() } else { names.join(", ") }
    };
    let (writing, reading) = (named(&folders.writing), named(&folders.reading));
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => {
            format!(
                "landlock: may write files in {writing}, read files in {reading}, and reach no \
                 other files"
            )
        }
        RulesetStatus::PartiallyEnforced => format!(
            "landlock: may write files in {writing} and read files in {reading}; this kernel \
             restricts other access only in part"
        ),
        RulesetStatus::NotEnforced => {
            "landlock: not supported by this kernel; all files stay accessible".to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::environment::skipped;
    use super::*;
    use std::fs;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    /// In a thread of its own, which alone is bound by the rules.
    #[test]
    fn only_the_named_folders_stay_within_reach() {
        let folder =
            std::env::temp_dir().join(format!("wormsift-folders-{}", std::process::id()));
        fs::create_dir_all(folder.join("read")).unwrap();
        fs::create_dir_all(folder.join("written")).unwrap();
        fs::write(folder.join("read/settings"), "text").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut folders = Folders::default();
                folders.read(&folder.join("read/settings"));
                folders.write(&folder.join("written/lines"));
                let said = restrict(&folders).unwrap();
                if said.contains("not supported") {
                    return skipped("landlock", &said);
                }
                let denied = |kind: Option<ErrorKind>| {
                    assert_eq!(kind, Some(ErrorKind::PermissionDenied));
                };
                denied(fs::read("/etc/passwd").err().map(|e| e.kind()));
                denied(fs::write(folder.join("read/new"), "").err().map(|e| e.kind()));
                denied(fs::write(folder.join("new"), "").err().map(|e| e.kind()));
                if said.contains("no other files") {
                    // Rules for connections came later than those for files.
                    denied(TcpStream::connect(address).err().map(|e| e.kind()));
                }
                let written = folder.join("written/lines");
                assert_eq!(fs::read(folder.join("read/settings")).unwrap(), b"text");
                fs::write(&written, "one").unwrap();
                fs::rename(&written, folder.join("written/lines.1")).unwrap();
                fs::write(&written, "two").unwrap();
            });
        });
        fs::remove_dir_all(folder).unwrap();
    }
}
