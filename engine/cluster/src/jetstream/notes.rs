//! What the merger says: what its checkpoint covers, what is missing, what it asks for.
//!
//! Guarantees: the latest word on what is covered reaches the broker, and once more whenever
//! the link is made anew; an ask is repeated until it is answered; a hole is asked for again
//! while nothing of it comes.
//! Costs: a message an ask and second.

use super::link::{Link, Sessions, Task, context};
use super::streams::{answered, made, publish};
use crate::Fleet;
use crate::closing::Hole;
use crate::message::{Ask, Done, Message, Wanted};
use crate::{Error, TapName};
use async_nats::Client;
use async_nats::jetstream::Context;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How often asks are looked at: a hole that is filled sooner is never asked for.
const LOOK: Duration = Duration::from_millis(500);
/// An ask that nothing came of is repeated.
const AGAIN: Duration = Duration::from_secs(2);
/// So many asks of a tap, those of the lowest numbers, are said and repeated; a tap does them in
/// order. The others wait until these are answered.
const MOST_ASKS: usize = 256;
/// So many parcels are asked for at once.
const MOST_PARCELS: u64 = 1024;

/// What the merger has to say.
#[derive(Default)]
struct Said {
    /// What is covered, and the place in the log before which nothing is needed any more.
    done: Option<(Done, u64)>,
    holes: Vec<Hole>,
    asks: BTreeMap<(TapName, u64), (Ask, Option<Instant>)>,
    asked_for_parcels: u64,
    context: Option<Context>,
}

struct Shared {
    fleet: Fleet,
    said: Mutex<Said>,
    changed: Notify,
}

impl Shared {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().expect("no thread panics with what is said")
    }

    /// An answer came; whether another ask may be said for it.
    fn answered(&self, tap: &TapName, number: u64) -> bool {
        let asks = &mut self.said().asks;
        asks.remove(&(tap.clone(), number));
        asks.range((tap.clone(), 0)..=(tap.clone(), u64::MAX))
            .nth(MOST_ASKS - 1)
            .is_some()
    }
}

/// Says it, as long as it is kept.
pub(super) struct Notes {
    shared: Arc<Shared>,
    link: Link,
    _task: Task,
}

impl Notes {
    pub(super) fn open(link: &Link, fleet: &Fleet) -> Self {
        let shared = Shared {
            fleet: fleet.clone(),
            said: Mutex::default(),
            changed: Notify::new(),
        };
        let shared = Arc::new(shared);
        // Another run's asks had other numbers.
        let number = RandomState::new().build_hasher().finish();
        let work = Work { shared: shared.clone(), number, asked: BTreeMap::new() };
        let task = link.keep_up(work);
        Self { shared, link: link.clone(), _task: task }
    }

    /// A checkpoint is on the disk; nothing of the log up to `unneeded` is needed any more.
    pub(super) fn done(&self, done: Done, unneeded: u64) {
        self.shared.said().done = Some((done, unneeded));
        self.shared.changed.notify_one();
    }

    pub(super) fn set_holes(&self, holes: Vec<Hole>) {
        self.shared.said().holes = holes;
    }

    pub(super) fn ask(&self, ask: Ask) {
        self.shared.said().asks.insert((ask.tap.clone(), ask.number), (ask, None));
        self.shared.changed.notify_one();
    }

    /// An answer came, or is not needed any more.
    pub(super) fn answered(&self, tap: &TapName, number: u64) {
        if self.shared.answered(tap, number) {
            self.shared.changed.notify_one();
        }
    }

    /// How often parcels were asked for again.
    pub(super) fn asked_for_parcels(&self) -> u64 {
        self.shared.said().asked_for_parcels
    }

