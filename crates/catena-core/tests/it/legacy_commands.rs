// SPDX-License-Identifier: MPL-2.0
//! `vectors/gpg-era/commands.json`: commands of decision, action and docker-image tasks under version 1 (legacy.md §4.2).

use catena_core::legacy::command::{Purpose, judge, judge_environment, judge_image};
use catena_core::legacy::policy::EnvPrefix;
use serde_json::Value;

fn words(value: &Value) -> Option<Vec<&str>> {
    let words = value.as_array()?.iter();
    Some(words.map(|word| word.as_str().unwrap()).collect())
}

#[test]
fn every_command_has_its_answer() {
    let list: Value =
        serde_json::from_str(include_str!("../../../../vectors/gpg-era/commands.json")).unwrap();
    assert_eq!(list["schema"], "catena-gpg-era-commands/1");
    for (name, case) in list["cases"].as_object().unwrap() {
        let command = words(&case["command"]);
        let judged = match case["purpose"].as_str().unwrap() {
            "decision" => judge(&command.unwrap(), Purpose::Decision, EnvPrefix::Gecko),
            "action" => judge(&command.unwrap(), Purpose::Action, EnvPrefix::Gecko),
            "docker-image" => judge_image(command.as_deref()),
            other => panic!("{name}: {other}"),
        };
        let names = words(&case["environment"]).unwrap_or_default();
        let judged = judged.and_then(|()| judge_environment(names));
        let (answer, says) = match judged {
            Ok(()) => ("accepted", None),
            Err(says) => ("legacy-command", Some(says)),
        };
        assert_eq!(answer, case["expected"], "{name}: {says:?}");
        // for what it is refused, so that none hides behind another one
        assert_eq!(says.as_deref(), case["says"].as_str(), "{name}");
    }
}
