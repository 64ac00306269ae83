// SPDX-License-Identifier: MPL-2.0
//! `docs/configuration.md`: the keys that may be configured (P29, P30).

use catena_core::policy::{KEYS, KeySpec, Reader};

use super::{code, table};

const HEAD: &str = "\
# Configuration

`catena verify --config FILE` reads a `scriptworker.yaml`, or the same keys as JSON or TOML (a name that ends in
`.toml`). A key that is not on this page is an error, and so is a value of another type; the message names file, line,
key, what was expected and what was found. Without a file the built-in defaults apply: `policies/defaults.toml` and one
file for each product beside it.

A flag wins over the environment, the environment over the file, the file over the default. The deployment of recorded
evidence (`--evidence`) is what its index says, unless `--root-url` says otherwise: the environment does not change it.

A top-level key of the file replaces the default whole. A mapping that holds `by-cot-product` stands for its entry of
the product. A key with a value for each product may also have a plain value, which then holds for all of them. A TOML
file may instead list such keys under `products.NAME`.

## Environment

";

const OWN_HEAD: &str = "
## Keys of catena's own

They stand under `x_cot`. What `x_cot.relax` may hold is in [differences.md](differences.md#strict-only).

";

const VERIFY_HEAD: &str = "
## Keys of scriptworker.yaml that verification uses

";

const WORKER_HEAD: &str = "
## Keys that only the worker reads

Their types are checked; otherwise this release does nothing with them, because the worker is not part of it yet.

";

const VARIABLES: [[&str; 2]; 16] = [
    [
        "CATENA_CACHE_DIR",
        "Where answers of GitHub's API are kept; wins over `x_cot.cache_dir`.",
    ],
    [
        "CATENA_GITHUB_TOKEN",
        "Token for GitHub's API; wins over `github_oauth_token`.",
    ],
    ["CATENA_LOG", "What to log on stderr, such as `debug`."],
    [
        "CATENA_LOG_FORMAT",
        "`json`: a line of JSON for each event, with the task that it is about.",
    ],
    [
        "HOME",
        "`$HOME/.cache/catena` is where answers are kept if nothing else is said.",
    ],
    ["HTTPS_PROXY", "The proxy to go through."],
    ["COLUMNS", "Width of text where stdout is no terminal."],
    ["NO_COLOR", "No colours, when it is set to something."],
    ["NO_PROXY", "Hosts to reach without the proxy."],
    [
        "SCRIPTWORKER_GITHUB_OAUTH_TOKEN",
        "As `CATENA_GITHUB_TOKEN`, which wins over it.",
    ],
    [
        "SSL_CERT_FILE",
        "Certificate authorities in PEM, in place of the system's.",
    ],
    [
        "TASKCLUSTER_ACCESS_TOKEN",
        "With `TASKCLUSTER_CLIENT_ID`, wins over `credentials`.",
    ],
    [
        "TASKCLUSTER_CERTIFICATE",
        "The certificate of temporary credentials.",
    ],
    [
        "TASKCLUSTER_CLIENT_ID",
        "With `TASKCLUSTER_ACCESS_TOKEN`, wins over `credentials`.",
    ],
    [
        "TASKCLUSTER_ROOT_URL",
        "The deployment; wins over `taskcluster_root_url`.",
    ],
    [
        "XDG_CACHE_HOME",
        "As `HOME`, which it wins over: `$XDG_CACHE_HOME/catena`.",
    ],
];

pub(crate) fn render() -> String {
    let own = |key: &&KeySpec| key.name.starts_with("x_cot.");
    let verify = |key: &&KeySpec| key.reader == Reader::Verify && !own(key);
    let worker = |key: &&KeySpec| key.reader == Reader::Worker && !own(key);
    [
        HEAD,
        &table(
            ["Variable", "Meaning"],
            VARIABLES.map(|[name, meaning]| [code(name), meaning.into()]),
        ),
        OWN_HEAD,
        &keys(own),
        VERIFY_HEAD,
        &keys(verify),
        WORKER_HEAD,
        &keys(worker),
    ]
    .concat()
}

fn keys(choose: impl Fn(&&KeySpec) -> bool) -> String {
    let rows = KEYS.iter().filter(choose).map(|key| {
        let reader = match key.reader {
            Reader::Verify => "verification",
            Reader::Worker => "worker",
        };
        [
            code(key.name),
            key.value.expected(),
            reader.into(),
            key.meaning.into(),
        ]
    });
    table(["Key", "Value", "Read by", "Meaning"], rows)
}
