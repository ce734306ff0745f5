#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training steps and kernels on a GPU: right, and how fast.

  bench/gpu.py prepare DIR --fluxion=build/bin/fluxion   where the compiler is: programs into DIR
  bench/gpu.py run DIR [--seconds=200]                   where the GPU is: needs Python alone
  bench/gpu.py graphs DIR                                steps as graphs with branches and in one line

Every program holds a CPU part, so each is compared with itself on the CPU."""
import argparse
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

ARCHS = "cpu:x86-64-v3,cuda:sm_80,cuda:sm_90a"
# model, batch, precision, kind of data, steps compared, steps timed (at least a second, for clocks
# rise), largest difference of a loss
MODELS = (("vision/mlp", 128, "f32", "mnist", 20, 20000, 1e-3),
          ("vision/mlp", 128, "tf32", "mnist", 5, 20000, 2e-2),
          ("vision/mlp", 128, "bf16", "mnist", 5, 20000, 5e-2),
          ("vision/lenet", 64, "f32", "mnist", 20, 10000, 1e-3),
          ("vision/lenet", 64, "tf32", "mnist", 5, 10000, 2e-2),
          ("vision/resnet20", 128, "f32", "cifar10", 4, 600, 5e-3),
          ("vision/resnet20", 128, "tf32", "cifar10", 4, 600, 2e-2),
          ("vision/resnet20", 128, "bf16", "cifar10", 4, 600, 5e-2))
HERE = os.path.dirname(os.path.abspath(__file__))
# Functions compared one by one: at sizes that take every branch of a grid, and large ones; products
# beside cuBLASLt's, convolutions beside cuDNN's.
KERNELS = (("shapes", f"{HERE}/../tests/gpu/shapes.mlir", "gpuRunner", ARCHS),
           ("kernels", f"{HERE}/kernels/gpu.mlir", "gpuRunner", ARCHS),
           ("rows", f"{HERE}/kernels/rows.mlir", "gpuRunner", ARCHS),
           ("products", f"{HERE}/kernels/products.mlir", "productRunner", "cuda:sm_90a"),
           ("convolutions", f"{HERE}/kernels/convolutions.py", "libraryRunner", "cuda:sm_90a"))


def program_of(folder, model, precision):
    return f"{folder}/{model.split('/')[-1]}_{precision}"


def prepare(args):
    os.makedirs(args.folder, exist_ok=True)
    for model, batch, precision, *_ in MODELS:
        program = program_of(args.folder, model, precision)
        subprocess.run([args.fluxion, "build", model, f"--batch={batch}", f"--target={ARCHS}",
                        f"--precision={precision}", "-o", program], check=True)
        print("built", program, flush=True)
    library = os.path.join(os.path.dirname(args.fluxion), "..", "lib")
    with tempfile.TemporaryDirectory() as scratch:
        for name, source, runner, archs in KERNELS:
            file, kind = os.path.splitext(os.path.basename(source))
            if kind == ".py":
                text = subprocess.run([sys.executable, source], check=True, capture_output=True)
                source = f"{scratch}/{file}.mlir"
                with open(source, "wb") as out:
                    out.write(text.stdout)
            subprocess.run([args.fluxion, "build", source, "--emit=object", f"--target={archs}",
                            "-o", f"{scratch}/{file}.o"], check=True)
            subprocess.run([os.environ.get("CXX", "c++"), "-std=c++20", "-O2", "-s",
                            f"-DPROGRAM=fx_{file}_program", f"-I{HERE}/..",
                            f"-I{HERE}/../runtime/include", f"{HERE}/{runner}.cpp",
                            f"{scratch}/{file}.o", f"{library}/libfluxion_rt.a", "-lpthread",
                            "-ldl", "-o", f"{args.folder}/{name}"], check=True)
            print("built", name, flush=True)


def pixels(generator, count, size):
    """Images of which each label has a bright place of its own, over noise."""
    data, labels = bytearray(), bytearray()
    for _ in range(count):
        label = generator.randrange(10)
        image = bytearray(generator.randbytes(size))
        place = label * (size // 10)
        image[place:place + size // 20] = bytes([255]) * (size // 20)
        data += image
        labels.append(label)
    return bytes(data), bytes(labels)


def write_data(folder):
    generator = random.Random(1)
    os.makedirs(f"{folder}/mnist")
    for name, count in (("train", 6400), ("t10k", 256)):
        data, labels = pixels(generator, count, 784)
        with open(f"{folder}/mnist/{name}-images-idx3-ubyte", "wb") as out:
            out.write(struct.pack(">IIII", 2051, count, 28, 28) + data)
        with open(f"{folder}/mnist/{name}-labels-idx1-ubyte", "wb") as out:
            out.write(struct.pack(">II", 2049, count) + labels)
    os.makedirs(f"{folder}/cifar10")
    for name, count in (("data_batch_1", 2560), ("test_batch", 256)):
        data, labels = pixels(generator, count, 3072)
        with open(f"{folder}/cifar10/{name}.bin", "wb") as out:
            for i in range(count):
                out.write(labels[i:i + 1] + data[3072 * i:3072 * i + 3072])


def events(program, data, target, steps, epochs=1, limit=60, **environment):
    """The JSON lines of a run; an error where it fails."""
    started = time.monotonic()
    done = subprocess.run([program, f"--data={data}", "--json", f"--target={target}",
                           f"--batch-limit={steps}", f"--epochs={epochs}"],
                          capture_output=True, text=True, timeout=limit,
                          env={**os.environ, **environment})
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"exit {done.returncode}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines, time.monotonic() - started


def losses(lines):
    return [line["loss"] for line in lines if line["event"] == "step"]


def end_of(case, folder, data, **environment):
    """What a run of so many steps as are timed says at its end."""
    model, batch, precision, kind, _, timed, _ = case
    epochs = max(1, timed // 20 if kind == "cifar10" else timed // (6400 // batch))
    lines, _ = events(program_of(folder, model, precision), f"{data}/{kind}", "cuda", 0, epochs, limit=120,
                      **environment)
    return next(line for line in lines if line["event"] == "end")


def compare_graphs(args):
    """Three rounds, the shapes in turns: the time of a step, and the host's part of it."""
    with tempfile.TemporaryDirectory() as data:
        write_data(data)
        for case in MODELS:
            best = {}
            for _ in range(3):
                for shape in "branches", "line":
                    end = end_of(case, args.folder, data, FLUXION_CUDA_GRAPH=shape)
                    times = end["median_step_ms"], 1e3 * end["median_host_ms"]
                    best[shape] = tuple(map(min, best.get(shape, times), times))
            print(f"{case[0]:16} {case[2]:5}", *(f"{shape} {step:8.4f} ms a step, host {host:6.1f} us "
                                                 for shape, (step, host) in best.items()), flush=True)


