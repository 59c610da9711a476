//! What must hold for any bytes at all: each function takes some, and panics when a
//! promise is broken.
//!
//! The fuzzer calls them (`engine/fuzz/run`), and so does `engine/tests/fuzz.rs`, on seeds and on
//! damaged seeds.

use std::cell::RefCell;
use std::path::PathBuf;
use wormsift::config::{Config, Size};
use wormsift::decode::{Decoded, Decoder, Defragmenter};
use wormsift::fleet::{Ask, Merger, Parcel, Piece, Tap};
use wormsift::packet::{Frame, LinkType, Packet, Timestamp};
use wormsift::pipeline::{Baseline, Sensor, Worker};
use wormsift::stream::{Segment, StreamTails};
use wormsift_capture::{Limits, Trace};
use wormsift_export::durations::Durations;
use wormsift_export::mute::MuteFile;
use wormsift_export::{
    Rule, RuleOptions, SidRegistry, eve, isolate, json_lines, misp, snort3, stix,
    suricata, yara, zeek,
};

/// Bytes taken from the front; zeros once there are no more.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn number(&mut self) -> u64 {
        self.take(8).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Up to 255 bytes, or 16 times as many.
    fn piece(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        let many = self.byte() & 15 == 0;
        self.take(if many { 16 * length } else { length })
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Every link type that is read, and one that is not.
fn links() -> Vec<u32> {
    let numbers = wormsift::decode::link_types().flat_map(|(numbers, _)| numbers);
    numbers.copied().chain([65_000]).collect()
}

fn lies_in(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || whole.start <= part.start && part.end <= whole.end
}

/// Frames of any link type: decoding shows only bytes of the frame, and every frame is a
/// packet, a fragment or a counted drop.
pub fn frames(data: &[u8]) {
    let mut input = Input(data);
    let options = input.byte();
    let decoder = Decoder::new(options & 1 == 0, options & 2 == 0);
    let mut pool = Defragmenter::new(4, 4_096);
    let links = links();
    let mut number = 0;
    while !input.is_empty() {
        number += 1;
        let link = LinkType(links[usize::from(input.byte()) % links.len()]);
        let time = Timestamp::from_nanos(input.number());
        let data = input.piece();
        let original_len = data.len() as u32 + u32::from(input.byte());
        let frame = Frame { number, time, link, original_len, tap: 0, data };
        match decoder.frame(&frame) {
            Decoded::Packet(packet) => assert!(lies_in(packet.payload, data)),
            Decoded::Fragment(fragment) => {
                if let Some(datagram) = pool.insert(&fragment) {
                    assert!(datagram.bytes.len() <= 65_535);
                    if let Decoded::Packet(packet) = decoder.datagram(&datagram) {
                        assert!(lies_in(packet.payload, &datagram.bytes));
                    }
                }
            }
            Decoded::Drop(_) => {}
        }
    }
}

/// Frames of two taps, in any order of time, through a whole sensor: each is counted as a
/// packet, a fragment or a drop, however fragments and clocks lie.
pub fn taps(data: &[u8]) {
    let mut input = Input(data);
    let mut config = little();
    (config.sources, config.destinations, config.prevalence) = (2, 2, 2);
    let tap =
        |name: &str| name.parse::<wormsift::config::Tap>().expect("the name of a tap");
    config.taps = vec![tap("here"), tap("there@far")];
    let mut sensor = Sensor::new(config).expect("settings in range");
    let links = links();
    let mut stored = Vec::new();
    while !input.is_empty() && stored.len() < 512 {
        let which = input.byte();
        let link = LinkType(links[usize::from(which >> 1) % links.len()]);
        stored.push((which & 1, link, input.number(), input.piece()));
    }
    let frames: Vec<Frame<'_>> = (1..)
        .zip(&stored)
        .map(|(number, (tap, link, time, data))| Frame {
            number,
            time: Timestamp::from_nanos(*time),
            link: *link,
            original_len: data.len() as u32,
            tap: u16::from(*tap),
            data,
        })
        .collect();
    // Cut anywhere.
    let cut = frames.len() / 3;
    sensor.sift(&frames[..cut]);
    sensor.sift(&frames[cut..]);
    sensor.finish();
    for finding in sensor.findings() {
        let line = json_lines::write(&finding);
        assert_eq!(json_lines::read(&line).as_ref(), Ok(&Some(finding)), "{line}");
    }
    assert_eq!(sensor.stats().packets.frames, frames.len() as u64);
}

/// A saved state, each byte of it another: refused in one line, whatever was changed.
pub fn restore(data: &[u8]) {
    let saved = SAVED.with(Clone::clone);
    let mut bytes = saved.clone();
    let mut input = Input(data);
    while !input.is_empty() {
        let at = input.number() as usize % bytes.len();
        match input.byte() {
            0 => bytes.truncate(at.max(1)),
            1 => drop(bytes.splice(at..at, input.piece().iter().copied())),
            byte => bytes[at] ^= byte,
        }
    }
    let path = temporary("restored");
    std::fs::write(&path, &bytes).expect("a temporary file");
    match Sensor::restore(little(), &path) {
        Ok(_) => assert!(bytes == saved, "a damaged state was taken"),
        Err(error) => {
            assert!(bytes != saved, "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
    let _ = std::fs::remove_file(path);
}

/// A sensor's settings at its least memory.
fn little() -> Config {
    let mut config = Config::default();
    config.memory = Size(Config::LEAST_MEMORY.0);
    config
}

/// A file of this process and thread alone.
fn temporary(name: &str) -> PathBuf {
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    std::env::temp_dir()
        .join(format!("wormsift-fuzz-{}-{thread}-{name}", std::process::id()))
}

thread_local! {
    /// A state as it is saved.
    static SAVED: Vec<u8> = {
        let path = temporary("saved");
        let mut sensor = Sensor::new(little()).expect("settings in range");
        sensor.save(&path).expect("a temporary file");
        let bytes = std::fs::read(&path).expect("what was written");
        let _ = std::fs::remove_file(path);
        bytes
    };
}

/// A capture file: frames come out, or one line says why not.
pub fn capture(data: &[u8]) {
    let mut trace = Trace::from_bytes("fuzz", data.to_vec());
    let limits = Limits { bytes: 1 << 16, frames: 64 };
    let mut frames = 0;
    // A compressed file may unfold without end.
    while frames < 10_000
        && let Some(batch) = trace.next_batch(limits)
    {
        assert!((1..=64).contains(&batch.len()));
        frames += batch.len();
    }
    let damage = trace.damage();
    assert!(damage.iter().all(|line| !line.to_string().contains('\n')));
    assert!(frames > 0 || !damage.is_empty() || data.len() >= 24);
}

/// TCP segments in any order: a seam holds bytes of both sides and no more than asked.
pub fn segments(data: &[u8]) {
    let mut input = Input(data);
    let context = usize::from(input.byte() % 64) + 1;
    let mut tails = StreamTails::new(usize::from(input.byte()) * 64, context, 7);
    let bytes = tails.memory_bytes();
    while !input.is_empty() {
        let flags = input.byte();
        let segment = Segment {
            direction: 1 + u64::from(flags & 3),
            sequence: u32::from(input.byte()).wrapping_mul(7).wrapping_sub(100),
            syn: flags & 4 != 0,
            payload: input.piece(),
        };
        tails.advance(segment, |buffer, seam, _| {
            assert!(seam > 0 && seam < buffer.len());
            assert!(buffer.len() <= 2 * context);
        });
    }
    assert_eq!(tails.memory_bytes(), bytes);
}

/// Inputs that one sensor takes one after the other: to build it costs far more than most
/// inputs, and a sensor that has seen much is what runs in a network.
const INPUTS_A_SENSOR: u32 = 256;

/// A sensor between two inputs.
struct Kept {
    sensor: Sensor,
    worker: Worker,
    inputs: u32,
    packets: u64,
    budget: u64,
}

impl Kept {
    fn new(sampling: &str) -> Self {
        let mut config = little();
        config.sampling = sampling.parse().expect("a sampling that exists");
        (config.sources, config.destinations, config.prevalence) = (2, 2, 2);
        // Some of the sixteen hosts.
        let networks = |network: &str| vec![network.parse().expect("a network")];
        config.dark = networks("10.0.0.12/30");
        config.decoys = networks("10.0.0.4/31");
        let sensor = Sensor::new(config).expect("settings in range");
        let budget = sensor.stats().memory.total_bytes;
        let worker = sensor.worker();
        Self { sensor, worker, inputs: 0, packets: 0, budget }
    }
}

thread_local! {
    /// A sensor for each sampling.
    static KEPT: RefCell<[Option<Kept>; 2]> = const { RefCell::new([None, None]) };
}

/// Packets of any kind through a whole sensor at its least memory and lowest
/// thresholds: every packet is counted, memory stays, and what is found can be written.
///
/// A sensor lives through [`INPUTS_A_SENSOR`] inputs. With `WORMSIFT_FUZZ_FRESH` set each
/// input has its own, to tell whether a crash needs the inputs before it.
pub fn sensor(data: &[u8]) {
    let mut input = Input(data);
    let which = usize::from(input.byte() & 1);
    let kept = KEPT.with_borrow_mut(|kept| kept[which].take());
    let fresh = || Kept::new(["1", "winnow:8"][which]);
    let mut kept = match kept {
        Some(kept) if std::env::var_os("WORMSIFT_FUZZ_FRESH").is_none() => kept,
        _ => fresh(),
    };
    sift(&mut kept, input);
    kept.inputs += 1;
    if kept.inputs < INPUTS_A_SENSOR {
        KEPT.with_borrow_mut(|all| all[which] = Some(kept));
    }
}

fn sift(kept: &mut Kept, mut input: Input<'_>) {
    let Kept { sensor, worker, packets: number, budget, .. } = kept;
    let (mut last, budget) = (&[][..], *budget);
    let mut time = 0_u64;
    while !input.is_empty() {
        let [flags, host, port] = [(); 3].map(|()| input.byte());
        time = match flags >> 6 {
            0 => input.number(),
            1 => time,
            _ => time.wrapping_add(u64::from(host) << 22),
        };
        // The same bytes again and again, else nothing would ever repeat.
        let payload = if flags & 1 == 0 { last } else { input.piece() };
        last = payload;
        *number += 1;
        worker.observe(&Packet {
            number: *number,
            time: Timestamp::from_nanos(time),
            source: [10, 0, 0, host & 15].into(),
            destination: [10, 0, 0, host >> 4].into(),
            protocol: [6, 17, 1, 132][usize::from(flags >> 1 & 3)],
            source_port: u16::from(port),
            destination_port: 80,
            sequence: u32::from(port).wrapping_mul(flags.into()),
            acknowledgement: u32::from(port),
            tcp_flags: flags >> 3 & 0x17,
            encapsulation: 0,
            to_group: false,
            untrusted_tunnel: false,
            identification: None,
            tap: 0,
            payload,
        });
        if flags & 0x30 == 0 {
            sensor.absorb([&mut *worker]);
        }
    }
    sensor.absorb([&mut *worker]);
    for event in sensor.dark_events() {
        let line = json_lines::write_event(&event);
        assert!(json_lines::read_event(&line).is_ok_and(|it| it.is_some()), "{line}");
    }
    for wave in sensor.waves() {
        let line = json_lines::write_wave(&wave);
        assert_eq!(json_lines::read_wave(&line).as_ref(), Ok(&Some(wave)), "{line}");
    }
    for report in sensor.decoy_reports() {
        let line = json_lines::write_decoy(&report);
        assert_eq!(json_lines::read_decoy(&line).as_ref(), Ok(&Some(report)), "{line}");
    }
    sensor.advance(Timestamp::from_nanos(time));
    sensor.finish();
    for finding in sensor.findings() {
        let line = json_lines::write(&finding);
        assert_eq!(json_lines::read(&line).as_ref(), Ok(&Some(finding)), "{line}");
    }
    let stats = sensor.stats();
    assert_eq!(stats.packets.packets, *number);
    assert!(stats.memory.budget_bytes >= budget);
}

/// A line of a signature file: refused, or read and written back, and what is read can be
/// written in every form.
pub fn signature_line(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = SidRegistry::from_json(&text);
    if let Ok(Some(event)) = json_lines::read_event(&text) {
        let line = json_lines::write_event(&event);
        assert!(
            json_lines::read_event(&line).is_ok_and(|again| again.is_some()),
            "{line}"
        );
    }
    if let Ok(Some(wave)) = json_lines::read_wave(&text) {
        let line = json_lines::write_wave(&wave);
        assert_eq!(json_lines::read_wave(&line).as_ref(), Ok(&Some(wave)), "{line}");
    }
    if let Ok(Some(report)) = json_lines::read_decoy(&text) {
        let line = json_lines::write_decoy(&report);
        assert_eq!(json_lines::read_decoy(&line).as_ref(), Ok(&Some(report)), "{line}");
    }
    if let Ok(Some(incident)) = json_lines::read_incident(&text) {
        let line = json_lines::write_incident(&incident);
        assert_eq!(
            json_lines::read_incident(&line).as_ref(),
            Ok(&Some(incident)),
            "{line}"
        );
    }
    let Ok(Some(finding)) = json_lines::read(&text) else { return };
    let line = json_lines::write(&finding);
    assert_eq!(json_lines::read(&line).as_ref(), Ok(&Some(finding.clone())), "{line}");
    let mut sids = SidRegistry::default();
    let signature = finding.signature();
    let sid = sids
        .assign(&signature.id, &signature.content, signature.detected_at)
        .expect("the first number");
    let options = RuleOptions::default();
    let Ok(rule) = Rule::new(signature, sid, &options) else { return };
    for rule in [
        suricata::rule(&rule, &options),
        snort3::rule(&rule, &options),
        eve::alert(&rule, None),
    ] {
        assert!(!rule.trim_end().contains('\n'), "{rule}");
    }
    let _ = (yara::rule(&rule), zeek::rule(&rule));
    let list = isolate::IsolationList::new(
        [signature],
        &isolate::Protected::default(),
        &std::collections::BTreeMap::new(),
        &isolate::IsolateOptions::default(),
    );
    let (applied, damaged) = isolate::read(&isolate::csv(&list));
    assert!(damaged.is_empty() && applied.len() == list.with_gone().count());
    let _ = (
        isolate::nftables(&list),
        isolate::stix(&list),
        stix::bundle(std::slice::from_ref(&rule), &options),
        misp::event(std::slice::from_ref(&rule), &options),
    );
}

/// Settings: refused by name, or what is written back is the same.
pub fn settings(data: &[u8]) {
    let Ok(config) = Config::from_toml(&String::from_utf8_lossy(data)) else { return };
    let again = Config::from_toml(&config.to_toml()).expect("what was written");
    assert_eq!(again.to_toml(), config.to_toml());
    let _ = config.validate();
}

/// A baseline: refused, or what is written back is the same and a sensor takes it.
pub fn baseline(data: &[u8]) {
    let mut config = Config::default();
    config.memory = Size(1 << 20);
    let Ok(baseline) = Baseline::read(&config, data) else { return };
    let again = Baseline::read(&config, &baseline.write()).expect("what was written");
    assert_eq!(again.write(), baseline.write());
    // It may be too large for this little memory; that is said.
    let _ = Sensor::with_baseline(config, baseline);
}

/// A message of a fleet: refused under a name, or what is written back is read as the same. A merger
/// takes a parcel, a tap an ask, and a merger that asked a piece, whatever they hold.
///
/// The first byte says whether the head and the checksum are put right, so that damage comes
/// beyond them.
pub fn fleet(data: &[u8]) {
    thread_local! {
        static HEAD: Vec<u8> = FleetEnds::new().parcels[0].encode()[..HEAD_LEN].to_vec();
    }
    const HEAD_LEN: usize = 38;
    let mut input = Input(data);
    let is_put_right = input.byte() % 4 > 0;
    let mut message = input.0.to_vec();
    if is_put_right && message.len() > HEAD_LEN + size_of::<u64>() {
        let kind = if (1..4).contains(&message[3]) { message[3] } else { 1 };
        HEAD.with(|head| message[..HEAD_LEN].copy_from_slice(head));
        message[3] = kind;
        let length = message.len() as u64;
        message[6..14].copy_from_slice(&length.to_le_bytes());
        let body = message.len() - size_of::<u64>();
        let sum = xxhash_rust::xxh3::xxh3_64(&message[..body]);
        message[body..].copy_from_slice(&sum.to_le_bytes());
    }
    let piece = Piece::decode(&message);
    if let Ok(piece) = &piece {
        assert_eq!(&Piece::decode(&piece.encode()).expect("what was written"), piece);
    }
    let (parcel, ask) = (Parcel::decode(&message), Ask::decode(&message));
    if parcel.is_err() && ask.is_err() && piece.is_err() {
        return;
    }
    let FleetEnds { mut merger, mut tap, parcels } = FleetEnds::new();
    if let Ok(ask) = ask {
        assert_eq!(Ask::decode(&ask.encode()).expect("what was written"), ask);
        let _ = tap.answer(&ask);
    }
    if let Ok(parcel) = parcel {
        // Of a message that nobody of ours wrote, tables may be in another order.
        let again = parcel.encode();
        let read = Parcel::decode(&again).expect("what was written");
        assert_eq!(read.encode(), again);
        let before = merger.refused();
        let is_taken = merger.push(parcel).is_ok();
        assert_ne!(is_taken, merger.refused() != before);
    }
    // What comes afterwards is taken or refused, and the end is reached.
    for parcel in parcels {
        let _ = merger.push(parcel);
    }
    merger.finish();
    while !merger.is_finished() {
        for ask in merger.asks() {
            let _ = tap.answer(&ask);
        }
        if let Ok(piece) = &piece {
            let _ = merger.answer(piece.clone());
        }
        merger.give_up(0);
    }
}

/// Both ends of a fleet, and parcels that are on their way.
struct FleetEnds {
    merger: Merger,
    tap: Tap,
    parcels: Vec<Parcel>,
}

impl FleetEnds {
    fn new() -> Self {
        let config = little();
        let mut tap = Tap::new(config.clone(), "fuzz", 0).expect("a tap");
        for number in 0..4_u64 {
            tap.frame(&Frame {
                number: number + 1,
                time: Timestamp::from_nanos(number * 700_000_000),
                link: LinkType::ETHERNET,
                original_len: 60,
                tap: 0,
                data: &[0x45; 60],
            });
        }
        tap.finish();
        let parcels = tap.parcels();
        let merger = Merger::new(config, "fuzz").expect("a merger");
        Self { merger, tap, parcels }
    }
}

/// Files that people edit: mutes, lists of hosts applied before, protected networks, durations of
/// addresses, and numbers of rules. Each line is taken or named, and what is written back is the same.
pub fn edited_files(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines = text.lines().count();
    let (mutes, damaged) = MuteFile::parse(&text);
    assert!(mutes.entries().count() + damaged.len() <= lines);
    assert!(damaged.iter().all(|it| (1..=lines).contains(&it.line)));
    let (again, damaged_again) = MuteFile::parse(&mutes.text());
    assert_eq!(again.entries().count(), mutes.entries().count());
    assert_eq!(damaged_again.len(), damaged.len());
    let (hosts, damaged) = isolate::read(&text);
    assert!(hosts.len() + damaged.len() <= lines);
    let protected = isolate::Protected::read(&text).unwrap_or_default();
    let list = isolate::IsolationList::new(
        [],
        &protected,
        &hosts,
        &isolate::IsolateOptions::default(),
    );
    assert!(list.hosts().all(|(network, _)| !protected.holds(network)));
    let (written, damaged) = isolate::read(&isolate::csv(&list));
    assert!(damaged.is_empty() && written.keys().eq(list.with_gone().map(|(it, _)| it)));
    if let Ok(durations) = Durations::read(&text) {
        assert!(durations.len() <= lines);
    }
    if let Ok(numbers) = SidRegistry::from_json(&text) {
        let again = SidRegistry::from_json(&numbers.to_json()).expect("what was written");
        assert_eq!(again.to_json(), numbers.to_json());
    }
}
