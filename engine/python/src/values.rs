//! Values of settings from Python, and JSON to Python.

use crate::error;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDelta, PyDeltaAccess, PyDict, PyFloat, PyInt, PyList, PySet,
    PyString, PyTuple,
};
use serde_json::{Map, Value};

/// The value of a setting: None, bool, int, float, str, a timedelta, an address or network of
/// `ipaddress`, the 16 bytes of a key, or a list of such.
pub(crate) fn setting(name: &str, given: &Bound<'_, PyAny>) -> PyResult<Value> {
    if given.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(switch) = given.cast::<PyBool>() {
        return Ok(Value::Bool(switch.is_true()));
    }
    if given.is_instance_of::<PyInt>() {
        let number = given.extract::<u64>().map(Value::from);
        let number = number.or_else(|_| given.extract::<i64>().map(Value::from));
        let expected =
            format!("setting `{name}`: expected a smaller number, found {given}");
        return number.map_err(|error| error::no_overflow(given.py(), error, &expected));
    }
    if given.is_instance_of::<PyFloat>() {
        return Ok(Value::from(given.extract::<f64>()?));
    }
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(Value::from(text.to_cow()?.into_owned()));
    }
    if let Ok(bytes) = given.cast::<PyBytes>() {
        let bytes: [u8; 16] = bytes.as_bytes().try_into().map_err(|_| {
            let found = bytes.as_bytes().len();
            error::config(format!("setting `{name}`: expected 16 bytes, found {found}"))
        })?;
        return Ok(Value::from(format!("{:032x}", u128::from_be_bytes(bytes))));
    }
    if let Ok(span) = given.cast::<PyDelta>() {
        return nanoseconds(span)
            .map(|nanos| Value::from(format!("{nanos}ns")))
            .ok_or_else(|| {
                error::config(format!("setting `{name}`: a time below zero"))
            });
    }
    let is_list = given.is_instance_of::<PyList>()
        || given.is_instance_of::<PyTuple>()
        || given.is_instance_of::<PySet>();
    if is_list {
        let entries = given.try_iter()?.map(|entry| setting(name, &entry?));
        return entries.collect::<PyResult<Vec<_>>>().map(Value::from);
    }
    if given.get_type().module()?.to_cow()? == "ipaddress" {
        return Ok(Value::from(given.str()?.to_cow()?.into_owned()));
    }
    Err(PyTypeError::new_err(format!(
        "setting `{name}`: expected a number, text, bool, timedelta, bytes or a list, found {}",
        given.get_type().name()?
    )))
}

/// A length of time in nanoseconds; `None` below zero or beyond what is counted.
pub(crate) fn nanoseconds(span: &Bound<'_, PyDelta>) -> Option<u64> {
    let seconds = i64::from(span.get_days()) * 86_400 + i64::from(span.get_seconds());
    let nanos =
        i128::from(seconds) * 1_000_000_000 + i128::from(span.get_microseconds()) * 1_000;
    u64::try_from(nanos).ok()
}

/// JSON as Python has it.
pub(crate) fn object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(it) => PyBool::new(py, *it).to_owned().into_any(),
        Value::Number(it) => match (it.as_u64(), it.as_i64()) {
            (Some(it), _) => it.into_pyobject(py)?.into_any(),
            (None, Some(it)) => it.into_pyobject(py)?.into_any(),
            (None, None) => it.as_f64().into_pyobject(py)?,
        },
        Value::String(it) => PyString::new(py, it).into_any(),
        Value::Array(it) => {
            let list = PyList::empty(py);
            it.iter().try_for_each(|entry| list.append(object(py, entry)?))?;
            list.into_any()
        }
        Value::Object(it) => dict(py, it)?.into_any(),
    })
}

/// A JSON object as a dict.
pub(crate) fn dict<'py>(
    py: Python<'py>,
    values: &Map<String, Value>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in values {
        dict.set_item(name, object(py, value)?)?;
    }
    Ok(dict)
}

/// A line of JSON as a dict.
pub(crate) fn dict_of_line<'py>(
    py: Python<'py>,
    line: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let values: Map<String, Value> = serde_json::from_str(line).map_err(error::input)?;
    dict(py, &values)
}
