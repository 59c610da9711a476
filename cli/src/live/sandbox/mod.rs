//! Rights that are given up before the first packet is read.
//!
//! Packets are hostile input, so before the first of them is looked at the process gives
//! away what it no longer needs: `privileges` (user, capabilities), `files` (Landlock)
//! and `calls` (seccomp). What could be had is said in one line each; what a kernel lacks
//! is said too. [`verify`] then tries what must fail.

pub(super) mod calls;
pub(super) mod files;
pub(crate) mod privileges;

#[cfg(test)]
#[path = "../../../../engine/tests/common/environment.rs"]
mod environment;

use crate::output::exit_code::Failure;
use std::io;
use std::process::Command;
use wormsift_capture::live::{LiveSettings, Rings};

/// Tries what is forbidden by now: a program, and another interface.
pub(super) fn verify() -> Result<String, Failure> {
    let broken = |what: &str| Failure::of("sandbox", format!("{what} is still possible"));
    let program = Command::new("/proc/self/exe").arg("--version").spawn();
    if !program.is_err_and(|error| is_denied(&error)) {
        return Err(broken("starting a program"));
    }
    let capture = Rings::open(&LiveSettings::new("any"));
    if !capture.is_err_and(|error| is_denied(&error.source)) {
        return Err(broken("listening on another interface"));
    }
    Ok("no program can be started, no interface opened".to_owned())
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}
