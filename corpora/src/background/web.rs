//! HTTP/1.1: pages and archives fetched by the site's people, and the site's own
//! page fetched by visitors.

use std::io::Write;
use std::sync::Arc;

use super::site::{
    Person, Site, WebServer, client, random_word, service, token, write_prose,
};
use super::{Conversation, Lane};
use crate::calendar::http_date;
use crate::rng::Rng;
use crate::tcp_dialogue::{Peer, TcpDialogue};

/// Answers are short, so that small traces stay small.
const MEAN_BODY: f64 = 1_500.0;
const LONGEST_BODY: f64 = 20_000.0;

pub(super) struct Web {
    site: Arc<Site>,
}

impl Web {
    pub(super) fn new(site: Arc<Site>) -> Self {
        Self { site }
    }
}

impl Conversation for Web {
    fn start(&mut self, time_ns: u64, lane: &mut Lane) {
        let Lane { rng, queue, emitter, text } = lane;
        let visit = rng.chance(0.15);
        let people = if visit { &self.site.visitors } else { &self.site.people };
        let Some(person) = rng.pick(people) else { return };
        let Some(any_server) = rng.pick(&self.site.web_servers) else { return };
        let server = if visit { &self.site.own_web_server } else { any_server };
        let cookie =
            rng.chance(0.6).then(|| format!("{}={}", random_word(rng), token(24, rng)));
        let requests = rng.between(1, 4);
        let ends = (client(&person.end, rng), service(&server.end, 80));
        let mut talk = TcpDialogue::new(queue, emitter, ends.0, ends.1, time_ns, rng);
        talk.open();
        for request in 0..requests {
            text.clear();
            let archive = rng.chance(0.3);
            write_request(person, server, cookie.as_deref(), archive, rng, text);
            let pause = if request == 0 { 100_000 } else { reading_time(rng) };
            talk.say(Peer::Client, text, pause);
            text.clear();
            write_answer(server, archive, talk.time_ns(), rng, text);
            talk.say(Peer::Server, text, rng.between(1_000_000, 40_000_000));
        }
        talk.close(Peer::Client);
    }
}

fn reading_time(rng: &mut Rng) -> u64 {
    rng.exponential(1.5e9) as u64
}

fn write_request(
    person: &Person,
    server: &WebServer,
    cookie: Option<&str>,
    archive: bool,
    rng: &mut Rng,
    text: &mut Vec<u8>,
) {
    let ending = if archive { "bin" } else { "html" };
    let (folder, page) = (random_word(rng), random_word(rng));
    let path = format!("/{folder}/{page}{}.{ending}", rng.below(1_000));
    put(text, format_args!("GET {path} HTTP/1.1\r\nHost: {}\r\n", server.name));
    // What varies stands among what does not, as in most programs.
    let place = person.browser.len() / 2;
    for (index, line) in person.browser.iter().enumerate() {
        if index == place {
            put(text, format_args!("Referer: http://{}/{page}\r\n", server.name));
        }
        put(text, format_args!("{line}\r\n"));
    }
    if let Some(cookie) = cookie {
        put(text, format_args!("Cookie: {cookie}\r\n"));
    }
    text.extend_from_slice(b"\r\n");
}

fn write_answer(
    server: &WebServer,
    archive: bool,
    time_ns: u64,
    rng: &mut Rng,
    text: &mut Vec<u8>,
) {
    let length = (200.0 + rng.exponential(MEAN_BODY)).min(LONGEST_BODY) as usize;
    let mut body = Vec::with_capacity(length + 64);
    if archive {
        rng.append(length / 2, &mut body);
    } else {
        let title = random_word(rng);
        put(&mut body, format_args!("<!doctype html><title>{title}</title><p>"));
        write_prose(length, 72, rng, &mut body);
    }
    let kind =
        if archive { "application/octet-stream" } else { "text/html; charset=utf-8" };
    put(text, format_args!("HTTP/1.1 200 OK\r\nDate: {}\r\n", http_date(time_ns, "GMT")));
    for line in &server.headers {
        put(text, format_args!("{line}\r\n"));
    }
    put(text, format_args!("Content-Type: {kind}\r\nETag: \"{}\"\r\n", token(12, rng)));
    put(text, format_args!("Content-Length: {}\r\n\r\n", body.len()));
    text.extend_from_slice(&body);
}

/// Appends formatted text.
fn put(text: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = text.write_fmt(arguments);
}
