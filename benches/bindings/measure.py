"""What the Python peers share: a loop of calls, and the line that tells what they took."""

import gc
import json
import os
import resource
import sys
import time

PAGE_KB = os.sysconf("SC_PAGESIZE") // 1024


def cpu_us():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e6


def resident_kb():
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE_KB


def main(calls):
    """`calls` are the kinds of call: each takes the request, and gives a function that makes a call and checks it."""
    kind, request, count = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    call = calls[kind](request)
    call()  # warms up
    resident, wall, cpu = [], 0.0, 0.0
    for tenth in range(10):
        began_wall, began_cpu = time.perf_counter(), cpu_us()
        for _ in range(count * tenth // 10, count * (tenth + 1) // 10):
            call()
        cpu += cpu_us() - began_cpu
        wall += time.perf_counter() - began_wall
        resident.append(resident_kb())
    print(json.dumps({"kind": kind, "calls": count, "wall_us": wall * 1e6, "cpu_us": cpu, "rss_kb": resident}))
