# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""No source has more than 600 lines: split it by op family or by concern."""
import common

LIMIT = 600


def check(root, args=None):
    problems = []
    for path in common.files(root, common.SOURCES + (".mlir", ".test")) + ["dev"]:
        if not common.exists(root, path):
            continue
        lines = common.read(root, path).count("\n")
        if lines > LIMIT:
            problems.append(f"{path}:{LIMIT + 1}: {lines} lines, at most {LIMIT}")
    return problems


if __name__ == "__main__":
    common.main(check)
