//! The progress bar: by bytes of input, as on disk, or by what is written.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wormsift_export::text::counted;

/// A bar on stderr, or nothing.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Nothing to see.
    pub(crate) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// A bar, once [`Progress::at`] has said how far.
    pub(crate) fn shown() -> Self {
        Self(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10)))
    }

    /// So many bytes of the input are behind; of a stream, the total is unknown.
    pub(crate) fn at(&self, position: u64, total: Option<u64>) {
        if self.0.is_hidden() {
            return;
        }
        self.move_to(position, total, BAR, SPINNER);
    }

    /// So many packets are written; `share` is how much of the whole that is, of how
    /// much, in any unit, where that is known.
    pub(crate) fn written(&self, packets: u64, share: Option<(u64, u64)>) {
        if self.0.is_hidden() {
            return;
        }
        self.0.set_message(counted(packets, "packet"));
        match share {
            Some((done, all)) => {
                self.move_to(done.min(all), Some(all), WRITING, MAKING);
            }
            None => self.move_to(packets, None, WRITING, MAKING),
        }
    }

    /// So many of all runs are done.
    pub(crate) fn runs(&self, done: u64, all: u64) {
        if self.0.is_hidden() {
            return;
        }
        self.0.set_message(counted(done, "run"));
        self.move_to(done, Some(all), WRITING, MAKING);
    }

    fn move_to(&self, position: u64, total: Option<u64>, bounded: &str, unbounded: &str) {
        if self.0.length() != total || self.0.position() == 0 {
            self.0.set_style(style(if total.is_some() { bounded } else { unbounded }));
            if let Some(total) = total {
                self.0.set_length(total);
            }
        }
        self.0.set_position(position);
    }

    /// Writes to the terminal without the bar in the way.
    pub(crate) fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        self.0.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

const BAR: &str = "{bar:30} {percent:>3} %  {binary_bytes} of {binary_total_bytes}  \
                   {binary_bytes_per_sec}  {eta} left";
const SPINNER: &str = "{spinner} {binary_bytes}  {binary_bytes_per_sec}  {elapsed}";
const WRITING: &str = "{bar:30} {percent:>3} %  {msg}  {eta} left";
const MAKING: &str = "{spinner} {msg}  {elapsed}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_templates_are_well_formed() {
        for template in [BAR, SPINNER, WRITING, MAKING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
