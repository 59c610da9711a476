//! A message from one mail server to another (RFC 5321).

use super::story::MILLISECOND;
use super::text::token;
use super::wire::Wire;
use crate::calendar::http_date;
use crate::emitter::End;
use crate::rng::Rng;
use crate::tcp_dialogue::Peer;

/// A letter, without what is written into it on its way.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) subject: String,
    /// Further header lines, each with its CRLF.
    pub(super) headers: String,
    pub(super) body: String,
}

/// One delivery: returns when the letter has arrived whole.
pub(super) fn deliver(
    wire: &mut Wire,
    rng: &mut Rng,
    time_ns: u64,
    (from, to): (End, End),
    (from_name, to_name): (&str, &str),
    letter: &Letter,
) -> u64 {
    let think = |rng: &mut Rng| rng.between(MILLISECOND, 20 * MILLISECOND);
    let mut talk = wire.talk(time_ns, from, to, rng);
    talk.open();
    let dialogue = [
        (Peer::Server, format!("220 {to_name} ESMTP {}\r\n", token(6, rng))),
        (Peer::Client, format!("EHLO {from_name}\r\n")),
        (Peer::Server, format!("250-{to_name}\r\n250 SIZE 20480000\r\n")),
        (Peer::Client, format!("MAIL FROM:<{}>\r\n", letter.from)),
        (Peer::Server, "250 2.1.0 Ok\r\n".to_owned()),
        (Peer::Client, format!("RCPT TO:<{}>\r\n", letter.to)),
        (Peer::Server, "250 2.1.5 Ok\r\n".to_owned()),
        (Peer::Client, "DATA\r\n".to_owned()),
        (Peer::Server, "354 Go on\r\n".to_owned()),
    ];
    for (peer, line) in dialogue {
        talk.say(peer, line.as_bytes(), think(rng));
    }
    let text = format!(
        "Received: from {} by {from_name}; id {}\r\nDate: {}\r\nMessage-ID: \
         <{}@{from_name}>\r\nFrom: {}\r\nTo: {}\r\nSubject: {}\r\n{}\r\n{}\r\n.\r\n",
        token(8, rng),
        token(12, rng),
        http_date(talk.time_ns(), "+0000"),
        token(20, rng),
        letter.from,
        letter.to,
        letter.subject,
        letter.headers,
        letter.body
    );
    talk.say(Peer::Client, text.as_bytes(), think(rng));
    let arrived = talk.time_ns();
    let accepted = format!("250 2.0.0 Ok: {}\r\n", token(10, rng));
    talk.say(Peer::Server, accepted.as_bytes(), think(rng));
    talk.say(Peer::Client, b"QUIT\r\n", think(rng));
    talk.say(Peer::Server, b"221 2.0.0 Bye\r\n", think(rng));
    talk.close(Peer::Client);
    arrived
}
