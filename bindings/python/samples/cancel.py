"""A stream whose task is cancelled: the model stops at once.   usage: cancel.py URL [MODEL]"""

import asyncio
import sys

import mishikallm

url, model = sys.argv[1], (sys.argv[2:] or ["tiny_llm"])[0]


async def tell(task):
    """Prints a story, and cancels the task that tells it after five pieces; anyone who knows the task could."""
    deltas = 0
    async for chunk in await mishikallm.acompletion(
        model="triton/" + model,
        api_base=url,
        messages=[{"role": "user", "content": "Tell me a story about the sea."}],
        max_tokens=5000,
        stream=True,
        ignore_eos=True,  # the model's own fields
        label="cancel-python",
    ):
        print(chunk.choices[0].delta.content or "", end="", flush=True)
        deltas += 1
        if deltas == 5:
            task.cancel()
            await asyncio.sleep(0)  # a cancel arrives where the task waits


async def main():
    try:
        await tell(asyncio.current_task())
    except asyncio.CancelledError:
        print("\n[cancelled]")


try:
    asyncio.run(main())
except mishikallm.APIError as error:
    sys.exit(f"{type(error).__name__}: {error}")
