# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference pages in ir/docs and passes/docs say what the .td files say."""
import os
import shutil
import subprocess
import sys

import common

TBLGEN = ("mlir-tblgen-22", "mlir-tblgen", "/usr/lib/llvm-22/bin/mlir-tblgen")
INCLUDE = "/usr/lib/llvm-22/include"


def pages(root):
    """(page, generator, definitions) of every reference page."""
    for path in common.files(root, (".td",)):
        family = os.path.basename(path).removesuffix(".td")
        if path.startswith("ir/ops/") and family != "Ops":
            yield f"ir/docs/{family}.md", "-gen-op-doc", path
    if common.exists(root, "ir/Attrs.td"):
        yield "ir/docs/Attrs.md", "-gen-attrdef-doc", "ir/Attrs.td"
    if common.exists(root, "passes/Passes.td"):
        yield "passes/docs/Passes.md", "-gen-pass-doc", "passes/Passes.td"


def render(root, generator, definitions, args):
    tool = args.tblgen or next(filter(None, map(shutil.which, TBLGEN)), None)
    if not tool:
        sys.exit("mlir-tblgen is not on the PATH; name it by --tblgen")
    done = subprocess.run([tool, generator, "-I", root, "-I", args.include,
                           os.path.join(root, definitions)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    # Trailing blanks of the generator are no content.
    return "\n".join(line.rstrip() for line in done.stdout.rstrip().splitlines()) + "\n"


def check(root, args):
    problems, known = [], set()
    for page, generator, definitions in pages(root):
        known.add(page)
        text = render(root, generator, definitions, args)
        if common.exists(root, page) and common.read(root, page) == text:
            continue
        if args.write:
            os.makedirs(os.path.dirname(os.path.join(root, page)), exist_ok=True)
            with open(os.path.join(root, page), "w", encoding="utf-8") as file:
                file.write(text)
        else:
            problems.append(f"{page}: not what {definitions} says; run ./dev format")
    for folder in ("ir/docs", "passes/docs"):
        for name in sorted(os.listdir(os.path.join(root, folder))) if common.exists(root, folder) else ():
            page = f"{folder}/{name}"
            if page in known or name == "README.md":
                continue
            if args.write:
                os.remove(os.path.join(root, page))
            else:
                problems.append(f"{page}: no definitions make this page; run ./dev format")
    return problems


if __name__ == "__main__":
    common.main(check, write={"action": "store_true", "help": "bring the pages up to date"},
                tblgen={"help": "mlir-tblgen to use"},
                include={"default": INCLUDE, "help": "MLIR's headers"})
