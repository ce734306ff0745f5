# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every lint shares: which files are ours, and how problems are told."""
import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CXX = (".cpp", ".h", ".c")
SOURCES = CXX + (".td", ".py", ".sh", ".cmake", "CMakeLists.txt")
# Generated pages are compared by docs.py and not read by the other lints.
GENERATED = ("ir/docs/", "passes/docs/")


def files(root, suffixes=("",)):
    """Paths, relative to root, of the project's files with one of the suffixes."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders
                            if not re.match(r"build|\.git$|\.cache$|__pycache__$", f))
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
            if path.endswith(tuple(suffixes)) and not path.startswith(GENERATED):
                found.append(path)
    return found


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def exists(root, path):
    return os.path.exists(os.path.join(root, path))


def allowed(root, name):
    """The exceptions in tests/lint/NAME: one a line, `#` opens its reason."""
    path = f"tests/lint/{name}"
    if not exists(root, path):
        return set()
    lines = (line.split("#")[0].strip() for line in read(root, path).splitlines())
    return {line for line in lines if line}


def main(check, **options):
    """Runs check(root, args) and prints the problems it returns, as an editor reads them."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--root", default=ROOT, help="the tree to check")
    for name, settings in options.items():
        parser.add_argument("--" + name.replace("_", "-"), **settings)
    args = parser.parse_args()
    problems = check(args.root, args)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
    sys.exit(1 if problems else 0)
