"""The proxies' figures as Markdown."""

import statistics
from collections.abc import Callable, Iterable

FLOOR, OURS, REFERENCE = "nginx", "mishikallm", "LiteLLM"


def print_report(report: dict) -> None:
    what = "one short round, which measures nothing" if report["quick"] else f"medians of {report['rounds']} rounds (least–most)"
    print(f"{report['machine']}; {what}")
    cases = report["cases"]
    if "closed" in cases:
        _closed(cases["closed"], report)
    if "rate" in cases:
        _rate(cases["rate"], report)
    if "stream" in cases:
        _stream(cases["stream"], report)
    _embeddings({name: runs for name, runs in cases.items() if name.startswith("embed")})
    _pairs({name: cases[name] for name in ("key", "log") if name in cases})
    if "keys" in cases:
        _keys(cases["keys"])
    if "slow" in cases:
        _slow(cases["slow"], report)
    _start(cases.get("start", {}), cases.get("idle", {}))
    _beside_reference(cases)
    if report["failures"]:
        print("\n**Not to be relied on:**\n")
        print("\n".join(f"- {failure}" for failure in report["failures"]))


def _closed(runs: dict, report: dict) -> None:
    _table(
        f"closed, {report['connections']} connections",
        ["requests/s", "busy", "CPU-s a thousand", "requests a CPU-second, × nginx's", "p50 ms", "p99 ms", "RSS MB after", "bad"],
        (
            (name, [
                spread(some, lambda run: run["per_second"]), _busy(some), _cpu_a_thousand(some), _efficiency(some, runs.get(FLOOR)),
                spread(some, lambda run: run["p50_us"] / 1e3), spread(some, lambda run: run["p99_us"] / 1e3),
                spread(some, lambda run: run["rss_kb"] / 1024) if _took_cpu(some) else "–", _bad(some),
            ])
            for name, some in runs.items()
        ),
    )


def _rate(runs: dict, report: dict) -> None:
    direct = runs["no proxy"]
    _table(
        f"rate, {report['rate']}/s" + (f"; {REFERENCE} {report['reference_rate']}/s" if REFERENCE in runs else ""),
        ["p50 ms", "p99 ms", "added p50 ms", "added p99 ms", "CPU-s a thousand", "bad"],
        (
            (name, [
                spread(some, lambda run: run["p50_us"] / 1e3), spread(some, lambda run: run["p99_us"] / 1e3),
                *("–" if some is direct else _added(some, direct, figure) for figure in ("p50_us", "p99_us")),
                _cpu_a_thousand(some), _bad(some),
            ])
            for name, some in runs.items()
        ),
    )


def _stream(runs: dict, report: dict) -> None:
    _table(
        f"stream, 20 events each, {report['connections']} connections",
        ["streams/s", "busy", "CPU-s a thousand", "streams a CPU-second, × nginx's", "first event p50 ms", "p99 ms", "bad"],
        (
            (name, [
                spread(some, lambda run: run["per_second"]), _busy(some), _cpu_a_thousand(some), _efficiency(some, runs.get(FLOOR)),
                spread(some, lambda run: run["first_p50_us"] / 1e3), spread(some, lambda run: run["first_p99_us"] / 1e3), _bad(some),
            ])
            for name, some in runs.items()
        ),
    )


def _embeddings(cases: dict) -> None:
    for case, runs in cases.items():
        _table(
            case,
            ["requests/s", "CPU ms each", "requests a CPU-second, × nginx's", "p50 ms", "bad"],
            (
                (name, [
                    spread(some, lambda run: run["per_second"]), spread(some, _cpu_each_ms), _efficiency(some, runs.get(FLOOR)),
                    spread(some, lambda run: run["p50_us"] / 1e3), _bad(some),
                ])
                for name, some in runs.items()
            ),
        )


def _pairs(cases: dict) -> None:
    """What a thing costs: each proxy with it beside the same without."""
    for case, runs in cases.items():
        _table(
            f"{case}: without and with",
            ["CPU-s a thousand", "× without", "requests/s", "bad"],
            (
                (name, [_cpu_a_thousand(some), _times(some, runs[name.partition(",")[0]]), spread(some, lambda run: run["per_second"]), _bad(some)])
                for name, some in runs.items()
            ),
        )


def _keys(runs: dict) -> None:
    """What keys cost beside none. CPU is with what is written into the database afterwards."""
    without = runs[OURS]
    _table(
        "keys",
        ["requests/s", "× without", "CPU-s a thousand", "× without", "p50 ms", "p99 ms", "bad"],
        (
            (name, [
                spread(some, lambda run: run["per_second"]),
                "–" if some is without else _spread([mine["per_second"] / theirs["per_second"] for mine, theirs in zip(some, without)]),
                _cpu_a_thousand(some), _times(some, without),
                spread(some, lambda run: run["p50_us"] / 1e3), spread(some, lambda run: run["p99_us"] / 1e3), _bad(some),
            ])
            for name, some in runs.items()
        ),
    )


