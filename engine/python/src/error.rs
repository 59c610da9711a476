//! Exceptions, and the guard that lets no panic out.

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyOverflowError, PyUserWarning, PyValueError};
use pyo3::prelude::*;
use std::ffi::CString;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

create_exception!(
    wormsift,
    Error,
    PyException,
    "What goes wrong in wormsift. Its kinds are ConfigError and InputError."
);
create_exception!(
    wormsift,
    ConfigError,
    Error,
    "A setting, an option or a name cannot be used."
);
create_exception!(
    wormsift,
    InputError,
    Error,
    "A file or another input cannot be read, found or written."
);
create_exception!(
    wormsift,
    InputWarning,
    PyUserWarning,
    "Some input is damaged or out of order; what could be read was used."
);

/// A setting that cannot be used.
pub(crate) fn config(reason: impl Display) -> PyErr {
    ConfigError::new_err(reason.to_string())
}

/// The first and the last line of what is wrong with a text: the picture between them is left out.
pub(crate) fn text(reason: impl Display) -> PyErr {
    let reason = reason.to_string();
    let mut lines = reason.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    match lines.next_back() {
        Some(last) => config(format!("{first}: {}", last.trim())),
        None => config(first),
    }
}

/// An input that cannot be used.
pub(crate) fn input(reason: impl Display) -> PyErr {
    InputError::new_err(reason.to_string())
}

/// A file that could not be read or written.
pub(crate) fn file(path: impl Display, reason: impl Display) -> PyErr {
    InputError::new_err(format!("{path}: {reason}"))
}

/// A value of the right type that is none of those expected.
pub(crate) fn value(reason: impl Display) -> PyErr {
    PyValueError::new_err(reason.to_string())
}

/// A number that is too large or negative is a wrong value like any other.
pub(crate) fn no_overflow(py: Python<'_>, error: PyErr, reason: &str) -> PyErr {
    match error.is_instance_of::<PyOverflowError>(py) {
        true => value(reason),
        false => error,
    }
}

/// Does work without the lock of the interpreter. A panic becomes an [`Error`].
pub(crate) fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    let work = AssertUnwindSafe(work);
    py.detach(move || {
        let AssertUnwindSafe(work) = work;
        catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            format!("a fault of wormsift, please report it: {}", said.unwrap_or("panic"))
        })
    })
    .map_err(Error::new_err)
}

/// Warns of input that is not as it should be.
pub(crate) fn warn(py: Python<'_>, line: &str) -> PyResult<()> {
    let category = py.get_type::<InputWarning>();
    let line = CString::new(line.replace('\0', "?")).map_err(value)?;
    PyErr::warn(py, &category, &line, 1)
}
