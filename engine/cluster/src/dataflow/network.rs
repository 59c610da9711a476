//! Connections between the processes of a dataflow.
//!
//! Guarantees: each pair of processes has one connection, whichever is started first; a process
//! that does not come, or is another, ends the start with one line. There is no encryption and
//! no check of who connects: for loopback, or a network of the processes' own.

use crate::Error;
use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::thread::sleep;
use std::time::{Duration, Instant};

const MAGIC: [u8; 4] = *b"WSD2";
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// So long a connection has to say what it is.
const HELLO: Duration = Duration::from_secs(2);

/// The processes of a dataflow.
#[derive(Clone, Debug)]
pub struct Processes {
    /// The address of each, `HOST:PORT`; all have the same list.
    pub addresses: Vec<String>,
    /// Which of them this is.
    pub own: u16,
    /// How long the others have to come.
    pub patience: Duration,
}

/// What a process says first: the number of processes, of workers of each, what settings, key
/// and baseline it has, and its own number.
type Hello = [u8; 18];

fn hello(processes: usize, workers: u16, identity: u64, own: usize) -> Hello {
    let mut hello = [0; 18];
    hello[..4].copy_from_slice(&MAGIC);
    hello[4..6].copy_from_slice(&(processes as u16).to_le_bytes());
    hello[6..8].copy_from_slice(&workers.to_le_bytes());
    hello[8..16].copy_from_slice(&identity.to_le_bytes());
    hello[16..].copy_from_slice(&(own as u16).to_le_bytes());
    hello
}

impl Processes {
    /// A connection to each other process, by number.
    pub(super) fn connect(
        &self,
        workers: u16,
        identity: u64,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Vec<Option<TcpStream>>, Error> {
        let (count, own) = (self.addresses.len(), usize::from(self.own));
        let until = Instant::now() + self.patience;
        let Some(address) = self.addresses.get(own) else {
            let why = format!("expected a process below {count}, found {own}");
            return Err(Error::Settings(why));
        };
        // Those of lower numbers are called, those of higher ones call.
        let listener =
            TcpListener::bind(address).map_err(|why| at(address, "listen", why))?;
        listener.set_nonblocking(true).map_err(|why| at(address, "listen", why))?;
        let mut streams: Vec<Option<TcpStream>> = (0..count).map(|_| None).collect();
        let said = hello(count, workers, identity, own);
        while let Some(missing) =
            (0..count).find(|it| *it != own && streams[*it].is_none())
        {
            let address = &self.addresses[missing];
            if is_over() {
                return Err(Error::Worker("stopped".to_owned()));
            }
            if Instant::now() > until {
                return Err(Error::Worker(format!(
                    "process {missing} at {address}: did not come within {} s",
                    self.patience.as_secs()
                )));
            }
            for (number, stream) in streams.iter_mut().enumerate().take(own) {
                if stream.is_some() {
                    continue;
                }
                let address = &self.addresses[number];
                let Some((theirs, connected)) = call(address, said) else { continue };
                check(said, theirs, address)?;
                *stream = (number_of(theirs) == number).then_some(connected);
            }
            match listener.accept() {
                Ok((stream, from)) => {
                    // Whoever says nothing is none of ours; those may still come.
                    let Ok((theirs, stream)) = answer(stream, said) else { continue };
                    check(said, theirs, from)?;
                    let number = number_of(theirs);
                    if (own + 1..count).contains(&number) {
                        streams[number] = Some(stream);
                    }
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => sleep(PAUSE),
                Err(why) => return Err(at(address, "listen", why)),
            }
        }
        Ok(streams)
    }
}

fn number_of(hello: Hello) -> usize {
    usize::from(u16::from_le_bytes([hello[16], hello[17]]))
}

/// Whether a process is one of the same dataflow.
fn check(own: Hello, theirs: Hello, address: impl Display) -> Result<(), Error> {
    let what = match () {
        () if theirs[..4] != own[..4] => "the same release",
        () if theirs[4..6] != own[4..6] => "as many processes",
        () if theirs[6..8] != own[6..8] => "as many --workers",
        () if theirs[8..16] != own[8..16] => {
            "the same settings, --memory, key and --baseline"
        }
        () => return Ok(()),
    };
    let why = format!("{address}: expected a process of {what}, found another");
    Err(Error::Worker(why))
}

/// Calls a process that waits; `None` if it does not yet.
fn call(address: &str, hello: Hello) -> Option<(Hello, TcpStream)> {
    let to = address.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&to, HELLO).ok()?;
    if stream.local_addr().ok()? == stream.peer_addr().ok()? {
        // Nobody waits there, and the system has connected the port with itself.
        return None;
    }
    stream.set_nodelay(true).ok()?;
    stream.write_all(&hello).ok()?;
    Some((heard(&mut stream).ok()?, stream))
}

fn answer(mut stream: TcpStream, hello: Hello) -> io::Result<(Hello, TcpStream)> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    let theirs = heard(&mut stream)?;
    stream.write_all(&hello)?;
    Ok((theirs, stream))
}

fn heard(stream: &mut TcpStream) -> io::Result<Hello> {
    stream.set_read_timeout(Some(HELLO))?;
    let mut theirs = Hello::default();
    stream.read_exact(&mut theirs)?;
    stream.set_read_timeout(None)?;
    Ok(theirs)
}

fn at(address: impl Display, doing: &str, why: io::Error) -> Error {
    Error::Worker(format!("{address}: cannot {doing}: {why}"))
}
