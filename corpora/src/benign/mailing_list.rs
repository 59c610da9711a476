//! A discussion on a mailing list.
//!
//! The list server of the site gets a letter once and sends it to a hundred
//! servers. Those who answer quote it, to the list and to those who wrote
//! before, some of whom have their mail at the site. So what a server received
//! it sends, in part, to others.

use serde_json::Value;

use super::cast::{Cast, any, at_port, client};
use super::smtp::{Letter, deliver};
use super::story::{MILLISECOND, Plan, SECOND, Scene, Story};
use super::text::{prose, token, word};
use crate::emitter::End;
use crate::error::CorpusError;
use crate::frame_stream::FrameStream;
use crate::profile::{Expectation, Kind, Profile, Verdict};
use crate::rng::Rng;
use crate::scenario::{Entry, GenerateOptions};

const PLAN: Plan = Plan::named("mailing-list");
const SUBSCRIBERS: usize = 100;
/// Who writes: the servers of so many of the subscribers, and so many departments.
const AUTHORS_OUTSIDE: usize = 6;
const AUTHORS_INSIDE: usize = 6;
/// From one letter to the next: never less than this, and a random time more.
const READING: u64 = 15 * SECOND;
const THINKING_RATE: f64 = 1.0 / 15.0;

pub(super) const ENTRY: Entry = Entry {
    profile: Profile {
        name: PLAN.name,
        summary: "a list server sends letters to 100 servers; answers quote them, to \
                  the list and to those who wrote before",
        defeats: "propagation alone: who answers to all passes on what is quoted",
        kind: Kind::Benign,
        two_way: true,
        same_port: true,
        standard: true,
        expectations: &[Expectation::by_default(
            Verdict::Silent("the list and a few authors send it: too few sources"),
            Verdict::Open("authors pass on what they quote, once two or three answered"),
        )],
    },
    open,
};

fn open(seed: u64, options: &GenerateOptions) -> Result<FrameStream, CorpusError> {
    PLAN.open(seed, options, MailingList::new)
}

#[derive(Clone)]
struct Author {
    end: End,
    address: String,
    server: String,
}

struct MailingList {
    list: End,
    subscribers: Vec<Author>,
    authors: Vec<Author>,
    /// Who wrote in this thread, the last one last.
    thread: Vec<usize>,
    subject: String,
    /// The body of the last letter without what it quotes.
    last: String,
    footer: String,
}

enum Event {
    Write,
    /// The list sends a letter to one subscriber, and then to the next.
    Distribute {
        letter: Box<Letter>,
        subscriber: usize,
    },
}

impl MailingList {
    fn new(cast: &mut Cast) -> Result<Self, CorpusError> {
        let list = cast.inside_server(4)?;
        let (outside, inside) =
            (cast.outside(SUBSCRIBERS)?, cast.inside_servers(AUTHORS_INSIDE)?);
        let rng = &mut cast.rng;
        let mut person = |end: End| {
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

    fn write(&mut self, time_ns: u64, scene: &mut Scene<Event>) {
        let rng = &mut scene.rng;
        if self.thread.is_empty() || self.thread.len() > 8 {
            self.thread.clear();
            self.subject = format!("{} {} {}", word(rng), word(rng), word(rng));
            self.last.clear();
        }
        let last = self.thread.last().copied();
        let others = (0..self.authors.len()).filter(|author| Some(*author) != last);
        let writes = any(&others.collect::<Vec<_>>(), rng);
        let quoted = quote(&self.last);
        self.last = prose(rng.between(300, 900) as usize, "", rng);
        let author = &self.authors[writes];
        let letter = Letter {
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
            let ends = (client(&author.end, rng), at_port(&end, 25));
            let names = (author.server.as_str(), server);
            let wire = &mut scene.wire;
            arrived = deliver(wire, rng, arrived, ends, names, &letter);
        }
        self.thread.push(writes);
        let body = format!("{}{}", letter.body, self.footer);
        let letter = Letter { body, headers: list_headers(), ..letter };
        let next = Event::Distribute { letter: Box::new(letter), subscriber: 0 };
        scene.at(arrived + SECOND, next);
    }
}

fn list_headers() -> String {
    "Precedence: list\r\nList-Id: <talk.lists.site.example>\r\n".to_owned()
}

fn quote(text: &str) -> String {
    text.lines().map(|line| format!("> {line}\r\n")).collect()
}

impl Story for MailingList {
    type Event = Event;

    fn begin(&mut self, start_ns: u64, scene: &mut Scene<Event>) {
        scene.at(start_ns + SECOND, Event::Write);
    }

    fn happen(&mut self, time_ns: u64, event: Event, scene: &mut Scene<Event>) {
        match event {
            Event::Write => {
                self.write(time_ns, scene);
                scene.after(time_ns + READING, THINKING_RATE, Event::Write);
            }
            Event::Distribute { letter, subscriber } => {
                let to = &self.subscribers[subscriber];
                let rng: &mut Rng = &mut scene.rng;
                let ends = (client(&self.list, rng), at_port(&to.end, 25));
                let names = ("lists.site.example", to.server.as_str());
                deliver(&mut scene.wire, rng, time_ns, ends, names, &letter);
                if subscriber + 1 < self.subscribers.len() {
                    let next = time_ns + rng.between(20, 150) * MILLISECOND;
                    let subscriber = subscriber + 1;
                    scene.at(next, Event::Distribute { letter, subscriber });
                }
            }
        }
    }

    fn parameters(&self) -> Vec<(&'static str, Value)> {
        let authors = self.authors.len().into();
        vec![("subscribers", SUBSCRIBERS.into()), ("authors", authors)]
    }
}
