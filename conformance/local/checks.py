"""Lines for people, and whether all were as expected; what the scripts of the Python clients have in common."""
import datetime
import json


class Checks:
    """Counts what was checked. A script that checked nothing has failed."""

    def __init__(self, part):
        self.part, self.lines, self.bad = part, 0, 0

    def true(self, what, good, found=""):
        self.lines += 1
        if not good:
            self.bad += 1
            print(f"WRONG  {what}: found {found!r}", flush=True)
        return bool(good)

    def equal(self, what, found, expected):
        return self.true(f"{what}: expected {expected!r}", found == expected, found)

    def refused(self, what, status, code, call, *args, **kwargs):
        """The call must be refused, with the real service's body."""
        try:
            answer = call(*args, **kwargs)
        except Exception as why:  # the client's own exceptions carry status and body; any other is a wrong answer
            found = (getattr(why, "status_code", None), getattr(why, "body", None) or {})
            if found[0] is None:
                return self.true(f"{what}: expected {status} {code}", False, why)
            self.equal(what, (found[0], found[1].get("code")), (status, code))
            whole = isinstance(found[1].get("message"), str) and {"method", "params", "payload", "time"} <= set(found[1].get("requestInfo", {}))
            return self.true(f"{what}: message and requestInfo", whole, found[1])
        return self.true(f"{what}: expected {status} {code}", False, answer)

    def done(self):
        print(json.dumps({"part": self.part, "checks": self.lines, "unexpected": self.bad}), flush=True)
        return 1 if self.bad or not self.lines else 0


def ahead(seconds):
    """A time from now, as the services write times."""
    time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"


def definition(pool="local/pool", **changes):
    """A task that any queue takes."""
    return {
        "taskQueueId": pool,
        "schedulerId": "conformance",
        "created": ahead(0),
        "deadline": ahead(3600),
        "expires": ahead(7200),
        "payload": {"command": ["true"]},
        "metadata": {"name": "task", "description": "of the conformance run", "owner": "nobody@example.com", "source": "https://example.com/source"},
        **changes,
    }
