// SPDX-License-Identifier: MPL-2.0
//! The end of a run: uploads and report, or the burial of a run that was lost (worker.md 6, 8, 9).

use std::sync::Arc;
use std::time::Instant;

use super::{CHAIN_LOG, FOLDER, LIVE_LOG, LOGS, Left, Run};
use crate::config::Directories;
use crate::generate::{self, Found, TreeError};
use crate::metrics::Phase;
use crate::script::{place, remove};
use crate::session::Session;
use crate::status;
use crate::upload::{Text, Uploads};
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
        let held = self.held(left, logs_only);
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

    /// Puts the logs among the files. Returns those for which that does not go.
    fn held(&self, left: &Left, logs_only: bool) -> Vec<(&'static str, Text)> {
        let hashed = left.generated.is_some() && !logs_only;
        let elsewhere = self.conventional().is_some();
        let lies_there = |name: &str, place: &dyn Fn() -> std::io::Result<()>| {
            // what was hashed was placed before: nothing may be added to it
            let placed = if hashed { Ok(()) } else { place() };
            if let Err(why) = &placed {
                self.worker.log.error(&format!("{name}: {why}"));
            }
            placed.is_ok() && !elsewhere
        };
        let [chain_name, live_name] = LOGS;
        let mut held = Vec::new();
        if !left.linked && !lies_there(LIVE_LOG, &|| self.place_log()) {
            held.push((live_name, Text::Script(self.log.held())));
        }
        if !lies_there(CHAIN_LOG, &|| self.place_chain(left.chain.as_deref())) {
            let text = left.chain.clone().map(Text::Chain);
            held.extend(text.map(|text| (chain_name, text)));
        }
        held
    }

    /// Puts the log of the script where it belongs.
    pub(super) fn place_log(&self) -> std::io::Result<()> {
        self.free(LIVE_LOG)?;
        self.log.place(self.directories, LIVE_LOG)
    }

    /// The directories with the usual place of logs, unless the worker has it there.
    fn conventional(&self) -> Option<Directories> {
        let log = self.directories.artifact.join(FOLDER);
        (self.directories.log != log).then(|| Directories {
            log,
            ..self.directories.clone()
        })
    }

    /// Makes sure that no file of a script has the name that a log of the worker will have, where that comes from elsewhere.
    fn free(&self, name: &str) -> std::io::Result<()> {
        match self.conventional() {
            Some(usual) => remove(&usual, name),
            None => Ok(()),
        }
    }

    /// Puts the log of the verification where it belongs; without one, nothing may have its name.
    pub(super) fn place_chain(&self, text: Option<&str>) -> std::io::Result<()> {
        self.free(CHAIN_LOG)?;
        match text {
            Some(text) => place(self.directories, CHAIN_LOG, &mut text.as_bytes()),
            None => remove(self.directories, CHAIN_LOG),
        }
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
