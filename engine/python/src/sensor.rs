//! `Sensor`: packets and frames from the caller in, findings out.
//!
//! Packets are buffered and sifted some megabytes at a time, without the lock of the interpreter.

use crate::arguments::{self, Address, Moment, Whole};
use crate::buffers::Lent;
use crate::captures;
use crate::columns::Batch;
use crate::config::{self, Config};
use crate::error;
use crate::findings::{Incident, Signature};
use crate::log::Entry;
use crate::table::Table;
use crate::tables;
use crate::values;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::ThreadPool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wormsift::packet::LinkType;
use wormsift::{Finding, Frame, Packet, Timestamp, Worker};
use wormsift_capture::MAX_RECORD_BYTES;
use wormsift_export::durations::Durations;
use wormsift_run::{News, by_name};

/// So many bytes are buffered before they are sifted.
const BUFFER: usize = 4 << 20;
/// What a packet takes beside its payload, about.
const PACKET: usize = 128;

/// A sensor that is given packets or frames, in order of time.
///
/// Keyword arguments are settings; `baseline` is a file of `learn`. Calls may come from any thread;
/// each waits for the one before it.
#[pyclass(frozen, module = "wormsift")]
pub(crate) struct Sensor {
    config: Config,
    inner: Mutex<Inner>,
}

struct Inner {
    sensor: wormsift::Sensor,
    worker: Worker,
    pool: ThreadPool,
    /// Of the last packet.
    number: u64,
    /// Bytes since packets were last sifted, about.
    buffered: usize,
    /// What was told and not taken.
    news: Vec<News>,
}

impl Inner {
    /// The number of the next packet.
    fn next(&mut self, bytes: usize) -> u64 {
        self.buffered += bytes + PACKET;
        self.number += 1;
        self.number
    }

    fn is_full(&self) -> bool {
        self.buffered >= BUFFER
    }

    /// Sifts what is buffered.
    fn absorb(&mut self) {
        self.buffered = 0;
        let Self { sensor, worker, pool, .. } = self;
        pool.install(|| sensor.absorb([worker]));
    }

    /// Sifts what is buffered, and takes what came of it.
    fn take_news(&mut self) {
        self.absorb();
        self.news.extend(News::take(&mut self.sensor, &Durations::default()));
    }
}

impl Sensor {
    /// Never held while the lock of the interpreter is waited for.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Inner) -> T + Send,
    ) -> PyResult<T> {
        error::detached(py, || work(&mut self.lock()))
    }

    /// What was told of a kind, in order; the rest stays.
    fn told(&self, py: Python<'_>, is_wanted: fn(&News) -> bool) -> PyResult<Vec<News>> {
        self.with(py, |inner| {
            inner.take_news();
            let news = std::mem::take(&mut inner.news).into_iter();
            let (wanted, rest) = news.partition(is_wanted);
            inner.news = rest;
            wanted
        })
    }
}

/// Refuses what no packet can carry.
fn check_length(what: &str, length: usize) -> PyResult<()> {
    match length <= MAX_RECORD_BYTES {
        true => Ok(()),
        false => {
            let expected = format!(
                "{what}: expected at most {MAX_RECORD_BYTES} bytes, found {length}"
            );
            Err(error::value(expected))
        }
    }
}

#[pymethods]
impl Sensor {
    #[new]
    #[pyo3(signature = (config=None, *, baseline=None, threads=None, **settings))]
    fn new(
        py: Python<'_>,
        config: Option<&Config>,
        baseline: Option<&Bound<'_, PyAny>>,
        threads: Option<Whole<usize>>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let config = config::of_call(config, settings)?;
        let pool = arguments::pool(threads.map(|it| it.0))?;
        let baseline = baseline.map(arguments::path_text).transpose()?;
        let sensor = captures::sensor(py, config, baseline)?;
        Ok(Self {
            config: Config(sensor.config().clone()),
            inner: Mutex::new(Inner {
                worker: sensor.worker(),
                sensor,
                pool,
                number: 0,
                buffered: 0,
                news: Vec::new(),
            }),
        })
    }

    /// The settings.
    #[getter]
    fn config(&self) -> Config {
        self.config.clone()
    }

