"""Streams and calls on the caller's own thread: what ends them, and how soon the server knows."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import mishikallm
from base import HERE, Case

# A program that makes one call and tells what ended it; its arguments are the call's keywords.
INTERRUPTED = """
import json, sys, time, mishikallm
request = json.loads(sys.argv[1])
print("ready", flush=True)
began = time.monotonic()
try:
    answer = mishikallm.completion(**request)
    for chunk in answer:
        pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
    time.sleep(5)          # still there: it is the interrupt that ends the call, not the end of the process
"""


# The same in an event loop.
INTERRUPTED_LOOP = """
import asyncio, json, sys, time, mishikallm
async def main():
    async for chunk in await mishikallm.acompletion(**json.loads(sys.argv[1])):
        pass
print("ready", flush=True)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
    time.sleep(5)
"""


class Streams(Case):
    def stream(self, behaviour, **more):
        return mishikallm.completion(**self.request(behaviour, **more), stream=True)

    def test_chunks_come_one_by_one(self):
        texts, sent = [], []
        for chunk in self.stream("stream-5-200"):
            self.assertIsInstance(chunk, mishikallm.ChatCompletionChunk)
            sent.append(self.last("stream-5-200").tokens)  # as far as the server has come
            texts.append(chunk.choices[0].delta.content or "")
        self.assertEqual("".join(texts), "t0 t1 t2 t3 t4 ")
        self.assertEqual(chunk.choices[0].finish_reason, "stop")
        self.assertLess(sent[0], 5)

    def test_an_ended_stream_stays_ended(self):
        with self.stream("stream-2-0") as stream:
            self.assertGreaterEqual(len(list(stream)), 2)
            self.assertEqual(list(stream), [])
        self.assertEqual(list(stream), [])

    def test_closing_ends_the_call_at_the_server(self):
        stream = self.stream("endless-5")
        for _ in range(3):
            next(stream)
        stream.close()
        stream.close()
        self.assert_left("endless-5")
        with self.assertRaisesRegex(mishikallm.RequestCancelledError, "closed before its end"):
            next(stream)

    def test_leaving_the_with_block_ends_it(self):
        with self.stream("endless-6") as stream:
            next(stream)
        self.assert_left("endless-6")

    def test_an_exception_in_the_with_block_ends_it(self):
        with self.assertRaises(ZeroDivisionError), self.stream("endless-7") as stream:
            for _ in stream:
                1 // 0
        self.assert_left("endless-7")

    def test_leaving_the_loop_ends_it_when_nothing_holds_the_stream(self):
        for _ in self.stream("endless-8"):
            break
        self.assert_left("endless-8")

    def test_another_thread_closes_it_while_a_chunk_is_waited_for(self):
        stream = self.stream("stuck-1")
        next(stream)
        threading.Timer(0.2, stream.close).start()
        began = time.monotonic()
        with self.assertRaises(mishikallm.RequestCancelledError) as caught:
            next(stream)
        self.assertLess(time.monotonic() - began, 2.0)
        self.assertEqual((caught.exception.status, caught.exception.status_code), ("CANCELLED", 499))
        self.assert_left("stuck-1")

    def test_a_second_reader_is_refused_and_disturbs_nothing(self):
        stream, got = self.stream("stream-6-200"), []
        thread = threading.Thread(target=lambda: got.extend(stream))
        thread.start()
        time.sleep(0.1)
        with self.assertRaises(mishikallm.BadRequestError) as caught:
            while thread.is_alive():
                next(stream)
        self.assertEqual(caught.exception.status, "BUSY")
        thread.join()
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in got), "t0 t1 t2 t3 t4 t5 ")

    def test_text_streams(self):
        chunks = list(mishikallm.text_completion("x", "triton/m", api_base=self.server.base("stream-3-0"), stream=True))
        self.assertEqual("".join(chunk.choices[0].text for chunk in chunks), "t0 t1 t2 ")

    def test_usage_comes_last(self):
        chunks = list(self.stream("stream-3-0", stream_options={"include_usage": True}))
        self.assertEqual((chunks[-1].choices, chunks[-1].usage.total_tokens > 0), ([], True))

    def test_nothing_is_read_ahead_of_a_reader_that_takes_its_time(self):
        with self.stream("big-100000") as stream:
            next(stream)
            time.sleep(1.0)
            # What the kernel's buffers hold, and no more.
            self.assertLess(self.last("big-100000").bytes, 16_000_000)


class Interrupts(Case):
    def interrupt(self, behaviour, text=INTERRUPTED, **more):
        before = len(self.server.of(behaviour))
        program = subprocess.Popen([sys.executable, "-B", "-c", text, json.dumps(self.request(behaviour, **more))],
                                   stdout=subprocess.PIPE, text=True, cwd=HERE)
        try:
            self.assertEqual(program.stdout.readline(), "ready\n")
            self.assertTrue(self.server.wait_for(lambda: len(self.server.of(behaviour)) > before), "no request came")
            seen = self.last(behaviour)
            time.sleep(0.2)
            self.assertIsNone(seen.left_at)
            began = time.monotonic()
            program.send_signal(signal.SIGINT)
            self.assertEqual(program.stdout.readline(), "interrupted\n")
            self.assertLess(time.monotonic() - began, 2.0)
            self.assert_left(behaviour)
        finally:
            program.kill()
            program.wait()
            program.stdout.close()

    def test_ctrl_c_ends_a_call(self):
        self.interrupt("hang")

    def test_ctrl_c_ends_a_stream_before_its_first_chunk(self):
        self.interrupt("stuck-0", stream=True)

    def test_ctrl_c_ends_a_stream_between_chunks(self):
        self.interrupt("stuck-2", stream=True)

    def test_ctrl_c_ends_the_calls_of_a_loop(self):
        self.interrupt("stuck-0", INTERRUPTED_LOOP, stream=True)
        self.interrupt("stuck-3", INTERRUPTED_LOOP, stream=True)
        self.interrupt("hang", INTERRUPTED_LOOP)

    def test_a_signal_handler_that_raises_ends_a_call(self):
        class Alarm(Exception):
            pass

        def ring(number, frame):
            raise Alarm

        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            with self.assertRaises(Alarm):
                mishikallm.completion(**self.request("slow-60000"))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        self.assert_left("slow-60000")


class Threads(Case):
    def test_many_threads_share_a_client(self):
        wrong = []

        def work(client):
            for _ in range(5):
                answer = client.completion("triton/m", [{"role": "user", "content": "x"}])
                if answer.choices[0].message.content != "hello":
                    wrong.append(answer)

        with mishikallm.Client(api_base=self.server.base("slow-50")) as client:
            threads = [threading.Thread(target=work, args=(client,)) for _ in range(40)]
            began = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(len(self.server.of("slow-50")), 200)
        self.assertLess(time.monotonic() - began, 6.0)  # one after the other it would be 10

    def test_waiting_holds_up_no_other_thread(self):
        thread = threading.Thread(target=lambda: mishikallm.completion(**self.request("slow-500")))
        thread.start()
        counted = 0
        while thread.is_alive():
            counted += 1
            time.sleep(0.001)
        self.assertGreater(counted, 100)

    def test_closing_the_client_ends_the_calls_of_other_threads(self):
        client, errors = mishikallm.Client(api_base=self.server.base("hang")), []

        def work():
            try:
                client.completion("triton/m", [{"role": "user", "content": "x"}])
            except mishikallm.APIError as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(10)]
        for thread in threads:
            thread.start()
        self.assertTrue(self.server.wait_for(lambda: len(self.server.of("hang")) == 10))
        client.close()
        for thread in threads:
            thread.join(2)
            self.assertFalse(thread.is_alive())
        self.assertEqual({type(error) for error in errors}, {mishikallm.ClientClosedError})
        self.assertTrue(self.server.wait_for(lambda: all(seen.left_at for seen in self.server.of("hang"))))


class Memory(Case):
    def test_calls_streams_and_errors_leave_nothing(self):
        def some():
            for _ in range(150):
                mishikallm.completion(**self.request("ok"))
                with self.assertRaises(mishikallm.NotFoundError):
                    mishikallm.completion(**self.request("status-404"))
                with mishikallm.completion(**self.request("stream-3-0"), stream=True) as stream:
                    next(stream)
                mishikallm.embedding("triton/m", ["a"] * 16, api_base=self.server.base("rows-256", "embeddings"), as_rows=True)
                with mishikallm.Client(api_base=self.server.base("ok")):
                    pass
            self.server.seen.clear()
            gc.collect()

        some()
        some()
        before, open_before = resident_kb(), len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            some()
        self.assertLess(resident_kb() - before, 3000)
        self.assertLess(len(os.listdir("/proc/self/fd")) - open_before, 20)


def resident_kb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4


if __name__ == "__main__":
    unittest.main()
