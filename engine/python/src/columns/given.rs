//! Columns as they are given: Arrow data, memory that is lent, lists.
// Arrow data crosses as pointers in capsules.
#![allow(unsafe_code)]

use super::values::{whole, wrong_type};
use crate::arguments::Moment;
use crate::buffers::Lent;
use crate::error;
use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{
    ArrayStreamReader, FFI_ArrowArrayStream, RecordBatchStreamReader,
};
use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray,
    UInt64Array, make_array,
};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyInt, PyList, PyString, PyTuple};
use std::sync::Arc;

/// An error of Arrow as a value that is not as it should be.
fn arrow(name: &str) -> impl Fn(arrow_schema::ArrowError) -> PyErr {
    move |reason| PyValueError::new_err(format!("{name}: {reason}"))
}

/// The batches of a table.
pub(super) fn record_batches(given: &Bound<'_, PyAny>) -> PyResult<Vec<RecordBatch>> {
    if given.hasattr("__arrow_c_stream__")? {
        let batches =
            RecordBatchStreamReader::try_new(stream(given)?).and_then(Iterator::collect);
        return batches.map_err(arrow("columns"));
    }
    if given.hasattr("__arrow_c_array__")? {
        let array = array(given)?;
        let Some(rows) = array.as_struct_opt() else {
            return Err(wrong_type("columns", "a table", array.data_type()));
        };
        return Ok(vec![RecordBatch::from(rows.clone())]);
    }
    Err(PyTypeError::new_err(format!(
        "expected a table of the Arrow PyCapsule interface or a dict of columns, found {}",
        given.get_type().name()?
    )))
}

fn stream(given: &Bound<'_, PyAny>) -> PyResult<FFI_ArrowArrayStream> {
    let capsule = given.call_method0("__arrow_c_stream__")?;
    let capsule = capsule.cast_into::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?;
    // SAFETY: a capsule of this name holds such a stream; it is moved out, so that the capsule has
    // nothing left to release.
    Ok(unsafe { FFI_ArrowArrayStream::from_raw(pointer.cast().as_ptr()) })
}

fn array(given: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let pair = given.call_method0("__arrow_c_array__")?;
    let (schema, array): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
    let (schema, array) =
        (schema.cast_into::<PyCapsule>()?, array.cast_into::<PyCapsule>()?);
    let schema = schema.pointer_checked(Some(c"arrow_schema"))?;
    let array = array.pointer_checked(Some(c"arrow_array"))?;
    // SAFETY: capsules of these names hold a schema and an array that fits it; both are moved out.
    let data = unsafe {
        let schema = FFI_ArrowSchema::from_raw(schema.cast().as_ptr());
        from_ffi(FFI_ArrowArray::from_raw(array.cast().as_ptr()), &schema)
    };
    data.map(make_array).map_err(arrow("columns"))
}

/// One column of a dict.
pub(super) fn column_of(name: &str, given: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    if given.hasattr("__arrow_c_array__")? {
        return array(given);
    }
    if given.hasattr("__arrow_c_stream__")? {
        return chunks(name, given);
    }
    if let Ok(pair) = given.cast::<PyTuple>().cloned()
        && name == "payload"
        && pair.len() == 2
    {
        return pieces(&pair.get_item(0)?, &pair.get_item(1)?);
    }
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        return list(name, given);
    }
    // numpy does not lend times: they are numbers underneath.
    if name == "time" && given.hasattr("dtype")? {
        let kind = given.getattr("dtype")?.getattr("kind")?;
        if kind.extract::<String>().is_ok_and(|it| it == "M") {
            let nanos = given.call_method1("astype", ("datetime64[ns]",))?;
            return buffer(name, &nanos.call_method1("view", ("int64",))?);
        }
    }
    buffer(name, given)
}

/// An array that comes in pieces, of which there must be one.
fn chunks(name: &str, given: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let arrays = ArrayStreamReader::try_new(stream(given)?).and_then(Iterator::collect);
    let arrays: Vec<ArrayRef> = arrays.map_err(arrow(name))?;
    match &arrays[..] {
        [one] => Ok(Arc::clone(one)),
        several => Err(error::value(format!(
            "column {name}: expected an array in one piece, found {}; give the whole table, or \
             combine its chunks",
            several.len()
        ))),
    }
}

