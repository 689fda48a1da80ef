"""OpenAI's Python client and LangChain with virtual keys, as a user writes them."""

import os
import time
import unittest

import openai
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from owner import Owner, exact

URL, KEY = os.environ["PROXY"], os.environ["PROXY_KEY"]
OWNER = Owner(URL, os.environ["PROXY_MASTER"])
QUESTION = [{"role": "user", "content": "What is a ship?"}]


def client(key=KEY, **more):
    return openai.OpenAI(**{"base_url": URL + "/v1", "api_key": key, "max_retries": 0, "timeout": 60, **more})


def asked(key=KEY, model="real", **more):
    with client(key) as asking:
        return asking.chat.completions.with_raw_response.create(model=model, messages=QUESTION, **{"max_tokens": 4, **more})


class Answers(unittest.TestCase):

    def test_chat(self):
        answer = asked().parse()
        self.assertTrue(answer.choices[0].message.content)
        self.assertGreater(answer.usage.completion_tokens, 0)

    def test_a_stream(self):
        with client() as asking:
            chunks = list(asking.chat.completions.create(model="real", messages=QUESTION, max_tokens=8, stream=True, stream_options={"include_usage": True}))
        self.assertTrue("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)

    def test_embeddings(self):
        with client() as asking:
            self.assertEqual(len(asking.embeddings.create(model="embeddings", input=["A ship is at sea."]).data[0].embedding), 384)

    def test_models_are_those_of_the_key(self):
        with client() as asking:
            self.assertEqual({model.id for model in asking.models.list()}, {"real", "embeddings"})

    def test_what_an_answer_costs_is_in_its_key_s_spend(self):
        key = OWNER.make()
        answer = asked(key)
        usage = answer.parse().usage
        until = time.monotonic() + 20
        while not (logs := OWNER.logs(key)) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual([entry["request_id"] for entry in logs], [answer.headers["x-mishikallm-call-id"]])
        self.assertEqual((logs[0]["prompt_tokens"], logs[0]["completion_tokens"]), (usage.prompt_tokens, usage.completion_tokens))
        self.assertEqual(exact(logs[0]["spend"]), exact(usage.prompt_tokens * 0.001 + usage.completion_tokens * 0.01))
        self.assertEqual(OWNER.spend(key), exact(logs[0]["spend"]))

    def test_what_is_left_is_in_the_headers(self):
        answer = asked(OWNER.make(rpm_limit=10, tpm_limit=10_000))
        headers = {name: value for name, value in answer.headers.items() if name.startswith("x-ratelimit-")}
        self.assertEqual((headers["x-ratelimit-limit-requests"], headers["x-ratelimit-limit-tokens"]), ("10", "10000"))
        self.assertLessEqual(int(headers["x-ratelimit-remaining-requests"]), 9)
        self.assertLess(int(headers["x-ratelimit-remaining-tokens"]), 10_000)
        self.assertRegex(headers["x-ratelimit-reset-requests"], r"^\d+(\.\d+)?m?s$|^\d+m\d+(\.\d+)?s$")


class Errors(unittest.TestCase):
    """Each as the client's own class."""

    def raised(self, kind, key, **more):
        with self.assertRaises(kind) as caught:
            asked(key, **more)
        self.assertIs(type(caught.exception), kind)
        self.assertNotIn(key, str(caught.exception))
        return caught.exception

    def test_an_unknown_key(self):
        self.assertEqual(self.raised(openai.AuthenticationError, "sk-nobody-made-this-one").status_code, 401)

    def test_an_expired_key(self):
        key = OWNER.make(duration="1s")
        asked(key)
        time.sleep(1.1)
        self.assertIn("expired", self.raised(openai.AuthenticationError, key).message.lower())

    def test_a_blocked_key(self):
        key = OWNER.make()
        asked(key)
        OWNER.post("/key/block", key=key)
        self.assertIn("blocked", self.raised(openai.AuthenticationError, key).message.lower())
        OWNER.post("/key/unblock", key=key)
        asked(key)

    def test_a_deleted_key(self):
        key = OWNER.make()
        asked(key)
        OWNER.post("/key/delete", keys=[key])
        self.raised(openai.AuthenticationError, key)

    def test_a_model_that_is_not_the_key_s(self):
        error = self.raised(openai.PermissionDeniedError, OWNER.make(models=["embeddings"]))
        self.assertEqual(error.status_code, 403)
        self.assertIn("real", error.message)

    def test_too_many_requests(self):
        key = OWNER.make(rpm_limit=2)
        # At the turn of a minute there are two more.
        with self.assertRaises(openai.RateLimitError) as caught:
            for _ in range(6):
                asked(key)
        headers = caught.exception.response.headers
        self.assertGreater(float(headers["retry-after"]), 0)
        self.assertLessEqual(float(headers["retry-after"]), 60)
        self.assertEqual(headers["x-ratelimit-remaining-requests"], "0")

    def test_a_budget_that_is_used_up(self):
        key = OWNER.make(max_budget=0.0000001)
        error = self.raised(openai.RateLimitError, key)
        self.assertIn("budget", error.message.lower())

    def test_a_virtual_key_makes_no_keys(self):
        status, told = Owner(URL, KEY).ask("POST", "/key/generate", {})
        self.assertIn(status, (401, 403), told)

    def test_an_error_of_a_stream(self):
        self.raised(openai.RateLimitError, OWNER.make(max_budget=0.0000001), stream=True)

    def test_where_to_is_not_the_client_s_to_say(self):
        self.raised(openai.BadRequestError, KEY, extra_body={"api_base": "http://127.0.0.1:9"})


class LangChain(unittest.TestCase):

    def test_chat_and_stream(self):
        chat = ChatOpenAI(model="real", max_tokens=8, temperature=0, base_url=URL + "/v1", api_key=KEY, max_retries=0)
        self.assertEqual("".join(piece.content for piece in chat.stream("What is a ship?")), chat.invoke("What is a ship?").content)

    def test_embeddings(self):
        embeddings = OpenAIEmbeddings(model="embeddings", check_embedding_ctx_length=False, base_url=URL + "/v1", api_key=KEY, max_retries=0)
        self.assertEqual(len(embeddings.embed_query("A ship is at sea.")), 384)

    def test_a_limit_is_waited_for(self):
        """Its client does as `retry-after` says; here it is not patient enough, and tells of the limit."""
        chat = ChatOpenAI(model="real", max_tokens=4, base_url=URL + "/v1", api_key=OWNER.make(max_budget=0.0000001), max_retries=0)
        with self.assertRaises(openai.RateLimitError):
            chat.invoke("What is a ship?")


if __name__ == "__main__":
    unittest.main(verbosity=2)
