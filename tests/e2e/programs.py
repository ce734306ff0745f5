# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs as a user builds and runs them, for the tests beside this file."""
import gzip
import json
import os
import pty
import random
import struct
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("FLUXION_BINARY_DIR", os.path.join(ROOT, "build"))
FLUXION = os.environ.get("FLUXION_PROGRAM", os.path.join(BUILD, "bin", "fluxion"))
DIGITS = os.path.join(ROOT, "zoo", "data", "digits.csv.gz")
HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command, **options):
    """The finished process, its output as text."""
    return subprocess.run(command, text=True, capture_output=True, timeout=300, **options)


def events(text, kind=None):
    found = [json.loads(line) for line in text.splitlines()]
    return [event for event in found if kind in (None, event["event"])]


def losses(text):
    """As printed: nine digits, so equal text means equal bits."""
    return [line.split('"loss": ')[1].split(",")[0] for line in text.splitlines() if '"step"' in line and '"loss"' in line]


def write_idx(path, sizes, data):
    with open(path, "wb") as file:
        file.write(struct.pack(f">BBBB{len(sizes)}I", 0, 0, 8, len(sizes), *sizes) + bytes(data))


def write_mnist(folder, train=640, test=256):
    """Ten shapes of their own for ten classes, noisy, in the format of MNIST."""
    rng = random.Random(7)
    noise, shapes = int.from_bytes(784 * b"\x3f", "big"), [rng.getrandbits(8 * 784) for _ in range(10)]
    for stem, count in (("train", train), ("t10k", test)):
        labels = [rng.randrange(10) for _ in range(count)]
        pixels = b"".join((shapes[label] ^ rng.getrandbits(8 * 784) & noise).to_bytes(784, "big") for label in labels)
        write_idx(os.path.join(folder, f"{stem}-images-idx3-ubyte"), (count, 28, 28), pixels)
        write_idx(os.path.join(folder, f"{stem}-labels-idx1-ubyte"), (count,), labels)


def digits_rows():
    with gzip.open(DIGITS, "rt") as file:
        return file.read().splitlines()


class ProgramTest(unittest.TestCase):
    """A folder that goes with the test class, and programs built in it once."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="fluxion-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name

    @classmethod
    def path(cls, *names):
        return os.path.join(cls.folder, *names)

    @classmethod
    def build(cls, model, name, *flags):
        path = cls.path(name)
        done = run(FLUXION, "build", model, "-o", path, *flags)
        if done.returncode != 0:
            raise AssertionError(f"fluxion build {model} failed: {done.stderr}")
        return path

    def run_ok(self, *command, **options):
        done = run(*command, **options)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        self.assertEqual(done.stderr, "")
        return done.stdout

    def refused(self, *command, says, code=1, **options):
        done = run(*command, **options)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}\n{done.stderr}")
        self.assertRegex(done.stderr, says)
        return done

    def terminal(self, *command, stdout=None, env=None):
        """What a command shows on a terminal of its own."""
        master, slave = pty.openpty()
        process = subprocess.Popen(command, stdin=slave, stdout=stdout or slave, stderr=slave, env=env, close_fds=True)
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
        os.close(master)
        self.assertEqual(process.wait(), 0, shown.decode())
        return shown.decode()
