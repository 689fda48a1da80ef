"""With --detailed_debug and all that can go wrong: no key, password or prompt in logs, metrics, error answers or the database's files."""

import os
import re
import secrets
import subprocess
import time

import asking
from machinery import until
from owner import Owner
from stage import Stage, ready

PROMPT = "the-prompt-that-nobody-else-may-read"
TEXT = "word word"  # what the server behind answers
KEYS = {
    "plain": {}, "blocked": {}, "expired": {"duration": "1s"}, "poor": {"max_budget": 0.000001}, "slow": {"rpm_limit": 1}, "narrow": {"models": ["other"]},
    "named": {"key_alias": "named", "metadata": {"owner": "us"}}, "gone": {},
}


def run(trial):
    rows = []
    for database, replicas in (("sqlite", 1), ("postgres", 2)):
        with Stage(trial, database, replicas, ("--detailed_debug",)) as stage:
            rows.append(everything(trial, stage))
    trial.table("Searched for secrets, after all was done with --detailed_debug", ["database", "secrets", "answers", "their bytes", "the logs' bytes", "files", "found"], rows)


class Asker:
    """Keeps what it was answered."""

    def __init__(self, stage):
        self.stage, self.seen = stage, []

    def __call__(self, method, path, body=None, key=None, has_it_back=False):
        """`has_it_back`: the asker put a secret where it does not belong, and may be told so in its own words."""
        status, told = Owner(self.stage.url, key or self.stage.trial.master).ask(method, path, body)
        if not has_it_back:
            self.seen.append((method, re.sub(r"sk-[\w-]+", "KEY", path), status, str(told)))
        return status


def everything(trial, stage):
    asked, owner = Asker(stage), stage.owner
    made = {name: owner.make(**fields) for name, fields in KEYS.items()}
    made["of one's own"] = "sk-of-my-own-" + secrets.token_hex(8)
    owner.make(key=made["of one's own"])
    wrong = "sk-wrong-" + secrets.token_hex(12)
    owner.post("/key/block", key=made["blocked"])
    owner.post("/key/delete", keys=[made["gone"]])
    time.sleep(1.1)  # one of them expires

    body = {**asking.chat(tokens=2), "messages": [{"role": "user", "content": PROMPT}]}
    for key in (*made.values(), wrong, trial.master):
        for more in ({}, {"stream": True}, {"model": "nope"}, {"max_tokens": "many"}, {"messages": PROMPT}, {"api_base": "http://127.0.0.1:9"}):
            asked("POST", "/v1/chat/completions", {**body, **more}, key)
        asked("POST", "/v1/chat/completions", "{" + PROMPT, key)
        asked("POST", "/v1/embeddings", {"model": "chat", "input": PROMPT}, key)
        asked("GET", "/v1/models", key=key)
        asked("GET", "/key/info", key=key)
        # In queries and bodies, and where they do not belong.
        asked("GET", "/key/info?key=" + key)
        asked("GET", "/spend/logs?api_key=" + key)
        asked("GET", "/key/list?key_alias=" + key)
        asked("POST", "/key/update", {"key": key, "max_budget": "much"})
        for misplaced in ({"duration": key}, {"metadata": key}, {key: key}):
            asked("POST", "/key/generate", misplaced, has_it_back=True)
        asked("GET", "/key/info?kye=" + key, has_it_back=True)
        asked("POST", "/key/" + key, {}, has_it_back=True)
        asked("GET", "/" + key, has_it_back=True)
    made["new"] = owner.post("/key/regenerate", key=made["named"])["key"]
    asked("POST", "/v1/chat/completions", body, made["new"])
    for path in ("/key/list", "/spend/keys", "/global/spend", "/spend/logs", "/health", "/health/readiness", "/openapi.json", "/metrics"):
        asked("GET", path)
    if stage.postgres:
        while_away(stage, asked, body, (made["plain"], made["slow"], wrong))
    for replica in stage.replicas:
        replica.end()

    hidden = {"the master key": trial.master, "a wrong key": wrong, "the prompt": PROMPT, **{"the key %s" % name: key for name, key in made.items()}}
    if stage.postgres:
        hidden["the database's password"] = stage.postgres.first_password
    found = list(dict.fromkeys([*in_logs(stage, hidden), *in_answers(asked.seen, hidden), *in_files(stage, hidden)]))
    trial.expect("secrets, " + stage.name(), found[:20])
    return [stage.name(), str(len(hidden)), str(len(asked.seen)), str(sum(len(told) for *_, told in asked.seen)), str(sum(len(replica.log()) for replica in stage.replicas)),
            str(len(list(stage.files()))), str(len(found))]


def while_away(stage, asked, body, keys):
    """The database ends, and then it lets the proxies in no more."""
    stage.postgres.stop()
    for key in keys:
        asked("POST", "/v1/chat/completions", body, key)
    asked("POST", "/key/generate", {})
    asked("GET", "/health/readiness")
    stage.postgres.start()
    until("the proxies are connected again", lambda: all(ready(replica) for replica in stage.replicas))
    stage.postgres.change_password()
    asked("POST", "/key/generate", {})
    until("the proxies see that they are not let in", lambda: not any(ready(replica) for replica in stage.replicas))
    asked("GET", "/health/readiness")


def in_logs(stage, hidden):
    for replica in stage.replicas:
        log = replica.log()
        for name, secret in [*hidden.items(), ("a model's answer", TEXT)]:
            if secret in log:
                yield "%s in a log: %s" % (name, line_with(log, secret))
        if "panicked" in log:
            yield "a panic: " + line_with(log, "panicked")


def line_with(log, secret):
    line = next(line for line in log.splitlines() if secret in line)
    return line[:400].replace(secret, "<HERE>")


def in_answers(seen, hidden):
    """Keys that are made are in the answer that makes them, and those are not among these."""
    for method, path, status, told in seen:
        for name, secret in hidden.items():
            if secret in told:
                yield "%s in the answer %d of %s %s: %s" % (name, status, method, path, told[:300].replace(secret, "<HERE>"))


def in_files(stage, hidden):
    """Of the proxies, and of PostgreSQL."""
    paths = [path for path in stage.files() if os.path.basename(path) not in ("config.yaml", "log")]
    if stage.postgres:
        stage.postgres.stop()
        paths += [os.path.join(stage.postgres.data, folder) for folder in ("base", "pg_wal")]
    for name, secret in hidden.items():
        told = subprocess.run(["grep", "-rlF", "-e", secret, *paths], stdout=subprocess.PIPE, text=True).stdout.splitlines()
        yield from ("%s in the file %s" % (name, os.path.basename(path)) for path in told)
