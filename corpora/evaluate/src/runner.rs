//! The runs shared out over threads, kept in a file, and resumed.

use super::counted::counted;
use super::high::HighAt;
use super::job::{Job, Key};
use super::learned::Learned;
use super::results::Run;
use super::rules_hit::Rules;
use super::run::{judge, sift};
use crate::error::EvaluateError;
use crate::observer::Observer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;
use wormsift_export::append::append_whole;

/// What came of the jobs.
pub(crate) struct Outcome {
    pub(crate) runs: BTreeMap<Key, Run>,
    /// The signal that ended it early.
    pub(crate) stopped_by: Option<i32>,
}

/// Something to do with each run's rules, such as counting what they match elsewhere.
pub(crate) type Also<'a> = &'a (dyn Fn(&Rules<'_>, &mut Run) + Sync);

/// Does the jobs on so many threads, one job a thread and one thread a job, so that
/// speeds can be compared.
pub(crate) fn run(
    mut jobs: Vec<Job>,
    threads: usize,
    kept: Option<&mut Kept>,
    known: &Learned,
    also: Also<'_>,
    observer: &dyn Observer,
) -> Result<Outcome, EvaluateError> {
    let mut runs = BTreeMap::new();
    let mut kept = kept;
    if let Some(kept) = &mut kept {
        for job in &mut jobs {
            job.runs.retain(|(key, _)| match kept.known.remove(key) {
                Some(run) => {
                    runs.insert(key.clone(), run);
                    false
                }
                None => true,
            });
        }
    }
    jobs.retain(|job| !job.runs.is_empty());
    let all: usize = jobs.iter().map(|job| job.runs.len()).sum();
    jobs.reverse();
    let queue = Queue { jobs: Mutex::new(jobs), stopped: AtomicBool::new(false) };
    let (sender, receiver) = channel();
    let mut stopped_by = None;
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (sender, queue) = (sender.clone(), &queue);
            scope.spawn(move || work(queue, &sender, known, also));
        }
        drop(sender);
        let mut done = 0;
        loop {
            match receiver.recv_timeout(Duration::from_millis(100)) {
                Ok(Ok((key, run))) => {
                    if let Some(kept) = &mut kept {
                        kept.append(&key, &run)?;
                    }
                    runs.insert(key, run);
                    done += 1;
                    observer.runs(done, all as u64);
                }
                Ok(Err(failure)) => {
                    queue.stop();
                    return Err(failure);
                }
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if stopped_by.is_none() {
                stopped_by = observer.stopped_by();
                if stopped_by.is_some() {
                    queue.stop();
                }
            }
        }
    })?;
    Ok(Outcome { runs, stopped_by })
}

/// Jobs that are still to be done.
struct Queue {
    jobs: Mutex<Vec<Job>>,
    stopped: AtomicBool,
}

impl Queue {
    fn next(&self) -> Option<Job> {
        self.jobs.lock().ok()?.pop().filter(|_| !self.is_stopped())
    }

    /// What is under way is given up at the next second of its packets.
    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

type Done = Result<(Key, Run), EvaluateError>;

fn work(queue: &Queue, sender: &Sender<Done>, known: &Learned, also: Also<'_>) {
    let pool = match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(pool) => pool,
        Err(error) => {
            let _ = sender.send(Err(error.into()));
            return;
        }
    };
    while let Some(job) = queue.next() {
        let read = match job.source.frames() {
            Ok(read) => read,
            Err(failure) => {
                let _ = sender.send(Err(failure));
                return;
            }
        };
        let (stored, truth) = &*read;
        let frames = stored.frames();
        let hash = stored.hash();
        for (key, config) in job.runs {
            if queue.is_stopped() {
                return;
            }
            let said = pool.install(|| sift(&config, &frames, known, &queue.stopped));
            let Some(said) = said.map_err(EvaluateError::from).transpose() else {
                return;
            };
            let done = said.map(|said| {
                let mut run = judge(&said, truth, &config);
                run.frames_hash.clone_from(&hash);
                run.counted = counted(&said, &frames, truth, &config);
                run.high = HighAt::of(&said, &frames, truth, &config);
                let rules = Rules::of(&said, truth, &config);
                rules.count_worm(&frames, truth, &mut run);
                also(&rules, &mut run);
                (key, run)
            });
            if sender.send(done).is_err() {
                return;
            }
        }
    }
}

/// The threads to use: as asked, or one a core.
pub fn threads(asked: Option<NonZero<usize>>) -> usize {
    asked.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get)
}

/// Finished runs on disk, one JSON line each.
pub(crate) struct Kept {
    file: File,
    known: BTreeMap<Key, Run>,
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: Key,
    run: Run,
}

impl Kept {
    /// Reads what is there; a last line that was cut off is done again. Other lines that
    /// cannot be read are said and left alone.
    pub(crate) fn open(
        path: &Path,
        observer: &dyn Observer,
    ) -> Result<Self, EvaluateError> {
        let name = path.display().to_string();
        let failed = EvaluateError::io(path);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(&failed)?;
        let mut known = BTreeMap::new();
        let mut whole = true;
        let mut reader = BufReader::new(&file);
        // Bytes: a line may have been cut off inside a character.
        let mut text = Vec::new();
        let mut number = 0;
        while reader.read_until(b'\n', &mut text).map_err(&failed)? > 0 {
            number += 1;
            whole = text.ends_with(b"\n");
            match serde_json::from_slice::<Line>(&text) {
                Ok(line) => {
                    known.insert(line.key, line.run);
                }
                Err(error) => observer.warning(&format_args!(
                    "{name}: line {number}: expected a run, found {error}: it is done again"
                )),
            }
            text.clear();
        }
        if !whole {
            file.write_all(b"\n").map_err(&failed)?;
        }
        Ok(Self { file, known, path: path.to_owned() })
    }

    fn append(&mut self, key: &Key, run: &Run) -> Result<(), EvaluateError> {
        let line = Line { key: key.clone(), run: run.clone() };
        let mut text =
            serde_json::to_string(&line).map_err(EvaluateError::json(&self.path))?;
        text.push('\n');
        append_whole(&mut self.file, text.as_bytes())
            .map_err(EvaluateError::io(&self.path))
    }
}
