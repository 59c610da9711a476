//! A link over TCP that can be cut: closed, or silent, as a far one is when a cable breaks.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OPEN: u8 = 0;
const SILENT: u8 = 1;
const CLOSED: u8 = 2;

#[derive(Default)]
struct Shared {
    state: AtomicU8,
    streams: Mutex<Vec<TcpStream>>,
}

pub(crate) struct Proxy {
    shared: Arc<Shared>,
    port: u16,
}

impl Proxy {
    /// Listens on loopback, and passes on to `to`. Its threads end with the test.
    pub(crate) fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let shared = Arc::<Shared>::default();
        let of = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if of.state.load(Ordering::SeqCst) != OPEN {
                    continue; // Dropped: refused, as far as who connects can tell.
                }
                let Ok(there) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                for (from, to) in [(&stream, &there), (&there, &stream)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let of = of.clone();
                    std::thread::spawn(move || pass(&of, from, to));
                }
                of.streams.lock().unwrap().extend([stream, there]);
            }
        });
        Self { shared, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Nothing more comes through, and nobody is told.
    pub(crate) fn silence(&self) {
        self.shared.state.store(SILENT, Ordering::SeqCst);
    }

    /// All connections are closed; no new one is made.
    pub(crate) fn close(&self) {
        self.shared.state.store(CLOSED, Ordering::SeqCst);
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// The link is there again; what was silent stays broken.
    pub(crate) fn open(&self) {
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.shared.state.store(OPEN, Ordering::SeqCst);
    }
}

fn pass(shared: &Shared, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 1 << 16];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        while shared.state.load(Ordering::SeqCst) == SILENT {
            std::thread::sleep(Duration::from_millis(10));
        }
        if to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
