//! Rules and EVE alerts, written by a thread of their own.
//!
//! Both take numbers from a registry, a file that is read and replaced whole; so neither
//! is done on the thread that takes packets. That one keeps what waits in lists of bounded
//! length, those of the most weight first, and never waits for this one. At most
//! [`MOST_A_SECOND`] signatures a second become alerts. The others wait, [`MOST_WAITING`]
//! of them; beyond, those of the least weight are left out and counted.

use super::sandbox::calls::start_thread;
use crate::args::RuleArgs;
use crate::output::exit_code::Failure;
use crate::output::ranked::Ranked;
use crate::output::rule_file::{MOST, RuleFile};
use crate::output::rules;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel,
};
use std::time::{Duration, Instant};
use wormsift::signature::{Finding, Signature};
use wormsift_export::mute::Mutes;

/// Signatures that become alerts in a second, at most.
pub(super) const MOST_A_SECOND: usize = 100;
/// Signatures that wait to become alerts, at most.
pub(super) const MOST_WAITING: usize = 4_096;
/// Tasks under way to the thread.
const UNDER_WAY: usize = 1_024;
/// How often the thread looks whether rules are due.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the end waits for the thread.
const PATIENCE: Duration = Duration::from_secs(30);

/// The thread, and what waits for it.
pub(super) struct Writer {
    tasks: SyncSender<Task>,
    news: Receiver<News>,
    rules: Option<Ranked>,
    alerts: Option<Ranked>,
    /// Whether what is muted becomes an alert.
    with_muted: bool,
    mutes: Option<Arc<Mutes>>,
    wants_rules: bool,
    /// Alerts that this second still allows.
    allowance: usize,
    dropped: u64,
    said: u64,
    left_out: Arc<AtomicU64>,
}

enum Task {
    Rule(Arc<Signature>),
    Alert(Arc<Signature>),
    /// The rules anew, news or not.
    WriteRules,
    /// Other mutes.
    Mute(Arc<Mutes>),
}

/// What the thread has to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Lines of alerts.
    Alerts(String),
    /// The file of rules is new.
    RulesWritten,
    /// One line for people.
    Warning(String),
    /// What could not be read or written.
    Failed(String),
}

/// What waits and what was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WriterCounts {
    pub(super) alerts_waiting: u64,
    pub(super) alerts_dropped: u64,
    pub(super) rules_left_out: u64,
}

impl Writer {
    /// Starts the thread for a file of rules, for alerts as these arguments say, or both.
    pub(super) fn start(
        rules: Option<RuleFile>,
        alerts: Option<RuleArgs>,
        interface: String,
    ) -> io::Result<Self> {
        let (tasks, todo) = sync_channel(UNDER_WAY);
        let (tell, news) = channel();
        let left_out = Arc::new(AtomicU64::new(0));
        let writer = Self {
            tasks,
            news,
            rules: rules.is_some().then(|| Ranked::new(MOST)),
            alerts: alerts.is_some().then(|| Ranked::new(MOST_WAITING)),
            with_muted: alerts.as_ref().is_some_and(|args| args.with_muted),
            mutes: None,
            wants_rules: false,
            allowance: MOST_A_SECOND,
            dropped: 0,
            said: 0,
            left_out: Arc::clone(&left_out),
        };
        let work = Work { rules, alerts, interface, todo, tell, left_out, said: None };
        start_thread("writer", move || work.run())?;
        Ok(writer)
    }

