//! The baseline as built for this very processor: the same program, in a process of
//! its own that takes its turns with this one's.
//!
//! It is asked line by line on its standard input, and answers each with the seconds
//! that a turn took.

use super::{LARGE, PART, RABIN, SMALL, Sizes, roll, sift_scalar};
use baseline::measure::{Contender, Turns, random};
use baseline::{EarlyBird, Packets, Rabin};
use std::cell::RefCell;
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

/// The other process.
pub(super) struct Native {
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    process: Child,
}

impl Native {
    pub(super) fn start(path: &str) -> Self {
        let mut process = Command::new(path)
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        Self { questions: process.stdin.take(), answers, process }
    }

    /// Has it read the same packets.
    pub(super) fn load(&mut self, captures: &[String]) {
        self.ask(&format!("load\t{}", captures.join("\t")));
    }

    fn ask(&mut self, question: &str) -> f64 {
        let questions = self.questions.as_mut().expect("open until dropped");
        let asked = writeln!(questions, "{question}").and_then(|()| questions.flush());
        let mut line = String::new();
        let answered = asked.and_then(|()| self.answers.read_line(&mut line));
        match (answered, line.trim().parse()) {
            (Ok(_), Ok(seconds)) => seconds,
            _ => panic!("the native build gave no answer to `{question}`: `{line}`"),
        }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.questions.take());
        let _ = self.process.wait();
    }
}

fn name_of(name: &str) -> String {
    format!("{name}, native")
}

/// The other process's turn at this baseline.
pub(super) fn contender<'a>(
    native: &'a RefCell<Native>,
    name: &'static str,
    bytes: usize,
) -> Contender<'a> {
    Contender::timed(name_of(name), bytes, move || native.borrow_mut().ask(name))
}

/// The faster build of a baseline; anything else is what it is.
pub(super) fn faster(turns: &Turns, name: &str) -> String {
    let native = name_of(name);
    let known = turns.names().any(|found| found == native);
    if known && turns.ratio(&native, name) > 1.0 { native } else { name.to_owned() }
}

/// Answers until the input ends.
pub(super) fn serve() -> ExitCode {
    let part = random(PART);
    let rabin = Rabin::new(40);
    let sizes = Sizes::new();
    let mut packets = None;
    let mut birds =
        [sizes.large, sizes.small].map(|table| (table, EarlyBird::new(table)));
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return ExitCode::FAILURE };
        let mut words = line.split('\t');
        let seconds = match words.next() {
            Some(RABIN) => {
                let begin = Instant::now();
                black_box(roll(&rabin, black_box(&part)));
                begin.elapsed().as_secs_f64()
            }
            Some("load") => {
                let captures = words.filter(|word| !word.is_empty()).map(str::to_owned);
                packets = Some(Packets::open(&captures.collect::<Vec<_>>()));
                0.0
            }
            Some(name @ (LARGE | SMALL)) => {
                let Some(packets) = &mut packets else { return ExitCode::FAILURE };
                let (table, bird) = &mut birds[usize::from(name == SMALL)];
                sift_scalar(packets, bird, *table)
            }
            _ => return ExitCode::FAILURE,
        };
        println!("{seconds}");
    }
    ExitCode::SUCCESS
}
