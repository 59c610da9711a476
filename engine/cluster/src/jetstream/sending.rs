//! What a tap's end does over one connection, on the thread of the link.
//!
//! Begins with what the broker has: what is covered, and the last parcel of this tap in the
//! log. Then sends on from there, up to a window, and does what the merger asks.

use super::link::{Sessions, context};
use super::publisher::Shared;
use super::room::share;
use super::streams::{Ack, answered, publish};
use crate::message::{Ask, Lost, Message, Parcel, Refusal, Wanted};
use crate::spool::Found;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::DirectGetErrorKind;
use async_nats::{Client, Subscriber};
use futures_util::StreamExt;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// So many parcels are on the way at once.
const WINDOW: usize = 32;
/// How often it is looked whether a full log has room again.
const FULL: Duration = Duration::from_millis(250);
/// What the broker keeps of a message beside its bytes, about.
const OVERHEAD: usize = 256;
/// How often it is looked whether the broker lost something.
const LOOK: Duration = Duration::from_secs(10);

/// The work on the thread of the link.
pub(super) struct Work {
    pub(super) shared: Arc<Shared>,
    pub(super) asks: SyncSender<Ask>,
    /// For answers.
    pub(super) context: Arc<Mutex<Option<Context>>>,
}

/// What a session knows of the broker.
struct Session {
    context: Context,
    /// The next parcel to be sent.
    next: u64,
    /// Sent, and not acknowledged yet.
    window: VecDeque<Ack>,
    /// The last place in the log that was acknowledged.
    latest: u64,
    /// Bytes that may be sent before it is looked how full the log is.
    room: u64,
    /// A parcel that has no room.
    pending: Option<Parcel>,
    /// Whether the log was too full for it.
    is_full: bool,
}

impl Sessions for Work {
    async fn run(&mut self, client: Client) -> String {
        let context = context(client.clone());
        *self.context.lock().expect("no thread panics with it") = Some(context.clone());
        match self.session(client, context).await {
            Ok(never) => match never {},
            Err(why) => why,
        }
    }

    fn ended(&mut self, why: String) {
        *self.context.lock().expect("no thread panics with it") = None;
        let mut counters = self.shared.counters();
        counters.interrupted += 1;
        counters.why = why;
    }
}

