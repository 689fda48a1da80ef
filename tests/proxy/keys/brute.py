"""Thousands of wrong keys: each is refused and waits for it, so that the database is asked at a pace, once for one key; valid keys are served meanwhile."""

import secrets
import threading
import time

import asking
from stage import Stage

GUESSES, GUESSES_IN_CI, CLIENTS = 2000, 256, 64


def run(trial):
    guesses = GUESSES if trial.long else GUESSES_IN_CI
    rows = []
    for database in ("sqlite", "postgres"):
        with Stage(trial, database, postgres=("log_statement=all",)) as stage:
            rows += guessed(trial, stage, guesses)
    trial.table("%d wrong keys from %d clients" % (guesses, CLIENTS), ["database", "", "what clients saw", "in", "p50 ms", "p99 ms", "statements of the database"], rows)


def guessed(trial, stage, guesses):
    key, where = stage.owner.make(), "brute, " + stage.name()
    body = asking.chat(tokens=1)
    alone = [asking.at_once([stage.url], key, [body])[0].seconds for _ in range(50)]
    before = statements(stage)
    valid = asking.Load(stage.url, 2, lambda *_: key, lambda *_: body, pause=0.01)
    answers, began = [], time.monotonic()

    def client():
        caller = asking.Caller(stage.url, "")
        for _ in range(guesses // CLIENTS):
            caller.key = "sk-" + secrets.token_urlsafe(24)
            answers.append(caller.ask(body))
        caller.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    served = valid.stop()
    asked = statements(stage) - before
    odd = [answer for answer in answers if answer.status not in (401, 429)]
    if odd:
        trial.problem("%s: %d wrong keys were answered with %d %s" % (where, len(odd), odd[0].status, odd[0].told[:300]))
    if not any(answer.status == 401 for answer in answers):
        trial.problem("%s: no wrong key was answered with 401" % where)
    if asked > len(answers) + 10:
        trial.problem("%s: the database was asked %d times for %d wrong keys" % (where, asked, len(answers)))
    # Those that come together may all ask; what they hear holds for the next ones.
    wrong = "sk-the-same-" + secrets.token_hex(8)
    asking.at_once([stage.url], wrong, [body] * CLIENTS)
    before = statements(stage)
    same = asking.at_once([stage.url], wrong, [body] * CLIENTS)
    if same_asked := statements(stage) - before:
        trial.problem("%s: the database was asked %d times more for a wrong key that is known" % (where, same_asked))
    if refused := [answer for answer in served if not answer.paid]:
        trial.problem("%s: %d of %d requests with a valid key failed meanwhile: %d %s" % (where, len(refused), len(served), refused[0].status, refused[0].told[:300]))
    rate = len(answers) / seconds
    if rate > 2 * CLIENTS:
        trial.problem("%s: %d wrong keys a second are taken: they are not slowed" % (where, rate))
    row = lambda what, some, told, more="-": [stage.name(), what, told, "%.1f s" % seconds if some is not alone else "-", "%.1f" % (asking.quantile(some, 0.5) * 1000),
                                              "%.1f" % (asking.quantile(some, 0.99) * 1000), more]
    return [
        row("a valid key alone", alone, "50 × 200"),
        row("a valid key meanwhile", [answer.seconds for answer in served], asking.counted(served)),
        row("wrong keys", [answer.seconds for answer in answers], asking.counted(answers), str(asked) if stage.postgres else "-"),
        row("one of them again, %d times at once" % CLIENTS, [answer.seconds for answer in same], asking.counted(same), str(same_asked) if stage.postgres else "-"),
    ]


def statements(stage):
    """How often PostgreSQL was asked for a key."""
    if not stage.postgres:
        return 0
    return sum("FROM keys" in line for line in stage.postgres.log().splitlines())