def _slow(runs: dict, report: dict) -> None:
    _table(
        f"slow, {report['streams']:,} open streams, an event a second each",
        ["begun", "broken", "kB each", "RSS MB", "threads", "busy", "first event p50 ms", "p99 ms", "hang-ups seen", "all of them after ms"],
        (
            (name, [
                f"{_sum(some, 'begun')} of {_sum(some, 'wanted')}", _sum(some, "broken"), spread(some, lambda run: run["kb_each"]), spread(some, lambda run: run["rss_kb"] / 1024),
                spread(some, lambda run: run["threads"]), spread(some, lambda run: 100 * run["cpu_share"], "%"),
                spread(some, lambda run: run["first_p50_us"] / 1e3), spread(some, lambda run: run["first_p99_us"] / 1e3),
                f"{_sum(some, 'seen_after')} of {_sum(some, 'hang_ups')}", spread(some, lambda run: run["seen_ms"]),
            ])
            for name, some in runs.items()
        ),
    )


def _start(starts: dict, idles: dict) -> None:
    names = list(dict.fromkeys([*starts, *idles]))
    if names:
        _table(
            "start and idle",
            ["ms to the first answer", "RSS MB idle", "threads"],
            (
                (name, [
                    spread(starts.get(name), lambda run: run["ms"]), spread(idles.get(name), lambda run: run["rss_kb"] / 1024),
                    spread(idles.get(name), lambda run: run["threads"]),
                ])
                for name in names
            ),
        )


def _beside_reference(cases: dict) -> None:
    """How many times as much the same CPU does."""
    both = [(case, runs[OURS], runs[REFERENCE]) for case, runs in cases.items() if REFERENCE in runs and case not in ("rate", "start", "idle", "slow")]
    if both:
        _table(
            f"a CPU-second of {OURS}'s",
            [f"× {REFERENCE}'s"],
            ((case, [_efficiency(ours, theirs)]) for case, ours, theirs in both),
        )


def _table(title: str, columns: list[str], rows: Iterable[tuple[str, list[str]]]) -> None:
    print(f"\n| {title} | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for name, cells in rows:
        print(f"| {name} | {' | '.join(cells)} |")


def _cpu_each_ms(run: dict) -> float:
    return 1e3 * run["cpu_s"] / max(run["n"], 1)


def _cpu_a_thousand(runs: list[dict]) -> str:
    return spread(runs, lambda run: 1e3 * run["cpu_s"] / max(run["n"], 1)) if _took_cpu(runs) else "–"


def _busy(runs: list[dict]) -> str:
    return spread(runs, lambda run: 100 * run["cpu_s"] / run["seconds"], "%") if _took_cpu(runs) else "–"


def _took_cpu(runs: list[dict]) -> bool:
    """Not where there is no proxy, nor in a run that is too short for the kernel's clock."""
    return all(run["cpu_s"] > 0 and run["n"] > 0 for run in runs)


def _efficiency(runs: list[dict], floor: list[dict] | None) -> str:
    """Within a round, since the two were neighbours in time."""
    if not floor or not _took_cpu(runs) or not _took_cpu(floor):
        return "–"
    return _spread([_cpu_each_ms(theirs) / _cpu_each_ms(mine) for mine, theirs in zip(runs, floor)])


def _times(runs: list[dict], without: list[dict]) -> str:
    if runs is without or not _took_cpu(runs) or not _took_cpu(without):
        return "–"
    return _spread([_cpu_each_ms(mine) / _cpu_each_ms(theirs) for mine, theirs in zip(runs, without)])


def _added(runs: list[dict], direct: list[dict], figure: str) -> str:
    return _spread([(mine[figure] - theirs[figure]) / 1e3 for mine, theirs in zip(runs, direct)])


def _bad(runs: list[dict]) -> str:
    return str(sum(run["bad"] + run["unfinished"] for run in runs))


def _sum(runs: list[dict], figure: str) -> str:
    return f"{sum(run[figure] for run in runs):,}"


def spread(runs: list[dict] | None, figure: Callable[[dict], float], unit: str = "") -> str:
    return _spread([figure(run) for run in runs], unit) if runs else "–"


def _spread(values: list[float], unit: str = "") -> str:
    """Median (least–most)."""
    middle, least, most = (_number(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{middle}{unit}" if least == most else f"{middle}{unit} ({least}–{most})"


def _number(value: float) -> str:
    """Three digits, or all there are before the point."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 or value == int(value) else f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"
