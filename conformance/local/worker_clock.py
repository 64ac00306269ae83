#!/usr/bin/env python3
"""`catena worker` on a machine whose clock is wrong, and jumps in the middle of a task; run by local.sh through server.py.

Debian's libfaketime gives the worker another wall clock; the monotonic clock stays, as on a machine
whose time is set. What must hold: claims are kept and renewed, signatures of requests are taken, tasks complete.
"""
import glob
import os
import pathlib
import sys
import tempfile

import taskcluster
from taskcluster.utils import slugId

from checks import Checks, definition
from daemon import Daemon, resolved, wait

HERE = pathlib.Path(__file__).resolve().parent
check = Checks("catena worker and clocks")


def library():
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        raise SystemExit("this needs Debian's package faketime")
    return found[0]


def main():
    options = taskcluster.optionsFromEnvironment()
    queue = taskcluster.Queue(options)
    with tempfile.TemporaryDirectory() as directory:
        tmp = pathlib.Path(directory)
        clock = tmp / "clock"

        def set_clock(offset):
            # whole or not at all: it is read at every look at the clock
            (tmp / "next").write_text(offset + "\n")
            os.replace(tmp / "next", clock)

        # in front of the worker only: the test keeps its own time
        fake = ["env", f"LD_PRELOAD={library()}", f"FAKETIME_TIMESTAMP_FILE={clock}", "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"]
        for start, jump in (("+0", "+2h"), ("+0", "-2h"), ("+30d", "+0"), ("-30d", "+30d")):
            what = f"clock {start}, then {jump}"
            set_clock(start)
            name = f"clock-{slugId().lower().strip('-_')[:8]}"
            with Daemon(tmp / name, options, name, [HERE / "task_script.py"], [*fake, os.environ["CATENA"], "worker"], x_cot={"strip_env": ["LD_PRELOAD"]}) as daemon:
                task = slugId()
                queue.createTask(task, definition(daemon.pool, payload={"do": "wait", "seconds": 6}))
                # the worker has read the answer: a jump between that and its Date would be another's
                wait(queue, task, lambda status: "Going to run" in daemon.log())
                set_clock(jump)
                runs = wait(queue, task, resolved)["runs"]
                if not check.equal(what, [(run["state"], run["reasonResolved"]) for run in runs], [("completed", "completed")]):
                    print(daemon.log()[-3000:])
                log = daemon.log()
                check.true(f"{what}: it was reclaimed after the jump", log.count("Reclaim task response") >= 3, log.count("Reclaim task response"))
                check.true(f"{what}: the log tells of the clock", "the clock of this machine" in log)
                second = slugId()
                queue.createTask(second, definition(daemon.pool, payload={"do": "exit", "status": 0}))
                check.equal(f"{what}: the next task", wait(queue, second, resolved)["state"], "completed")
                check.equal(f"{what}: its end", daemon.stop(), 0)
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
