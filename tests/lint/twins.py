# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One stem in each of its places: passes, constraint labels, ops and error codes."""
import re

import common


def words(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def passes(root):
    """def FooBarPass in Passes.td, flag foo-bar, source FooBar.cpp, test tests/passes/foo_bar.mlir."""
    if not common.exists(root, "passes/Passes.td"):
        return
    table = common.read(root, "passes/Passes.td")
    sources = common.files(root, (".cpp", ".mlir"))
    for name, flag in re.findall(r'^def (\w+)Pass\s*:\s*\w+<"([\w-]+)"', table, re.MULTILINE):
        if flag.removeprefix("fluxion-") != words(name):
            yield f'passes/Passes.td: {name}Pass has the flag "{flag}", not "{words(name)}"'
        if not any(re.fullmatch(rf"passes/(\w+/)?{name}\.cpp", s) for s in sources):
            yield f"passes/Passes.td: {name}Pass has no passes/{name}.cpp"
        stem = words(name).replace("-", "_")
        if not any(re.fullmatch(rf"tests/passes/{stem}(_\w+)?\.mlir", s) for s in sources):
            yield f"passes/Passes.td: {name}Pass has no tests/passes/{stem}.mlir"


def labels(root):
    """A constraint's label op_cN stands in the description, the verifier and a negative test."""
    found = {}
    for place, suffix in (("ir/", ".td"), ("ir/", ".cpp"), ("tests/ops/", ".mlir")):
        for path in common.files(root, (suffix,)):
            if path.startswith(place):
                for label in re.findall(r"\b[a-z_0-9]+_c\d+\b", common.read(root, path)):
                    found.setdefault(label, {}).setdefault(suffix, path)
    for label, where in sorted(found.items()):
        for suffix, place in ((".td", "a description"), (".cpp", "a verifier"), (".mlir", "tests/ops")):
            if suffix not in where:
                yield f"{next(iter(where.values()))}: {label} is missing from {place}"


def ops(root):
    """An op `fluxion.foo` has tests/ops/foo.mlir."""
    tests = {t.rsplit("/", 1)[1] for t in common.files(root, (".mlir",)) if t.startswith("tests/ops/")}
    for path in common.files(root, (".td",)):
        if path.startswith("ir/ops/"):
            for op in re.findall(r'^def Fluxion_\w+Op\s*:\s*\w+<"(\w+)"', common.read(root, path), re.MULTILINE):
                if op + ".mlir" not in tests:
                    yield f"{path}: {op} has no tests/ops/{op}.mlir"


def codes(root):
    """An error code's page frontend/diagnostics/codes/CODE.md has a test tests/errors/CODE*."""
    paths = common.files(root)
    tests = [p for p in paths if p.startswith("tests/errors/")]
    for path in paths:
        page = re.fullmatch(r"frontend/diagnostics/codes/([\w-]+)\.md", path)
        if page and page[1] != "README" and not any(
                page[1] in common.read(root, t) or page[1] in t for t in tests):
            yield f"{path}: no test in tests/errors names {page[1]}"


def check(root, args=None):
    return [problem for rule in (passes, labels, ops, codes) for problem in rule(root)]


if __name__ == "__main__":
    common.main(check)
