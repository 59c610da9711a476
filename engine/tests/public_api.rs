//! What hosts call, with its exact types: a change here is a change for them.
//!
//! Nothing runs but the compiler. The hosted workflow compares the whole interface with
//! the branch before.

use std::path::Path;
use wormsift::packet::{FlowKey, Handshake, LinkType};
use wormsift::signature::{Alarm, Confidence, Evidence};
use wormsift::{
    Config, Error, Finding, Frame, Packet, Sensor, Signature, Stats, StreamPiece,
    Timestamp, Worker,
};
use wormsift_export::json_lines;

#[test]
fn calls_have_these_types() {
    let _: fn(Config) -> Result<Sensor, Error> = Sensor::new;
    let _: fn(Config, &Path) -> Result<Sensor, Error> = Sensor::restore;
    let _: fn(&mut Sensor, &Path) -> Result<(), Error> = Sensor::save;
    let _: fn(&Sensor) -> &Config = Sensor::config;
    let _: fn(&Sensor) -> &'static str = Sensor::kernel;
    let _: fn(&Sensor) -> Worker = Sensor::worker;
    let _: fn(&Sensor) -> Stats = Sensor::stats;
    let _: fn(&mut Sensor, Timestamp) = Sensor::advance;
    let _: fn(&mut Sensor) = Sensor::finish;
    let _: fn(&mut Sensor) -> Vec<Finding> = Sensor::findings;
    let _: fn(&mut Sensor) -> Vec<String> = Sensor::warnings;
    let _: fn(&mut Sensor, Vec<&mut Worker>) = |sensor, workers| sensor.absorb(workers);
    let _: fn(&mut Sensor, &[Frame<'_>]) = |sensor, frames| sensor.sift(frames);
    let _: fn(&mut Worker, &Packet<'_>) = Worker::observe;
    let _: fn(&mut Worker, &Frame<'_>) = Worker::frame;
    let _: fn(&mut Worker, &StreamPiece<'_>) = Worker::stream;
    let _: fn(&Worker) -> usize = Worker::buffered;
    let _: fn(&Worker) -> usize = Worker::buffered_bytes;
    let _: fn(&str) -> Result<Config, Error> = Config::from_toml;
    let _: fn(&Config) -> String = Config::to_toml;
    let _: fn(&Finding) -> &Signature = Finding::signature;
    let _: fn(&Finding) -> String = json_lines::write;
    let _: fn(&str) -> Result<Option<Finding>, json_lines::LineError> = json_lines::read;
}

#[test]
fn nouns_have_these_fields() {
    fn frame<'a>(number: u64, time: Timestamp, data: &'a [u8]) -> Frame<'a> {
        Frame { number, time, link: LinkType(1), original_len: 0, tap: 0, data }
    }
    fn piece<'a>(flow: FlowKey, frame: &Frame<'a>) -> StreamPiece<'a> {
        let &Frame { number, time, data: payload, .. } = frame;
        StreamPiece {
            number,
            time,
            flow,
            offset: 0,
            handshake: Handshake::Unknown,
            payload,
        }
    }
    fn read(it: &Signature) -> (&str, Alarm, Confidence, u8, Option<u16>, &[u8]) {
        (&it.id, it.alarm, it.confidence, it.protocol, it.port, &it.content)
    }
    fn counts(it: &Signature) -> (u64, u32, u32, u32, usize) {
        (it.packets, it.sources, it.destinations, it.spread, it.relays.len())
    }
    fn reasons(it: &Evidence) -> (&[String], &[Alarm]) {
        (&it.reasons, &it.alarms)
    }
    let _ = (frame, piece, read, counts, reasons);
}
