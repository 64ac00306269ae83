// SPDX-License-Identifier: MPL-2.0
//! What only lint says: a link that will have no document, and what is odd about the tasks that a task names.

use std::collections::BTreeSet;

use catena_jsone::Value;

use super::{Tasks, Warning};
use crate::checks::{cot_feature, graph_runtime_keys};
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::shape::Shape;
use crate::policy::Switch;
use crate::report::{Asserter, Check, Finding};
use crate::request::Request;
use crate::walk::{Chain, Inputs, Object};

/// A link that does not ask its worker for a chain-of-trust document. A verification says `cot-feature`.
pub const COT_FEATURE: Check = Check {
    id: "lint-cot-feature",
    rules: &["R-07", "R-08"],
    title: "every link asks for the chain-of-trust feature",
    attack: "A graph whose release tasks can never be verified, found out when the builds are done.",
    help: "Set payload.features.chainOfTrust to true in the task's kind.",
    rank: 86,
    implies: &[],
};

/// An upstream task or input that the task does not depend on.
pub const DEPENDENCY: Check = Check {
    id: "lint-dependency",
    rules: &["R-07"],
    title: "a task depends on the tasks whose artifacts it takes",
    attack: "A task that starts before its inputs exist, and then fails or waits for a rerun.",
    help: "Add the task to dependencies.",
    rank: 10,
    implies: &[],
};

/// A task image that is not among the inputs of the chain.
pub const IMAGE_INPUT: Check = Check {
    id: "lint-image-input",
    rules: &["R-07", "V76"],
    title: "the image that a task runs in is an input of its chain",
    attack: "A link whose image nobody verifies.",
    help: "Name the image's task in extra.chainOfTrust.inputs, as docker-image.",
    rank: 10,
    implies: &[],
};

/// An upstream task or input that no file defines.
pub const OUTSIDE_GRAPH: Check = Check {
    id: "lint-outside-graph",
    rules: &["R-07", "R-10"],
    title: "the tasks that a task names are in the files",
    attack: "A chain that reaches further than the files show: what it finds there is decided at run time.",
    help: "Add the other graph's file, or see that the task is what it should be: images of other groups are usual.",
    rank: 10,
    implies: &[],
};

/// What only lint says.
pub const ALL: &[&Check] = &[&COT_FEATURE, &DEPENDENCY, &IMAGE_INPUT, &OUTSIDE_GRAPH];

/// Looks at every task of the chain that a file defines.
pub(super) fn judge(
    inputs: &Inputs,
    chain: &Chain<'_>,
    tasks: &Tasks,
) -> (Vec<Finding>, Vec<Warning>) {
    let (mut findings, mut warnings) = (Vec::new(), Vec::new());
    for object in chain.objects.values() {
        let Some(definition) = object.known() else {
            continue;
        };
        findings.extend(feature(object, definition));
        if !inputs.relaxations.allows(Switch::GraphRuntimeOnlyKeys) {
            findings.extend(
                tasks
                    .entry(object.id)
                    .into_iter()
                    .flat_map(|entry| open(object.id, entry)),
            );
        }
        let more = named(object, definition, tasks);
        warnings.extend(more.unwrap_or_default()); // a mistyped field has its own finding
        warnings.extend(image(object, definition));
    }
    warnings.sort();
    warnings.dedup();
    (findings, warnings)
}

/// the worker will make no document.
fn feature(object: &Object<'_>, definition: &Definition) -> Option<Finding> {
    let worker = object.worker.as_ref().filter(|_| object.is_link)?;
    let finding = cot_feature::inspect(definition, worker)?;
    Some(finding.under(&COT_FEATURE).build())
}

/// S6: members that the graph must state, and the worker pool.
fn open(task: TaskId, entry: &Value) -> Vec<Finding> {
    let finding = |what: &str| {
        graph_runtime_keys::META
            .reject(format!("{what} in the graph"), "nothing")
            .task(task)
            .says(Asserter::Task(task))
            .at(&Request::Definition { task }, "")
            .build()
    };
    let mut findings: Vec<_> = graph_runtime_keys::left_open(entry).map(finding).collect();
    if graph_runtime_keys::pool(entry).is_none() {
        findings.push(finding("the worker pool"));
    }
    findings
}

fn warning(
    check: &'static Check,
    object: &Object<'_>,
    expected: impl Into<String>,
    found: impl Into<String>,
    pointer: impl Into<String>,
) -> Warning {
    Warning {
        id: check.id,
        task: object.id,
        roles: object.names.iter().cloned().collect(),
        expected: expected.into(),
        found: found.into(),
        pointer: pointer.into(),
        help: check.help,
    }
}

/// Looks at upstream tasks and inputs: whether the task depends on them, and whether a file has them.
fn named(
    object: &Object<'_>,
    definition: &Definition,
    tasks: &Tasks,
) -> Result<Vec<Warning>, Shape> {
    let fields = definition.fields()?;
    let dependencies: BTreeSet<&str> = fields.texts("dependencies")?.into_iter().collect();
    let inputs = definition.inputs()?.into_iter().map(|(name, task)| {
        let name = name.replace('~', "~0").replace('/', "~1");
        (task, format!("/extra/chainOfTrust/inputs/{name}"))
    });
    let upstream = definition.upstream_artifacts()?.into_iter().map(|entry| {
        let pointer = format!("/payload/upstreamArtifacts/{}/taskId", entry.index);
        (entry.task, pointer)
    });
    let creators = [object.parent, object.decision];
    let (mut seen, mut warnings) = (BTreeSet::new(), Vec::new());
    for (task, pointer) in inputs.chain(upstream) {
        if creators.contains(&Some(task)) || !seen.insert(task) {
            continue;
        }
        if !dependencies.contains(task.as_str()) {
            let expected = format!("{task} among the dependencies");
            warnings.push(warning(
                &DEPENDENCY,
                object,
                expected,
                "no such dependency",
                pointer.clone(),
            ));
        }
        if !tasks.has(task) {
            let expected = format!("{task} in one of the files");
            warnings.push(warning(
                &OUTSIDE_GRAPH,
                object,
                expected,
                "no definition",
                pointer,
            ));
        }
    }
    Ok(warnings)
}

/// Looks at the task's image: whether it is an input under any name (V76 wants a certain one).
fn image(object: &Object<'_>, definition: &Definition) -> Option<Warning> {
    let image = definition
        .value()
        .pointer("/payload/image/taskId")?
        .as_str()?;
    let inputs = definition.inputs().ok()?;
    if inputs.iter().any(|(_, task)| task.as_str() == image) {
        return None;
    }
    let expected = format!("{image:.60} in extra.chainOfTrust.inputs");
    Some(warning(
        &IMAGE_INPUT,
        object,
        expected,
        "no such input",
        "/payload/image/taskId",
    ))
}