/// A list of text, bytes, numbers or moments.
fn list(name: &str, given: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let entries: Vec<Bound<'_, PyAny>> = given.try_iter()?.collect::<PyResult<_>>()?;
    let row_of = |row: usize, error: PyErr| -> PyErr {
        let reason = error.value(given.py()).to_string();
        match error.is_instance_of::<PyTypeError>(given.py()) {
            true => PyTypeError::new_err(format!("column {name}, row {row}: {reason}")),
            false => error::value(format!("column {name}, row {row}: {reason}")),
        }
    };
    if name == "time" {
        let nanos = entries.iter().enumerate().map(|(row, it)| {
            let moment = it.extract::<Moment>().map_err(|error| row_of(row, error))?;
            Ok(moment.0.as_nanos())
        });
        return Ok(Arc::new(UInt64Array::from(nanos.collect::<PyResult<Vec<_>>>()?)));
    }
    let all = |is: fn(&Bound<'_, PyAny>) -> bool| entries.iter().all(is);
    let is_address = ["source", "destination"].contains(&name);
    if name == "payload" || is_address && all(|it| it.is_instance_of::<PyBytes>()) {
        let mut bytes = arrow_array::builder::LargeBinaryBuilder::new();
        for (row, it) in entries.iter().enumerate() {
            let lent = Lent::new(name, it).map_err(|error| row_of(row, error))?;
            bytes.append_value(lent.bytes(given.py()));
        }
        return Ok(Arc::new(bytes.finish()));
    }
    if all(|it| it.is_instance_of::<PyString>()) {
        let texts = entries.iter().map(|it| it.extract::<String>());
        return Ok(Arc::new(StringArray::from(texts.collect::<PyResult<Vec<_>>>()?)));
    }
    if all(|it| it.is_instance_of::<PyInt>()) {
        let number = |(row, it): (usize, &Bound<'_, PyAny>)| {
            it.extract::<i64>().map_err(|error| {
                let expected = format!("expected a smaller number, found {it}");
                row_of(row, error::no_overflow(given.py(), error, &expected))
            })
        };
        let numbers: Vec<i64> =
            entries.iter().enumerate().map(number).collect::<PyResult<_>>()?;
        if is_address {
            let fits = |it: &i64| {
                u32::try_from(*it).map_err(|_| {
                    error::value(format!(
                        "column {name}: expected an address, found {it}"
                    ))
                })
            };
            let numbers = numbers.iter().map(fits).collect::<PyResult<Vec<_>>>()?;
            return Ok(Arc::new(arrow_array::UInt32Array::from(numbers)));
        }
        return Ok(Arc::new(Int64Array::from(numbers)));
    }
    Err(PyTypeError::new_err(format!(
        "column {name}: expected entries of one type that fits it"
    )))
}

/// An array whose memory is lent, as numpy does; it is copied, but for payloads.
fn buffer(name: &str, given: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    fn read<T: Element>(given: &Bound<'_, PyAny>) -> Option<(Vec<T>, Vec<usize>)> {
        let buffer = PyBuffer::<T>::get(given).ok()?;
        let shape = buffer.shape().to_vec();
        Some((buffer.to_vec(given.py()).ok()?, shape))
    }
    macro_rules! attempt {
        ($($element:ty => $array:ty),*) => {$(
            if let Some((values, shape)) = read::<$element>(given) {
                return match shape[..] {
                    [_] => Ok(Arc::new(<$array>::from(values))),
                    _ => Err(error::value(format!("column {name}: expected one dimension, found {}", shape.len()))),
                };
            }
        )*};
    }
    if let Some((bytes, shape)) = read::<u8>(given)
        && let [_, width @ (4 | 16)] = shape[..]
    {
        let rows = bytes.chunks_exact(width);
        let array = match shape[0] {
            0 => return Ok(Arc::new(FixedSizeBinaryArray::new_null(width as i32, 0))),
            _ => FixedSizeBinaryArray::try_from_iter(rows),
        };
        return Ok(Arc::new(array.map_err(arrow(name))?));
    }
    attempt!(
        u8 => arrow_array::UInt8Array, u16 => arrow_array::UInt16Array,
        u32 => arrow_array::UInt32Array, u64 => UInt64Array, i8 => arrow_array::Int8Array,
        i16 => arrow_array::Int16Array, i32 => arrow_array::Int32Array, i64 => Int64Array
    );
    Err(PyTypeError::new_err(format!(
        "column {name}: expected an Arrow array, an array of whole numbers or a list, found {}",
        given.get_type().name()?
    )))
}

/// Payloads as all bytes in a row, and where each begins and the last ends.
fn pieces(bytes: &Bound<'_, PyAny>, offsets: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let lent = Lent::new("payload", bytes)?;
    let bytes = lent.bytes(offsets.py());
    let offsets = column_of("offsets", offsets)?;
    let offsets: Vec<i64> = whole("offsets", &offsets)?;
    let wrong = || {
        let expected =
            format!("payload: expected ascending offsets from 0 to {}", bytes.len());
        error::value(expected)
    };
    let mut rows = arrow_array::builder::LargeBinaryBuilder::new();
    for pair in offsets.windows(2) {
        let range = usize::try_from(pair[0]).ok().zip(usize::try_from(pair[1]).ok());
        let row = range.and_then(|(from, to)| bytes.get(from..to)).ok_or_else(wrong)?;
        rows.append_value(row);
    }
    if offsets.is_empty() {
        return Err(wrong());
    }
    Ok(Arc::new(rows.finish()))
}
