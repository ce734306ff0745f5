# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every source opens with its licence, below a #! line if it has one."""
import common

LICENCE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
SCRIPTS = ("dev", ".ci/run")


def check(root, args=None):
    problems = []
    for path in common.files(root, common.SOURCES + (".proto", ".py.in", ".cmake.in") + SCRIPTS):
        lines = common.read(root, path).splitlines()[:2]
        if lines and lines[0].startswith("#!"):
            lines = lines[1:]
        if not lines or not lines[0].endswith(LICENCE):
            problems.append(f"{path}:1: does not open with \"{LICENCE}\"")
    return problems


if __name__ == "__main__":
    common.main(check)
