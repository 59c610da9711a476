//! The HTTP server of the status page and the metrics.
//!
//! A server for a few browsers and scrapers: a fixed number of threads, which all start
//! before the sandbox forbids new ones, one request a connection, GET and HEAD only,
//! everything bounded in bytes and time. A client that is slow to ask or to read holds one
//! thread for at most twice [`PATIENCE`]; the others go on. Requests are parsed by
//! httparse; the rest is a dozen lines, which is less than a server library with its own
//! threads would bring into the sandbox.

use super::{Board, Shown, page, start_thread};
use crate::output::exit_code::Failure;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of a request's head at most.
const MOST_HEAD: usize = 8 << 10;
/// Lines of a request's head at most.
const MOST_HEADERS: usize = 64;
/// How long a client may take to ask, and then to take the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections that are served at the same time; others wait in the kernel's queue.
const SERVERS: usize = 8;

/// Takes the address of a status page. `hint` says what to do where it is taken.
pub(crate) fn listen(address: SocketAddr, hint: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| {
        let reason = format!("{error} ({hint})");
        Failure::of(format_args!("status page at {address}"), reason)
    })
}

/// Answers requests in threads of its own, as long as the process lives.
pub(crate) fn serve<S: Shown>(
    listener: TcpListener,
    board: Arc<Board<S>>,
) -> io::Result<()> {
    let is_local = listener.local_addr()?.ip().is_loopback();
    let listener = Arc::new(listener);
    for _ in 0..SERVERS {
        let (listener, board) = (Arc::clone(&listener), Arc::clone(&board));
        start_thread("status", move || {
            loop {
                match listener.accept() {
                    // A client that goes away in the middle has itself to blame.
                    Ok((client, _)) => _ = answer(client, is_local, &board),
                    // Out of descriptors, say; not a reason to spin.
                    Err(_) => thread::sleep(Duration::from_millis(100)),
                }
            }
        })?;
    }
    Ok(())
}

fn answer(
    mut client: TcpStream,
    is_local: bool,
    board: &Board<impl Shown>,
) -> io::Result<()> {
    let head = read_head(&mut client)?;
    let (with_body, response) = respond(&head, is_local, board);
    write_in_time(&mut client, &response.to_bytes(with_body))?;
    client.shutdown(Shutdown::Write)
}

/// What is left until `end`, or the error that ends the connection.
fn left_until(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Writes all of it within [`PATIENCE`], however little the client takes at a time.
fn write_in_time(client: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    while !bytes.is_empty() {
        client.set_write_timeout(Some(left_until(end)?))?;
        match client.write(bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

/// Reads up to the empty line, or as much as there may be.
fn read_head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let end = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut part = [0; 1_024];
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") && head.len() < MOST_HEAD {
        client.set_read_timeout(Some(left_until(end)?))?;
        match client.read(&mut part)? {
            0 => break,
            read => head.extend_from_slice(&part[..read]),
        }
    }
    Ok(head)
}

/// An answer; those of `/` and `/metrics` are of the snapshot.
struct Response {
    status: &'static str,
    kind: &'static str,
    body: String,
}

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
/// A browser loads the page again by itself, every five seconds.
const REFRESH: &str = "Refresh: 5\r\n";

impl Response {
    fn text(status: &'static str, body: &str) -> Self {
        Self { status, kind: TEXT, body: format!("{body}\n") }
    }

    fn to_bytes(&self, with_body: bool) -> Vec<u8> {
        let Self { status, kind, body } = self;
        let mut text = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Connection: close\r\nCache-Control: no-store\r\n\
             Content-Security-Policy: {}\r\nX-Content-Type-Options: nosniff\r\n\
             Referrer-Policy: no-referrer\r\n",
            body.len(),
            page::POLICY,
        );
        if *kind == HTML {
            text.push_str(REFRESH);
        }
        text.push_str("\r\n");
        if with_body {
            text.push_str(body);
        }
        text.into_bytes()
    }
}

/// What a request gets, and whether it wants the body.
fn respond(head: &[u8], is_local: bool, board: &Board<impl Shown>) -> (bool, Response) {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    if !request.parse(head).is_ok_and(|parsed| parsed.is_complete()) {
        return (
            true,
            Response::text("400 Bad Request", "the request is not valid HTTP"),
        );
    }
    let method = request.method.unwrap_or_default();
    let with_body = method != "HEAD";
    if !["GET", "HEAD"].contains(&method) {
        return (true, Response::text("405 Method Not Allowed", "only GET and HEAD"));
    }
    // A page of some other site must not get at this one under a name of its own.
    let mut hosts =
        request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case("host"));
    if is_local && !hosts.all(|header| is_local_name(header.value)) {
        let text = "the Host header must be localhost or an address";
        return (with_body, Response::text("421 Misdirected Request", text));
    }
    let target = request.path.unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let response = match path {
        "/" | "/metrics" => match board.read() {
            None => Response::text("503 Service Unavailable", "not started yet"),
            Some(snapshot) if path == "/" => {
                Response { status: "200 OK", kind: HTML, body: snapshot.page() }
            }
            Some(snapshot) => Response {
                status: "200 OK",
                kind: "text/plain; version=0.0.4; charset=utf-8",
                body: snapshot.metrics(),
            },
        },
        "/health" => health(board),
        _ => Response::text(
            "404 Not Found",
            "not found; there are /, /metrics and /health",
        ),
    };
    (with_body, response)
}

