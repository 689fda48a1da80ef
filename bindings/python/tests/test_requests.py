"""What is sent, and what of it Python has to make JSON of."""

import collections
import dataclasses
import enum
import gc
import pathlib
import types
import unittest

import mishikallm
from base import MESSAGES, Case


class Requests(Case):
    def sent(self, **more):
        mishikallm.completion(**self.request("ok", **more))
        return self.last("ok").body

    def test_the_answer(self):
        answer = mishikallm.completion("triton/m", MESSAGES, api_base=self.server.base("ok"))
        self.assertIsInstance(answer, mishikallm.ChatCompletion)
        self.assertEqual(answer.choices[0].message.content, "hello")
        self.assertEqual(answer.choices[0].message.role, "assistant")
        self.assertEqual(self.last("ok").body["text_input"], "who are u?")

    def test_none_is_absent_and_the_models_own_fields_go_to_it(self):
        parameters = self.sent(temperature=None, top_p=0.5, own="x", max_tokens=3)["parameters"]
        self.assertEqual(parameters, {"top_p": 0.5, "own": "x", "max_tokens": 3})

    def test_keys_and_headers(self):
        self.sent(api_key="secret", extra_headers={"x-mine": "1"})
        headers = self.last("ok").headers
        self.assertEqual((headers["authorization"], headers["x-mine"]), ("Bearer secret", "1"))

    def test_an_answers_message_goes_back_into_messages(self):
        answer = mishikallm.completion(**self.request("ok"))
        again = [*MESSAGES, answer.choices[0].message, {"role": "user", "content": "and?"}]
        self.assertEqual(self.sent(messages=again)["text_input"], "who are u? hello and?")

    def test_messages_of_other_packages(self):
        class Pydantic:
            def model_dump(self):
                return {"role": "user", "content": "a"}

        @dataclasses.dataclass
        class Data:
            role: str
            content: str

        class OldPydantic:
            def dict(self):
                return {"role": "user", "content": "c"}

        others = [Pydantic(), Data("user", "b"), OldPydantic(), types.MappingProxyType({"role": "user", "content": "d"}),
                  collections.OrderedDict(role="user", content="e"), collections.UserDict(role="user", content="f")]
        self.assertEqual(self.sent(messages=others)["text_input"], "a b c d e f")
        self.assertEqual(self.sent(messages=(m for m in others))["text_input"], "a b c d e f")
        self.assertEqual(self.sent(messages=tuple(others))["text_input"], "a b c d e f")

    def test_values_of_other_kinds(self):
        class Color(enum.Enum):
            RED = "red"

        parameters = self.sent(color=Color.RED, path=pathlib.Path("/a/b"))["parameters"]
        self.assertEqual((parameters["color"], parameters["path"]), ("red", "/a/b"))
        self.assertEqual(self.sent(messages=[{"role": "user", "content": "naïve 日本 \N{SNOWMAN} \0"}])["text_input"],
                         "naïve 日本 \N{SNOWMAN} \0")

    def test_what_json_cannot_hold_names_the_field_and_not_the_value(self):
        loop = []
        loop.append(loop)
        for field, value in (("top_p", float("nan")), ("own", object()), ("own", "secret\ud800"), ("own", loop), ("own", {(1, 2): 3}),
                             ("own", b"secret")):
            with self.subTest(field=field, value=repr(value)[:20]), self.assertRaises(mishikallm.BadRequestError) as caught:
                mishikallm.completion(**self.request("ok", **{field: value}))
            self.assertEqual((caught.exception.param, caught.exception.status_code), (field, 400))
            self.assertTrue(str(caught.exception).startswith(field + ": "), str(caught.exception))
            self.assertNotIn("secret", str(caught.exception))

    def test_what_the_library_refuses_names_the_field(self):
        for more, param in (({"max_tokens": "12"}, "max_tokens"), ({"stream": "yes"}, "stream"), ({"messages": []}, "messages"),
                            ({"messages": "hello"}, "messages"), ({"model": "m"}, "model"), ({"api_base": None}, "api_base")):
            with self.subTest(**more), self.assertRaises(mishikallm.BadRequestError) as caught:
                mishikallm.completion(**self.request("ok", **more))
            self.assertIn(param, str(caught.exception))
            self.assertEqual(caught.exception.status, "ARGUMENT")

    def test_text_completions(self):
        base = self.server.base("ok")
        answer = mishikallm.text_completion("hi", "triton/m", api_base=base)
        self.assertEqual((answer.choices[0].text, answer.object), ("hello", "text_completion"))
        answer = mishikallm.text_completion(model="triton/m", prompt=["a", "b"], api_base=base)
        self.assertEqual([choice.text for choice in answer.choices], ["hello", "hello"])

    def test_invoke(self):
        answer = mishikallm.invoke("chat.completions", self.request("ok"))
        self.assertIsInstance(answer, mishikallm.ChatCompletion)
        answer = mishikallm.invoke("chat.completions", {"model": "triton/m", "messages": MESSAGES}, api_base=self.server.base("ok"))
        self.assertEqual(answer.choices[0].message.content, "hello")
        health = mishikallm.invoke("health", api_base=self.server.url)
        self.assertEqual(health.status, "unhealthy")
        with self.assertRaisesRegex(mishikallm.BadRequestError, "stream"):
            mishikallm.invoke("chat.completions", self.request("ok"), stream=True)
        for operation in ("nonsense", "a\0b", ""):
            with self.assertRaises(mishikallm.BadRequestError):
                mishikallm.invoke(operation, api_base=self.server.url)


