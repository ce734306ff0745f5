# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Examples run as printed: those of every command's help, of README.md and of the executables."""
import array
import os
import re
import subprocess
import unittest

import npz
from programs import BUILD, FLUXION, ROOT, ProgramTest, run, write_mnist

KERNEL = """func.func @f(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %y = fluxion.dot_general %x, %w contracting [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %y : tensor<64x64xf32>
}
"""


class ExamplesTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.symlink(BUILD, cls.path("build"))
        os.symlink(os.path.join(ROOT, "zoo"), cls.path("zoo"))
        for name in "kernel.mlir", "gemm.mlir":
            with open(cls.path(name), "w", encoding="utf-8") as file:
                file.write(KERNEL)
        numbers = array.array("f", (i % 7 / 7 for i in range(64 * 64))).tobytes()
        npz.write(cls.path("in.npz"), "f4", [(name, (64, 64), numbers) for name in "xw"])
        run(FLUXION, "run", cls.path("kernel.mlir"), "--target=reference", f"--inputs={cls.path('in.npz')}",
            f"--outputs={cls.path('out.npz')}")
        os.makedirs(cls.path("DIR"))
        write_mnist(cls.path("DIR"))

    def shell(self, line):
        """The lines stand for themselves but for the folder with data, and measure as little as they may."""
        line += " --seconds=0.001" if re.match(r"\S+ (bench|tune) ", line) else ""
        environment = {**os.environ, "PATH": f"{os.path.dirname(FLUXION)}:{os.environ['PATH']}",
                       "FLUXION_DATA_DIR": self.path("DIR")}
        done = subprocess.run(line, shell=True, cwd=self.folder, env=environment, text=True, capture_output=True,
                              timeout=300)
        if "error: no CUDA device" in done.stderr and "--target=cuda" in line:
            return  # it says so itself; the tests of gpu/ run where there is one
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}\n{done.stderr}")

    def examples(self, page, program="fluxion"):
        """What stands before the usage, without what is said of it three spaces on."""
        lines = re.findall(rf"(?m)^  ({program}(?: {{1,4}}\S+){{0,2}}.*?)(?:   .*)?$", page.split("Usage:")[0])
        return [re.sub(" +", " ", line) for line in lines]

    def test_help(self):
        page = run(FLUXION, "--help").stdout
        commands = re.findall(r"(?m)^  (\w+) ", page.split("Usage:")[1])
        self.assertIn("explain", commands)
        for words in ["--help"], *([command, "--help"] for command in commands):
            lines = self.examples(run(FLUXION, *words).stdout)
            self.assertTrue(lines, words)
            for line in lines:
                if not line.startswith("fluxion demo"):  # has a test of its own
                    with self.subTest(line):
                        self.shell(line)

    def test_readme(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            lines = re.findall(r"(?m)^(build/bin/fluxion .*?)(?: +#.*)?$", file.read())
        self.assertGreater(len(lines), 3)
        for line in lines:
            with self.subTest(line):
                self.shell(line)

    def test_executable(self):
        self.build("vision/mlp", "mlp")
        lines = self.examples(run(self.path("mlp"), "--help").stdout, r"\S+/mlp")
        self.assertGreater(len(lines), 2)
        for line in lines:
            with self.subTest(line):
                self.shell(line.replace("PATH", "DIR"))


if __name__ == "__main__":
    unittest.main()
