// SPDX-License-Identifier: MPL-2.0
//! Drives a machine that names requests with a source that answers them.
//!
//! Every request starts as soon as it is named and answers are supplied as they arrive: wall time
//! is the longest chain of documents that name each other, and no phase waits for another.

use catena_core::document::Answer;
use catena_core::request::Request;
use catena_core::walk::Walk;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use crate::progress::{Event, Progress};
use crate::source::Source;

/// A state machine that asks for documents: the core's walk, or part of one.
pub trait Machine {
    /// Returns the requests named since the last call.
    fn needs(&mut self) -> Vec<Request>;

    /// Takes the answer to one of them.
    fn supply(&mut self, request: Request, answer: Answer);
}

impl Machine for Walk {
    fn needs(&mut self) -> Vec<Request> {
        self.needs()
    }

    fn supply(&mut self, request: Request, answer: Answer) {
        let awaited = self.supply(request, answer);
        debug_assert!(awaited, "only what was named is answered");
    }
}

/// Answers all that `machine` asks for, until it asks for nothing more.
///
/// Concurrency is bounded by the source, the number of requests by the machine's own budget.
pub async fn run<M, S>(machine: &mut M, source: &S, progress: &Progress)
where
    M: Machine + ?Sized,
    S: Source + ?Sized,
{
    let mut flights = FuturesUnordered::new();
    loop {
        for request in machine.needs() {
            progress.send(Event::Started { request: &request });
            flights.push(async move {
                let answer = source.fetch(&request).await;
                (request, answer)
            });
        }
        let Some((request, answer)) = flights.next().await else {
            break;
        };
        progress.send(Event::Finished {
            request: &request,
            received: answer.is_ok(),
        });
        machine.supply(request, answer);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use catena_core::model::ids::RunId;

    use super::*;
    use crate::MemorySource;

    /// Asks for a definition, then for what "follows" from it.
    #[derive(Default)]
    struct Chain {
        named: Vec<Request>,
        answered: HashSet<Request>,
        absent: usize,
    }

    impl Machine for Chain {
        fn needs(&mut self) -> Vec<Request> {
            std::mem::take(&mut self.named)
        }

        fn supply(&mut self, request: Request, answer: Answer) {
            if let Request::Definition { task } = request {
                self.named.push(Request::Status { task });
                self.named.push(Request::CotBody {
                    task,
                    run: RunId(0),
                });
            }
            self.absent += usize::from(answer.is_err());
            assert!(self.answered.insert(request));
        }
    }

    #[tokio::test]
    async fn follows_needs_until_there_are_none() {
        let task = "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap();
        let mut source = MemorySource::new();
        source.insert(Request::Definition { task }, "{}");
        source.insert(Request::Status { task }, "{}");
        let mut chain = Chain {
            named: vec![Request::Definition { task }],
            ..Chain::default()
        };
        let events = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&events);
        let progress = Progress::new(move |_| {
            seen.fetch_add(1, Ordering::Relaxed);
        });
        run(&mut chain, &source, &progress).await;
        assert_eq!((chain.answered.len(), chain.absent), (3, 1));
        assert_eq!(events.load(Ordering::Relaxed), 6);
    }
}