class Pydantic(Case):
    """Needs pydantic beside the package."""

    def test_its_models_are_messages_and_its_classes_response_formats(self):
        import pydantic

        class Message(pydantic.BaseModel):
            role: str
            content: str
            name: "str | None" = None

        mishikallm.completion(**self.request("ok", messages=[Message(role="user", content="a")]))
        self.assertEqual(self.last("ok").body["text_input"], "a")
        with self.assertRaisesRegex(mishikallm.UnsupportedParamsError, "response_format"):
            mishikallm.completion(**self.request("ok", response_format=Message))


class Clients(Case):
    def test_defaults_for_all_requests(self):
        for client in (mishikallm.Client({"api_base": self.server.base("ok"), "api_key": "k"}),
                       mishikallm.Client(api_base=self.server.base("ok"), api_key="k"),
                       mishikallm.Client({"api_base": "http://127.0.0.1:1", "api_key": "k"}, api_base=self.server.base("ok"))):
            with client:
                self.assertEqual(client.completion("triton/m", MESSAGES).choices[0].message.content, "hello")
                self.assertEqual(self.last("ok").headers["authorization"], "Bearer k")

    def test_model_list(self):
        deployment = {"model": "triton/m", "api_base": self.server.base("ok")}
        with mishikallm.Client(model_list=[{"model_name": "mine", "mishikallm_params": deployment}]) as client:
            self.assertEqual(client.completion("mine", MESSAGES).choices[0].message.content, "hello")

    def test_a_wrong_configuration(self):
        with self.assertRaisesRegex(mishikallm.BadRequestError, "api_bas: unknown field") as caught:
            mishikallm.Client(api_bas="x")
        self.assertEqual((caught.exception.status, caught.exception.param), ("CONFIG", "api_bas"))
        with self.assertRaises(mishikallm.BadRequestError):
            mishikallm.Client(timeout=object())

    def test_a_closed_client_says_so(self):
        client = mishikallm.Client(api_base=self.server.base("ok"))
        client.close()
        client.close()
        with self.assertRaises(mishikallm.ClientClosedError) as caught:
            client.completion("triton/m", MESSAGES)
        self.assertEqual(caught.exception.status, "CLOSED")

    def test_a_client_that_is_dropped_lives_as_long_as_its_calls(self):
        stream = mishikallm.Client(api_base=self.server.base("stream-10-20")).completion("triton/m", MESSAGES, stream=True)
        gc.collect()
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in stream), "".join("t%d " % n for n in range(10)))
        self.assertEqual(mishikallm.Client(api_base=self.server.base("slow-50")).completion("triton/m", MESSAGES).model, "m")

    def test_it_is_not_pickled_but_the_functions_are(self):
        import copy
        import pickle
        with mishikallm.Client() as client:
            with self.assertRaisesRegex(TypeError, "cannot be pickled"):
                pickle.dumps(client)
            with self.assertRaisesRegex(TypeError, "copied"):
                copy.copy(client)
        function = pickle.loads(pickle.dumps(mishikallm.completion))
        self.assertEqual(function(**self.request("ok")).choices[0].message.content, "hello")


if __name__ == "__main__":
    unittest.main()
