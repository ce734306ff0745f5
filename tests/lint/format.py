# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The C++ is formatted as .clang-format says."""
import os
import shutil
import subprocess
import sys

import common

TOOLS = ("clang-format-22", "/usr/lib/llvm-22/bin/clang-format")


def check(root, args):
    tool = args.clang_format or next(filter(None, map(shutil.which, TOOLS)), None)
    if not tool:
        sys.exit("clang-format 22 is not on the PATH; name it by --clang-format")
    paths = common.files(root, common.CXX)
    if not paths:
        return []
    mode = ["-i"] if args.write else ["--dry-run"]
    done = subprocess.run([tool, "--style=file", *mode, *paths], cwd=root,
                          env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True)
    if done.returncode:
        return [done.stderr]
    first = {}
    for line in done.stderr.splitlines():
        if "[-Wclang-format-violations]" in line:
            path, number = line.split(":")[:2]
            first.setdefault(path, number)
    return [f"{path}:{number}: not formatted; run ./dev format" for path, number in sorted(first.items())]


if __name__ == "__main__":
    common.main(check, write={"action": "store_true", "help": "format the files"},
                clang_format={"help": "clang-format to use"})
