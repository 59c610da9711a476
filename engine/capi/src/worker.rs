//! Workers: one a capture thread.

use crate::engine::{Shared, wormsift_engine};
use crate::status::wormsift_status::{
    WORMSIFT_ERR_INVALID_ARG, WORMSIFT_ERR_STATE, WORMSIFT_OK,
};
use crate::status::{Failure, bytes, guard, guard_value, hand_out, wormsift_status};
use crate::structs::{
    self, wormsift_frame, wormsift_handshake, wormsift_packet, wormsift_piece,
};
use engine::packet::{FlowKey, Handshake, LinkType, protocol};
use engine::{Frame, Packet, StreamPiece, Timestamp, Worker};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// What one thread buffers. No locks on the way in; one thread at a time.
pub struct wormsift_worker {
    shared: Arc<Shared>,
    /// With order by time the engine empties it when time moves on, so that what a silent
    /// thread has left is not stuck here; nobody else ever waits for it.
    slot: Arc<Mutex<Worker>>,
    /// Its place in the order of equal times.
    lane: Option<usize>,
    /// About as many bytes as were buffered since the last hand-over,
    buffered: usize,
    /// and so many calls.
    calls: usize,
    /// Numbers for packets that have none.
    numbers: std::ops::Range<u64>,
    /// While the engine is at work, and ever after a failure in it: half a packet may be
    /// buffered, and nobody may be left to take the rest.
    broken: bool,
}

/// So much is buffered before it is handed over by itself: what the first stage has read
/// is then still in a core's cache for the last one.
const HAND_OVER_BYTES: usize = 1 << 20;
/// A piece is looked at as a packet is, which is fit for what a packet can hold: what it
/// has shown already is searched for each of its windows.
const MOST_PIECE: usize = 1 << 16;
/// What a packet counts beside its payload: as much as its headers, so that hand-overs are
/// as large as the batches in which captures are read.
const PACKET_BYTES: usize = 64;

impl wormsift_worker {
    fn number(&mut self, given: u64) -> u64 {
        if given > 0 || self.lane.is_some() {
            return given;
        }
        if self.numbers.is_empty() {
            self.numbers = self.shared.numbers();
        }
        self.numbers.next().unwrap_or(u64::MAX)
    }

    /// Gives the engine's worker a packet of `length` bytes; hands over when there is much.
    fn give(
        &mut self,
        length: usize,
        give: impl FnOnce(&mut Worker),
    ) -> Result<wormsift_status, Failure> {
        self.broken = true;
        let mut worker = self.slot.lock().map_err(|_| failed())?;
        if worker.buffered() == 0 {
            (self.buffered, self.calls) = (0, 0);
        }
        give(&mut worker);
        let records = worker.buffered();
        drop(worker);
        self.broken = false;
        self.buffered += length + PACKET_BYTES;
        self.calls += 1;
        if self.buffered < HAND_OVER_BYTES {
            return Ok(WORMSIFT_OK);
        }
        if records > self.calls {
            // What was to be taken the last time is still there.
            self.flush()?;
        } else {
            self.broken = true;
            self.shared.take_soon(&self.slot, self.lane)?;
            self.broken = false;
            (self.buffered, self.calls) = (0, 0);
        }
        Ok(WORMSIFT_OK)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.broken = true;
        self.shared.take(&self.slot, self.lane)?;
        self.broken = false;
        (self.buffered, self.calls) = (0, 0);
        Ok(())
    }
}

