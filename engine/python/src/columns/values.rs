//! What columns of Arrow hold, as fields of packets.

use crate::arguments::{address_of, parse_address};
use crate::error;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use std::net::{IpAddr, Ipv4Addr};
use wormsift::Timestamp;

/// A column of a type that is none of those expected.
pub(super) fn wrong_type(column: &str, expected: &str, found: &DataType) -> PyErr {
    PyTypeError::new_err(format!("column {column}: expected {expected}, found {found}"))
}

/// The same, where the column may be missing.
pub(super) fn optional<T: TryFrom<i64> + Copy>(
    name: &str,
    array: Option<&ArrayRef>,
) -> PyResult<Vec<T>> {
    array.map_or_else(|| Ok(Vec::new()), |array| whole(name, array))
}

/// Whole numbers of any width that fit.
pub(super) fn whole<T: TryFrom<i64> + Copy>(
    name: &str,
    array: &ArrayRef,
) -> PyResult<Vec<T>> {
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

/// Moments.
pub(super) fn times(array: &ArrayRef) -> PyResult<Vec<Timestamp>> {
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

/// Addresses in any of their forms.
pub(super) fn addresses(name: &str, array: &ArrayRef) -> PyResult<Vec<IpAddr>> {
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
