#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training steps and every function of shapes.mlir under compute-sanitizer: nothing may be found.

Exits with 77, saying why, where there is no device or no compute-sanitizer."""
import argparse
import os
import shutil
import subprocess
import sys

TOOLS = ("memcheck", "racecheck", "synccheck")
MODELS = (("vision/lenet_digits", "f32"), ("vision/lenet_digits", "tf32"), ("vision/lenet_digits", "bf16"))
FOUND, SKIPPED = 9, 77


def subjects(fluxion, shapes):
    for model, precision in MODELS:
        yield [fluxion, "train", model, "--target=cuda", f"--precision={precision}", "--batch-limit=2", "--epochs=1"]
    yield [shapes, "--gtest_filter=*OnTheDevice", "--gtest_brief=1"]


def missing(fluxion):
    """Why nothing can be checked here; empty: something can."""
    if not shutil.which("compute-sanitizer"):
        return "compute-sanitizer is not installed; it is part of the CUDA toolkit"
    first = subprocess.run([*next(subjects(fluxion, ""))], capture_output=True, text=True, timeout=120)
    return first.stderr.strip() if "no CUDA device" in first.stderr else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fluxion", required=True)
    parser.add_argument("--shapes", required=True, help="the test program of shapes.mlir")
    args = parser.parse_args()
    why = missing(args.fluxion)
    if why:
        print(f"skipped: {why}")
        return SKIPPED
    failed = 0
    for command in subjects(args.fluxion, args.shapes):
        for tool in TOOLS:
            done = subprocess.run(["compute-sanitizer", f"--tool={tool}", f"--error-exitcode={FOUND}", *command],
                                  capture_output=True, text=True, timeout=900, env={**os.environ, "FLUXION_LIBCUDA": ""})
            if done.returncode:
                failed += 1
                print(f"{tool}: {' '.join(command)}: exit {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
