# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""No source has more than 600 lines (split it by op family or by concern); a folder opens with a page that explains it."""
import common

LIMIT = 600
FOLDERS = ("frontend", "ir", "passes", "codegen", "runtime", "zoo", "tests", "bench")
PAGE = 80


def check(root, args=None):
    problems = []
    for path in common.files(root, common.SOURCES + (".mlir", ".test")) + ["dev"]:
        if not common.exists(root, path):
            continue
        lines = common.read(root, path).count("\n")
        if lines > LIMIT:
            problems.append(f"{path}:{LIMIT + 1}: {lines} lines, at most {LIMIT}")
    for folder in FOLDERS:
        page = f"{folder}/README.md"
        if not common.exists(root, page):
            problems.append(f"{page}: missing; say what comes in, what goes out, where to start, how to add one more")
        elif common.read(root, page).count("\n") > PAGE:
            problems.append(f"{page}:{PAGE + 1}: longer than a page of {PAGE} lines")
    return problems


if __name__ == "__main__":
    common.main(check)
