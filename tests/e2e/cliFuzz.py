#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Damaged .mlir and .npz files end in an error with a reason or in a result, never in a crash."""
import argparse
import os
import random
import subprocess
import sys
import tempfile


def damaged(data, rng):
    data = bytearray(data)
    if rng.random() < 0.5:
        return data[: rng.randrange(len(data))]
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return data


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fluxion", required=True)
    parser.add_argument("--module", required=True)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        npz, module, archive = (os.path.join(folder, name) for name in ("good.npz", "bad.mlir", "bad.npz"))
        subprocess.run([options.fluxion, "run", options.module, f"--outputs={npz}"], check=True, stdout=subprocess.DEVNULL)
        for source, target, command in (
            (options.module, module, ["run", module]),
            (npz, archive, ["run", options.module, f"--expect={archive}"]),
        ):
            with open(source, "rb") as file:
                good = file.read()
            for i in range(options.rounds):
                with open(target, "wb") as file:
                    file.write(damaged(good, rng))
                done = subprocess.run([options.fluxion, *command], capture_output=True)
                if done.returncode not in (0, 1) or (done.returncode == 1 and b"error: " not in done.stderr):
                    sys.exit(f"{target}, round {i}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")


if __name__ == "__main__":
    main()
