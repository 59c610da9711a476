//! Packets as columns: Arrow tables and arrays, numpy arrays, lists.
//!
//! All columns are read and checked before a packet is taken. Each error names column and row.
// Arrow data crosses as pointers in capsules.
#![allow(unsafe_code)]

use crate::arguments::{Moment, address_of, parse_address};
use crate::error;
use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{
    ArrayStreamReader, FFI_ArrowArrayStream, RecordBatchStreamReader,
};
use arrow_array::types::{
    Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, Int64Array, RecordBatch,
    StringArray, UInt64Array, make_array,
};
use arrow_schema::{DataType, TimeUnit};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyInt, PyList, PyString, PyTuple};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use wormsift::{Packet, Timestamp};
use wormsift_capture::MAX_RECORD_BYTES;

/// Columns that must be there.
const NEEDED: [&str; 7] = [
    "time",
    "source",
    "destination",
    "protocol",
    "source_port",
    "destination_port",
    "payload",
];
/// Columns that may be missing.
const OPTIONAL: [&str; 4] = ["flags", "sequence", "acknowledgement", "tap"];

/// Packets that can be taken as they are.
pub(crate) struct Batch {
    times: Vec<Timestamp>,
    sources: Vec<IpAddr>,
    destinations: Vec<IpAddr>,
    protocols: Vec<u8>,
    source_ports: Vec<u16>,
    destination_ports: Vec<u16>,
    payloads: Payloads,
    /// Those that may be missing are empty then.
    flags: Vec<u8>,
    sequences: Vec<u32>,
    acknowledgements: Vec<u32>,
    taps: Vec<u16>,
}

/// Contents by row, in the memory of who made them.
enum Payloads {
    Binary(BinaryArray),
    LargeBinary(arrow_array::LargeBinaryArray),
    BinaryView(arrow_array::BinaryViewArray),
    FixedSize(FixedSizeBinaryArray),
}

/// What a column holds, by its name.
type Named = Vec<(String, ArrayRef)>;

impl Batch {
    /// Reads a table, or a dict of columns.
    pub(crate) fn all_of(given: &Bound<'_, PyAny>) -> PyResult<Vec<Self>> {
        if let Ok(dict) = given.cast::<PyDict>() {
            let mut columns: Named = Vec::new();
            for (name, column) in dict {
                let name: String = name.extract()?;
                let array = column_of(&name, &column)?;
                columns.push((name, array));
            }
            return Ok(vec![Self::new(&columns)?]);
        }
        let batches = record_batches(given)?;
        let named = |batch: &RecordBatch| -> Named {
            let fields = batch.schema();
            let names = fields.fields().iter().map(|field| field.name().clone());
            names.zip(batch.columns().iter().cloned()).collect()
        };
        batches.iter().map(|batch| Self::new(&named(batch))).collect()
    }

