//! `generate SCENARIO --into CAPTURE...`: a story between the hosts of real captures.
//!
//! The captures are read twice: once to learn who is there and when, once to be
//! written again with the story in between.

use super::frames::{Frames, Watch};
use super::hosts::Survey;
use super::{Story, check_format, inputs, warn_of_several};
use crate::output::exit_code::{Exit, Failure};
use crate::output::talk::Talk;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use wormsift::config::Span;
use wormsift::packet::Network;
use wormsift_capture::Limits;
use wormsift_corpora::pcap_writer::LINKTYPE_ETHERNET;
use wormsift_corpora::{
    AddressMap, CaptureFile, GenerateOptions, GroundTruth, Injected, inject,
};
use wormsift_export::text::counted;

/// Bits of the network behind the tap, unless it is told: those of many a site, and
/// fewer where the story has more hosts inside.
const INSIDE_BITS: [(u8, u8); 3] = [(24, 48), (20, 44), (16, 40)];

/// One wrong clock makes captures span decades: so long a story is not meant.
const LONGEST_NS: u64 = 7 * 86_400_000_000_000;

/// A network of each IP version that is inside, with its bits.
type Inside = Vec<(IpAddr, u8)>;

pub(super) fn run(
    story: &Story<'_>,
    talk: &mut Talk,
) -> Result<(GroundTruth, Exit), Failure> {
    let (output, captures) = (&story.args.output, &story.args.into.into);
    let (first_look, missing) = inputs(captures, output, talk)?;
    talk.show_progress();
    let watch = Watch::new(talk);
    let survey = Survey::of(Frames::of(first_look, Limits::default(), &watch));
    let Some(ends_ns) = survey.ends_ns else {
        return Err(Failure::of(captures.join(", "), "the captures hold no packet"));
    };
    let damage = missing + watch.damage();
    talk.end_progress();

    let (inside, book) = choose_inside(story, &survey)?;
    let options = options(story, &book, ends_ns)?;
    let mut link_types = survey.link_types.clone();
    if !link_types.contains(&LINKTYPE_ETHERNET) {
        link_types.push(LINKTYPE_ETHERNET);
    }
    check_format(output, &link_types)?;

    let written = |error| Failure::of(output.display(), error);
    let mut capture =
        CaptureFile::of_link_types(output, CaptureFile::DEFAULT_LEVEL, &link_types)
            .map_err(written)?;
    let stream = story.stream(options)?;
    // Damage was told at the first look.
    let (again, _) = wormsift_capture::inputs(captures);
    talk.show_progress();
    let quiet = Watch::silent(talk);
    let frames = Frames::of(again, Limits::default(), &quiet);
    let Injected { mut truth, planted_packets } =
        inject(stream, frames, &mut capture).map_err(written)?;
    capture.finish().map_err(written)?;
    talk.end_progress();

    tell_parameters(&mut truth, &inside, planted_packets);
    if planted_packets == 0 {
        talk.warning(
            "nothing was planted: the captures are too short for this scenario; see \
             --duration",
        );
    } else if book.is_empty() {
        talk.warning(
            "no host of the scenario's IP version occurs in the captures: it keeps its \
             own addresses",
        );
    }
    warn_of_several(output, &link_types, talk);
    talk.detail(format_args!(
        "{} of the scenario laid between {} of the captures, for {}",
        counted(planted_packets, "packet"),
        counted(survey.packets, "packet"),
        counted(book.len() as u64, "host"),
    ));
    Ok((truth, if damage > 0 { Exit::Damaged } else { Exit::Done }))
}

/// The network that was asked for, or else the busiest of each IP version that is large
/// enough for the story.
fn choose_inside(
    story: &Story<'_>,
    survey: &Survey,
) -> Result<(Inside, Arc<AddressMap>), Failure> {
    let asked = story.args.into.inside;
    let hosts = survey.hosts();
    let mut outcome = Err(Failure::usage(
        "no network in the captures is large enough for this scenario; give --inside",
    ));
    for (v4_bits, v6_bits) in INSIDE_BITS {
        let inside = inside(asked, survey.busiest(v4_bits, v6_bits));
        let book = AddressMap::new(&inside, &hosts).map_err(|e| story.refused(&e))?;
        outcome =
            story.stream(between_hosts(story, &book)).map(|_| (inside, Arc::new(book)));
        if outcome.is_ok() || asked.is_some() {
            break;
        }
    }
    outcome
}

fn inside(asked: Option<Network>, mut busiest: Inside) -> Inside {
    if let Some(asked) = asked {
        let (address, bits) = asked.parts();
        busiest.retain(|(other, _)| other.is_ipv4() != address.is_ipv4());
        busiest.insert(0, (address, bits));
    }
    busiest
}

/// The story alone, with an inside as large as the real one.
fn between_hosts(story: &Story<'_>, book: &AddressMap) -> GenerateOptions {
    GenerateOptions {
        inside: Some(book.scenario_inside()),
        background_hosts: Some(0),
        ..story.options.clone()
    }
}

/// The story over the captures' time, between their hosts.
fn options(
    story: &Story<'_>,
    book: &Arc<AddressMap>,
    (first_ns, last_ns): (u64, u64),
) -> Result<GenerateOptions, Failure> {
    let after = story.args.into.start_after.unwrap_or(Span(0));
    let span_ns = last_ns - first_ns;
    if after.0 > span_ns {
        return Err(Failure::usage(format_args!(
            "--start-after: expected less than the {} of the captures, found {after}",
            Span(span_ns)
        )));
    }
    let plain = between_hosts(story, book);
    if span_ns > LONGEST_NS && plain.duration.is_none() && plain.packets.is_none() {
        return Err(Failure::usage(format_args!(
            "--duration: expected, since the times of the captures span {} days",
            span_ns / 86_400_000_000_000
        )));
    }
    // Stories begin with a time of quiet: it is the captures' own that counts.
    let quiet_ns = story
        .stream(plain.clone())?
        .next_time()
        .map_or(0, |first| first.saturating_sub(plain.start_ns));
    let length = plain.duration.unwrap_or(Duration::from_nanos(span_ns - after.0));
    let plain = GenerateOptions {
        start_ns: (first_ns + after.0).saturating_sub(quiet_ns),
        duration: Some(length.saturating_add(Duration::from_nanos(quiet_ns))),
        ..plain
    };
    // Told once to itself, so that those who are seen to be infected, and to infect, are
    // hosts that occur.
    let dry = GenerateOptions { list_carriers: false, ..plain.clone() };
    let mut rehearsal = story.stream(dry)?;
    let mut frame = Vec::new();
    while rehearsal.next_frame(&mut frame).is_some() {}
    let seen = rehearsal.into_truth().infections.into_iter();
    for infection in seen.filter(|infection| infection.packet.is_some()) {
        infection.by.into_iter().for_each(|by| book.prefer(by));
        book.prefer(infection.host);
    }
    Ok(GenerateOptions { addresses: Some(Arc::clone(book)), ..plain })
}

/// The networks that were used in place of the story's.
fn tell_parameters(truth: &mut GroundTruth, inside: &[(IpAddr, u8)], planted: u64) {
    let networks = inside.iter().map(|(network, bits)| format!("{network}/{bits}"));
    let networks: Vec<Value> = networks.map(Value::from).collect();
    truth.parameters.remove("scanned");
    truth.parameters.insert("inside".to_owned(), networks.into());
    truth.parameters.insert("planted_packets".to_owned(), planted.into());
}
