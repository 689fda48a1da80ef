"""Requests and tokens a minute, and requests at once: of one key, at replicas that share them."""

import time

import asking
import machinery
from budget import odd
from stage import Stage

ASKED = 120
RPM, TPM, PARALLEL = 30, 1000, 5
TOKENS = 20


def run(trial):
    rows = []
    for database, replicas, redis in (("sqlite", 1, False), ("postgres", 2, False), ("postgres", 2, True)):
        with Stage(trial, database, replicas, redis=redis) as stage:
            rows += [per_minute(trial, stage), tokens(trial, stage), at_once(trial, stage)]
            if trial.long:
                rows.append(at_once_after_a_kill(trial, stage))
    trial.table("%d requests at once" % ASKED, ["database", "limit", "what clients saw", "allowed", "taken", "the first refusal", "afterwards"], rows)


def within_a_minute():
    """A minute that ends while they are asked would allow twice as many."""
    if (second := time.time() % 60) > 48:
        time.sleep(60.5 - second)


def refusal(answers):
    """What the first 429 says of when to come again, and of what is left."""
    headers = next((answer.headers for answer in answers if answer.status == 429), {})
    return ", ".join("%s: %s" % both for both in sorted(headers.items()) if both[0] == "retry-after" or both[0].startswith("x-ratelimit-"))


def per_minute(trial, stage):
    key, where = stage.owner.make(rpm_limit=RPM), "rpm_limit, " + stage.name()
    within_a_minute()
    answers = asking.at_once([stage.url], key, [asking.chat(tokens=1)] * ASKED)
    trial.expect(where, odd(answers, "rpm"))
    paid = sum(answer.paid for answer in answers)
    if not RPM * 0.9 <= paid <= RPM:
        trial.problem("%s: %d were allowed of %d" % (where, paid, RPM))
    told = refusal(answers)
    if "retry-after" not in told or "x-ratelimit-limit-requests" not in told:
        trial.problem("%s: a refusal's headers are %r" % (where, told))
    after = "-"
    if trial.long:
        wait = int(next(answer.headers["retry-after"] for answer in answers if answer.status == 429))
        time.sleep(wait + 1)
        again = asking.at_once([stage.url], key, [asking.chat(tokens=1)] * RPM)
        after = "after %d s: %s" % (wait, asking.counted(again))
        if sum(answer.paid for answer in again) < RPM * 0.9:
            trial.problem("%s: a minute later: %s" % (where, asking.counted(again)))
    return [stage.name(), "rpm_limit %d" % RPM, asking.counted(answers), str(RPM), str(paid), told, after]


def tokens(trial, stage):
    key, where = stage.owner.make(tpm_limit=TPM), "tpm_limit, " + stage.name()
    within_a_minute()
    answers = asking.at_once([stage.url], key, [asking.chat(tokens=TOKENS)] * ASKED)
    # What was kept back for those that ran is there for these, at the replica that has it.
    for url in stage.urls:
        answers += until_refused(url, key, asking.chat(tokens=TOKENS))
    trial.expect(where, odd(answers, "tpm"))
    taken = sum(sum(answer.tokens) for answer in answers if answer.paid)
    if not TPM * 0.8 <= taken <= TPM:
        trial.problem("%s: %d tokens were taken of %d" % (where, taken, TPM))
    return [stage.name(), "tpm_limit %d" % TPM, asking.counted(answers), "%d tokens" % TPM, "%d tokens" % taken, refusal(answers), "-"]


def until_refused(url, key, body):
    """One after the other: the answers, of which the last is no success. A limit that never ends is for who counts them."""
    answers = []
    while len(answers) < ASKED and (not answers or answers[-1].paid):
        answers += asking.at_once([url], key, [body])
    return answers


def at_once(trial, stage):
    key, where = stage.owner.make(max_parallel_requests=PARALLEL), "max_parallel_requests, " + stage.name()
    body = asking.chat(tokens=10, stream=True, delay_ms=50)
    stage.upstream.seen()
    answers = asking.at_once([stage.url], key, [body] * ASKED, hang_ups=range(0, ASKED, 2))
    trial.expect(where, odd(answers, "parallel"))
    taken = stage.upstream.seen()["most"]
    if taken > PARALLEL or not any(answer.paid or answer.left for answer in answers):
        trial.problem("%s: %d ran at once of %d" % (where, taken, PARALLEL))
    # All of them are over: their places are free, at each replica.
    rest = all_at_last(stage, key, asking.chat(tokens=1))
    if rest is None:
        trial.problem("%s: the places of requests that are over are not free again" % where)
    return [stage.name(), "max_parallel_requests %d" % PARALLEL, asking.counted(answers), str(PARALLEL), "%d at once" % taken, refusal(answers),
            "all places free after %s" % ("never" if rest is None else "%.2f s" % rest)]


def all_at_last(stage, key, body, within=10):
    """Seconds until as many as are allowed are answered at once."""
    began = time.monotonic()
    while time.monotonic() < began + within:
        if all(answer.paid for answer in asking.at_once(stage.urls, key, [{**body, "delay_ms": 30}] * PARALLEL)):
            return time.monotonic() - began
        time.sleep(0.05)
    return None


def at_once_after_a_kill(trial, stage):
    """A replica that is killed holds its places no longer than it takes to see that it is dead."""
    key, where = stage.owner.make(max_parallel_requests=PARALLEL), "max_parallel_requests after kill -9, " + stage.name()
    load = asking.Load(stage.urls[0], PARALLEL, lambda *_: key, lambda *_: asking.chat(tokens=1000, stream=True, delay_ms=50))
    machinery.until("all places are taken", lambda: asking.at_once([stage.urls[-1]], key, [asking.chat(tokens=1)])[0].status == 429)
    stage.replicas[0].kill()
    load.ends.set()
    load.stop()
    stage.replicas[0].start()
    rest = all_at_last(stage, key, asking.chat(tokens=1), within=180)
    if rest is None:
        trial.problem("%s: the places are not free within 3 minutes" % where)
    return [stage.name(), "the same, kill -9 in the middle", asking.counted(load.answers), str(PARALLEL), "-", "-",
            "all places free after %s" % ("never" if rest is None else "%.1f s" % rest)]
