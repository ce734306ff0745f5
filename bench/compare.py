#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training steps of the zoo beside a peer, in turns, on one machine.

    bench/compare.py                                    Fluxion alone
    bench/compare.py --peer 'python jax_bench.py --workload {workload} --threads {threads} --json /dev/stdout'

The peer's command runs once a round for each workload (mlp, lenet, resnet20_cifar) and prints JSON lines with
"median_ms". Rounds alternate, so that both meet the same noise; the best of all rounds counts. The ratio is
peer time over Fluxion's: above 1 Fluxion is faster.
"""
import argparse
import json
import os
import subprocess
import sys

WORKLOADS = {"mlp": "vision/mlp", "lenet": "vision/lenet", "resnet20_cifar": "vision/resnet20"}


def json_lines(text):
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                pass


def fluxion_ms(program, model, threads):
    command = [program, "bench", model, "--json", f"--threads={threads}", "--seconds=1"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    step = next(line for line in json_lines(done.stdout) if line["name"] == "step")
    return 1e3 * step["median_s"], 1e3 * step["best_s"]


def peer_ms(template, workload, threads):
    command = template.format(workload=workload, threads=threads)
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    times = [(line["median_ms"], line.get("min_ms", line["median_ms"])) for line in json_lines(done.stdout) if line.get("median_ms")]
    if not times:
        sys.exit(f"the peer printed no median_ms: {command}\n{done.stderr[-2000:]}")
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build"))
    parser.add_argument("--peer", help="command of the peer; {workload} and {threads} are filled in")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    options = parser.parse_args()

    program = os.path.join(options.build_dir, "bin", "fluxion")
    print("| step | fluxion ms: best (median) | peer ms: best (median) | ratio |\n| --- | ---: | ---: | ---: |")
    for workload in options.workloads.split(","):
        if workload not in WORKLOADS:
            sys.exit(f"unknown workload {workload}; there are {', '.join(WORKLOADS)}")
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(fluxion_ms(program, WORKLOADS[workload], options.threads))
            if options.peer:
                theirs.append(peer_ms(options.peer, workload, options.threads))
        best, median = min(b for _, b in ours), min(m for m, _ in ours)
        if not theirs:
            print(f"| {workload} | {best:.3f} ({median:.3f}) | | |", flush=True)
            continue
        peer_best, peer_median = min(b for _, b in theirs), min(m for m, _ in theirs)
        print(f"| {workload} | {best:.3f} ({median:.3f}) | {peer_best:.3f} ({peer_median:.3f}) | {peer_best / best:.2f} |", flush=True)


if __name__ == "__main__":
    main()
