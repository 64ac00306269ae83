"""The task script of both workers of beside.py: does what `payload.steps` says, one after the other. Arguments: the work and
the artifact directory."""
import hashlib
import json
import os
import pathlib
import resource
import signal
import sys
import time

work, artifacts = map(pathlib.Path, sys.argv[1:])
out = sys.stdout.buffer


def bytes_of(what):
    """`{"text"}`, `{"hex"}`, or `{"size"}`: so many bytes that are always the same, and do not pack well."""
    if "size" in what:
        blocks = (hashlib.sha256(str(n).encode()).digest() for n in range(what["size"] // 32 + 1))
        return b"".join(blocks)[: what["size"]]
    return bytes.fromhex(what["hex"]) if "hex" in what else what["text"].encode()


def write(name, what):
    path = artifacts / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes_of(what))


def look():
    """What a script can see of its worker and its task."""
    write("public/task.json", {"hex": (work / "task.json").read_bytes().hex()})
    write("public/info.json", {"hex": (work / "current_task_info.json").read_bytes().hex()})
    seen = {
        "environment": sorted(os.environ),
        "run": [os.environ["TASK_ID"], os.environ["RUN_ID"]],
        "work": sorted(str(path.relative_to(work)) for path in work.rglob("*")),
        "artifacts": sorted(str(path.relative_to(artifacts)) for path in artifacts.rglob("*")),
        "directory": os.getcwd(),
        "leads its group": os.getpgrp() == os.getpid(),
        "leads its session": os.getsid(0) == os.getpid(),
        "descriptors": sorted(set(map(int, os.listdir("/proc/self/fd"))) - {0, 1, 2, int(os.environ["TASKCLUSTER_CREDENTIALS_FD"])})[1:],
        "credentials": sorted(json.loads(os.pread(int(os.environ["TASKCLUSTER_CREDENTIALS_FD"]), 1 << 16, 0))),
    }
    write("public/seen.json", {"text": json.dumps(seen, indent=1)})


def grandchild(seconds):
    """Leaves a process behind that holds the pipes."""
    if os.fork() == 0:
        time.sleep(seconds)
        os._exit(0)


def die(name):
    number = getattr(signal, name)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def link(target, name):
    (artifacts / name).parent.mkdir(parents=True, exist_ok=True)
    os.symlink(target, artifacts / name)


def say(what, times=1):
    out.write(bytes_of(what) * times)
    out.flush()


def complain(what):
    sys.stderr.buffer.write(bytes_of(what))
    sys.stderr.flush()


def mark():
    """Tells beside.py that the script runs."""
    (work.parent / f"runs-{os.environ['TASK_ID']}").touch()


STEPS = {
    "mark": mark,
    "say": say,
    "complain": complain,
    "file": write,
    "look": look,
    "directory": lambda name: (artifacts / name).mkdir(parents=True),
    "link": link,
    "mode": lambda name, mode: os.chmod(artifacts / name, mode),
    "wait": time.sleep,
    "stubborn": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "grandchild": grandchild,
    "die": die,
    "exit": sys.exit,
    "exit first": lambda status: sys.exit(status) if os.environ["RUN_ID"] == "0" else None,
}
for name, *arguments in json.loads((work / "task.json").read_text())["payload"]["steps"]:
    STEPS[name](*arguments)
