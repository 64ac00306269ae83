// SPDX-License-Identifier: MPL-2.0
//! What a worker counts, in the text format of Prometheus, and whether it is well.
//!
//! Every label is one of a fixed list, so that nothing a task says becomes one.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use catena_evidence::SharedUse;

use crate::status::{self, Reason, Report};

/// Counts since the worker started. They outlive a configuration that is read again.
#[derive(Debug)]
pub struct Metrics {
    begun: Instant,
    claimed: Mutex<Instant>,
    slots: AtomicU64,
    busy: AtomicU64,
    /// A bit for each slot that cannot take tasks.
    ill: AtomicU64,
    claims: Family<3>,
    outcomes: Family<8>,
    reclaims: Family<3>,
    uploads: Family<2>,
    uploaded: AtomicU64,
    shared: Family<2>,
    shared_bytes: AtomicU64,
    verdicts: Family<3>,
    phases: Phases,
}

impl Default for Metrics {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            claimed: Mutex::new(now),
            slots: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            ill: AtomicU64::new(0),
            claims: Family::new(CLAIMS),
            outcomes: Family::new(OUTCOMES),
            reclaims: Family::new(RECLAIMS),
            uploads: Family::new(UPLOADS),
            uploaded: AtomicU64::new(0),
            shared: Family::new(SHARED),
            shared_bytes: AtomicU64::new(0),
            verdicts: Family::new(VERDICTS),
            phases: Phases::default(),
        }
    }
}

/// A part of a task that takes time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// The document is made and signed.
    Generate,
    /// The script runs.
    Script,
    /// From the claim to the report.
    Task,
    /// Artifacts go to the queue.
    Upload,
    /// The chain is verified.
    Verify,
}

impl Phase {
    const ALL: [Self; 5] = [
        Self::Generate,
        Self::Script,
        Self::Task,
        Self::Upload,
        Self::Verify,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Script => "script",
            Self::Task => "task",
            Self::Upload => "upload",
            Self::Verify => "verify",
        }
    }
}

/// What came of an attempt to renew a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Renewal {
    /// It holds longer now.
    Done,
    /// It is tried again.
    Failed,
    /// The claim is lost.
    Lost,
}

/// How well a worker is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Health {
    /// Every slot can take tasks, and it has one in hand or heard from the queue lately.
    pub well: bool,
    /// Slots that cannot take tasks, because something that every task needs is missing.
    pub ill: u32,
    /// Tasks in hand.
    pub busy: u64,
    /// Tasks that it takes at once.
    pub slots: u64,
    /// Since the queue last answered a request for work.
    pub silence: Duration,
}

impl Health {
    /// Returns it as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let status = match (self.well, self.ill) {
            (true, _) => "ok",
            (false, 0) => "no answer",
            (false, _) => "broken",
        };
        let (busy, slots, silence) = (self.busy, self.slots, self.silence.as_secs());
        format!(
            "{{\"status\":\"{status}\",\"busy\":{busy},\"slots\":{slots},\"lastClaimSeconds\":{silence}}}\n"
        )
    }
}

/// A task in hand; it is not any more when this is dropped.
#[derive(Debug)]
pub struct Busy<'a>(&'a Metrics, Instant);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
        self.0.took(Phase::Task, self.1.elapsed());
    }
}

impl Metrics {
    /// Notes how many tasks are taken at once.
    pub fn slots(&self, slots: u32) {
        self.slots.store(slots.into(), Ordering::Relaxed);
    }

    /// Notes whether a slot lacks what every task needs.
    pub fn ill(&self, slot: u32, ill: bool) {
        let bit = 1_u64.checked_shl(slot).unwrap_or(0);
        match ill {
            true => self.ill.fetch_or(bit, Ordering::Relaxed),
            false => self.ill.fetch_and(!bit, Ordering::Relaxed),
        };
    }

