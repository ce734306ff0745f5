# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Each lint passes a small tree that is right and names what is wrong in one that is not."""
import argparse
import json
import os
import sys
import tempfile
import unittest

import docs
import format
import headers
import layers
import paths
import size
import spdx
import twins

LICENCE = "// " + spdx.LICENCE + "\n"


class LintTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def options(self, **given):
        return argparse.Namespace(**{"write": False, "tblgen": None, "include": docs.INCLUDE,
                                     "clang_format": None, "build_dir": self.root, **given})

    def finds(self, lint, *expected, **options):
        problems = lint.check(self.root, self.options(**options))
        self.assertEqual(len(problems), len(expected), problems)
        for problem, part in zip(problems, expected):
            self.assertIn(part, problem)


class Layers(LintTest):
    def arrow(self, path, header, *expected):
        self.write(path, f'#include "{header}"\n')
        self.finds(layers, *expected)

    def test_good(self):
        self.write("ir/Ops.h", "#include <vector>\n#include <sys/mman.h>\n#include \"mlir/IR/Value.h\"\n")
        self.write("runtime/include/fluxion/abi.h", "#include <stdint.h>\n")
        self.write("codegen/llvm/Jit.cpp", '#include "ir/Ops.h"\n#include "fluxion/abi.h"\n')
        self.write("tests/ir/Test.cpp", '#include "passes/Passes.h"\n')
        self.finds(layers)

    def test_upwards(self):
        self.write("passes/Passes.h", "")
        self.arrow("ir/Ops.cpp", "passes/Passes.h", "ir/Ops.cpp:1: passes/Passes.h: no arrow leads from ir to passes")

    def test_runtime_is_alone(self):
        self.arrow("runtime/core/Arena.cpp", "llvm/ADT/StringRef.h", "no arrow leads from runtime to llvm")

    def test_codegen_sees_the_abi_only(self):
        self.write("runtime/include/fluxion/runtime.h", "")
        self.arrow("codegen/llvm/Jit.cpp", "fluxion/runtime.h", "no arrow leads from codegen to runtime")

    def test_public_headers_hide_mlir(self):
        self.arrow("frontend/include/fluxion/Tensor.h", "mlir/IR/Value.h", "no arrow leads from frontend/include to mlir")

    def test_only_the_driver_sees_all(self):
        self.write("passes/Passes.h", "")
        self.arrow("frontend/driver/Compile.cpp", "passes/Passes.h")
        self.arrow("frontend/dsl/Trace.cpp", "passes/Passes.h", "no arrow leads from frontend to passes")

    def test_halide_stays_in_its_folder(self):
        self.arrow("codegen/halide/Pipeline.cpp", "Halide.h")
        self.arrow("codegen/llvm/Loops.cpp", "Halide.h", "no arrow leads from codegen to Halide.h")

    def test_unknown_library(self):
        self.arrow("zoo/vision/mlp.cpp", "boost/any.hpp", "neither in the tree nor a library")

    def test_an_exception_is_counted_down(self):
        self.write("passes/Passes.h", "")
        self.write("tests/lint/layers_allowed.txt", "ir/Ops.cpp -> passes/Passes.h  # why\n")
        self.arrow("ir/Ops.cpp", "passes/Passes.h")
        self.arrow("ir/Ops.cpp", "vector", "is not needed any more")


class Size(LintTest):
    def setUp(self):
        super().setUp()
        for folder in size.FOLDERS:
            self.write(f"{folder}/README.md", "a page\n")

    def test_page(self):
        self.write("ir/README.md", "\n" * 81)
        os.remove(os.path.join(self.root, "zoo/README.md"))
        self.finds(size, "ir/README.md:81: longer than a page", "zoo/README.md: missing")

    def test_limit(self):
        self.write("ir/Long.cpp", "\n" * 601)
        self.write("ir/Short.cpp", "\n" * 600)
        self.finds(size, "ir/Long.cpp:601: 601 lines")


class Spdx(LintTest):
    def test_first_line(self):
        self.write("ir/Good.cpp", LICENCE)
        self.write("dev", "#!/usr/bin/env bash\n# " + spdx.LICENCE + "\n")
        self.write("ir/Late.h", "\n" + LICENCE)
        self.write("tests/none.py", "")
        self.finds(spdx, "ir/Late.h:1", "tests/none.py:1")


