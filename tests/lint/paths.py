# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""No path of one machine, no note to finish later, no commented-out code block in the tree."""
import re

import common

TEXT = common.SOURCES + (".mlir", ".test", ".md", ".txt", ".json", ".yml", ".proto", ".in", "dev",
                         ".ci/run", ".clang-tidy", ".clang-format")
# Written in pieces, so that this file passes its own check.
RULES = (
    (re.compile(r"(?<![\w.])/(wo" r"rk|fa" r"rm|ro" r"ot|ho" r"me|tm" r"p)(/|\b)"), "a path of one machine"),
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"), "a note to finish later"),
    (re.compile(r"^#if 0\b"), "code that is switched off"),
)


def check(root, args=None):
    exceptions = common.allowed(root, "paths_allowed.txt")
    problems, used = [], set()
    for path in common.files(root, TEXT):
        if path == "tests/lint/paths_allowed.txt":
            continue
        for number, line in enumerate(common.read(root, path).splitlines(), 1):
            for rule, what in RULES:
                match = rule.search(line)
                if not match:
                    continue
                if path in exceptions:
                    used.add(path)
                else:
                    problems.append(f"{path}:{number}: {match.group()}: {what}")
    problems += [f"tests/lint/paths_allowed.txt: \"{e}\" is not needed any more, delete it"
                 for e in sorted(exceptions - used)]
    return problems


if __name__ == "__main__":
    common.main(check)