fn health(board: &Board<impl Shown>) -> Response {
    const NOT_WELL: &str = "503 Service Unavailable";
    if !board.is_alive() {
        return Response::text(
            NOT_WELL,
            "the thread that does the work has not moved for ten seconds",
        );
    }
    match board.read().map(|snapshot| snapshot.trouble()) {
        Some(Some(trouble)) => Response::text(NOT_WELL, &trouble),
        Some(None) => Response::text("200 OK", "ok"),
        None => Response::text(NOT_WELL, "not started yet"),
    }
}

/// `localhost` or an address, with or without a port.
fn is_local_name(value: &[u8]) -> bool {
    let text = std::str::from_utf8(value).unwrap_or_default().trim();
    let host = match text.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => text,
    };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || bare.unwrap_or(host).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Shown for Plain {
        fn page(&self) -> String {
            "page".to_owned()
        }

        fn metrics(&self) -> String {
            "metrics".to_owned()
        }

        fn trouble(&self) -> Option<String> {
            None
        }
    }

    /// A board with somebody who posts to it.
    fn with_board<T>(look: impl FnOnce(&Board<Plain>) -> T) -> T {
        let board = Board::new();
        let done = std::sync::atomic::AtomicBool::new(false);
        let order = std::sync::atomic::Ordering::Relaxed;
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(order) {
                    if board.round() {
                        board.post(Plain);
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            });
            let result = look(&board);
            done.store(true, order);
            result
        })
    }

    fn status(request: &str, board: &Board<Plain>) -> &'static str {
        respond(request.as_bytes(), true, board).1.status
    }

    #[test]
    fn only_what_is_understood_is_answered() {
        with_board(|board| {
            for (request, expected) in [
                ("GET / HTTP/1.1\r\nHost: localhost:9768\r\n\r\n", "200"),
                ("GET /?a=b HTTP/1.0\r\n\r\n", "200"),
                ("HEAD /metrics HTTP/1.1\r\nHost: [::1]:9768\r\n\r\n", "200"),
                ("GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", "200"),
                ("GET /etc/passwd HTTP/1.1\r\n\r\n", "404"),
                ("POST / HTTP/1.1\r\n\r\n", "405"),
                ("GET / HTTP/1.1\r\nHost: wormsift.example\r\n\r\n", "421"),
                ("GET / HTTP/1.1\r\n", "400"),
                ("GET /\r\n\r\n", "400"),
                ("\0\r\n\r\n", "400"),
            ] {
                assert!(status(request, board).starts_with(expected), "{request:?}");
            }
        });
    }

    #[test]
    fn any_bytes_get_an_answer() {
        let heads = [
            &b"GET /metrics HTTP/1.1\r\nHost: localhost:9768\r\n\r\n"[..],
            b"HEAD /?a=b HTTP/1.0\r\nA: b\r\n c\r\n\r\n",
            b"GET http://localhost/health HTTP/1.1\r\nHost: [::1]\r\nHost: a\r\n\r\n",
            b"POST /%00 HTTP/1.1\r\nContent-Length: 1\r\n\r\na",
        ];
        let edits =
            proptest::collection::vec((0..80_usize, proptest::num::u8::ANY), 0..8);
        let any = (proptest::sample::select(heads.to_vec()), edits, 10..80_usize);
        let mut runner = proptest::test_runner::TestRunner::default();
        with_board(|board| {
            let answered = runner.run(&any, |(head, edits, end)| {
                let mut head = head.to_vec();
                for (at, byte) in edits {
                    head.get_mut(at).into_iter().for_each(|it| *it = byte);
                }
                head.truncate(end);
                let (with_body, response) = respond(&head, true, board);
                assert!(response.to_bytes(with_body).starts_with(b"HTTP/1.1 "));
                let statuses = ["200", "400", "404", "405", "421", "503"];
                assert!(statuses.contains(&&response.status[..3]));
                Ok(())
            });
            answered.expect("an answer");
        });
    }

    #[test]
    fn a_head_request_gets_no_body() {
        with_board(|board| {
            let (with_body, response) = respond(b"HEAD / HTTP/1.1\r\n\r\n", true, board);
            let text = String::from_utf8(response.to_bytes(with_body)).unwrap();
            assert!(text.ends_with("\r\n\r\n"), "{text}");
            assert!(text.contains("Content-Security-Policy: default-src 'none'"));
        });
    }

    #[test]
    fn slow_clients_end_and_keep_nobody_waiting() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let board = Arc::new(Board::new());
        board.post(Plain);
        serve(listener, Arc::clone(&board)).unwrap();
        // All threads but one are held by clients that do not finish asking.
        let mut slow: Vec<TcpStream> = (1..SERVERS)
            .map(|_| {
                let mut slow = TcpStream::connect(address).unwrap();
                slow.write_all(b"GET / HT").unwrap();
                slow
            })
            .collect();
        let asked = Instant::now();
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET /none HTTP/1.1\r\n\r\n").unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 404 "), "{text}");
        assert!(asked.elapsed() < PATIENCE, "it waited for the slow ones");
        for slow in &mut slow {
            text.clear();
            assert_eq!(slow.read_to_string(&mut text).unwrap_or(0), 0);
        }
    }
}
