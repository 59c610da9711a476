//! How does a thread hand packets over?

use crate::engine::{Shared, wormsift_engine};
use crate::status::wormsift_status::{WORMSIFT_ERR_INVALID_ARG, WORMSIFT_OK};
use crate::status::{Failure, bytes, guard, guard_value, hand_out, wormsift_status};
use crate::structs::{self, wormsift_frame, wormsift_packet, wormsift_piece};
use engine::packet::{FlowKey, LinkType, protocol};
use engine::{Frame, Packet, StreamPiece, Timestamp, Worker};
use std::net::IpAddr;
use std::sync::Arc;

/// What one thread buffers. No locks on the way in; one thread at a time.
pub struct wormsift_worker {
    shared: Arc<Shared>,
    worker: Worker,
    /// About as many bytes as are buffered.
    buffered: usize,
    /// Numbers for packets that have none.
    numbers: std::ops::Range<u64>,
}

/// So much is buffered before it is handed over by itself.
const HAND_OVER_BYTES: usize = 4 << 20;
/// What a packet costs beside its payload.
const PACKET_BYTES: usize = 256;

impl wormsift_worker {
    fn number(&mut self, given: u64) -> u64 {
        if given > 0 {
            return given;
        }
        if self.numbers.is_empty() {
            self.numbers = self.shared.numbers();
        }
        self.numbers.next().unwrap_or(u64::MAX)
    }

    fn buffered(&mut self, payload: usize) -> Result<wormsift_status, Failure> {
        self.buffered += payload + PACKET_BYTES;
        if self.buffered >= HAND_OVER_BYTES {
            self.flush()?;
        }
        Ok(WORMSIFT_OK)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.buffered = 0;
        self.shared.take(&mut self.worker)
    }
}

fn address(version: u8, bytes: [u8; 16]) -> Result<IpAddr, Failure> {
    match version {
        4 => Ok(<[u8; 4]>::try_from(&bytes[..4]).unwrap_or_default().into()),
        6 => Ok(bytes.into()),
        other => Err(Failure::new(
            WORMSIFT_ERR_INVALID_ARG,
            format!("ip_version: expected 4 or 6, found {other}"),
        )),
    }
}

/// # Safety
///
/// `worker` is null or a handle of this library, in no other call.
unsafe fn mine<'a>(
    worker: *mut wormsift_worker,
) -> Result<&'a mut wormsift_worker, Failure> {
    // SAFETY: the caller's promise.
    unsafe { worker.as_mut() }.ok_or_else(|| Failure::null("worker"))
}

/// A new worker: one for each thread that has packets. Any thread may make it; one at a
/// time may use it.
///
/// # Safety
///
/// `engine` is null or a handle of this library; `out` is null or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_worker_new(
    engine: *mut wormsift_engine,
    out: *mut *mut wormsift_worker,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let engine = unsafe { engine.as_ref() }.ok_or_else(|| Failure::null("engine"))?;
        let make = || {
            Ok(wormsift_worker {
                shared: Arc::clone(&engine.shared),
                worker: engine.shared.worker()?,
                buffered: 0,
                numbers: 0..0,
            })
        };
        // SAFETY: the caller's promise.
        unsafe { hand_out(out, make) }
    })
}

/// Frees a worker; what it has buffered is handed over first. NULL is allowed.
///
/// # Safety
///
/// `worker` is null or a handle that was not freed, and in no call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_worker_free(worker: *mut wormsift_worker) {
    guard_value((), || {
        if !worker.is_null() {
            // SAFETY: the caller's promise.
            let mut worker = unsafe { Box::from_raw(worker) };
            // A failed engine takes nothing; it has said so.
            let _ = worker.flush();
        }
    });
}

/// Takes a packet that the host has decoded, with its transport payload, which is copied.
/// From time to time, after some megabytes, this call hands over what is buffered, and
/// then takes some milliseconds.
///
/// # Safety
///
/// `worker` is null or a handle of this library; `packet` is null or points to as many
/// bytes as its `struct_size` says; `payload` is null or points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_worker_packet(
    worker: *mut wormsift_worker,
    packet: *const wormsift_packet,
    payload: *const u8,
    length: usize,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (worker, it, payload) = unsafe {
            (mine(worker)?, structs::read(packet, "packet")?, bytes(payload, length)?)
        };
        let packet = Packet {
            number: 0,
            time: Timestamp::from_nanos(it.time_ns),
            source: address(it.ip_version, it.source)?,
            destination: address(it.ip_version, it.destination)?,
            protocol: it.protocol,
            source_port: it.source_port,
            destination_port: it.destination_port,
            sequence: it.sequence,
            acknowledgement: it.acknowledgement,
            tcp_flags: it.tcp_flags,
            encapsulation: it.encapsulation,
            payload,
        };
        let number = worker.number(it.number);
        worker.worker.observe(&Packet { number, ..packet });
        worker.buffered(length)
    })
}

/// Takes a frame as it was captured. One that cannot be decoded is no error: it is
/// counted by reason (`drops` in the statistics).
///
/// # Safety
///
/// As `wormsift_worker_packet`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_worker_frame(
    worker: *mut wormsift_worker,
    frame: *const wormsift_frame,
    data: *const u8,
    length: usize,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (worker, it, data) = unsafe {
            (mine(worker)?, structs::read(frame, "frame")?, bytes(data, length)?)
        };
        let number = worker.number(it.number);
        worker.worker.frame(&Frame {
            number,
            time: Timestamp::from_nanos(it.time_ns),
            link: LinkType(it.link_type),
            original_len: it.original_length.max(length as u32),
            data,
        });
        worker.buffered(length)
    })
}

/// Takes the next piece of a TCP direction that the host has put together; it is copied.
/// A flow comes in pieces or in packets, not in both, or its content counts twice.
///
/// # Safety
///
/// As `wormsift_worker_packet`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_worker_stream(
    worker: *mut wormsift_worker,
    piece: *const wormsift_piece,
    data: *const u8,
    length: usize,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (worker, it, payload) = unsafe {
            (mine(worker)?, structs::read(piece, "piece")?, bytes(data, length)?)
        };
        let flow = FlowKey {
            source: address(it.ip_version, it.source)?,
            destination: address(it.ip_version, it.destination)?,
            protocol: protocol::TCP,
            source_port: it.source_port,
            destination_port: it.destination_port,
            encapsulation: it.encapsulation,
        };
        let number = worker.number(it.number);
        worker.worker.stream(&StreamPiece {
            number,
            time: Timestamp::from_nanos(it.time_ns),
            flow,
            offset: it.offset,
            payload,
        });
        worker.buffered(length)
    })
}

/// Hands over what is buffered.
///
/// Without "ordered" it is sifted at once, in the order of hand-overs. With it, it waits
/// for `wormsift_engine_advance` or `_finish`, which sift what all workers have handed
/// over in the order of packet numbers. The answer is then the same however packets were
/// spread over workers, if at each such call all workers have been flushed and all
/// packets up to some number, and none beyond, have been given.
///
/// # Safety
///
/// `worker` is null or a handle of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_worker_flush(
    worker: *mut wormsift_worker,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        unsafe { mine(worker)? }.flush()?;
        Ok(WORMSIFT_OK)
    })
}
