"""Errors: their classes, what they tell, and the recorded behaviour of the parity vectors."""

import asyncio
import json
import os
import pickle
import socket
import unittest

import mishikallm
from base import HERE, Case
from mishikallm import exceptions

BY_STATUS = {
    400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError", 408: "Timeout",
    409: "ConflictError", 413: "RequestTooLargeError", 418: "BadRequestError", 422: "UnprocessableEntityError", 429: "RateLimitError",
    500: "InternalServerError", 501: "InternalServerError", 502: "BadGatewayError", 503: "ServiceUnavailableError",
    504: "InternalServerError",
}


class Errors(Case):
    def caught(self, behaviour, **more):
        """The same error the ordinary way, in an event loop, and of a stream, both ways."""
        request, errors = self.request(behaviour, **more), []
        with self.assertRaises(mishikallm.APIError) as caught:
            mishikallm.completion(**request)
        errors.append(caught.exception)
        with self.assertRaises(mishikallm.APIError) as caught:
            mishikallm.completion(**request, stream=True)
        errors.append(caught.exception)
        for stream in (None, True):
            with self.assertRaises(mishikallm.APIError) as caught:
                asyncio.run(mishikallm.acompletion(**request, stream=stream))
            errors.append(caught.exception)
        self.assertEqual(len({type(error) for error in errors}), 1, errors)
        return errors[0]

    def test_the_servers_statuses(self):
        for status, name in BY_STATUS.items():
            with self.subTest(status=status):
                error = self.caught("status-%d" % status)
                self.assertEqual(type(error).__name__, name)
                self.assertEqual(error.status_code, status)
                self.assertIn("the words of the server", error.message)
                self.assertEqual((error.status, error.model, error.llm_provider), ("SERVER", "triton/m", "triton"))
                self.assertEqual(error.retry_after, 7 if status == 429 else None)
                self.assertEqual(error.body["status"], status)

    def test_no_server(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:%d" % taken.getsockname()[1]
            with self.assertRaises(mishikallm.APIConnectionError) as caught:
                mishikallm.completion("triton/m", [{"role": "user", "content": "x"}], api_base=url)
        self.assertEqual((caught.exception.status, caught.exception.status_code), ("CONNECT", 503))

    def test_a_timeout(self):
        error = self.caught("hang", timeout=0.1)
        self.assertIsInstance(error, mishikallm.Timeout)
        self.assertIs(mishikallm.APITimeoutError, mishikallm.Timeout)
        self.assertEqual((error.status, error.status_code), ("DEADLINE", 408))

    def test_an_answer_that_is_none(self):
        error = self.caught("garbage")
        self.assertIsInstance(error, mishikallm.BadGatewayError)
        self.assertIsInstance(error, mishikallm.APIResponseValidationError)
        self.assertEqual((error.status, error.status_code), ("PROTOCOL", 502))

    def test_a_stream_that_is_cut_gives_its_chunks_and_then_the_error(self):
        texts = []
        with self.assertRaises(mishikallm.BadGatewayError):
            for chunk in mishikallm.completion(**self.request("cut-3"), stream=True):
                texts.append(chunk.choices[0].delta.content)
        self.assertEqual("".join(texts), "t0 t1 t2 ")

        async def read():
            async for chunk in await mishikallm.acompletion(**self.request("cut-3"), stream=True):
                texts.append(chunk.choices[0].delta.content)

        texts = []
        with self.assertRaises(mishikallm.BadGatewayError):
            asyncio.run(read())
        self.assertEqual("".join(texts), "t0 t1 t2 ")

    def test_unsupported_parameters_are_told_apart(self):
        with self.assertRaises(mishikallm.UnsupportedParamsError) as caught:
            mishikallm.completion(**self.request("ok"), response_format={"type": "json_object"})
        self.assertIsInstance(caught.exception, mishikallm.BadRequestError)
        answer = mishikallm.completion(**self.request("ok"), response_format={"type": "json_object"}, drop_params=True)
        self.assertEqual(answer.choices[0].message.content, "hello")

    def test_a_prompt_that_is_too_long_is_told_apart(self):
        for words, status, kind in (
                ("This model's maximum context length is 4096 tokens, however you requested 5000", 400, "ContextWindowExceededError"),
                ("prompt length (900) exceeds maximum input length (512)", 500, "ContextWindowExceededError"),
                ("The decoder prompt (length 9) is longer than the maximum model length of 8", 500, "ContextWindowExceededError"),
                ("something else", 400, "BadRequestError")):
            text = json.dumps({"error": {"message": words, "type": "t", "param": None, "code": str(status), "status": status}})
            self.assertEqual(type(exceptions.from_json(text, "SERVER")).__name__, kind)

    def test_they_can_be_pickled_with_all_they_tell(self):
        error = self.caught("status-429")
        again = pickle.loads(pickle.dumps(error))
        self.assertIs(type(again), mishikallm.RateLimitError)
        self.assertEqual((str(again), vars(again)), (str(error), vars(error)))

    def test_they_can_be_made_as_the_reference_makes_them(self):
        for name in exceptions.__all__:
            error = getattr(mishikallm, name)("words", llm_provider="p", model="m")
            self.assertIsInstance(error, mishikallm.APIError)
            self.assertEqual((str(error), error.message, error.llm_provider, error.model), ("words", "words", "p", "m"))
            self.assertIsInstance(error.status_code, int)
        self.assertEqual(mishikallm.RateLimitError("x", "p", "m").status_code, 429)

    def test_a_key_is_in_no_error(self):
        error = self.caught("status-401", api_key="sk-secret")
        self.assertNotIn("sk-secret", repr(vars(error)) + str(error) + repr(error))


class Parity(Case):
    """The project's recorded exchanges that end in an error, the server's side played by a listener that says what was recorded."""

    def test_recorded_errors(self):
        with open(os.path.join(HERE, "..", "..", "..", "tests", "parity", "sdk.json"), encoding="utf-8") as file:
            vectors = [vector for vector in json.load(file) if "error" in vector]
        judged = 0
        for vector in vectors:
            upstream = vector["upstream"]
            plain = upstream is None or isinstance(upstream, dict) and not set(upstream) - {"status", "headers", "body"}
            if not plain or vector.get("lookups"):
                continue  # frames, pauses, several replies, models to look up: the library's own tests play all of them
            self.server.replies = upstream or {"status": 200, "body": {"text_output": "nothing was to be sent"}}
            host = self.server.url[len("http://"):] + "/replies"
            with self.subTest(vector["id"]):
                self.judge(vector, host)
                judged += 1
        self.assertGreater(judged, 40)

    def judge(self, vector, host):
        request = json.loads(json.dumps(vector["request"]).replace("<upstream>", host).replace("<closed-port>", "127.0.0.1:1"))
        function = {"chat.completions": mishikallm.completion, "completions": mishikallm.text_completion,
                    "embeddings": mishikallm.embedding}[vector["operation"]]
        if vector.get("stream"):
            request["stream"] = True
        given = {name: request.pop(name, None) for name in {"chat.completions": ("model", "messages"), "completions": ("model", "prompt"),
                                                             "embeddings": ("model", "input")}[vector["operation"]]}
        with self.assertRaises(mishikallm.APIError) as caught:
            answer = function(**given, **request)
            list(answer)
        error, expected = caught.exception, vector["error"]
        if "status" in expected:
            statuses = expected["status"] if isinstance(expected["status"], list) else [expected["status"]]
            self.assertIn(error.status_code, statuses)
            self.assertIn(type(error).status_code, (error.status_code, 400, 500, 502))
            if error.status == "SERVER" and not isinstance(error, mishikallm.ContextWindowExceededError):
                self.assertEqual(type(error).__name__, BY_STATUS[error.status_code])
        if "type" in expected:
            self.assertEqual(error.type, expected["type"])
        for words in expected.get("message_contains", []):
            self.assertIn(words, error.message)
        for words in expected.get("message_excludes", []):
            self.assertNotIn(words, error.message)


if __name__ == "__main__":
    unittest.main()
