"""Calls in an event loop: it is never blocked, and whatever ends the waiting ends the call at the server."""

import asyncio
import gc
import threading
import time
import unittest

import mishikallm
from base import MESSAGES, Case, run
from mishikallm import _pool


class Loops(Case):
    """Each test runs on the standard loop; see the end of the file for another."""

    run_loop = staticmethod(asyncio.run)

    def acompletion(self, behaviour, **more):
        return mishikallm.acompletion(**self.request(behaviour, **more))

    def test_the_loop_keeps_ticking_through_200_calls(self):
        gaps = []

        async def tick():
            last = time.monotonic()
            while True:
                await asyncio.sleep(0.01)
                now = time.monotonic()
                gaps.append(now - last)
                last = now

        async def main():
            ticking = asyncio.create_task(tick())
            began = time.monotonic()
            answers = await asyncio.gather(*(self.acompletion("slow-1000") for _ in range(200)))
            ticking.cancel()
            return answers, time.monotonic() - began

        answers, took = self.run_loop(main())
        self.assertEqual({answer.choices[0].message.content for answer in answers}, {"hello"})
        self.assertLess(took, 6.0)   # all at once: one after the other it would be 200 s
        self.assertGreater(len(gaps), 40)
        self.assertLess(max(gaps), 0.8)

    def test_cancelling_the_task_cancels_the_call(self):
        async def main():
            task = asyncio.create_task(self.acompletion("hang"))
            await asyncio.sleep(0.3)
            began = time.monotonic()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            return time.monotonic() - began

        self.assertLess(self.run_loop(main()), 1.0)
        self.assert_left("hang")

    def test_cancelling_before_anything_was_sent(self):
        async def main():
            task = asyncio.create_task(self.acompletion("slow-1"))
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        self.run_loop(main())

    def test_a_timeout_of_asyncio_cancels_the_call(self):
        async def main():
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(self.acompletion("slow-60001"), 0.3)

        self.run_loop(main())
        self.assert_left("slow-60001")

    def test_cancelling_while_a_chunk_is_waited_for(self):
        async def read(first):
            async for _ in await self.acompletion("stuck-1", stream=True):
                first.set()

        async def main():
            first = asyncio.Event()
            task = asyncio.create_task(read(first))
            await first.wait()
            await asyncio.sleep(0.1)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0)
            self.assertTrue(await asyncio.get_running_loop().run_in_executor(
                None, self.server.wait_for, lambda: self.last("stuck-1").left_at is not None))

        self.run_loop(main())

    def test_leaving_the_loop_ends_the_call(self):
        async def main():
            async for _ in await self.acompletion("endless-5", stream=True):
                break
            await self.in_thread(self.assert_left, "endless-5")

        self.run_loop(main())

    def test_closing_and_async_with_end_it(self):
        async def main():
            stream = await self.acompletion("endless-6", stream=True)
            await stream.__anext__()
            await stream.close()
            await self.in_thread(self.assert_left, "endless-6")
            with self.assertRaises(mishikallm.RequestCancelledError):
                await stream.__anext__()
            async with await self.acompletion("endless-7", stream=True) as stream:
                await stream.__anext__()
            await self.in_thread(self.assert_left, "endless-7")

        self.run_loop(main())

    @staticmethod
    async def in_thread(function, *arguments):
        return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)

    def test_another_task_closes_it(self):
        async def main():
            stream = await self.acompletion("stuck-1", stream=True)
            await stream.__anext__()
            waiting = asyncio.create_task(stream.__anext__())
            await asyncio.sleep(0.1)
            with self.assertRaisesRegex(RuntimeError, "one at a time"):
                await stream.__anext__()
            await stream.close()
            with self.assertRaises(mishikallm.RequestCancelledError):
                await waiting

        self.run_loop(main())

    def test_the_end_of_the_loop_ends_the_calls(self):
        async def main():
            tasks = [asyncio.create_task(self.acompletion("hang")) for _ in range(5)]
            await asyncio.sleep(0.3)
            return len(tasks)

        before = len(self.server.of("hang"))
        self.run_loop(main())
        mine = self.server.of("hang")[before:]
        self.assertEqual(len(mine), 5)
        self.assertTrue(self.server.wait_for(lambda: all(seen.left_at for seen in mine), 2.0))

    def test_a_loop_that_is_closed_over_calls(self):
        loop = asyncio.new_event_loop()
        coroutine = self.acompletion("slow-700")
        task = loop.create_task(coroutine)
        loop.run_until_complete(asyncio.sleep(0.2))
        task._log_destroy_pending = False
        loop.close()
        del task
        coroutine.close()
        self.assert_left("slow-700")

    def test_many_slow_streams_all_make_progress(self):
        """More of them than there are threads; none ends before each has had three chunks."""
        count = _pool.MOST + 100
        counts = [0] * count

        async def read(number):
            async with await self.acompletion("endless-300", stream=True) as stream:
                async for _ in stream:
                    counts[number] += 1
                    if min(counts) >= 3:
                        return

        async def main():
            await asyncio.gather(*(read(number) for number in range(count)))

        began = time.monotonic()
        self.run_loop(main())
        self.assertGreaterEqual(min(counts), 3)
        self.assertLess(time.monotonic() - began, 60)

    def test_a_short_call_is_not_starved_by_long_ones(self):
        async def main():
            long = [asyncio.create_task(self.acompletion("hang")) for _ in range(_pool.MOST + 20)]
            await asyncio.sleep(2.5)
            began = time.monotonic()
            await self.acompletion("ok")
            took = time.monotonic() - began
            for task in long:
                task.cancel()
            await asyncio.gather(*long, return_exceptions=True)
            return took

        self.assertLess(self.run_loop(main()), 4.0)

    def test_chunks_are_whole_and_in_order(self):
        async def main():
            return [chunk async for chunk in await self.acompletion("stream-500-0", stream=True)]

        texts = [chunk.choices[0].delta.content or "" for chunk in self.run_loop(main())]
        self.assertEqual("".join(texts), "".join("t%d " % number for number in range(500)))

    def test_little_is_read_ahead_of_a_reader_that_takes_its_time(self):
        async def main():
            async with await self.acompletion("big-100000", stream=True) as stream:
                await stream.__anext__()
                await asyncio.sleep(1.0)
                self.assertLess(self.last("big-100000").bytes, 20_000_000)

        self.run_loop(main())

    def test_embeddings_texts_and_invoke(self):
        async def main():
            base = self.server.base("rows-8", "embeddings")
            answer = await mishikallm.aembedding(model="triton/m", input=["a", "b"], api_base=base)
            self.assertEqual(answer.data[1].embedding, [2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75])
            rows = await mishikallm.aembedding(model="triton/m", input=["a", "b"], api_base=base, as_rows=True)
            self.assertEqual(rows.tolist(), [item.embedding for item in answer.data])
            text = await mishikallm.atext_completion("x", "triton/m", api_base=self.server.base("ok"))
            self.assertEqual(text.choices[0].text, "hello")
            chunks = [chunk async for chunk in await mishikallm.atext_completion(
                "x", "triton/m", api_base=self.server.base("stream-3-0"), stream=True)]
            self.assertEqual("".join(chunk.choices[0].text for chunk in chunks), "t0 t1 t2 ")
            self.assertFalse((await mishikallm.ainvoke("health", api_base=self.server.url)).ready)

        self.run_loop(main())

    def test_a_client_in_async_with(self):
        async def main():
            async with mishikallm.Client(api_base=self.server.base("ok")) as client:
                answer = await client.acompletion("triton/m", MESSAGES)
                self.assertEqual(answer.choices[0].message.content, "hello")
                waiting = asyncio.create_task(client.acompletion("triton/m", MESSAGES, api_base=self.server.base("hang")))
                await asyncio.sleep(0.2)
            with self.assertRaises(mishikallm.ClientClosedError):
                await waiting
            with self.assertRaises(mishikallm.ClientClosedError):
                await client.acompletion("triton/m", MESSAGES)

        self.run_loop(main())

    def test_nothing_of_a_call_is_kept(self):
        import weakref

        async def main():
            refs = []
            for _ in range(3):
                stream = await self.acompletion("stream-3-0", stream=True)
                refs.append(weakref.ref(stream._call))
                async for _ in stream:
                    pass
                del stream
            await asyncio.sleep(0.1)
            gc.collect()
            return [ref() for ref in refs]

        self.assertEqual(self.run_loop(main()), [None] * 3)

    def test_a_call_from_several_loops_at_once(self):
        results = []

        def work():
            results.append(self.run_loop(self.acompletion("slow-50")))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(results), 8)


