"""A push of the demo's repository with a graph of one's own, and the tasks that its decision task makes."""
import pathlib
import re
import shutil
import time

import requests
import taskcluster

from daemon import HERE, resolved, wait
from repositories import git

TREE = HERE.parent.parent / "crates" / "catena-local" / "src" / "demo" / "tree"
GRAPH = TREE / "taskcluster" / "graph.yml"


def push(server, directory, graph, scopes):
    """Pushes the demo's tree with this graph, given as text; its decision task may use these scopes as well."""
    # before the push: its tasks have what the role of the repository has
    taskcluster.Auth(server.options).createRole("repo:github.com/demo/hello:*", {"description": "", "scopes": scopes})
    made = requests.post(f"{server.endpoints['https://api.github.com']}/orgs/demo/repos", json={"name": "hello", "default_branch": "main"}, headers={"Authorization": f"token {server.push_token}"})
    if made.status_code != 201:
        raise SystemExit(f"the repository was not created: {made.status_code} {made.text}")
    tree = pathlib.Path(directory, "tree")
    shutil.copytree(TREE, tree)
    (tree / "taskcluster.yml").rename(tree / ".taskcluster.yml")
    (tree / "taskcluster" / "graph.yml").write_text(graph)
    url = server.endpoints["https://github.com"].replace("http://", f"http://git:{server.push_token}@") + "/demo/hello"
    for words in (["init", "--quiet", "--initial-branch", "main"], ["add", "--all"], ["commit", "--quiet", "--message", "Release"], ["push", "--quiet", url, "HEAD:refs/heads/main"]):
        status, _, err = git(tree, *words)
        if status:
            raise SystemExit(f"git {words[0]}: {err}")


def of_the_push(server, queue, patience=120):
    """Waits until the decision task has created its tasks; returns their ids by name. The server's page lists the group."""
    late = time.monotonic() + patience
    while not (found := re.search(r"/groups/([\w-]{22})", requests.get(server.page).text)):
        if time.monotonic() > late:
            raise SystemExit(f"the push made no task within {patience} s")
        time.sleep(0.1)
    status = wait(queue, found[1], resolved, patience)
    if status["state"] != "completed":
        raise SystemExit(f"the decision task ended as {status}")
    return {member["task"]["metadata"]["name"]: member["status"]["taskId"] for member in queue.listTaskGroup(found[1])["tasks"]}