    /// Takes a finding. An alert is written once a signature and once an update, unless it is
    /// muted. What is muted is left out of the rules when they are written.
    pub(super) fn finding(&mut self, finding: &Finding, is_muted: bool) {
        let signature = Arc::new(finding.signature().clone());
        if let Some(rules) = &mut self.rules
            && rules.enter(Arc::clone(&signature))
        {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        if let (Some(alerts), Finding::Signature(_) | Finding::Update(_)) =
            (&mut self.alerts, finding)
            && (self.with_muted || !is_muted)
        {
            self.dropped += u64::from(alerts.enter(signature));
        }
    }

    /// Gives the thread as much as it takes and the second allows.
    pub(super) fn pass(&mut self) {
        if let Some(mutes) = self.mutes.take()
            && self.tasks.try_send(Task::Mute(Arc::clone(&mutes))).is_err()
        {
            self.mutes = Some(mutes);
        }
        if self.wants_rules {
            self.wants_rules = self.tasks.try_send(Task::WriteRules).is_err();
        }
        if let Some(rules) = &mut self.rules {
            send(rules, usize::MAX, &self.tasks, Task::Rule);
        }
        if let Some(alerts) = &mut self.alerts {
            self.allowance -= send(alerts, self.allowance, &self.tasks, Task::Alert);
        }
    }

    /// Begins a second; what is to be said of the last one.
    pub(super) fn second(&mut self) -> Option<String> {
        self.allowance = MOST_A_SECOND;
        let new = self.dropped - self.said;
        self.said = self.dropped;
        (new > 0).then(|| {
            format!(
                "{new} signatures were left out of the alerts, those of the lowest grade \
                 and spread: more than {MOST_A_SECOND} a second, and {MOST_WAITING} wait"
            )
        })
    }

    /// Gives other mutes to the rules.
    pub(super) fn mute(&mut self, mutes: &Arc<Mutes>) {
        self.mutes = self.rules.is_some().then(|| Arc::clone(mutes));
        self.pass();
    }

    /// Asks for the rules to be written anew.
    pub(super) fn write_rules(&mut self) {
        self.wants_rules = self.rules.is_some();
        self.pass();
    }

    /// What the thread has said since the last look.
    pub(super) fn news(&self) -> Vec<News> {
        self.news.try_iter().collect()
    }

    pub(super) fn counts(&self) -> WriterCounts {
        WriterCounts {
            alerts_waiting: self.alerts.as_ref().map_or(0, Ranked::len) as u64,
            alerts_dropped: self.dropped,
            rules_left_out: self.left_out.load(Ordering::Relaxed),
        }
    }

    /// At the end: everything that waits is written, whatever the second allows.
    pub(super) fn finish(mut self) -> (Vec<News>, WriterCounts) {
        let mut news = Vec::new();
        let end = Instant::now() + PATIENCE;
        loop {
            self.allowance = usize::MAX;
            self.pass();
            let waits = |list: &Option<Ranked>| list.as_ref().map_or(0, Ranked::len) > 0;
            if !waits(&self.rules) && !waits(&self.alerts) || Instant::now() >= end {
                break;
            }
            news.extend(self.news.recv_timeout(PAUSE));
        }
        let counts = self.counts();
        drop(self.tasks);
        loop {
            match self.news.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(one) => news.push(one),
                Err(_) => return (news, counts),
            }
        }
    }
}

/// Sends at most so many, the best first, as long as the channel takes them; how many.
fn send(
    from: &mut Ranked,
    most: usize,
    tasks: &SyncSender<Task>,
    task: fn(Arc<Signature>) -> Task,
) -> usize {
    let mut sent = 0;
    while sent < most {
        let Some(best) = from.take_best() else { break };
        match tasks.try_send(task(Arc::clone(&best))) {
            Ok(()) => sent += 1,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                from.enter(best);
                break;
            }
        }
    }
    sent
}

/// What the thread has.
struct Work {
    rules: Option<RuleFile>,
    alerts: Option<RuleArgs>,
    interface: String,
    todo: Receiver<Task>,
    tell: Sender<News>,
    left_out: Arc<AtomicU64>,
    /// The last warning of numbers that have run out: it is said once.
    said: Option<String>,
}

impl Work {
    fn run(mut self) {
        loop {
            let first = self.todo.recv_timeout(PAUSE);
            let is_last = matches!(first, Err(RecvTimeoutError::Disconnected));
            let mut alerts: Vec<Arc<Signature>> = Vec::new();
            let mut at_once = is_last;
            let more: Vec<Task> = self.todo.try_iter().take(UNDER_WAY).collect();
            for task in first.into_iter().chain(more) {
                match task {
                    Task::Rule(signature) => {
                        if let Some(rules) = &mut self.rules {
                            let before = rules.left_out();
                            rules.enter(signature);
                            let new = rules.left_out() - before;
                            self.left_out.fetch_add(new, Ordering::Relaxed);
                        }
                    }
                    Task::Alert(signature) => alerts.push(signature),
                    Task::Mute(mutes) => {
                        if let Some(rules) = &mut self.rules {
                            rules.mute(mutes);
                        }
                    }
                    Task::WriteRules => {
                        if let Some(rules) = &mut self.rules {
                            rules.is_due();
                        }
                        at_once = true;
                    }
                }
            }
            self.alert(&alerts);
            self.write_rules(at_once);
            if is_last {
                return;
            }
        }
    }

