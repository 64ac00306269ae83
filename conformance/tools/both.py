"""Runs a tool of the published package and ours of the same name with the same arguments, each in a directory of its own."""
import os
import pathlib
import subprocess
import sys

BIN = pathlib.Path(sys.executable).parent


def outside():
    """The environment without credentials and settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("TASKCLUSTER_", "SCRIPTWORKER_", "CATENA_")) and not name.lower().endswith("_proxy")}


def install(directory):
    """Links to catena under the old names."""
    subprocess.run([os.environ["CATENA"], "compat", "install", directory], check=True, stdout=subprocess.DEVNULL)
    return pathlib.Path(directory)


def catena(*arguments, status=0, stdin=None):
    """-> stdout of a command that must end with this status."""
    done = subprocess.run([os.environ["CATENA"], *map(str, arguments)], input=stdin, capture_output=True, env=outside())
    if done.returncode != status:
        raise SystemExit(f"catena {arguments}: {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout.decode()


def run(command, directory, **variables):
    done = subprocess.run(list(map(str, command)), cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=outside() | variables, timeout=300)
    return done
