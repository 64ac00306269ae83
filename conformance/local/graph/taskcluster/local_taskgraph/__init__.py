"""The payload of a signing task, which taskgraph leaves to projects."""
from taskgraph.transforms.task import payload_builder
from voluptuous import Required


def register(graph_config):
    pass


@payload_builder(
    "scriptworker-signing",
    schema={
        Required("max-run-time"): int,
        Required("signing-type"): str,
        Required("upstream-artifacts"): [{Required("taskId"): object, Required("taskType"): str, Required("paths"): [str], Required("formats"): [str]}],
    },
)
def build_signing(config, task, task_def):
    worker = task["worker"]
    task_def["payload"] = {"maxRunTime": worker["max-run-time"], "upstreamArtifacts": worker["upstream-artifacts"]}
    task_def["tags"]["worker-implementation"] = "scriptworker"
    task_def["scopes"].append("project:demo:signing:cert:" + worker["signing-type"])
