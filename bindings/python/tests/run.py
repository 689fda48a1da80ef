"""Runs test modules; a test that is skipped counts as failed.   usage: run.py MODULE…"""

import os
import sys
import unittest

if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:])
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    for test, reason in result.skipped:
        print("skipped: %s: %s" % (test, reason))
    passed = result.testsRun - len(result.failures) - len(result.errors) - len(result.skipped)
    failed = result.testsRun - passed
    print("%d passed, %d failed" % (passed, failed), flush=True)
    sys.exit(1 if failed or not passed or not result.wasSuccessful() else 0)
