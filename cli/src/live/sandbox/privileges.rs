//! User, groups and capabilities of the process.

use crate::output::exit_code::Failure;
use caps::CapSet;
use nix::sys::prctl::set_no_new_privs;
use nix::unistd::{User, getuid, setgroups, setresgid, setresuid};

/// A user to become, looked up while the user database can be read.
pub(in crate::live) fn find(name: &str) -> Result<User, Failure> {
    match User::from_name(name) {
        Ok(Some(user)) if user.uid.is_root() => {
            Err(Failure::usage(format!("--user {name}: expected a user other than root")))
        }
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(Failure::usage(format!("--user {name}: there is no such user"))),
        Err(error) => Err(Failure::of(format_args!("--user {name}"), error)),
    }
}

/// Becomes `user`, if one is given, and gives all capabilities away for good. Called
/// before other threads exist: capabilities are each thread's own.
pub(in crate::live) fn drop(user: Option<&User>) -> Result<String, Failure> {
    let failed = |what: &'static str| {
        move |error: &dyn std::fmt::Display| {
            Failure::of(format_args!("cannot {what}"), error)
        }
    };
    // Needs a capability itself; without it the set cannot be used anyway, since no
    // program can be started and new rights are refused below.
    let _ = caps::clear(None, CapSet::Bounding);
    if let Some(user) = user {
        let groups = failed("give up groups");
        setgroups(&[]).map_err(|error| groups(&error))?;
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
    let who = match user {
        Some(user) => format!("user {} ({uid})", user.name),
        None => format!("user {uid}, as before"),
    };
    Ok(format!("{who}; no capabilities, and none can be gained"))
}
