//! The merger's end: the messages of the log, in its order.
//!
//! Guarantees: each message after a position comes once, in the order of the log, while the
//! log stays the same. Where the broker was put back to an older copy, which the time of the
//! message at the position shows, the log is read from its beginning: whoever counts ticks
//! drops what came before.
//! Costs: a consumer in the broker's memory, and up to 64 messages ahead.

use super::link::{Link, Sessions, Task, context};
use super::refusals::Refusals;
use super::streams::{MOST_BYTES, answered, made};
use crate::checkpoint::Position;
use crate::message::{Message, Refusal};
use crate::{Error, Fleet};
use async_nats::Client;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// So many messages are asked for at once.
const BATCH: usize = 64;
/// So long the broker waits for messages before it says that there are none.
const EXPIRES: Duration = Duration::from_secs(1);

/// What a reader did since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogCounters {
    /// Messages read.
    pub read: u64,
    /// Messages that are none.
    pub refused: Refusals,
    /// How often the log was not what it had been, and was read from its beginning.
    pub put_back: u64,
    /// Places in the log that the broker no longer had.
    pub skipped: u64,
    /// Connections and attempts that ended, whatever the reason.
    pub interrupted: u64,
    /// The latest such reason.
    pub why: String,
}

/// A message of the log.
pub(super) struct Entry {
    pub(super) position: Position,
    /// `None` where it is of no use.
    pub(super) message: Option<Message>,
    /// How long it is in the log.
    pub(super) bytes: usize,
}

/// Reads a fleet's log.
pub(super) struct Log {
    messages: mpsc::Receiver<Entry>,
    counters: Arc<Mutex<LogCounters>>,
    most: Arc<AtomicI64>,
    link: Link,
    _task: Task,
}

impl Log {
    /// Reads on after `position`.
    pub(super) fn open(link: &Link, fleet: &Fleet, position: Position) -> Self {
        let (sender, messages) = mpsc::channel(BATCH);
        let counters = Arc::<Mutex<LogCounters>>::default();
        let fleet = fleet.clone();
        let most = Arc::new(AtomicI64::new(MOST_BYTES));
        let work = Work {
            fleet,
            position,
            sender,
            counters: counters.clone(),
            most: most.clone(),
        };
        let task = link.keep_up(work);
        Self { messages, counters, most, link: link.clone(), _task: task }
    }

    /// The most bytes of the log, as far as it is known.
    pub(super) fn most_bytes(&self) -> u64 {
        let most = self.most.load(Ordering::Relaxed);
        u64::try_from(most).ok().filter(|most| *most > 0).unwrap_or(MOST_BYTES as u64)
    }

    /// The next message; `None` after `wait`.
    pub(super) fn next(&mut self, wait: Duration) -> Result<Option<Entry>, Error> {
        if let Ok(next) = self.messages.try_recv() {
            return Ok(Some(next));
        }
        let messages = &mut self.messages;
        let next = async { tokio::time::timeout(wait, messages.recv()).await };
        match self.link.block_on(next) {
            Ok(Some(next)) => Ok(Some(next)),
            Ok(None) => Err(Error::Broker("the reader of the log has ended".into())),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn counters(&self) -> LogCounters {
        self.counters.lock().expect("no thread panics with the counters").clone()
    }
}

struct Work {
    fleet: Fleet,
    position: Position,
    sender: mpsc::Sender<Entry>,
    counters: Arc<Mutex<LogCounters>>,
    most: Arc<AtomicI64>,
}

impl Sessions for Work {
    async fn run(&mut self, client: Client) -> String {
        match self.session(client).await {
            Ok(never) => match never {},
            Err(why) => why,
        }
    }

    fn ended(&mut self, why: String) {
        self.count(|counters| {
            counters.interrupted += 1;
            counters.why = why;
        });
    }
}

impl Work {
    fn count(&self, change: impl FnOnce(&mut LogCounters)) {
        change(&mut self.counters.lock().expect("no thread panics with the counters"));
    }

    async fn session(
        &mut self,
        client: Client,
    ) -> Result<std::convert::Infallible, String> {
        let (log, _) = made(&context(client), &self.fleet).await?;
        self.most.store(log.cached_info().config.max_bytes, Ordering::Relaxed);
        self.check(&log).await?;
        let config = Config {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: self.position.sequence + 1,
            },
            ack_policy: AckPolicy::None,
            inactive_threshold: Duration::from_secs(30),
            memory_storage: true,
            ..Config::default()
        };
        let consumer = answered("a consumer", log.create_consumer(config)).await?;
        let mut delivered = 0;
        loop {
            let batch = consumer.batch().max_messages(BATCH).expires(EXPIRES).messages();
            let mut batch = answered("the log", batch).await?;
            let patience = 2 * EXPIRES;
            while let Some(message) = tokio::time::timeout(patience, batch.next())
                .await
                .map_err(|_| "the log: no answer")?
            {
                let message = message.map_err(|error| format!("the log: {error}"))?;
                let info = message.info().map_err(|error| format!("the log: {error}"))?;
                delivered += 1;
                if info.consumer_sequence != delivered {
                    return Err("the log: a message was lost on the way".into());
                }
                let next = self.position.sequence + 1;
                self.position = Position {
                    sequence: info.stream_sequence,
                    stored: info.published.unix_timestamp_nanos(),
                };
                let skipped = info.stream_sequence - next;
                let decoded = self.decode(&message.subject, &message.payload);
                let bytes = message.payload.len();
                self.count(|counters| {
                    counters.read += 1;
                    counters.skipped += skipped;
                    if let Err(why) = decoded {
                        counters.refused.count(why);
                    }
                });
                let entry =
                    Entry { position: self.position, message: decoded.ok(), bytes };
                if self.sender.send(entry).await.is_err() {
                    return Err("nobody reads on".into());
                }
            }
        }
    }

    fn decode(&self, subject: &str, bytes: &[u8]) -> Result<Message, Refusal> {
        let message = Message::decode(bytes, &self.fleet)?;
        let of = match &message {
            Message::Parcel(parcel) => self.fleet.parcel(&parcel.tap),
            Message::Lost(lost) => self.fleet.parcel(&lost.tap),
            Message::Piece(piece) => self.fleet.piece(&piece.tap),
            Message::Ask(_) | Message::Done(_) => return Err(Refusal::Kind),
        };
        // Who may send what is decided by subject: a message may not say otherwise.
        if of == subject { Ok(message) } else { Err(Refusal::Tap) }
    }

    /// Whether the log still has at the position what was read there; else it is read from
    /// its beginning.
    async fn check(&mut self, log: &Stream) -> Result<(), String> {
        let Position { sequence, stored } = self.position;
        let state = answered("the log", log.get_info()).await?.state;
        let is_same = if sequence == 0 || sequence > state.last_sequence {
            false
        } else if sequence < state.first_sequence {
            // Deleted since; a copy would have it.
            true
        } else {
            let found = answered("the log", log.get_raw_message(sequence)).await?;
            found.time.unix_timestamp_nanos() == stored
        };
        if !is_same {
            self.count(|counters| counters.put_back += u64::from(sequence > 0));
            // What was deleted before the beginning is not missed: each tap's numbers show it.
            let sequence = state.first_sequence.saturating_sub(1);
            self.position = Position { sequence, stored: 0 };
        }
        Ok(())
    }
}
