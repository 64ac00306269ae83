// SPDX-License-Identifier: MPL-2.0
//! Writes the repository's `examples` anew: `cargo run -p catena-testkit --example write-examples`.

use std::error::Error;
use std::fs;
use std::path::Path;

#[path = "../tests/it/evidence.rs"]
mod evidence;

fn main() -> Result<(), Box<dyn Error>> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (name, chain) in evidence::examples() {
        let path = examples.join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        evidence::write(&chain, &path)?;
    }
    Ok(())
}