/// What every call answers after one that failed half way.
fn failed() -> Failure {
    Failure::new(
        WORMSIFT_ERR_STATE,
        "an earlier call failed inside the library; make a new worker",
    )
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

fn handshake(given: u8) -> Result<Handshake, Failure> {
    const UNKNOWN: u8 = wormsift_handshake::WORMSIFT_HANDSHAKE_UNKNOWN as u8;
    const ANSWERED: u8 = wormsift_handshake::WORMSIFT_HANDSHAKE_ANSWERED as u8;
    const UNANSWERED: u8 = wormsift_handshake::WORMSIFT_HANDSHAKE_UNANSWERED as u8;
    match given {
        UNKNOWN => Ok(Handshake::Unknown),
        ANSWERED => Ok(Handshake::Answered),
        UNANSWERED => Ok(Handshake::Unanswered),
        other => Err(Failure::new(
            WORMSIFT_ERR_INVALID_ARG,
            format!("handshake: expected 0 to {UNANSWERED}, found {other}"),
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
    let worker = unsafe { worker.as_mut() }.ok_or_else(|| Failure::null("worker"))?;
    if worker.broken {
        return Err(failed());
    }
    Ok(worker)
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
            let (slot, lane) = engine.shared.worker()?;
            Ok(wormsift_worker {
                shared: Arc::clone(&engine.shared),
                slot,
                lane,
                buffered: 0,
                calls: 0,
                numbers: 0..0,
                broken: false,
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
            if !worker.broken {
                // A failed engine takes nothing; it has said so.
                let _ = worker.flush();
            }
            worker.shared.close(worker.lane);
        }
    });
}

/// Takes a packet that the host has decoded, with its transport payload, which is copied.
/// From time to time, after a megabyte, this call hands over what is buffered. With
/// "ordered" = "time" it goes on meanwhile, unless the engine's threads are behind; else
/// it then takes some milliseconds.
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
            to_group: false,
            identification: None,
            tap: 0,
            untrusted_tunnel: it.untrusted_tunnel != 0,
            payload,
        };
        let number = worker.number(it.number);
        worker.give(length, |inner| inner.observe(&Packet { number, ..packet }))
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
        let frame = Frame {
            number,
            time: Timestamp::from_nanos(it.time_ns),
            link: LinkType(it.link_type),
            original_len: it.original_length.max(length as u32),
            tap: 0,
            data,
        };
        worker.give(length, |inner| inner.frame(&frame))
    })
}

/// Takes the next piece of a TCP direction that the host has put together; it is copied.
/// A flow comes in pieces or in packets, not in both, or its content counts twice. A piece
/// of more than 64 KiB is taken in parts of that, one after the other.
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
        let handshake = handshake(it.handshake)?;
        let mut offset = it.offset;
        for payload in payload.chunks(MOST_PIECE) {
            let number = worker.number(it.number);
            let time = Timestamp::from_nanos(it.time_ns);
            let piece = StreamPiece { number, time, flow, offset, handshake, payload };
            worker.give(payload.len(), |inner| inner.stream(&piece))?;
            offset = offset.wrapping_add(payload.len() as u64);
        }
        Ok(WORMSIFT_OK)
    })
}

/// Says that this worker's thread has come to a packet time, in nanoseconds since 1970,
/// without a packet for it: nothing earlier will follow through it, and with "ordered" =
/// "time" it holds no other worker up that far. Each packet says the same of its own time.
///
/// # Safety
///
/// `worker` is null or a handle of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wormsift_worker_pass(
    worker: *mut wormsift_worker,
    now_ns: u64,
) -> wormsift_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let worker = unsafe { mine(worker)? };
        let mut slot = worker.slot.lock().map_err(|_| failed())?;
        slot.pass(Timestamp::from_nanos(now_ns));
        Ok(WORMSIFT_OK)
    })
}