    fn new(columns: &Named) -> PyResult<Self> {
        let known = |name: &str| NEEDED.contains(&name) || OPTIONAL.contains(&name);
        if let Some((name, _)) = columns.iter().find(|(name, _)| !known(name)) {
            let expected = [&NEEDED[..], &OPTIONAL].concat().join(", ");
            let found = name.escape_debug();
            return Err(error::value(format!(
                "expected columns {expected}; found `{found}`"
            )));
        }
        let find =
            |name: &str| columns.iter().find(|(it, _)| it == name).map(|(_, it)| it);
        let needed = |name: &str| {
            find(name).ok_or_else(|| error::value(format!("column {name} is missing")))
        };
        let rows = needed("time")?.len();
        for (name, array) in columns {
            if array.len() != rows {
                let found = array.len();
                return Err(error::value(format!(
                    "column {name}: expected {rows} rows, found {found}"
                )));
            }
            if array.logical_null_count() > 0 {
                let row = (0..rows).find(|row| array.is_null(*row)).unwrap_or(0);
                return Err(error::value(format!(
                    "column {name}, row {row}: expected a value, found null"
                )));
            }
        }
        Ok(Self {
            times: times(needed("time")?)?,
            sources: addresses("source", needed("source")?)?,
            destinations: addresses("destination", needed("destination")?)?,
            protocols: whole("protocol", needed("protocol")?)?,
            source_ports: whole("source_port", needed("source_port")?)?,
            destination_ports: whole("destination_port", needed("destination_port")?)?,
            payloads: Payloads::new(needed("payload")?)?,
            flags: optional("flags", find("flags"))?,
            sequences: optional("sequence", find("sequence"))?,
            acknowledgements: optional("acknowledgement", find("acknowledgement"))?,
            taps: optional("tap", find("tap"))?,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn taps(&self) -> impl Iterator<Item = u16> {
        self.taps.iter().copied()
    }

    pub(crate) fn payload(&self, row: usize) -> &[u8] {
        match &self.payloads {
            Payloads::Binary(it) => it.value(row),
            Payloads::LargeBinary(it) => it.value(row),
            Payloads::BinaryView(it) => it.value(row),
            Payloads::FixedSize(it) => it.value(row),
        }
    }

    pub(crate) fn packet(&self, row: usize, number: u64) -> Packet<'_> {
        Packet {
            number,
            time: self.times[row],
            source: self.sources[row],
            destination: self.destinations[row],
            protocol: self.protocols[row],
            source_port: self.source_ports[row],
            destination_port: self.destination_ports[row],
            sequence: self.sequences.get(row).copied().unwrap_or(0),
            acknowledgement: self.acknowledgements.get(row).copied().unwrap_or(0),
            tcp_flags: self.flags.get(row).copied().unwrap_or(0),
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: self.taps.get(row).copied().unwrap_or(0),
            payload: self.payload(row),
        }
    }
}

impl Payloads {
    fn new(array: &ArrayRef) -> PyResult<Self> {
        let payloads = match array.data_type() {
            DataType::Binary => Self::Binary(array.as_binary().clone()),
            DataType::LargeBinary => Self::LargeBinary(array.as_binary().clone()),
            DataType::BinaryView => Self::BinaryView(array.as_binary_view().clone()),
            DataType::FixedSizeBinary(_) => {
                Self::FixedSize(array.as_fixed_size_binary().clone())
            }
            found => return Err(wrong_type("payload", "binary", found)),
        };
        let longest = (0..array.len()).map(|row| payloads.length(row)).max().unwrap_or(0);
        match longest <= MAX_RECORD_BYTES {
            true => Ok(payloads),
            false => {
                let expected = format!(
                    "column payload: expected at most {MAX_RECORD_BYTES} bytes, found {longest}"
                );
                Err(error::value(expected))
            }
        }
    }

    fn length(&self, row: usize) -> usize {
        match self {
            Self::Binary(it) => it.value_length(row) as usize,
            Self::LargeBinary(it) => it.value_length(row) as usize,
            Self::BinaryView(it) => it.value(row).len(),
            Self::FixedSize(it) => it.value_length() as usize,
        }
    }
}

fn wrong_type(column: &str, expected: &str, found: &DataType) -> PyErr {
    PyTypeError::new_err(format!("column {column}: expected {expected}, found {found}"))
}

fn optional<T: TryFrom<i64> + Copy>(
    name: &str,
    array: Option<&ArrayRef>,
) -> PyResult<Vec<T>> {
    array.map_or_else(|| Ok(Vec::new()), |array| whole(name, array))
}

/// Whole numbers of any width that fit.
fn whole<T: TryFrom<i64> + Copy>(name: &str, array: &ArrayRef) -> PyResult<Vec<T>> {
    macro_rules! read {
        ($type:ty) => {
            fit(
                name,
                array
                    .as_primitive::<$type>()
                    .values()
                    .iter()
                    .map(|it| i64::try_from(*it).ok()),
            )
        };
    }
    match array.data_type() {
        DataType::UInt8 => read!(UInt8Type),
        DataType::UInt16 => read!(UInt16Type),
        DataType::UInt32 => read!(UInt32Type),
        DataType::UInt64 => read!(UInt64Type),
        DataType::Int8 => read!(Int8Type),
        DataType::Int16 => read!(Int16Type),
        DataType::Int32 => read!(Int32Type),
        DataType::Int64 => read!(Int64Type),
        found => Err(wrong_type(name, "whole numbers", found)),
    }
}

fn fit<T: TryFrom<i64>>(
    name: &str,
    values: impl Iterator<Item = Option<i64>>,
) -> PyResult<Vec<T>> {
    let value = |(row, it): (usize, Option<i64>)| {
        it.and_then(|it| T::try_from(it).ok()).ok_or_else(|| {
            let bits = 8 * size_of::<T>();
            let found = it.map_or("a larger number".to_owned(), |it| it.to_string());
            error::value(format!("column {name}, row {row}: expected a number of {bits} bits, found {found}"))
        })
    };
    values.enumerate().map(value).collect()
}

fn times(array: &ArrayRef) -> PyResult<Vec<Timestamp>> {
    macro_rules! read {
        ($type:ty, $nanos:expr) => {
            moments(
                array
                    .as_primitive::<$type>()
                    .values()
                    .iter()
                    .map(|it| u64::try_from(*it).ok()?.checked_mul($nanos)),
            )
        };
    }
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => read!(TimestampNanosecondType, 1),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            read!(TimestampMicrosecondType, 1_000)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            read!(TimestampMillisecondType, 1_000_000)
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            read!(TimestampSecondType, 1_000_000_000)
        }
        DataType::Int64 => read!(Int64Type, 1),
        DataType::UInt64 => read!(UInt64Type, 1),
        found => Err(wrong_type("time", "timestamps, or nanoseconds of 64 bits", found)),
    }
}

