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

const MAGIC: [u8; 4] = *b"WSD1";
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

/// What a process says first: the number of processes, of workers of each, and its own.
type Hello = [u8; 10];

fn hello(processes: usize, workers: u16, own: usize) -> Hello {
    let mut hello = [0; 10];
    hello[..4].copy_from_slice(&MAGIC);
    hello[4..6].copy_from_slice(&(processes as u16).to_le_bytes());
    hello[6..8].copy_from_slice(&workers.to_le_bytes());
    hello[8..].copy_from_slice(&(own as u16).to_le_bytes());
    hello
}

impl Processes {
    /// A connection to each other process, by number.
    pub(super) fn connect(&self, workers: u16) -> Result<Vec<Option<TcpStream>>, Error> {
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
        let own_hello = hello(count, workers, own);
        while let Some(missing) =
            (0..count).find(|it| *it != own && streams[*it].is_none())
        {
            if Instant::now() > until {
                return Err(Error::Worker(format!(
                    "process {missing} at {}: did not come within {} s",
                    self.addresses[missing],
                    self.patience.as_secs()
                )));
            }
            for (number, stream) in streams.iter_mut().enumerate().take(own) {
                if stream.is_none() {
                    *stream = call(&self.addresses[number], own_hello);
                }
            }
            match listener.accept() {
                Ok((stream, from)) => {
                    // Whoever says nothing is none of ours; those may still come.
                    let Ok((theirs, stream)) = heard(stream) else { continue };
                    let number = usize::from(u16::from_le_bytes([theirs[8], theirs[9]]));
                    let is_one = (own + 1..count).contains(&number);
                    if !is_one || theirs[..8] != own_hello[..8] {
                        return Err(Error::Worker(format!(
                            "{from}: expected a process of the same release, of {count} with \
                             {workers} workers each, found another"
                        )));
                    }
                    streams[number] = Some(stream);
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => sleep(PAUSE),
                Err(why) => return Err(at(address, "listen", why)),
            }
        }
        Ok(streams)
    }
}

fn call(address: &str, hello: Hello) -> Option<TcpStream> {
    let to = address.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&to, HELLO).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.write_all(&hello).ok()?;
    Some(stream)
}

fn heard(mut stream: TcpStream) -> io::Result<(Hello, TcpStream)> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(HELLO))?;
    let mut theirs = Hello::default();
    stream.read_exact(&mut theirs)?;
    if theirs[..4] != MAGIC {
        return Err(io::Error::other("no process of a dataflow"));
    }
    stream.set_read_timeout(None)?;
    Ok((theirs, stream))
}

fn at(address: impl Display, doing: &str, why: io::Error) -> Error {
    Error::Worker(format!("{address}: cannot {doing}: {why}"))
}
