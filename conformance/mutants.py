#!/usr/bin/env python3
"""Changes the checks and the walk, one thing at a time, and asks whether a test notices.

    mutants.py --out docs/mutants.json [--minutes M] [--only TEXT] [--target DIR]

cargo-mutants (27.1.0) says what can be changed: `cargo mutants --list --json`, with `.cargo/mutants.toml`. All changes that
can be made expressions go into one build of a clone of the last commit, each behind a switch that an environment variable
turns on (`schemata.py`, which needs the Python packages tree-sitter and tree-sitter-rust); the few others are built one by one. For each
change the testkit's tests run: first the vectors, which stop at the first wrong answer, then, if they pass, all others but
the slow random ones, and last the core's unit tests. A change that none notices has survived; one that does not compile says nothing. Changes are
taken in a random order, so that a run that ends early is a sample. Ends with 1 if a survivor is not explained in docs/mutants.toml.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import tomllib

import schemata

SLOW = ["flips::", "mutations::", "vectors::", "examples", "world::", "page::"]
TIMEOUT = 120
TESTS = [["-p", "catena-testkit", "--test", "it"], ["-p", "catena-core", "--lib"]]


def build(tree):
    """-> the test binaries, or None if the change does not compile."""
    binaries = []
    for which in TESTS:
        command = ["cargo", "test", "--quiet", *which, "--no-run", "--message-format=json"]
        done = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            return None
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
        binaries.append(next(line["executable"] for line in reversed(lines) if line.get("executable")))
    return binaries


def fails(binary, crate, number, *args):
    """Whether the tests fail, or do not end."""
    environment = {**os.environ, schemata.SWITCH: str(number)}
    try:
        done = subprocess.run([binary, *args], cwd=crate, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def noticed(binaries, tree, number):
    testkit, core = binaries
    crates = pathlib.Path(tree, "crates")
    if fails(testkit, crates / "catena-testkit", number, "vectors::catena_says"):
        return True
    skips = [arg for name in SLOW for arg in ("--skip", name)]
    return fails(testkit, crates / "catena-testkit", number, *skips) or fails(core, crates / "catena-core", number)


def alone(tree, mutant):
    """Judges one change by a build of its own."""
    path = pathlib.Path(tree, mutant["file"])
    before = path.read_text()
    try:
        subprocess.run(["patch", "--quiet", "--no-backup-if-mismatch", path], input=mutant["diff"].encode(), check=True)
        check = ["cargo", "check", "--quiet", "-p", "catena-core", "--lib"]
        if subprocess.run(check, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            return "unviable"
        binaries = build(tree)
        # what only breaks the tests' own build says nothing either
        if binaries is None:
            return "unviable"
        return "caught" if noticed(binaries, tree, 0) else "survived"
    finally:
        path.write_text(before)


def name(mutant):
    """A name that survives edits elsewhere in the file."""
    return f"{mutant['file']}: {mutant['name'].split(': ', 1)[1]}"


def run(args, tree, switched):
    listed = subprocess.run(["cargo", "mutants", "--list", "--json", "-p", "catena-core"], cwd=tree, stdout=subprocess.PIPE, check=True)
    mutants = [mutant for mutant in json.loads(listed.stdout) if not args.only or args.only in mutant["name"]]
    with open(os.path.join(tree, "docs", "mutants.toml"), "rb") as fh:
        reasons = tomllib.load(fh)
    numbered = dict(enumerate(mutants, start=1))
    one_by_one = schemata.instrument(switched, numbered)
    binaries = build(switched)
    if binaries is None or noticed(binaries, switched, 0):
        sys.exit("the unchanged tree does not pass")
    print(f"{len(numbered)} changes, {len(one_by_one)} of them built one by one", flush=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=tree, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    order = sorted(numbered, key=lambda number: (number in one_by_one, random.Random(number).random()))
    begun, outcomes, unexplained = time.monotonic(), {}, []
    for number in order:
        if args.minutes and time.monotonic() - begun > args.minutes * 60:
            break
        mutant = numbered[number]
        if number in one_by_one:
            outcome = alone(tree, mutant)
        else:
            outcome = "caught" if noticed(binaries, switched, number) else "survived"
        outcomes.setdefault(outcome, []).append(mutant["name"])
        if outcome == "survived":
            explained = name(mutant) in reasons
            unexplained += [] if explained else [mutant["name"]]
            print(f"{'explained' if explained else 'SURVIVED'}: {mutant['name']}", flush=True)
        counts = {key: len(found) for key, found in sorted(outcomes.items())}
        with open(args.out, "w") as fh:
            json.dump({"commit": commit, "date": time.strftime("%Y-%m-%d"), "listed": len(mutants), **counts, "survivors": sorted(outcomes.get("survived", []))}, fh, indent=1)
            fh.write("\n")
    print(json.dumps({"listed": len(mutants), **{key: len(found) for key, found in sorted(outcomes.items())}}))
    return 1 if unexplained else 0


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", required=True)
    ap.add_argument("--target", default="target/mutants", help="where builds are kept")
    ap.add_argument("--minutes", type=float)
    ap.add_argument("--only")
    args = ap.parse_args()
    os.environ["CARGO_TARGET_DIR"] = os.path.abspath(args.target)
    with tempfile.TemporaryDirectory() as scratch:
        trees = [os.path.join(scratch, which) for which in ("tree", "switched")]
        for tree in trees:
            subprocess.run(["git", "clone", "--quiet", "--shared", ".", tree], check=True)
        return run(args, *trees)


if __name__ == "__main__":
    sys.exit(main())
