// SPDX-License-Identifier: MPL-2.0
//! Whether a chain is of the era at all, whether its times belong together, and which rules apply (legacy.md §1, §5).

use super::era::{self, CotVersion};
use super::report::Assurance;
use super::walk::{Chain, Link, Role};
use crate::model::task_type::WorkerImplementation;

impl Chain<'_> {
    /// Decides which rules apply, and whether any do: returns whether to go on.
    pub(super) fn begin(&mut self) -> bool {
        let root = self.inputs.root;
        match self.links.get(&root) {
            None => return false,
            Some(link) if link.worker != WorkerImplementation::Scriptworker => {
                let found = link.worker.to_string();
                self.reject(
                    "legacy-root",
                    root,
                    "a root task that scriptworker ran",
                    found,
                );
            }
            Some(_) => {}
        }
        if !self.links.values().any(|link| link.role == Role::Decision) {
            self.reject(
                "legacy-no-decision",
                root,
                "at least one decision task",
                "none",
            );
        }
        self.timely();
        self.same_era() && self.choose_version()
    }

    fn same_era(&mut self) -> bool {
        let mut late = Vec::new();
        for (task, link) in &self.links {
            for time in link.times() {
                match era::instant(&time) {
                    Ok(instant) if era::in_era(instant) => {}
                    Ok(_) => late.push((*task, time)),
                    Err(reason) => late.push((*task, reason)),
                }
            }
        }
        let ok = late.is_empty();
        for (task, found) in late {
            let expected = format!(
                "a task from before {}: GPG counts for nothing after it",
                era::END
            );
            self.reject("legacy-era", task, expected, found);
        }
        ok
    }

    /// Requires each run to lie between what its definition says: made, and over. Keys are judged by the times of the
    /// run and rules by those of the definition, so the two must belong together.
    fn timely(&mut self) {
        let mut wrong = Vec::new();
        for (task, link) in &self.links {
            let Some(run) = &link.run else {
                continue;
            };
            let text = |key: &str| {
                let fields = link.definition.fields()?;
                fields.text(key).map(str::to_owned)
            };
            match (text("created"), text("deadline")) {
                (Ok(created), Ok(deadline)) => {
                    if !era::in_order(&created, &run.started, &run.resolved, &deadline) {
                        wrong.push((
                            *task,
                            Ok((
                                format!("a run between {created} and {deadline}"),
                                format!("one from {} to {}", run.started, run.resolved),
                            )),
                        ));
                    }
                }
                (Err(shape), _) | (_, Err(shape)) => wrong.push((*task, Err(shape))),
            }
        }
        for (task, found) in wrong {
            match found {
                Ok((expected, found)) => self.reject("legacy-run", task, expected, found),
                Err(shape) => self.malformed(task, &shape),
            }
        }
    }

    fn choose_version(&mut self) -> bool {
        let newest = self
            .links
            .values()
            .flat_map(Link::times)
            .filter_map(|text| Some((era::instant(&text).ok()?, text)))
            .max();
        let by_time = newest.map_or_else(
            || Err("found no time".to_owned()),
            |(_, text)| CotVersion::at(&text),
        );
        let by_time = match by_time {
            Ok(version) => version,
            Err(reason) => {
                self.reject(
                    "legacy-era",
                    self.inputs.root,
                    "a chain of the GPG era",
                    reason,
                );
                return false;
            }
        };
        let version = self.inputs.version.unwrap_or(by_time);
        if version != by_time {
            self.relaxations.insert(format!(
                "--cot-version {}: the dates stand for version {}",
                version.number(),
                by_time.number()
            ));
        }
        // what the configuration of that time allowed: min_cot_version 1 with version 2, and 2 ever after (legacy.md §1)
        if version == CotVersion::V1 && by_time > CotVersion::V2 {
            self.undetermined(
                "legacy-downgrade",
                self.inputs.root,
                format!(
                    "rules that were in force under version {}",
                    by_time.number()
                ),
                "version 1, to which none of that time fell back",
            );
        }
        if version == CotVersion::V1 {
            self.assurance.insert(Assurance::LegacyV1);
        }
        self.version = Some(version);
        true
    }
}
