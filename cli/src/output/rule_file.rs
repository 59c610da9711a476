//! The file of rules in force.
//!
//! The last word on each signature, as a file of rules that is replaced whole, and the
//! same as JSON lines beside it, from which the next start takes up. Numbers are kept in
//! a registry, so a rule keeps its sid over restarts. Where there are too many, those of
//! the lowest grade and spread go first.

use crate::args::RuleArgs;
use crate::input::signature_files;
use crate::output::exit_code::Failure;
use crate::output::ranked::Ranked;
use crate::output::rules::{Written, not_muted, options, replace, write_file};
use crate::output::talk::Talk;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wormsift::signature::{Finding, Signature};
use wormsift_export::mute::Mutes;
use wormsift_export::{Rule, Sid, json_lines};

/// Signatures that are kept unless `--most-rules` says otherwise: as many as the engine
/// remembers.
pub(crate) const MOST: usize = 4_096;
/// Between two writings: an outbreak brings many signatures within a second.
const APART: Duration = Duration::from_secs(5);

/// The file of rules.
pub(crate) struct RuleFile {
    path: PathBuf,
    memory: PathBuf,
    args: RuleArgs,
    mutes: Arc<Mutes>,
    kept: Ranked,
    left_out: u64,
    is_due: bool,
    written: Instant,
}

/// A file's name with more at its end.
pub(crate) fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

impl RuleFile {
    /// Takes up what an earlier run left, and writes the file: from the start there is
    /// one to load.
    pub(crate) fn open(
        path: &Path,
        args: RuleArgs,
        mutes: Arc<Mutes>,
        talk: &Talk,
    ) -> Result<Self, Failure> {
        let memory = beside(path, ".jsonl");
        let known = match memory.try_exists() {
            Ok(true) => signature_files::read(std::slice::from_ref(&memory), talk)?.0,
            Ok(false) => Vec::new(),
            Err(error) => return Err(Failure::of(memory.display(), error)),
        };
        let most = args.most_rules.map_or(MOST, |most| most as usize);
        let mut file = Self {
            path: path.to_owned(),
            memory,
            args,
            mutes,
            kept: Ranked::new(most),
            left_out: 0,
            is_due: false,
            written: Instant::now(),
        };
        known.into_iter().for_each(|signature| file.enter(Arc::new(signature)));
        if let Some(reason) = file.write()?.without_number {
            talk.warning(reason);
        }
        file.is_due = false;
        Ok(file)
    }

    /// Takes other mutes from now on.
    #[cfg(target_os = "linux")]
    pub(crate) fn mute(&mut self, mutes: Arc<Mutes>) {
        self.mutes = mutes;
        self.is_due = true;
    }

    /// How many signatures are kept.
    #[cfg(target_os = "linux")]
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether a signature is kept.
    #[cfg(target_os = "linux")]
    pub(crate) fn has(&self, id: &str) -> bool {
        self.kept.has(id)
    }

    /// Signatures that had to go, or found no place, so far.
    #[cfg(target_os = "linux")]
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Takes the last word on a signature. One that makes no rule takes no place.
    pub(crate) fn enter(&mut self, signature: Arc<Signature>) {
        self.is_due = true;
        let sid = Sid { sid: 0, rev: 0 };
        // The rule of the whole takes the place of a part's.
        let is_part = signature.part_of.is_some();
        if is_part
            || !self.args.format.is_host_set()
                && Rule::new(&signature, sid, &options(&self.args)).is_err()
        {
            self.kept.remove(&signature.id);
            return;
        }
        self.left_out += u64::from(self.kept.enter(signature));
    }

    /// Writes if there is something new, and `now` or not too soon after the last time;
    /// what came of it, if it wrote.
    pub(crate) fn write_if_due(&mut self, now: bool) -> Result<Option<Written>, Failure> {
        if !self.is_due || !now && self.written.elapsed() < APART {
            return Ok(None);
        }
        // Also after a failure the next try has its time.
        self.written = Instant::now();
        let written = self.write()?;
        self.is_due = false;
        Ok(Some(written))
    }

    /// Writes at the next occasion, news or not.
    #[cfg(target_os = "linux")]
    pub(crate) fn is_due(&mut self) {
        self.is_due = true;
    }

