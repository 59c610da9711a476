//! User, groups and capabilities of the process.

use crate::output::exit_code::Failure;
use caps::CapSet;
use nix::sys::prctl::set_no_new_privs;
use nix::unistd::{Gid, User, getgrouplist, getuid, setgroups, setresgid, setresuid};
use std::ffi::CString;

/// Somebody to become.
pub(crate) struct Person {
    user: User,
    /// Groups beside the user's own: one of them may open the socket of Suricata.
    groups: Vec<Gid>,
}

impl Person {
    pub(crate) fn name(&self) -> &str {
        &self.user.name
    }
}

/// A user to become, looked up while the user database can be read.
pub(crate) fn find(name: &str) -> Result<Person, Failure> {
    let failed = |error| Failure::of(format_args!("--user {name}"), error);
    let user = match User::from_name(name) {
        Ok(Some(user)) if user.uid.is_root() => {
            return Err(Failure::usage(format!(
                "--user {name}: expected a user other than root"
            )));
        }
        Ok(Some(user)) => user,
        Ok(None) => {
            return Err(Failure::usage(format!("--user {name}: there is no such user")));
        }
        Err(error) => return Err(failed(error)),
    };
    // A name with a NUL byte is no user's.
    let mut groups = match CString::new(name) {
        Ok(name) => getgrouplist(&name, user.gid).map_err(failed)?,
        Err(_) => Vec::new(),
    };
    groups.retain(|group| *group != user.gid);
    Ok(Person { user, groups })
}

/// Becomes `person`, if one is given, and gives all capabilities away for good. Called
/// before other threads exist: capabilities are each thread's own.
pub(crate) fn drop(person: Option<&Person>) -> Result<String, Failure> {
    let failed = |what: &'static str| {
        move |error: &dyn std::fmt::Display| {
            Failure::of(format_args!("cannot {what}"), error)
        }
    };
    // Needs a capability itself; without it the set cannot be used anyway, since no
    // program can be started and new rights are refused below.
    let _ = caps::clear(None, CapSet::Bounding);
    if let Some(Person { user, groups: others }) = person {
        let groups = failed("change groups");
        setgroups(others).map_err(|error| groups(&error))?;
        setresgid(user.gid, user.gid, user.gid).map_err(|error| groups(&error))?;
        setresuid(user.uid, user.uid, user.uid)
            .map_err(|error| failed("become the user")(&error))?;
    }
    let give_up = failed("give up capabilities");
    for set in
        [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted]
    {
        caps::clear(None, set).map_err(|error| give_up(&error))?;
    }
    set_no_new_privs().map_err(|error| failed("refuse new rights")(&error))?;
    let uid = getuid();
    let who = match person {
        Some(Person { user, .. }) => format!("user {} ({uid})", user.name),
        None => format!("user {uid}, as before"),
    };
    Ok(format!("{who}; no capabilities, and none can be gained"))
}
