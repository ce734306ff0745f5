# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""npz.py FILE TYPE NAME=SHAPE:VALUES...: an archive as numpy.savez writes it, with its members in this order."""
import struct
import sys
import zipfile


def write(path, kind, arrays):
    """Of (name, sizes, bytes), elements of type f4 or f8."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, sizes, data in arrays:
            shape = "".join(f"{size}," for size in sizes)
            header = f"{{'descr': '<{kind}', 'fortran_order': False, 'shape': ({shape}), }}"
            header = header.ljust((10 + len(header)) // 64 * 64 + 53) + "\n"
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def parsed(member, kind):
    name, rest = member.split("=")
    shape, values = rest.split(":")
    numbers = [float(value) for value in values.split(",")]
    code = {"f4": "f", "f8": "d"}[kind]
    return name, [size for size in shape.split("x") if size], struct.pack(f"<{len(numbers)}{code}", *numbers)


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], [parsed(member, sys.argv[2]) for member in sys.argv[3:]])
