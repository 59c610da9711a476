//! Scenario `mailing-list`: a discussion on a mailing list.
//!
//! The list server of the site receives a message once and sends it to a hundred servers.
//! Those who answer quote it, to the list and to those who wrote before, some of whom have
//! their mail at the site. So what a server received it sends, in part, to others.

use super::host_pool::HostPool;
use super::setup::BenignSetup;
use super::smtp::{Message, deliver};
use crate::error::CorpusError;
use crate::link::Endpoint;
use crate::profile::{Expectation, Profile, Verdict};
use crate::scenario::Entry;
use crate::simulation::{Process, Schedule};
use crate::text::{prose, token, word};
use crate::time::{MILLISECOND, SECOND};
use crate::traffic::Planted;

const SUBSCRIBERS: usize = 100;
/// Who writes: the servers of so many of the subscribers, and so many departments.
const AUTHORS_OUTSIDE: usize = 6;
const AUTHORS_INSIDE: usize = 6;
/// From one message to the next: never less than this, and a random time more.
const READING: u64 = 15 * SECOND;
const THINKING_RATE: f64 = 1.0 / 15.0;

pub(super) const ENTRY: Entry = Entry {
    profile: Profile::benign(
        "mailing-list",
        "a list server sends messages to 100 servers; answers quote them, to the list \
             and to those who wrote before",
        "propagation alone: who answers to all passes on what is quoted",
        &[Expectation::by_default(
            Verdict::Silent("the list and a few authors send it: too few sources"),
            Verdict::Open("authors pass on what they quote, once two or three answered"),
        )],
    ),
    open: |request| BenignSetup::default().start(request, MailingList::new),
};

#[derive(Clone)]
struct Author {
    end: Endpoint,
    address: String,
    server: String,
}

struct MailingList {
    list: Endpoint,
    subscribers: Vec<Author>,
    authors: Vec<Author>,
    /// Who wrote in this thread, the last one last.
    thread: Vec<usize>,
    subject: String,
    /// The body of the last message without what it quotes.
    last: String,
    footer: String,
}

enum Event {
    Write,
    /// The list sends a message to one subscriber, and then to the next.
    Distribute {
        message: Box<Message>,
        subscriber: usize,
    },
}

impl MailingList {
    fn new(pool: &mut HostPool) -> Result<Self, CorpusError> {
        let list = pool.inside_server(4)?;
        let (outside, inside) =
            (pool.outside(SUBSCRIBERS)?, pool.inside_servers(AUTHORS_INSIDE)?);
        let rng = &mut pool.rng;
        let mut person = |end: Endpoint| {
            let server = format!("mx.{}.example", word(rng));
            let address = format!("{}.{}@{}", word(rng), word(rng), &server[3..]);
            Author { end, address, server }
        };
        let subscribers: Vec<Author> = outside.into_iter().map(&mut person).collect();
        let mut authors: Vec<Author> = inside.into_iter().map(&mut person).collect();
        authors.extend(subscribers.iter().take(AUTHORS_OUTSIDE).cloned());
        let footer = format!(
            "-- \r\nTo leave: https://lists.site.example/{}/leave\r\n",
            token(10, rng)
        );
        let (thread, subject, last) = (Vec::new(), String::new(), String::new());
        Ok(Self { list, subscribers, authors, thread, subject, last, footer })
    }

    fn write(&mut self, time_ns: u64, schedule: &mut Schedule<Event>) {
        let Schedule { link, rng, .. } = schedule;
        if self.thread.is_empty() || self.thread.len() > 8 {
            self.thread.clear();
            self.subject = format!("{} {} {}", word(rng), word(rng), word(rng));
            self.last.clear();
        }
        let last = self.thread.last().copied();
        let others = (0..self.authors.len()).filter(|author| Some(*author) != last);
        let writes = *rng.one_of(&others.collect::<Vec<_>>());
        let quoted = quote(&self.last);
        self.last = prose(rng.between(300, 900) as usize, rng);
        let author = &self.authors[writes];
        let message = Message {
            from: author.address.clone(),
            to: "talk@lists.site.example".to_owned(),
            subject: format!(
                "{}{}",
                if last.is_some() { "Re: " } else { "" },
                self.subject
            ),
            headers: String::new(),
            body: format!("{quoted}\r\n{}", self.last),
        };
        let mut to_send = vec![(self.list, "lists.site.example")];
        let mut before = self.thread.clone();
        before.sort_unstable();
        before.dedup();
        for earlier in before.into_iter().filter(|earlier| *earlier != writes) {
            to_send.push((self.authors[earlier].end, &self.authors[earlier].server));
        }
        // What stays on one side does not cross the tap.
        to_send.retain(|(end, _)| end.inside != author.end.inside);
        let mut arrived = time_ns;
        for (end, server) in to_send {
            let ends = (author.end.client(rng), end.at(25));
            let names = (author.server.as_str(), server);
            arrived = deliver(link, rng, arrived, ends, names, &message);
        }
        self.thread.push(writes);
        let body = format!("{}{}", message.body, self.footer);
        let message = Box::new(Message { body, headers: list_headers(), ..message });
        schedule.at(arrived + SECOND, Event::Distribute { message, subscriber: 0 });
    }
}

fn list_headers() -> String {
    "Precedence: list\r\nList-Id: <talk.lists.site.example>\r\n".to_owned()
}

fn quote(text: &str) -> String {
    text.lines().map(|line| format!("> {line}\r\n")).collect()
}

impl Process for MailingList {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, schedule: &mut Schedule<Event>) {
        schedule.at(start_ns, Event::Write);
    }

    fn handle(&mut self, time_ns: u64, event: Event, schedule: &mut Schedule<Event>) {
        match event {
            Event::Write => {
                self.write(time_ns, schedule);
                schedule.after(time_ns + READING, THINKING_RATE, Event::Write);
            }
            Event::Distribute { message, subscriber } => {
                let Schedule { link, rng, .. } = schedule;
                let to = &self.subscribers[subscriber];
                let ends = (self.list.client(rng), to.end.at(25));
                let names = ("lists.site.example", to.server.as_str());
                deliver(link, rng, time_ns, ends, names, &message);
                if subscriber + 1 < self.subscribers.len() {
                    let next = time_ns + rng.between(20, 150) * MILLISECOND;
                    let subscriber = subscriber + 1;
                    schedule.at(next, Event::Distribute { message, subscriber });
                }
            }
        }
    }

    fn planted(&self) -> Planted {
        let authors = self.authors.len().into();
        Planted::none(vec![("subscribers", SUBSCRIBERS.into()), ("authors", authors)])
    }
}
