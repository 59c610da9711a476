//! Status codes and error messages.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Raised when a host that was built against an older header would break.
pub const WORMSIFT_ABI_VERSION: u32 = 1;

/// What a call came to. Values never change.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wormsift_status {
    /// Done.
    WORMSIFT_OK = 0,
    /// Nothing there yet; no error.
    WORMSIFT_AGAIN = 1,
    /// A null pointer, or a value out of its range.
    WORMSIFT_ERR_INVALID_ARG = -1,
    /// A setting that does not exist, is out of its range or contradicts another.
    WORMSIFT_ERR_CONFIG = -2,
    /// Not at this time: a call before failed inside the library, or the handle is not
    /// ready for this one.
    WORMSIFT_ERR_STATE = -3,
    /// Too long or too many.
    WORMSIFT_ERR_LIMIT = -4,
    /// A struct of another version.
    WORMSIFT_ERR_VERSION = -5,
    /// A file could not be read or written.
    WORMSIFT_ERR_IO = -6,
    /// The signature gets no rule: too weak, muted, or of a kind that was not asked for; the
    /// finding stands.
    WORMSIFT_ERR_NO_RULE = -7,
    /// A defect of the library; the handle cannot be used any more.
    WORMSIFT_ERR_PANIC = -99,
}

use wormsift_status::{WORMSIFT_ERR_INVALID_ARG, WORMSIFT_ERR_PANIC, WORMSIFT_OK};

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Why a call failed: its status and one line.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: wormsift_status,
    pub(crate) reason: String,
}

impl Failure {
    pub(crate) fn new(status: wormsift_status, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }

    /// A pointer that must not be null.
    pub(crate) fn null(name: &str) -> Self {
        Self::new(WORMSIFT_ERR_INVALID_ARG, format!("{name} is NULL"))
    }
}

/// Remembers a line for this thread.
fn remember(reason: &str) {
    // No zero byte can be part of a C string.
    let line = CString::new(one_line(reason).replace('\0', " ")).unwrap_or_default();
    LAST.with_borrow_mut(|last| *last = line);
}

/// A text of several lines as one, without the pictures of source lines in it.
fn one_line(text: &str) -> String {
    let is_picture = |line: &&str| {
        line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|')
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.filter(|line| !is_picture(line)).collect::<Vec<_>>().join(": ")
}

/// The border of every call that can fail: no panic passes it, and what went wrong is
/// remembered.
pub(crate) fn guard(
    call: impl FnOnce() -> Result<wormsift_status, Failure>,
) -> wormsift_status {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(status)) => status,
        Ok(Err(failure)) => {
            remember(&failure.reason);
            failure.status
        }
        Err(panic) => {
            remember(&format!("a defect of wormsift: {}", words(&*panic)));
            WORMSIFT_ERR_PANIC
        }
    }
}

/// The same for calls that answer with a value.
pub(crate) fn guard_value<T>(fallback: T, call: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        remember(&format!("a defect of wormsift: {}", words(&*panic)));
        fallback
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no words")
}

/// The version of the interface that the library has: compare with
/// `WORMSIFT_ABI_VERSION` of the header.
#[unsafe(no_mangle)]
pub extern "C" fn wormsift_abi_version() -> u32 {
    WORMSIFT_ABI_VERSION
}

/// The library's version, such as "0.1.0". Static.
#[unsafe(no_mangle)]
pub extern "C" fn wormsift_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// A status in words. Static; any number is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn wormsift_status_text(status: i32) -> *const c_char {
    let text: &CStr = match status {
        0 => c"done",
        1 => c"nothing there yet",
        -1 => c"invalid argument",
        -2 => c"invalid setting",
        -3 => c"not at this time",
        -4 => c"too long or too many",
        -5 => c"struct of another version",
        -6 => c"input or output failed",
        -7 => c"no rule for this signature",
        -99 => c"defect of the library",
        _ => c"no status of this library",
    };
    text.as_ptr()
}

/// Why the last call that failed on this thread did so: one line, never NULL, empty if
/// none failed. Valid until the next call on this thread.
#[unsafe(no_mangle)]
pub extern "C" fn wormsift_last_error() -> *const c_char {
    LAST.with_borrow(|last| last.as_ptr())
}

/// A text argument.
///
/// # Safety
///
/// `text` is null or ends with a zero byte.
pub(crate) unsafe fn text<'a>(
    text: *const c_char,
    name: &str,
) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: not null, and the caller vouches for the end.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| {
        Failure::new(WORMSIFT_ERR_INVALID_ARG, format!("{name} is not UTF-8"))
    })
}

/// Bytes: a null pointer stands for none if the length is 0.
///
/// # Safety
///
/// `data` is null or points to `length` bytes.
pub(crate) unsafe fn bytes<'a>(
    data: *const u8,
    length: usize,
) -> Result<&'a [u8], Failure> {
    match (data.is_null(), length) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Failure::null("data")),
        (false, length) if length > u32::MAX as usize => Err(Failure::new(
            wormsift_status::WORMSIFT_ERR_LIMIT,
            format!("{length} bytes: at most 4294967295 at once"),
        )),
        // SAFETY: not null, and the caller vouches for the length.
        (false, length) => Ok(unsafe { std::slice::from_raw_parts(data, length) }),
    }
}

/// Writes a new handle.
///
/// # Safety
///
/// `out` is null or points to a pointer.
pub(crate) unsafe fn hand_out<T>(
    out: *mut *mut T,
    make: impl FnOnce() -> Result<T, Failure>,
) -> Result<wormsift_status, Failure> {
    if out.is_null() {
        return Err(Failure::null("out"));
    }
    // SAFETY: not null; a host that looks in spite of a failure finds NULL.
    unsafe { *out = std::ptr::null_mut() };
    let handle = Box::into_raw(Box::new(make()?));
    // SAFETY: as above.
    unsafe { *out = handle };
    Ok(WORMSIFT_OK)
}

/// Takes a handle back and drops it; null is none.
///
/// # Safety
///
/// `handle` is null or came from [`hand_out`] and was not taken back.
pub(crate) unsafe fn take_back<T>(handle: *mut T) {
    guard_value((), || {
        if !handle.is_null() {
            // SAFETY: the caller vouches for where it came from.
            drop(unsafe { Box::from_raw(handle) });
        }
    });
}
