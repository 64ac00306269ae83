// SPDX-License-Identifier: MPL-2.0
//! Who may read and write what the worker trusts (R-05, S38, P42).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use catena_crypto::signer::SigningKey;

use super::WorkerConfig;

/// Checks the file and the key. A key is read only if it is used (P19), and not kept.
///
/// A configuration that everybody may write is refused: it says what runs. One that others may read while it holds
/// secrets is told of.
pub(super) fn check(path: &Path, config: &mut WorkerConfig, problems: &mut Vec<String>) {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o7777;
            let secret = config.policy.credentials.is_some()
                || !config.policy.settings.github_token.is_empty();
            if mode & 0o002 != 0 {
                problems.push(format!(
                    "{shown}: expected a file that not everybody can write, found mode {mode:04o}"
                ));
            } else if mode & 0o020 != 0 {
                config
                    .warnings
                    .push(format!("{shown}: its group can write it (mode {mode:04o})"));
            }
            if secret && mode & 0o044 != 0 {
                config.warnings.push(format!(
                    "{shown}: holds credentials or a token, and others can read it (mode {mode:04o}); 0600 is safe"
                ));
            }
        }
        Err(why) => problems.push(format!("{shown}: {why}")),
    }
    if let Some(key) = &config.key
        && let Err(why) = SigningKey::read_file(key)
    {
        problems.push(format!("ed25519_private_key_path: {why}"));
    }
}
