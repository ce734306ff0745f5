# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Objects linked by a user's own compiler: the same losses from plain C, what a step asks of heap and system, and
every access under AddressSanitizer."""
import array
import glob
import os
import random
import re
import unittest
import zipfile

import npz
from programs import BUILD, FLUXION, HERE, ROOT, ProgramTest, losses, run, write_mnist

CC, CXX = os.environ.get("CC", "cc"), os.environ.get("CXX", "c++")
LIBRARIES = os.path.join(BUILD, "lib")
MASK = (1 << 64) - 1


def shuffled(count, seed, epoch):
    """The trainer's order of an epoch (Fisher-Yates by SplitMix64), written again."""
    state, order = (seed * 0xD1342543DE82EF95 + epoch) & MASK, list(range(count))
    for i in range(count - 1, 0, -1):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        z ^= z >> 31
        j = z * (i + 1) >> 64
        order[i], order[j] = order[j], order[i]
    return order


class LinkedTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        write_mnist(cls.folder, train=512)
        cls.object("vision/mlp", "mlp")

    @classmethod
    def object(cls, model, name):
        """The object, and its header as program.h in a folder of its own."""
        os.makedirs(cls.path(name), exist_ok=True)
        cls.build(model, f"{name}/program.o", "--emit=object")

    def compiled(self, name, source, *flags, compiler=CXX, libraries=("libfluxion_rt.a",), objects=("program.o",),
                 model="vision_mlp"):
        program = self.path(name, source.split(".")[0])
        self.run_ok(compiler, "-g", "-O1", *flags, f"-I{ROOT}/runtime/include", f"-I{self.path(name)}",
                    f"-DPROGRAM=fx_{model}_program", os.path.join(HERE, "harness", source),
                    *(self.path(name, each) for each in objects),
                    *(os.path.join(LIBRARIES, each) for each in libraries), "-lstdc++", "-lm", "-pthread", "-o", program)
        return program

    def test_losses_from_plain_c(self):
        with open(self.path("train-images-idx3-ubyte"), "rb") as file:
            pixels = file.read()[16:]
        with open(self.path("train-labels-idx1-ubyte"), "rb") as file:
            labels = file.read()[8:]
        order, batches = shuffled(512, 1, 0), self.path("batches")
        numbers = [array.array("f", [byte / 255])[0] for byte in range(256)]
        with open(batches, "wb") as file:
            for first in range(0, 512, 128):
                rows = order[first:first + 128]
                for row in rows:
                    array.array("f", [numbers[byte] for byte in pixels[784 * row:784 * row + 784]]).tofile(file)
                array.array("i", [labels[row] for row in rows]).tofile(file)
        embedded = self.compiled("mlp", "curve.c", "-std=c11", "-Wall", "-Werror", "-pedantic", compiler=CC)
        found = self.run_ok(embedded, batches).split()
        trainer = self.build("vision/mlp", "trainer")
        self.assertEqual(found, losses(self.run_ok(trainer, f"--data={self.folder}", "--json")))
        self.assertEqual(len(found), 4)

    def test_halide_kernels_from_plain_c(self):
        """Its hooks come from the runtime archive; same bits as in process, where inputs stand at other addresses."""
        if not glob.glob(os.path.join(LIBRARIES, "libfluxion_halide.*")):
            self.skipTest("Halide was not found when this was built; set HALIDE_ROOT")
        model, results = os.path.join(HERE, "harness", "depthwise.mlir"), self.path("results.npz")
        os.makedirs(self.path("depthwise"))
        self.build(model, "depthwise/program.o", "--emit=object", "--schedule=backend=halide")
        rng, inputs, archive = random.Random(5), self.path("inputs"), self.path("inputs.npz")
        images = [array.array("f", (rng.uniform(-1, 1) for _ in range(4 * 20 * 20 * 32))).tobytes() for _ in "xd"]
        with open(inputs, "wb") as raw:
            raw.write(b"".join(images))
        npz.write(archive, "f4", [(name, (4, 20, 20, 32), image) for name, image in zip("xd", images)])
        program = self.compiled("depthwise", "entry.c", "-std=c11", "-Wall", "-Werror", "-pedantic", compiler=CC,
                                model="depthwise")
        self.run_ok(program, "weights", inputs, self.path("outputs"))
        self.run_ok(FLUXION, "run", model, f"--inputs={archive}", f"--outputs={results}", "--schedule=backend=halide")
        with zipfile.ZipFile(results) as members, open(self.path("outputs"), "rb") as raw:
            self.assertEqual(members.read(members.namelist()[0])[-9 * 32 * 4:], raw.read())

    def test_steps_neither_allocate_nor_call(self):
        counted = self.compiled("mlp", "counted.cpp", "-std=c++20")
        for threads in "1", "2":
            done = run(counted, threads)
            if done.returncode == 77:
                self.skipTest("the system offers no seccomp filters")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, "allocations 0, system calls 0, the last 0\n")
        self.assertRegex(self.run_ok(counted, "2", "plant"), "allocations 200, system calls 200,")

    def instrumented(self, model, name, *flags):
        """The program's LLVM IR, marked for AddressSanitizer and compiled by clang."""
        folder = os.path.dirname(self.build(model, f"{name}/program.o", "--emit=object", *flags))
        text = self.build(model, f"{name}/program.ll", "--emit=llvm", *flags)
        with open(text, encoding="utf-8") as file:
            ir = re.sub(r"(?m)^(define .*?)( \{)$", r"\1 sanitize_address\2", file.read())
        with open(text, "w", encoding="utf-8") as file:
            file.write(ir)
        self.run_ok(CXX, "-c", "-O1", "-march=native", "-fsanitize=address", "-Wno-override-module", text, "-o",
                    os.path.join(folder, "instrumented.o"))
        return self.compiled(name, "exact.cpp", "-std=c++20", "-fsanitize=address,undefined",
                             libraries=("libfluxion_rt_sanitized.a",), objects=("instrumented.o",),
                             model=model.replace("/", "_"))

    def test_accesses_stay_inside(self):
        if "clang" not in run(CXX, "--version").stdout:
            self.skipTest("instrumenting LLVM IR needs clang")
        for model, batch in (("vision/mlp", "5"), ("vision/lenet_digits", "3"), ("vision/resnet20", "2")):
            with self.subTest(model):
                name = "sanitized_" + model.split("/")[1]
                os.makedirs(self.path(name))
                # Halide's objects cannot be instrumented here, so its kernels take the loops.
                program = self.instrumented(model, name, f"--batch={batch}", "--schedule=backend=llvm-loops")
                text = self.run_ok(program)
                for entry in "init", "step", "evaluate", "predict":
                    self.assertIn(f"{entry}: clean\n", text)
                if model == "vision/mlp":
                    for kind in "state", "arena", "input", "output":
                        self.refused(program, kind, says="AddressSanitizer: heap-buffer-overflow")


if __name__ == "__main__":
    unittest.main()
