"""Clients: what they ask, how many at once, and what they saw."""

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

STORY = "Tell me a story about the sea."


@dataclass
class Answer:
    began: float
    seconds: float = 0.0
    status: int = 0  # 0: there was no answer
    call: str = ""  # x-mishikallm-call-id
    whole: bool = False  # it came to its end
    tokens: tuple = (0, 0)  # of the prompt, and of the answer; of a stream that was hung up, those that came
    told: str = ""  # what was wrong
    left: bool = False  # we hung up
    headers: dict = field(default_factory=dict)
    key: str = field(default="", repr=False)

    @property
    def paid(self):
        return self.status == 200 and self.whole


def chat(model="chat", tokens=10, stream=False, **more):
    asked = {"model": model, "messages": [{"role": "user", "content": STORY}], "max_tokens": tokens, "ignore_eos": True, **more}
    return {**asked, "stream": True, "stream_options": {"include_usage": True}} if stream else asked


class Caller:
    """A client with one connection, kept open."""

    def __init__(self, url, key):
        self.key = key
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=90)

    def close(self):
        self.connection.close()

    def ask(self, body, path="/v1/chat/completions", hang_up_after=None):
        """`hang_up_after`: so many chunks of a stream with text in them."""
        answer = Answer(time.monotonic(), key=self.key)
        try:
            self.connection.request("POST", path, json.dumps(body), {"content-type": "application/json", "authorization": "Bearer " + self.key})
            reply = self.connection.getresponse()
            answer.status, answer.headers = reply.status, {name.lower(): value for name, value in reply.headers.items()}
            answer.call = answer.headers.get("x-mishikallm-call-id", "")
            if reply.status == 200 and body.get("stream"):
                self.read_stream(reply, answer, hang_up_after)
            else:
                self.read(reply, answer)
        except (OSError, http.client.HTTPException) as error:
            answer.told = repr(error)
            self.connection.close()
        answer.seconds = time.monotonic() - answer.began
        return answer

    @staticmethod
    def read(reply, answer):
        text = reply.read().decode()
        if reply.status != 200:
            answer.told = text
            return
        usage = json.loads(text).get("usage", {})
        answer.tokens, answer.whole = (usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)), True

    def read_stream(self, reply, answer, hang_up_after):
        texts = 0
        for line in reply:
            line = line.strip()
            if line == b"data: [DONE]":
                answer.whole = True
                reply.read()
                return
            if not line.startswith(b"data: "):
                continue
            chunk = json.loads(line[6:])
            if "error" in chunk:
                answer.told = json.dumps(chunk["error"])
            elif usage := chunk.get("usage"):
                answer.tokens = usage["prompt_tokens"], usage["completion_tokens"]
            elif chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                texts += 1
                answer.tokens = 0, texts
                if texts == hang_up_after:
                    answer.left = True
                    self.connection.close()
                    reply.close()
                    return


def at_once(urls, key, bodies, hang_ups=()):
    """All of them in parallel, each from a client that is connected already, in turn to the addresses; the answers, in their order."""
    answers, ready = [None] * len(bodies), threading.Barrier(len(bodies))

    def one(number):
        caller = Caller(urls[number % len(urls)], key)
        caller.connection.connect()
        ready.wait()
        answers[number] = caller.ask(bodies[number], hang_up_after=3 if number in hang_ups else None)
        caller.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class Load:
    """Clients that ask one after the other until they are told to stop. `key` gives each request its key, `body` its body."""

    def __init__(self, url, clients, key, body, pause=0.0):
        self.url, self.key, self.body, self.pause = url, key, body, pause
        self.answers, self.ends = [], threading.Event()
        self.threads = [threading.Thread(target=self.client, args=(number,)) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def client(self, number):
        caller, count = Caller(self.url, ""), 0
        while not self.ends.is_set():
            caller.key = self.key(number, count)
            answer = caller.ask(self.body(number, count))
            self.answers.append(answer)  # one list for all: appending is atomic
            count += 1
            # Who cannot connect does not try a thousand times a second.
            self.ends.wait(0.02 if answer.status == 0 else self.pause)
        caller.close()

    def stop(self):
        self.ends.set()
        for thread in self.threads:
            thread.join()
        return self.answers


def quantile(seconds, part):
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def counted(answers):
    """What they were, in words: `50 × 200, 150 × 429`."""
    counts = Counter("hung up" if answer.left else answer.status if answer.status != 200 or answer.whole else "not whole" for answer in answers)
    return ", ".join("%d × %s" % (count, "no answer" if status == 0 else status) for status, count in sorted(counts.items(), key=str))
