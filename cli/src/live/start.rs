//! The start: everything is opened and checked, in a fixed order.
//!
//! First what needs rights: the interface, the port of the status page. Then the user and
//! the capabilities go, and the files that are not needed; what is opened from there on is
//! opened with the rights that remain, so that it can be opened again later. Then the
//! threads, then the system calls; then the first packet.

use super::board::Fixed;
use super::lines::{Form, Lines};
use super::output::Output;
use super::sandbox::{calls, files, privileges, verify};
use super::state::State;
use super::suricata::Suricata;
use super::tap::Capturing;
use super::taps::Taps;
use super::watch::{Parts, Watch};
use super::writer::Writer;
use super::{sandbox, state};
use crate::args::limits::check_bytes;
use crate::args::settings::Settings;
use crate::args::{Format, LiveArgs, RuleArgs, key};
use crate::input::baseline;
use crate::input::durations;
use crate::input::mute_file;
use crate::input::signals::Signals;
use crate::output::exit_code::{Exit, Failure};
use crate::output::output_file::OutputFiles;
use crate::output::rule_file::{RuleFile, beside};
use crate::output::talk::Talk;
use crate::status::{self, Board};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wormsift::Sensor;
use wormsift_capture::live::{Merge, Rings};
use wormsift_export::mute::Muting;
use wormsift_export::text::counted;
use wormsift_run::{Choice, Selection};

/// Runs `wormsift live` until a signal, or the time that was asked for.
pub(crate) fn run(args: &LiveArgs, talk: &Talk) -> Result<Exit, Failure> {
    let mut settings = Settings::new(&args.settings)?;
    args.interfaces.name_taps(&mut settings.config)?;
    let given = settings.config.clone();
    let interface = args.interfaces.names().collect::<Vec<_>>().join(",");
    if settings.config.key.is_none() {
        settings.config.key = Some(key::random()?);
    }
    let sids = sids_path(args)?;
    let threads = args.capture.threads.get();
    let signals = Signals::with_hangup()?;
    let selection = Selection::new(
        Choice {
            filter: args.capture.filter.clone(),
            only_net: args.capture.only_net.clone(),
            exclude_net: args.capture.exclude_net.clone(),
            ..Choice::default()
        },
        &settings.config,
    );
    let user = args.running.user.as_deref().map(privileges::find).transpose()?;
    let config = settings.config.clone();
    let mut sensor = match &args.baseline {
        Some(path) => {
            let baseline = baseline::read(path, &config)?;
            Sensor::with_baseline(config, baseline)
        }
        None => Sensor::new(config),
    }
    .map_err(Failure::usage)?;
    check_fits(args, settings.config.memory.0)?;
    let (mutes, _) = mute_file::entries(args.muted.mute.as_deref(), talk)?;
    let muting = Muting::new(mutes.unwrap_or_default());
    let durations = durations::read(args.durations.durations.as_deref(), talk)?;
    let how = Capturing {
        rings: args.capture.threads,
        args: &args.capture.rings,
        #[cfg(feature = "pcap")]
        pcap: &args.pcap,
    };
    let taps = Taps::open(args.interfaces.names(), how)?;
    let listener = listen(args)?;
    // Opened while it can be: it tells the memory in use.
    let status = File::open("/proc/self/status").ok();

    let mut said = Vec::new();
    if args.running.no_sandbox {
        said.push(
            "sandbox: none; all rights, files and system calls are kept".to_owned(),
        );
    } else {
        said.push(privileges::drop(user.as_ref())?);
        said.push(files::restrict(&folders(args, sids.as_deref()))?);
    }
    let owned = |failure| for_user(failure, user.as_ref().map(|person| person.name()));
    // With the rights that stay, so that they can be written again later.
    OutputFiles::default()
        .add("--output", args.output.output.as_deref())
        .add("--rules", args.output.rules.as_deref())
        .add("--sids", sids.as_deref())
        .add("--state", args.running.state.as_deref())
        .check([])
        .map_err(owned)?;
    let rotation = args.output.rotate_size.map(|size| (size.0, args.output.rotate_keep));
    let output = Output::open(args.output.output.as_deref(), rotation).map_err(owned)?;
    let rule_args = |format| RuleArgs {
        format,
        sids: sids.clone(),
        kind: args.rules.kind.clone(),
        incident: args.rules.incident.clone(),
        isolate: args.rules.isolate.clone(),
        ..args.rules
    };
    let form = if args.output.eve { Form::Eve } else { Form::Json };
    let alerts =
        args.output.eve.then(|| RuleArgs { most_rules: None, ..rule_args(Format::Eve) });
    let rules = match &args.output.rules {
        Some(path) => {
            let rules = RuleFile::open(
                path,
                rule_args(args.rules.format),
                Arc::clone(muting.mutes()),
                talk,
            );
            Some(rules.map_err(owned)?)
        }
        None => None,
    };

    // As the user that stays, so that it can be written again.
    let baseline = args.baseline.is_some().then(|| sensor.baseline()).flatten();
    let known = match &args.running.state {
        Some(path) => state::restore(path, given, baseline.as_ref(), talk)?,
        None => None,
    };
    if let Some(known) = known {
        said.push("state: continues from the one saved by an earlier run".to_owned());
        sensor = known;
    }

    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("sift-{index}"))
        .build()
        .map_err(|error| Failure::of("threads", error))?;
    // All of them run: see `calls`.
    pool.broadcast(|_| ());
    let board = Arc::new(Board::new());
    let kept = rules.as_ref().map_or(0, RuleFile::len);
    let writer = (rules.is_some() || alerts.is_some())
        .then(|| Writer::start(rules, alerts, interface.clone()))
        .transpose()
        .map_err(|error| Failure::of("thread", error))?;
    let suricata = args.output.suricata_socket.clone().map(Suricata::start).transpose();
    let suricata = suricata.map_err(|error| Failure::of("thread", error))?;
    let state = args.running.state.clone().map(State::start).transpose();
    let state = state.map_err(|error| Failure::of("thread", error))?;
    if let Some(listener) = listener {
        status::serve(listener, Arc::clone(&board))
            .map_err(|error| Failure::of("status page", error))?;
    }
    if !args.running.no_sandbox {
        said.push(calls::restrict()?);
        said.push(verify()?);
    }
    said.iter().for_each(|line| talk.result(line));
    talk.result(listening(args, &sensor, threads));
    if kept > 0 {
        talk.result(format_args!(
            "{} of an earlier run taken over into the rules",
            counted(kept as u64, "signature")
        ));
    }
    let fixed = Fixed {
        interface,
        kernel: sensor.kernel(),
        threads,
        ring_bytes: taps.memory_bytes(),
        sandbox: said,
    };
    let parts = Parts {
        settings: args.settings.clone(),
        interfaces: args.interfaces.clone(),
        bpf: args.capture.rings.bpf_ddd.clone(),
        mute: args.muted.mute.clone(),
        muting,
        durations,
        interval: std::time::Duration::from_nanos(args.output.interval.0),
        duration: args.running.duration.map(|d| std::time::Duration::from_nanos(d.0)),
        signals,
        selection,
        sensor,
        taps,
        pool,
        lines: Lines { output, form },
        writer,
        suricata,
        state,
        board,
        fixed: Arc::new(fixed),
        status,
    };
    Watch::new(parts).run(talk)
}

