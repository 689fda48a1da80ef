"""A chat completion.   usage: chat.py URL [MODEL]"""

import sys

import mishikallm

url, model = sys.argv[1], (sys.argv[2:] or ["tiny_llm"])[0]
try:
    answer = mishikallm.completion(
        model="triton/" + model,
        api_base=url,
        messages=[{"role": "user", "content": "What is a ship?"}],
        max_tokens=40,
        temperature=0,
    )
except mishikallm.APIError as error:
    sys.exit(f"{type(error).__name__}: {error}")

choice = answer.choices[0]
print(choice.message.content)
print(f"[{choice.finish_reason}, {answer.usage.completion_tokens} tokens]")