fn moments(values: impl Iterator<Item = Option<u64>>) -> PyResult<Vec<Timestamp>> {
    let value = |(row, nanos): (usize, Option<u64>)| {
        nanos.map(Timestamp::from_nanos).ok_or_else(|| {
            error::value(format!(
                "column time, row {row}: expected a time from 1970 to 2554"
            ))
        })
    };
    values.enumerate().map(value).collect()
}

fn addresses(name: &str, array: &ArrayRef) -> PyResult<Vec<IpAddr>> {
    fn read<T>(
        name: &str,
        values: impl Iterator<Item = T>,
        address: impl Fn(T) -> Result<IpAddr, String>,
    ) -> PyResult<Vec<IpAddr>> {
        let value = |(row, it)| {
            address(it).map_err(|reason| {
                error::value(format!("column {name}, row {row}: {reason}"))
            })
        };
        values.enumerate().map(value).collect()
    }
    let rows = 0..array.len();
    match array.data_type() {
        DataType::Utf8 => {
            let it = array.as_string::<i32>();
            read(name, rows.map(|row| it.value(row)), parse_address)
        }
        DataType::LargeUtf8 => {
            let it = array.as_string::<i64>();
            read(name, rows.map(|row| it.value(row)), parse_address)
        }
        DataType::Utf8View => {
            let it = array.as_string_view();
            read(name, rows.map(|row| it.value(row)), parse_address)
        }
        DataType::Binary => {
            let it = array.as_binary::<i32>();
            read(name, rows.map(|row| it.value(row)), address_of)
        }
        DataType::LargeBinary => {
            let it = array.as_binary::<i64>();
            read(name, rows.map(|row| it.value(row)), address_of)
        }
        DataType::BinaryView => {
            let it = array.as_binary_view();
            read(name, rows.map(|row| it.value(row)), address_of)
        }
        DataType::FixedSizeBinary(_) => {
            let it = array.as_fixed_size_binary();
            read(name, rows.map(|row| it.value(row)), address_of)
        }
        DataType::UInt32 => {
            let it = array.as_primitive::<UInt32Type>().values().iter();
            Ok(it.map(|it| Ipv4Addr::from_bits(*it).into()).collect())
        }
        found => Err(wrong_type(name, "text, binary or uint32", found)),
    }
}

/// An error of Arrow as a value that is not as it should be.
fn arrow(name: &str) -> impl Fn(arrow_schema::ArrowError) -> PyErr {
    move |reason| PyValueError::new_err(format!("{name}: {reason}"))
}

/// The batches of a table.
fn record_batches(given: &Bound<'_, PyAny>) -> PyResult<Vec<RecordBatch>> {
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
fn column_of(name: &str, given: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
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
            let lent = crate::buffers::Lent::new(name, it)
                .map_err(|error| row_of(row, error))?;
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
    let lent = crate::buffers::Lent::new("payload", bytes)?;
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
