"""What the scriptworker of daemon.py runs, with its work and artifact directories as arguments: does what `payload.do` says."""
import json
import os
import pathlib
import sys
import time

work, artifacts = map(pathlib.Path, sys.argv[1:])
payload = json.loads((work / "task.json").read_text())["payload"]
print("building" if payload["do"] == "build" else "leaving", flush=True)
if payload["do"] == "exit":
    sys.exit(payload["status"])
if payload["do"] == "wait" or (payload["do"] == "once" and os.environ["RUN_ID"] == "0"):
    time.sleep(payload["seconds"])
if payload["do"] == "file":
    (artifacts / "public" / "file.bin").write_bytes(os.urandom(100_000))
if payload["do"] == "fill":
    with open(artifacts / "filled.bin", "wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError as why:
            print(why, flush=True)
if payload["do"] == "build":
    import taskcluster

    time.sleep(payload["seconds"])
    descriptor = int(os.environ["TASKCLUSTER_CREDENTIALS_FD"])
    credentials = json.loads(os.pread(descriptor, 1 << 16, 0))
    scopes = taskcluster.Auth({"rootUrl": os.environ["TASKCLUSTER_ROOT_URL"], "credentials": credentials}).currentScopes()["scopes"]
    # those of everybody are no news
    common = taskcluster.Auth({"rootUrl": os.environ["TASKCLUSTER_ROOT_URL"]}).currentScopes()["scopes"]
    out = artifacts / "public" / "build"
    out.mkdir(parents=True)
    (out / "target.txt").write_text(json.dumps({"scopes": sorted(set(scopes) - set(common))}))
    (out / "target.bin").write_bytes(bytes(range(256)) * 5000)
