//! SMTP: the site's mail server gets letters and sends letters.
//!
//! A mail server passes letters on by its nature. These are written to
//! different people by different programs, so that no long piece of one is in
//! another; a mailing list is a scenario of its own.

use std::sync::Arc;

use super::site::{Site, client, random_word, service, token, write_prose};
use super::{Conversation, Lane};
use crate::calendar::http_date;
use crate::rng::Rng;
use crate::tcp_dialogue::{Peer, TcpDialogue};

pub(super) struct Mail {
    site: Arc<Site>,
}

impl Mail {
    pub(super) fn new(site: Arc<Site>) -> Self {
        Self { site }
    }
}

impl Conversation for Mail {
    fn start(&mut self, time_ns: u64, lane: &mut Lane) {
        let Lane { rng, queue, emitter, text } = lane;
        let Some(person) = rng.pick(&self.site.people) else { return };
        let Some((partner, domain)) = rng.pick(&self.site.mail_servers) else { return };
        let own = self.site.own_mail_server;
        let ours = format!("{}@site.example", person.name);
        let theirs = format!("{}.{}@{domain}", random_word(rng), random_word(rng));
        let (from, to, server_name, client_name);
        let (client_end, server_end) = if rng.chance(0.5) {
            (from, to) = (theirs, ours);
            (server_name, client_name) = ("mx.site.example", domain.as_str());
            (client(partner, rng), service(&own, 25))
        } else {
            (from, to) = (ours, theirs);
            (server_name, client_name) = (domain.as_str(), "mx.site.example");
            (client(&own, rng), service(partner, 25))
        };
        let mut talk =
            TcpDialogue::new(queue, emitter, client_end, server_end, time_ns, rng);
        talk.open();
        let queued = token(10, rng);
        let think = |rng: &mut Rng| rng.between(500_000, 20_000_000);
        let dialogue = [
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
        for (peer, line) in dialogue {
            talk.say(peer, line.as_bytes(), think(rng));
        }
        text.clear();
        write_letter(&from, &to, talk.time_ns(), rng, text);
        talk.say(Peer::Client, text, think(rng));
        let accepted = format!("250 2.0.0 Ok: queued as {queued}\r\n");
        talk.say(Peer::Server, accepted.as_bytes(), think(rng));
        talk.say(Peer::Client, b"QUIT\r\n", think(rng));
        talk.say(Peer::Server, b"221 2.0.0 Bye\r\n", think(rng));
        talk.close(Peer::Client);
    }
}

fn write_letter(from: &str, to: &str, time_ns: u64, rng: &mut Rng, text: &mut Vec<u8>) {
    let zone = rng.word(&["+0000", "+0100", "-0500", "+0900", "-0800"]);
    let program = format!("{} {}.{}", random_word(rng), rng.below(20), rng.below(100));
    let mut headers = vec![
        format!("From: {} <{from}>", random_word(rng)),
        format!("To: {to}"),
        format!(
            "Subject: {} {} {}",
            random_word(rng),
            random_word(rng),
            random_word(rng)
        ),
        format!("Date: {}", http_date(time_ns, zone)),
        format!("Message-ID: <{}@{}>", token(20, rng), random_word(rng)),
        format!("X-Mailer: {program}"),
    ];
    if rng.chance(0.5) {
        headers.push("MIME-Version: 1.0".to_owned());
    }
    rng.shuffle(&mut headers);
    for header in headers {
        text.extend_from_slice(header.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    write_prose((150.0 + rng.exponential(700.0)) as usize, 68, rng, text);
    text.extend_from_slice(b"\r\n.\r\n");
}