    /// Takes one packet. `time` is nanoseconds since 1970 as int, seconds as float or an aware
    /// datetime; addresses are text, the bytes of the wire or of `ipaddress`; `payload` is bytes or
    /// any buffer of bytes. For TCP give flags, sequence and acknowledgement as in its header.
    #[pyo3(signature = (
        time, source, destination, protocol, source_port, destination_port, payload, *,
        flags=Whole(0), sequence=Whole(0), acknowledgement=Whole(0), tap=Whole(0)
    ), text_signature = "($self, time, source, destination, protocol, source_port, destination_port, payload, *, flags=0, sequence=0, acknowledgement=0, tap=0)")]
    fn observe(
        &self,
        py: Python<'_>,
        time: Moment,
        source: Address,
        destination: Address,
        protocol: Whole<u8>,
        source_port: Whole<u16>,
        destination_port: Whole<u16>,
        payload: &Bound<'_, PyAny>,
        flags: Whole<u8>,
        sequence: Whole<u32>,
        acknowledgement: Whole<u32>,
        tap: Whole<u16>,
    ) -> PyResult<()> {
        self.check_tap(tap.0)?;
        let lent = Lent::new("payload", payload)?;
        let payload = lent.bytes(py);
        check_length("payload", payload.len())?;
        let is_full = {
            let mut inner = self.lock();
            let number = inner.next(payload.len());
            inner.worker.observe(&Packet {
                number,
                time: time.0,
                source: source.0,
                destination: destination.0,
                protocol: protocol.0,
                source_port: source_port.0,
                destination_port: destination_port.0,
                sequence: sequence.0,
                acknowledgement: acknowledgement.0,
                tcp_flags: flags.0,
                encapsulation: 0,
                to_group: false,
                untrusted_tunnel: false,
                identification: None,
                tap: tap.0,
                payload,
            });
            inner.is_full()
        };
        if is_full {
            self.with(py, Inner::absorb)?;
            py.check_signals()?;
        }
        Ok(())
    }

    /// Takes many packets, and says how many. `columns` is a table of the Arrow PyCapsule interface
    /// (of pyarrow, polars, pandas, duckdb), or a dict of arrays (numpy, Arrow) or lists. Columns are
    /// named as the arguments of `observe`; flags, sequence, acknowledgement and tap may be missing.
    ///
    /// Times are timestamps or nanoseconds; addresses are text, binary of 4 or 16 bytes, uint32 for
    /// IPv4, or a numpy array of (n, 4) or (n, 16) bytes; payloads are binary, a list of bytes, or for
    /// numpy a tuple of all bytes and n + 1 offsets. Where something is wrong, no packet is taken.
    fn observe_batch(
        &self,
        py: Python<'_>,
        columns: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let batches = Batch::all_of(columns)?;
        let taps = self.taps();
        let bad = batches.iter().flat_map(Batch::taps).find(|tap| !taps.contains(tap));
        if let Some(tap) = bad {
            self.check_tap(tap)?;
        }
        let mut taken = 0;
        for batch in &batches {
            let mut from = 0;
            while from < batch.len() {
                let next = self.with(py, |inner| {
                    let mut row = from;
                    while row < batch.len() && !inner.is_full() {
                        let bytes = batch.payload(row).len();
                        let number = inner.next(bytes);
                        inner.worker.observe(&batch.packet(row, number));
                        row += 1;
                    }
                    if inner.is_full() {
                        inner.absorb();
                    }
                    row
                })?;
                py.check_signals()?;
                taken += next - from;
                from = next;
            }
        }
        Ok(taken)
    }

    /// Takes frames as they were captured, and says how many. `times` has a time for each, as
    /// `observe` takes them, or an array of nanoseconds; `link_type` is that of pcap (1 for Ethernet).
    /// Where something is wrong, no frame is taken.
    #[pyo3(signature = (times, frames, link_type=Whole(1), *, tap=Whole(0)), text_signature = "($self, times, frames, link_type=1, *, tap=0)")]
    fn frames(
        &self,
        py: Python<'_>,
        times: &Bound<'_, PyAny>,
        frames: &Bound<'_, PyAny>,
        link_type: Whole<u32>,
        tap: Whole<u16>,
    ) -> PyResult<usize> {
        self.check_tap(tap.0)?;
        let times: Vec<Timestamp> = times
            .try_iter()?
            .map(|it| Ok(it?.extract::<Moment>()?.0))
            .collect::<PyResult<_>>()?;
        let lent: Vec<Lent<'_>> = frames
            .try_iter()?
            .map(|it| Lent::new("frames", &it?))
            .collect::<PyResult<_>>()?;
        if times.len() != lent.len() {
            let (times, frames) = (times.len(), lent.len());
            return Err(error::value(format!(
                "expected as many times as frames, found {times} and {frames}"
            )));
        }
        lent.iter().try_for_each(|it| check_length("frames", it.bytes(py).len()))?;
        for (time, lent) in times.iter().zip(&lent) {
            let is_full = {
                let data = lent.bytes(py);
                let mut inner = self.lock();
                let number = inner.next(data.len());
                inner.worker.frame(&Frame {
                    number,
                    time: *time,
                    link: LinkType(link_type.0),
                    original_len: data.len() as u32,
                    tap: tap.0,
                    data,
                });
                inner.is_full()
            };
            if is_full {
                self.with(py, Inner::absorb)?;
                py.check_signals()?;
            }
        }
        Ok(lent.len())
    }

    /// Moves packet time to `time`: ticks that have passed tell what they found although no packet came.
    fn advance(&self, py: Python<'_>, time: Moment) -> PyResult<()> {
        self.with(py, |inner| {
            inner.absorb();
            let Inner { sensor, pool, .. } = inner;
            pool.install(|| sensor.advance(time.0));
        })
    }

    /// Ends the trace: tells what is pending, then one last word on each signature. Packets may follow.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |inner| {
            inner.absorb();
            let Inner { sensor, pool, .. } = inner;
            pool.install(|| sensor.finish());
        })
    }

    /// What was found since the last call: new signatures, updates, and last words.
    fn findings(&self, py: Python<'_>) -> PyResult<Vec<Signature>> {
        let told = self.told(py, |news| matches!(news, News::Finding(_)))?.into_iter();
        let entries = told.map(|news| Arc::new(Entry::of(news)));
        Ok(entries.filter_map(|entry| Signature::of(&entry, None)).collect())
    }

    /// What is new of incidents since the last call.
    fn incidents(&self, py: Python<'_>) -> PyResult<Vec<Incident>> {
        let told = self.told(py, |news| matches!(news, News::Incident(_)))?.into_iter();
        let entries = told.map(|news| Arc::new(Entry::of(news)));
        Ok(entries.filter_map(|entry| Incident::of(&entry)).collect())
    }

    /// Table of events since the last call: at dark addresses, waves, and of decoys.
    fn events(&self, py: Python<'_>) -> PyResult<Table> {
        let is_event =
            |news: &News| matches!(news, News::Event(_) | News::Wave(_) | News::Decoy(_));
        let told = self.told(py, is_event)?.into_iter();
        tables::events(&told.map(|news| Arc::new(Entry::of(news))).collect::<Vec<_>>())
    }

    /// What the sensor had to say about itself since the last call, a line each.
    fn warnings(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let told = self.told(py, |news| matches!(news, News::Warning(_)))?.into_iter();
        let line = |news| match news {
            News::Warning(line) => Some(line),
            _ => None,
        };
        Ok(told.filter_map(line).collect())
    }

    /// All that was told and not yet taken, as the JSON lines of `wormsift detect --json`.
    fn lines(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.told(py, |_| true)?.iter().map(|news| news.line(None)).collect())
    }

    /// Table of all signatures that are followed, as of the last packet; none after `finish`.
    #[getter]
    fn signatures(&self, py: Python<'_>) -> PyResult<Table> {
        self.with(py, |inner| {
            inner.take_news();
            let signatures = inner.sensor.signatures().into_iter();
            let entry =
                |it| Arc::new(Entry::of(News::Finding(Box::new(Finding::Update(it)))));
            let last: Vec<_> = signatures.map(|it| (entry(it), false)).collect();
            tables::signatures(&last)
        })?
    }

    /// Counters since the start.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.with(py, |inner| {
            inner.absorb();
            by_name(&inner.sensor.stats())
        })?;
        values::dict(py, &stats)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let number = self.with(py, |inner| inner.number)?;
        Ok(format!("<wormsift.Sensor, {number} packets taken>"))
    }
}

impl Sensor {
    /// Numbers of the taps that the settings know.
    fn taps(&self) -> std::ops::Range<u16> {
        0..self.config.0.taps.len().max(1) as u16
    }

    fn check_tap(&self, tap: u16) -> PyResult<()> {
        let taps = self.taps();
        match taps.contains(&tap) {
            true => Ok(()),
            false => {
                let expected =
                    format!("tap: expected a number below {}, found {tap}", taps.end);
                Err(error::value(expected))
            }
        }
    }
}
