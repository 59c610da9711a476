//! Text that the host frees.

use crate::status::{Failure, guard_value, wormsift_status};
use std::ffi::c_char;
use std::ptr;

/// Text that the library has made. It ends with a zero byte, which `length` does not
/// count. Free it with `wormsift_buffer_free`.
#[repr(C)]
pub struct wormsift_buffer {
    /// The text; NULL in an empty buffer.
    pub data: *mut c_char,
    /// Its bytes.
    pub length: usize,
    /// The library's own.
    pub capacity: usize,
}

/// Empties a buffer, whatever is in it.
///
/// # Safety
///
/// `out` is null or points to a buffer, whose content is overwritten.
pub(crate) unsafe fn empty(out: *mut wormsift_buffer) -> Result<(), Failure> {
    if out.is_null() {
        return Err(Failure::null("out"));
    }
    let nothing = wormsift_buffer { data: ptr::null_mut(), length: 0, capacity: 0 };
    // SAFETY: not null, and the caller's promise.
    unsafe { out.write(nothing) };
    Ok(())
}

/// Hands text out.
///
/// # Safety
///
/// `out` is null or points to a buffer, whose content is overwritten.
pub(crate) unsafe fn write(
    out: *mut wormsift_buffer,
    make: impl FnOnce() -> Result<String, Failure>,
) -> Result<wormsift_status, Failure> {
    // SAFETY: the caller's promise; a host that looks in spite of a failure finds it empty.
    unsafe { empty(out)? };
    let mut bytes = make()?.into_bytes();
    let length = bytes.len();
    bytes.push(0);
    let mut bytes = std::mem::ManuallyDrop::new(bytes);
    let (data, capacity) = (bytes.as_mut_ptr().cast(), bytes.capacity());
    // SAFETY: as above.
    unsafe { out.write(wormsift_buffer { data, length, capacity }) };
    Ok(wormsift_status::WORMSIFT_OK)
}

/// Frees the text of a buffer and empties it. NULL, and empty buffers, are allowed.
///
/// # Safety
///
/// `buffer` is null, or was filled by this library, or is zeroed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_buffer_free(buffer: *mut wormsift_buffer) {
    guard_value((), || {
        // SAFETY: null, or the caller's own.
        let Some(buffer) = (unsafe { buffer.as_mut() }) else { return };
        if !buffer.data.is_null() {
            // SAFETY: these three came from a vector, in `write`.
            drop(unsafe {
                Vec::from_raw_parts(
                    buffer.data.cast::<u8>(),
                    buffer.length + 1,
                    buffer.capacity,
                )
            });
        }
        *buffer = wormsift_buffer { data: ptr::null_mut(), length: 0, capacity: 0 };
    });
}
