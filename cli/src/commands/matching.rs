//! `wormsift match`: the packets that the signatures' rules would alert on.

use crate::args::MatchArgs;
use crate::args::limits::check_bytes;
use crate::input::inputs;
use crate::input::reader::{self, Reader, Wait};
use crate::input::selection::Selection;
use crate::input::signals::Signals;
use crate::input::signature_files;
use crate::output::exit_code::{Exit, Failure};
use crate::output::stdout::{print, print_json};
use crate::output::talk::Talk;
use rayon::prelude::*;
use serde::Serialize;
use wormsift::decode::Fragments;
use wormsift::decode::{Decoded, Decoder};
use wormsift::packet::{Packet, Timestamp};
use wormsift::pipeline::FrameList;
use wormsift::signature::Signature;
use wormsift_capture::FrameBatch;
#[cfg(test)]
use wormsift_export::json_lines::Id;
use wormsift_export::json_lines::{Address, Time};
use wormsift_export::matching::{Found, Matcher};
use wormsift_export::text::counted;
use wormsift_export::{Rule, RuleOptions, Sid};

/// Frames that one task scans.
const PART: usize = 512;

pub(super) fn run(args: &MatchArgs, talk: &mut Talk) -> Result<Exit, Failure> {
    if !args.home_net.is_empty() {
        return Err(Failure::usage(
            "--home-net leaves no packets out; use --only-net for that",
        ));
    }
    let tail_memory = tail_memory(args)?;
    let (signatures, mut damaged) = signature_files::read(&args.signatures, talk)?;
    let options =
        RuleOptions { most_bytes: args.most_bytes.into(), ..RuleOptions::default() };
    let (mut rules, mut weak) = (Vec::new(), Vec::new());
    for signature in &signatures {
        match Rule::new(signature, Sid { sid: 1, rev: 1 }, &options) {
            Ok(rule) => rules.push(rule),
            Err(reason) => weak.push((signature, reason)),
        }
    }
    for (signature, reason) in &weak {
        talk.warning(format_args!("{}: not looked for: {reason}", signature.id));
    }
    let matcher = Matcher::new(&rules, tail_memory).map_err(Failure::usage)?;
    let signals = Signals::new()?;
    let pool = args.run.pool()?;
    let config = args.vxlan.config()?;
    let decoder = Decoder::new(true, false).with_vxlan_ports(&config.vxlan_ports);
    let mut fragments = Fragments::new(decoder.clone());
    let mut looking = Looking {
        matcher,
        matches: rules.iter().map(|rule| Matches::new(rule.signature)).collect(),
        each_packet: args.hits,
        holding: Vec::new(),
    };
    let captures = inputs::find(&args.captures, talk);
    damaged += captures.missing;
    talk.show_progress();
    let selection = Selection::new(&args.selection, &config);
    let batches = args.run.batch.unwrap_or_default();
    let reader = Reader::start(captures.inputs, selection, batches)?;
    let stopped_by = loop {
        if let Some(signal) = signals.caught() {
            break Some(signal);
        }
        let read = match reader.next(reader::PATIENCE)? {
            Wait::Read(read) => read,
            Wait::NotYet => continue,
            Wait::Ended => break None,
        };
        if let Some(batch) = &read.batch {
            looking.batch(batch, &decoder, &mut fragments, &pool)?;
        }
        damaged += read.damage.len() as u64;
        read.damage.iter().for_each(|line| talk.error(line));
        read.disorder.iter().for_each(|line| talk.warning(line));
        talk.progress().at(read.progress.position, read.progress.total);
    };
    talk.end_progress();
    looking.finish(args.json)?;
    Ok(match stopped_by {
        Some(signal) => Exit::Signal(signal),
        None if damaged > 0 => Exit::Damaged,
        None => Exit::Done,
    })
}

fn tail_memory(args: &MatchArgs) -> Result<usize, Failure> {
    let bytes = args.tail_memory.0;
    check_bytes(bytes, || "--tail-memory: the ends of TCP segments".to_owned())?;
    usize::try_from(bytes).map_err(Failure::usage)
}

struct Looking<'a> {
    matcher: Matcher,
    matches: Vec<Matches<'a>>,
    each_packet: bool,
    holding: Vec<usize>,
}

/// What one signature matched.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "matches"))]
pub(crate) struct Matches<'a> {
    #[cfg_attr(test, schemars(with = "Id"))]
    id: &'a str,
    /// Protocol and port.
    service: String,
    length: usize,
    packets: u64,
    first_packet: Option<u64>,
    last_packet: Option<u64>,
    first_seen: Option<Time>,
    last_seen: Option<Time>,
}

