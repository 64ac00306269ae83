#!/usr/bin/env python3
"""Turns the lab's measurements (bench.py --out) into a table of ratios; see side-by-side.sh.

    figures.py MEASURED.json --runs N [--write]      --write: benches/side-by-side.json and the README's block as well
"""
import argparse
import json
import os
import platform
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
README = os.path.join(HERE, "..", "README.md")
NAMES = {"s1": "S1: GitHub push, 1 build", "s2": "S2: hg push, 20 builds, 5,000 tasks", "s3": "S3: 100 builds, 30,000 tasks", "s2:latency=50": "S5: S2, 50 ms per answer"}
# the least ratio of wall time, and the most memory
GOALS = {"s1": (20, None), "s2": (10, None), "s3": (8, 96), "s2:latency=50": (6, None)}
COMMAND = "benches/side-by-side.sh LAB"


def cpu():
    with open("/proc/cpuinfo") as fh:
        return (re.search(r"^model name\s*: (.*)$", fh.read(), re.M) or [None, "unknown"])[1]


def compare(rows):
    """-> one entry per scenario, in the order measured."""
    out = []
    for scenario in dict.fromkeys(r["scenario"] for r in rows):
        tools = {r["tool"]: r for r in rows if r["scenario"] == scenario}
        for name, row in tools.items():
            if row["rc"] != [0]:
                raise SystemExit(f"{scenario}: {name} ended with {row['rc']}: not a measurement")
        ref, own = tools["reference"], tools["catena"]
        entry = {"scenario": scenario, "wall_ratio": round(ref["wall_s"] / own["wall_s"], 1), "memory_ratio": round(ref["peak_rss_mb"] / own["peak_rss_mb"], 1)}
        for key in ("wall_s", "user_s", "peak_rss_mb", "requests", "connections", "in_flight", "MB", "wall_all"):
            entry[key] = {"reference": ref[key], "catena": own[key]}
        out.append(entry)
    return out


def table(entries):
    lines = [
        "| scenario | wall, reference | wall, catena | faster | goal | peak, reference | peak, catena | less memory | requests, reference | requests, catena |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for e in entries:
        faster, memory = GOALS.get(e["scenario"], (None, None))
        goal = ", ".join([f"≥ {faster}×"] * (faster is not None) + [f"≤ {memory} MB"] * (memory is not None))
        wall, peak, requests = e["wall_s"], e["peak_rss_mb"], e["requests"]
        lines.append(
            f"| {NAMES.get(e['scenario'], e['scenario'])} | {wall['reference']:.2f} s | {wall['catena']:.3f} s | **{e['wall_ratio']:.1f}×** | {goal} "
            f"| {peak['reference']:.0f} MB | {peak['catena']:.0f} MB | {e['memory_ratio']:.1f}× | {requests['reference']:.0f} | {requests['catena']:.0f} |"
        )
    return "\n".join(lines)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("measured")
    ap.add_argument("--runs", type=int, required=True)
    ap.add_argument("--write", action="store_true")
    args = ap.parse_args()
    with open(args.measured) as fh:
        measured = json.load(fh)
    entries = compare(measured["rows"])
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True).stdout.strip()
    text = (
        f"{table(entries)}\n\nWhole processes, medians of {args.runs} runs in turns after a warm-up, {measured['date']}, commit {commit}, {os.cpu_count()} cores; the reference is scriptworker 63.6.1.\n"
        f"Both make the same checks (`--no-check-task`). One request per task is for its status, which the reference does not read. Command: `{COMMAND}`."
    )
    print("\n" + text)
    if not args.write:
        return 0
    with open(README) as fh:
        readme = fh.read()
    new, count = re.subn(r"(<!-- figures:start -->\n).*?(<!-- figures:end -->)", lambda m: f"{m[1]}\n{text}\n\n{m[2]}", readme, flags=re.S)
    if count != 1:
        raise SystemExit("README.md needs one block from <!-- figures:start --> to <!-- figures:end -->")
    with open(README, "w") as fh:
        fh.write(new)
    about = {"command": COMMAND, "date": measured["date"], "commit": commit, "runs": args.runs, "cores": os.cpu_count(), "cpu": cpu(), "system": platform.release(), "reference": "scriptworker 63.6.1"}
    with open(os.path.join(HERE, "side-by-side.json"), "w") as fh:
        json.dump({**about, "scenarios": entries}, fh, indent=1)
        fh.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
