"""kill -9 of a proxy under load, again and again: what was answered is paid once, and keys that were acknowledged are there."""

import sqlite3
import threading
import time

import asking
import books
from machinery import until
from owner import Refused
from stage import Stage

CLIENTS = 16
ROUNDS, ROUNDS_IN_CI = 20, 3
# Answers between one kill and the next.
ANSWERS = 150


def run(trial):
    rows = []
    for database, replicas in (("sqlite", 1), ("postgres", 2)):
        # Two proxies of one user on one machine share a folder.
        with Stage(trial, database, replicas, one_home=True) as stage:
            rows.append(killed(trial, stage, ROUNDS if trial.long else ROUNDS_IN_CI))
    trial.table("kill -9 under load of %d clients, half of them streams" % CLIENTS,
                ["database", "kills", "what clients saw", "answered whole", "in the logs", "answers cost", "logs", "spend", "keys made", "there", "ready again after"], rows)


class Keys(threading.Thread):
    """Makes keys and deletes every third one, and remembers what was acknowledged."""

    def __init__(self, owner):
        super().__init__()
        self.owner, self.made, self.gone, self.count, self.ends = owner, [], [], 0, threading.Event()
        self.start()

    def run(self):
        while not self.ends.wait(0.05):
            try:
                self.count += 1
                key = self.owner.make(metadata={"number": self.count})
                if self.count % 3 == 0:
                    self.owner.post("/key/delete", keys=[key])
                    self.gone.append(key)
                else:
                    self.made.append(key)
            except (OSError, Refused, ValueError):
                pass  # nothing was acknowledged
            except Exception as error:  # a connection that breaks in the middle
                if type(error).__module__ != "http.client":
                    raise

    def stop(self):
        self.ends.set()
        self.join()


def killed(trial, stage, rounds):
    where = "kill, " + stage.name()
    # Limits that are never reached: what they lend is to be found again.
    key = stage.owner.make(max_budget=1_000_000, rpm_limit=10_000_000, tpm_limit=100_000_000)
    stage.secrets.append(key)
    keys = Keys(stage.owner)
    load = asking.Load(stage.url, CLIENTS, lambda *_: key, lambda number, count: asking.chat(tokens=5, stream=(number + count) % 2 == 1, delay_ms=5))
    again = []
    for number in range(rounds):
        before = len(load.answers)
        until("%d answers after kill %d; the last: %s" % (ANSWERS, number, load.answers[-1:]), lambda: sum(answer.paid for answer in load.answers[before:]) >= ANSWERS)
        replica = stage.replicas[number % len(stage.replicas)]
        replica.kill()
        if stage.kind == "sqlite":
            trial.expect(where, intact(stage.sqlite()))
        began = time.monotonic()
        replica.start()
        again.append(time.monotonic() - began)
    keys.stop()
    answers = load.stop()
    # nginx tells of a proxy that is gone.
    odd = [answer for answer in answers if answer.status not in (0, 200, 502) or answer.status == 502 and "error" in answer.told[:10]]
    if odd:
        trial.problem("%s: %d odd answers, such as %d %s" % (where, len(odd), odd[0].status, odd[0].told[:300]))
    found = books.of(stage.owner, key, answers)
    trial.expect(where, found.wrong)
    lost = [made for made in keys.made if status(stage, made) != 200]
    alive = [gone for gone in keys.gone if status(stage, gone) == 200]
    if lost or alive:
        trial.problem("%s: of %d keys %d are lost, and of %d deleted ones %d are there" % (where, len(keys.made), len(lost), len(keys.gone), len(alive)))
    if stage.kind == "sqlite":
        trial.expect(where, intact(stage.sqlite()))
    whole = sum(answer.paid for answer in answers)
    return [stage.name(), str(rounds), asking.counted(answers), str(whole), str(found.entries), *found.cells(), str(len(keys.made)),
            str(len(keys.made) - len(lost)), "%.0f–%.0f ms" % (min(again) * 1000, max(again) * 1000)]


def status(stage, key):
    return stage.owner.ask("GET", "/key/info?key=" + key)[0]


def intact(path):
    """What is wrong with the file."""
    with sqlite3.connect(path) as database:
        told = database.execute("PRAGMA integrity_check").fetchall()
    database.close()
    return [] if told == [("ok",)] else ["PRAGMA integrity_check: %s" % told[:3]]
