//! Bytes that Python lends: bytes, bytearray, memoryview, arrays.
// The memory of a buffer is reached through a pointer.
#![allow(unsafe_code)]

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Bytes that are borrowed for the time of a call.
pub(crate) enum Lent<'py> {
    /// An object that never changes.
    Bytes(Bound<'py, PyBytes>),
    /// Any other that shows its memory in one piece.
    Buffer(PyBuffer<u8>),
}

impl<'py> Lent<'py> {
    /// Borrows what is given for `name`.
    pub(crate) fn new(name: &str, given: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = given.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.clone()));
        }
        match PyBuffer::<u8>::get(given) {
            Ok(buffer) if buffer.is_c_contiguous() => Ok(Self::Buffer(buffer)),
            _ => Err(PyTypeError::new_err(format!(
                "{name}: expected bytes or a contiguous buffer of bytes, found {}",
                given.get_type().name()?
            ))),
        }
    }

    /// Them. The lock of the interpreter is held for as long as they are used.
    pub(crate) fn bytes(&self, _: Python<'py>) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.as_bytes(),
            Self::Buffer(buffer) if buffer.len_bytes() == 0 => &[],
            // SAFETY: the buffer is contiguous, holds so many bytes and lives as long as `self`; it is
            // not resized while it is exported. No other thread writes to it, since the lock of the
            // interpreter is held.
            Self::Buffer(buffer) => unsafe {
                std::slice::from_raw_parts(buffer.buf_ptr().cast(), buffer.len_bytes())
            },
        }
    }
}
