// SPDX-License-Identifier: MPL-2.0
//! Writes the repository's `vectors` anew: `cargo run -p catena-testkit --example write-vectors`. What the reference
//! said is kept where the case asks the same as before.

use std::error::Error;
use std::path::Path;

use catena_testkit::vectors::{self, Corpus};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let mut corpus = vectors::all()?;
    if directory.join("cases").exists() {
        corpus.keep_recorded(&Corpus::read(&directory)?);
    }
    corpus.write(&directory)?;
    Ok(())
}
