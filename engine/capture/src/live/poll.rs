//! Waiting for several descriptors at once.

use std::io;
use std::time::Duration;

/// Waits until one of them has something, a signal comes, or the time is over.
#[allow(unsafe_code)] // A system call has no other form.
pub(super) fn poll(polled: &mut [libc::pollfd], time: Duration) -> io::Result<()> {
    let milliseconds = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: a pointer to so many whole entries, alive during the call.
    let result = unsafe {
        libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, milliseconds)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
