"""PostgreSQL stopped at once under load, and started again: what clients of two replicas saw."""

import threading
import time

import asking
import books
from machinery import until
from stage import Stage, ready

CLIENTS = 12
AWAY, AWAY_IN_CI, AROUND = 30, 5, 3


def run(trial):
    with Stage(trial, "postgres", 2) as stage:
        stopped(trial, stage, AWAY if trial.long else AWAY_IN_CI)


class Watch(threading.Thread):
    """Asks for something twice a second, and keeps what came."""

    def __init__(self, what):
        super().__init__()
        self.what, self.seen, self.ends = what, [], threading.Event()
        self.start()

    def run(self):
        while not self.ends.wait(0.5):
            at = time.monotonic()
            self.seen.append((at, self.what(), time.monotonic() - at))

    def stop(self):
        self.ends.set()
        self.join()


def stopped(trial, stage, seconds):
    plain = stage.owner.make()
    limited = stage.owner.make(max_budget=1_000_000, rpm_limit=10_000_000, tpm_limit=100_000_000, max_parallel_requests=1000)
    fresh = [stage.owner.make() for _ in range(2 * (seconds + 2 * AROUND) + 20)]
    stage.secrets += [plain, limited, *fresh]
    known = (plain, limited)
    # At both replicas.
    first = [asking.at_once([url], key, [asking.chat(tokens=1)])[0] for key in known for url in stage.urls]
    load = asking.Load(stage.url, CLIENTS, lambda number, _: known[number % 2], lambda number, count: asking.chat(tokens=5, stream=(number // 2 + count) % 2 == 1, delay_ms=5))
    numbers = iter(range(len(fresh)))
    watches = {
        "a key not seen yet": Watch(lambda: asking.at_once([stage.url], fresh[next(numbers)], [asking.chat(tokens=1)])[0].status),
        "a wrong key": Watch(lambda: asking.at_once([stage.url], "sk-wrong-%d" % time.monotonic_ns(), [asking.chat(tokens=1)])[0].status),
        "readiness": Watch(lambda: [said(replica) for replica in stage.replicas]),
        "/key/generate": Watch(lambda: stage.owner.ask("POST", "/key/generate", {})[0]),
    }
    began = time.monotonic()
    time.sleep(AROUND)
    stage.postgres.stop()
    away = time.monotonic()
    time.sleep(seconds)
    stage.postgres.start()
    back = time.monotonic()
    until("readiness says that the database is there again", lambda: all(ready(replica) for replica in stage.replicas))
    noticed = time.monotonic() - back
    time.sleep(AROUND)
    for watch in watches.values():
        watch.stop()
    answers = load.stop()

    rows = []
    for name, start, end in (("before", began, away), ("away", away, back), ("after", back, time.monotonic())):
        for key, whose in ((plain, "no limits"), (limited, "budget, rpm, tpm, parallel")):
            those = [answer for answer in answers if start <= answer.began < end and answer.key == key]
            spent = [answer.seconds * 1000 for answer in those]
            rows.append([name, "%.1f s" % (end - start), whose, asking.counted(those), "%.0f" % asking.quantile(spent, 0.5), "%.0f" % asking.quantile(spent, 0.99),
                         "%.0f" % max(spent, default=0)])
    trial.table("PostgreSQL stopped for %d s, %d clients; known keys" % (seconds, CLIENTS), ["", "for", "key with", "what clients saw", "p50 ms", "p99 ms", "most ms"], rows)
    rows = []
    for name, watch in watches.items():
        cells = [name]
        for start, end in ((began, away), (away, back), (back, time.monotonic())):
            seen = [(str(what), took) for at, what, took in watch.seen if start <= at < end]
            cells.append(", ".join("%d × %s" % (sum(one == what for one, _ in seen), what) for what in dict.fromkeys(one for one, _ in seen)))
            cells.append("%.0f" % (max((took for _, took in seen), default=0) * 1000))
        rows.append(cells)
    trial.table("Others meanwhile", ["", "before", "most ms", "away", "most ms", "after", "most ms"], rows)
    trial.say("away: readiness says that it is back %.1f s after PostgreSQL answers again" % noticed)

    where = "away"
    wrong = [answer for answer in answers if not answer.paid]
    if wrong:
        trial.problem("%s: %d of %d requests with known keys failed, such as %d %s, %.1f s after the stop"
                      % (where, len(wrong), len(answers), wrong[0].status, wrong[0].told[:300], wrong[0].began - away))
    meanwhile = {name: [what for at, what, took in watch.seen if away + 1 < at and at + took < back] for name, watch in watches.items()}
    if not any("Not connected" in str(what) for what in meanwhile["readiness"]):
        trial.problem("%s: readiness said %s" % (where, meanwhile["readiness"][-1:]))
    if set(meanwhile["a key not seen yet"]) - {503}:
        trial.problem("%s: keys that were not seen yet were answered with %s, not with 503" % (where, sorted(set(meanwhile["a key not seen yet"]))))
    if set(meanwhile["/key/generate"]) - {503}:
        trial.problem("%s: /key/generate was answered with %s, not with 503" % (where, sorted(set(meanwhile["/key/generate"]))))
    for key in known:
        trial.expect(where, books.of(stage.owner, key, [answer for answer in first + answers if answer.key == key]).wrong)


def said(replica):
    status, told = replica.readiness()
    return "%d %s" % (status, told.get("db") if isinstance(told, dict) else told)
