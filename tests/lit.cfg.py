# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The lit suites: a folder of .mlir and .test files, each with its own RUN lines."""
import os

import lit.formats

config.name = "fluxion"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.fluxion_binary_dir, "tests")

config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.fluxion_binary_dir, "bin"), config.llvm_tools_dir, config.environment["PATH"]])
config.environment["FLUXION_CACHE_DIR"] = os.path.join(config.test_exec_root, "cache")
for name in ("FLUXION_DATA_DIR", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

# `fluxion` alone is left to the PATH: as a substitution it would rewrite every dialect prefix.
config.substitutions += [
    ("%source_dir", config.fluxion_source_dir),
    ("%binary_dir", config.fluxion_binary_dir),
    ("%python", config.python),
]

if config.halide and "NOTFOUND" not in config.halide:
    config.available_features.add("halide")
if config.sanitize == "ON":
    config.available_features.add("sanitize")
if "FLUXION_DATA_DIR" in os.environ:
    config.available_features.add("data")