impl Work {
    async fn session(
        &self,
        client: Client,
        context: Context,
    ) -> Result<std::convert::Infallible, String> {
        let Shared { fleet, tap, .. } = &*self.shared;
        let subscribe = async |subject: String| -> Result<Subscriber, String> {
            let subscribed = client.subscribe(subject).await;
            subscribed.map_err(|error| error.to_string())
        };
        let mut done = subscribe(fleet.done()).await?;
        let mut asks = subscribe(fleet.ask(tap)).await?;
        // What is said from now on is heard; then what was said before is looked up.
        answered("subscriptions", client.flush()).await?;
        self.look_up_done(&context).await?;
        let next = self.begin(&context).await?;
        let mut session = Session {
            context,
            next,
            window: VecDeque::new(),
            latest: 0,
            room: 0,
            pending: None,
            is_full: false,
        };
        let mut look = tokio::time::interval(LOOK);
        loop {
            self.fill(&mut session).await?;
            if session.window.is_empty() {
                self.shared.delivered.store(session.next, Ordering::Relaxed);
            }
            let front = session.window.front_mut();
            let acknowledged = async {
                match front {
                    Some(ack) => ack.await,
                    None => std::future::pending().await,
                }
            };
            let again = async {
                match session.is_full {
                    true => tokio::time::sleep(FULL).await,
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                () = again => {}
                ack = acknowledged => {
                    let ack = ack.map_err(|error| format!("a parcel: {error}"))?;
                    session.window.pop_front();
                    session.latest = session.latest.max(ack.sequence);
                    let mut counters = self.shared.counters();
                    counters.acknowledged += 1;
                    counters.duplicates += u64::from(ack.duplicate);
                }
                Some(message) = done.next() => self.cover(&message.payload)?,
                Some(message) = asks.next() => {
                    self.asked(&mut session, &message.payload).await?;
                }
                () = self.shared.appended.notified() => {}
                _ = look.tick() => self.look(&session.context.clone(), session.latest).await?,
            }
        }
    }

    /// Where the broker's copy of this tap's parcels ends.
    async fn begin(&self, context: &Context) -> Result<u64, String> {
        let Shared { fleet, tap, .. } = &*self.shared;
        let log = answered("the log", context.get_stream(fleet.log_stream())).await?;
        let last = log.direct_get_last_for_subject(fleet.parcel(tap)).await;
        let known = match last {
            Ok(message) => Message::decode(&message.payload, fleet).ok(),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => None,
            Err(error) => return Err(format!("the log: {error}")),
        };
        let spool = self.shared.spool();
        let next = match known {
            Some(Message::Parcel(last)) if last.spool == spool.id() => last.sequence + 1,
            Some(Message::Lost(last)) if last.spool == spool.id() => last.sequence,
            _ => 0,
        };
        Ok(next.max(spool.covered()))
    }

    /// Sends what is there, up to the window, as far as the log has room.
    async fn fill(&self, session: &mut Session) -> Result<(), String> {
        while session.window.len() < WINDOW {
            if let Some(parcel) = session.pending.take() {
                if !self.has_room(session, parcel.bytes.len() + OVERHEAD).await? {
                    session.pending = Some(parcel);
                    break;
                }
                session.next += 1;
                self.send(session, parcel, "").await?;
                continue;
            }
            let found = {
                let mut spool = self.shared.spool();
                if session.next < spool.next() {
                    spool.sync().map_err(|error| error.to_string())?;
                }
                spool.read(session.next).map_err(|error| error.to_string())?
            };
            match found {
                Found::None => break,
                Found::Parcel(parcel) => session.pending = Some(parcel),
                Found::Lost { next } => {
                    session.next = next;
                    self.send_lost(session, next).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether so many bytes may be sent now. The log is looked at when nothing is on the way.
    async fn has_room(
        &self,
        session: &mut Session,
        bytes: usize,
    ) -> Result<bool, String> {
        let bytes = bytes as u64;
        session.is_full = false;
        if session.room < bytes {
            if !session.window.is_empty() {
                return Ok(false);
            }
            let name = self.shared.fleet.log_stream();
            let log = answered("the log", session.context.get_stream(name)).await?;
            let info = log.cached_info();
            session.room = share(info.config.max_bytes, info.state.bytes);
            if session.room == 0 {
                session.is_full = true;
                self.shared.counters().log_full += 1;
                return Ok(false);
            }
        }
        // One message goes at least.
        session.room = session.room.saturating_sub(bytes);
        Ok(true)
    }

    async fn send(
        &self,
        session: &mut Session,
        parcel: Parcel,
        again: &str,
    ) -> Result<(), String> {
        let Shared { fleet, tap, .. } = &*self.shared;
        let Parcel { tick, part, spool, .. } = parcel;
        let id = format!("{tap}/{spool}/{tick}/{part}{again}");
        let bytes = Message::Parcel(parcel).encode(fleet);
        let ack = publish(&session.context, fleet.parcel(tap), id, bytes).await?;
        session.window.push_back(ack);
        Ok(())
    }

    async fn send_lost(&self, session: &mut Session, next: u64) -> Result<(), String> {
        let Shared { fleet, tap, .. } = &*self.shared;
        let spool = self.shared.spool().id();
        let lost = Lost { tap: tap.clone(), spool, sequence: next };
        let bytes = Message::Lost(lost).encode(fleet);
        // Without an id that would be known: said again, it changes nothing.
        let id = format!("{tap}/{spool}/lost/{next}/{}", session.latest);
        let ack = publish(&session.context, fleet.parcel(tap), id, bytes).await?;
        session.window.push_back(ack);
        Ok(())
    }

    /// The merger asks: for parcels, which are sent again under another id, since the broker
    /// may know the first and not have the parcel; or for contents.
    async fn asked(&self, session: &mut Session, bytes: &[u8]) -> Result<(), String> {
        let ask = self.heard(bytes, |message| match message {
            Message::Ask(ask) if ask.tap == self.shared.tap => Some(ask),
            _ => None,
        });
        let Some(ask) = ask else { return Ok(()) };
        let Wanted::Parcels { spool, from, to } = ask.wanted else {
            if self.asks.try_send(ask).is_err() {
                self.shared.counters().asks_dropped += 1;
            }
            return Ok(());
        };
        if spool != self.shared.spool().id() {
            return Ok(());
        }
        let again = format!("/again/{}", ask.number);
        let mut next = from;
        // What was not sent yet is sent in its turn.
        while next < to.min(session.next) {
            let found = self.shared.spool().read(next).map_err(|e| e.to_string())?;
            match found {
                Found::None => break,
                Found::Parcel(parcel) => {
                    next += 1;
                    self.shared.counters().asked_again += 1;
                    self.send(session, parcel, &again).await?;
                }
                Found::Lost { next: there } => {
                    next = there;
                    self.send_lost(session, there).await?;
                }
            }
        }
        Ok(())
    }

    /// A message that is `such`; others are refused, and counted.
    fn heard<T>(
        &self,
        bytes: &[u8],
        such: impl FnOnce(Message) -> Option<T>,
    ) -> Option<T> {
        let message = Message::decode(bytes, &self.shared.fleet);
        let heard = message.and_then(|message| such(message).ok_or(Refusal::Kind));
        heard.map_err(|why| self.shared.counters().refused.count(why)).ok()
    }

    fn cover(&self, bytes: &[u8]) -> Result<(), String> {
        let done = self.heard(bytes, |message| match message {
            Message::Done(done) => Some(done),
            _ => None,
        });
        let Some(done) = done else { return Ok(()) };
        let mut spool = self.shared.spool();
        if let Some(own) = done.taps.iter().find(|it| it.tap == self.shared.tap)
            && own.spool == spool.id()
        {
            spool.cover(own.sequence).map_err(|error| error.to_string())?;
            self.shared.covered.notify_all();
        }
        Ok(())
    }

    async fn look_up_done(&self, context: &Context) -> Result<(), String> {
        let fleet = &self.shared.fleet;
        let notes =
            answered("the notes", context.get_stream(fleet.notes_stream())).await?;
        match notes.direct_get_last_for_subject(fleet.done()).await {
            Ok(message) => self.cover(&message.payload),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(()),
            Err(error) => Err(format!("the notes: {error}")),
        }
    }

    /// Whether the log still is as long as it was.
    async fn look(&self, context: &Context, latest: u64) -> Result<(), String> {
        self.look_up_done(context).await?;
        let name = self.shared.fleet.log_stream();
        let log = answered("the log", context.get_stream(name)).await?;
        let last = log.cached_info().state.last_sequence;
        if last < latest {
            return Err(format!(
                "the broker's log ends at {last}, and had {latest} once: it was put back"
            ));
        }
        Ok(())
    }
}
