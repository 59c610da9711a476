//! The dataflow of one worker.

use super::carried::{Carried, Message};
use super::messages::{Down, Up};
use super::tap_source::TapSource;
use crate::Error;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::InputHandle;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::{Capability, Input};
use timely::worker::Worker;
use wormsift::fleet::{ShardResult, ShardTask, ShardWorker};

/// A message to the worker of this number; of those to taps, with the tap.
type To<T> = (u16, u16, Carried<T>);
type Builder<T> = CapacityContainerBuilder<Vec<T>>;
type Sender<T> = InputHandle<u64, Builder<To<T>>>;
type Queue<T> = Rc<RefCell<VecDeque<Result<T, Error>>>>;

/// The ends of a dataflow that the merger's loop holds. Those of other workers stay empty.
pub(super) struct Ends {
    up: Queue<Up>,
    results: Queue<ShardResult>,
    down: Sender<Down>,
    tasks: Sender<ShardTask>,
    /// Whether something was sent in this turn.
    has_sent: bool,
}

/// Builds it. Timestamps are turns of the merger: what it sends in one turn is sent out when the
/// turn ends. Which tick is complete, parcels say themselves.
pub(super) fn build(
    worker: &mut Worker,
    taps: Vec<TapSource>,
    shards: ShardWorker,
) -> Ends {
    let ends = Ends {
        up: Queue::default(),
        results: Queue::default(),
        down: Sender::new_with_builder(),
        tasks: Sender::new_with_builder(),
        has_sent: false,
    };
    let Ends { up, results, mut down, mut tasks, has_sent } = ends;
    worker.dataflow::<u64, _, _>(|scope| {
        let parcels = scope.input_from(&mut down).unary::<Builder<Carried<Up>>, _, _, _>(
            to_worker(),
            "taps",
            |capability, info| {
                let activator = scope.activator_for(info.address);
                let mut taps = Taps { taps, capability: Some(capability) };
                move |input, output| {
                    let mut heard = VecDeque::new();
                    input.for_each_stamp(|_, batches| {
                        batches.for_each(|batch| heard.extend(batch.drain(..)));
                    });
                    let is_busy = taps.turn(heard, |capability, message| {
                        output.session(capability).give(Carried::new(message));
                    });
                    if is_busy {
                        activator.activate();
                    }
                }
            },
        );
        let queue = up.clone();
        parcels.sink(Exchange::new(|_: &Carried<Up>| 0), "merger", move |(input, _)| {
            input.for_each_stamp(|_, batches| take(batches, &queue));
        });
        let mut shards = shards;
        let done =
            scope.input_from(&mut tasks).unary::<Builder<Carried<ShardResult>>, _, _, _>(
                to_worker(),
                "content shards",
                |_, _| {
                    move |input, output| {
                        input.for_each_stamp(|time, batches| {
                            let mut session = output.session(&time);
                            for (_, _, task) in batches.flat_map(|batch| batch.drain(..))
                            {
                                let result = task.take().and_then(|task| {
                                    shards
                                        .run(task)
                                        .map_err(|why| Error::Worker(why.to_string()))
                                });
                                session.give(Carried::of(result));
                            }
                        });
                    }
                },
            );
        let queue = results.clone();
        done.sink(
            Exchange::new(|_: &Carried<ShardResult>| 0),
            "results",
            move |(input, _)| {
                input.for_each_stamp(|_, batches| take(batches, &queue));
            },
        );
    });
    Ends { up, results, down, tasks, has_sent }
}

fn to_worker<T: 'static>() -> Exchange<To<T>, impl FnMut(&To<T>) -> u64 + 'static> {
    Exchange::new(|to: &To<T>| u64::from(to.0))
}

fn take<'a, T: Message + 'a>(
    batches: impl Iterator<Item = &'a mut Vec<Carried<T>>>,
    queue: &Queue<T>,
) {
    let messages = batches.flat_map(|batch| batch.drain(..));
    queue.borrow_mut().extend(messages.map(|message| message.take()));
}

impl Ends {
    /// The next message of a tap.
    pub(super) fn up(&self) -> Option<Result<Up, Error>> {
        self.up.borrow_mut().pop_front()
    }

    /// The next result of a worker.
    pub(super) fn result(&self) -> Option<Result<ShardResult, Error>> {
        self.results.borrow_mut().pop_front()
    }

    /// Sends to a tap, and to the worker that has it.
    pub(super) fn tell(&mut self, worker: u16, tap: u16, message: Down) {
        self.down.send((worker, tap, Carried::new(message)));
        self.has_sent = true;
    }

    /// Sends to the worker whose task it is.
    pub(super) fn give(&mut self, task: ShardTask) {
        self.tasks.send((task.worker(), 0, Carried::new(task)));
        self.has_sent = true;
    }

    /// Ends a turn.
    pub(super) fn end_turn(&mut self) {
        if std::mem::take(&mut self.has_sent) {
            let next = self.down.time() + 1;
            self.down.advance_to(next);
            self.tasks.advance_to(next);
        }
    }

    /// Nothing more is sent.
    pub(super) fn close(self) -> impl Fn() -> Option<Result<Up, Error>> {
        let Self { up, down, tasks, .. } = self;
        down.close();
        tasks.close();
        move || up.borrow_mut().pop_front()
    }
}

/// The taps of this worker.
struct Taps {
    taps: Vec<TapSource>,
    /// Until all are dismissed.
    capability: Option<Capability<u64>>,
}

impl Taps {
    /// Does what was heard, and reads on a little; whether there is more to be read.
    fn turn(
        &mut self,
        heard: VecDeque<To<Down>>,
        mut send: impl FnMut(&Capability<u64>, Up),
    ) -> bool {
        let Some(capability) = &self.capability else { return false };
        let mut up = VecDeque::new();
        for (_, number, message) in heard {
            let tap = self.taps.iter_mut().find(|tap| tap.number() == number);
            let done = match (tap, message.take()) {
                (Some(tap), Ok(message)) => tap.hear(&message, &mut up),
                (None, _) => Err(Error::Worker(format!("tap {number} is not here"))),
                (_, Err(why)) => Err(why),
            };
            if let Err(why) = done {
                up.push_back(Up::Failed(why.to_string()));
            }
        }
        // What was asked is waited for; captures are not.
        if up.is_empty() {
            let reading = self.taps.iter_mut().filter(|tap| tap.may_read());
            reading.for_each(|tap| tap.read(&mut up));
        }
        up.into_iter().for_each(|message| send(capability, message));
        let is_busy = self.taps.iter().any(TapSource::may_read);
        if self.taps.iter().all(TapSource::is_dismissed) {
            self.capability = None;
        }
        is_busy
    }
}
