#!/usr/bin/env python3
"""A script on scriptworker's published client library under `catena worker`; run by local.sh through server.py.

What scripts rely on (worker.md 11): one argument, their own configuration; `task.json` and its schema; directories that
agree; the environment; the credentials descriptor; the exit code. Called with one argument this file is the script.
"""
import json
import os
import pathlib
import sys
import tempfile

SCHEMA = {
    "type": "object",
    "required": ["payload"],
    "properties": {"payload": {"type": "object", "required": ["do"], "properties": {"do": {"enum": ["sign", "refuse"]}}}},
}


async def script(context):
    from scriptworker.constants import STATUSES
    from scriptworker.exceptions import ScriptWorkerTaskException

    config, task = context.config, context.task
    work, artifacts = pathlib.Path(config["work_dir"]), pathlib.Path(config["artifact_dir"])
    if task["payload"]["do"] == "refuse":
        raise ScriptWorkerTaskException("refused on purpose", exit_code=STATUSES["resource-unavailable"])
    (work / "scratch").mkdir()
    info = json.loads((work / "current_task_info.json").read_text())
    descriptor = int(os.environ["TASKCLUSTER_CREDENTIALS_FD"])
    credentials = json.loads(os.pread(descriptor, 1 << 20, 0))
    found = {
        "info": info,
        "environment": [os.environ["TASK_ID"], os.environ["RUN_ID"], os.environ["TASKCLUSTER_ROOT_URL"]],
        "permanent": sorted(name for name in os.environ if name.startswith("TASKCLUSTER_") and name not in ("TASKCLUSTER_ROOT_URL", "TASKCLUSTER_CREDENTIALS_FD")),
        "client": credentials["clientId"],
        "logs": (artifacts / "public" / "logs").is_dir(),
        "arguments": len(sys.argv),
    }
    (artifacts / "public" / "found.json").write_text(json.dumps(found))


def main():
    import taskcluster
    from taskcluster.utils import slugId

    from checks import Checks, definition
    from daemon import Daemon, content, resolved, wait

    check = Checks("sync_main")
    options = taskcluster.optionsFromEnvironment()
    queue = taskcluster.Queue(options)
    with tempfile.TemporaryDirectory() as directory:
        tmp = pathlib.Path(directory)
        daemon = Daemon(tmp / "worker", options, "sync-main", [], [os.environ["CATENA"], "worker"])
        (tmp / "schema.json").write_text(json.dumps(SCHEMA))
        own = {key: daemon.config[key] for key in ("work_dir", "artifact_dir")}
        (tmp / "script.json").write_text(json.dumps({**own, "schema_file": str(tmp / "schema.json"), "verbose": True}))
        daemon.configure(task_script=[sys.executable, __file__, str(tmp / "script.json")])
        with daemon:
            for payload, state, reason in (
                ({"do": "sign"}, "completed", "completed"),
                # the library raises it outside of what turns exceptions into exit codes
                ({"do": "nothing that the schema knows"}, "failed", "failed"),
                ({"do": "refuse"}, "exception", "resource-unavailable"),
            ):
                task = slugId()
                queue.createTask(task, definition(daemon.pool, payload=payload))
                status = wait(queue, task, resolved)
                if not check.equal(f"{payload}", (status["state"], status["runs"][-1].get("reasonResolved")), (state, reason)):
                    print(daemon.log()[-3000:])
                    continue
                if state == "completed":
                    found = json.loads(content(queue, task, 0, "public/found.json"))
                    check.equal("which task it is", found["info"], {"taskId": task, "runId": 0})
                    check.equal("its environment", found["environment"], [task, "0", options["rootUrl"]])
                    check.equal("no permanent credentials", found["permanent"], [])
                    check.true("credentials of the run", found["client"].startswith(f"task-client/{task}/0/"), found["client"])
                    check.equal("directory of logs, one argument", (found["logs"], found["arguments"]), (True, 2))
    return check.done()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        from scriptworker.client import sync_main

        sync_main(script)
    else:
        sys.exit(main())
