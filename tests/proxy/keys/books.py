"""Whether the books are right: what clients were answered, what the logs say, and what the key is said to have spent."""

import time
from collections import Counter
from dataclasses import dataclass

from owner import exact, text
from stage import PRICES

SETTLES = 45  # seconds; what is spent comes into the database in batches


def cost(tokens, free_prompt=False):
    tokens = (0, tokens[1]) if free_prompt else tokens
    return sum(count * exact(price) for count, price in zip(tokens, PRICES))


@dataclass
class Books:
    spend: int  # as /key/info says
    logged: int  # the sum of /spend/logs
    entries: int
    answered: int  # what whole answers cost
    wrong: list  # in words

    def cells(self):
        return [text(self.answered), text(self.logged), text(self.spend)]


def of(owner, key, answers, budget=None, free_prompt=False):
    """The books of a key once they agree, or after a while as they then are."""
    give_up = time.monotonic() + SETTLES
    while True:
        # The spend is read on both sides of the logs: what comes in between is no mistake.
        before = owner.spend(key)
        logs = owner.logs(key)
        books = compared(before, owner.spend(key), logs, answers, budget, free_prompt)
        if not books.wrong or time.monotonic() > give_up:
            return books
        time.sleep(0.2)


def compared(before, spend, logs, answers, budget, free_prompt):
    wrong = [] if before == spend else ["the spend does not come to rest"]
    counts = Counter(entry["request_id"] for entry in logs)
    entries = {entry["request_id"]: entry for entry in logs}
    twice = [call for call, count in counts.items() if count > 1]
    if twice:
        wrong.append("%d requests are in the logs more than once, such as %s" % (len(twice), twice[0]))
    paid = [answer for answer in answers if answer.paid]
    lost = [answer.call for answer in paid if answer.call not in entries]
    if lost:
        wrong.append("%d of %d answered requests are not in the logs, such as %s" % (len(lost), len(paid), lost[0]))
    for answer in paid:
        entry = entries.get(answer.call)
        if entry and exact(entry["spend"]) != cost(answer.tokens, free_prompt):
            wrong.append("%s cost %s by its answer, and %s in the logs" % (answer.call, text(cost(answer.tokens, free_prompt)), text(exact(entry["spend"]))))
            break
    answered, logged = sum(cost(answer.tokens, free_prompt) for answer in paid), sum(exact(entry["spend"]) for entry in logs)
    if logged != spend:
        wrong.append("the logs add up to %s, and /key/info says %s" % (text(logged), text(spend)))
    if answered > logged:
        wrong.append("answers cost %s, and the logs add up to %s" % (text(answered), text(logged)))
    # Nothing but what was given up costs something without a whole answer.
    if answered < logged and not any(answer.left or answer.status == 0 or answer.status == 200 and not answer.whole for answer in answers):
        wrong.append("all answers were whole and cost %s, and the logs add up to %s" % (text(answered), text(logged)))
    if budget is not None and spend > budget:
        wrong.append("spent %s of a budget of %s" % (text(spend), text(budget)))
    return Books(spend, logged, len(logs), answered, wrong)
