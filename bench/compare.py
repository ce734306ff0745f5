#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The workloads of bench_kernels and bench_steps, alone or beside peers, as one Markdown table.

  bench/compare.py                                    all of them, without peers: a few minutes
  bench/compare.py --workloads 'gemm_.*'              those a regular expression matches
  bench/compare.py --peer jax='python jax_bench.py --workload {workload} --threads {threads}' \\
                   --peer torch='python torch_bench.py --workload {workload} --threads {threads}'
  bench/compare.py --table results.jsonl              the table of results that --json saved

A peer's command runs once a round and prints JSON lines with "median_ms" and, if it has it, "min_ms";
a peer that fails on a workload has no number there. Rounds alternate between all contestants, so that
they meet the same noise. The best of all rounds counts, and the median of the rounds' medians. The
ratio is the best peer's time over ours: above 1 Fluxion is faster. Exit status 1: a workload of ours
failed.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = ("bench_steps", "bench_kernels")


def names(program):
    """Workload -> thread counts, in the program's order; 0 where a name has none."""
    listed = subprocess.run([program, "--benchmark_list_tests"], capture_output=True, text=True, check=True)
    found = {}
    for line in listed.stdout.split():
        name, threads = re.fullmatch(r"(.+?)(?:/(\d+)t)?/(?:real|manual)_time", line).groups()
        found.setdefault(name, []).append(int(threads or 0))
    return found


def ours(program, workload, threads, seconds):
    pattern = f"^{workload}/{f'{threads}t/' if threads else ''}(real|manual)_time$"
    command = [program, f"--benchmark_filter={pattern}", "--benchmark_format=json",
               f"--benchmark_min_time={seconds}"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        result = json.loads(done.stdout)["benchmarks"][0]
    except (ValueError, LookupError):
        result = {"error_message": f"{' '.join(command)} ended with {done.returncode} {done.stderr[-500:]}"}
    if "error_message" in result:
        print(f"{workload}: {result['error_message']}", file=sys.stderr)
        return None
    result.setdefault("best_ms", result["real_time"])
    result.setdefault("median_ms", result["real_time"])
    return result


def peer(name, template, workload, threads):
    command = template.replace("{workload}", workload).replace("{threads}", str(threads))
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            result = json.loads(line)
            if result.get("median_ms"):
                return {"median_ms": result["median_ms"],
                        "best_ms": result.get("min_ms", result["median_ms"])}
    reason = (done.stderr.strip() or "no median_ms").splitlines()[-1]
    print(f"{workload}: {name} gives no time: {reason[:160]}", file=sys.stderr)
    return None


def merged(samples):
    """One result of the rounds': the best, the median of medians, the highest yardsticks."""
    best = min(s["best_ms"] for s in samples)
    result = {"best_ms": best, "median_ms": statistics.median(s["median_ms"] for s in samples)}
    for rate, yardstick in (("GFLOP/s", "fma"), ("GB/s", "copy")):
        if rate in samples[0]:
            work = samples[0][rate] * samples[0]["median_ms"]
            result[rate] = work / best
            result[yardstick] = max(s[yardstick] for s in samples)
    for extra in ("bytes", "peak_MB", "kernels", "arena_MB"):
        if extra in samples[0]:
            result[extra] = samples[0][extra]
    return result


def measure(program, workload, threads, peers, options):
    mine, theirs = [], {name: [] for name in peers}
    for _ in range(options.rounds):
        sample = ours(program, workload, threads, options.seconds)
        if sample is None:
            return None
        mine.append(sample)
        for name, template in peers.items():
            result = theirs[name] is not None and peer(name, template, workload, threads)
            if result:
                theirs[name].append(result)
            else:
                theirs[name] = None
    return {"workload": workload, "threads": threads, "date": time.strftime("%Y-%m-%d"),
            "ours": merged(mine), "peers": {name: merged(t) for name, t in theirs.items() if t}}


def milliseconds(result):
    return f"{result['best_ms']:.4g} ({result['median_ms']:.4g})"


def rate(mine):
    for unit, yardstick, label in (("GFLOP/s", "fma", "FMA"), ("GB/s", "copy", "copy")):
        if unit in mine:
            return f"{mine[unit]:.0f} {unit}", f"{100 * mine[unit] / mine[yardstick]:.0f} % {label}"
    if "bytes" in mine:
        return f"{mine['bytes'] / 1e3:.0f} KB file", f"{mine['peak_MB']:.0f} MB memory"
    if "kernels" in mine:
        return f"{mine['kernels']:.0f} kernels", ""
    return "", ""


def header(peers):
    cells = ["workload", "threads", "ms: best (median)", "rate", "share of peak", *peers, "ratio: best (median)"]
    return f"| {' | '.join(cells)} |\n| --- |{' ---: |' * (len(cells) - 1)}"


def row(result, peers):
    mine, theirs = result["ours"], result["peers"]
    cells = [result["workload"], str(result["threads"] or ""), milliseconds(mine), *rate(mine)]
    cells += [milliseconds(theirs[name]) if name in theirs else "" for name in peers]
    ratios = [min(t[key] for t in theirs.values()) / mine[key] for key in ("best_ms", "median_ms") if theirs]
    cells.append(f"{ratios[0]:.2f} ({ratios[1]:.2f})" if ratios else "")
    return f"| {' | '.join(cells)} |"


def table(paths):
    results = {}
    for path in paths:
        with open(path) as file:
            for result in map(json.loads, file):
                results[result["workload"], result["threads"]] = result
    peers = list(dict.fromkeys(name for result in results.values() for name in result["peers"]))
    print(header(peers))
    for result in results.values():
        print(row(result, peers))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", default=os.path.join(ROOT, "build"))
    parser.add_argument("--workloads", default=".*", metavar="REGEX", help="whole names; all by default")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND",
                        help="{workload} and {threads} are filled in; may be given again")
    parser.add_argument("--threads", type=int, action="append",
                        help="1 or 2; may be given again; as many as there are cores by default")
    parser.add_argument("--rounds", type=int, help="3 beside peers, else 1")
    parser.add_argument("--seconds", type=float, default=0.25, help="of a round, for each workload")
    parser.add_argument("--json", metavar="FILE", help="append results, one object a line")
    parser.add_argument("--table", nargs="+", metavar="FILE", help="measure nothing: print saved results")
    options = parser.parse_args()
    if options.table:
        table(options.table)
        return 0
    peers = dict(peer.split("=", 1) for peer in options.peer if "=" in peer)
    if len(peers) < len(options.peer):
        parser.error("--peer takes NAME=COMMAND, each name once")
    options.rounds = options.rounds or (3 if peers else 1)
    threads = options.threads or [min(2, os.cpu_count())]

    todo = []
    for program in PROGRAMS:
        path = os.path.join(options.build_dir, "bin", program)
        if not os.path.exists(path):
            sys.exit(f"{path} is not built; ./dev build {program} makes it")
        for workload, counts in names(path).items():
            if re.fullmatch(options.workloads, workload):
                todo += [(path, workload, count) for count in counts if count == 0 or count in threads]
    if not todo:
        sys.exit(f"no workload is named {options.workloads}; bench_kernels --benchmark_list_tests names them")
    failed = False
    print(header(peers), flush=True)
    for path, workload, count in todo:
        result = measure(path, workload, count, peers, options)
        if result is None:
            failed = True
            continue
        print(row(result, peers), flush=True)
        if options.json:
            with open(options.json, "a") as file:
                file.write(json.dumps(result) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
