"""OpenAI's Python client, as a user writes it: sync and async."""

import asyncio
import base64
import os
import struct
import time
import unittest
import uuid

import openai

import cancelled

URL, KEY = os.environ["PROXY"], os.environ["PROXY_KEY"]
QUESTION = [{"role": "user", "content": "What is a ship?"}]
STORY = [{"role": "user", "content": "Tell me a story about the sea."}]
TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]


def client(kind=openai.OpenAI, **more):
    return kind(**{"base_url": URL + "/v1", "api_key": KEY, "max_retries": 0, "timeout": 60, **more})


def long(label):
    """Ten seconds of tokens, in the log under this label when they end early."""
    return {"max_tokens": 500, "ignore_eos": True, "delay_ms": 20, "label": label}


def label():
    return "proxy-" + uuid.uuid4().hex[:12]


class Chat(unittest.TestCase):

    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def test_an_answer(self):
        answer = self.client.chat.completions.create(model="chat", messages=QUESTION, max_tokens=12)
        self.assertTrue(answer.id.startswith("chatcmpl-"), answer)
        self.assertEqual((answer.object, answer.model), ("chat.completion", "chat"))
        choice = answer.choices[0]
        self.assertTrue(choice.message.content.strip())
        self.assertEqual((choice.index, choice.message.role), (0, "assistant"))
        self.assertIn(choice.finish_reason, ("stop", "length"))
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)

    def test_base_url_without_v1(self):
        with client(base_url=URL) as bare:
            self.assertTrue(bare.chat.completions.create(model="chat", messages=QUESTION, max_tokens=4).choices)

    def test_the_same_text_streamed(self):
        asked = dict(model="chat", messages=STORY, max_tokens=30, temperature=0)
        whole = self.client.chat.completions.create(**asked).choices[0]
        chunks = list(self.client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **asked))
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]), whole.message.content)
        self.assertEqual(chunks[-2].choices[0].finish_reason, whole.finish_reason)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual({(chunk.id, chunk.model) for chunk in chunks}, {(chunks[0].id, "chat")})
        self.assertEqual(chunks[-1].choices, [])
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)

    def test_a_stream_arrives_as_it_is_made(self):
        """Thirty tokens take well over half a second; the first must not wait for the last."""
        began = time.monotonic()
        arrived = [time.monotonic() - began for _ in self.client.chat.completions.create(
            model="chat", messages=STORY, stream=True, max_tokens=30, extra_body={"ignore_eos": True, "delay_ms": 30})]
        self.assertGreater(len(arrived), 25)
        self.assertGreater(arrived[-1] - arrived[0], arrived[-1] / 2, arrived)

    def test_a_stop_string_ends_the_text_before_it(self):
        asked = dict(model="chat", messages=STORY, max_tokens=40, temperature=0)
        whole = self.client.chat.completions.create(**asked).choices[0].message.content
        word = whole.split()[5]
        stopped = self.client.chat.completions.create(stop=[" " + word], **asked).choices[0]
        self.assertEqual((stopped.message.content, stopped.finish_reason), (whole[:whole.index(" " + word)], "stop"))
        text = "".join(chunk.choices[0].delta.content or ""
                       for chunk in self.client.chat.completions.create(stop=[" " + word], stream=True, **asked))
        self.assertEqual(text, stopped.message.content)

    def test_tools(self):
        question = [{"role": "user", "content": "What is the weather in Paris?"}]
        said = self.client.chat.completions.create(model="caller", messages=question, tools=TOOLS).choices[0]
        self.assertEqual(said.finish_reason, "tool_calls")
        call = said.message.tool_calls[0]
        self.assertEqual((call.function.name, call.function.arguments.replace(" ", "")), ("get_weather", '{"city":"Paris"}'))
        told = {"role": "tool", "tool_call_id": call.id, "content": "21"}
        answer = self.client.chat.completions.create(model="caller", messages=question + [said.message, told], tools=TOOLS)
        self.assertEqual(answer.choices[0].message.content, "It is 21 degrees.")

    def test_tools_streamed(self):
        question = [{"role": "user", "content": "What is the weather in Paris and Rome?"}]
        with self.client.chat.completions.stream(model="caller", messages=question, tools=TOOLS) as stream:
            calls = stream.get_final_completion().choices[0].message.tool_calls
        self.assertEqual([call.function.arguments.replace(" ", "") for call in calls], ['{"city":"Paris"}', '{"city":"Rome"}'])

    def test_any_model_of_the_server_by_the_wildcard(self):
        answer = self.client.chat.completions.create(model="triton/infer_batched", messages=QUESTION, max_tokens=4)
        self.assertEqual(answer.model, "triton/infer_batched")

    def test_headers(self):
        raw = self.client.chat.completions.with_raw_response.create(model="chat", messages=QUESTION, max_tokens=4)
        self.assertEqual(raw.parse().model, "chat")
        told = {name: value for name, value in raw.headers.items() if name.startswith("x-mishikallm-")}
        self.assertEqual((told["x-mishikallm-model-group"], told["x-mishikallm-model-id"]), ("chat", "chat-1"))
        self.assertEqual((told["x-mishikallm-attempted-retries"], told["x-mishikallm-attempted-fallbacks"]), ("0", "0"))
        self.assertTrue(told["x-mishikallm-call-id"])
        self.assertNotIn("127.0.0.1", " ".join(raw.headers.values()))
        other = self.client.chat.completions.with_raw_response.create(model="chat", messages=QUESTION, max_tokens=4)
        self.assertNotEqual(other.headers["x-mishikallm-call-id"], told["x-mishikallm-call-id"])

    def test_a_deployment_by_its_id(self):
        self.assertTrue(self.client.chat.completions.create(model="chat-1", messages=QUESTION, max_tokens=4).choices)


