"""The conformance driver: asks what it is told through the package, and prints what came as JSON lines.

    driver conformance CASES.json BASE     each case of the file, the ordinary way and in an event loop
    driver calls KIND REQUEST_JSON COUNT   chat | rows | stream | cancel | async, one after the other, with what they cost
"""

import asyncio
import gc
import json
import resource
import signal
import sys
import threading
import time

import mishikallm
from mishikallm import exceptions

# The first that fits: the native type tells the kind, and nothing else does.
KINDS = [
    ((KeyboardInterrupt, asyncio.CancelledError, exceptions.RequestCancelledError), "cancelled"),
    (exceptions.ClientClosedError, "closed"),
    (exceptions.AuthenticationError, "authentication"),
    (exceptions.PermissionDeniedError, "permission_denied"),
    (exceptions.NotFoundError, "not_found"),
    (exceptions.Timeout, "timeout"),
    (exceptions.RequestTooLargeError, "too_large"),
    (exceptions.UnprocessableEntityError, "unprocessable"),
    (exceptions.RateLimitError, "rate_limit"),
    (exceptions.APIConnectionError, "connection"),
    (exceptions.BadGatewayError, "bad_gateway"),
    (exceptions.ServiceUnavailableError, "service_unavailable"),
    (exceptions.InternalServerError, "internal_server"),
    (exceptions.BadRequestError, "bad_request"),
]
FAILURES = (exceptions.APIError, KeyboardInterrupt, asyncio.CancelledError)


def told(error):
    """An error as the judge reads it."""
    kind = next(name for kinds, name in KINDS if isinstance(error, kinds))
    tells = {"kind": kind, "message": str(error) or type(error).__name__}
    for theirs, ours in (("status", "status_code"), ("param", "param"), ("code", "code"), ("retry_after", "retry_after"),
                         ("c_status", "status")):
        tells[theirs] = getattr(error, ours, None)
    return tells


def filled(value, base):
    """A case's value with its {base}."""
    if isinstance(value, str):
        return value.replace("{base}", base)
    if isinstance(value, dict):
        return {key: filled(item, base) for key, item in value.items()}
    return [filled(item, base) for item in value] if isinstance(value, list) else value


def rows_as_json(rows):
    return {"rows": rows.tolist(), "info": {"model": rows.model, "usage": rows.usage.model_dump()}}


def sync_case(case, result):
    """On the main thread; a signal ends it as Ctrl-C would."""
    request = case["request"]
    client = mishikallm.Client(case["client"]) if case.get("client") is not None else mishikallm
    closer = None
    if "close_after_ms" in case:
        closer = threading.Timer(case["close_after_ms"] / 1000, client.close)
        closer.start()
    if "cancel_after_ms" in case:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, case["cancel_after_ms"] / 1000)
    try:
        call = case["call"]
        if call in ("stream", "text_stream"):
            chunks = result["chunks"] = []
            function = client.completion if call == "stream" else client.text_completion
            stream = function(**{**request, "stream": True})
            for chunk in stream:
                chunks.append(chunk.model_dump())
                if len(chunks) == case.get("cancel_after_chunks"):
                    stream.close()
                if len(chunks) == case.get("leave_after_chunks"):
                    break
            del stream
        elif call == "rows":
            result.update(rows_as_json(client.embedding(**request, as_rows=True)))
        elif call == "invoke":
            result["answer"] = client.invoke(case["operation"], request).model_dump()
        else:
            result["answer"] = getattr(client, call)(**request).model_dump()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if closer is not None:
            closer.cancel()
        if client is not mishikallm:
            client.close()


async def async_case(case, result):
    """A task of its own, which is cancelled as any task is."""
    request = case["request"]
    client = mishikallm.Client(case["client"]) if case.get("client") is not None else mishikallm
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if "close_after_ms" in case:
        loop.call_later(case["close_after_ms"] / 1000, client.close)
    if "cancel_after_ms" in case:
        loop.call_later(case["cancel_after_ms"] / 1000, task.cancel)
    try:
        call = case["call"]
        if call in ("stream", "text_stream"):
            chunks = result["chunks"] = []
            function = client.acompletion if call == "stream" else client.atext_completion
            stream = await function(**{**request, "stream": True})
            async for chunk in stream:
                chunks.append(chunk.model_dump())
                if len(chunks) == case.get("cancel_after_chunks"):
                    task.cancel()
                    await asyncio.sleep(0)
                if len(chunks) == case.get("leave_after_chunks"):
                    break
            del stream
        elif call == "rows":
            result.update(rows_as_json(await client.aembedding(**request, as_rows=True)))
        elif call == "invoke":
            result["answer"] = (await client.ainvoke(case["operation"], request)).model_dump()
        else:
            result["answer"] = (await getattr(client, "a" + call)(**request)).model_dump()
    finally:
        if client is not mishikallm:
            client.close()


def conformance(path, base):
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    ways = (("sync", sync_case), ("async", lambda case, result: asyncio.run(async_case(case, result))))
    for case in cases:
        for way, run in ways:
            here = "%s/%s/%s" % (base.rstrip("/"), way, case["name"])
            filled_in = {**case, "request": filled(case["request"], here), "client": filled(case.get("client"), here)}
            result = {"case": case["name"], "way": way}
            try:
                run(filled_in, result)
            except FAILURES as error:
                result["error"] = told(error)
            print(json.dumps(result), flush=True)


# What calls cost.

def chat(request):
    assert mishikallm.completion(**request).choices[0].message.content


def rows(request):
    array = mishikallm.embedding(**request, as_numpy=True)
    assert array.shape[0] >= 1 and array.shape[1] >= 1


def stream(request):
    last = None
    for chunk in mishikallm.completion(**request, stream=True):
        last = chunk
    assert last.choices[0].finish_reason


def cancel(request):
    with mishikallm.completion(**request, stream=True) as chunks:
        assert next(chunks).choices


async def chat_async(request):
    assert (await mishikallm.acompletion(**request)).choices[0].message.content


CALLS = {"chat": chat, "rows": rows, "stream": stream, "cancel": cancel}


def resident_kb():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


class Costs:
    """Time and memory of a loop, in tenths."""

    def __init__(self, kind, count):
        self.kind, self.count, self.rss = kind, count, []
        self.tenths = {count * tenth // 10 for tenth in range(1, 11)}
        self.began, self.used = time.perf_counter(), self.cpu()

    @staticmethod
    def cpu():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def after(self, number):
        if number in self.tenths:
            self.rss.append(resident_kb())

    def tell(self):
        wall, cpu = time.perf_counter() - self.began, self.cpu() - self.used
        print(json.dumps({"kind": self.kind, "calls": self.count, "wall_us": round(wall * 1e6), "cpu_us": round(cpu * 1e6),
                          "rss_kb": self.rss}), flush=True)


def calls(kind, request, count):
    call = CALLS[kind]
    call(request)
    costs = Costs(kind, count)
    for number in range(1, count + 1):
        call(request)
        costs.after(number)
    costs.tell()


async def calls_async(request, count):
    await chat_async(request)
    costs = Costs("async", count)
    for number in range(1, count + 1):
        await chat_async(request)
        costs.after(number)
    costs.tell()


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "conformance":
        conformance(*arguments[1:])
    elif len(arguments) == 4 and arguments[0] == "calls" and arguments[1] in (*CALLS, "async") and int(arguments[3]) > 0:
        kind, request, count = arguments[1], json.loads(arguments[2]), int(arguments[3])
        if kind == "async":
            asyncio.run(calls_async(request, count))
        else:
            calls(kind, request, count)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
