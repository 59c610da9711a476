//! Sending frames on an interface.

use super::error::LiveError;
use super::socket::{Socket, interface};
use std::io;

/// Frames handed to the kernel in one call.
const AT_ONCE: usize = 64;

/// Sends link-layer frames through an interface, as they are: for replays and tests.
pub struct Sender {
    socket: Socket,
}

impl Sender {
    /// Opens an interface with an Ethernet header for sending.
    ///
    /// # Errors
    ///
    /// No such interface, one of another kind, or no permission.
    pub fn open(name: &str) -> Result<Self, LiveError> {
        let found = interface(name)?;
        if !found.ethernet {
            let source = io::Error::other("it has no Ethernet header");
            return Err(LiveError::new(name, "send frames", source));
        }
        let socket = Socket::open(name, true)?;
        // Straight to the driver: a queue in between would drop without a word. Packet
        // sockets do not see such frames go out.
        socket.set(libc::PACKET_QDISC_BYPASS, 1_i32, "go round the queues")?;
        socket.bind_to_send(found)?;
        Ok(Self { socket })
    }

    /// Sends frames in order; how many the kernel took. It takes fewer when its buffers
    /// are full: send the rest again.
    ///
    /// # Errors
    ///
    /// When the first of them cannot be sent at all: too long for the interface, or the
    /// interface is down.
    pub fn send(&self, frames: &[&[u8]]) -> Result<usize, LiveError> {
        let frames = &frames[..frames.len().min(AT_ONCE)];
        let mut pieces: Vec<libc::iovec> = frames
            .iter()
            .map(|frame| libc::iovec {
                iov_base: frame.as_ptr().cast_mut().cast(),
                iov_len: frame.len(),
            })
            .collect();
        self.socket.send_all(&mut pieces)
    }
}
