// SPDX-License-Identifier: MPL-2.0
//! Remarks on how the run was set up: they decide nothing, and whoever reads a report must know them.

use catena_core::policy::Config;
use catena_core::report::Note;

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
