# SPDX-License-Identifier: MPL-2.0
"""Times `catena generate` beside two processes of `openssl dgst -sha256` over the same files, in turns."""

import argparse
import base64
import json
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

TASK = {"dependencies": [], "scopes": [], "payload": {}, "taskGroupId": "YyxNNh7mTAmwDhB4Itm0jg", "workerType": "w"}
CLAIM = {"status": {"taskId": "YyxNNh7mTAmwDhB4Itm0jg"}, "runId": 0, "workerGroup": "g", "workerId": "i", "task": TASK}
GOAL_RATIO, GOAL_PEAK = 0.9, 32 * 1024 * 1024


def small(root):
    rng = random.Random(1)
    for index in range(10_000):
        path = root / "public" / f"d{index % 100:02}" / f"file-{index:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(rng.randint(100, 8_000)))


def large(root):
    block = random.Random(2).randbytes(1 << 20)
    (root / "public").mkdir(parents=True)
    for index in range(4):
        with (root / "public" / f"file-{index}").open("wb") as file:
            for at in range(512):
                file.write(at.to_bytes(4, "big") + block[4:])


def by_openssl(halves):
    """Both processes read their list of files from arguments, as xargs would give them."""
    started = time.perf_counter()
    running = [
        subprocess.Popen(["xargs", "-0", "openssl", "dgst", "-sha256"], stdin=half.open("rb"), stdout=subprocess.DEVNULL)
        for half in halves
    ]
    if any(process.wait() != 0 for process in running):
        sys.exit("openssl failed")
    return time.perf_counter() - started


def by_catena(catena, root, work):
    for name in ("chain-of-trust.json", "chain-of-trust.json.sig"):
        (root / "public" / name).unlink(missing_ok=True)
    command = [catena, "generate", root, "--claim", work / "claim.json", "--key", work / "key", "--quiet"]
    started = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"catena ended with {process.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss * 1024


def halves(root, work):
    """Splits the files so that both processes read as many bytes."""
    files = sorted((path.stat().st_size, str(path)) for path in root.rglob("*") if path.is_file())
    lists = [[], []]
    loads = [0, 0]
    for size, path in reversed(files):
        lighter = loads.index(min(loads))
        lists[lighter].append(path)
        loads[lighter] += size
    out = []
    for number, paths in enumerate(lists):
        path = work / f"half-{number}"
        path.write_bytes(b"\0".join(name.encode() for name in paths) + b"\0")
        out.append(path)
    return out, sum(loads), len(files)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catena", required=True)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    work = options.dir
    (work / "claim.json").write_text(json.dumps(CLAIM))
    (work / "key").write_text(base64.b64encode(bytes(range(32))).decode())
    (work / "key").chmod(0o600)
    missed = False
    print("| files | bytes | openssl, two processes | catena | throughput | peak |")
    print("|---:|---:|---:|---:|---:|---:|")
    for name, make in (("small", small), ("large", large)):
        root = work / name
        if not root.exists():
            make(root)
        lists, total, count = halves(root, work)
        by_openssl(lists)
        by_catena(options.catena, root, work)
        theirs, ours, peaks = [], [], []
        for _ in range(options.runs):
            theirs.append(by_openssl(lists))
            wall, peak = by_catena(options.catena, root, work)
            ours.append(wall)
            peaks.append(peak)
        for path in root.glob("public/chain-of-trust.json*"):
            path.unlink()
        ratio = statistics.median(theirs) / statistics.median(ours)
        peak = max(peaks)
        print(
            f"| {count:,} | {total / 1e6:,.0f} MB | {statistics.median(theirs):.3f} s | {statistics.median(ours):.3f} s "
            f"| {ratio:.2f} | {peak / 2**20:.1f} MB |"
        )
        if ratio < GOAL_RATIO or peak > GOAL_PEAK:
            missed = True
            print(f"missed: throughput {ratio:.2f} (goal {GOAL_RATIO}), peak {peak} (goal {GOAL_PEAK})", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
