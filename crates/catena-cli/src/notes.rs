// SPDX-License-Identifier: MPL-2.0
//! Remarks on how the run was set up: they decide nothing, and whoever reads a report must know them.

use catena_core::document::ErrorKind;
use catena_core::policy::Config;
use catena_core::report::{Note, Report};

/// Remarks on the configuration.
pub(crate) fn of(config: &Config) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |id, text| {
        notes.push(Note {
            id,
            task: None,
            text,
        })
    };
    if config.verify_cot_signature_false {
        let text = "the configuration says verify_cot_signature: false, which is ignored: only --unsigned turns \
                    signatures off (P19)";
        note("signatures-stay-on", text.to_owned());
    }
    for warning in &config.warnings {
        note("configuration", warning.clone());
    }
    for (canonical, actual) in &config.settings.endpoints {
        note(
            "endpoint-mapped",
            format!("{canonical} was asked at {actual}, as x_cot.endpoints says (P24)"),
        );
    }
    notes
}

/// Remarks on private artifacts that the queue refused: we have nothing to show it.
pub(crate) fn private_artifacts(report: &Report) -> Vec<Note> {
    let refused = ErrorKind::Forbidden.to_string();
    let asked = report
        .requests
        .iter()
        .filter(|record| record.outcome == refused);
    asked
        .filter_map(|record| {
            let mut parts = record.request.strip_prefix("artifact ")?.splitn(3, '/');
            let (task, _, name) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
            let text = format!(
                "{name} was refused: this release fetches public artifacts only, and has no credentials to show"
            );
            (!name.starts_with("public/")).then_some(Note { id: "private-artifact", task: Some(task), text })
        })
        .collect()
}
