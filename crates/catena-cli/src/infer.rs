// SPDX-License-Identifier: MPL-2.0
//! Infers type and product from policy data and what the task says of itself (P18): for people who ask about a
//! task, never for a machine that acts on the answer. The report shows both as self-asserted.

use catena_core::model::definition::Definition;
use catena_core::model::task_type::TaskType;
use catena_core::model::url::VcsUrl;
use catena_core::policy::{Candidate, Config, RepositoryUrl};

use crate::failure::Failure;

/// What to verify a task as.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Role {
    pub(crate) task_type: TaskType,
    pub(crate) product: String,
    /// Which of the two were inferred.
    pub(crate) inferred: Vec<&'static str>,
}

/// Infers what the operator has not given; there must be exactly one candidate.
pub(crate) fn infer(
    config: &Config,
    definition: &Definition,
    task_type: Option<TaskType>,
    product: Option<&str>,
) -> Result<Role, Failure> {
    let flag = match (task_type, product) {
        (None, None) => "--type and --product",
        (None, Some(_)) => "--type",
        _ => "--product",
    };
    let refuse = |reason: String, candidates: &[Candidate]| Failure::Infer {
        flag,
        reason,
        candidates: candidates.iter().map(shown).collect(),
    };
    let silent =
        |error: &dyn std::fmt::Display| refuse(format!("the task does not tell: {error}"), &[]);
    let pool = definition.worker_pool().map_err(|error| silent(&error))?;
    let action = definition.is_action().map_err(|error| silent(&error))?;
    let metadata = definition
        .fields()
        .and_then(|fields| fields.object("metadata"));
    let source = metadata
        .and_then(|metadata| metadata.text("source"))
        .map_err(|error| silent(&error))?;
    let url = VcsUrl::parse(source).map_err(|error| silent(&error))?;
    let path = url.decoded_path();
    let repository = RepositoryUrl {
        scheme: url.scheme(),
        authority: url.host(),
        path: &path,
    };
    let mut candidates = config.infer(&pool, Some(repository), product)?;
    for candidate in &mut candidates {
        match task_type {
            Some(given) => candidate.task_type = Some(given.to_string()),
            None if action && candidate.task_type.as_deref() == Some("decision") => {
                candidate.task_type = Some("action".to_owned());
            }
            None => {}
        }
    }
    let about = format!("worker pool {pool} and source {source}");
    let [
        Candidate {
            product: found,
            task_type: kind,
        },
    ] = candidates.as_slice()
    else {
        let reason = match candidates.len() {
            0 => format!("no policy infers from {about}"),
            _ => format!("several policies infer from {about}"),
        };
        return Err(refuse(reason, &candidates));
    };
    let Some(Ok(kind)) = kind.as_deref().map(str::parse::<TaskType>) else {
        return Err(refuse(
            format!("product {found} does not infer from {about}"),
            &[],
        ));
    };
    let inferred = task_type
        .is_none()
        .then_some("type")
        .into_iter()
        .chain(product.is_none().then_some("product"));
    Ok(Role {
        task_type: kind,
        product: found.clone(),
        inferred: inferred.collect(),
    })
}

fn shown(candidate: &Candidate) -> String {
    format!(
        "--product {} --type {}",
        candidate.product,
        candidate.task_type.as_deref().unwrap_or("TYPE")
    )
}

#[cfg(test)]
mod tests {
    use catena_core::json::{Reading, parse};

    use super::*;

    fn definition(pool: &str, source: &str, more: &str) -> Definition {
        let (provisioner, worker_type) = pool.split_once('/').unwrap();
        let text = format!(
            r#"{{"provisionerId": "{provisioner}", "workerType": "{worker_type}", "payload": {{}},
                "metadata": {{"source": "{source}"}}{more}}}"#
        );
        let id = "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap();
        Definition::new(id, parse(text.as_bytes(), Reading::Strict).unwrap()).unwrap()
    }

    fn inferred(
        definition: &Definition,
        task_type: Option<TaskType>,
        product: Option<&str>,
    ) -> Result<Role, String> {
        infer(&Config::builtin(), definition, task_type, product)
            .map_err(|failure| failure.to_string())
    }

    const SIGNING: &str = "scriptworker-k8s/gecko-3-signing";
    const CENTRAL: &str =
        "https://hg.mozilla.org/mozilla-central/file/tip/taskcluster/kinds/signing";

    #[test]
    fn type_follows_from_the_pool_and_product_from_the_source_p18() {
        let role = inferred(&definition(SIGNING, CENTRAL, ""), None, None).unwrap();
        assert_eq!(
            (role.task_type, role.product.as_str()),
            (TaskType::Signing, "firefox")
        );
        assert_eq!(role.inferred, ["type", "product"]);
        let role = inferred(
            &definition(SIGNING, CENTRAL, ""),
            Some(TaskType::Beetmover),
            None,
        )
        .unwrap();
        assert_eq!(
            (role.task_type, role.inferred),
            (TaskType::Beetmover, vec!["product"])
        );
    }

    #[test]
    fn actions_are_told_from_decisions_v9() {
        let decision = inferred(
            &definition("gecko-3/decision", CENTRAL, ""),
            None,
            Some("firefox"),
        )
        .unwrap();
        assert_eq!(
            (decision.task_type, decision.inferred),
            (TaskType::Decision, vec!["type"])
        );
        let action = definition(
            "gecko-3/decision",
            CENTRAL,
            r#", "extra": {"action": {"name": "x"}}"#,
        );
        assert_eq!(
            inferred(&action, None, Some("firefox")).unwrap().task_type,
            TaskType::Action
        );
    }

    #[test]
    fn none_or_several_is_for_the_operator_to_say_p18() {
        let nowhere = definition(SIGNING, "https://github.com/evil/repo", "");
        assert!(
            inferred(&nowhere, None, None)
                .unwrap_err()
                .contains("no policy infers")
        );
        let unheard = definition("gecko-3/b-linux", CENTRAL, "");
        assert!(
            inferred(&unheard, None, Some("firefox"))
                .unwrap_err()
                .starts_with("expected --type")
        );
        for odd in [
            "http://hg.mozilla.org/mozilla-central",
            "https://hg.mozilla.org/x/../mozilla-central",
            "",
        ] {
            assert!(
                inferred(&definition(SIGNING, odd, ""), None, None)
                    .unwrap_err()
                    .contains("does not tell")
            );
        }
        let shared = "trusted_vcs_rules:\n  - schemes: [https]\n    netlocs: [github.com]\n    \
                      path_regexes: ['^(?P<path>/shared/repo)(/|$)']\n";
        let config = Config::load(shared.as_bytes(), "scriptworker.yaml").unwrap();
        let task = definition(SIGNING, "https://github.com/shared/repo", "");
        let said = infer(&config, &task, None, None).unwrap_err().to_string();
        assert!(
            said.contains("several policies") && said.contains("--product glean --type signing"),
            "{said}"
        );
    }
}
