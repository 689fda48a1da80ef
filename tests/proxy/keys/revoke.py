"""A key that is changed through one replica is changed at the other: after how long."""

import time

import asking
from machinery import until
from owner import Owner, Refused
from stage import Stage, ready

TIMES, TIMES_IN_CI = 50, 5
MOST, MOST_WITHOUT_WORD = 2.0, 30.0  # seconds
CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"

# What is done to a key, and how it is answered from then on.
CHANGES = {
    "/key/block": (lambda key: {"key": key}, 401),
    "/key/delete": (lambda key: {"keys": [key]}, 401),
    "/key/update, its models": (lambda key: {"key": key, "models": ["other"]}, 403),
    "/key/update, its rpm_limit": (lambda key: {"key": key, "rpm_limit": 0}, 429),
    "/key/regenerate": (lambda key: {"key": key}, 401),
}


def run(trial):
    with Stage(trial, "postgres", 2) as stage:
        times = TIMES if trial.long else TIMES_IN_CI
        rows = [row(trial, stage, change, times) for change in CHANGES]
        rows += [row(trial, stage, "/key/block", max(times // 5, 2), cut=True), unblocked(trial, stage, times)]
        trial.table("Changed through one replica, until the other one does as told", ["", "times", "p50 ms", "p99 ms", "most ms"], rows)


def row(trial, stage, change, times, cut=False):
    fields, status = CHANGES[change]
    name = change + (", all connections cut just before" if cut else "")
    took = []
    for _ in range(times):
        key = stage.owner.make()
        stage.secrets.append(key)
        took.append(one(trial, stage, key, lambda owner: owner.post(change.partition(",")[0], **fields(key)), status, cut, name))
    return told(name, times, took)


def unblocked(trial, stage, times):
    took = []
    for _ in range(times):
        key = stage.owner.make()
        stage.owner.post("/key/block", key=key)
        took.append(one(trial, stage, key, lambda owner: owner.post("/key/unblock", key=key), 200, False, "/key/unblock", before=401))
    return told("/key/unblock", times, took)


def one(trial, stage, key, change, status, cut, name, before=200):
    """Seconds from the answer of the change until the other replica is asked for what it answers with `status`; a wrong key's answer waits."""
    there = asking.Caller(stage.urls[1], key)
    body = asking.chat(tokens=1)
    if before == 200:
        if (answer := there.ask(body)).status != before:
            raise SystemExit("keys: a new key is answered with %d %s" % (answer.status, answer.told))
    else:
        until("the other replica knows that it is blocked", lambda: there.ask(body).status == before)
    if cut:
        until("both replicas are connected", lambda: all(ready(replica) for replica in stage.replicas))
        stage.postgres.query(CUT)
    owner = Owner(stage.urls[0], stage.trial.master)
    if cut:
        # The first replica was cut off too.
        until("it is changed", lambda: is_done(lambda: change(owner)))
    else:
        change(owner)
    most = MOST_WITHOUT_WORD if cut else MOST
    done = time.monotonic()
    while (answer := there.ask(body)).status != status:
        if answer.status not in (before, status) or answer.status == 0:
            trial.problem("revoke, %s: the other replica answered %d %s" % (name, answer.status, answer.told[:300]))
            break
        if time.monotonic() > done + most:
            trial.problem("revoke, %s: the other replica still answers with %d after %d s" % (name, answer.status, most))
            break
    there.close()
    return max(answer.began - done, 0)


def is_done(change):
    try:
        change()
        return True
    except Refused as refused:
        if refused.status != 503:
            raise
        return False


def told(name, times, took):
    took = [seconds * 1000 for seconds in took]
    return [name, str(times), "%.1f" % asking.quantile(took, 0.5), "%.1f" % asking.quantile(took, 0.99), "%.1f" % max(took)]
