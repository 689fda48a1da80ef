"""openapi.json is a valid OpenAPI 3.1 document, and what the proxy really takes and answers is what it says."""

import copy
import json
import os
import unittest
import urllib.error
import urllib.request

import jsonschema
from openapi_spec_validator import OpenAPIV31SpecValidator

PROXY, KEY = os.environ["PROXY"], os.environ["PROXY_KEY"]
# What the configuration's model_info adds is its own business.
OPEN = {"Info", "Params"}
STORY = [{"role": "user", "content": "Tell me a story about the sea."}]
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
PARIS = [{"role": "user", "content": "What is the weather in Paris?"}]
SHORT = {"max_tokens": 4}
CHAT, TEXT, EMBED = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"

# Each is an operation's path, and a body that it takes.
REQUESTS = [
    (CHAT, {"model": "chat", "messages": STORY, **SHORT}),
    (CHAT, {"model": "chat", "messages": STORY, "stop": ["fog"], "temperature": 0, "seed": 7, "user": "me", "n": 2}),
    (CHAT, {"model": "chat", "messages": [{"role": "system", "content": None}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}]}),
    (CHAT, {"model": "triton/vllm_shape", "messages": STORY, "logprobs": True, "top_logprobs": 2, **SHORT}),
    (CHAT, {"model": "triton/vllm_shape", "messages": STORY, "response_format": {"type": "json_object"}, **SHORT}),
    (CHAT, {"model": "caller", "messages": PARIS, "tools": [WEATHER], "tool_choice": "auto"}),
    (CHAT, {"model": "broken", "messages": STORY, "fallbacks": ["chat"], "timeout": 30, **SHORT}),
    (CHAT, {"model": "chat", "messages": STORY, "stream": True, "stream_options": {"include_usage": True}, **SHORT}),
    (CHAT, {"model": "caller", "messages": PARIS, "tools": [WEATHER], "stream": True}),
    (CHAT, {"model": "triton/vllm_shape", "messages": STORY, "logprobs": True, "stream": True, **SHORT}),
    (TEXT, {"model": "chat", "prompt": "A ship", **SHORT}),
    (TEXT, {"model": "chat", "prompt": ["A ship", "A captain"], "echo": True, **SHORT}),
    (TEXT, {"model": "triton/vllm_shape", "prompt": "A ship", "logprobs": 2, **SHORT}),
    (TEXT, {"model": "chat", "prompt": "A ship", "stream": True, "stream_options": {"include_usage": True}, **SHORT}),
    (EMBED, {"model": "embeddings", "input": "one"}),
    (EMBED, {"model": "embeddings", "input": ["one", "two"], "encoding_format": "base64"}),
    (EMBED, {"model": "triton/embed_tokens", "input": [[1, 2], [3]]}),
]
# Named in the path, the model needs no place in the body.
NAMED = {"chat/completions": {"messages": STORY, **SHORT}, "completions": {"prompt": "A ship", **SHORT}, "embeddings": {"input": "one"}}
# Bodies that neither the document nor the proxy takes.
WRONG = [
    (CHAT, {"model": "chat", "messages": []}),
    (CHAT, {"model": "chat", "messages": STORY, "max_tokens": 0}),
    (CHAT, {"model": "chat", "messages": STORY, "stream": "yes"}),
    (CHAT, {"model": "chat", "messages": STORY, "temperature": "hot"}),
    (CHAT, {"model": "chat", "messages": STORY, "tool_choice": "always"}),
    (CHAT, {"model": "chat", "messages": STORY, "response_format": {"type": "xml"}}),
    (TEXT, {"model": "chat", "prompt": 5}),
    (EMBED, {"model": "embeddings", "input": "one", "encoding_format": "int8"}),
]


def ask(path, body=None, method=None, key=KEY):
    """Status, headers, text; also of an error."""
    request = urllib.request.Request(PROXY + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={"content-type": "application/json", **({"authorization": "Bearer " + key} if key else {})})
    try:
        answer = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read().decode()


DOCUMENT = json.loads(ask("/openapi.json", key=None)[2])


def parts(schema, within=False):
    """The names of schemas that are parts of others, which have fields beside theirs."""
    if isinstance(schema, list):
        return set().union(*(parts(item, within) for item in schema))
    if not isinstance(schema, dict):
        return set()
    found = set().union(*(parts(item, key == "allOf") for key, item in schema.items()))
    return found | {schema["$ref"].split("/")[-1]} if within and "$ref" in schema else found


PARTS = parts(DOCUMENT)


def closed(part, name=""):
    """The same schemas, which now refuse a field that they do not name."""
    if isinstance(part, list):
        return [closed(item, name) for item in part]
    if not isinstance(part, dict):
        return part
    found = {key: closed(value, key) for key, value in part.items()}
    is_object = isinstance(found.get("properties"), dict) and found.get("type") == "object" or "allOf" in found
    if is_object and name not in OPEN and name not in PARTS and name != "allOf":
        found["unevaluatedProperties"] = False
    return found


CLOSED = closed(copy.deepcopy(DOCUMENT["components"]))


def check(value, schema, components):
    jsonschema.Draft202012Validator({**schema, "components": components}).validate(value)


