//! `wormsift mute`: findings that are known, in a file.

use crate::args::{MuteArgs, id_prefix};
use crate::input::mute_file;
use crate::input::signature_files::{self, FromFiles};
use crate::output::exit_code::{Exit, Failure};
use crate::output::output_file::{OutputFiles, replace};
use crate::output::rules::now;
use crate::output::stdout::print;
use crate::output::talk::Talk;
use std::fmt::Write as _;
use wormsift::packet::Timestamp;
use wormsift_export::mute::{Entry, MuteFile, Subject, end_words};
use wormsift_export::text::{bytes_of, counted};

pub(super) fn run(args: &MuteArgs, talk: &Talk) -> Result<Exit, Failure> {
    let exists = args.file.try_exists();
    let exists = exists.map_err(|error| Failure::of(args.file.display(), error))?;
    let (mut file, mut damaged) = match exists {
        true => mute_file::read(&args.file, talk)?,
        false if args.list || args.remove => {
            return Err(Failure::of(args.file.display(), "there is no such file"));
        }
        false => (MuteFile::default(), 0),
    };
    if args.list {
        print(&list(&file))?;
    } else {
        OutputFiles::default().add("--file", Some(&args.file)).check([])?;
        damaged += match args.remove {
            true => remove(args, &mut file, talk)?,
            false => add(args, &mut file, talk)?,
        };
        replace(&args.file, &file.text())?;
    }
    Ok(if damaged > 0 { Exit::Damaged } else { Exit::Done })
}

/// Each entry as a line.
fn list(file: &MuteFile) -> String {
    let mut text = String::new();
    for (line, entry) in file.entries() {
        let kind = match &entry.subject {
            Subject::Id { kind: Some(kind), .. } => {
                format!(" ({})", kind.name().replace('_', " "))
            }
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "line {line}: {}{kind}, {}: {}",
            entry.subject,
            end_words(entry.until),
            entry.reason
        );
    }
    match text.is_empty() {
        true => "no entry\n".to_owned(),
        false => text,
    }
}

fn add(args: &MuteArgs, file: &mut MuteFile, talk: &Talk) -> Result<u64, Failure> {
    let (subject, damaged) = subject(args, talk)?;
    let now = now();
    let entry = Entry {
        subject,
        // The command line asks for both.
        reason: args.reason.clone().unwrap_or_default(),
        until: end(args, now)?,
        added: Some(second(now)),
    };
    let said = format!(
        "{}: {} is muted {}",
        args.file.display(),
        entry.subject,
        end_words(entry.until)
    );
    if args.replace {
        file.remove(|known| known.subject.is_same(&entry.subject));
    } else if let Some((line, known)) = file.of(&entry.subject) {
        return Err(Failure::usage(format_args!(
            "{}: line {line} has an entry of {}, {}: {}; --replace takes its place",
            args.file.display(),
            entry.subject,
            end_words(known.until),
            known.reason
        )));
    }
    file.add(entry).map_err(Failure::usage)?;
    talk.result(said);
    Ok(damaged)
}

/// What is to be muted, and how many lines of findings could not be read.
fn subject(args: &MuteArgs, talk: &Talk) -> Result<(Subject, u64), Failure> {
    let Some(id) = &args.id else {
        let text = args.content.as_deref().unwrap_or_default();
        let bytes = bytes_of(text).ok_or_else(|| {
            Failure::usage(format_args!(
                "--content: expected two hexadecimal digits for each byte, found `{text}`"
            ))
        })?;
        return Ok((Subject::Content(bytes), 0));
    };
    let id = id.to_ascii_lowercase();
    if args.signatures.is_empty() {
        if id.len() < 32 {
            return Err(Failure::usage(format_args!(
                "expected an id of 32 hexadecimal digits, or --signatures FILE to look for one that \
                 begins so; found `{id}`"
            )));
        }
        talk.warning(format_args!(
            "{id} was not looked up; without --signatures an incident is muted without its kind, \
             and not while it is an outbreak"
        ));
        return Ok((Subject::id(&id), 0));
    }
    let FromFiles { signatures, incidents, damaged, .. } =
        signature_files::read_with_incidents(&args.signatures, talk)?;
    let ids = signatures.iter().map(|it| &it.id).chain(incidents.keys());
    let known = ids.filter(|known| known.starts_with(&id));
    let subject = match one(&id, known.map(String::as_str).collect())? {
        Some(found) => match signature_files::whole(found, &incidents) {
            Some(whole) => {
                if whole.id != found {
                    talk.warning(format_args!("{found} has become part of {}", whole.id));
                }
                Subject::incident(whole)
            }
            None => {
                incidents.get(found).map_or_else(|| Subject::id(found), Subject::incident)
            }
        },
        None if id.len() < 32 => {
            return Err(Failure::usage(format_args!(
                "no signature or incident has an id that begins with `{id}`, of {} and {} read",
                counted(signatures.len() as u64, "signature"),
                counted(incidents.len() as u64, "incident")
            )));
        }
        None => {
            talk.warning(format_args!("{id} is in none of the files"));
            Subject::id(&id)
        }
    };
    Ok((subject, damaged))
}

/// The one id that begins so; of several an error.
fn one<'a>(id: &str, mut fit: Vec<&'a str>) -> Result<Option<&'a str>, Failure> {
    let id = id_prefix::given(id)?;
    fit.sort_unstable();
    fit.dedup();
    match fit[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(Failure::usage(format_args!(
            "{} ids begin with `{id}`: give more digits of {}",
            fit.len(),
            fit[..fit.len().min(4)].join(", ")
        ))),
    }
}

fn end(args: &MuteArgs, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    match (args.until, args.span) {
        (Some(until), _) => Ok(Some(until.0)),
        (None, Some(span)) => {
            let end = now.as_nanos().checked_add(span.0).map(Timestamp::from_nanos);
            end.map(|end| Some(second(end))).ok_or_else(|| {
                Failure::usage(
                    "--for: expected a time that ends before 2554; --never has no end",
                )
            })
        }
        (None, None) => Ok(None),
    }
}

/// To the second: nobody waits for less.
fn second(time: Timestamp) -> Timestamp {
    const SECOND: u64 = 1_000_000_000;
    Timestamp::from_nanos(time.as_nanos() / SECOND * SECOND)
}

fn remove(args: &MuteArgs, file: &mut MuteFile, talk: &Talk) -> Result<u64, Failure> {
    let asked = args.id.as_ref().or(args.content.as_ref());
    let asked = asked.map(|it| it.to_ascii_lowercase()).unwrap_or_default();
    let is_kind =
        |subject: &Subject| args.id.is_some() == matches!(subject, Subject::Id { .. });
    let fit = file.entries().filter(|(_, entry)| is_kind(&entry.subject));
    let fit = fit.map(|(_, entry)| entry.subject.name());
    let fit: Vec<String> = match args.id {
        Some(_) => fit.filter(|name| name.starts_with(&asked)).collect(),
        None => fit.filter(|name| *name == asked).collect(),
    };
    let Some(name) = one(&asked, fit.iter().map(String::as_str).collect())? else {
        return Err(Failure::usage(format_args!(
            "{}: no entry of {asked}, of {}",
            args.file.display(),
            file.entries().count()
        )));
    };
    for entry in file.remove(|it| is_kind(&it.subject) && it.subject.name() == name) {
        talk.result(format_args!(
            "{}: {} is no longer muted: {}",
            args.file.display(),
            entry.subject,
            entry.reason
        ));
    }
    Ok(0)
}