def check_model(folder, data, case):
    model, batch, precision, kind, compared, _, most = case
    program, name = program_of(folder, model, precision), f"{model} {precision}"
    gpu, seconds = events(program, f"{data}/{kind}", "cuda", compared)
    cpu, _ = events(program, f"{data}/{kind}", "cpu", compared, limit=120)
    again, _ = events(program, f"{data}/{kind}", "cuda", compared)
    apart = max(abs(a - b) / max(abs(b), 1e-3) for a, b in zip(losses(gpu), losses(cpu)))
    same = losses(gpu) == losses(again)
    end = end_of(case, folder, data)
    first = next(line for line in gpu if line["event"] == "step")
    right = apart <= most and same
    print(f"{name:20} batch {batch:4}  {end['median_step_ms']:8.4f} ms a step, host "
          f"{1e3 * end['median_host_ms']:6.1f} us  {end['steps']} steps  losses of {compared} steps "
          f"differ by {apart:.1e} from the CPU's, {'the same again' if same else 'NOT the same again'}"
          f"  first step {first['ms']:.1f} ms, whole run {seconds:.2f} s{'' if right else '  WRONG'}",
          flush=True)
    return right


def run(args):
    started, right = time.monotonic(), True
    with tempfile.TemporaryDirectory() as data:
        write_data(data)
        jobs = [lambda case=case: check_model(args.folder, data, case) for case in MODELS]
        jobs += [lambda name=name: subprocess.run([f"{args.folder}/{name}"],
                                                  timeout=90).returncode == 0
                 for name, *_ in KERNELS]
        for job in jobs:
            if time.monotonic() - started > args.seconds:
                print("out of time; the rest was not run")
                return 1
            try:
                right &= job()
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(str(error) if str(error).startswith("error") else f"error: {error}", flush=True)
                right = False
    print(f"{'all right' if right else 'SOMETHING IS WRONG'} in {time.monotonic() - started:.0f} s")
    return 0 if right else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("prepare", "run", "graphs"))
    parser.add_argument("folder")
    parser.add_argument("--fluxion", default="build/bin/fluxion", help="the compiler")
    parser.add_argument("--seconds", type=float, default=200, help="start nothing later than this")
    args = parser.parse_args()
    if args.what == "prepare":
        prepare(args)
        return 0
    return compare_graphs(args) if args.what == "graphs" else run(args)


if __name__ == "__main__":
    sys.exit(main())
