// SPDX-License-Identifier: MPL-2.0
//! Chains that nobody has touched: every flow, and what may differ between two chains of a flow.

use super::corpus::{CorpusError, Maker};
use super::list::{build, spec};
use crate::spec::{ChainSpec, DecisionWorker, Flow, Presence, RootRun};

pub(super) fn add(maker: &mut Maker) -> Result<(), CorpusError> {
    for flow in Flow::ALL {
        let variants = if MAIN.contains(&flow) {
            VARIANTS
        } else {
            &VARIANTS[..3]
        };
        for (variant, story, rules, change) in variants {
            let mut spec = spec(flow);
            change(&mut spec);
            let suffix = if variant.is_empty() {
                String::new()
            } else {
                format!("-{variant}")
            };
            let name = format!("valid-{}{suffix}", kebab(&format!("{flow:?}")));
            maker.add(&build(spec), &name, story, rules)?;
        }
    }
    Ok(())
}

type Variant = (
    &'static str,
    &'static str,
    &'static [&'static str],
    fn(&mut ChainSpec),
);

/// Flows of which every variant is a case; between them they have every host and every kind of parent.
const MAIN: [Flow; 4] = [
    Flow::AdhocPromotion,
    Flow::FirefoxPush,
    Flow::VpnRelease,
    Flow::XpiCron,
];

const VARIANTS: &[Variant] = &[
    ("", "a chain that nobody has touched", &[], |_| {}),
    (
        "other-root-run",
        "the root's last run is completed where it was running, and the other way round",
        &["P12"],
        |spec| {
            spec.root_run = match spec.root_run {
                RootRun::Completed => RootRun::Running,
                RootRun::Running => RootRun::Completed,
            };
        },
    ),
    (
        "other-decision-worker",
        "decision tasks ran on the other kind of worker",
        &["V40", "S19"],
        |spec| {
            spec.decision_worker = match spec.decision_worker {
                DecisionWorker::D2g => DecisionWorker::DockerWorker,
                DecisionWorker::DockerWorker => DecisionWorker::D2g,
            };
        },
    ),
    (
        "optional",
        "an optional artifact that does not exist, and an optional pattern",
        &["V41", "V42"],
        |spec| {
            spec.optional = toggled(spec.optional);
        },
    ),
    (
        "rerun",
        "the first build succeeded in its second run",
        &["P10"],
        |spec| spec.rerun = toggled(spec.rerun),
    ),
    (
        "signed-upstream",
        "an upstream task is a signing task itself",
        &["V29"],
        |spec| {
            spec.upstream_signing = toggled(spec.upstream_signing);
        },
    ),
];

const fn toggled(presence: Presence) -> Presence {
    match presence {
        Presence::Absent => Presence::Present,
        Presence::Present => Presence::Absent,
    }
}

fn kebab(camel: &str) -> String {
    let mut out = String::new();
    for c in camel.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
