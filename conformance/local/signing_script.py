"""The task script of the signing worker of taskgraph_chain.py: stands for signing by adding a digest to each upstream
artifact, which the worker has verified and downloaded before. Arguments: the work and the artifact directory."""
import hashlib
import json
import pathlib
import sys

work, artifacts = map(pathlib.Path, sys.argv[1:])
for upstream in json.loads((work / "task.json").read_text())["payload"]["upstreamArtifacts"]:
    for path in upstream["paths"]:
        body, out = (work / "cot" / upstream["taskId"] / path).read_bytes(), artifacts / path
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(body)
        out.with_name(out.name + ".asc").write_text(hashlib.sha256(body).hexdigest())
        print("signed", path)
