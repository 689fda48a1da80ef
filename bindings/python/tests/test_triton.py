"""The samples, and what is asked of models, on a real Triton: TRITON is its URL, TRITON_LOG its log."""

import asyncio
import os
import re
import subprocess
import sys
import time
import unittest

import mishikallm
from base import HERE

URL, LOG = os.environ["TRITON"], os.environ["TRITON_LOG"]
STORY = [{"role": "user", "content": "Tell me a story about the sea."}]


def in_log(words, seconds=3.0):
    """Whether Triton's log says so, now or soon."""
    end = time.monotonic() + seconds
    while True:
        with open(LOG, encoding="utf-8", errors="replace") as file:
            found = re.findall(words, file.read())
        if found or time.monotonic() > end:
            return found
        time.sleep(0.02)


def sample(name, *arguments):
    return subprocess.run([sys.executable, "-B", os.path.join(HERE, "..", "samples", name + ".py"), *arguments], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


class Samples(unittest.TestCase):
    def test_chat(self):
        told = sample("chat", URL)
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertRegex(told.stdout, r"(?s)^.*A ship is .*\n\[length, 40 tokens\]\n$")

    def test_stream(self):
        told = sample("stream", URL)
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertRegex(told.stdout, r"(?s)^.*Once there was .*\n\[length, 60 tokens\]\n$")

    def test_embed(self):
        told = sample("embed", URL)
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        lines = told.stdout.splitlines()
        self.assertEqual(lines[0], "3 rows of 384 numbers")
        cosines = [float(re.fullmatch(r"%s (-?\d\.\d{3})" % pair, line)[1]) for pair, line in zip(("0-1", "0-2", "1-2"), lines[1:])]
        self.assertGreater(cosines[0], cosines[1] + 0.3)

    def test_cancel(self):
        told = sample("cancel", URL)
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertRegex(told.stdout, r"(?s)^.*\n\[cancelled\]\n$")
        self.assertTrue(in_log(r"tiny_llm: cancelled after \d tokens at [\d.]+ \(cancel-python\)"))

    def test_an_error(self):
        for name in ("chat", "stream", "embed", "cancel"):
            told = sample(name, "http://127.0.0.1:1")
            self.assertEqual((told.returncode, told.stdout), (1, ""))
            self.assertRegex(told.stderr, "^APIConnectionError: no connection to 127.0.0.1:1")


class Models(unittest.TestCase):
    def cancelled(self, label):
        self.assertTrue(in_log(r"tiny_llm: cancelled after \d+ tokens at [\d.]+ \(%s\)" % label), "the model goes on")

    def endless(self, label):
        return dict(model="triton/tiny_llm", messages=STORY, api_base=URL, max_tokens=5000, ignore_eos=True, label=label)

    def test_the_model_stops_whatever_ends_the_call(self):
        stream = mishikallm.completion(**self.endless("py-close"), stream=True)
        next(stream)
        stream.close()
        self.cancelled("py-close")
        for _ in mishikallm.completion(**self.endless("py-left"), stream=True):
            break
        self.cancelled("py-left")

        async def main():
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(mishikallm.acompletion(**self.endless("py-timeout")), 0.3)
            task = asyncio.create_task(mishikallm.acompletion(**self.endless("py-task")))
            await asyncio.sleep(0.3)
            task.cancel()
            async for _ in await mishikallm.acompletion(**self.endless("py-aleft"), stream=True):
                break

        asyncio.run(main())
        for label in ("py-timeout", "py-task", "py-aleft"):
            self.cancelled(label)

    def test_the_text_is_the_same_all_ways(self):
        request = dict(model="triton/tiny_llm", messages=STORY, api_base=URL, max_tokens=20, temperature=0)
        text = mishikallm.completion(**request).choices[0].message.content
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in mishikallm.completion(**request, stream=True)), text)

        async def main():
            answer = await mishikallm.acompletion(**request)
            chunks = [chunk async for chunk in await mishikallm.acompletion(**request, stream=True)]
            return answer.choices[0].message.content, "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

        self.assertEqual(asyncio.run(main()), (text, text))

    def test_embeddings_are_the_same_all_ways(self):
        request = dict(model="triton/minilm", input=["A ship sails on the sea."] * 70, api_base=URL)
        answer = mishikallm.embedding(**request)
        self.assertEqual(len(answer.data), 70)
        made = mishikallm.embedding(**request, as_numpy=True)
        self.assertEqual(made.shape, (70, 384))
        for row, item in zip(made.tolist(), answer.data):
            self.assertLess(max(abs(a - b) for a, b in zip(row, item.embedding)), 1e-6)

    def test_operations(self):
        self.assertIn("triton/tiny_llm", [model.id for model in mishikallm.invoke("models", api_base=URL).data])
        self.assertEqual(mishikallm.invoke("health", api_base=URL, model="triton/minilm").status, "healthy")
        self.assertEqual(mishikallm.invoke("server", api_base=URL).version, "2.51.0")
        metadata = asyncio.run(mishikallm.ainvoke("model.metadata", {"model": "triton/minilm", "api_base": URL}))
        self.assertEqual(metadata.outputs[0].name, "embedding")
        made = mishikallm.invoke("infer", model="triton/identity_all", api_base=URL, inputs={"in_fp32": [1.5, 2.5], "in_bytes": ["a"]})
        outputs = {output.name: output.data for output in made.outputs}
        self.assertEqual((outputs["out_fp32"], outputs["out_bytes"]), ([1.5, 2.5], ["a"]))

    def test_numpys_arrays_are_inputs(self):
        import numpy
        cube = numpy.arange(8, dtype=numpy.float32).reshape(2, 2, 2)
        made = mishikallm.invoke("infer", model="triton/identity_all", api_base=URL, inputs={"in_cube": cube})
        self.assertEqual({output.name: output.data for output in made.outputs}["out_cube"], list(range(8)))

    def test_a_missing_model(self):
        with self.assertRaises(mishikallm.NotFoundError):
            mishikallm.completion("triton/nobody", STORY, api_base=URL)


if __name__ == "__main__":
    unittest.main()
