//! stdout: what was found, as JSON lines at once or as a table at the end.

use crate::output::dark_table::DarkTable;
use crate::output::decoys::DecoyLines;
use crate::output::exit_code::Failure;
use crate::output::incident_table::Incidents;
use crate::output::muted::MutedFindings;
use crate::output::stdout::{print, print_json, print_line};
use crate::output::table::{Ranking, host_count, number};
use crate::output::talk::{Palette, Talk};
use crate::output::wave_table::WaveTable;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, IsTerminal};
use wormsift::dark::DarkEvent;
use wormsift::signature::{DecoyReport, Finding, Incident, Signature, Wave};
use wormsift_export::json_lines;
use wormsift_export::mute::{Muted, MutedCounts, Muting};
use wormsift_export::text::{counted, decoy_news, service};
use wormsift_run::Warning;

/// Takes findings as they are made.
pub(crate) struct Report {
    form: Form,
    /// Whether news are said on stderr too.
    talks: bool,
    muting: Muting,
    /// Ids of signatures that are not muted, as of the last word on each. Where nothing can be
    /// muted, the first is enough.
    open: HashSet<String>,
    /// The last word on each signature, where rules are to be made of them.
    kept: Option<Vec<Signature>>,
    /// The same of those that are muted.
    kept_muted: Vec<Signature>,
    /// The last word on each incident by its id, where signatures are kept.
    kept_incidents: BTreeMap<String, Incident>,
    /// The last word on what is muted.
    muted: MutedFindings,
    /// What decoys started, for the end of a table.
    decoys: DecoyLines,
    warnings: Vec<String>,
    /// What stopped stdout, where other outputs are still to be written.
    stopped: Option<Failure>,
    /// The id of the best finding: the first of the table, or of the lines.
    first_id: Option<String>,
}

enum Form {
    /// Each line is written and flushed as it comes; nothing is kept.
    Json,
    /// The best are kept for the end.
    Table {
        signatures: Ranking,
        incidents: Incidents,
        dark: DarkTable,
        waves: WaveTable,
        by_signature: bool,
    },
}

impl Report {
    /// Lines or a table, of signatures one by one if that is asked for; `keep` for
    /// [`Report::kept`]. What `muting` mutes is marked in lines and set apart elsewhere.
    pub(crate) fn new(
        json: bool,
        by_signature: bool,
        keep: bool,
        muting: Muting,
    ) -> Self {
        let table = Form::Table {
            signatures: Ranking::default(),
            incidents: Incidents::default(),
            dark: DarkTable::default(),
            waves: WaveTable::default(),
            by_signature,
        };
        Self {
            kept: keep.then(Vec::new),
            kept_muted: Vec::new(),
            kept_incidents: BTreeMap::new(),
            form: if json { Form::Json } else { table },
            // The lines themselves are on the screen already.
            talks: !(json && io::stdout().is_terminal()),
            muting,
            open: HashSet::new(),
            muted: MutedFindings::default(),
            decoys: DecoyLines::default(),
            warnings: Vec::new(),
            stopped: None,
            first_id: None,
        }
    }

    /// An id to show a person what `explain` takes.
    pub(crate) fn an_id(&self) -> Option<&str> {
        self.first_id.as_deref()
    }

    /// A stdout that takes no more does not cost the files that were asked for: the run
    /// goes on without it, and [`Report::finish`] fails.
    fn printed(&mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        match result {
            Err(failure) if self.kept.is_some() => {
                self.stopped = Some(failure);
                Ok(())
            }
            other => other,
        }
    }

    /// Whether there is a signature that is not muted.
    pub(crate) fn found_any(&self) -> bool {
        !self.open.is_empty()
    }

    /// How many findings were muted.
    pub(crate) fn muted_counts(&self) -> MutedCounts {
        self.muting.counts()
    }

    /// The last word on what is muted.
    pub(crate) fn muted(&self) -> &MutedFindings {
        &self.muted
    }

