"""Embeddings as numbers."""

import array
import asyncio
import gc
import sys
import unittest

import mishikallm
from base import Case, run


class Numbers(Case):
    def embed(self, width=4, count=3, **more):
        return mishikallm.embedding("triton/m", ["text"] * count, api_base=self.server.base("rows-%d" % width, "embeddings"), **more)

    def test_openais_object(self):
        answer = self.embed()
        self.assertIsInstance(answer, mishikallm.EmbeddingResponse)
        self.assertEqual(answer.data[2].embedding, [2.0, 2.25, 2.5, 2.75])
        self.assertEqual((answer.data[2].index, answer.data[2].object, answer.object, answer.model), (2, "embedding", "list", "m"))
        self.assertGreater(answer.usage.total_tokens, 0)

    def test_rows_without_numpy(self):
        rows = self.embed(as_rows=True)
        self.assertEqual((rows.shape, len(rows), rows.model), ((3, 4), 3, "m"))
        self.assertEqual(rows.tolist(), [item.embedding for item in self.embed().data])
        self.assertEqual(list(rows[2]), [2.0, 2.25, 2.5, 2.75])
        self.assertEqual(rows[-1].tolist(), rows.tolist()[2])
        self.assertEqual(array.array("f", rows[1]).tolist(), [1.0, 1.25, 1.5, 1.75])
        self.assertEqual((rows[0].format, rows[0].readonly), ("f", True))
        self.assertGreater(rows.usage.total_tokens, 0)
        with self.assertRaises(IndexError):
            rows[3]
        with self.assertRaises(TypeError):
            rows[0][0] = 1.0
        self.assertIn("3 rows of 4 numbers", repr(rows))

    def test_a_view_outlives_everything(self):
        row = self.embed(width=1024, as_rows=True)[1]
        gc.collect()
        more = [self.embed(width=1024) for _ in range(3)]
        self.assertEqual(row.tolist(), more[0].data[1].embedding)

    def test_without_numpy_it_says_what_to_do(self):
        ended = run("""
import sys
sys.modules["numpy"] = None
import mishikallm
try:
    mishikallm.embedding("triton/m", ["a"], api_base="http://127.0.0.1:1", as_numpy=True)
except ImportError as error:
    print(error)
""")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertIn("pip install numpy", ended.stdout)
        self.assertIn("as_rows=True", ended.stdout)

    def test_importing_the_package_imports_little(self):
        ended = run("import sys, mishikallm; print([name for name in ('numpy', 'http', 'urllib.request', 'email') if name in sys.modules])")
        self.assertEqual((ended.stdout, ended.stderr), ("[]\n", ""))


class Numpy(Numbers):
    """Needs numpy beside the package."""

    def test_an_array_over_the_librarys_memory(self):
        import numpy
        made = self.embed(as_numpy=True)
        self.assertIs(type(made), numpy.ndarray)
        self.assertEqual((made.dtype, made.shape), (numpy.float32, (3, 4)))
        self.assertTrue(made.flags.c_contiguous and made.flags.aligned)
        self.assertFalse(made.flags.writeable or made.flags.owndata)
        self.assertIsInstance(made.base, mishikallm.Rows)
        self.assertEqual(made.ctypes.data, made.base._address)
        self.assertEqual((made.base.model, made.base.usage.total_tokens > 0), ("m", True))
        self.assertEqual(made.tolist(), self.embed(as_rows=True).tolist())
        with self.assertRaises(ValueError):
            made[0, 0] = 1
        made = made.copy()
        made[0, 0] = 1

    def test_in_an_event_loop(self):
        made = asyncio.run(mishikallm.aembedding("triton/m", ["a"] * 2, api_base=self.server.base("rows-4", "embeddings"), as_numpy=True))
        self.assertEqual(made.tolist(), [[0.0, 0.25, 0.5, 0.75], [1.0, 1.25, 1.5, 1.75]])

    def test_the_memory_is_freed_with_the_last_view(self):
        made = self.embed(as_numpy=True)
        handle = made.base._handle
        self.assertEqual(sys.getrefcount(handle), 3)  # the rows', ours, and the argument
        view, kept = made[1:, ::2], made.base
        del made
        gc.collect()
        self.assertEqual(view.tolist(), [[1.0, 1.5], [2.0, 2.5]])
        del kept
        self.assertEqual(sys.getrefcount(handle), 3)
        del view
        gc.collect()
        self.assertEqual(sys.getrefcount(handle), 2)

    def test_nothing_is_copied(self):
        """A megabyte of numbers: an array and rows over them take next to nothing beside the library's memory."""
        import tracemalloc
        rows = self.embed(width=1 << 12, count=64, as_rows=True)
        tracemalloc.start()
        made, views = rows.numpy(), rows.view()
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertEqual((made.nbytes, len(views)), (1 << 20, 64))
        self.assertEqual(made.ctypes.data, rows._address)
        self.assertLess(taken, 100_000)


if __name__ == "__main__":
    unittest.main()
