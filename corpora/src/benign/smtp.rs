//! SMTP: a message from one mail server to another (RFC 5321).

use crate::link::{Endpoint, Link};
use crate::rng::Rng;
use crate::tcp_session::{Peer, TcpSession};
use crate::text::token;
use crate::time::{MILLISECOND, http_date};

/// A message, without what servers write into it on its way.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) subject: String,
    /// Further header lines, each with its CRLF.
    pub(super) headers: String,
    pub(super) body: String,
}

/// One delivery: returns when the message has arrived completely.
pub(super) fn deliver(
    link: &mut Link,
    rng: &mut Rng,
    time_ns: u64,
    ends: (Endpoint, Endpoint),
    (from_name, to_name): (&str, &str),
    message: &Message,
) -> u64 {
    let pauses = (MILLISECOND, 20 * MILLISECOND);
    let mut session = TcpSession::new(link, ends, time_ns, rng);
    session.open();
    let envelope = [
        (Peer::Server, format!("220 {to_name} ESMTP {}\r\n", token(6, rng))),
        (Peer::Client, format!("EHLO {from_name}\r\n")),
        (Peer::Server, format!("250-{to_name}\r\n250 SIZE 20480000\r\n")),
        (Peer::Client, format!("MAIL FROM:<{}>\r\n", message.from)),
        (Peer::Server, "250 2.1.0 Ok\r\n".to_owned()),
        (Peer::Client, format!("RCPT TO:<{}>\r\n", message.to)),
        (Peer::Server, "250 2.1.5 Ok\r\n".to_owned()),
        (Peer::Client, "DATA\r\n".to_owned()),
        (Peer::Server, "354 Go on\r\n".to_owned()),
    ];
    session.exchange(envelope, pauses, rng);
    let text = format!(
        "Received: from {} by {from_name}; id {}\r\nDate: {}\r\nMessage-ID: \
         <{}@{from_name}>\r\nFrom: {}\r\nTo: {}\r\nSubject: {}\r\n{}\r\n{}\r\n.\r\n",
        token(8, rng),
        token(12, rng),
        http_date(session.time_ns(), "+0000"),
        token(20, rng),
        message.from,
        message.to,
        message.subject,
        message.headers,
        message.body
    );
    session.exchange([(Peer::Client, text)], pauses, rng);
    let arrived = session.time_ns();
    let rest = [
        (Peer::Server, format!("250 2.0.0 Ok: {}\r\n", token(10, rng))),
        (Peer::Client, "QUIT\r\n".to_owned()),
        (Peer::Server, "221 2.0.0 Bye\r\n".to_owned()),
    ];
    session.exchange(rest, pauses, rng);
    session.close(Peer::Client);
    arrived
}
