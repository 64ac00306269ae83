// SPDX-License-Identifier: MPL-2.0
//! Prints what catena says to mutations, a line of JSON for each seed: `mutation-verdicts FIRST END`. What a worker of
//! the reference says to the same ones is recorded in `conformance/verdicts`.

use std::error::Error;
use std::io::{self, Write as _};
use std::ops::Range;
use std::{env, thread};

use catena_testkit::vectors::{Places, judge, mutated};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let [_, first, end] = <[String; 3]>::try_from(env::args().collect::<Vec<_>>())
        .map_err(|_| "usage: mutation-verdicts FIRST END")?;
    let (first, end): (u64, u64) = (first.parse()?, end.parse()?);
    let workers = thread::available_parallelism()?.get();
    let share = (end - first).div_ceil(u64::try_from(workers)?).max(1);
    let parts: Vec<_> = (0..)
        .map(|part| first + part * share)
        .take_while(|from| *from < end)
        .map(|from| thread::spawn(move || lines(from..end.min(from + share))))
        .collect();
    let mut out = io::stdout().lock();
    for part in parts {
        let lines = part.join().map_err(|_| "a verification panicked")??;
        out.write_all(lines.as_bytes())?;
    }
    Ok(())
}

fn lines(seeds: Range<u64>) -> Result<String, String> {
    let places = Places::new()?;
    let mut out = String::new();
    for seed in seeds {
        let mutated = mutated(seed, &places)?;
        let (said, _) = judge(&mutated.case, &mutated.bodies).map_err(|error| error.0)?;
        let line = json!({"seed": seed, "key": mutated.key, "fingerprint": mutated.case.fingerprint(), "said": said});
        out.push_str(&format!("{line}\n"));
    }
    Ok(out)
}
