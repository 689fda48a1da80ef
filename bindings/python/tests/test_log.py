"""The library's log in Python's logging."""

import logging
import os
import unittest

import mishikallm
from base import Case, run


class Log(Case):
    def tearDown(self):
        mishikallm.set_log(None)

    def call(self):
        mishikallm.completion(**self.request("ok", api_key="sk-secret"))

    def test_a_line_for_each_request_at_debug(self):
        mishikallm.set_log("debug")
        with self.assertLogs("mishikallm", logging.DEBUG) as caught:
            self.call()
        self.assertTrue(any(record.levelno == logging.DEBUG for record in caught.records))
        self.assertNotIn("sk-secret", "\n".join(caught.output))
        self.assertNotIn("who are u?", "\n".join(caught.output))

    def test_levels(self):
        with self.assertNoLines():
            self.call()
        for level in ("error", "WARNING", logging.ERROR, logging.CRITICAL, None):
            mishikallm.set_log(level)
            with self.assertNoLines():
                self.call()
        mishikallm.set_log(logging.DEBUG)
        with self.assertLogs("mishikallm", logging.DEBUG):
            self.call()
        with self.assertRaisesRegex(ValueError, 'expected "error", "warning"'):
            mishikallm.set_log("loud")

    def assertNoLines(self):
        test = self

        class Nothing(logging.Handler):
            def __enter__(self):
                logging.getLogger("mishikallm").addHandler(self)

            def __exit__(self, *raised):
                logging.getLogger("mishikallm").removeHandler(self)

            def emit(self, record):
                test.fail("a line: %s" % record.getMessage())

        return Nothing()

    def test_the_environment_and_the_end_of_the_interpreter(self):
        program = """
import logging, sys, threading, mishikallm
logging.basicConfig(format="%(levelname)s %(name)s", stream=sys.stdout)
request = dict(model="triton/m", messages=[{"role": "user", "content": "x"}], api_base=sys.argv[1])
mishikallm.completion(**request)
def work():
    while True:
        mishikallm.completion(**request)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
import time; time.sleep(0.3)
"""
        for _ in range(3):
            ended = run(program, self.server.base("ok"), env={**os.environ, "MISHIKALLM_LOG": "debug"})
            self.assertEqual((ended.returncode, ended.stderr), (0, ""))
            self.assertIn("DEBUG mishikallm", ended.stdout)

    def test_a_handler_may_not_change_the_log(self):
        raised = []

        class Changes(logging.Handler):
            def emit(self, record):
                try:
                    mishikallm.set_log(None)
                except RuntimeError as error:
                    raised.append(str(error))

        handler = Changes()
        mishikallm.set_log("debug")
        logging.getLogger("mishikallm").addHandler(handler)
        try:
            self.call()
        finally:
            logging.getLogger("mishikallm").removeHandler(handler)
        self.assertIn("by a handler of its own lines", raised[0])


class Library(unittest.TestCase):
    def test_another_file_can_be_named(self):
        import shutil
        import tempfile
        from mishikallm import _library
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "another.so")
            shutil.copyfile(_library._library._name, path)
            ended = run("import mishikallm; print(mishikallm._library._library._name, mishikallm.library_info().version)",
                        env={**os.environ, "MISHIKALLM_LIBRARY": path})
            self.assertEqual((ended.stdout, ended.stderr), ("%s %s\n" % (path, mishikallm.__version__), ""))

    def test_what_cannot_be_loaded_is_said_with_what_to_do(self):
        for path, words in (("/nowhere/lib.so", "MISHIKALLM_LIBRARY names that file"), ("/dev/null", "MISHIKALLM_LIBRARY names that file"),
                            ("libc.so.6", "MISHIKALLM_LIBRARY names that file")):
            ended = run("""
try:
    import mishikallm
except ImportError as error:
    print(error)
""", env={**os.environ, "MISHIKALLM_LIBRARY": path})
            self.assertEqual((ended.returncode, ended.stderr), (0, ""))
            self.assertIn(words, ended.stdout)


if __name__ == "__main__":
    unittest.main()
