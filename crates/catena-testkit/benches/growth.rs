// SPDX-License-Identifier: MPL-2.0
//! Whether the cost of a link depends on the length of the chain: 20 links and 200, each beside a task graph of 20 MB.
//!
//! In memory, on one thread, in CPU time. Receiving the graph (hash and scan, P21) is timed apart and subtracted, so what
//! is left is the walk: requests, parsing, signatures, rules, report. Least of several rounds, in turns. Ends with 1 if a
//! link of the long chain costs more than 1.05 times one of the short chain.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures, and stops where it cannot go on"
)]

use std::process::ExitCode;
use std::time::Duration;

use catena_core::policy::Profile;
use catena_core::report::Verdict;
use catena_core::request::Request;
use catena_testkit::{Chain, ChainSpec, Flow, RootRun, Verifier, drive};
use cpu_time::ThreadTime;

/// Tasks in the graph beside those of the chain: 20 MB.
const FILLER: usize = 8_500;
const ROUNDS: usize = 15;
const GOAL: f64 = 1.05;

fn main() -> ExitCode {
    let chains = [20, 200].map(Measured::new);
    let mut rounds = chains.map(|chain| (chain, Duration::MAX, Duration::MAX));
    for _ in 0..ROUNDS {
        for (chain, graph, whole) in &mut rounds {
            *graph = chain.receive_graph().min(*graph);
            *whole = chain.verify().min(*whole);
        }
    }
    println!("links  graph MB  graph ms  whole ms  walk ms  walk per link");
    let per_link = rounds.map(|(chain, graph, whole)| {
        let walk = whole.saturating_sub(graph);
        let links = u32::try_from(chain.links).unwrap();
        let each = walk / links;
        println!(
            "{:5}  {:8.1}  {:8.1}  {:8.1}  {:7.1}  {:10.1} us",
            chain.links,
            chain.graph_mb(),
            graph.as_secs_f64() * 1e3,
            whole.as_secs_f64() * 1e3,
            walk.as_secs_f64() * 1e3,
            each.as_secs_f64() * 1e6
        );
        each.as_secs_f64()
    });
    let growth = per_link[1] / per_link[0];
    println!("growth {growth:.3}, goal at most {GOAL}");
    if growth <= GOAL {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct Measured {
    chain: Chain,
    verifier: Verifier,
    links: usize,
    graph: Request,
}

impl Measured {
    /// A push with that many links: the decision, and builds.
    fn new(links: usize) -> Self {
        let chain = ChainSpec {
            builds: links - 1,
            images: 0,
            graph_filler: FILLER,
            root_run: RootRun::Running,
            ..ChainSpec::new(1, Flow::XpiPush)
        }
        .build();
        let decision = chain.task("decision");
        let graph = Request::TaskGraph {
            task: decision.id,
            run: decision.run,
        };
        Self {
            verifier: Verifier::new(&chain),
            chain,
            links,
            graph,
        }
    }

    fn graph_mb(&self) -> f64 {
        let bytes = u32::try_from(self.chain.bytes(&self.graph).len()).unwrap();
        f64::from(bytes) / 1e6
    }

    /// The time for the graph alone.
    fn receive_graph(&self) -> Duration {
        let start = ThreadTime::now();
        let answer = self.verifier.source.answer(&self.graph);
        let spent = start.elapsed();
        assert!(answer.is_ok());
        spent
    }

    /// The time for a whole verification, which must find the chain trusted and of the right length.
    fn verify(&self) -> Duration {
        let inputs = self.verifier.inputs(Profile::Strict);
        let start = ThreadTime::now();
        let (report, _) = drive(inputs, &self.verifier.source, |_| 0);
        let spent = start.elapsed();
        assert_eq!(report.verdict, Verdict::Trusted, "{:?}", report.headline);
        assert_eq!(report.links.len(), self.links + 1);
        spent
    }
}
