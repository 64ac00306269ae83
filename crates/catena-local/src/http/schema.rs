// SPDX-License-Identifier: MPL-2.0
//! Schemas of bodies, in `schemas/`: unknown members are refused.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::error::{ApiError, Code};

/// A body that has a schema.
#[derive(Clone, Copy, Debug)]
pub(super) enum Schema {
    CreateTask,
    ClaimWork,
    Exception,
    CreateArtifact,
    FinishArtifact,
    NewPriority,
    InsertTask,
    ListPage,
    Secret,
    Role,
    Client,
    Hawk,
    TestAuthenticate,
    Scopes,
    CreateUpload,
    FinishUpload,
    StartDownload,
}

impl Schema {
    const fn name(self) -> &'static str {
        match self {
            Self::CreateTask => "create-task",
            Self::ClaimWork => "claim-work",
            Self::Exception => "exception",
            Self::CreateArtifact => "create-artifact",
            Self::FinishArtifact => "finish-artifact",
            Self::NewPriority => "new-priority",
            Self::InsertTask => "insert-task",
            Self::ListPage => "list-page",
            Self::Secret => "secret",
            Self::Role => "role",
            Self::Client => "client",
            Self::Hawk => "hawk",
            Self::TestAuthenticate => "test-authenticate",
            Self::Scopes => "scopes",
            Self::CreateUpload => "create-upload",
            Self::FinishUpload => "finish-upload",
            Self::StartDownload => "start-download",
        }
    }

    fn validator(self) -> Result<&'static Validator, ApiError> {
        let found = match &*ALL {
            Ok(all) => all.iter().find(|(name, _)| *name == self.name()),
            Err(why) => return Err(ApiError::internal(why)),
        };
        found
            .map(|(_, validator)| validator)
            .ok_or_else(|| ApiError::internal(format!("no schema {}", self.name())))
    }

    /// Refuses what does not fit: 400 `InputValidationError`.
    pub(super) fn check(self, value: &Value) -> Result<(), ApiError> {
        let errors: Vec<String> = self
            .validator()?
            .iter_errors(value)
            .take(10)
            .map(|error| {
                let place = error.instance_path().to_string();
                // the value itself may be long, or a secret
                format!("  * data{place} {}", error.masked_with("it"))
            })
            .collect();
        if errors.is_empty() {
            return Ok(());
        }
        let text = format!(
            "Schema Validation Failed!\nRejecting Schema: {}\nErrors:\n{}",
            self.name(),
            errors.join("\n")
        );
        Err(ApiError::new(Code::InputValidationError, text))
    }
}

/// All schemas of the file `schemas.json`, whose `$defs` they share.
static ALL: LazyLock<Result<Vec<(String, Validator)>, String>> = LazyLock::new(|| {
    let file: Value = serde_json::from_str(include_str!("schemas/schemas.json"))
        .map_err(|why| format!("schemas.json: {why}"))?;
    let bodies = file.get("bodies").and_then(Value::as_object);
    let defs = file.get("$defs").cloned().unwrap_or_default();
    let mut all = Vec::new();
    for (name, schema) in bodies.into_iter().flatten() {
        let mut schema = schema.clone();
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("$defs".to_owned(), defs.clone());
        }
        let validator =
            jsonschema::validator_for(&schema).map_err(|why| format!("{name}: {why}"))?;
        all.push((name.clone(), validator));
    }
    Ok(all)
});
