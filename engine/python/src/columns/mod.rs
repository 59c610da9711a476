//! Packets as columns: Arrow tables and arrays, numpy arrays, lists.
//!
//! All columns are read and checked before a packet is taken. Each error names column and row.

mod given;
mod values;

use crate::error;
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, FixedSizeBinaryArray,
    LargeBinaryArray, RecordBatch,
};
use arrow_schema::DataType;
use given::{column_of, record_batches};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::net::IpAddr;
use values::{addresses, optional, times, whole, wrong_type};
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
    LargeBinary(LargeBinaryArray),
    BinaryView(BinaryViewArray),
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