    fn alert(&mut self, signatures: &[Arc<Signature>]) {
        let Some(args) = self.alerts.as_ref().filter(|_| !signatures.is_empty()) else {
            return;
        };
        let rules = self.rules.as_ref();
        let has_rule = |id: &str| rules.is_some_and(|rules| rules.has(id));
        let signatures = signatures.iter().map(|it| &**it);
        match rules::alerts(signatures, args, &self.interface, has_rule) {
            Ok(written) => {
                if !written.text.is_empty() {
                    self.tell(News::Alerts(written.text));
                }
                self.warn(written.without_number);
            }
            Err(failure) => self.fail(failure),
        }
    }

    fn write_rules(&mut self, at_once: bool) {
        match self.rules.as_mut().map(|rules| rules.write_if_due(at_once)) {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(written))) => {
                self.tell(News::RulesWritten);
                self.warn(written.without_number);
            }
            Some(Err(failure)) => self.fail(failure),
        }
    }

    fn warn(&mut self, reason: Option<String>) {
        if let Some(reason) = reason
            && self.said.as_ref() != Some(&reason)
        {
            self.said = Some(reason.clone());
            self.tell(News::Warning(reason));
        }
    }

    /// A failure is said, and tried again; it does not end the sensor.
    fn fail(&self, failure: Failure) {
        match failure {
            Failure::Failed(reason) | Failure::Usage(reason) => {
                self.tell(News::Failed(reason));
            }
            Failure::OutputClosed => {}
        }
    }

    fn tell(&self, news: News) {
        // Nobody listens any more only if the process is about to end.
        let _ = self.tell.send(news);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Format, IsolateArgs};
    use crate::output::table::testing::signature;
    use wormsift::signature::Confidence;

    fn args(sids: std::path::PathBuf) -> RuleArgs {
        RuleArgs {
            format: Format::Eve,
            sids: Some(sids),
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

    fn finding(id: u32, confidence: Confidence) -> Finding {
        let content = format!("the content that has number {id}");
        let it = signature(id, 3, 10, content.as_bytes());
        Finding::Signature(Signature { confidence, ..it })
    }

    #[test]
    fn a_flood_waits_its_turn_and_the_weightiest_come_first() {
        let sids =
            std::env::temp_dir().join(format!("wormsift-writer-{}", std::process::id()));
        let _ = std::fs::remove_file(&sids);
        let mut writer =
            Writer::start(None, Some(args(sids.clone())), "tap9".to_owned()).unwrap();
        let flood = MOST_WAITING as u32 + 7;
        (0..flood).for_each(|id| writer.finding(&finding(id, Confidence::Low), false));
        writer.finding(&finding(99_999, Confidence::High), false);
        // What is muted takes no place.
        writer.finding(&finding(99_998, Confidence::High), true);
        writer.pass();
        writer.pass();
        let counts = writer.counts();
        assert_eq!(counts.alerts_dropped, 8);
        assert_eq!(counts.alerts_waiting, (MOST_WAITING - MOST_A_SECOND) as u64);
        let said = writer.second().unwrap();
        assert!(said.starts_with("8 signatures were left out"), "{said}");
        assert_eq!(writer.second(), None);
        writer.pass();
        let waiting = writer.counts().alerts_waiting;
        assert_eq!(waiting, (MOST_WAITING - 2 * MOST_A_SECOND) as u64);
        let (news, _) = writer.finish();
        let lines: Vec<serde_json::Value> = news
            .iter()
            .flat_map(|one| match one {
                News::Alerts(text) => text.lines().collect::<Vec<_>>(),
                other => panic!("{other:?}"),
            })
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), MOST_WAITING);
        assert_eq!(lines[0]["in_iface"], "tap9");
        let severities: Vec<_> =
            lines.iter().map(|it| &it["alert"]["severity"]).collect();
        assert_eq!((severities[0], severities[1]), (&2.into(), &3.into()));
        let text = std::fs::read_to_string(&sids).unwrap();
        assert_eq!(text.matches("\"left_at\": \"20").count(), MOST_WAITING);
        std::fs::remove_file(sids).unwrap();
    }
}
