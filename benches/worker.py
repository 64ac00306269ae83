#!/usr/bin/env python3
"""What a worker adds to a task, and how soon it asks for one: `catena worker` beside the published scriptworker.

    worker.py [--tasks N] [--starts N] [--json]

Both run the same script, `/bin/sh -c 'echo x > …'`, on tasks that wait in the same queue, `catena local up`, one after
the other, signing on and verification off. The queue knows when a run was claimed and when it was resolved; the script
notes how long it ran itself; the rest is the worker's. Requests are counted by a proxy in a run of their own, so that it
costs nobody time.

- overhead: from the claim to the report, less the script's own time; median.
- start: from the start of the process to its first request for work, at the proxy; median.

It ends with 1 if a goal is missed: 30 ms per task, ten times less than scriptworker, 100 ms to the first claim.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "conformance" / "local"))

import taskcluster
from taskcluster.utils import slugId

from checks import definition
from daemon import Daemon, content, resolved, wait
from proxy import Proxy

SCRIPT = "begun=$(date +%s%N); echo x > {artifacts}/public/x.txt; echo took $(( $(date +%s%N) - begun ))"


def daemon(tmp, options, name, command, **config):
    artifacts = tmp / name / "artifacts"
    script = ["/bin/sh", "-c", SCRIPT.format(artifacts=artifacts)]
    return Daemon(tmp / name, options, name, [], command, **{"task_script": script, "reclaim_interval": 300, "verbose": False, **config})


def milliseconds(run):
    moment = lambda name: datetime.datetime.fromisoformat(run[name].replace("Z", "+00:00"))
    return (moment("resolved") - moment("started")).total_seconds() * 1000


def script_time(queue, task):
    text = content(queue, task, 0, "public/logs/live_backing.log").decode()
    (line,) = [line for line in text.splitlines() if line.startswith("took ")]
    return int(line.split()[1]) / 1e6


def overhead(tmp, options, name, command, tasks):
    """Milliseconds per task beyond the script's own."""
    queue = taskcluster.Queue(options)
    worker = daemon(tmp, options, name, command)
    ids = [slugId() for _ in range(tasks)]
    for task in ids:
        queue.createTask(task, definition(worker.pool, payload={}))
    with worker:
        found = []
        for task in ids:
            status = wait(queue, task, resolved, patience=300)
            if status["state"] != "completed":
                raise SystemExit(f"{name}: {status}\n{worker.log()[-3000:]}")
            found.append(milliseconds(status["runs"][0]) - script_time(queue, task))
        worker.stop()
    # the first one warms up
    return found[1:]


def starts(tmp, options, name, command, times):
    """Milliseconds from a start to the first request for work."""
    found = []
    for number in range(times + 1):
        with Proxy(options["rootUrl"]) as proxy:
            worker = daemon(tmp, options, f"{name}-start-{number}", command, taskcluster_root_url=proxy.url)
            begun = time.monotonic()
            with worker:
                while "claim" not in proxy.first:
                    if time.monotonic() > begun + 60:
                        raise SystemExit(f"{name} asks for no work\n{worker.log()[-3000:]}")
                    time.sleep(0.001)
                found.append((proxy.first["claim"] - begun) * 1000)
    return found[1:]


def requests(tmp, options, name, command):
    """Requests for one task, from its claim to its report."""
    queue = taskcluster.Queue(options)
    with Proxy(options["rootUrl"]) as proxy:
        worker = daemon(tmp, options, f"{name}-requests", command, taskcluster_root_url=proxy.url)
        task = slugId()
        queue.createTask(task, definition(worker.pool, payload={}))
        with worker:
            wait(queue, task, resolved)
        return sum(count for call, count in proxy.calls.items() if call != "claim")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--tasks", type=int, default=30)
    ap.add_argument("--starts", type=int, default=5)
    ap.add_argument("--json", action="store_true")
    args = ap.parse_args()
    options = taskcluster.optionsFromEnvironment()
    workers = {"catena": [os.environ["CATENA"], "worker"], "scriptworker": None}
    rows = {}
    with tempfile.TemporaryDirectory() as directory:
        for name, command in workers.items():
            tmp = pathlib.Path(directory) / name
            tmp.mkdir()
            times = sorted(overhead(tmp, dict(options), f"bench-{name}", command, args.tasks))
            rows[name] = {
                "overhead_ms": round(statistics.median(times), 1),
                "overhead_p90_ms": round(times[len(times) * 9 // 10], 1),
                "start_ms": round(statistics.median(starts(tmp, dict(options), f"bench-{name}", command, args.starts)), 1),
                "requests": requests(tmp, dict(options), f"bench-{name}", command),
            }
    if args.json:
        print(json.dumps(rows))
    print("| worker | overhead, median | p90 | start to first claim | requests |")
    print("|---|---:|---:|---:|---:|")
    for name, row in rows.items():
        print(f"| {name} | {row['overhead_ms']} ms | {row['overhead_p90_ms']} ms | {row['start_ms']} ms | {row['requests']} |")
    ratio = rows["scriptworker"]["overhead_ms"] / rows["catena"]["overhead_ms"]
    print(f"\n{ratio:.1f} times less overhead")
    missed = [what for what, good in (("30 ms per task", rows["catena"]["overhead_ms"] <= 30), ("ten times less", ratio >= 10), ("100 ms to the first claim", rows["catena"]["start_ms"] < 100)) if not good]
    for what in missed:
        print(f"MISSED: {what}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
