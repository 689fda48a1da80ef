"""What the tests share."""

import os
import subprocess
import sys
import unittest

import fake

HERE = os.path.dirname(os.path.abspath(__file__))
MESSAGES = [{"role": "user", "content": "who are u?"}]


class Case(unittest.TestCase):
    """A test with a fake server of its own."""

    @classmethod
    def setUpClass(cls):
        cls.server = fake.Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def request(self, behaviour, **more):
        """A chat completion's fields."""
        return {"model": "triton/m", "messages": MESSAGES, "api_base": self.server.base(behaviour), **more}

    def last(self, behaviour):
        """The newest request that asked for it, as soon as it has come."""
        self.assertTrue(self.server.wait_for(lambda: self.server.of(behaviour)), "no request came")
        return self.server.of(behaviour)[-1]

    def assert_left(self, behaviour, within=2.0):
        """The newest request's connection is closed by the client."""
        seen = self.last(behaviour)
        self.assertTrue(self.server.wait_for(lambda: seen.left_at is not None, within), "the request goes on at the server")
        return seen


def run(program, *arguments, timeout=60, **more):
    """Runs a Python program with this interpreter; what it printed."""
    return subprocess.run([sys.executable, "-B", "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, cwd=HERE, **more)
