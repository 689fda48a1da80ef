"""The figures as Markdown."""

import statistics


def print_report(report: dict) -> None:
    what = "one short round, which measures nothing" if report["quick"] else f"medians of {report['rounds']} rounds (least–most)"
    print(f"{report['machine']}; {what}\n")
    print_cases(report["cases"])
    print_instructions(report.get("instructions"))
    print_startup(report.get("startup"))
    if streams := report.get("streams"):
        print(f"\n{streams['streams']} open streams on one thread, resident memory for each: "
              f"{streams['begun_bytes']:,} bytes begun, {streams['ended_bytes']:,} bytes when they are over")
    if size := report.get("size"):
        print("\nShared library: " + ", ".join(f"{bytes_:,} bytes {how.replace('_', ' ')}" for how, bytes_ in size.items()))
    if report["failures"]:
        print("\n**Not to be relied on:**\n")
        print("\n".join(f"- {failure}" for failure in report["failures"]))


def print_cases(cases: list) -> None:
    print("| case | threads | CPU µs a call, libcurl | CPU µs a call, mishikallm | × libcurl "
          "| p50 µs | p99 µs | connections opened | bad |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for case in cases:
        floor, ours = case["runs"]["libcurl"], case["runs"]["mishikallm"]

        def cpu(runs):
            return [run["cpu_us"] for run in runs]

        def both(figure):
            return " / ".join(number(statistics.median(run[figure] for run in runs)) for runs in (floor, ours))

        # Round by round: the two runs of one round were neighbours in time.
        ratios = [mine / theirs for mine, theirs in zip(cpu(ours), cpu(floor)) if theirs]
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})" if ratios else ""
        opened = " / ".join(str(sum(run["connections"] for run in runs)) for runs in (floor, ours))
        bad = sum(run["bad"] for run in floor + ours)
        print(f"| {case['mode']} | {case['threads']} | {middle(cpu(floor))} | {middle(cpu(ours))} | {ratio} "
              f"| {both('p50_us')} | {both('p99_us')} | {opened} | {bad} |")


def print_instructions(counts: list | None) -> None:
    if not counts:
        return
    print("\n| instructions a call | libcurl | mishikallm | × libcurl |\n|---|---:|---:|---:|")
    for count in counts:
        libcurl, ours = count["libcurl"], count["mishikallm"]
        shown = [number(value) if value else "failed" for value in (libcurl, ours)]
        ratio = f"{ours / libcurl:.2f}" if libcurl and ours else ""
        print(f"| {count['mode']} | {shown[0]} | {shown[1]} | {ratio} |")


def print_startup(startup: dict | None) -> None:
    if not startup:
        return
    columns = {
        "socket_us": "bare warm socket",
        "dlopen_us": "dlopen",
        "client_us": "new client",
        "first_us": "first call",
        "to_first_answer_us": "load to first answer",
        "second_us": "second call",
        "warm_us": "warm call",
    }
    print(f"\n| start-up, µs | {' | '.join(columns.values())} |\n|---|{'---:|' * len(columns)}")
    for mode, figures in startup.items():
        print(f"| {mode} | {' | '.join(middle(figures[name]) for name in columns)} |")


def middle(values: list[float]) -> str:
    """Median (least-most)."""
    return f"{number(statistics.median(values))} ({number(min(values))}–{number(max(values))})"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"
