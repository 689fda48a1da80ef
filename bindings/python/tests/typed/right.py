"""A user's program that uses everything; mypy --strict has nothing to say about it."""

from typing import AsyncIterator, Dict, Iterator, List, Optional

import mishikallm
from mishikallm import AsyncStream, ChatCompletion, ChatCompletionChunk, Client, Stream, completion

MESSAGES = [{"role": "user", "content": "who are u?"}]
URL = "http://localhost:8000"


def chat() -> str:
    answer = completion("triton/llama", MESSAGES, api_base=URL, max_tokens=10, temperature=0, own_input=[1, 2])
    again = completion(model="triton/llama", messages=[*MESSAGES, answer.choices[0].message], api_base=URL, stream=False)
    tokens: int = again.usage.total_tokens if again.usage else 0
    reason: str = answer.choices[0].finish_reason
    calls = answer.choices[0].message.tool_calls or []
    names: List[Optional[str]] = [call.function.name for call in calls]
    logprobs = answer.choices[0].logprobs
    if logprobs and logprobs.content:
        best: float = logprobs.content[0].top_logprobs[0].logprob
        print(best)
    plain: Dict[str, object] = answer.model_dump()
    print(tokens, reason, names, plain, answer["choices"][0]["message"]["content"], answer.get("model"))
    return answer.choices[0].message.content or ""


def chat_with_dictionaries(messages: List[Dict[str, str]]) -> ChatCompletion:
    return completion("triton/llama", messages, api_base=URL, tools=[{"type": "function"}], chat_template="auto")


def stream() -> Iterator[str]:
    with completion("triton/llama", MESSAGES, api_base=URL, stream=True, stream_options={"include_usage": True}) as chunks:
        for chunk in chunks:
            yield chunk.choices[0].delta.content or ""


def either(wanted: bool) -> None:
    answer = completion("triton/llama", MESSAGES, stream=wanted)
    if isinstance(answer, Stream):
        first: ChatCompletionChunk = next(answer)
        print(first.id)
    else:
        print(answer.choices[0].message.role)


async def in_loop() -> AsyncIterator[str]:
    answer = await mishikallm.acompletion("triton/llama", MESSAGES, api_base=URL, timeout=2.5)
    yield answer.choices[0].message.content or ""
    chunks: AsyncStream[ChatCompletionChunk] = await mishikallm.acompletion("triton/llama", MESSAGES, stream=True)
    async with chunks:
        async for chunk in chunks:
            yield chunk.choices[0].delta.content or ""
    text = await mishikallm.atext_completion("a prompt", "triton/llama")
    yield text.choices[0].text
    async for piece in await mishikallm.atext_completion(prompt=["a", "b"], model="triton/llama", stream=True):
        yield piece.choices[0].text


def embeddings() -> float:
    answer = mishikallm.embedding("triton/e5", ["a", "b"], api_base=URL)
    numbers: List[float] = answer.data[0].embedding
    rows = mishikallm.embedding(model="triton/e5", input="a", as_rows=True)
    height, width = rows.shape
    array = mishikallm.embedding(model="triton/e5", input=[1, 2, 3], as_numpy=True)
    return numbers[0] + rows[0][0] + float(array[0, 0]) + height + width


async def everything_else(client: Client) -> None:
    models = client.invoke("models", api_base=URL)
    print(models.data[0].id, (await client.ainvoke("infer", {"model": "triton/m", "inputs": {"x": [1]}})).outputs)
    async with Client({"api_base": URL, "timeout": 30}) as other:
        await other.aembedding("triton/e5", "a")
    with Client(api_base=URL, model_list=[]) as third:
        third.completion("name", MESSAGES)
    mishikallm.set_log("debug")


def errors() -> Optional[float]:
    try:
        chat()
    except mishikallm.RateLimitError as error:
        return error.retry_after
    except (mishikallm.Timeout, mishikallm.exceptions.APIConnectionError) as error:
        print(error.message, error.status_code, error.param, error.code, error.body)
    except mishikallm.APIError:
        raise
    return None
