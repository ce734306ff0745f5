# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""npz.py FILE TYPE NAME=SHAPE:VALUES...: an archive as numpy.savez writes it, with its members in this order."""
import struct
import sys
import zipfile

path, kind, *members = sys.argv[1:]
with zipfile.ZipFile(path, "w") as archive:
    for member in members:
        name, rest = member.split("=")
        shape, values = rest.split(":")
        sizes = "".join(f"{size}," for size in shape.split("x") if size)
        header = f"{{'descr': '<{kind}', 'fortran_order': False, 'shape': ({sizes}), }}"
        header = header.ljust((10 + len(header)) // 64 * 64 + 53) + "\n"
        numbers = [float(v) for v in values.split(",")]
        data = struct.pack(f"<{len(numbers)}{'d' if kind == 'f8' else 'f'}", *numbers)
        archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)
