"""The calls as a user of LiteLLM makes them.   usage: peer_litellm.py KIND REQUEST_JSON COUNT"""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # without it the import asks the network

import litellm  # noqa: E402
import measure  # noqa: E402


def chat(request):
    def call():
        answer = litellm.completion(**request)
        assert answer.choices[0].message.content.startswith("The quick brown fox"), answer

    return call


def stream(request):
    tokens = int(request["model"].partition("/s")[2])

    def call():
        chunks = litellm.completion(stream=True, **request)
        count = sum((chunk.choices[0].delta.content or "").startswith("token") for chunk in chunks)
        assert count == tokens, count

    return call


def rows(request):
    def call():
        answer = litellm.embedding(**request)
        assert len(answer.data) == len(request["input"]), answer

    return call


measure.main({"chat": chat, "stream": stream, "rows": rows})
