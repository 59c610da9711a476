//! Waiting for several descriptors at once.

#[cfg(feature = "pcap")]
use super::library::Library;
use super::{LiveError, Rings};
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
    if result >= 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        error => Err(error),
    }
}

/// A descriptor that is polled for what can be read.
pub(super) fn readable(fd: i32) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

/// An interface that frames are waited for at, together with others.
pub enum Waited<'a> {
    /// Packet sockets of the kernel.
    Rings(&'a Rings),
    /// libpcap.
    #[cfg(feature = "pcap")]
    Library(&'a mut Library),
}

/// Waits until frames are ready at one of them, or a signal comes, or the time is over. Whether
/// they are ready at each, or what [`Rings::wait`] would say of it.
///
/// # Errors
///
/// When the system cannot wait at all.
pub fn wait_for_any(
    waited: &mut [Waited<'_>],
    time: Duration,
) -> io::Result<Vec<Result<bool, LiveError>>> {
    let is_ready = waited.iter().any(Waited::is_ready);
    let mut polled = Vec::new();
    let ends: Vec<usize> = waited
        .iter()
        .map(|it| {
            it.add_polled(&mut polled);
            polled.len()
        })
        .collect();
    let most = waited.iter().map(Waited::patience).fold(time, Duration::min);
    // Asked even if some are ready: another may have an error to tell.
    poll(&mut polled, if is_ready { Duration::ZERO } else { most })?;
    let mut start = 0;
    let told = waited.iter_mut().zip(ends).map(|(it, end)| {
        let own = &polled[start..end];
        start = end;
        it.heard(own)
    });
    Ok(told.collect())
}

impl Waited<'_> {
    fn is_ready(&self) -> bool {
        match self {
            Self::Rings(rings) => rings.is_ready(),
            #[cfg(feature = "pcap")]
            Self::Library(library) => library.is_ready(),
        }
    }

    fn add_polled(&self, polled: &mut Vec<libc::pollfd>) {
        match self {
            Self::Rings(rings) => rings.add_polled(polled),
            #[cfg(feature = "pcap")]
            Self::Library(library) => library.add_polled(polled),
        }
    }

    /// How long it can be waited for without being asked.
    fn patience(&self) -> Duration {
        match self {
            Self::Rings(_) => Duration::MAX,
            #[cfg(feature = "pcap")]
            Self::Library(library) => library.patience(),
        }
    }

    fn heard(&mut self, polled: &[libc::pollfd]) -> Result<bool, LiveError> {
        match self {
            Self::Rings(rings) => rings.heard(polled),
            #[cfg(feature = "pcap")]
            Self::Library(library) => library.heard(polled),
        }
    }
}