    /// Notes an answer to a request for work, with so many tasks.
    pub fn claimed(&self, tasks: usize) {
        self.claims.add(if tasks > 0 { "task" } else { "none" });
        *self.claimed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Notes a request for work that was not answered.
    pub fn not_claimed(&self) {
        self.claims.add("error");
    }

    /// Notes that a task is in hand.
    pub fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self, Instant::now())
    }

    /// Notes how a run was reported; `None`: it was lost.
    pub fn ended(&self, report: Option<Report>) {
        self.outcomes.add(match report {
            None => "lost",
            Some(Report::Completed) => "completed",
            Some(Report::Failed) => "failed",
            Some(Report::Exception(reason)) => reason.as_str(),
        });
    }

    /// Notes an attempt to renew a claim.
    pub fn reclaimed(&self, what: Renewal) {
        self.reclaims.add(match what {
            Renewal::Done => "renewed",
            Renewal::Failed => "error",
            Renewal::Lost => "lost",
        });
    }

    /// Notes an artifact that arrived, with its bytes on the wire; `None`: it did not.
    pub fn uploaded(&self, bytes: Option<u64>) {
        self.uploads.add(bytes.map_or("failed", |_| "done"));
        self.uploaded
            .fetch_add(bytes.unwrap_or(0), Ordering::Relaxed);
    }

    /// Notes what a verification came to, by the status that it gives the task.
    pub fn verified(&self, code: i32) {
        self.verdicts.add(match code {
            status::SUCCESS => "trusted",
            status::MALFORMED_PAYLOAD => "rejected",
            _ => "undetermined",
        });
    }

    /// Notes what shared evidence was worth to a verification.
    pub fn shared(&self, used: SharedUse) {
        self.shared.add_many("hit", used.hits);
        self.shared.add_many("miss", used.misses);
        self.shared_bytes.fetch_add(used.bytes, Ordering::Relaxed);
    }

    /// Notes how long something took.
    pub fn took(&self, phase: Phase, time: Duration) {
        self.phases.add(phase, time);
    }

    /// Says how well the worker is.
    #[must_use]
    pub fn health(&self) -> Health {
        let silence = self
            .claimed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed();
        let busy = self.busy.load(Ordering::Relaxed);
        let ill = self.ill.load(Ordering::Relaxed).count_ones();
        Health {
            well: ill == 0 && (busy > 0 || silence < PATIENCE),
            ill,
            busy,
            slots: self.slots.load(Ordering::Relaxed),
            silence,
        }
    }

    /// Renders everything as a scrape wants it.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        let version = env!("CARGO_PKG_VERSION");
        head(&mut out, "catena_worker_info", "gauge", "Always 1.");
        let _ = writeln!(out, "catena_worker_info{{version=\"{version}\"}} 1");
        let health = self.health();
        let up = self.begun.elapsed().as_secs_f64();
        let single = [
            ("uptime_seconds", "Since the worker started.", up),
            ("slots", "Tasks that it takes at once.", float(health.slots)),
            ("busy", "Tasks in hand.", float(health.busy)),
            (
                "broken_slots",
                "Slots that lack what every task needs, and claim nothing.",
                f64::from(health.ill),
            ),
            (
                "last_claim_seconds",
                "Since the queue last answered a request for work.",
                health.silence.as_secs_f64(),
            ),
        ];
        for (name, help, value) in single {
            let name = format!("catena_worker_{name}");
            head(&mut out, &name, "gauge", help);
            let _ = writeln!(out, "{name} {value}");
        }
        self.claims.render(&mut out);
        self.reclaims.render(&mut out);
        self.verdicts.render(&mut out);
        self.outcomes.render(&mut out);
        self.uploads.render(&mut out);
        let name = "catena_worker_uploaded_bytes_total";
        head(&mut out, name, "counter", "Bytes of artifacts on the wire.");
        let _ = writeln!(out, "{name} {}", self.uploaded.load(Ordering::Relaxed));
        self.shared.render(&mut out);
        let name = "catena_worker_shared_evidence_bytes_total";
        head(
            &mut out,
            name,
            "counter",
            "Bytes of evidence that was there.",
        );
        let _ = writeln!(out, "{name} {}", self.shared_bytes.load(Ordering::Relaxed));
        self.phases.render(&mut out);
        out
    }
}

/// Counters that differ in one label.
#[derive(Debug)]
struct Family<const N: usize> {
    spec: Spec<N>,
    counts: [AtomicU64; N],
}

#[derive(Clone, Copy, Debug)]
struct Spec<const N: usize> {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    values: [&'static str; N],
}

impl<const N: usize> Family<N> {
    fn new(spec: Spec<N>) -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self { spec, counts }
    }

    fn add(&self, value: &str) {
        self.add_many(value, 1);
    }

    fn add_many(&self, value: &str, times: u64) {
        let at = self.spec.values.iter().position(|found| *found == value);
        if let Some(count) = at.and_then(|at| self.counts.get(at)) {
            count.fetch_add(times, Ordering::Relaxed);
        }
    }

    fn render(&self, out: &mut String) {
        let Spec {
            name, help, label, ..
        } = self.spec;
        head(out, name, "counter", help);
        for (value, count) in self.spec.values.iter().zip(&self.counts) {
            let count = count.load(Ordering::Relaxed);
            // writing to a string cannot fail
            let _ = writeln!(out, "{name}{{{label}=\"{value}\"}} {count}");
        }
    }
}

/// Count and sum of the time of each phase.
#[derive(Debug, Default)]
struct Phases([(AtomicU64, AtomicU64); 5]);

impl Phases {
    fn add(&self, phase: Phase, time: Duration) {
        let at = Phase::ALL.iter().position(|found| *found == phase);
        if let Some((count, micros)) = at.and_then(|at| self.0.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
            let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            micros.fetch_add(time, Ordering::Relaxed);
        }
    }