class Others(unittest.TestCase):

    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def test_text(self):
        answer = self.client.completions.create(model="chat", prompt=["A ship", "The weather"], max_tokens=6)
        self.assertTrue(answer.id.startswith("cmpl-"))
        self.assertEqual([choice.index for choice in answer.choices], [0, 1])

    def test_text_streamed(self):
        asked = dict(model="chat", prompt="A ship", max_tokens=8, temperature=0)
        whole = self.client.completions.create(**asked).choices[0].text
        streamed = self.client.completions.create(stream=True, **asked)
        self.assertEqual("".join(chunk.choices[0].text for chunk in streamed if chunk.choices), whole)

    def test_embeddings_as_the_client_asks_for_them(self):
        """In base64, which the client decodes."""
        texts = ["A man is eating food.", "A man is eating a piece of bread.", "A ship is at sea."]
        answer = self.client.embeddings.create(model="embeddings", input=texts)
        self.assertEqual([(row.index, len(row.embedding)) for row in answer.data], [(0, 384), (1, 384), (2, 384)])
        self.assertEqual(answer.model, "embeddings")
        floats = self.client.embeddings.create(model="embeddings", input=texts, encoding_format="float")
        for row, same in zip(answer.data, floats.data):
            self.assertTrue(all(abs(a - b) <= 1e-6 for a, b in zip(row.embedding, same.embedding)))
        food, bread, ship = (row.embedding for row in answer.data)
        near, far = (sum(a * b for a, b in zip(food, other)) for other in (bread, ship))
        self.assertGreater(near, far)
        base = self.client.embeddings.create(model="embeddings", input=texts[0], encoding_format="base64").data[0].embedding
        row = struct.unpack("<384f", base64.b64decode(base)) if isinstance(base, str) else base
        self.assertTrue(all(abs(a - b) <= 1e-5 for a, b in zip(row, food)))

    def test_models(self):
        names = [model.id for model in self.client.models.list()]
        self.assertLessEqual({"chat", "caller", "embeddings"}, set(names))
        self.assertIn("triton/tiny_llm", names)  # the wildcard: what the server's repository has
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(self.client.models.retrieve("chat").id, "chat")
        self.assertEqual(self.client.models.retrieve("triton/tiny_llm").id, "triton/tiny_llm")


