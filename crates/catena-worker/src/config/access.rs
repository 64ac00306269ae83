// SPDX-License-Identifier: MPL-2.0
//! Who may read and write what the worker trusts (R-05, S38, P42).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use catena_crypto::signer::SigningKey;

use super::WorkerConfig;

/// Checks the configuration, the key, and `more`: the file that credentials were found in, if that is another. A key is
/// read only if it is used (P19), and not kept.
///
/// A file that everybody may write is refused: it says what runs, and as whom. One that others may read while it holds
/// secrets is told of.
pub(super) fn check(
    path: &Path,
    more: Option<&Path>,
    config: &mut WorkerConfig,
    problems: &mut Vec<String>,
) {
    let secret =
        config.policy.credentials.is_some() || !config.policy.settings.github_token.is_empty();
    file(path, secret, config, problems);
    if let Some(more) = more {
        file(more, true, config, problems);
    }
    if let Some(key) = &config.key
        && let Err(why) = SigningKey::read_file(key)
    {
        problems.push(format!("ed25519_private_key_path: {why}"));
    }
}

fn file(path: &Path, secret: bool, config: &mut WorkerConfig, problems: &mut Vec<String>) {
    let shown = path.display();
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(why) => return problems.push(format!("{shown}: {why}")),
    };
    let mode = metadata.permissions().mode() & 0o7777;
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