    /// The signatures of all summaries so far that are not muted, if they were to be kept.
    pub(crate) fn kept(&self) -> &[Signature] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// The same with those that are muted: each with whether it is.
    pub(crate) fn kept_marked(&self) -> impl Iterator<Item = (&Signature, bool)> {
        let open = self.kept().iter().map(|it| (it, false));
        open.chain(self.kept_muted.iter().map(|it| (it, true)))
    }

    /// The last word on each incident so far that is part of no other and not muted, if
    /// signatures are kept.
    pub(crate) fn kept_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.kept_incidents.values()
    }

    /// The warnings so far, if signatures are kept.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Writes, or keeps, one finding.
    pub(crate) fn finding(
        &mut self,
        finding: Finding,
        talk: &Talk,
    ) -> Result<(), Failure> {
        let muted = self.muting.signature(finding.signature());
        self.tell_mutes(talk)?;
        self.note(&finding, muted.as_ref());
        if muted.is_some() {
            if let Finding::Signature(signature) = &finding {
                talk.detail(format_args!("muted: {}", news(signature)));
            }
        } else if self.talks {
            match &finding {
                Finding::Signature(signature) => talk.news(news(signature)),
                Finding::Update(signature) => {
                    talk.detail(format_args!("update: {}", news(signature)));
                }
                Finding::Summary(_) => {}
            }
        }
        // A part of another signature is no content of its own.
        let is_part = finding.signature().part_of.is_some();
        if let (Some(kept), Finding::Summary(signature)) = (&mut self.kept, &finding)
            && !is_part
        {
            let list = if muted.is_some() { &mut self.kept_muted } else { kept };
            list.push(signature.clone());
        }
        match (&mut self.form, finding) {
            (Form::Json, _) if self.stopped.is_some() => Ok(()),
            (Form::Json, finding) => {
                let line = json_lines::write_marked(&finding, muted.as_ref());
                let result = print_line(&line);
                self.printed(result)
            }
            (Form::Table { signatures, .. }, Finding::Summary(signature))
                if !is_part && muted.is_none() =>
            {
                signatures.add(signature);
                Ok(())
            }
            (Form::Table { .. }, _) => Ok(()),
        }
    }

    /// Remembers what a finding says of its signature.
    fn note(&mut self, finding: &Finding, muted: Option<&Muted>) {
        let signature = finding.signature();
        let is_new = matches!(finding, Finding::Signature(_));
        if muted.is_none() && is_new && self.first_id.is_none() {
            self.first_id = Some(signature.id.clone());
        }
        self.muted.signature(signature, muted);
        if self.muting.mutes().is_empty() {
            if is_new && self.open.is_empty() {
                self.open.insert(signature.id.clone());
            }
        } else if muted.is_some() {
            self.open.remove(&signature.id);
        } else {
            self.open.insert(signature.id.clone());
        }
    }

    /// Writes, or keeps, what is new of an incident.
    pub(crate) fn incident(
        &mut self,
        incident: Incident,
        talk: &Talk,
    ) -> Result<(), Failure> {
        let muted = self.muting.incident(&incident);
        self.tell_mutes(talk)?;
        self.muted.incident(&incident, muted.as_ref());
        let is_gone = incident.part_of.is_some() || muted.is_some();
        if self.kept.is_some() {
            match is_gone {
                true => self.kept_incidents.remove(&incident.id),
                false => {
                    self.kept_incidents.insert(incident.id.clone(), incident.clone())
                }
            };
        }
        match &mut self.form {
            Form::Json if self.stopped.is_some() => Ok(()),
            Form::Json => {
                let line = json_lines::write_marked_incident(&incident, muted.as_ref());
                let result = print_line(&line);
                self.printed(result)
            }
            Form::Table { incidents, .. } if is_gone => {
                incidents.remove(&incident.id);
                Ok(())
            }
            Form::Table { incidents, .. } => {
                incidents.take(incident);
                Ok(())
            }
        }
    }

    /// Writes, or keeps, what happened at dark addresses.
    pub(crate) fn event(&mut self, event: DarkEvent) -> Result<(), Failure> {
        match &mut self.form {
            Form::Json if self.stopped.is_some() => Ok(()),
            Form::Json => {
                let result = print_line(&json_lines::write_event(&event));
                self.printed(result)
            }
            Form::Table { dark, .. } => {
                dark.take(event);
                Ok(())
            }
        }
    }

    /// Writes, or keeps, a wave.
    pub(crate) fn wave(&mut self, wave: Wave) -> Result<(), Failure> {
        match &mut self.form {
            Form::Json if self.stopped.is_some() => Ok(()),
            Form::Json => {
                let result = print_line(&json_lines::write_wave(&wave));
                self.printed(result)
            }
            Form::Table { waves, .. } => {
                waves.take(wave);
                Ok(())
            }
        }
    }

    /// Writes what a decoy started: a line at once, or at the end beside the table.
    pub(crate) fn decoy(
        &mut self,
        report: &DecoyReport,
        talk: &Talk,
    ) -> Result<(), Failure> {
        let news = decoy_news(report);
        if self.talks {
            talk.news(&news);
        }
        match self.form {
            Form::Json if self.stopped.is_some() => Ok(()),
            Form::Json => {
                let result = print_line(&json_lines::write_decoy(report));
                self.printed(result)
            }
            Form::Table { .. } => {
                self.decoys.add(news);
                Ok(())
            }
        }
    }

    /// Says which mutes no longer hold.
    fn tell_mutes(&mut self, talk: &Talk) -> Result<(), Failure> {
        let news = self.muting.take_news();
        news.iter().try_for_each(|line| self.warning(line, talk))
    }

    /// Writes what the engine says about itself.
    pub(crate) fn warning(&mut self, message: &str, talk: &Talk) -> Result<(), Failure> {
        talk.warning(message);
        if self.kept.is_some() {
            self.warnings.push(message.to_owned());
        }
        self.line("warning", &Warning { message })
    }

    fn line(&mut self, kind: &'static str, it: &impl Serialize) -> Result<(), Failure> {
        match self.form {
            Form::Json if self.stopped.is_none() => {
                let result = print_json(kind, it);
                self.printed(result)
            }
            Form::Json | Form::Table { .. } => Ok(()),
        }
    }

    /// Writes the counters, where they are data.
    pub(crate) fn stats(&mut self, stats: &impl Serialize) -> Result<(), Failure> {
        self.line("stats", stats)
    }

    /// Writes the table, where there is one. Fails, too, if stdout failed before.
    pub(crate) fn finish(&mut self, palette: Palette) -> Result<(), Failure> {
        match &mut self.form {
            Form::Json => self.stopped.take().map_or(Ok(()), Err),
            Form::Table { signatures, incidents, dark, waves, by_signature } => {
                let signatures = std::mem::take(signatures);
                self.first_id = signatures.first_id().or(self.first_id.take());
                let text = match by_signature {
                    true => signatures.render(width(), palette),
                    false => {
                        std::mem::take(incidents).render(&signatures, width(), palette)
                    }
                };
                let (started, muted) = (self.decoys.text(), self.muted.text());
                let events = waves.render() + &dark.render();
                let rest = format!("{started}{muted}{events}");
                match self.open.is_empty() && !muted.is_empty() {
                    true => print(&format!("nothing found that is not muted\n{rest}")),
                    false => print(&(text + &rest)),
                }
            }
        }
    }
}

/// Columns of the terminal; `None` where stdout is none.
fn width() -> Option<usize> {
    /// Of a terminal that does not tell.
    const USUAL: usize = 80;
    let stdout = io::stdout();
    let told = terminal_size::terminal_size_of(&stdout);
    stdout.is_terminal().then(|| told.map_or(USUAL, |(width, _)| usize::from(width.0)))
}

/// A signature in one line.
pub(crate) fn news(signature: &Signature) -> String {
    let s = signature;
    format!(
        "{} {} of {} by {}, {} confidence, {} to {}, spread {}",
        s.id,
        service(s),
        counted(s.content.len() as u64, "byte"),
        s.alarm.name(),
        s.confidence.name(),
        host_count(s.source_count(), "source"),
        host_count(s.destination_count(), "destination"),
        number(s.spread_count())
    )
}