/// Refuses rings, tables and a merge of interfaces that this machine's memory cannot hold.
fn check_fits(args: &LiveArgs, tables: u64) -> Result<(), Failure> {
    let threads = args.capture.threads.get() as u64;
    let interfaces = args.interfaces.names().count() as u64;
    let rings = threads * interfaces;
    let ring_size = args.capture.rings.ring_size;
    // What waits in the merge, and the batch of an interface that comes on top.
    let merge = Merge::MOST_BYTES as u64 + threads * Rings::BATCH_BYTES as u64;
    let (merge, what) = match interfaces {
        1 => (0, "and the tables"),
        _ => (merge, "with their merge, and the tables"),
    };
    let bytes = ring_size.0.saturating_mul(rings).saturating_add(merge);
    check_bytes(bytes.saturating_add(tables), || {
        format!("{rings} rings of {ring_size} {what}")
    })
}

/// Where it listens, with which settings, and where to look.
fn listening(args: &LiveArgs, sensor: &Sensor, threads: usize) -> String {
    let config = sensor.config();
    let page = match args.status.no_status {
        true => "no status page".to_owned(),
        false => format!("status page http://{}/", args.status.status),
    };
    let lines = match &args.output.output {
        Some(path) => format!("lines go to {}", path.display()),
        None => "lines go to stdout".to_owned(),
    };
    format!(
        "listening on {} with {}; alarms at {} x {} hosts or spread {}, sampling {}, memory {}; \
         {lines}; {page}; end with Ctrl-C",
        args.interfaces.names().collect::<Vec<_>>().join(" and "),
        counted(threads as u64, "thread"),
        config.sources,
        config.destinations,
        config.spread,
        config.sampling,
        config.memory,
    )
}

/// What to do about a file that the user of `--user` may not write.
fn for_user(failure: Failure, user: Option<&str>) -> Failure {
    match (failure, user) {
        (Failure::Failed(reason), Some(user)) if reason.contains("Permission denied") => {
            Failure::Failed(format!(
                "{reason}: with --user {user} the folder and the file must belong to that \
                 user (`chown {user} FOLDER`)"
            ))
        }
        (failure, _) => failure,
    }
}

/// Where the numbers of rules are remembered, if there are rules or alerts.
fn sids_path(args: &LiveArgs) -> Result<Option<PathBuf>, Failure> {
    let base = args.output.rules.as_deref().or(args.output.output.as_deref());
    match (&args.rules.sids, base) {
        (Some(path), _) => Ok(Some(path.clone())),
        (None, Some(base)) if args.output.rules.is_some() || args.output.eve => {
            Ok(Some(beside(base, ".sids.json")))
        }
        (None, None) if args.output.eve => Err(Failure::usage(
            "--eve to stdout needs --sids FILE, which remembers the numbers of alerts",
        )),
        _ => Ok(None),
    }
}

fn listen(args: &LiveArgs) -> Result<Option<TcpListener>, Failure> {
    if args.status.no_status {
        return Ok(None);
    }
    let hint = "give another --status ADDR:PORT, or --no-status";
    status::listen(args.status.status, hint).map(Some)
}

fn folders(args: &LiveArgs, sids: Option<&Path>) -> sandbox::files::Folders {
    let mut folders = sandbox::files::Folders::default();
    let state = args.running.state.as_deref();
    let written =
        [args.output.output.as_deref(), args.output.rules.as_deref(), sids, state];
    written.into_iter().flatten().for_each(|path| folders.write(path));
    let read = [
        args.settings.config.as_deref(),
        args.capture.rings.bpf_ddd.as_deref(),
        args.muted.mute.as_deref(),
    ];
    read.into_iter().flatten().for_each(|path| folders.read(path));
    if let Some(socket) = &args.output.suricata_socket {
        folders.read(socket);
    }
    folders
}
