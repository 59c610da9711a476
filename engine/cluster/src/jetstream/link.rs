//! One connection to the broker, made again whenever it breaks.
//!
//! Guarantees: whoever works over a connection is told that it broke, and begins anew with
//! the next one: nothing relies on what a client remembers of a link that was cut.
//! Costs: one thread, which all of a process's work with the broker runs on.

use super::server::{ANSWER, Server};
use crate::{Error, TapName};
use async_nats::Client;
use async_nats::jetstream::{self, Context};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};

/// How long until it is tried again to connect.
const AGAIN: Duration = Duration::from_millis(250);

/// What is known of the connection.
#[derive(Clone, Default)]
struct State {
    client: Option<Client>,
    why: String,
}

/// A connection to the broker.
#[derive(Clone)]
pub struct Link {
    thread: Arc<Thread>,
    state: watch::Receiver<State>,
    said: Said,
}

/// The broker's latest complaint, such as a permission that is missing: what it refuses, it
/// does not answer.
type Said = Arc<Mutex<Option<String>>>;

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// The thread that all runs on; it ends with the last user.
struct Thread {
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Link {
    /// Begins to connect, and goes on until it is dropped. `name` is the tap's, or another for
    /// the merger; answers come under `_INBOX_NAME`, so that nobody else need be allowed to
    /// read them.
    ///
    /// # Errors
    ///
    /// Settings that cannot work, before anything is sent. That the broker cannot be reached
    /// is none: it may come.
    pub fn open(server: Server, name: &TapName) -> Result<Self, Error> {
        server.options()?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|why| Error::broker("the thread for the broker", why))?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let (sender, state) = watch::channel(State::default());
        let said = Said::default();
        runtime.spawn(keep(server, name.clone(), sender, said.clone()));
        let thread = std::thread::Builder::new()
            .name("nats".into())
            .spawn(move || {
                let _ = runtime.block_on(stopped);
            })
            .map_err(|why| Error::broker("the thread for the broker", why))?;
        let thread = Thread { runtime: handle, stop: Some(stop), thread: Some(thread) };
        Ok(Self { thread: Arc::new(thread), state, said })
    }

    /// Waits until there is a connection.
    ///
    /// # Errors
    ///
    /// There is none after `wait`; says why.
    pub fn wait(&self, wait: Duration) -> Result<(), Error> {
        let mut state = self.state.clone();
        let connected = async {
            let client = state.wait_for(|state| state.client.is_some());
            tokio::time::timeout(wait, client).await.is_ok()
        };
        if self.block_on(connected) {
            return Ok(());
        }
        Err(Error::Broker(self.status().unwrap_or_else(|| "not connected".into())))
    }

    /// Why there is no connection now; `None` where there is one.
    pub fn status(&self) -> Option<String> {
        let state = self.state.borrow();
        state.client.is_none().then(|| state.why.clone())
    }

    /// Runs to the end what another thread may wait for.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.thread.runtime.block_on(work)
    }

    /// Runs `session` over each connection, until it breaks or the session returns; then
    /// again. Ends with the handle.
    pub(super) fn keep_up<S: Sessions>(&self, mut sessions: S) -> Task {
        let (mut state, said) = (self.state.clone(), self.said.clone());
        let work = async move {
            loop {
                let client = match state.wait_for(|state| state.client.is_some()).await {
                    Ok(found) => found.client.clone().expect("waited for"),
                    Err(_) => return,
                };
                let why = tokio::select! {
                    why = sessions.run(client) => why,
                    _ = state.changed() => "the connection broke".to_owned(),
                };
                let said = said.lock().expect("no thread panics with it").take();
                sessions.ended(match said {
                    Some(said) => format!("{why}; the broker says: {said}"),
                    None => why,
                });
                tokio::time::sleep(AGAIN).await;
            }
        };
        Task { work: self.thread.runtime.spawn(work), link: self.clone() }
    }
}

/// Work that begins anew with each connection.
pub(super) trait Sessions: Send + 'static {
    /// Works until something fails, and says what.
    fn run(&mut self, client: Client) -> impl Future<Output = String> + Send;
    /// A session ended.
    fn ended(&mut self, why: String);
}

/// Work that has ended, and let go of its files, when this is dropped.
#[derive(Debug)]
pub(super) struct Task {
    work: tokio::task::JoinHandle<()>,
    link: Link,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.work.abort();
        let work = &mut self.work;
        // That it was cut short is what was wanted.
        let _ = self.link.block_on(work);
    }
}

/// Connects, waits until the connection breaks, and connects again.
async fn keep(server: Server, name: TapName, state: watch::Sender<State>, said: Said) {
    loop {
        let (broke, breaks) = watch::channel(false);
        let why = match connect(&server, &name, broke, said.clone()).await {
            Ok(client) => {
                state.send_replace(State { client: Some(client), why: String::new() });
                let mut breaks = breaks;
                let _ = breaks.wait_for(|is_broken| *is_broken).await;
                "the connection broke".to_owned()
            }
            Err(why) => why,
        };
        let why = format!("{}: not connected: {why}", server.urls);
        state.send_replace(State { client: None, why });
        tokio::time::sleep(AGAIN).await;
    }
}

async fn connect(
    server: &Server,
    name: &TapName,
    broke: watch::Sender<bool>,
    said: Said,
) -> Result<Client, String> {
    let (addresses, options) = server.options().map_err(|error| error.to_string())?;
    let inbox = format!("_INBOX_{name}");
    let options =
        options.name(name).custom_inbox_prefix(inbox).event_callback(move |event| {
            use async_nats::Event::{Closed, Disconnected, ServerError};
            match event {
                Disconnected | Closed => drop(broke.send_replace(true)),
                ServerError(error) => {
                    let line = error.to_string().replace('\n', " ");
                    *said.lock().expect("no thread panics with it") = Some(line);
                }
                _ => {}
            }
            async {}
        });
    // What the client says ("IO error", "TLS error") is made clear by what it stands for.
    let whole = |error: async_nats::ConnectError| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        match cause {
            Some(cause) => format!("{error} ({cause})"),
            None => error.to_string(),
        }
    };
    options.connect(addresses).await.map_err(whole)
}

/// JetStream, which has two seconds to answer anything.
pub(super) fn context(client: Client) -> Context {
    jetstream::ContextBuilder::new().timeout(ANSWER).ack_timeout(ANSWER).build(client)
}
