#!/usr/bin/env python3
"""Many short tasks, four at once, in one `catena worker`: what it needs must not grow; run by local.sh through server.py.

    worker_soak.py [--tasks N]

After a tenth of the tasks, at least 100, and after all of them the worker is idle and is looked at: resident memory
(within 5 %), descriptors, threads, child processes, and every file below its directories.
"""
import argparse
import os
import pathlib
import sys
import tempfile
import time

import taskcluster
from taskcluster.utils import slugId

from checks import Checks, definition
from daemon import Daemon

CAPACITY = 4
check = Checks("catena worker over time")


def look(daemon):
    """The worker, when it has nothing to do."""
    process = pathlib.Path("/proc") / str(daemon.child.pid)
    descriptors, looked = [], True
    try:
        for path in (process / "fd").iterdir():
            try:
                descriptors.append(os.readlink(path).split(":")[0])
            except OSError:
                pass
    except PermissionError:
        print("*** NOT TESTED: descriptors: only root may look into a worker ***", flush=True)
        looked = False
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    tasks = process / "task"
    children = "".join((tasks / thread / "children").read_text() for thread in os.listdir(tasks))
    return {
        "looked": looked,
        "resident": int(status["VmRSS"].split()[0]),
        "threads": int(status["Threads"]),
        "descriptors": sorted(name for name in descriptors if name != "socket"),
        "sockets": descriptors.count("socket"),
        "children": children.split(),
        "files": sorted(str(path.relative_to(daemon.directory)) for path in daemon.directory.rglob("*")),
    }


def work(queue, daemon, count):
    """Creates tasks, a few ahead of the worker, until all are completed."""
    tasks, waiting = [], []
    late = time.monotonic() + 60 + count
    while len(tasks) < count or waiting:
        while len(waiting) < 3 * CAPACITY and len(tasks) < count:
            task = slugId()
            queue.createTask(task, definition(daemon.pool, payload={}))
            tasks.append(task)
            waiting.append(task)
        states = {task: queue.status(task)["status"]["state"] for task in waiting}
        waiting = [task for task in waiting if states[task] in ("pending", "running")]
        wrong = {task: state for task, state in states.items() if state not in ("pending", "running", "completed")}
        check.equal("tasks that did not complete", wrong, {})
        if wrong or time.monotonic() > late:
            check.true("all in time", not waiting, waiting)
            print(daemon.log()[-3000:])
            return
        time.sleep(0.05)


def settle(daemon):
    """Until nothing of the last tasks is under way."""
    late = time.monotonic() + 60
    found = look(daemon)
    while time.monotonic() < late:
        # threads that wait for work end after ten seconds, connections after a while
        time.sleep(12)
        before, found = found, look(daemon)
        if before == found:
            break
    return found


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--tasks", type=int, default=200)
    args = ap.parse_args()
    options = taskcluster.optionsFromEnvironment()
    queue = taskcluster.Queue(options)
    # before that, memory is still being found for the first time
    first = max(args.tasks // 10, 100)
    with tempfile.TemporaryDirectory() as directory:
        base = pathlib.Path(directory) / "worker"
        script = f"echo $TASK_ID; head -c 100000 /dev/zero > {base}/{{slot}}/artifacts/public/zeros.bin"
        daemon = Daemon(
            base,
            options,
            "soak",
            [],
            [os.environ["CATENA"], "worker"],
            task_script=["/bin/sh", "-c", script],
            work_dir=f"{base}/{{slot}}/work",
            artifact_dir=f"{base}/{{slot}}/artifacts",
            task_log_dir=f"{base}/{{slot}}/artifacts/public/logs",
            x_cot={"capacity": CAPACITY},
            verbose=False,
        )
        # as docs/worker.md recommends: else glibc keeps freed memory for every thread, and finds it slowly
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")
        with daemon:
            work(queue, daemon, first)
            early = settle(daemon)
            begun = time.monotonic()
            work(queue, daemon, args.tasks - first)
            seconds = time.monotonic() - begun
            late = settle(daemon)
            check.equal("it ends well", daemon.stop(), 0)
    growth = late["resident"] / early["resident"] - 1
    print(f"{args.tasks} tasks, {(args.tasks - first) / seconds:.1f}/s; resident {early['resident']} kB, then {late['resident']} kB ({growth:+.1%}); threads {early['threads']}, {late['threads']}; sockets {early['sockets']}, {late['sockets']}", flush=True)
    check.true("resident memory stays within 5 %", abs(growth) <= 0.05, f"{growth:+.1%}")
    looked = early["looked"] and late["looked"]
    for what in ("descriptors", "files") if looked else ("files",):
        check.equal(f"{what} stay the same", late[what], early[what])
    check.equal("no child is left", late["children"], [])
    check.true("threads do not grow", late["threads"] <= early["threads"] + 2, (early["threads"], late["threads"]))
    # one connection for each slot that waits for work, and some that are kept for a while
    if looked:
        check.true("sockets do not grow", late["sockets"] <= max(early["sockets"] + 2, 2 * CAPACITY + 4), (early["sockets"], late["sockets"]))
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
