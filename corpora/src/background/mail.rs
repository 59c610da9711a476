//! SMTP: the site's mail server receives and sends messages (RFC 5321).
//!
//! A mail server relays messages by its nature. These are written to different people by
//! different programs, so that no long piece of one is in another; a mailing list is a
//! scenario of its own.

use super::site::{Site, random_word, write_prose};
use crate::link::Link;
use crate::rng::Rng;
use crate::tcp_session::{Peer, TcpSession};
use crate::text::token;
use crate::time::http_date;

pub(super) fn deliver(site: &Site, time_ns: u64, link: &mut Link, rng: &mut Rng) {
    let Some(person) = rng.pick(&site.people) else { return };
    let Some((partner, domain)) = rng.pick(&site.mail_servers) else { return };
    let own = site.own_mail_server;
    let ours = format!("{}@site.example", person.name);
    let theirs = format!("{}.{}@{domain}", random_word(rng), random_word(rng));
    let (from, to, server_name, client_name);
    let ends = if rng.chance(0.5) {
        (from, to) = (theirs, ours);
        (server_name, client_name) = ("mx.site.example", domain.as_str());
        (partner.client(rng), own.at(25))
    } else {
        (from, to) = (ours, theirs);
        (server_name, client_name) = (domain.as_str(), "mx.site.example");
        (own.client(rng), partner.at(25))
    };
    let mut session = TcpSession::new(link, ends, time_ns, rng);
    session.open();
    let queued = token(10, rng);
    let pauses = (500_000, 20_000_000);
    let envelope = [
        (Peer::Server, format!("220 {server_name} ESMTP {}\r\n", token(6, rng))),
        (Peer::Client, format!("EHLO {client_name}\r\n")),
        (
            Peer::Server,
            format!("250-{server_name}\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n"),
        ),
        (Peer::Client, format!("MAIL FROM:<{from}>\r\n")),
        (Peer::Server, "250 2.1.0 Ok\r\n".to_owned()),
        (Peer::Client, format!("RCPT TO:<{to}>\r\n")),
        (Peer::Server, "250 2.1.5 Ok\r\n".to_owned()),
        (Peer::Client, "DATA\r\n".to_owned()),
        (Peer::Server, "354 End data with <CR><LF>.<CR><LF>\r\n".to_owned()),
    ];
    session.exchange(envelope, pauses, rng);
    let message = message(&from, &to, session.time_ns(), rng);
    let rest = [
        (Peer::Client, message),
        (Peer::Server, format!("250 2.0.0 Ok: queued as {queued}\r\n")),
        (Peer::Client, "QUIT\r\n".to_owned()),
        (Peer::Server, "221 2.0.0 Bye\r\n".to_owned()),
    ];
    session.exchange(rest, pauses, rng);
    session.close(Peer::Client);
}

/// Headers in a random order, running text, and the dot that ends it.
fn message(from: &str, to: &str, time_ns: u64, rng: &mut Rng) -> String {
    let zone = rng.word(&["+0000", "+0100", "-0500", "+0900", "-0800"]);
    let program = format!("{} {}.{}", random_word(rng), rng.below(20), rng.below(100));
    let mut headers = vec![
        format!("From: {} <{from}>\r\n", random_word(rng)),
        format!("To: {to}\r\n"),
        format!(
            "Subject: {} {} {}\r\n",
            random_word(rng),
            random_word(rng),
            random_word(rng)
        ),
        format!("Date: {}\r\n", http_date(time_ns, zone)),
        format!("Message-ID: <{}@{}>\r\n", token(20, rng), random_word(rng)),
        format!("X-Mailer: {program}\r\n"),
    ];
    if rng.chance(0.5) {
        headers.push("MIME-Version: 1.0\r\n".to_owned());
    }
    rng.shuffle(&mut headers);
    let mut text = headers.concat();
    text.push_str("\r\n");
    write_prose((150.0 + rng.exponential(700.0)) as usize, 68, rng, &mut text);
    text.push_str("\r\n.\r\n");
    text
}
