# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Includes follow the arrows between folders; every other include is an error."""
import re

import common

# folder -> what it may include: own folders and the outside libraries that a layer is made of.
# The longest matching folder rules.
MLIR = ("mlir/", "llvm/", "llvm-c/", "mlir-c/")
ARROWS = {
    "ir": ("ir/",) + MLIR,
    "passes": ("passes/", "ir/", "google/protobuf/") + MLIR,
    "codegen": ("codegen/", "ir/", "runtime/include/fluxion/abi.h") + MLIR,
    "codegen/halide": ("codegen/", "ir/", "runtime/include/fluxion/abi.h", "Halide") + MLIR,
    "runtime": ("runtime/",),
    "frontend/include": ("frontend/include/",),
    "frontend": ("frontend/", "ir/") + MLIR,
    "frontend/driver": ("frontend/", "ir/", "passes/", "codegen/", "runtime/", "zoo/",
                        "google/protobuf/") + MLIR,
    "zoo": ("zoo/", "frontend/include/"),
    "tests": None,
    "bench": None,
}
PUBLIC = ("frontend/include/", "runtime/include/")
# Headers of the C and C++ libraries have no slash and no dot, or are C's and the system's.
SYSTEM = re.compile(r"^([a-z_0-9]+|[a-z_0-9]+\.h|(sys|linux|asm|arpa|netinet)/[a-z_0-9]+\.h)$")
LIBRARIES = re.compile(r"^(nlohmann/|CLI/|zip\.h$|zlib\.h$|google/protobuf/)")
ALLOWED_LIBRARIES = {
    "runtime": {"zlib.h"},
    "passes": {"google/protobuf/"},
    "frontend/driver": {"nlohmann/", "CLI/", "zip.h", "zlib.h", "google/protobuf/"},
    "frontend": {"nlohmann/"},
    "codegen": {"nlohmann/"},
    "codegen/halide": {"nlohmann/"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def layer(path, layers=ARROWS):
    return max((l for l in layers if path.startswith(l + "/")), key=len, default=None)


def resolve(root, path, header, quoted):
    """The header's path in this tree where it has one: beside the includer, public, or from the root."""
    candidates = [include + header for include in PUBLIC] + [header]
    if quoted:
        candidates.append(path.rsplit("/", 1)[0] + "/" + header)
    return next((c for c in candidates if common.exists(root, c)), header)


def verdict(root, path, header, quoted):
    """None where the include is fine, else why not."""
    home = layer(path)
    arrows = ARROWS[home]
    if arrows is None:
        return None
    target = resolve(root, path, header, quoted)
    if target.startswith(arrows):
        return None
    library = LIBRARIES.match(target)
    if library:
        if library.group() in ALLOWED_LIBRARIES.get(home, ()):
            return None
        return f"{home} does not use {library.group().rstrip('/')}"
    if layer(target) or target.startswith(MLIR) or target.startswith("Halide"):
        return f"no arrow leads from {home} to {layer(target) or target.split('/')[0]}"
    if SYSTEM.match(target):
        return None
    # Generated protocol buffers and op definitions lie beside their source in the build folder.
    if target.endswith((".pb.h", ".inc")) and target.split("/")[0] == home.split("/")[0]:
        return None
    return f'"{target}" is neither in the tree nor a library that {home} uses'


def check(root, args=None):
    exceptions = common.allowed(root, "layers_allowed.txt")
    used, problems = set(), []
    for path in common.files(root, common.CXX):
        if layer(path) is None:
            continue
        text = common.read(root, path)
        for match in INCLUDE.finditer(text):
            why = verdict(root, path, match[2], match[1] == '"')
            entry = f"{path} -> {match[2]}"
            if why and entry in exceptions:
                used.add(entry)
            elif why:
                line = text.count("\n", 0, match.start(2)) + 1
                problems.append(f"{path}:{line}: {match[2]}: {why}")
    problems += [f"tests/lint/layers_allowed.txt: \"{e}\" is not needed any more, delete it"
                 for e in sorted(exceptions - used)]
    return problems


if __name__ == "__main__":
    common.main(check)
