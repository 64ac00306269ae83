"""Git, for the scripts that push a repository."""
import os
import subprocess


def git(where, *words):
    """-> status, stdout, stderr."""
    settings = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    people = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "A Developer"), ("EMAIL", "dev@example.org"))}
    done = subprocess.run(["git", *words], cwd=where, env={**os.environ, **settings, **people}, capture_output=True, text=True)
    return done.returncode, done.stdout.strip(), done.stderr.strip()
