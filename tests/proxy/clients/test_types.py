"""Every kind of answer that the library's test asks for (tests/triton/sdk/checks.py), through the proxy: each text is held to OpenAI's types."""

import json
import os
import sys

import httpx2

import checks
import strict


class Transport(httpx2.BaseTransport):
    """HTTP as it is, with the JSON texts that went through kept. A template, which no request to the proxy may set, is a part of the model's name."""

    def __init__(self):
        self.http, self.texts = httpx2.HTTPTransport(), []

    def handle_request(self, request):
        url = request.url.copy_with(host=PROXY.host, port=PROXY.port)
        content, headers = request.read(), dict(request.headers)
        if b'"chat_template"' in content:
            asked = json.loads(content)
            asked["model"] = asked["model"].replace("triton", asked.pop("chat_template"), 1)
            content = json.dumps(asked).encode()
            headers["content-length"] = str(len(content))
        answer = self.http.handle_request(httpx2.Request(request.method, url, headers=headers, content=content))
        body = answer.read().decode()
        if answer.headers["content-type"].startswith("text/event-stream"):
            texts = [event.removeprefix("data: ") for event in body.split("\n\n") if event]
            assert texts.pop() == "[DONE]", body
            self.texts += texts
        else:
            self.texts.append(body)
        headers = {"content-type": answer.headers["content-type"]}
        return httpx2.Response(answer.status_code, headers=headers, content=body.encode())


class Checks(checks.Checks):
    MODELS, ERROR = strict.HttpModels, strict.HttpError

    def __init__(self):
        super().__init__(Transport())
        self.client.api_key = os.environ["PROXY_KEY"]


PROXY = httpx2.URL(os.environ["PROXY"])
problems = []
for name, texts in Checks().run(lambda name, error: problems.append("%s: %r" % (name, error))):
    for kind, text in texts:
        try:
            strict.read(kind, text)
        except strict.Wrong as wrong:
            problems.append("%s: %s" % (name, wrong))
    print("%s: %d × %s" % (name, len(texts), ", ".join(sorted({kind.__name__ for kind, _ in texts}))))
sys.exit("\n\n".join(problems) or None)
