"""What the words of each vector's `expect` say, as code. Each function is called with what makes the call."""

import openai
from openai import OpenAI

PREFIX = "A.openai_sdk."
EXPECTED = {}


def expected(function):
    """Of the vector of its name."""
    EXPECTED[function.__name__] = function
    return function


def is_usage(usage):
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    assert all(type(count) is int and count >= 0 for count in counts), usage
    assert counts[0] + counts[1] == counts[2], usage


def is_hello(answer):
    assert isinstance(answer, openai.types.chat.ChatCompletion), answer
    assert answer.model == "llm" and len(answer.choices) == 1, answer
    assert answer.choices[0].message.content == "Hello there", answer
    assert answer.choices[0].finish_reason == "stop", answer
    is_usage(answer.usage)


def is_streamed(chunks):
    assert [chunk.choices[0].delta.content for chunk in chunks[:3]] == ["Hel", "lo ", "there"], chunks
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, "stop"], chunks
    assert not chunks[3].choices[0].delta.content, chunks
    assert {chunk.model for chunk in chunks} == {"llm"} and len({chunk.id for chunk in chunks}) == 1, chunks


def raised(call, kind, status=None, type=None, words=""):
    try:
        call()
    except kind as error:
        assert status is None or error.status_code == status, (error.status_code, error.body)
        assert type is None or error.type == type, error.body
        assert words in error.message, error.message
        return error
    raise AssertionError("no %s" % kind.__name__)


def streamed_until(call, texts, kind, words=""):
    """The texts of the chunks, then the error."""
    got = []

    def read():
        for chunk in call():
            got.append(chunk.choices[0].delta.content)

    raised(read, kind, words=words)
    assert got == texts, got


@expected
def chat(call):
    is_hello(call())


@expected
def chat_stream(call):
    is_streamed(list(call()))


@expected
def chat_stream_usage(call):
    *chunks, last = call()
    is_streamed(chunks)
    assert last.choices == [], last
    is_usage(last.usage)


@expected
def chat_temperature(call):
    is_hello(call())


@expected
def chat_extra_body(call):
    is_hello(call())


@expected
def completions(call):
    answer = call()
    assert isinstance(answer, openai.types.Completion), answer
    assert answer.object == "text_completion" and answer.id.startswith("cmpl-"), answer
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("Hello there", "stop"), answer


def rows_are(answer, rows):
    assert [row.index for row in answer.data] == list(range(len(rows))), answer
    for row, expected in zip(answer.data, rows):
        assert isinstance(row, openai.types.Embedding) and len(row.embedding) == len(expected), row
        assert all(type(got) is float and abs(got - want) < 1e-6 for got, want in zip(row.embedding, expected)), row


@expected
def embeddings_default(call):
    rows_are(call(), [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])


@expected
def embeddings_float(call):
    rows_are(call(), [[0.1, 0.2, 0.3]])


@expected
def model_retrieve(call):
    answer = call()
    assert isinstance(answer, openai.types.Model) and answer.id == "llm", answer


@expected
def model_retrieve_unknown(call):
    error = raised(call, openai.NotFoundError, 404)
    assert error.message and error.type and error.code, error.body


@expected
def chat_err404(call):
    raised(call, openai.NotFoundError, 404, "invalid_request_error", "Request for unknown model")


@expected
def chat_err429(call):
    raised(call, openai.RateLimitError, 429, "throttling_error")


@expected
def chat_err503(call):
    raised(call, openai.InternalServerError, 503, "internal_server_error", "server not ready")


@expected
def stream_miderr(call):
    streamed_until(call, ["a ", "b "], openai.APIError, "backend exploded")


@expected
def stream_firsterr(call):
    raised(lambda: list(call()), openai.InternalServerError, 500, words="backend exploded")


@expected
def stream_cut(call):
    streamed_until(call, ["a "], openai.APIError)


@expected
def wrong_key(call):
    raised(call, openai.AuthenticationError, 401, "auth_error")


def run(vectors):
    asked = [vector["id"] for vector in vectors]
    known = [PREFIX + name for name in EXPECTED]
    if sorted(asked) != sorted(known):
        raise SystemExit("vectors without an expectation: %s; expectations without a vector: %s"
                         % (sorted(set(asked) - set(known)), sorted(set(known) - set(asked))))
    results = []
    for vector in vectors:
        code = compile(vector["call"], vector["id"], "eval")
        try:
            EXPECTED[vector["id"].removeprefix(PREFIX)](lambda: eval(code, {"OpenAI": OpenAI}))
            problem = None
        except Exception as error:
            problem = "%s: %s [expected: %s]" % (type(error).__name__, error, vector["expect"])
        results.append({"id": vector["id"], "problem": problem})
    return results
