//! Tables that cross to other libraries by the Arrow PyCapsule interface, without a copy.

use crate::error;
use crate::values;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, ListBuilder, PrimitiveBuilder,
    StringBuilder, TimestampNanosecondBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{
    ArrowPrimitiveType, Float64Type, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchIterator};
use arrow_schema::{DataType, Field, Schema};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList};
use std::sync::Arc;
use wormsift::Timestamp;

/// Rows and columns. pandas, polars, pyarrow and duckdb take it as it is; times are nanoseconds
/// in UTC, contents are binary.
#[pyclass(frozen, module = "wormsift")]
pub(crate) struct Table {
    name: &'static str,
    batch: RecordBatch,
}

/// Columns of a table under construction.
#[derive(Default)]
pub(crate) struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

/// The time zone of all times.
const UTC: &str = "UTC";

impl Columns {
    fn add(&mut self, name: &str, array: ArrayRef) {
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
    }

    /// Text.
    pub(crate) fn text<T: Into<String>>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<T>>,
    ) {
        let mut builder = StringBuilder::new();
        values.for_each(|it| builder.append_option(it.map(Into::into)));
        self.add(name, Arc::new(builder.finish()));
    }

    /// Lists of text.
    pub(crate) fn texts(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Vec<String>>,
    ) {
        let mut builder = ListBuilder::new(StringBuilder::new());
        values.for_each(|it| builder.append_value(it.into_iter().map(Some)));
        self.add(name, Arc::new(builder.finish()));
    }

    /// Bytes.
    pub(crate) fn bytes<'a>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = &'a [u8]>,
    ) {
        let mut builder = BinaryBuilder::new();
        values.for_each(|it| builder.append_value(it));
        self.add(name, Arc::new(builder.finish()));
    }

    /// Moments.
    pub(crate) fn times(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<Timestamp>>,
    ) {
        let mut builder = TimestampNanosecondBuilder::new();
        // What is later than 2262 has no such number.
        let nanos = |time: Timestamp| i64::try_from(time.as_nanos()).ok();
        values.for_each(|it| builder.append_option(it.and_then(nanos)));
        self.add(name, Arc::new(builder.finish().with_timezone(UTC)));
    }

    fn numbers<T: ArrowPrimitiveType>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<T::Native>>,
    ) {
        let mut builder = PrimitiveBuilder::<T>::new();
        values.for_each(|it| builder.append_option(it));
        self.add(name, Arc::new(builder.finish()));
    }

    /// Numbers of 8 bits.
    pub(crate) fn u8(&mut self, name: &str, values: impl Iterator<Item = Option<u8>>) {
        self.numbers::<UInt8Type>(name, values);
    }

    /// Numbers of 16 bits.
    pub(crate) fn u16(&mut self, name: &str, values: impl Iterator<Item = Option<u16>>) {
        self.numbers::<UInt16Type>(name, values);
    }

    /// Numbers of 32 bits.
    pub(crate) fn u32(&mut self, name: &str, values: impl Iterator<Item = Option<u32>>) {
        self.numbers::<UInt32Type>(name, values);
    }

    /// Numbers of 64 bits.
    pub(crate) fn u64(&mut self, name: &str, values: impl Iterator<Item = Option<u64>>) {
        self.numbers::<UInt64Type>(name, values);
    }

    /// Numbers with fractions.
    pub(crate) fn f64(&mut self, name: &str, values: impl Iterator<Item = Option<f64>>) {
        let mut builder = Float64Builder::new();
        values.for_each(|it| builder.append_option(it));
        self.add(name, Arc::new(builder.finish()));
    }

    /// Yes or no.
    pub(crate) fn bools(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<bool>>,
    ) {
        let mut builder = BooleanBuilder::new();
        values.for_each(|it| builder.append_option(it));
        self.add(name, Arc::new(builder.finish()));
    }

    /// The table of these columns, which are equally long.
    pub(crate) fn table(self, name: &'static str) -> PyResult<Table> {
        let schema = Arc::new(Schema::new(self.fields));
        let batch = RecordBatch::try_new(schema, self.arrays);
        let batch = batch.map_err(|reason| error::Error::new_err(reason.to_string()))?;
        Ok(Table { name, batch })
    }
}