class Uvloop(Loops):
    """The same on uvloop."""

    @staticmethod
    def run_loop(main):
        import uvloop
        return uvloop.run(main)

    def test_a_loop_that_is_closed_over_calls(self):
        """The standard loop's test looks into its tasks."""


class Others(Case):
    def test_anyio(self):
        import anyio

        async def main():
            answer = await mishikallm.acompletion(**self.request("ok"))
            with anyio.move_on_after(0.3) as scope:
                await mishikallm.acompletion(**self.request("hang"))
            return answer, scope.cancelled_caught

        answer, cancelled = anyio.run(main)
        self.assertEqual((answer.choices[0].message.content, cancelled), ("hello", True))
        self.assert_left("hang")

    def test_idle_threads_end(self):
        async def main():
            await asyncio.gather(*(mishikallm.acompletion(**self.request("slow-100")) for _ in range(30)))

        before, _pool.IDLE = _pool.IDLE, 0.2
        try:
            time.sleep(0.1)
            asyncio.run(main())
            self.assertGreaterEqual(len(_pool._pool._workers), 1)
            self.assertTrue(self.server.wait_for(lambda: len(_pool._pool._idle) == len(_pool._pool._workers), 2))
            asyncio.run(main())  # those that began to wait before are used once more
            self.assertTrue(self.server.wait_for(lambda: not _pool._pool._workers, 15), "threads stay")
            asyncio.run(main())
        finally:
            _pool.IDLE = before

    def test_without_a_loop_it_says_so(self):
        coroutine = mishikallm.acompletion(**self.request("ok"))
        with self.assertRaisesRegex(RuntimeError, "no running event loop"):
            coroutine.send(None)

    def test_a_program_that_ends_over_its_calls(self):
        """With calls under way, in threads and loops, a process ends at once and quietly."""
        program = """
import asyncio, sys, threading, time, mishikallm
mishikallm.set_log("debug")
import logging; logging.basicConfig(stream=open("/dev/null", "w"))
request = dict(model="triton/m", messages=[{"role": "user", "content": "x"}], api_base=sys.argv[1])
threading.Thread(target=lambda: mishikallm.completion(**request), daemon=True).start()
loop = asyncio.new_event_loop()
tasks = [loop.create_task(mishikallm.acompletion(**request)) for _ in range(20)]
for task in tasks: task._log_destroy_pending = False
loop.run_until_complete(asyncio.sleep(0.5))
print("end")
"""
        began = time.monotonic()
        ended = run(program, self.server.base("hang"))
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "end\n", ""))
        self.assertLess(time.monotonic() - began, 5)

    def test_no_thread_outlives_the_interpreter(self):
        """CPython may crash where a thread still has a few lines to run when it goes."""
        program = """
import _thread, atexit, sys
atexit.register(lambda: print(_thread._count()))  # runs after the package's own
import asyncio, mishikallm
request = dict(model="triton/m", messages=[{"role": "user", "content": "x"}], api_base=sys.argv[1])
async def main():
    await asyncio.gather(*(mishikallm.acompletion(**request) for _ in range(50)))
asyncio.run(main())
"""
        for _ in range(3):
            ended = run(program, self.server.base("ok"))
            self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "0\n", ""))

    def test_where_the_system_gives_no_threads(self):
        """Calls take turns on what threads there are; where there is none, they say so."""
        program = """
import asyncio, sys, threading, mishikallm
request = dict(model="triton/m", messages=[{"role": "user", "content": "x"}], api_base=sys.argv[1])
many, start = int(sys.argv[2]), threading.Thread.start
def limited(thread):
    global many
    if thread.name == "mishikallm":
        many -= 1
        if many < 0:
            raise RuntimeError("can't start new thread")
    start(thread)
threading.Thread.start = limited
async def main():
    answers = await asyncio.gather(*(mishikallm.acompletion(**request) for _ in range(10)), return_exceptions=True)
    print(sorted({str(each) if isinstance(each, Exception) else each.choices[0].message.content for each in answers}))
asyncio.run(main())
"""
        for threads, told in ((2, "['hello']"), (0, '["can\'t start new thread"]')):
            ended = run(program, self.server.base("ok"), str(threads))
            self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, told + "\n", ""))


if __name__ == "__main__":
    unittest.main()
