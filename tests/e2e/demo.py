# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demonstration shows what it promises, on a terminal with live progress."""
import os
import unittest

from programs import FLUXION, ProgramTest


class DemoTest(ProgramTest):
    def test_on_a_terminal(self):
        environment = {key: value for key, value in os.environ.items() if key != "FLUXION_DATA_DIR"}
        text = self.terminal(FLUXION, "demo", env=environment).replace("\r\n", "\n")
        for line in (
            r"\r\x1b\[Kstep \d+  loss [\d.]+  accuracy [\d.]+ %  \d+ samples/s  \d+ s left",
            r"in process:   1350 steps in [\d.]+ s, compilation included; (9[7-9]|100)\.\d\d % on the held-out fifth",
            r"built:        a standalone executable of \d+ kB in [\d.]+ s",
            r"standalone:   1350 steps in [\d.]+ s; (9[7-9]|100)\.\d\d % on the held-out fifth",
            r"cold start:   [\d.]+ ms to the first finished step",
            r"step time:    [\d.]+ ms \(median\)",
            r"peak memory:  [\d.]+ MB",
            r"loss curves:  bit-identical over 1350 steps",
            r"step: \d+ kernels, .* moved, .*, arena .*\n +without fusion: \d+ kernels, .* moved, arena ",
            r"done in [\d.]+ s\n$",
        ):
            self.assertRegex(text, line)


if __name__ == "__main__":
    unittest.main()
