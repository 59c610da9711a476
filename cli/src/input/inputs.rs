//! The captures behind arguments, and what is said about them before they are read.

use crate::output::talk::Talk;
use std::io::{self, IsTerminal};
use wormsift_capture::{Input, Inputs};

/// What one tap saw: its number and its captures.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) tap: u16,
    pub(crate) arguments: Vec<String>,
}

/// What there is to read, and what there is not.
pub(crate) struct Captures {
    pub(crate) inputs: Vec<Input>,
    /// Arguments that stand for nothing: each was told.
    pub(crate) missing: u64,
    /// Files in folders, and matches of patterns, that are no captures.
    pub(crate) skipped: u64,
}

/// The same of several taps.
pub(crate) fn find_all(sources: &[Source], talk: &Talk) -> Captures {
    let mut all = Captures { inputs: Vec::new(), missing: 0, skipped: 0 };
    for Source { tap, arguments } in sources {
        let found = find(arguments, talk);
        all.inputs.extend(found.inputs.into_iter().map(|input| input.of_tap(*tap)));
        all.missing += found.missing;
        all.skipped += found.skipped;
    }
    all
}

/// Finds the captures. A line a missing argument; under `-v` also a line for each input and
/// each file that is skipped. Where standard input is a terminal, it says that it waits.
pub(crate) fn find(arguments: &[String], talk: &Talk) -> Captures {
    let Inputs { inputs, missing, skipped } = wormsift_capture::find(arguments);
    missing.iter().for_each(|line| talk.error(line));
    skipped.iter().for_each(|line| talk.detail(line));
    inputs.iter().for_each(|input| talk.detail(format_args!("input {}", input.name())));
    if waits_at_terminal(arguments, io::stdin().is_terminal()) {
        talk.result(
            "waiting for a capture on standard input, which is a terminal: pipe one in (as \
             with `tcpdump -w - | wormsift detect -`), or press Ctrl-C",
        );
    }
    Captures { missing: missing.len() as u64, skipped: skipped.len() as u64, inputs }
}

/// Whether a person may not know that the program waits for what they type.
fn waits_at_terminal(arguments: &[String], stdin_is_terminal: bool) -> bool {
    stdin_is_terminal && arguments.iter().any(|argument| argument == "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_standard_input_at_a_terminal_waits_for_a_person() {
        let arguments = |names: &[&str]| -> Vec<String> {
            names.iter().map(|&name| name.to_owned()).collect()
        };
        for (names, terminal, waits) in [
            (&["-"][..], true, true),
            (&["a.pcap", "-"], true, true),
            (&["-"], false, false),
            (&["a.pcap"], true, false),
        ] {
            assert_eq!(
                waits_at_terminal(&arguments(names), terminal),
                waits,
                "{names:?}"
            );
        }
    }
}
