#!/usr/bin/env python3
"""Changes the checks and the walk, one thing at a time, and asks whether a test notices.

    mutants.py --out docs/mutants.json [--seed N] [--minutes M] [--only TEXT] [--target DIR]

cargo-mutants (27.1.0) says what can be changed: `cargo mutants --list --json`, with `.cargo/mutants.toml`. For each change
to a clone of the last commit this builds one test binary, the testkit's, and runs over it first the vectors, which stop at
the first wrong answer, then, if they pass, all other tests but the slow random ones, and last the core's unit tests. (`cargo mutants` itself builds every
target of a package each time, which takes five times as long.) A change that none notices has survived; one that does not
compile says nothing. Changes are taken in a random order, so that a run that ends early is a sample. Ends with 1 if a
survivor is not explained in docs/mutants.toml.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import tomllib

SLOW = ["flips::", "mutations::", "vectors::", "examples", "world::", "page::"]
TIMEOUT = 300


def build(tree):
    """-> the test binary, or None if the change does not compile."""
    command = ["cargo", "test", "--quiet", "-p", "catena-testkit", "--test", "it", "--no-run", "--message-format=json"]
    done = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode != 0:
        return None
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    return next(line["executable"] for line in reversed(lines) if line.get("executable"))


def notices(binary, tree, *args):
    """Whether the tests fail, or do not end."""
    try:
        done = subprocess.run([binary, *args], cwd=os.path.join(tree, "crates", "catena-testkit"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def judge(tree, mutant):
    path = os.path.join(tree, mutant["file"])
    with open(path) as fh:
        before = fh.read()
    try:
        subprocess.run(["patch", "--quiet", "--no-backup-if-mismatch", path], input=mutant["diff"].encode(), check=True)
        binary = build(tree)
        if binary is None:
            return "unviable"
        if notices(binary, tree, "vectors::catena_says"):
            return "caught"
        skips = [arg for name in SLOW for arg in ("--skip", name)]
        if notices(binary, tree, *skips):
            return "caught"
        own = subprocess.run(["cargo", "test", "--quiet", "-p", "catena-core", "--lib"], cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return "caught" if own.returncode != 0 else "survived"
    finally:
        with open(path, "w") as fh:
            fh.write(before)


def name(mutant):
    """A name that survives edits elsewhere in the file."""
    return f"{mutant['file']}: {mutant['name'].split(': ', 1)[1]}"


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", required=True)
    ap.add_argument("--target", default="target/mutants", help="where builds are kept")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--minutes", type=float)
    ap.add_argument("--only")
    args = ap.parse_args()
    os.environ["CARGO_TARGET_DIR"] = os.path.abspath(args.target)
    with tempfile.TemporaryDirectory() as scratch:
        tree = os.path.join(scratch, "tree")
        subprocess.run(["git", "clone", "--quiet", "--shared", ".", tree], check=True)
        return run(args, tree)


def run(args, tree):
    listed = subprocess.run(["cargo", "mutants", "--list", "--json", "-p", "catena-core"], cwd=tree, stdout=subprocess.PIPE, check=True)
    mutants = json.loads(listed.stdout)
    random.Random(args.seed).shuffle(mutants)
    with open(os.path.join(tree, "docs", "mutants.toml"), "rb") as fh:
        reasons = tomllib.load(fh)
    binary = build(tree)
    if binary is None or notices(binary, tree, "vectors::catena_says"):
        sys.exit("the unchanged tree does not pass")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=tree, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    begun, outcomes, unexplained = time.monotonic(), {}, []
    for mutant in mutants:
        if args.minutes and time.monotonic() - begun > args.minutes * 60:
            break
        if args.only and args.only not in mutant["name"]:
            continue
        outcome = judge(tree, mutant)
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


if __name__ == "__main__":
    sys.exit(main())
