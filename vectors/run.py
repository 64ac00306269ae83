#!/usr/bin/env python3
"""Runs an implementation over the vectors and compares its verdicts: python 3, standard library only.

    run.py [--cmd 'TOOL … {evidence} … {config} … {profile} …'] [--profile strict compat] [--only WORD]

The command is asked once for each case and profile. Its placeholders: {evidence}, a directory with index.json and
documents/; {config}, scriptworker.yaml as JSON; {urls}, JSON with the status, content type and file of every URL, for tools
that fetch; {profile}, {task}, {type}, {product}. Its exit status is the verdict: 0 trusted, 1 rejected, 4 undetermined.
Exit 1 if any verdict is not the expected one.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
VERDICTS = {0: "trusted", 1: "rejected", 4: "undetermined"}
COMMAND = "catena verify {task} --type {type} --product {product} --evidence {evidence} --config {config} --profile {profile}"


def write(case, directory):
    """Makes the case's files; documents are shared by all cases, so they are linked to."""
    common = {"time": case["recorded"]}
    entries, urls = [], {}
    for held in case["documents"]:
        file = f"documents/{held['sha256']}"
        size = (HERE / file).stat().st_size
        entries.append({**common, "request": held["request"], "origin": held["url"], "status": "received", "file": file, "sha256": held["sha256"], "size": size})
        urls[held["url"]] = {"status": 200, "content_type": held.get("content_type", "application/json"), "file": str(HERE / file)}
    for failure in case["failures"]:
        # what is not in an index is unavailable: only absence is evidence
        if failure["kind"] == "absent":
            entries.append({**common, "request": failure["request"], "origin": failure["url"], "status": "absent"})
        urls[failure["url"]] = {"status": failure["status"]}
    index = {"schema": "catena-evidence/1", "recorded": case["recorded"], "subject": case["subject"], "documents": entries}
    (directory / "documents").symlink_to(HERE / "documents", target_is_directory=True)
    for name, value in (("index.json", index), ("urls.json", urls), ("scriptworker.yaml", case["config"])):
        (directory / name).write_text(json.dumps(value))


def verdict(command, case, profile):
    with tempfile.TemporaryDirectory() as place:
        directory = pathlib.Path(place)
        write(case, directory)
        parts = {"evidence": place, "config": directory / "scriptworker.yaml", "urls": directory / "urls.json", "profile": profile, **case["subject"]}
        done = subprocess.run([word.format(**parts) for word in shlex.split(command)], stdin=subprocess.DEVNULL, capture_output=True)
    return VERDICTS.get(done.returncode, f"exit {done.returncode}: {done.stderr.decode(errors='replace').strip()[-200:]}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--cmd", default=COMMAND)
    ap.add_argument("--profile", nargs="+", default=["strict", "compat"])
    ap.add_argument("--only", default="")
    args = ap.parse_args()
    cases = [json.loads(path.read_text()) for path in sorted((HERE / "cases").glob("*.json")) if args.only in path.stem]
    asked = [(case, profile) for case in cases for profile in args.profile]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda one: verdict(args.cmd, *one), asked))
    bad = 0
    for (case, profile), said in zip(asked, found):
        expected = case["expected"][profile]["verdict"]
        if said != expected:
            bad += 1
            print(f"WRONG  {case['name']:<48} {profile:<7} expected {expected}, found {said}\n       {case['reason']}")
    print(json.dumps({"part": "vectors", "cases": len(cases), "verdicts": len(asked), "unexpected": bad}))
    return 1 if bad or not asked else 0


if __name__ == "__main__":
    sys.exit(main())
