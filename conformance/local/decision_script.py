"""The task script of the worker that runs decision tasks for taskgraph_chain.py: clones the repository and revision that the
task names, and runs the task's command there with the task's credentials. Arguments: where https://github.com is served,
the work directory, the artifact directory."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

github, work, artifacts = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
payload = json.loads((work / "task.json").read_text())["payload"]
prefix = next(name for name in payload["env"] if name.endswith("_HEAD_REPOSITORY")).removesuffix("_HEAD_REPOSITORY")
repository, revision = payload["env"][f"{prefix}_HEAD_REPOSITORY"], payload["env"][f"{prefix}_HEAD_REV"]
checkout = work / "checkout"
subprocess.run(["git", "clone", "--quiet", repository.replace("https://github.com", github), checkout], check=True)
subprocess.run(["git", "-C", checkout, "checkout", "--quiet", revision], check=True)

credentials = json.loads(os.pread(int(os.environ["TASKCLUSTER_CREDENTIALS_FD"]), 1 << 16, 0))
env = {
    **os.environ,
    **payload["env"],
    "TASKCLUSTER_CLIENT_ID": credentials["clientId"],
    "TASKCLUSTER_ACCESS_TOKEN": credentials["accessToken"],
    "TASKCLUSTER_CERTIFICATE": credentials["certificate"],
    "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
}
done = subprocess.run(payload["command"], cwd=checkout, env=env)
if done.returncode == 0:
    shutil.copytree(checkout / "artifacts", artifacts / "public", dirs_exist_ok=True)
sys.exit(done.returncode)