class Document(unittest.TestCase):

    def test_it_is_valid(self):
        OpenAPIV31SpecValidator(DOCUMENT).validate()
        self.assertTrue(DOCUMENT["openapi"].startswith("3.1."))

    def test_its_server_is_relative(self):
        self.assertEqual([server["url"] for server in DOCUMENT["servers"]], ["./"])


class Answers(unittest.TestCase):

    def operation(self, path, verb):
        return DOCUMENT["paths"][path][verb]

    def asked(self, template, body=None, path=None, key=KEY):
        """Asks, and holds the answer to the document."""
        verb = "get" if body is None else "post"
        operation = self.operation(template, verb)
        status, headers, text = ask(path or template, body, key=key)
        self.assertIn(str(status), operation["responses"], text)
        response = operation["responses"][str(status)]
        if "$ref" in response:
            response = DOCUMENT["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        kind = headers["content-type"].split(";")[0]
        self.assertIn(kind, response["content"], template)
        schema = response["content"][kind]["schema"]
        if kind == "application/json":
            check(json.loads(text), schema, CLOSED)
        elif kind == "text/event-stream":
            frames = [frame.removeprefix("data: ") for frame in text.split("\n\n") if frame]
            self.assertEqual(frames.pop(), "[DONE]")
            for frame in frames:
                check(json.loads(frame), schema, CLOSED)
        if verb == "post" and status == 200:
            self.assertEqual({name for name in headers if name.startswith("x-mishikallm-")}, set(response.get("headers", ["x-mishikallm-call-id"])))
        return status, text

    def test_requests(self):
        for path, body in REQUESTS:
            with self.subTest(path, **body):
                check(body, self.operation(path, "post")["requestBody"]["content"]["application/json"]["schema"], DOCUMENT["components"])
                status, text = self.asked(path, body)
                self.assertEqual(status, 200, text)

    def test_requests_with_the_model_in_the_path(self):
        named = [path for path in DOCUMENT["paths"] if "{model}" in path and "post" in DOCUMENT["paths"][path]]
        self.assertEqual(len(named), 6)
        for path in named:
            verb = path.split("{model}/")[1]
            with self.subTest(path):
                model = "embeddings" if verb == "embeddings" else "triton%2Ftiny_llm"
                self.assertEqual(self.asked(path, NAMED[verb], path.replace("{model}", model))[0], 200)

    def test_what_is_wrong(self):
        for path, body in WRONG:
            with self.subTest(path, **body):
                schema = self.operation(path, "post")["requestBody"]["content"]["application/json"]["schema"]
                with self.assertRaises(jsonschema.ValidationError):
                    check(body, schema, DOCUMENT["components"])
                self.assertEqual(self.asked(path, body)[0], 400)

    def test_errors(self):
        self.assertEqual(self.asked(CHAT, REQUESTS[0][1], key=None)[0], 401)
        self.assertEqual(self.asked(CHAT, {"model": "nobody", "messages": STORY})[0], 404)
        self.assertEqual(self.asked("/v1/models/{model}", path="/v1/models/nobody")[0], 404)
        self.assertEqual(self.asked("/health", path="/health?model=nobody")[0], 404)
        self.assertEqual(self.asked("/health", path="/health?model=broken")[0], 503)
        self.assertEqual(self.asked("/model/info", path="/model/info?model_id=nobody")[0], 404)
        self.assertEqual(self.asked(CHAT, {"model": "broken", "messages": STORY})[0], 500)

    def test_one_deployment(self):
        for path in ("/health", "/model/info"):
            names = {one["name"] for one in self.operation(path, "get")["parameters"]}
            self.assertIn("model_id", names)
            status, text = self.asked(path, path=path + "?model_id=chat-1")
            self.assertEqual((status, text.count('"chat-1"')), (200, 1), text)

    def test_what_is_read(self):
        named = {"/user/info": ("user", "user_id"), "/team/info": ("team", "team_id")}
        queries = {}
        for path, (kind, name) in named.items():
            made = json.loads(self.asked("/%s/new" % kind, {name: "document-" + kind})[1])
            queries[path] = "?%s=%s" % (name, made[name])
        key = json.loads(self.asked("/key/generate", {"models": ["chat"]})[1])
        queries["/key/info"] = "?key=" + key["token"]
        for path, verbs in DOCUMENT["paths"].items():
            if "get" not in verbs:
                continue
            with self.subTest(path):
                real = path.replace("{model}", "chat") + queries.get(path, "")
                status, text = self.asked(path, path=real)
                self.assertEqual(status, 200, text)
                self.assertEqual(ask(real, method="HEAD")[::2], (200, ""))
                self.assertEqual(ask(real, body={})[0], 405)
                # Without a key as well where it says so, and nowhere else.
                is_public = verbs["get"].get("security") == []
                self.assertEqual(self.asked(path, path=real, key=None)[0], 200 if is_public else 401)

    def test_each_path_with_and_without_the_version(self):
        for path, verbs in DOCUMENT["paths"].items():
            if path.startswith("/v1/"):
                bare = path.removeprefix("/v1").replace("{model}", "chat")
                self.assertNotEqual(ask(bare, body={} if "post" in verbs else None)[0], 404, bare)


if __name__ == "__main__":
    unittest.main(verbosity=2)