impl<'a> Matches<'a> {
    fn new(signature: &'a Signature) -> Self {
        Self {
            id: &signature.id,
            service: wormsift_export::text::service(signature),
            length: signature.content.len(),
            packets: 0,
            first_packet: None,
            last_packet: None,
            first_seen: None,
            last_seen: None,
        }
    }

    fn enter(&mut self, number: u64, time: Timestamp) {
        self.packets += 1;
        self.first_packet.get_or_insert(number);
        self.last_packet = Some(number);
        self.first_seen.get_or_insert_with(|| time.into());
        self.last_seen = Some(time.into());
    }
}

/// One packet that one signature matches.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "hit"))]
pub(crate) struct Hit<'a> {
    #[cfg_attr(test, schemars(with = "Id"))]
    id: &'a str,
    #[cfg_attr(test, schemars(range(min = 1)))]
    packet: u64,
    time: Time,
    source: Address,
    destination: Address,
    source_port: u16,
    destination_port: u16,
}

/// What was looked at.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "match_stats"))]
pub(crate) struct MatchStats {
    /// Streams whose ends were given up.
    forgotten: u64,
    /// Packets that some signature matches.
    matched: u64,
    packets: u64,
    payload_bytes: u64,
}

/// A frame of a batch, and what its own payload holds.
type Scanned<'b> = (Decoded<'b>, Vec<Found>);

impl Looking<'_> {
    /// Scans payloads on all threads, then joins streams in order.
    fn batch(
        &mut self,
        batch: &FrameBatch,
        decoder: &Decoder,
        fragments: &mut Fragments,
        pool: &rayon::ThreadPool,
    ) -> Result<(), Failure> {
        let matcher = &self.matcher;
        let scanned: Vec<Scanned<'_>> = pool.install(|| {
            (0..FrameList::len(batch))
                .into_par_iter()
                .with_min_len(PART)
                .map(|index| {
                    let decoded = decoder.frame(&batch.frame(index));
                    let mut found = Vec::new();
                    if let Decoded::Packet(packet) = &decoded {
                        matcher.scan(packet, &mut found);
                    }
                    (decoded, found)
                })
                .collect()
        });
        for (decoded, found) in scanned {
            match decoded {
                Decoded::Packet(packet) => self.complete(&packet, &found)?,
                Decoded::Fragment(fragment) => fragments.insert(&fragment, |packet| {
                    let mut found = Vec::new();
                    self.matcher.scan(packet, &mut found);
                    self.complete(packet, &found)
                })?,
                Decoded::Drop(_) => {}
            }
        }
        Ok(())
    }

    fn complete(&mut self, packet: &Packet<'_>, found: &[Found]) -> Result<(), Failure> {
        self.matcher.complete(packet, found, &mut self.holding);
        for &rule in &self.holding {
            let matches = &mut self.matches[rule];
            matches.enter(packet.number, packet.time);
            if self.each_packet {
                print_json(
                    "hit",
                    &Hit {
                        id: matches.id,
                        packet: packet.number,
                        time: packet.time.into(),
                        source: Address(packet.source.to_string()),
                        destination: Address(packet.destination.to_string()),
                        source_port: packet.source_port,
                        destination_port: packet.destination_port,
                    },
                )?;
            }
        }
        Ok(())
    }

    /// Writes the counts, the most frequent first.
    fn finish(mut self, json: bool) -> Result<(), Failure> {
        self.matches.sort_by_key(|matches| std::cmp::Reverse(matches.packets));
        let counters = self.matcher.counters();
        if json {
            self.matches.iter().try_for_each(|matches| print_json("matches", matches))?;
            return print_json(
                "match_stats",
                &MatchStats {
                    forgotten: counters.forgotten,
                    matched: counters.matched,
                    packets: counters.packets,
                    payload_bytes: counters.payload_bytes,
                },
            );
        }
        let mut text = String::new();
        for it in &self.matches {
            text.push_str(&format!(
                "{:>10}  {:<32}  {:<10} {:>5} bytes  {}\n",
                it.packets,
                it.id,
                it.service,
                it.length,
                it.first_seen.as_ref().map_or("-", |time| &time.0)
            ));
        }
        text.push_str(&format!(
            "{} of {} matched by {}\n",
            counters.matched,
            counted(counters.packets, "packet"),
            counted(self.matches.len() as u64, "signature")
        ));
        print(&text)
    }
}
