//! The two streams of a fleet, as the merger makes them, and how messages get into them.
//!
//! The log refuses what does not fit: the parcels wait in the taps' spools then. The notes
//! throw out their oldest: what counts in them is the latest.

use super::server::ANSWER;
use crate::Fleet;
use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType, Stream};
use std::time::Duration;

/// The most bytes of each stream.
pub(super) const MOST_BYTES: i64 = 1 << 30;
/// So long the broker knows a message's id and drops it if it comes again.
const DUPLICATES: Duration = Duration::from_secs(120);

/// The log and the notes, made where they are not there.
pub(super) async fn made(
    context: &Context,
    fleet: &Fleet,
) -> Result<(Stream, Stream), String> {
    let name = fleet.as_str();
    let of = |name: String, subjects: Vec<String>, discard| Config {
        name,
        subjects,
        max_bytes: MOST_BYTES,
        discard,
        storage: StorageType::File,
        duplicate_window: DUPLICATES,
        // A tap looks up the last message of its own subject, and may be kept from others'.
        allow_direct: true,
        ..Config::default()
    };
    let log = of(
        fleet.log_stream(),
        vec![format!("wormsift.{name}.parcel.*"), format!("wormsift.{name}.piece.*")],
        DiscardPolicy::New,
    );
    let notes =
        of(fleet.notes_stream(), vec![fleet.done(), fleet.finding()], DiscardPolicy::Old);
    let make = async |config: Config| {
        let stream = config.name.clone();
        let made = context.get_or_create_stream(config).await;
        made.map_err(|error| format!("stream {stream}: {error}"))
    };
    Ok((make(log).await?, make(notes).await?))
}

/// A wait for an answer that does not come ends.
pub(super) async fn answered<T, E: std::fmt::Display>(
    what: &str,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match tokio::time::timeout(2 * ANSWER, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(why)) => Err(format!("{what}: {why}")),
        Err(_) => Err(format!("{what}: no answer")),
    }
}

/// The broker's word that it has a message.
pub(super) type Ack = <PublishAckFuture as IntoFuture>::IntoFuture;

/// Sends a message under its id; the future that is returned waits for the broker to have it.
pub(super) async fn publish(
    context: &Context,
    subject: String,
    id: String,
    bytes: Vec<u8>,
) -> Result<Ack, String> {
    let mut headers = HeaderMap::new();
    headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
    let sent = context.publish_with_headers(subject, headers, bytes.into()).await;
    sent.map(IntoFuture::into_future).map_err(|error| error.to_string())
}