    fn render(&self, out: &mut String) {
        let name = "catena_worker_phase_seconds";
        head(out, name, "summary", "How long the parts of tasks took.");
        for (phase, (count, micros)) in Phase::ALL.iter().zip(&self.0) {
            let phase = phase.name();
            let seconds = Duration::from_micros(micros.load(Ordering::Relaxed)).as_secs_f64();
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_sum{{phase=\"{phase}\"}} {seconds}");
            let _ = writeln!(out, "{name}_count{{phase=\"{phase}\"}} {count}");
        }
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Small counts are exact.
fn float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Longer than a claim is held by the queue, a pause, and some failures; health probes look at the log for as long.
const PATIENCE: Duration = Duration::from_mins(5);

const CLAIMS: Spec<3> = Spec {
    name: "catena_worker_claims_total",
    help: "Requests for work, by what came of them.",
    label: "result",
    values: ["task", "none", "error"],
};
const OUTCOMES: Spec<8> = Spec {
    name: "catena_worker_tasks_total",
    help: "Runs that ended, by how they were reported.",
    label: "outcome",
    values: [
        "completed",
        "failed",
        "lost",
        Reason::InternalError.as_str(),
        Reason::IntermittentTask.as_str(),
        Reason::MalformedPayload.as_str(),
        Reason::ResourceUnavailable.as_str(),
        Reason::WorkerShutdown.as_str(),
    ],
};
const RECLAIMS: Spec<3> = Spec {
    name: "catena_worker_reclaims_total",
    help: "Attempts to renew a claim, by what came of them.",
    label: "result",
    values: ["renewed", "error", "lost"],
};
const SHARED: Spec<2> = Spec {
    name: "catena_worker_shared_evidence_total",
    help: "Evidence that tasks may share, by whether it was there.",
    label: "result",
    values: ["hit", "miss"],
};
const UPLOADS: Spec<2> = Spec {
    name: "catena_worker_uploads_total",
    help: "Artifacts, by whether they arrived.",
    label: "result",
    values: ["done", "failed"],
};
const VERDICTS: Spec<3> = Spec {
    name: "catena_worker_verifications_total",
    help: "Verifications, by verdict.",
    label: "verdict",
    values: ["trusted", "rejected", "undetermined"],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_rendered_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.slots(4);
        metrics.claimed(1);
        metrics.not_claimed();
        metrics.ended(Some(Report::Exception(Reason::InternalError)));
        metrics.ended(None);
        metrics.reclaimed(Renewal::Done);
        metrics.uploaded(Some(7));
        metrics.uploaded(None);
        metrics.verified(status::MALFORMED_PAYLOAD);
        metrics.shared(SharedUse {
            bytes: 70,
            hits: 3,
            misses: 2,
        });
        metrics.took(Phase::Script, Duration::from_millis(1500));
        let busy = metrics.busy();
        let text = metrics.render();
        for line in [
            "catena_worker_slots 4",
            "catena_worker_busy 1",
            "catena_worker_claims_total{result=\"task\"} 1",
            "catena_worker_claims_total{result=\"error\"} 1",
            "catena_worker_tasks_total{outcome=\"internal-error\"} 1",
            "catena_worker_tasks_total{outcome=\"lost\"} 1",
            "catena_worker_reclaims_total{result=\"renewed\"} 1",
            "catena_worker_uploads_total{result=\"failed\"} 1",
            "catena_worker_uploaded_bytes_total 7",
            "catena_worker_verifications_total{verdict=\"rejected\"} 1",
            "catena_worker_shared_evidence_total{result=\"hit\"} 3",
            "catena_worker_shared_evidence_total{result=\"miss\"} 2",
            "catena_worker_shared_evidence_bytes_total 70",
            "catena_worker_phase_seconds_sum{phase=\"script\"} 1.5",
            "catena_worker_phase_seconds_count{phase=\"script\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        // each name once, with its type
        let types = text
            .lines()
            .filter(|line| line.starts_with("# TYPE "))
            .count();
        assert_eq!(types, 15);
        drop(busy);
        assert_eq!(metrics.health().busy, 0);
        assert!(
            metrics
                .render()
                .contains("phase_seconds_count{phase=\"task\"} 1\n")
        );
    }

    #[test]
    fn every_report_has_its_count() {
        let metrics = Metrics::default();
        let exception = |reason: &str| Report::Exception(reason.parse().unwrap());
        for report in [
            None,
            Some(Report::Completed),
            Some(Report::Failed),
            Some(exception("internal-error")),
            Some(exception("intermittent-task")),
            Some(exception("malformed-payload")),
            Some(exception("resource-unavailable")),
            Some(exception("worker-shutdown")),
        ] {
            metrics.ended(report);
        }
        let text = metrics.render();
        let tasks = text
            .lines()
            .filter(|line| line.starts_with("catena_worker_tasks_total{"));
        assert!(tasks.clone().all(|line| line.ends_with(" 1")), "{text}");
        assert_eq!(tasks.count(), 8);
    }

    #[test]
    fn a_worker_that_hears_nothing_is_not_well() {
        let metrics = Metrics::default();
        assert!(metrics.health().well);
        let long_ago = Instant::now().checked_sub(PATIENCE + Duration::from_secs(1));
        let Some(long_ago) = long_ago else {
            // a machine that has just started has no such time
            return;
        };
        *metrics.claimed.lock().unwrap() = long_ago;
        let health = metrics.health();
        assert!(!health.well);
        assert!(
            health
                .to_json()
                .starts_with("{\"status\":\"no answer\",\"busy\":0,")
        );
        let _busy = metrics.busy();
        assert!(metrics.health().well, "a task in hand is enough");
    }
}
