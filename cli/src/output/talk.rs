//! stderr: what the program says to a person, beside its data. It never fails: who does
//! not listen misses it.

use crate::args::{ColorChoice, TalkArgs};
use crate::output::progress::Progress;
use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
pub(crate) use wormsift_run::palette::{Paint, Palette};

/// Says things on stderr, around a progress bar if there is one.
pub(crate) struct Talk {
    level: Level,
    color: ColorChoice,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Quiet,
    Normal,
    Verbose,
}

impl Talk {
    pub(crate) fn new(args: &TalkArgs) -> Self {
        let level = match args {
            TalkArgs { quiet: true, .. } => Level::Quiet,
            TalkArgs { verbose: true, .. } => Level::Verbose,
            _ => Level::Normal,
        };
        Self { level, color: args.color, progress: Progress::hidden() }
    }

    /// Says nothing but errors, for what is done behind the scenes.
    #[cfg(any(target_os = "linux", feature = "fleet"))]
    pub(crate) fn silent() -> Self {
        let level = Level::Quiet;
        Self { level, color: ColorChoice::Never, progress: Progress::hidden() }
    }

    /// Shows a progress bar if there is a person who can see it.
    pub(crate) fn show_progress(&mut self) {
        if self.level > Level::Quiet && io::stderr().is_terminal() {
            self.progress = Progress::shown();
        }
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Takes the progress bar away.
    pub(crate) fn end_progress(&mut self) {
        self.progress = Progress::hidden();
    }

    /// What is wrong; said even to who asked for quiet.
    pub(crate) fn error(&self, text: impl Display) {
        self.line(&format!("{} {text}", self.paint(Paint::Red, "wormsift:")));
    }

    /// What may be wrong.
    pub(crate) fn warning(&self, text: impl Display) {
        if self.level > Level::Quiet {
            self.line(&format!("{} {text}", self.paint(Paint::Yellow, "warning:")));
        }
    }

    /// What is new.
    pub(crate) fn news(&self, text: impl Display) {
        if self.level > Level::Quiet {
            self.line(&format!("{} {text}", self.paint(Paint::Bold, "found:")));
        }
    }

    /// What came of it.
    pub(crate) fn result(&self, text: impl Display) {
        if self.level > Level::Quiet {
            self.line(&text.to_string());
        }
    }

    /// What was asked for by a flag of its own.
    pub(crate) fn answer(&self, text: impl Display) {
        self.line(&text.to_string());
    }

    /// What only the curious want.
    pub(crate) fn detail(&self, text: impl Display) {
        if self.level == Level::Verbose {
            self.line(&text.to_string());
        }
    }

    /// The colours for stdout.
    pub(crate) fn stdout_palette(&self) -> Palette {
        Palette(is_colored(self.color, io::stdout().is_terminal()))
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
        Palette(is_colored(self.color, io::stderr().is_terminal())).paint(paint, text)
    }

    fn line(&self, text: &str) {
        self.progress.suspend(|| {
            let _ = writeln!(io::stderr(), "{text}");
        });
    }
}

/// See <https://no-color.org>: set and not empty means no.
fn is_colored(choice: ColorChoice, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
            terminal && !refused && !dumb
        }
    }
}
