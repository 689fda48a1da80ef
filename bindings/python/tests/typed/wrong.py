"""A user's mistakes, each of which mypy finds; the comment has a part of what it says."""

import mishikallm
from mishikallm import Client, completion

MESSAGES = [{"role": "user", "content": "who are u?"}]
answer = completion("triton/llama", MESSAGES)
stream = completion("triton/llama", MESSAGES, stream=True)

answer.choises  # E: "ChatCompletion" has no attribute "choises"
answer.choices[0].message.text  # E: "Message" has no attribute "text"
answer.choices[0].delta  # E: "Choice" has no attribute "delta"
answer.usage.total_tokens  # E: Item "None" of "Usage | None" has no attribute "total_tokens"
len(answer.choices[0].message.content)  # E: has incompatible type "str | None"
stream.choices  # E: "Stream[ChatCompletionChunk]" has no attribute "choices"
for chunk in stream:
    chunk.choices[0].message  # E: "ChoiceChunk" has no attribute "message"
completion("triton/llama", "who are u?")  # E: Argument 2 has incompatible type "str"
completion("triton/llama", MESSAGES, temperature="hot")  # E: No overload variant
completion("triton/llama", MESSAGES, max_tokens=1.5)  # E: No overload variant
completion(5, MESSAGES)  # E: No overload variant
completion("triton/llama")  # E: No overload variant
completion("triton/llama", MESSAGES, stream="yes")  # E: No overload variant
completion("triton/llama", MESSAGES, stop=3)  # E: No overload variant
mishikallm.embedding("triton/e5", 5)  # E: No overload variant
mishikallm.embedding("triton/e5", "a", as_numpy=True).data[0].embedding  # E: "int" has no attribute "embedding"
mishikallm.embedding("triton/e5", "a").usage.completion  # E: has no attribute "completion"
Client(5)  # E: Argument 1 to "Client" has incompatible type "int"
mishikallm.complete("triton/llama", MESSAGES)  # E: Module has no attribute "complete"


async def in_loop() -> None:
    mishikallm.acompletion("triton/llama", MESSAGES).choices  # E: "Coroutine[Any, Any, ChatCompletion]" has no attribute "choices"
    for chunk in await mishikallm.acompletion("triton/llama", MESSAGES, stream=True):  # E: has no attribute "__iter__"
        print(chunk)
    try:
        pass
    except mishikallm.RateLimitError as error:
        error.wait  # E: "RateLimitError" has no attribute "wait"
