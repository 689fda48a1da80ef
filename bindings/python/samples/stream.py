"""A chat completion, token by token.   usage: stream.py URL [MODEL]"""

import sys

import mishikallm

url, model = sys.argv[1], (sys.argv[2:] or ["tiny_llm"])[0]
finish_reason = tokens = None
try:
    with mishikallm.completion(
        model="triton/" + model,
        api_base=url,
        messages=[{"role": "user", "content": "Tell me a story about the sea."}],
        max_tokens=60,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        for chunk in stream:
            for choice in chunk.choices:
                print(choice.delta.content or "", end="", flush=True)
                finish_reason = choice.finish_reason or finish_reason
            if chunk.usage:
                tokens = chunk.usage.completion_tokens
except mishikallm.APIError as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(f"\n[{finish_reason}, {tokens} tokens]")