impl Table {
    fn column(&self, name: &str) -> PyResult<&ArrayRef> {
        self.batch
            .column_by_name(name)
            .ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn other<'py>(
        &self,
        py: Python<'py>,
        module: &str,
    ) -> PyResult<Bound<'py, PyModule>> {
        py.import(module)
    }
}

#[pymethods]
impl Table {
    /// What the rows are.
    #[getter]
    fn name(&self) -> &str {
        self.name
    }

    /// Names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.batch.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    /// A column as a list; times are nanoseconds since 1970.
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        column: &str,
    ) -> PyResult<Bound<'py, PyList>> {
        let array = self.column(column)?;
        let values = (0..array.len()).map(|row| cell(py, array, row));
        PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)
    }

    /// Rows as dicts; times are nanoseconds since 1970.
    fn to_pylist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for row in 0..self.batch.num_rows() {
            let dict = PyDict::new(py);
            for (field, array) in
                self.batch.schema().fields().iter().zip(self.batch.columns())
            {
                dict.set_item(field.name(), cell(py, array, row)?)?;
            }
            list.append(dict)?;
        }
        Ok(list)
    }

    /// A DataFrame of pandas, which must be installed with pyarrow.
    fn to_pandas(this: Py<Self>, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let arrow = this.get().other(py, "pyarrow")?.getattr("table")?.call1((&this,))?;
        arrow.call_method0("to_pandas")
    }

    /// A DataFrame of polars, which must be installed.
    fn to_polars(this: Py<Self>, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        this.get().other(py, "polars")?.getattr("DataFrame")?.call1((&this,))
    }

    /// A Table of pyarrow, which must be installed.
    fn to_arrow(this: Py<Self>, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        this.get().other(py, "pyarrow")?.getattr("table")?.call1((&this,))
    }

    /// The rows as a stream of the Arrow PyCapsule interface.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // Another schema is a wish that a producer need not follow.
        let _ = requested_schema;
        let batches =
            RecordBatchIterator::new([Ok(self.batch.clone())], self.batch.schema());
        let stream = FFI_ArrowArrayStream::new(Box::new(batches));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    /// The schema of the Arrow PyCapsule interface.
    fn __arrow_c_schema__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(&*self.batch.schema());
        let schema =
            schema.map_err(|reason| error::Error::new_err(reason.to_string()))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    fn __repr__(&self) -> String {
        let (rows, columns) = (self.batch.num_rows(), self.batch.num_columns());
        format!("<wormsift.Table of {}: {rows} rows, {columns} columns>", self.name)
    }
}

/// One value of a column.
fn cell<'py>(
    py: Python<'py>,
    array: &ArrayRef,
    row: usize,
) -> PyResult<Bound<'py, PyAny>> {
    if array.is_null(row) {
        return Ok(py.None().into_bound(py));
    }
    let number = |value: u64| values::object(py, &value.into());
    match array.data_type() {
        DataType::Utf8 => values::object(py, &array.as_string::<i32>().value(row).into()),
        DataType::Boolean => values::object(py, &array.as_boolean().value(row).into()),
        DataType::Float64 => {
            values::object(py, &array.as_primitive::<Float64Type>().value(row).into())
        }
        DataType::UInt8 => number(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => number(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => number(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => number(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Timestamp(..) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().value(row);
            values::object(py, &nanos.into())
        }
        DataType::Binary => {
            Ok(PyBytes::new(py, array.as_binary::<i32>().value(row)).into_any())
        }
        DataType::List(_) => {
            let inner = array.as_list::<i32>().value(row);
            let cells = (0..inner.len()).map(|at| cell(py, &inner, at));
            Ok(PyList::new(py, cells.collect::<PyResult<Vec<_>>>()?)?.into_any())
        }
        other => Err(error::Error::new_err(format!("no such column: {other}"))),
    }
}