/// Hands over what is buffered.
///
/// With "ordered" = "0" it is sifted at once, in the order of hand-overs. With "1" it waits
/// for `wormsift_engine_advance` or `_finish`, which sift what all workers have handed
/// over in the order of packet numbers. The answer is then the same however packets were
/// spread over workers, if at each such call all workers have been flushed and all
/// packets up to some number, and none beyond, have been given. With "time" all that is
/// settled is sifted, in the order of packet time (see `wormsift_config_set`); there is no
/// need to call it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{tests as engines, wormsift_engine_free};
    use crate::status::wormsift_status::WORMSIFT_ERR_PANIC;
    use std::ptr;

    fn worker(engine: *mut wormsift_engine) -> *mut wormsift_worker {
        let mut worker = ptr::null_mut();
        // SAFETY: handles of this library.
        assert_eq!(unsafe { wormsift_worker_new(engine, &raw mut worker) }, WORMSIFT_OK);
        worker
    }

    fn packet(worker: *mut wormsift_worker) -> wormsift_status {
        let packet = wormsift_packet {
            struct_size: size_of::<wormsift_packet>(),
            ip_version: 4,
            protocol: 17,
            ..Default::default()
        };
        // SAFETY: a handle of this library, a struct and bytes of our own.
        unsafe { wormsift_worker_packet(worker, &raw const packet, [7; 64].as_ptr(), 64) }
    }

    #[test]
    fn a_worker_that_failed_takes_nothing_and_gives_nothing() {
        let engine = engines::small();
        let (failed, other) = (worker(engine), worker(engine));
        assert_eq!(packet(failed), WORMSIFT_OK);
        // SAFETY: handles of this library.
        let status = guard(|| unsafe { mine(failed)? }.give(0, |_| panic!("half done")));
        assert_eq!(status, WORMSIFT_ERR_PANIC);
        assert_eq!(packet(failed), WORMSIFT_ERR_STATE);
        // SAFETY: handles of this library, each freed once.
        unsafe {
            assert_eq!(wormsift_worker_flush(failed), WORMSIFT_ERR_STATE);
            wormsift_worker_free(failed);
            assert_eq!(packet(other), WORMSIFT_OK, "it harms nobody else");
            wormsift_worker_free(other);
            assert_eq!(engines::packets(engine), 1);
            wormsift_engine_free(engine);
        }
    }

    #[test]
    fn a_long_piece_is_taken_in_parts() {
        let engine = engines::small();
        let worker = worker(engine);
        let piece = wormsift_piece {
            struct_size: size_of::<wormsift_piece>(),
            ip_version: 4,
            offset: u64::from(u32::MAX) - 9,
            ..Default::default()
        };
        let bytes: Vec<u8> =
            (0..200_000_u32).map(|i| (i.wrapping_mul(i) / 7) as u8).collect();
        // SAFETY: handles of this library, a struct and bytes of our own, freed once.
        unsafe {
            let status = wormsift_worker_stream(
                worker,
                &raw const piece,
                bytes.as_ptr(),
                bytes.len(),
            );
            assert_eq!(status, WORMSIFT_OK);
            wormsift_worker_free(worker);
            assert_eq!(engines::packets(engine), 4);
            wormsift_engine_free(engine);
        }
    }

    /// Hand-overs that nobody waits for lose nothing and put nothing twice.
    #[test]
    fn what_is_handed_over_meanwhile_is_all_there() {
        let engine = engines::small_in_order(c"time");
        let calls = 12 * HAND_OVER_BYTES / PACKET_BYTES;
        let threads = 2;
        std::thread::scope(|scope| {
            for _ in 0..threads {
                // An address: pointers do not pass to other threads.
                let worker = worker(engine) as usize;
                scope.spawn(move || {
                    let worker = worker as *mut wormsift_worker;
                    let mut most = 0;
                    for _ in 0..calls {
                        assert_eq!(packet(worker), WORMSIFT_OK);
                        // SAFETY: a handle of this library, in no other call.
                        most =
                            most.max(unsafe { &*worker }.slot.lock().unwrap().buffered());
                    }
                    // SAFETY: a handle of this library, freed once.
                    unsafe { wormsift_worker_free(worker) };
                    assert!(most <= 2 * HAND_OVER_BYTES / PACKET_BYTES, "{most}");
                });
            }
        });
        // SAFETY: a handle of this library, freed once.
        unsafe {
            assert_eq!(crate::engine::wormsift_engine_finish(engine), WORMSIFT_OK);
            assert_eq!(engines::packets(engine), (threads * calls) as u64);
            wormsift_engine_free(engine);
        }
    }

    #[test]
    fn a_piece_says_what_is_known_of_its_sender_or_is_refused() {
        let engine = engines::small();
        let worker = worker(engine);
        for handshake in 0..5 {
            let piece = wormsift_piece {
                struct_size: size_of::<wormsift_piece>(),
                ip_version: 4,
                handshake,
                ..Default::default()
            };
            // SAFETY: a handle of this library, a struct and bytes of our own.
            let status = unsafe {
                wormsift_worker_stream(worker, &raw const piece, [7; 64].as_ptr(), 64)
            };
            let expected =
                if handshake < 3 { WORMSIFT_OK } else { WORMSIFT_ERR_INVALID_ARG };
            assert_eq!(status, expected, "{handshake}");
        }
        // SAFETY: handles of this library, each freed once.
        unsafe {
            wormsift_worker_free(worker);
            wormsift_engine_free(engine);
        }
    }

    #[test]
    fn workers_of_an_engine_that_failed_do_not_fill_up() {
        let ordered = [c"0", c"time"];
        ordered.into_iter().for_each(does_not_fill_up);
    }

    fn does_not_fill_up(ordered: &std::ffi::CStr) {
        let engine = engines::small_in_order(ordered);
        let worker = worker(engine);
        engines::fail(engine);
        let calls = 2 * HAND_OVER_BYTES / PACKET_BYTES;
        let statuses: Vec<_> = (0..calls).map(|_| packet(worker)).collect();
        let taken = statuses.iter().take_while(|s| **s == WORMSIFT_OK).count();
        assert!(taken < HAND_OVER_BYTES / PACKET_BYTES);
        assert!(statuses[taken..].iter().all(|s| *s == WORMSIFT_ERR_STATE));
        // SAFETY: handles of this library, each freed once.
        unsafe {
            // The one whose hand-over was refused is in there still.
            assert_eq!((*worker).slot.lock().unwrap().buffered(), taken + 1);
            wormsift_worker_free(worker);
            wormsift_engine_free(engine);
        }
    }
}
