#!/usr/bin/env python3
"""Compares catena's verdicts on the lab's recorded mutations with the recorded verdicts of the Python reference.

    python parity.py --lab LAB --catena BINARY --differences docs/differences.md [--plan 1 2] [--skip m-pr,m-release] [--out FILE]

For each mutation of LAB/verdicts/plan-N.json it runs both profiles with --json and checks, by finding id:

* compat refuses what the reference passes only with findings listed under "Always" in docs/differences.md (P2), and
  with those that such a finding brings along according to docs/checks.md (P9);
* compat trusts what the reference refuses only in the classes listed under "Tolerated" (P3), named there by mutation;
* strict trusts nothing that compat refuses, documents that only compat reads set aside (P4).

Exit 0 if that holds for every mutation, else 1. Needs the lab's virtual environment and its hosts (see lab.sh).
"""
import argparse
import json
import os
import re
import subprocess
import sys


def section(text, title):
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    if not match:
        raise SystemExit(f"docs/differences.md has no section {title!r}")
    return match[1]


def listed(text, title):
    """The ids in the first column of a section's table."""
    return set(re.findall(r"^\| `([^`]+)` \|", section(text, title), re.M))


def companions(text):
    """check id -> ids that its findings bring along, from docs/checks.md."""
    found, check = {}, None
    for line in text.splitlines():
        if line.startswith("## "):
            check = line[3:].strip().strip("`")
        elif line.startswith("Brings along:"):
            found[check] = set(re.findall(r"\[([a-z0-9-]+)\]", line))
    return found


def explained(ids, always, along):
    """Whether every finding is listed, or brought along by one that is listed and present."""
    present = set(ids) & always
    return bool(present) and set(ids) <= present.union(*(along.get(one, set()) for one in present))


def ask(catena, profile, meta, directory, env):
    command = [catena, "verify", meta["task_id"], "--type", meta["task_type"], "--product", meta["product"]]
    command += ["--config", os.path.join(directory, "scriptworker.yaml"), "--no-check-task", "--no-cache", "--profile", profile, "--json"]
    done = subprocess.run(command, env=env, capture_output=True, timeout=300)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return {"exit": done.returncode, "verdict": "none", "ids": [], "found": done.stderr.decode(errors="replace")[-300:]}
    found = [f"{f['id']}: {f['expected']} / {f['found']}" for f in report["findings"]]
    return {"exit": done.returncode, "verdict": report["verdict"], "ids": sorted({f["id"] for f in report["findings"]}), "found": "; ".join(found)[:400]}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--lab", required=True)
    ap.add_argument("--catena", required=True)
    ap.add_argument("--differences", required=True)
    ap.add_argument("--plan", nargs="+", default=["1", "2"])
    ap.add_argument("--skip", default="m-pr,m-release")
    ap.add_argument("--out")
    args = ap.parse_args()
    sys.path.insert(0, args.lab)
    import labnet
    import mutate

    with open(args.differences) as fh:
        text = fh.read()
    always, tolerated, compat_only = listed(text, "Always"), listed(text, "Tolerated"), listed(text, "Only compat reads")
    with open(os.path.join(os.path.dirname(args.differences), "checks.md")) as fh:
        along = companions(fh.read())
    env = labnet.environment()
    skip = set(args.skip.split(","))
    counts = {"mutations": 0, "same": 0, "always": 0, "tolerated": 0, "strict_only": 0}
    bad, rows = [], {}
    with labnet.Server():
        for number in args.plan:
            with open(os.path.join(args.lab, "verdicts", f"plan-{number}.json")) as fh:
                plan = json.load(fh)
            with open(os.path.join(args.lab, "verdicts", f"reference-{number}.json")) as fh:
                reference = json.load(fh)["verdicts"]
            worlds = [w for w in plan["worlds"] if w not in skip]

            def runner(meta, directory):
                compat, strict = (ask(args.catena, profile, meta, directory, env) for profile in ("compat", "strict"))
                return {"verdict": "pass" if compat["exit"] == 0 else "fail", "error_class": (compat, strict)}

            verdicts = mutate.execute(plan, runner, only=worlds)
            for key, (verdict, (compat, strict), _) in verdicts.items():
                counts["mutations"] += 1
                rows[key] = [reference[key][0], compat, strict]
                expected = reference[key][0]
                doc = key.split("|")[1].split(":")[0]
                if compat["exit"] not in (0, 1, 4) or strict["exit"] not in (0, 1, 4):
                    bad.append(("CRASH", key, reference[key], compat, strict))
                elif verdict == expected:
                    counts["same"] += 1
                elif expected == "pass":
                    listed_all = explained(compat["ids"], always, along)
                    counts["always"] += listed_all
                    if not listed_all:
                        bad.append(("STRICTER", key, reference[key], compat, strict))
                elif key in tolerated or any(re.fullmatch(pattern, key) for pattern in tolerated):
                    counts["tolerated"] += 1
                else:
                    bad.append(("LOOSER", key, reference[key], compat, strict))
                if strict["exit"] == 0 and compat["exit"] != 0 and doc not in compat_only:
                    bad.append(("STRICT LOOSER THAN COMPAT", key, reference[key], compat, strict))
                counts["strict_only"] += strict["exit"] != 0 and compat["exit"] == 0
    if args.out:
        with open(args.out, "w") as fh:
            json.dump(rows, fh, indent=1)
    for what, key, ref, compat, strict in bad:
        print(f"{what}: {key}\n   reference: {ref}\n   compat: {compat}\n   strict: {strict}")
    print(json.dumps({**counts, "unexplained": len(bad)}))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