    /// Sends a finding under its id, and waits until the broker has it.
    pub(super) fn finding(
        &self,
        id: &str,
        bytes: &[u8],
        wait: Duration,
    ) -> Result<(), Error> {
        let subject = self.shared.fleet.finding();
        let begin = Instant::now();
        loop {
            let context = self.shared.said().context.clone();
            let why = match context {
                None => self.link.status().unwrap_or_else(|| "not connected".into()),
                Some(context) => {
                    let (id, bytes) = (id.to_owned(), bytes.to_vec());
                    let sent = publish(&context, subject.clone(), id, bytes);
                    let done = async { sent.await?.await.map_err(|e| e.to_string()) };
                    match self.link.block_on(answered("a finding", done)) {
                        Ok(_) => return Ok(()),
                        Err(why) => why,
                    }
                }
            };
            if begin.elapsed() > wait {
                return Err(Error::Broker(format!("finding {id}: {why}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// What was asked of a tap: from, to, and since when nothing of it came.
struct Asked {
    hole: Hole,
    to: u64,
    since: Instant,
    is_sent: bool,
}

struct Work {
    shared: Arc<Shared>,
    number: u64,
    asked: BTreeMap<TapName, Asked>,
}

impl Sessions for Work {
    async fn run(&mut self, client: Client) -> String {
        match self.session(client).await {
            Ok(never) => match never {},
            Err(why) => why,
        }
    }

    /// The reader of the log counts that, too, and says why.
    fn ended(&mut self, _why: String) {
        self.shared.said().context = None;
    }
}

impl Work {
    async fn session(
        &mut self,
        client: Client,
    ) -> Result<std::convert::Infallible, String> {
        let context = context(client.clone());
        let (log, _) = made(&context, &self.shared.fleet).await?;
        self.shared.said().context = Some(context.clone());
        let mut is_said = None;
        let mut look = tokio::time::interval(LOOK);
        loop {
            let done = self.shared.said().done.clone();
            if let Some((done, unneeded)) = done
                && is_said != Some(done.checkpoint)
            {
                let bytes = Message::Done(done.clone()).encode(&self.shared.fleet);
                let sent = context.publish(self.shared.fleet.done(), bytes.into()).await;
                let sent = sent.map_err(|error| format!("what is covered: {error}"))?;
                answered("what is covered", async { sent.await }).await?;
                is_said = Some(done.checkpoint);
                if unneeded > 0 {
                    let purge = log.purge().sequence(unneeded + 1);
                    answered("the log", purge.into_future()).await?;
                }
            }
            for ask in self.due() {
                let subject = self.shared.fleet.ask(&ask.tap);
                let bytes = Message::Ask(ask).encode(&self.shared.fleet);
                let sent = client.publish(subject, bytes.into()).await;
                sent.map_err(|error| format!("an ask: {error}"))?;
            }
            tokio::select! {
                _ = look.tick() => {}
                () = self.shared.changed.notified() => {}
            }
        }
    }

    /// The asks whose time has come.
    fn due(&mut self) -> Vec<Ask> {
        let now = Instant::now();
        let shared = self.shared.clone();
        let mut said = shared.said();
        let mut due = Vec::new();
        let mut tap = said.asks.keys().next().map(|(tap, _)| tap.clone());
        while let Some(asked) = tap {
            let (first, last) = ((asked.clone(), 0), (asked, u64::MAX));
            let asks = said.asks.range_mut(&first..=&last).take(MOST_ASKS);
            for (_, (ask, last)) in asks {
                if last.is_none_or(|last| now - last >= AGAIN) {
                    *last = Some(now);
                    due.push(ask.clone());
                }
            }
            let others = (Bound::Excluded(&last), Bound::Unbounded);
            tap = said.asks.range(others).next().map(|((tap, _), _)| tap.clone());
        }
        let mut first: BTreeMap<TapName, Hole> = BTreeMap::new();
        for hole in &said.holes {
            first.entry(hole.tap.clone()).or_insert_with(|| hole.clone());
        }
        self.asked.retain(|tap, _| first.contains_key(tap));
        for (tap, hole) in first {
            let is_known = self.asked.get_mut(&tap).is_some_and(|asked| {
                let is_within = asked.hole.spool == hole.spool && hole.from < asked.to;
                if is_within && hole.from > asked.hole.from {
                    // What was asked for is coming.
                    asked.hole.from = hole.from;
                    asked.since = now;
                }
                is_within
            });
            if !is_known {
                let to = hole.to.min(hole.from.saturating_add(MOST_PARCELS));
                let asked = Asked { hole, to, since: now, is_sent: false };
                self.asked.insert(tap, asked);
                continue;
            }
            let asked = self.asked.get_mut(&tap).expect("known");
            let patience = if asked.is_sent { AGAIN } else { LOOK };
            if now - asked.since < patience {
                continue;
            }
            (asked.is_sent, asked.since) = (true, now);
            self.number = self.number.wrapping_add(1);
            let (spool, from, to) = (asked.hole.spool, asked.hole.from, asked.to);
            let wanted = Wanted::Parcels { spool, from, to };
            due.push(Ask { tap, number: self.number, wanted });
            said.asked_for_parcels += 1;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_absent_tap_is_asked_is_repeated_from_its_lowest_on() {
        let tap = |name: &str| TapName::new(name).unwrap();
        let shared = Arc::new(Shared {
            fleet: Fleet::new("test").unwrap(),
            said: Mutex::default(),
            changed: Notify::new(),
        });
        let mut work = Work { shared: shared.clone(), number: 0, asked: BTreeMap::new() };
        let ask = |tap: &TapName, number| Ask {
            tap: tap.clone(),
            number,
            wanted: Wanted::Content(Vec::new()),
        };
        let (absent, there) = (tap("absent"), tap("there"));
        for (tap, count) in [(&absent, 10_000), (&there, 3)] {
            for number in 0..count {
                let key = (tap.clone(), number);
                shared.said().asks.insert(key, (ask(tap, number), None));
            }
        }
        let numbers = |due: &[Ask], tap: &TapName| -> Vec<u64> {
            due.iter().filter(|it| it.tap == *tap).map(|it| it.number).collect()
        };
        let due = work.due();
        assert_eq!(numbers(&due, &absent), (0..256).collect::<Vec<_>>());
        assert_eq!(numbers(&due, &there), [0, 1, 2]);
        assert_eq!(work.due(), [], "nothing is repeated at once");
        // Each answer makes room for one more.
        assert!(shared.answered(&absent, 7) && shared.answered(&absent, 0));
        assert!(!shared.answered(&there, 1));
        assert_eq!(numbers(&work.due(), &absent), [256, 257]);
        let ago = Instant::now().checked_sub(AGAIN).unwrap();
        shared.said().asks.values_mut().for_each(|(_, last)| *last = Some(ago));
        let due = work.due();
        assert_eq!((numbers(&due, &absent).len(), numbers(&due, &there).len()), (256, 2));
    }
}
