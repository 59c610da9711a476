//! What reads captures a second time, for the packets of signatures.

use crate::captures::{self, Origin};
use crate::error;
use pyo3::prelude::*;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use wormsift::signature;
use wormsift_run::explain::{Follower, NotFollowed, Trail};
use wormsift_run::{Selection, evidence};

/// The way of a signature from host to host through its captures.
pub(crate) fn follow(
    py: Python<'_>,
    signature: &signature::Signature,
    origin: &Origin,
) -> PyResult<Trail> {
    let follower = Follower::new(signature, &origin.config);
    let mut follower = follower.map_err(|reason| match reason {
        NotFollowed::Weak(weak) => {
            error::config(format!("{}: not looked for: {weak}", signature.id))
        }
        NotFollowed::Matcher(reason) => error::config(reason),
    })?;
    let (inputs, _) = captures::open(&origin.sources)?;
    let selection = Selection::new(origin.choice.clone(), &origin.config);
    captures::read_all(py, inputs, selection, |batch| {
        batch.into_iter().for_each(|batch| follower.batch(batch));
    })?;
    Ok(follower.finish())
}

/// Copies the packets that show signatures.
pub(crate) fn write_evidence(
    py: Python<'_>,
    path: &Path,
    origin: &Origin,
    signatures: &[signature::Signature],
) -> PyResult<usize> {
    origin.check_twice()?;
    let (inputs, _) = captures::open(&origin.sources)?;
    let interrupt = Mutex::new(None);
    let copied = error::detached(py, || {
        // A signal is looked for between batches.
        let stops = || match Python::attach(|py| py.check_signals()) {
            Ok(()) => false,
            Err(error) => {
                *interrupt.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                true
            }
        };
        evidence::write(path, inputs, signatures, stops)
    })?;
    if let Some(error) = interrupt.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    copied.map_err(|reason| error::file(path.display(), reason))
}
