"""What Triton's models write into its log when they notice that their client has gone."""

import os
import re
import time

LINE = r"\w+: cancelled after (\d+) tokens at [\d.]+ \(%s\)"


def tokens(label, within=20.0):
    """After how many tokens, or None."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        with open(os.environ["TRITON_LOG"], errors="replace") as file:
            found = re.search(LINE % re.escape(label), file.read())
        if found:
            return int(found[1])
        time.sleep(0.02)
    return None
