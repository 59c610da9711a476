//! What a merger finds, and where it goes: lines in a file and on stdout, or a table at the
//! end; rules; the status page.
//!
//! A merger that goes on from a checkpoint begins with what its lines say, so that stdout, table,
//! rules and page are those of the whole run.

use super::lines::Lines;
use crate::args::{MergeArgs, RuleArgs};
use crate::input::durations;
use crate::output::exit_code::Failure;
use crate::output::output_file::OutputFiles;
use crate::output::report::Report;
use crate::output::rule_file::{RuleFile, beside};
use crate::output::stdout::{json_line, print};
use crate::output::talk::Talk;
use crate::status::News;
use std::io::{IsTerminal, stdout};
use std::sync::Arc;
use wormsift::fleet::Merger;
use wormsift::signature::{Finding, Incident};
use wormsift_export::durations::Durations;
use wormsift_export::json_lines;
use wormsift_export::mute::Muting;
use wormsift_run::Warning;

pub(super) struct Found {
    lines: Lines,
    /// Lines on stdout; else a table at the end.
    prints: bool,
    /// What is said on stderr of findings: nothing beside lines on a screen.
    says: bool,
    report: Report,
    rules: Option<RuleFile>,
    pub(super) news: News,
    durations: Durations,
}

/// What is read before anything is opened.
pub(super) struct Prepared(Durations);

impl Prepared {
    pub(super) fn new(args: &MergeArgs, talk: &Talk) -> Result<Self, Failure> {
        OutputFiles::default()
            .add("--rules", args.output.rules.as_deref())
            .add("--sids", args.rules.sids.as_deref())
            .check([])?;
        durations::read(args.durations.durations.as_deref(), talk).map(Self)
    }
}

impl Found {
    /// Goes on with what is in the file of lines; `saved` is what [`Found::save`] made at the
    /// checkpoint.
    pub(super) fn open(
        args: &MergeArgs,
        Prepared(durations): Prepared,
        saved: Option<&[u8]>,
        talk: &Talk,
    ) -> Result<Self, Failure> {
        let (lines, before) = Lines::open(&args.state, saved)?;
        let is_screen = stdout().is_terminal();
        let prints = args.output.prints_lines(is_screen);
        let rules = args.output.rules.as_deref().map(|path| {
            let sids =
                args.rules.sids.clone().or_else(|| Some(beside(path, ".sids.json")));
            let rules = RuleArgs {
                sids,
                kind: args.rules.kind.clone(),
                incident: args.rules.incident.clone(),
                isolate: args.rules.isolate.clone(),
                ..args.rules
            };
            RuleFile::open(path, rules, Arc::default(), talk)
        });
        let mut new = Self {
            lines,
            prints,
            says: !(prints && is_screen),
            report: Report::new(
                false,
                args.output.by_signature,
                false,
                Muting::default(),
            ),
            rules: rules.transpose()?,
            news: News::default(),
            durations,
        };
        new.take_up(&before)?;
        if prints {
            print(&before)?;
        }
        Ok(new)
    }

    /// Takes up what an earlier run has found.
    fn take_up(&mut self, lines: &str) -> Result<(), Failure> {
        let silent = Talk::silent();
        let wrong = |error| Failure::of("findings.jsonl", error);
        for line in lines.lines() {
            if let Some(finding) = json_lines::read(line).map_err(wrong)? {
                self.finding(finding, &silent)?;
            } else if let Some(it) = json_lines::read_incident(line).map_err(wrong)? {
                self.incident(it, &silent)?;
            } else if let Some(it) = json_lines::read_decoy(line).map_err(wrong)? {
                self.report.decoy(&it, &silent)?;
            } else if let Some(it) = json_lines::read_wave(line).map_err(wrong)? {
                self.report.wave(it)?;
            } else if let Some(it) = json_lines::read_event(line).map_err(wrong)? {
                self.report.event(it)?;
            }
        }
        Ok(())
    }

    fn finding(&mut self, finding: Finding, talk: &Talk) -> Result<(), Failure> {
        self.news.signature(finding.signature(), None);
        if let Some(rules) = &mut self.rules {
            rules.enter(Arc::new(finding.signature().clone()));
        }
        self.report.finding(finding, talk)
    }

    fn incident(&mut self, incident: Incident, talk: &Talk) -> Result<(), Failure> {
        self.news.incident(incident.clone(), None);
        self.report.incident(incident, talk)
    }

    /// Takes what the merger has found since the last call.
    pub(super) fn take(
        &mut self,
        merger: &mut Merger,
        talk: &Talk,
    ) -> Result<(), Failure> {
        let silent = Talk::silent();
        let said = if self.says { talk } else { &silent };
        let mut text = String::new();
        let mut line = |it: &str| {
            text.push_str(it);
            text.push('\n');
        };
        for message in merger.warnings() {
            talk.warning(&message);
            self.news.warning(&message);
            line(&json_line("warning", &Warning { message: &message })?);
        }
        for finding in merger.findings() {
            let finding = self.durations.estimate(finding);
            line(&json_lines::write(&finding));
            self.finding(finding, said)?;
        }
        for incident in merger.incidents() {
            let incident = self.durations.estimate_incident(incident);
            line(&json_lines::write_incident(&incident));
            self.incident(incident, said)?;
        }
        for decoy in merger.decoy_reports() {
            line(&json_lines::write_decoy(&decoy));
            self.report.decoy(&decoy, said)?;
        }
        for wave in merger.waves() {
            line(&json_lines::write_wave(&wave));
            self.report.wave(wave)?;
        }
        for event in merger.dark_events() {
            line(&json_lines::write_event(&event));
            self.report.event(event)?;
        }
        if text.is_empty() {
            return self.write_rules(false, talk);
        }
        self.lines.write(&text)?;
        if self.prints {
            print(&text)?;
        }
        self.write_rules(false, talk)
    }

    /// Writes the rules where there is something new: now, or not too soon after the last time.
    /// A disk that refuses is said, and tried again.
    fn write_rules(&mut self, now: bool, talk: &Talk) -> Result<(), Failure> {
        let Some(rules) = &mut self.rules else { return Ok(()) };
        match rules.write_if_due(now) {
            Ok(written) => {
                let reason = written.and_then(|written| written.without_number);
                reason.iter().for_each(|reason| talk.warning(reason));
                Ok(())
            }
            Err(failure) if now => Err(failure),
            Err(Failure::Usage(reason) | Failure::Failed(reason)) => {
                talk.error(format_args!("{reason}; it is tried again"));
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// As [`Lines::save`].
    pub(super) fn save(&mut self) -> Result<[u8; 8], Failure> {
        self.lines.save()
    }

    /// Whether lines are printed.
    pub(super) fn prints(&self) -> bool {
        self.prints
    }

    /// The table, where there is one, and the last rules.
    pub(super) fn finish(&mut self, talk: &Talk) -> Result<(), Failure> {
        if !self.prints {
            self.report.finish(talk.stdout_palette())?;
        }
        self.write_rules(true, talk)
    }
}
