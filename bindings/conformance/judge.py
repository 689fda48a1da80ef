"""Whether what came out of a case is what it expects."""

import math

# How soon a server notices that its client has gone.
SOON = 5.0


def faults(expect, outcome, seen, hung_up_within):
    """All that is wrong with an outcome, in words. `seen`: what arrived at the server."""
    found = []
    if "answer" in expect:
        differ(expect["answer"], outcome.get("answer"), "answer", found)
    if "rows" in expect:
        rows(expect["rows"], outcome.get("rows"), found)
    if "info" in expect:
        differ(expect["info"], outcome.get("info"), "info", found)
    if "chunks" in expect:
        chunks(expect["chunks"], outcome.get("chunks"), found)
    if "error" in expect:
        error(expect["error"], outcome.get("error"), found)
    elif "error" in outcome:
        found.append("an error: %s" % outcome["error"])
    if "posts" in expect:
        if len(seen.posts) != len(expect["posts"]):
            found.append("%d requests arrived, not %d" % (len(seen.posts), len(expect["posts"])))
        for at, (wanted, got) in enumerate(zip(expect["posts"], seen.posts)):
            differ(wanted, got, "request %d" % at, found)
    if expect.get("hung_up") and not hung_up_within(SOON):
        found.append("the server was not told: the connection is still open")
    return found


def differ(wanted, got, place, found):
    """What of `wanted` is not in `got`: objects may have more fields, lists must be as long."""
    if isinstance(wanted, dict):
        if not isinstance(got, dict):
            return found.append("%s: expected an object, got %s" % (place, short(got)))
        for key, value in wanted.items():
            differ(value, got.get(key), "%s.%s" % (place, key), found)
    elif isinstance(wanted, list):
        if not isinstance(got, list) or len(got) != len(wanted):
            return found.append("%s: expected %d elements, got %s" % (place, len(wanted), short(got)))
        for at, (one, other) in enumerate(zip(wanted, got)):
            differ(one, other, "%s[%d]" % (place, at), found)
    elif isinstance(wanted, bool) or isinstance(got, bool) or not same(wanted, got):
        if wanted is not got:
            found.append("%s: expected %s, got %s" % (place, short(wanted), short(got)))


def same(wanted, got):
    """Equal; numbers as 32-bit floats are."""
    if isinstance(wanted, float) and isinstance(got, (int, float)):
        return math.isclose(wanted, got, rel_tol=1e-6)
    return wanted == got


def short(value):
    text = repr(value)
    return text if len(text) < 120 else text[:120] + "…"


def rows(wanted, got, found):
    differ([[float(x) for x in row] for row in wanted], got, "rows", found)


def chunks(wanted, got, found):
    """The chunks' text together, and what else is told of them."""
    if got is None:
        return found.append("no chunks")
    choices = [choice for chunk in got for choice in chunk.get("choices", [])]
    text = "".join(c.get("text") or (c.get("delta") or {}).get("content") or "" for c in choices)
    if text != wanted["text"]:
        found.append("text: expected %s, got %s" % (short(wanted["text"]), short(text)))
    if "count" in wanted and len(got) != wanted["count"]:
        found.append("%d chunks, not %d" % (len(got), wanted["count"]))
    reasons = [c["finish_reason"] for c in choices if c.get("finish_reason")]
    if "finish_reason" in wanted and reasons != [wanted["finish_reason"]]:
        found.append("finish reasons: %s" % reasons)
    if "object" in wanted and {chunk.get("object") for chunk in got} != {wanted["object"]}:
        found.append("objects: %s" % {chunk.get("object") for chunk in got})
    if wanted.get("usage") and not (got[-1].get("usage") and not got[-1].get("choices")):
        found.append("the last chunk has no usage, or choices: %s" % short(got[-1]))
    if "tool" in wanted:
        functions = [call["function"] for c in choices for call in (c.get("delta") or {}).get("tool_calls") or []]
        parts = ["".join(f.get(key) or "" for f in functions) for key in ("name", "arguments")]
        if parts != wanted["tool"]:
            found.append("the tool's call: %s" % parts)
    if len({chunk.get("id") for chunk in got}) > 1:
        found.append("chunks of one answer have several ids")


def error(wanted, got, found):
    if got is None:
        return found.append("no error")
    for key in ("kind", "status", "param", "retry_after"):
        if key in wanted and not same(wanted[key], got.get(key)):
            found.append("the error's %s: expected %s, got %s" % (key, short(wanted[key]), short(got)))
    message = got.get("message") or ""
    if not message:
        found.append("the error has no message")
    if wanted.get("message", "") not in message:
        found.append("the error's message: %s" % short(message))
    if wanted.get("message_without", "\0") in message or "secret-key-9" in message:
        found.append("the error's message has what it must not have: %s" % short(message))