    fn write(&mut self) -> Result<Written, Failure> {
        // What is muted keeps its place: another file of mutes may give it its rule again.
        let marked: Vec<_> =
            (self.kept.iter()).map(|it| (it, self.mutes.signature(it).muted())).collect();
        let talk = Talk::silent();
        let wanted = marked.iter().map(|(it, muted)| (*it, muted.is_some()));
        let wanted = not_muted(wanted, &self.args, &talk);
        let written = write_file(wanted, &self.args, &talk)?;
        let line = |(it, muted): &(&Signature, _)| {
            let summary = Finding::Summary((*it).clone());
            json_lines::write_marked(&summary, Option::as_ref(muted)) + "\n"
        };
        let lines: String = marked.iter().map(line).collect();
        replace(&self.memory, &lines)?;
        replace(&self.path, &written.text)?;
        Ok(written)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::args::{Format, Grade, IsolateArgs};
    use crate::live::samples;
    use wormsift::signature::Confidence;

    /// A folder of this name, and a file of rules in it.
    fn files(name: &str) -> (PathBuf, PathBuf) {
        let folder =
            std::env::temp_dir().join(format!("wormsift-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("wormsift.rules");
        (folder, path)
    }

    /// What asks for nothing special.
    fn args(path: &Path) -> RuleArgs {
        RuleArgs {
            format: Format::Suricata,
            sids: Some(beside(path, ".sids.json")),
            sid_base: None,
            sid_count: None,
            kind: Vec::new(),
            incident: None,
            with_muted: false,
            min_confidence: None,
            most_rules: None,
            most_bytes: 256,
            isolate: IsolateArgs::default(),
        }
    }

    #[test]
    fn rules_outlive_the_process_under_their_numbers() {
        let (folder, path) = files("rules");
        let args = || RuleArgs {
            min_confidence: Some(Grade::Low),
            most_rules: Some(2),
            ..args(&path)
        };
        let open = |args| RuleFile::open(&path, args, Arc::default(), &Talk::silent());
        let rules = || std::fs::read_to_string(&path).unwrap();
        let mut file = open(args()).unwrap();
        assert_eq!(rules(), "");
        assert!(file.write_if_due(true).unwrap().is_none());
        let one = samples::signature();
        let enter =
            |file: &mut RuleFile, it: &Signature| file.enter(Arc::new(it.clone()));
        enter(&mut file, &one);
        assert!(file.write_if_due(false).unwrap().is_none(), "too soon");
        assert!(file.write_if_due(true).unwrap().is_some());
        assert!(rules().contains("sid:1500000; rev:1;"), "{}", rules());

        let mut file = open(args()).unwrap();
        assert!(rules().contains("sid:1500000; rev:1;"), "{}", rules());
        let mut other = one.clone();
        (other.id, other.content) =
            ("f".repeat(32), b"quite another content ....".to_vec());
        other.tokens = vec![other.content.clone()];
        enter(&mut file, &other);
        enter(&mut file, &one);
        file.write_if_due(true).unwrap();
        assert_eq!(rules().lines().count(), 2);
        assert!(rules().contains("sid:1500001; rev:1;"), "{}", rules());

        // A flood of low ones, and one that makes no rule, push nothing out.
        let before = rules();
        for n in 0..50 {
            let mut low = other.clone();
            low.id = format!("{n:032x}");
            low.content = format!("content {n} of little weight").into_bytes();
            (low.tokens, low.confidence) = (vec![low.content.clone()], Confidence::Low);
            enter(&mut file, &low);
        }
        let weak = Signature {
            id: "e".repeat(32),
            content: b"weak".to_vec(),
            tokens: Vec::new(),
            spread: 9_999,
            confidence: Confidence::High,
            ..one.clone()
        };
        enter(&mut file, &weak);
        file.write_if_due(true).unwrap();
        let expected = if one.confidence == Confidence::Low { 0 } else { 50 };
        assert_eq!((rules(), file.left_out()), (before, expected));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_muted_keeps_its_place_and_has_no_rule() {
        let (folder, path) = files("muted");
        let args = |with_muted| RuleArgs { with_muted, ..args(&path) };
        let one = samples::signature();
        let entry = wormsift_export::mute::Entry {
            subject: wormsift_export::mute::Subject::id(&one.id),
            reason: "known".to_owned(),
            until: None,
            added: None,
        };
        let mutes = Arc::new(Mutes::new([entry]));
        let open = |with_muted| {
            RuleFile::open(&path, args(with_muted), Arc::clone(&mutes), &Talk::silent())
        };
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let mut file = open(false).unwrap();
        file.enter(Arc::new(one));
        file.write_if_due(true).unwrap();
        assert_eq!((read(&path), file.len()), (String::new(), 1));
        let marked = read(&beside(&path, ".jsonl"));
        assert!(marked.contains(r#""reason":"known","until":null"#), "{marked}");
        // Over a restart, and until other mutes come.
        let mut file = open(false).unwrap();
        assert_eq!((read(&path), file.len()), (String::new(), 1));
        file.mute(Arc::default());
        file.write_if_due(true).unwrap();
        let rules = read(&path);
        assert!(rules.starts_with("alert "), "{rules}");
        assert!(!read(&beside(&path, ".jsonl")).contains("muted"));
        drop(open(true).unwrap());
        assert_eq!(read(&path), rules);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
