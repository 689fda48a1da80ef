"""200 parallel requests on a key whose budget is enough for 50, and then one after the other until it is used up."""

import threading
import time

import asking
import books
from machinery import until
from owner import exact, text
from stage import Stage

ALLOWED, ASKED, TOKENS = 50, 200, 10


def run(trial):
    rows = []
    for database, replicas in (("sqlite", 1), ("postgres", 2)):
        with Stage(trial, database, replicas) as stage:
            for model in ("by the answer", "chat", "real"):
                rows.append(parallel(trial, stage, model, stream=False))
                if trial.long or model == "chat":
                    rows.append(parallel(trial, stage, model, stream=True))
            team(trial, stage)
            if trial.long:
                after_a_kill(trial, stage)
                next_period(trial, stage)
    trial.table("%d requests at once, the budget is enough for %d" % (ASKED, ALLOWED),
                ["database", "model", "", "budget", "what clients saw", "then one by one", "paid", "answers cost", "logs", "spend", "left"], rows)


def parallel(trial, stage, model, stream):
    """Of streams, every other client hangs up after three chunks of ten."""
    more = {"delay_ms": 20} if stream else {"delay_ms": 2}
    body = asking.chat(model, TOKENS, stream, **more)
    one = asking.at_once([stage.url], stage.owner.make(), [body])[0]
    if not one.paid:
        raise SystemExit("keys: %s is not answered: %s" % (model, one))
    # What an answer costs is known when it is asked for, if it always has as many tokens; what the prompt costs is only bounded.
    free = model == "by the answer"
    price = books.cost(one.tokens, free)
    budget = ALLOWED * price
    key = stage.owner.make(max_budget=budget / 10 ** 12)
    stage.secrets.append(key)
    where = "budget, %s, %s%s" % (stage.name(), model, ", streams" if stream else "")
    answers = asking.at_once([stage.url], key, [body] * ASKED, hang_ups=range(0, ASKED, 2) if stream else ())
    told = asking.counted(answers)
    trial.expect(where, books.of(stage.owner, key, answers, budget, free).wrong)
    trial.expect(where, odd(answers, "budget"))

    # What was kept back for requests that were still running is there again.
    rest = []
    for _ in range(ALLOWED + 5):
        rest.append(asking.at_once(stage.urls, key, [body])[0])
        if rest[-1].status == 429:
            # The other replica may have what this one has not.
            rest += asking.at_once(list(reversed(stage.urls)), key, [body])
            if rest[-1].status == 429:
                break
    else:
        trial.problem("%s: the budget is never used up" % where)
    everything = answers + rest
    found = books.of(stage.owner, key, everything, budget, free)
    trial.expect(where, found.wrong)
    trial.expect(where, odd(rest, "budget"))
    left, paid = budget - found.spend, sum(answer.paid for answer in everything)
    if paid > ALLOWED and not stream or paid < ALLOWED and not stream and free:
        trial.problem("%s: %d are paid" % (where, paid))
    # No request is worth more than half as much again when it is begun than when it is over.
    if left > 5 * price:
        trial.problem("%s: it is refused with %s of %s left" % (where, text(left), text(budget)))
    kind = "streams, half of them hung up" if stream else "answers"
    return [stage.name(), model, kind, text(budget), told, asking.counted(rest), str(paid), *found.cells(), text(left)]


def team(trial, stage):
    """Two keys of a team, of which each has its replica where there are two, and one budget."""
    body, where = asking.chat(tokens=TOKENS, delay_ms=2), "a team's budget, " + stage.name()
    price = books.cost(asking.at_once([stage.url], stage.owner.make(), [body])[0].tokens)
    made = stage.owner.post("/team/new", team_alias=where, max_budget=ALLOWED * price / 10 ** 12)["team_id"]
    keys = [stage.owner.make(team_id=made) for _ in range(2)]
    answers = {key: [] for key in keys}

    def storm(number):
        answers[keys[number]] = asking.at_once([stage.urls[number % len(stage.urls)]], keys[number], [body] * (ASKED // 2))

    threads = [threading.Thread(target=storm, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [books.of(stage.owner, key, answers[key]) for key in keys]
    for one in found:
        trial.expect(where, one.wrong)
    spend = exact(stage.owner.get("/team/info", team_id=made)["team_info"]["spend"])
    paid = sum(answer.paid for some in answers.values() for answer in some)
    if paid > ALLOWED or spend != sum(one.spend for one in found):
        trial.problem("%s: %d are paid, its keys spent %s and it %s" % (where, paid, text(sum(one.spend for one in found)), text(spend)))
    trial.say("%s: of %d requests with two keys %d were paid, %s" % (where, ASKED, paid, text(spend)))


def after_a_kill(trial, stage):
    """What a replica that is killed kept back is not lost for the key."""
    body, where = asking.chat("by the answer", TOKENS), "a budget after kill -9, " + stage.name()
    price = books.cost((0, TOKENS))
    key = stage.owner.make(max_budget=ALLOWED * price / 10 ** 12)
    dying = []
    thread = threading.Thread(target=lambda: dying.extend(asking.at_once(stage.urls[:1], key, [{**body, "delay_ms": 5000}] * (ALLOWED - 5))))
    thread.start()
    until("the requests are under way", lambda: stage.upstream.seen()["now"] >= ALLOWED - 10)
    stage.replicas[0].kill()
    thread.join()
    stage.replicas[0].start()
    began, answers = time.monotonic(), list(dying)
    while sum(answer.paid for answer in answers) < ALLOWED and time.monotonic() < began + 180:
        answers += asking.at_once(stage.urls, key, [body] * len(stage.urls))
        if answers[-1].status == 429:
            time.sleep(0.2)
    took, paid = time.monotonic() - began, sum(answer.paid for answer in answers)
    trial.expect(where, books.of(stage.owner, key, answers, ALLOWED * price, True).wrong)
    if paid != ALLOWED:
        trial.problem("%s: 3 minutes later %d of %d could be paid" % (where, paid, ALLOWED))
    trial.say("%s: %s died; all %d of the budget could be used %.1f s after the start" % (where, asking.counted(dying), paid, took))


def next_period(trial, stage):
    """A budget for each few seconds begins anew."""
    body, where = asking.chat("by the answer", TOKENS), "budget_duration, " + stage.name()
    price = books.cost((0, TOKENS))
    key = stage.owner.make(max_budget=3 * price / 10 ** 12, budget_duration="4s")
    periods = []
    for _ in range(3):
        answers = []
        while not answers or answers[-1].status != 429:
            answers += asking.at_once(stage.urls, key, [body])
            if len(answers) > 20:
                break
        periods.append(asking.counted(answers))
        if not 3 <= sum(answer.paid for answer in answers) <= 6:  # a period may end meanwhile
            trial.problem("%s: in a period there were %s" % (where, asking.counted(answers)))
        wait = answers[-1].headers.get("retry-after")
        if wait is None or not 0 < int(wait) <= 4:
            trial.problem("%s: retry-after is %s" % (where, wait))
        time.sleep(4.2)
    trial.say("%s: %s" % (where, "; ".join(periods)))


def odd(answers, word):
    """Answers that are neither whole nor refused as they have to be."""
    wrong = []
    for answer in answers:
        if answer.status == 429:
            if word not in answer.told.lower():
                wrong.append("a 429 does not speak of its %s: %s" % (word, answer.told[:300]))
        elif not (answer.paid or answer.left):
            wrong.append("%s %s" % (answer.status, answer.told[:300]))
    return wrong[:3]