class Errors(unittest.TestCase):
    """Each as the client's own class."""

    def raised(self, kind, model="chat", key=KEY, **more):
        with client(api_key=key) as asking, self.assertRaises(kind) as caught:
            asking.chat.completions.create(**{"model": model, "messages": QUESTION, "max_tokens": 4, **more})
        self.assertIs(type(caught.exception), kind)
        return caught.exception

    def test_a_wrong_key(self):
        error = self.raised(openai.AuthenticationError, key="sk-wrong")
        self.assertEqual((error.status_code, error.type, error.code), (401, "auth_error", "401"))

    def test_an_unknown_model(self):
        error = self.raised(openai.NotFoundError, model="nope")
        self.assertEqual((error.status_code, error.code), (404, "model_not_found"))
        self.assertIn("nope", error.message)

    def test_a_bad_request(self):
        error = self.raised(openai.BadRequestError, max_tokens="many")
        self.assertIn("max_tokens", error.message)
        error = self.raised(openai.BadRequestError, messages=[])
        self.assertIn("messages", error.message)

    def test_a_model_that_fails(self):
        error = self.raised(openai.InternalServerError, model="broken")
        self.assertEqual(error.type, "internal_server_error")

    def test_a_server_that_is_gone(self):
        error = self.raised(openai.InternalServerError, model="gone")
        self.assertEqual((error.status_code, error.type), (503, "service_unavailable_error"))
        self.assertNotIn("127.0.0.1", str(error))

    def test_a_timeout(self):
        error = self.raised(openai.APIStatusError, model="slow", extra_body={"timeout": 0.5})
        self.assertEqual(error.status_code, 408)

    def raised_in(self, **more):
        texts = []
        with client() as asking, self.assertRaises(openai.APIError) as caught:
            for chunk in asking.chat.completions.create(messages=QUESTION, stream=True, **more):
                texts.append(chunk.choices[0].delta.content)
        return texts, caught.exception

    def test_a_stream_that_fails_midway(self):
        texts, error = self.raised_in(model="half")
        self.assertEqual(texts, ["Half", " an"])
        self.assertIn("fails after two tokens", error.message)

    def test_a_stream_that_never_begins(self):
        texts, error = self.raised_in(model="broken")
        self.assertEqual(texts, [])
        self.assertIsInstance(error, openai.InternalServerError)


class Cancelled(unittest.TestCase):
    """Triton's model notices, long before its end."""

    def assert_noticed(self, name):
        tokens = cancelled.tokens(name)
        self.assertIsNotNone(tokens, "Triton's log has no cancellation of " + name)
        self.assertLess(tokens, 400)

    def test_a_stream_that_is_closed(self):
        name = label()
        with client() as asking:
            stream = asking.chat.completions.create(model="chat", messages=STORY, stream=True, extra_body=long(name))
            for _ in range(3):
                next(stream)
            stream.close()
            self.assert_noticed(name)

    def test_a_client_that_gives_up(self):
        """Not a stream: the model hears of it at its next token, because the proxy closes the connection."""
        name = label()
        with client(timeout=0.5) as asking, self.assertRaises(openai.APITimeoutError):
            asking.chat.completions.create(model="triton/vllm_shape", messages=STORY, extra_body=long(name))
        # Through `generate` Triton tells a model nothing; the proxy must serve on.
        with client() as asking:
            self.assertTrue(asking.chat.completions.create(model="chat", messages=QUESTION, max_tokens=2).choices)


class Async(unittest.IsolatedAsyncioTestCase):

    async def asyncSetUp(self):
        self.client = client(openai.AsyncOpenAI)
        self.addAsyncCleanup(self.client.close)

    async def test_many_at_once(self):
        async def one():
            answer = await self.client.chat.completions.create(model="chat", messages=QUESTION, max_tokens=6, temperature=0)
            return answer.choices[0].message.content

        self.assertEqual(len(set(await asyncio.gather(*(one() for _ in range(32))))), 1)

    async def test_many_streams_at_once(self):
        async def one():
            stream = await self.client.chat.completions.create(model="chat", messages=STORY, max_tokens=20, stream=True, temperature=0)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        self.assertEqual(len(set(await asyncio.gather(*(one() for _ in range(32))))), 1)

    async def test_embeddings(self):
        answers = await asyncio.gather(*(self.client.embeddings.create(model="embeddings", input=["one"]) for _ in range(8)))
        self.assertEqual({len(answer.data[0].embedding) for answer in answers}, {384})

    async def test_a_stream_that_is_cancelled(self):
        name = label()

        async def endless():
            stream = await self.client.chat.completions.create(model="chat", messages=STORY, stream=True, extra_body=long(name))
            async for _ in stream:
                begun.set()

        begun = asyncio.Event()
        task = asyncio.create_task(endless())
        await begun.wait()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        tokens = await asyncio.to_thread(cancelled.tokens, name)
        self.assertIsNotNone(tokens)
        self.assertLess(tokens, 400)

    async def test_models(self):
        self.assertIn("chat", [model.id async for model in self.client.models.list()])


if __name__ == "__main__":
    unittest.main(verbosity=2)
