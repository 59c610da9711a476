//! Arguments that several calls have: paths, addresses, times, threads, numbers.

use crate::error;
use crate::values;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDelta, PyFloat, PyInt, PyString};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use wormsift::packet::{Network, Timestamp};
use wormsift_run::limits;

/// A whole number in the range of its type; another is a ValueError.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole<T>(pub(crate) T);

impl<'a, 'py, T> FromPyObject<'a, 'py> for Whole<T>
where
    T: for<'b> FromPyObject<'b, 'py, Error = PyErr>,
{
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let number = given.extract().map_err(|error| {
            let bits = 8 * size_of::<T>();
            let expected =
                format!("expected a whole number of {bits} bits, found {}", *given);
            error::no_overflow(given.py(), error, &expected)
        });
        number.map(Self)
    }
}

/// One address: text, the 4 or 16 bytes of the wire, or an object of `ipaddress`.
pub(crate) struct Address(pub(crate) IpAddr);

impl<'a, 'py> FromPyObject<'a, 'py> for Address {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = given.cast::<PyString>() {
            return parse_address(&text.to_cow()?).map(Self).map_err(error::value);
        }
        if let Ok(bytes) = given.cast::<PyBytes>() {
            return address_of(bytes.as_bytes()).map(Self).map_err(error::value);
        }
        if given.get_type().module()?.to_cow()? == "ipaddress" {
            return parse_address(&given.str()?.to_cow()?)
                .map(Self)
                .map_err(error::value);
        }
        Err(PyTypeError::new_err(format!(
            "expected an address as text, bytes or of ipaddress, found {}",
            given.get_type().name()?
        )))
    }
}

/// An address from text.
pub(crate) fn parse_address(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| format!("expected an IP address, found `{}`", text.escape_debug()))
}

/// An address from the bytes of the wire.
pub(crate) fn address_of(bytes: &[u8]) -> Result<IpAddr, String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(bytes).into());
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(bytes) => Ok(Ipv6Addr::from(bytes).into()),
        Err(_) => {
            Err(format!("expected an address of 4 or 16 bytes, found {}", bytes.len()))
        }
    }
}

/// A moment: nanoseconds since 1970 as int, seconds since 1970 as float, or an aware datetime.
pub(crate) struct Moment(pub(crate) Timestamp);

impl<'a, 'py> FromPyObject<'a, 'py> for Moment {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let out_of_range = || error::value("expected a time from 1970 to 2554");
        if given.is_instance_of::<PyInt>() {
            let nanos = given.extract::<u64>().map_err(|_| out_of_range())?;
            return Ok(Self(Timestamp::from_nanos(nanos)));
        }
        if given.is_instance_of::<PyFloat>() {
            let nanos = given.extract::<f64>()? * 1e9;
            return match (0.0..u64::MAX as f64).contains(&nanos) {
                true => Ok(Self(Timestamp::from_nanos(nanos.round() as u64))),
                false => Err(out_of_range()),
            };
        }
        let datetime = given.py().import("datetime")?;
        if !given.is_instance(&datetime.getattr("datetime")?)? {
            return Err(PyTypeError::new_err(format!(
                "expected nanoseconds as int, seconds as float or a datetime, found {}",
                given.get_type().name()?
            )));
        }
        if given.getattr("tzinfo")?.is_none() {
            return Err(error::value(
                "expected a datetime with a time zone, found a naive one",
            ));
        }
        let zero = epoch(given.py())?;
        let since = given.call_method1("__sub__", (zero,))?;
        let nanos = since.cast::<PyDelta>().ok().and_then(values::nanoseconds);
        nanos.map(|it| Self(Timestamp::from_nanos(it))).ok_or_else(out_of_range)
    }
}

/// The beginning of 1970 as an aware datetime.
fn epoch(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    datetime.getattr("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, utc))
}

/// A moment as an aware datetime, cut to microseconds.
pub(crate) fn datetime(py: Python<'_>, time: Timestamp) -> PyResult<Bound<'_, PyAny>> {
    let micros = time.as_nanos() / 1_000;
    let (days, rest) = (micros / 86_400_000_000, micros % 86_400_000_000);
    let span = PyDelta::new(
        py,
        days as i32,
        (rest / 1_000_000) as i32,
        (rest % 1_000_000) as i32,
        false,
    )?;
    epoch(py)?.call_method1("__add__", (span,))
}

/// One of something or a list of it: text, a path, or several.
pub(crate) fn several<'py>(
    given: &Bound<'py, PyAny>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let is_one = given.is_instance_of::<PyString>()
        || given.is_instance_of::<PyBytes>()
        || given.hasattr("__fspath__")?
        || given.get_type().module()?.to_cow()? == "ipaddress";
    if is_one {
        return Ok(vec![given.clone()]);
    }
    given.try_iter()?.collect()
}

/// Text, or a path as text.
pub(crate) fn path_text(given: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(text.to_cow()?.into_owned());
    }
    let path: PathBuf = given.extract()?;
    path.into_os_string().into_string().map_err(|path| {
        error::input(format!("{}: expected a name in UTF-8", path.to_string_lossy()))
    })
}

/// Networks, one or a list of them.
pub(crate) fn networks(
    name: &str,
    given: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<Network>> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let network = |it: Bound<'_, PyAny>| -> PyResult<Network> {
        let text = it.str()?;
        let parsed = text.to_cow()?.parse::<Network>();
        parsed.map_err(|reason| error::value(format!("{name}: {reason}")))
    };
    several(given)?.into_iter().map(network).collect()
}

/// The threads that work, one for each core unless told otherwise.
pub(crate) fn pool(threads: Option<usize>) -> PyResult<ThreadPool> {
    let most = limits::most_threads();
    if let Some(found) = threads.filter(|it| !(1..=most).contains(it)) {
        let expected =
            format!("threads: expected 1 to {most} on this machine, found {found}");
        return Err(error::value(expected));
    }
    ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .thread_name(|index| format!("sift-{index}"))
        .build()
        .map_err(|error| error::Error::new_err(format!("threads: {error}")))
}
