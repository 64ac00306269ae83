"""What catena and the published reference say to a task of a local deployment.

The reference is driven as `../reference.py` does it: unpatched, host names mapped to a TLS front before the local VCS hosts,
the front's authority trusted, configuration values set. It runs in a process of its own, because it reads some of that at
import: `verdicts.py QUESTION.json` prints its verdict.
"""
import asyncio
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


def artifact_rules(root_url):
    """Allows artifacts of the local deployment; the reference knows only the real ones."""
    netloc = root_url.split("//")[1]
    return [{"schemes": ["http"], "netlocs": [netloc], "path_regexes": [r"^/api/queue/v1/task/(?P<taskId>[^/]+)(/runs/\d+)?/artifacts/(?P<filepath>.*)$"]}]


def by_reference(front, config, options, task, task_type):
    """-> `pass`, or why not."""
    question = {
        "port": front.port,
        "ca": front.ca,
        "world": {
            "subject": {"task": task, "type": task_type, "root_url": options["rootUrl"]},
            "config": {**{name: value for name, value in config.items() if name != "x_cot"}, "valid_artifact_rules": artifact_rules(options["rootUrl"])},
            "credentials": options["credentials"],
            "check_task": True,
        },
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(question, file)
        file.flush()
        env = {name: value for name, value in os.environ.items() if not name.startswith("TASKCLUSTER_")}
        done = subprocess.run([sys.executable, __file__, file.name], env=env, capture_output=True, text=True, timeout=300)
    return done.stdout.strip() or f"exit {done.returncode}: {done.stderr[-500:]}"


def by_catena(config, task, task_type, product, *flags):
    """-> exit status and report of `catena verify` with the strict profile."""
    command = [os.environ["CATENA"], "verify", task, "--type", task_type, "--product", product, "--config", config, "--json", "--no-cache", *flags]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        return done.returncode, {"verdict": "none", "findings": [], "stderr": done.stderr[-500:]}


def main():
    import reference

    with open(sys.argv[1]) as fh:
        question = json.load(fh)
    reference.trust(question["ca"])
    reference.map_hosts(question["port"])
    logging.disable(logging.CRITICAL)
    # the reference compares with tuples
    world, work = frozen(question["world"]), tempfile.mkdtemp()
    try:
        asyncio.run(reference.verification(world, work))
    except Exception as why:
        print(f"{type(why).__name__}: {' '.join(str(why).split())[:500]}")
    else:
        print("pass")


def frozen(value):
    if isinstance(value, dict):
        return {name: frozen(member) for name, member in value.items()}
    return tuple(map(frozen, value)) if isinstance(value, list) else value


if __name__ == "__main__":
    main()
