"""200 parallel requests on a key whose budget is enough for 50, and then one after the other until it is used up."""

import asking
import books
from owner import text
from stage import Stage

ALLOWED, ASKED, TOKENS = 50, 200, 10


def run(trial):
    rows = []
    for database, replicas in (("sqlite", 1), ("postgres", 2)):
        with Stage(trial, database, replicas) as stage:
            for model in ["chat", "real"][:2 if trial.triton else 1]:
                rows.append(parallel(trial, stage, model, stream=False))
                if trial.long or model == "chat":
                    rows.append(parallel(trial, stage, model, stream=True))
    trial.table("%d requests at once, the budget is enough for %d" % (ASKED, ALLOWED),
                ["database", "model", "", "budget", "what clients saw", "then one by one", "paid", "answers cost", "logs", "spend", "left"], rows)


def parallel(trial, stage, model, stream):
    """Of streams, every other client hangs up after three chunks of ten."""
    more = {"delay_ms": 20} if stream else {"delay_ms": 2}
    body = asking.chat(model, TOKENS, stream, **more)
    one = asking.at_once([stage.url], stage.owner.make(), [body])[0]
    if not one.paid:
        raise SystemExit("keys: %s is not answered: %s" % (model, one))
    price = books.cost(one.tokens)
    budget = ALLOWED * price
    key = stage.owner.make(max_budget=budget / 10 ** 12)
    stage.secrets.append(key)
    where = "budget, %s, %s%s" % (stage.name(), model, ", streams" if stream else "")
    answers = asking.at_once([stage.url], key, [body] * ASKED, hang_ups=range(0, ASKED, 2) if stream else ())
    told = asking.counted(answers)
    trial.expect(where, books.of(stage.owner, key, answers, budget).wrong)
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
    found = books.of(stage.owner, key, everything, budget)
    trial.expect(where, found.wrong)
    trial.expect(where, odd(rest, "budget"))
    left, paid = budget - found.spend, sum(answer.paid for answer in everything)
    if paid > ALLOWED and not stream:
        trial.problem("%s: %d are paid" % (where, paid))
    # No request is worth more than half as much again when it is begun than when it is over.
    if left > 5 * price:
        trial.problem("%s: it is refused with %s of %s left" % (where, text(left), text(budget)))
    kind = "streams, half of them hung up" if stream else "answers"
    return [stage.name(), model, kind, text(budget), told, asking.counted(rest), str(paid), *found.cells(), text(left)]


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
