// SPDX-License-Identifier: MPL-2.0
//! `catena demo` without flags: the story, one line for each step, the verification as a live tree on a terminal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use catena_core::model::ids::TaskId;
use catena_core::report::Verdict;
use catena_evidence::{Event, Progress};
use catena_local::demo::{self, Step, World, WorldOptions};
use catena_report::escape::clean;
use catena_report::json::{self, Versions};
use catena_report::text::{self, Detail};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::runtime;

use crate::args::{Demo, When};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{output, signals};

/// Tells the story. Succeeds if it ends with a trusted chain.
pub(crate) fn tell(options: &Demo, color: When) -> Result<Exit, Failure> {
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::Runtime { source })?;
    // workers and services end with it
    signals::block_on(runtime, run(options, color), Failure::Interrupted)
}

async fn run(options: &Demo, color: When) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let is_quiet = options.json;
    let say = |text: &str| {
        if is_quiet {
            Ok(())
        } else {
            output::print(text)
        }
    };
    let program = std::env::current_exe().map_err(|source| Failure::Demo {
        source: Box::new(source),
    })?;
    let world = World::start(WorldOptions {
        dir: None,
        port: 0,
        claim_timeout: None,
        program,
    });
    let world = world.await.map_err(wrong)?;
    let started = Step {
        text: format!(
            "started a Taskcluster and a VCS host in this process, at {}",
            world.root_url()
        ),
        took: begun.elapsed(),
    };
    say(&line(&started))?;
    let tree = Tree::default();
    let progress = tree.listen();
    let told = demo::tell(
        &world,
        |step| {
            // a closed pipe shows at the end
            let _ = say(&line(&step));
        },
        |tasks| tree.name(tasks),
        &progress,
    );
    let told = told.await;
    tree.clear();
    if let Err(demo::DemoError::Task { log, .. }) = &told {
        log.lines().for_each(|line| output::say(&clean(line, 500)));
    }
    let told = told.map_err(wrong);
    let report = told?.report;
    if options.json {
        let versions = Versions {
            catena: env!("CARGO_PKG_VERSION").to_owned(),
            config_sha256: None,
        };
        let text = json::render(&report, &versions);
        output::print(&text.map_err(|source| Failure::Render { source })?)?;
        return Ok(report.verdict.into());
    }
    let detail = match options.verbose {
        true => Detail::All,
        false => Detail::Folded,
    };
    let page = text::render(&report, &output::style(color, detail));
    say(&format!("\n{page}\n{}", ending(report.verdict, begun)))?;
    Ok(report.verdict.into())
}

fn line(step: &Step) -> String {
    format!("{:6.2} s  {}\n", step.took.as_secs_f64(), step.text)
}

fn ending(verdict: Verdict, begun: Instant) -> String {
    let took = begun.elapsed().as_secs_f64();
    if verdict != Verdict::Trusted {
        return format!("The story should have ended with a trusted chain. {took:.1} s\n");
    }
    format!(
        "All of it took {took:.1} s and is gone now. What next:\n  \
         catena demo --break artifact-digest   the same kind of chain, with an artifact that somebody replaced\n  \
         catena demo --all                     every saboteur, and whether it is caught\n  \
         catena local up --ephemeral --with-workers --demo\n                                        \
         this deployment, to look around and to run your own tasks\n"
    )
}

fn wrong(error: demo::DemoError) -> Failure {
    Failure::Demo {
        source: Box::new(error),
    }
}

/// What is known of the chain so far: a line for each task, on stderr where that is a terminal.
#[derive(Clone, Default)]
struct Tree(Arc<Mutex<Lines>>);

struct Lines {
    all: MultiProgress,
    names: BTreeMap<TaskId, String>,
    lines: BTreeMap<String, Line>,
}

struct Line {
    bar: ProgressBar,
    asked: u64,
    received: u64,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(20)),
            names: BTreeMap::new(),
            lines: BTreeMap::new(),
        }
    }
}

impl Tree {
    fn name(&self, tasks: &[(String, TaskId)]) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.names = tasks.iter().map(|(name, id)| (*id, name.clone())).collect();
    }

    fn listen(&self) -> Progress {
        let tree = self.clone();
        Progress::new(move |event| {
            let mut lines = tree.0.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::Started { request } => lines.count(request.task(), 1, 0),
                Event::Finished { request, .. } => lines.count(request.task(), 0, 1),
                _ => {}
            }
        })
    }

    fn clear(&self) {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines.lines.values() {
            line.bar.finish_and_clear();
        }
    }
}

impl Lines {
    fn count(&mut self, task: Option<TaskId>, asked: u64, received: u64) {
        let name = match task {
            None => "repository".to_owned(),
            Some(task) => self
                .names
                .get(&task)
                .map_or_else(|| task.to_string(), |name| format!("{name} {task}")),
        };
        let all = &self.all;
        let line = self.lines.entry(name.clone()).or_insert_with(|| {
            let bar = all.add(ProgressBar::new(0));
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<38} {msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(name);
            Line {
                bar,
                asked: 0,
                received: 0,
            }
        });
        line.asked = line.asked.saturating_add(asked);
        line.received = line.received.saturating_add(received);
        let (asked, received) = (line.asked, line.received);
        line.bar
            .set_message(format!("{received} of {asked} documents"));
        line.bar.tick();
    }
}
