"""Every kind of answer that the library gives, asked for and read by OpenAI's client."""

import base64
import json
import struct
import sys

import httpx2
import openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from pydantic import BaseModel

import strict
from library import Library, Transport

QUESTION = [{"role": "user", "content": "What is an inference server?"}]
CITIES = [{"role": "user", "content": "What is the weather in Paris and Rome?"}]
CITY = [{"role": "user", "content": "What is the weather in Paris?"}]
GREETING = [{"role": "user", "content": "Hello"}]
# Families of chat templates, each with a format of its own for calls.
FAMILIES = ("qwen2.5", "mistral-v3", "llama3.1", "llama4")
# `strict`: the client reads the arguments itself.
TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "Tells the weather.", "strict": True,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                   "additionalProperties": False}}}]


class Place(BaseModel):
    city: str
    rank: int


class Checks:
    """Each method is a kind of answer: it asks, looks at what the client makes of it, and says which type the texts are of,
    or which type each."""

    MODELS, ERROR = strict.Models, strict.Error

    def __init__(self, transport):
        self.transport = transport
        self.client = openai.OpenAI(api_key="none", base_url="http://library/v1", max_retries=0,
                                    http_client=httpx2.Client(transport=transport))
        self.chats = self.client.chat.completions

    def run(self, failed=None):
        """(name, [(type, text)]) of each, in the order in which they stand here. `failed` is told of one that fails; without it the
        first ends all."""
        for name, method in vars(Checks).items():
            if name.islower() and name[0] != "_" and name != "run":
                self.transport.texts = []
                try:
                    kinds = method(self)
                except Exception as error:
                    if failed is None:
                        raise
                    failed(name, error)
                    continue
                texts = self.transport.texts
                assert texts, "%s: nothing was asked" % name
                if not isinstance(kinds, list):
                    kinds = [kinds] * len(texts)
                assert len(kinds) == len(texts), "%s: %d texts" % (name, len(texts))
                yield name.replace("_", " "), list(zip(kinds, texts))

    def chat(self):
        answer = self.chats.create(model="triton/vllm_shape", messages=QUESTION, max_tokens=6, temperature=0)
        assert "inference server" in answer.choices[0].message.content, answer
        assert answer.choices[0].finish_reason == "length", answer
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (6, 6), answer
        return strict.CHAT

    def chat_streamed_with_usage(self):
        chunks = list(self.chats.create(model="triton/vllm_shape", messages=QUESTION, max_tokens=6, temperature=0,
                                        stream=True, stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
        assert "inference server" in text, text
        assert chunks[0].choices[0].delta.role == "assistant"
        assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 12), chunks[-1]
        return strict.CHAT_CHUNK

    def estimated_usage(self):
        answer = self.chats.create(model="triton/infer_batched", messages=QUESTION, max_tokens=6)
        assert answer.usage.estimated is True and answer.usage.total_tokens > 0, answer
        return strict.CHAT

    def three_choices(self):
        answer = self.chats.create(model="triton/vllm_shape", messages=QUESTION, n=3, max_tokens=5, seed=1)
        assert [choice.index for choice in answer.choices] == [0, 1, 2], answer
        return strict.CHAT

    def three_choices_streamed(self):
        state = ChatCompletionStreamState()
        for chunk in self.chats.create(model="triton/vllm_shape", messages=QUESTION, n=3, max_completion_tokens=5,
                                       temperature=0, stream=True, stream_options={"include_usage": True}):
            state.handle_chunk(chunk)
        answer = state.current_completion_snapshot
        assert [choice.index for choice in answer.choices] == [0, 1, 2], answer
        assert len({choice.message.content for choice in answer.choices}) == 1, answer
        assert answer.usage.completion_tokens == 15, answer
        return strict.CHAT_CHUNK

    def log_probabilities(self):
        answer = self.chats.create(model="triton/vllm_shape", messages=QUESTION, max_tokens=5, temperature=0,
                                   logprobs=True, top_logprobs=2)
        tokens = answer.choices[0].logprobs.content
        assert len(tokens) == 5 and all(1 <= len(token.top_logprobs) <= 2 for token in tokens), answer
        assert all(bytes(token.bytes).decode() == token.token for token in tokens), answer
        return strict.CHAT

    def log_probabilities_streamed(self):
        state = ChatCompletionStreamState()
        events = []
        for chunk in self.chats.create(model="triton/vllm_shape", messages=QUESTION, max_tokens=20, temperature=0,
                                       logprobs=True, top_logprobs=2, stop="memory", stream=True):
            events += state.handle_chunk(chunk)
        choice = state.get_final_completion().choices[0]
        tokens = "".join(token.token for token in choice.logprobs.content)
        assert tokens.strip() == choice.message.content.strip(), choice
        done = next(event for event in events if event.type == "logprobs.content.done")
        assert len(done.content) == len(choice.logprobs.content), done
        return strict.CHAT_CHUNK

    def log_probabilities_of_tensorrt_llm(self):
        answer = self.chats.create(model="triton/trtllm_bls", messages=QUESTION, max_tokens=5, logprobs=True)
        assert len(answer.choices[0].logprobs.content) == 5, answer
        return strict.CHAT

    def tools(self):
        for family in FAMILIES:
            answer = self.chats.parse(model="triton/scripted", messages=CITIES, tools=TOOLS,
                                      extra_body={"chat_template": family})
            expect_calls(answer, family)
        return strict.CHAT

    def tools_streamed(self):
        for family in FAMILIES:
            state = ChatCompletionStreamState(input_tools=TOOLS)
            events = []
            for chunk in self.chats.create(model="triton/scripted", messages=CITIES, tools=TOOLS, stream=True,
                                           extra_body={"chat_template": family}):
                events += state.handle_chunk(chunk)
            expect_calls(state.get_final_completion(), family)
            done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
            assert [event.parsed_arguments for event in done] == [{"city": "Paris"}, {"city": "Rome"}], (family, done)
        return strict.CHAT_CHUNK

    def tools_streamed_by_the_clients_own_helper(self):
        with self.chats.stream(model="triton/scripted", messages=CITIES, tools=TOOLS,
                               extra_body={"chat_template": "qwen2.5"}) as stream:
            pieces = [event.arguments_delta for event in stream if event.type == "tool_calls.function.arguments.delta"]
            assert len(pieces) > 4, pieces  # piece by piece
            expect_calls(stream.get_final_completion(), "qwen2.5")
        return strict.CHAT_CHUNK

    def tool_that_has_to_be_called(self):
        asked = dict(model="triton/vllm_shape", messages=GREETING, tools=TOOLS, max_tokens=100, temperature=0,
                     extra_body={"chat_template": "qwen2.5"})
        for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
            answer = self.chats.parse(tool_choice=choice, **asked)
            assert answer.choices[0].message.tool_calls[0].function.parsed_arguments == {"city": "text"}, answer
            with self.chats.stream(tool_choice=choice, **asked) as stream:
                answer = stream.get_final_completion()
            assert answer.choices[0].finish_reason == "tool_calls", answer
            assert answer.choices[0].message.tool_calls[0].function.parsed_arguments == {"city": "text"}, answer
        return [strict.CHAT if '"chat.completion"' in text else strict.CHAT_CHUNK for text in self.transport.texts]

    def tools_answer(self):
        """The client's own message object goes back as it came. One call: Llama 3.1's template takes no more."""
        for family in FAMILIES:
            said = self.chats.create(model="triton/scripted", messages=CITY, tools=TOOLS,
                                     extra_body={"chat_template": family}).choices[0].message
            results = [{"role": "tool", "tool_call_id": call.id, "content": "21"} for call in said.tool_calls]
            answer = self.chats.create(model="triton/scripted", messages=CITY + [said] + results, tools=TOOLS,
                                       extra_body={"chat_template": family})
            assert answer.choices[0].message.content == "It is 21 degrees.", (family, answer)
        return strict.CHAT

    def reasoning(self):
        answer = self.chats.create(model="triton/scripted", messages=GREETING,
                                   extra_body={"chat_template": "qwen3", "separate_reasoning": True})
        message = answer.choices[0].message
        assert message.reasoning_content.strip() == "The user says hello.", message
        assert message.content == "Hello! 🌊", message
        return strict.CHAT

    def reasoning_streamed(self):
        deltas = [chunk.choices[0].delta for chunk in self.chats.create(
            model="triton/scripted", messages=GREETING, stream=True,
            extra_body={"chat_template": "deepseek-r1", "separate_reasoning": True})]
        thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
        assert thought.strip() == "The user says hello.", deltas
        assert "".join(delta.content or "" for delta in deltas) == "Hello! 🌊", deltas
        return strict.CHAT_CHUNK

    def structured_output(self):
        """`parse` sends the class as a strict schema, and makes an object of the text."""
        answer = self.chats.parse(model="triton/vllm_shape", messages=QUESTION, response_format=Place, max_tokens=50)
        assert isinstance(answer.choices[0].message.parsed, Place), answer
        return strict.CHAT

    def structured_output_streamed(self):
        with self.chats.stream(model="triton/vllm_shape", messages=QUESTION, response_format=Place,
                               max_tokens=50) as stream:
            done = [event for event in stream if event.type == "content.done"]
        assert len(done) == 1 and isinstance(done[0].parsed, Place), done
        return strict.CHAT_CHUNK

    def text(self):
        answer = self.client.completions.create(model="triton/vllm_shape", prompt=["A ship", "The weather"], n=2,
                                                max_tokens=4, temperature=0)
        assert [choice.index for choice in answer.choices] == [0, 1, 2, 3], answer
        return strict.TEXT

    def text_with_log_probabilities(self):
        answer = self.client.completions.create(model="triton/vllm_shape", prompt="A ship", max_tokens=4, temperature=0,
                                                logprobs=3)
        expect_offsets(answer.choices[0].logprobs, answer.choices[0].text)
        assert all(answer.choices[0].logprobs.top_logprobs), answer
        return strict.TEXT

    def text_with_an_echo(self):
        answer = self.client.completions.create(model="triton/vllm_shape", prompt="A ship", max_tokens=4, temperature=0,
                                                echo=True)
        assert answer.choices[0].text.startswith("A ship"), answer
        return strict.TEXT

    def text_streamed_with_usage(self):
        chunks = list(self.client.completions.create(
            model="triton/vllm_shape", prompt="A ship", max_tokens=4, temperature=0, echo=True, stream=True,
            stream_options={"include_usage": True}))
        assert chunks[0].choices[0].text == "A ship" and chunks[-1].usage.completion_tokens == 4, chunks
        return strict.TEXT_CHUNK

    def text_streamed_with_log_probabilities(self):
        chunks = list(self.client.completions.create(model="triton/vllm_shape", prompt="A ship", max_tokens=4,
                                                     temperature=0, logprobs=0, stream=True))
        told = [chunk.choices[0].logprobs for chunk in chunks if chunk.choices[0].logprobs]
        offsets = [offset for one in told for offset in one.text_offset]
        assert len(offsets) == 4 and offsets == sorted(offsets) and offsets[0] == 0, told
        return strict.TEXT_CHUNK

    def embeddings(self):
        rows = self.client.embeddings.create(model="triton/minilm", input=["one", "two"], encoding_format="float").data
        assert [(row.index, len(row.embedding)) for row in rows] == [(0, 384), (1, 384)]
        return strict.FLOATS

    def embeddings_in_base64(self):
        """What the client asks for of itself, and decodes."""
        rows = self.client.embeddings.create(model="triton/minilm", input=["one", "two"]).data
        text = json.loads(self.transport.texts[0])["data"][0]["embedding"]
        bare = struct.unpack("<384f", base64.b64decode(text))
        assert rows[0].embedding == list(bare) and rows[1].index == 1
        return strict.BASE64

    def models(self):
        assert "triton/minilm" in [model.id for model in self.client.models.list()]
        return self.MODELS

    def an_error(self):
        try:
            self.chats.create(model="triton/tiny_llm", messages=QUESTION, logprobs=True)
        except openai.BadRequestError as error:
            assert (error.param, error.type) == ("logprobs", "invalid_request_error"), error.body
        else:
            raise AssertionError("no error")
        return self.ERROR

    def an_error_in_a_stream(self):
        texts = []
        try:
            for chunk in self.chats.create(model="triton/fails_midway", messages=QUESTION, stream=True):
                texts.append(chunk.choices[0].delta.content)
        except openai.APIError as error:
            assert "fails after two tokens" in error.message, error
        else:
            raise AssertionError("no error")
        assert texts == ["Half", " an"], texts
        return [strict.CHAT_CHUNK, strict.CHAT_CHUNK, self.ERROR]


def expect_calls(answer, family):
    choice = answer.choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None), (family, answer)
    calls = choice.message.tool_calls
    assert [call.function.parsed_arguments for call in calls] == [{"city": "Paris"}, {"city": "Rome"}], (family, answer)
    assert {(call.type, call.function.name) for call in calls} == {("function", "get_weather")}, (family, answer)
    assert len({call.id for call in calls}) == 2 and all(call.id for call in calls), (family, answer)


def expect_offsets(logprobs, text):
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == len(logprobs.text_offset), logprobs
    for token, offset in zip(logprobs.tokens, logprobs.text_offset):
        assert text[offset:].startswith(token), (token, offset, text)


def check(library, triton):
    """A line for each kind: its name, and how many texts were held to which types."""
    for name, texts in Checks(Transport(Library(library), triton)).run():
        for kind, text in texts:
            strict.read(kind, text)
        kinds = sorted({kind.__name__ for kind, _ in texts})
        print("%s: %d × %s" % (name, len(texts), ", ".join(kinds)))


def broken(library, triton):
    """A line for each kind: its name, and how many mistakes were refused."""
    passed = []
    for name, texts in Checks(Transport(Library(library), triton)).run():
        refused = 0
        for kind, text in texts:
            for what, mistake in strict.mistakes(text):
                try:
                    strict.read(kind, mistake)
                    passed.append("%s: %s: %s" % (name, what, mistake[:1000]))
                except strict.Wrong:
                    refused += 1
        print("%s: %d" % (name, refused))
    if passed:
        sys.exit("%d mistakes were not refused:\n%s" % (len(passed), "\n".join(passed[:20])))
