//! HTTP/1.1: pages and archives fetched by the site's people, and the site's own page
//! fetched by visitors.

use super::site::{Person, Site, WebServer, random_word, write_prose};
use crate::link::Link;
use crate::rng::Rng;
use crate::tcp_session::{Peer, TcpSession};
use crate::text::token;
use crate::time::http_date;

/// Answers are short, so that small traces stay small.
const MEAN_BODY: f64 = 1_500.0;
const LONGEST_BODY: f64 = 20_000.0;

pub(super) fn visit(site: &Site, time_ns: u64, link: &mut Link, rng: &mut Rng) {
    let visit = rng.chance(0.15);
    let people = if visit { &site.visitors } else { &site.people };
    let Some(person) = rng.pick(people) else { return };
    let Some(any_server) = rng.pick(&site.web_servers) else { return };
    let server = if visit { &site.own_web_server } else { any_server };
    let cookie = if rng.chance(0.6) {
        format!("Cookie: {}={}\r\n", random_word(rng), token(24, rng))
    } else {
        String::new()
    };
    let requests = rng.between(1, 4);
    let ends = (person.end.client(rng), server.end.at(80));
    let mut session = TcpSession::new(link, ends, time_ns, rng);
    session.open();
    for index in 0..requests {
        let archive = rng.chance(0.3);
        let request = request(person, server, &cookie, archive, rng);
        // Time to read.
        let pause = if index == 0 { 100_000 } else { rng.exponential(1.5e9) as u64 };
        session.send(Peer::Client, request.as_bytes(), pause);
        let answer = answer(server, archive, session.time_ns(), rng);
        session.send(Peer::Server, &answer, rng.between(1_000_000, 40_000_000));
    }
    session.close(Peer::Client);
}

fn request(
    person: &Person,
    server: &WebServer,
    cookie: &str,
    archive: bool,
    rng: &mut Rng,
) -> String {
    let ending = if archive { "bin" } else { "html" };
    let (folder, page) = (random_word(rng), random_word(rng));
    let path = format!("/{folder}/{page}{}.{ending}", rng.below(1_000));
    let host = &server.name;
    // What varies is among what does not, as in most programs.
    let (before, after) = person.browser.split_at(person.browser.len() / 2);
    let lines = |lines: &[String]| -> String {
        lines.iter().map(|line| format!("{line}\r\n")).collect()
    };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\n{}Referer: http://{host}/{page}\r\n\
         {}{cookie}\r\n",
        lines(before),
        lines(after)
    )
}

fn answer(server: &WebServer, archive: bool, time_ns: u64, rng: &mut Rng) -> Vec<u8> {
    let length = (200.0 + rng.exponential(MEAN_BODY)).min(LONGEST_BODY) as usize;
    let (kind, body) = if archive {
        ("application/octet-stream", rng.bytes(length / 2))
    } else {
        let title = random_word(rng);
        let mut page = format!("<!doctype html><title>{title}</title><p>");
        write_prose(length, 72, rng, &mut page);
        ("text/html; charset=utf-8", page.into_bytes())
    };
    let headers: String =
        server.headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 200 OK\r\nDate: {}\r\n{headers}Content-Type: {kind}\r\nETag: \
         \"{}\"\r\nContent-Length: {}\r\n\r\n",
        http_date(time_ns, "GMT"),
        token(12, rng),
        body.len()
    );
    [head.as_bytes(), &body].concat()
}
