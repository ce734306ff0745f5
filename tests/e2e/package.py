# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Installs Fluxion beside the build, then builds and runs the project in package/ against it, as a user would."""
import argparse
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def run(*words, **options):
    print("+", " ".join(words), flush=True)
    done = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    print(done.stdout, flush=True)
    if done.returncode:
        sys.exit(f"exit {done.returncode}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser()
    for option in ("--build-dir", "--cxx", "--cc"):
        parser.add_argument(option, required=True)
    args = parser.parse_args()
    work = os.path.join(args.build_dir, "tests", "package")
    shutil.rmtree(work, ignore_errors=True)
    prefix, build = os.path.join(work, "prefix"), os.path.join(work, "build")

    run("cmake", "--install", args.build_dir, "--prefix", prefix)
    installed = {os.path.relpath(os.path.join(folder, name), prefix)
                 for folder, _, names in os.walk(prefix) for name in names}
    for needed in ("bin/fluxion", "bin/fluxion-opt", "include/fluxion/fluxion.h", "include/fluxion/abi.h",
                   "include/fluxion/runtime.h", "lib/libfluxion.so", "lib/libfluxion_rt.a", "lib/libfluxion_train.a",
                   "lib/cmake/Fluxion/FluxionConfig.cmake"):
        if needed not in installed:
            sys.exit(f"{needed} is not installed")
    for path in sorted(installed):
        if path.startswith("lib/cmake/"):
            with open(os.path.join(prefix, path), encoding="utf-8") as file:
                if HERE in (text := file.read()) or args.build_dir in text:
                    sys.exit(f"{path} names the folder it was built in")

    # What the build folder still has must not be found by accident.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FLUXION_") or k == "FLUXION_CACHE_DIR"}
    run("cmake", "-G", "Ninja", "-S", os.path.join(HERE, "package"), "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_COMPILER={args.cxx}", f"-DCMAKE_C_COMPILER={args.cc}", "-DCMAKE_BUILD_TYPE=Release",
        env=environment)
    run("cmake", "--build", build, env=environment)
    for program in ("gradient", "train", "embedded"):
        run(os.path.join(build, program), env=environment)
    libraries = run("ldd", os.path.join(build, "embedded"))
    if "MLIR" in libraries or "LLVM" in libraries:
        sys.exit("the embedded program links the compiler")
    if "fluxion" not in run(os.path.join(prefix, "bin", "fluxion"), "--help", env=environment):
        sys.exit("the installed command does not answer --help")


if __name__ == "__main__":
    main()
