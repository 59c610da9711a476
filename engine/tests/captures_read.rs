//! Real captures are read as far as they go, and as far as `capinfos` reads them.

use crate::common::captures::folders;
use crate::common::environment::has;
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use wormsift_capture::{Damage, Input, Limits, MAX_RECORD_BYTES, Trace, inputs};

const PARTS: [&str; 4] = ["benign", "attack", "silent", "malformed"];

/// A file, the frames read from it, and its line of damage.
struct Read {
    path: String,
    frames: u64,
    damage: Option<Damage>,
}

#[test]
fn every_real_file_is_read_and_damage_is_one_line() {
    for folder in PARTS.into_iter().flat_map(folders) {
        let (part, read) = (folder.display(), read_each(&folder));
        assert!(!read.is_empty(), "{part} holds no file");
        let frames: u64 = read.iter().map(|file| file.frames).sum();
        let damaged: Vec<_> =
            read.iter().filter_map(|file| file.damage.as_ref()).collect();
        println!(
            "{part}: {} files, {frames} frames, {} damaged",
            read.len(),
            damaged.len()
        );
        for damage in damaged {
            let line = damage.to_string();
            println!("  {line}");
            assert!(line.starts_with(&damage.path), "{line}");
            assert!(!line.contains(char::is_control), "{line}");
        }
        // All files as one trace hold the same.
        let (inputs, missing) = inputs(&[folder.to_string_lossy().into()]);
        assert_eq!((inputs.len(), missing), (read.len(), vec![]));
        let mut trace = Trace::open(inputs);
        let mut number = 0;
        while let Some(batch) = trace.next_batch(Limits::default()) {
            for frame in batch.frames() {
                number += 1;
                assert_eq!(frame.number, number);
                assert!(frame.data.len() <= MAX_RECORD_BYTES);
                assert!(frame.data.len() as u64 <= u64::from(frame.original_len));
            }
        }
        assert_eq!(number, frames);
        assert_eq!(trace.position(), trace.total_bytes().expect("only regular files"));
    }
}

#[test]
fn frame_counts_are_those_of_capinfos_where_it_reads_the_whole_file() {
    if !has("capinfos") {
        return;
    }
    for folder in PARTS.into_iter().flat_map(folders) {
        let (part, read) = (folder.display(), read_each(&folder));
        let told = capinfos(&read);
        println!("{part}: capinfos reads {} of {} files", told.len(), read.len());
        for file in &read {
            if let Some(&frames) = told.get(&file.path) {
                assert_eq!(file.frames, frames, "{}: {:?}", file.path, file.damage);
            }
        }
    }
}

fn read_each(folder: &Path) -> Vec<Read> {
    let (inputs, _) = inputs(&[folder.to_string_lossy().into()]);
    inputs.into_iter().map(read_one).collect()
}

fn read_one(input: Input) -> Read {
    let path = input.name().to_string();
    let mut trace = Trace::open(vec![input]);
    let mut frames = 0;
    while let Some(batch) = trace.next_batch(Limits::default()) {
        frames += batch.len() as u64;
    }
    let mut damage = trace.damage();
    assert!(damage.len() <= 1, "{path}: one line a file");
    Read { path, frames, damage: damage.pop() }
}

/// Packets of each file that capinfos reads without complaint, by path.
fn capinfos(files: &[Read]) -> HashMap<String, u64> {
    let mut told = HashMap::new();
    for some in files.chunks(250) {
        let output = Command::new("capinfos")
            .args(["-c", "-M", "-T", "-r"])
            .args(some.iter().map(|file| &file.path))
            .output()
            .expect("capinfos runs");
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some((path, packets)) = line.rsplit_once('\t')
                && let Ok(packets) = packets.trim().parse()
                && !complaints.contains(&format!("\"{path}\""))
            {
                told.insert(path.to_string(), packets);
            }
        }
    }
    told
}
