# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every header compiles alone: public ones with no include path but their own, others as their folder's sources do."""
import concurrent.futures
import json
import os
import shlex
import subprocess

import common

PUBLIC = {"frontend/include/": ["frontend/include", "runtime/include"], "runtime/include/": ["runtime/include"]}


def commands(build_dir, root):
    """A compile command for each folder that has sources, less its input and output."""
    found = {}
    with open(os.path.join(build_dir, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        path = os.path.relpath(entry["file"], root)
        words = shlex.split(entry["command"])
        if path.startswith("..") or not path.endswith(".cpp"):
            continue
        compiler = next(i for i, w in enumerate(words) if "clang++" in w or "g++" in w or w.endswith("c++"))
        kept, skip = [], False
        for word in words[compiler:]:
            if skip:
                skip = False
            elif word in ("-o", "-c", "-MF", "-MT"):
                skip = True
            elif word not in ("-MD", entry["file"]):
                kept.append(word)
        found.setdefault(os.path.dirname(path), (kept, entry["directory"]))
    return found


def compile_command(root, path, known):
    """How to compile the header alone, as (words, folder); None where no source tells."""
    for prefix, includes in PUBLIC.items():
        if path.startswith(prefix):
            flags = [f"-I{os.path.join(root, i)}" for i in includes]
            language = ["-xc", "-std=c11"] if path.endswith("abi.h") else ["-xc++", "-std=c++20"]
            compiler = next((w[0][0] for w in known.values()), "clang++-22")
            return [compiler, *language, *flags, "-Wall", "-Wextra", "-Werror", "-Wno-pragma-once-outside-header"], root
    folder = os.path.dirname(path)
    while folder and folder not in known:
        below = sorted(f for f in known if f.startswith(folder + "/"))
        folder = below[0] if below else os.path.dirname(folder)
    return known.get(folder)


def compiles(root, path, command):
    if command is None:
        return f"{path}: no source of its folder is compiled, so neither is this"
    words, folder = command
    source = f'#include "{os.path.join(root, path)}"\n'
    language = [] if "-xc" in words or "-xc++" in words else ["-xc++"]
    done = subprocess.run([*words, *language, "-fno-color-diagnostics", "-fsyntax-only", "-"], cwd=folder, input=source,
                          capture_output=True, text=True)
    return f"{path}: does not compile alone\n{done.stderr.strip()}" if done.returncode else None


def check(root, args):
    known = commands(args.build_dir, root)
    headers = [p for p in common.files(root, (".h",))
               if p.split("/")[0] in ("frontend", "ir", "passes", "codegen", "runtime", "zoo")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda p: compiles(root, p, compile_command(root, p, known)), headers)
        return [r for r in results if r]


if __name__ == "__main__":
    common.main(check, build_dir={"default": os.path.join(common.ROOT, "build"),
                                  "help": "a configured and built folder"})
