//! stdout: what was found, as JSON lines at once or as a table at the end.

use crate::exit_code::Failure;
use crate::stdout::{print, print_json, print_line};
use crate::table::{Ranking, counted, service};
use crate::talk::{Palette, Talk};
use serde::Serialize;
use std::io::{self, IsTerminal};
use wormsift::export::json_lines;
use wormsift::signature::{Finding, Signature};

/// Takes findings as they are made.
pub(crate) struct Report {
    form: Form,
    /// Whether news are said on stderr too.
    talks: bool,
    found_any: bool,
    /// The last word on each signature, where rules are to be made of them.
    kept: Option<Vec<Signature>>,
    warnings: Vec<String>,
}

enum Form {
    /// Each line is written and flushed as it comes; nothing is kept.
    Json,
    /// The best are kept for the end.
    Table(Ranking),
}

impl Report {
    /// Lines or a table; `keep` for [`Report::kept`].
    pub(crate) fn new(json: bool, keep: bool) -> Self {
        Self {
            kept: keep.then(Vec::new),
            form: if json { Form::Json } else { Form::Table(Ranking::default()) },
            // The lines themselves are on the screen already.
            talks: !(json && io::stdout().is_terminal()),
            found_any: false,
            warnings: Vec::new(),
        }
    }

    /// Whether there was a signature.
    pub(crate) fn found_any(&self) -> bool {
        self.found_any
    }

    /// The signatures of all summaries so far, if they were to be kept.
    pub(crate) fn kept(&self) -> &[Signature] {
        self.kept.as_deref().unwrap_or_default()
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
        self.found_any |= matches!(finding, Finding::Signature(_));
        if self.talks {
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
            kept.push(signature.clone());
        }
        match (&mut self.form, finding) {
            (Form::Json, finding) => print_line(&json_lines::write(&finding)),
            (Form::Table(ranking), Finding::Summary(signature)) if !is_part => {
                ranking.add(signature);
                Ok(())
            }
            (Form::Table(_), _) => Ok(()),
        }
    }

    /// Writes what the engine says about itself.
    pub(crate) fn warning(&mut self, message: &str, talk: &Talk) -> Result<(), Failure> {
        talk.warning(message);
        if self.kept.is_some() {
            self.warnings.push(message.to_owned());
        }
        match self.form {
            Form::Json => print_json("warning", &Warning { message }),
            Form::Table(_) => Ok(()),
        }
    }

    /// Writes the counters, where they are data.
    pub(crate) fn stats(&self, stats: &impl Serialize) -> Result<(), Failure> {
        match self.form {
            Form::Json => print_json("stats", stats),
            Form::Table(_) => Ok(()),
        }
    }

    /// Writes the table, where there is one.
    pub(crate) fn finish(self, palette: Palette) -> Result<(), Failure> {
        match self.form {
            Form::Json => Ok(()),
            Form::Table(ranking) => print(&ranking.render(width(), palette)),
        }
    }
}

#[derive(Serialize)]
struct Warning<'a> {
    message: &'a str,
}

fn width() -> Option<usize> {
    let stdout = io::stdout();
    let (width, _) = terminal_size::terminal_size_of(&stdout)?;
    Some(usize::from(width.0))
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
        counted(s.sources.into(), "source"),
        counted(s.destinations.into(), "destination"),
        s.spread
    )
}