class Paths(LintTest):
    def test_machine(self):
        self.write("ir/Good.cpp", "auto p = root / name; // a home/of its own, https://example.com/home/\n")
        self.write("ir/Bad.cpp", "\nopen(\"/" "tmp/x\");\n")
        self.write("ir/Worse.h", "// TO" "DO later\n#if 0\n")
        self.finds(paths, "ir/Bad.cpp:2", "ir/Worse.h:1", "ir/Worse.h:2")

    def test_an_exception_is_counted_down(self):
        self.write("tests/lint/paths_allowed.txt", "ir/Bad.cpp  # why\n")
        self.write("ir/Bad.cpp", "open(\"/" "tmp/x\");\n")
        self.finds(paths)
        self.write("ir/Bad.cpp", "\n")
        self.finds(paths, "is not needed any more")


class Twins(LintTest):
    def good(self):
        self.write("passes/Passes.td", 'def FuseOpsPass : Fluxion_Pass<"fuse-ops"> {\n')
        self.write("passes/fusion/FuseOps.cpp", "")
        self.write("tests/passes/fuse_ops.mlir", "")
        self.write("ir/ops/Shape.td", 'def Fluxion_PadOp : Fluxion_Op<"pad"> {\n`pad_c1`: rank\n')
        self.write("ir/ops/Shape.cpp", "// pad_c1\n")
        self.write("tests/ops/pad.mlir", "// pad_c1\n")

    def without(self, path, *expected):
        self.good()
        os.remove(os.path.join(self.root, path))
        self.finds(twins, *expected)

    def test_good(self):
        self.good()
        self.finds(twins)

    def test_flag(self):
        self.good()
        self.write("passes/Passes.td", 'def FuseOpsPass : Fluxion_Pass<"fuse"> {\n')
        self.finds(twins, 'has the flag "fuse", not "fuse-ops"')

    def test_source(self):
        self.without("passes/fusion/FuseOps.cpp", "FuseOpsPass has no passes/FuseOps.cpp")

    def test_pass_test(self):
        self.without("tests/passes/fuse_ops.mlir", "FuseOpsPass has no tests/passes/fuse_ops.mlir")

    def test_op_test_and_label(self):
        self.without("tests/ops/pad.mlir", "pad_c1 is missing from tests/ops", "pad has no tests/ops/pad.mlir")

    def test_verifier(self):
        self.without("ir/ops/Shape.cpp", "pad_c1 is missing from a verifier")

    def test_error_code(self):
        self.write("frontend/diagnostics/codes/shape-mismatch.md", "")
        self.finds(twins, "no test in tests/errors names shape-mismatch")
        self.write("tests/errors/dense.test", "CHECK: [shape-mismatch]")
        self.finds(twins)


class Docs(LintTest):
    def test_drift(self):
        self.write("passes/Passes.td", 'include "mlir/Pass/PassBase.td"\n'
                   'def FooPass : Pass<"foo"> { let summary = "what it was"; }\n')
        self.finds(docs, "passes/docs/Passes.md: not what passes/Passes.td says")
        self.finds(docs, write=True)
        self.finds(docs)
        self.write("passes/Passes.td", 'include "mlir/Pass/PassBase.td"\n'
                   'def FooPass : Pass<"foo"> { let summary = "what it is"; }\n')
        self.finds(docs, "run ./dev format")

    def test_orphan(self):
        self.write("ir/docs/Gone.md", "")
        self.finds(docs, "ir/docs/Gone.md: no definitions make this page")


class Format(LintTest):
    def test_format(self):
        self.write(".clang-format", "BasedOnStyle: LLVM\n")
        self.write("ir/Good.cpp", "int f();\n")
        self.write("ir/Bad.cpp", "int f( ) ;\n")
        self.finds(format, "ir/Bad.cpp:1: not formatted")
        self.finds(format, write=True)
        self.finds(format)


class Headers(LintTest):
    def test_alone(self):
        source = os.path.join(self.root, "ir/Ops.cpp")
        self.write("compile_commands.json", json.dumps(
            [{"file": source, "directory": self.root, "command": f"ccache clang++-22 -std=c++20 -o Ops.o -c {source}"}]))
        self.write("ir/Good.h", "#include <vector>\ninline std::vector<int> good;\n")
        self.write("ir/Bad.h", "inline std::vector<int> bad;\n")
        self.write("runtime/include/fluxion/abi.h", "bool not_c(void);\n")
        self.finds(headers, "ir/Bad.h: does not compile alone", "abi.h: does not compile alone")


if __name__ == "__main__":
    sys.argv.append("--verbose")
    unittest.main()
