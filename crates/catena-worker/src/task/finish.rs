// SPDX-License-Identifier: MPL-2.0
//! The end of a run: uploads and report, or the burial of a run that was lost (worker.md 6, 8, 9).

use std::sync::Arc;
use std::time::Instant;

use super::{LIVE_LOG, LOGS, Left, Run};
use crate::generate::{self, Found, TreeError};
use crate::metrics::Phase;
use crate::session::Session;
use crate::status;
use crate::upload::Uploads;
use crate::worker::{Stop, stopped};

impl Run<'_> {
    /// Uploads, and reports.
    pub(super) async fn finish(&self, status: i32, left: &Left) {
        let Session { task, run, .. } = *self.session;
        let worker = self.worker;
        let uploaded = tokio::select! {
            biased;
            () = self.session.lost() => status::INTERNAL_ERROR,
            () = stopped(self.stop, Stop::Abandon) => {
                worker.log.warn(&format!("{task}/{run}: told to stop twice: uploads were skipped"));
                status::WORKER_SHUTDOWN
            }
            status = self.upload(left, false) => status,
        };
        if self.session.is_lost() {
            self.bury(left).await;
            worker.metrics.ended(None);
            return;
        }
        let status = status::worst(status, uploaded);
        let report = status::report(status, &worker.config.reversed);
        if status == status::SUPERSEDED {
            worker.log.warn(&format!(
                "{task}/{run}: the queue does not take superseded any more"
            ));
        }
        worker
            .log
            .info(&format!("{task}/{run}: status {status}, {report}"));
        let told = self
            .session
            .report(report, &worker.pace, &worker.log, self.stop)
            .await;
        worker.metrics.ended(Some(report).filter(|_| told));
    }

    /// Leaves the logs of a run that was lost, if the queue still takes them. Nothing is reported.
    async fn bury(&self, left: &Left) {
        let Session { task, run, .. } = *self.session;
        self.log.error("the claim is lost: nothing is reported");
        let logs = self.upload(left, true);
        let log = &self.worker.log;
        tokio::select! {
            status = logs => log.warn(&format!("{task}/{run}: lost; status of its logs: {status}")),
            () = tokio::time::sleep(self.worker.pace.lost) => {
                log.warn(&format!("{task}/{run}: lost; its logs took too long"));
            }
            () = stopped(self.stop, Stop::Abandon) => {}
        }
    }

    async fn upload(&self, left: &Left, logs_only: bool) -> i32 {
        let worker = self.worker;
        let placed = match (&left.generated, left.linked) {
            // it was hashed: nothing may be added to it
            (Some(_), _) if !logs_only => Ok(()),
            (_, true) => Ok(()),
            _ => self.log.place(self.directories, LIVE_LOG),
        };
        let held = placed.err().map(|why| {
            worker.log.error(&format!("{LIVE_LOG}: {why}"));
            self.log.held()
        });
        let begun = Instant::now();
        let tree = self.tree();
        let hashed = match (&left.generated, logs_only) {
            (Some(generated), false) => generated.artifacts.as_slice(),
            _ => &[],
        };
        let signed = left.generated.as_ref().filter(|_| !logs_only);
        let uploads = Uploads {
            session: self.session,
            tree: tree.ok().map(Arc::new),
            hashed,
            signed: signed.map(|generated| &generated.signed),
            expires: &self.expires,
            storage: worker.config.storage,
            scratch: &worker.config.log.dir,
            timeout: worker.config.upload_timeout,
            retry: worker.pace.uploads,
            log: &worker.log,
            metrics: &worker.metrics,
            held,
        };
        let status = match logs_only {
            true => uploads.logs().await,
            false => uploads.run().await,
        };
        worker.metrics.took(Phase::Upload, begun.elapsed());
        status
    }

    /// The files of the run; if they are not fit to be artifacts, its logs alone.
    fn tree(&self) -> Result<generate::Tree, TreeError> {
        let found = generate::find(&self.directories.artifact, Found::Ours);
        found.or_else(|why| {
            self.worker
                .log
                .error(&format!("only the logs are uploaded: {why}"));
            generate::find_only(&self.directories.artifact, &LOGS)
        })
    }
}
