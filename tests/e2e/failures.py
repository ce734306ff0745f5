# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What fails for reasons of the machine or of a file is said by name and reason, and loses nothing."""
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import unittest

from programs import DIGITS, FLUXION, ProgramTest, digits_rows, events, losses, run, write_mnist


def read(path):
    with open(path, "rb") as file:
        return file.read()


def limited(kind, amount):
    return lambda: resource.setrlimit(kind, (amount, amount))


class FailureTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.chmod(cls.folder, 0o755)
        cls.program = cls.build("vision/lenet_digits", "digits")
        cls.data = f"--data={shutil.copy(DIGITS, cls.path('digits.csv.gz'))}"
        cls.state = cls.path("state.safetensors")
        run(cls.program, cls.data, "--batch-limit=3", f"--save={cls.state}")

    def assertUntouched(self, done):
        """Nothing was trained before the refusal."""
        self.assertEqual(losses(done.stdout), [])

    def test_missing_folder(self):
        done = self.refused(self.program, self.data, "--json", f"--save={self.path('no', 'state')}",
                            says=r"^error: cannot write .*/no/state: No such file or directory\n$")
        self.assertUntouched(done)

    def test_devices_and_folders(self):
        for path, reason in (("/dev/full", "Operation not supported"), (self.folder, "Is a directory")):
            self.assertUntouched(self.refused(self.program, self.data, "--json", f"--save={path}",
                                              says=f"cannot write {path}: {reason}"))

    def test_read_only_folder(self):
        folder = self.path("readonly")
        os.mkdir(folder, 0o555)
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        done = self.refused(self.program, self.data, "--json", f"--save={folder}/state", **user,
                            says="cannot write .*/readonly/state: Permission denied")
        self.assertUntouched(done)
        self.assertEqual(os.listdir(folder), [])

    def test_full_disk(self):
        disk = self.path("disk")
        os.mkdir(disk)
        mounted = run("mount", "-t", "tmpfs", "-o", "size=400k", "none", disk)
        if mounted.returncode != 0:
            self.skipTest("no tmpfs can be mounted here; a limit on file sizes is tested beside this")
        try:
            saved = os.path.join(disk, "state")
            self.run_ok(self.program, self.data, f"--save={saved}")
            before = read(saved)
            self.refused(self.program, self.data, f"--save={saved}", "--seed=2",
                         says="cannot write .*/disk/state: No space left on device")
            self.assertEqual(read(saved), before)
            self.assertEqual(os.listdir(disk), ["state"])
        finally:
            run("umount", disk)

    def test_output_that_cannot_be_written(self):
        for words in (self.program,), (FLUXION, "train", "vision/lenet_digits"):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([*words, self.data, "--batch-limit=3", "--json"], stdout=full, text=True,
                                      stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, "^error: cannot write the output: .*\n$")

    def test_limited_file_size(self):
        folder = self.path("limited")
        os.mkdir(folder)
        saved = shutil.copy(self.state, folder)
        self.refused(self.program, self.data, f"--save={saved}", preexec_fn=limited(resource.RLIMIT_FSIZE, 65536),
                     says="cannot write .*: File too large")
        self.assertEqual(read(saved), read(self.state))
        self.assertEqual(len(os.listdir(folder)), 1)

    def test_damaged_states(self):
        good, path = read(self.state), self.path("damaged.safetensors")
        foreign = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        for data, reason in ((b"", "is empty"), (good[:5], "truncated: shorter than a safetensors header"),
                             (good[:1000], "not a safetensors file, or truncated"),
                             (good[:-1], "truncated: tensor .* ends at byte"), (b"no state at all", "not a safetensors file"),
                             (len(foreign).to_bytes(8, "little") + foreign + b"0123", "not a Fluxion state file"),
                             (good.replace(b'"F32"', b'"Q32"', 1), "tensor 0.weight has the unknown type Q32")):
            with self.subTest(reason):
                with open(path, "wb") as file:
                    file.write(data)
                for words in ((self.program, self.data), (FLUXION, "train", "vision/lenet_digits", self.data)):
                    done = self.refused(*words, "--json", f"--resume={path}", f"--save={path}",
                                        says=f"^error: {re.escape(path)}: {reason}")
                    self.assertUntouched(done)
                self.assertEqual(read(path), data)
        self.refused(self.program, self.data, "--resume=/nowhere", says="/nowhere: No such file or directory")

    def test_state_of_another_program(self):
        write_mnist(self.folder, train=256)
        mlp = self.build("vision/mlp", "mlp")
        self.refused(mlp, f"--data={self.folder}", f"--resume={self.state}",
                     says="has no hidden.weight; it is the state of vision/lenet_digits")

    def damaged_digits(self, row, value):
        rows = digits_rows()
        rows[row] = ",".join([value] * 64 + ["3"])
        path = self.path("damaged.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(rows) + "\n")
        return f"--data={path}"

    def stopped(self, data, tensor):
        """Training stops and names the tensor; what is saved is what a run to the step before saves."""
        saved, expected = self.path("last.safetensors"), self.path("expected.safetensors")
        for words in ((self.program,), (FLUXION, "train", "vision/lenet_digits")):
            done = self.refused(*words, data, "--json", f"--save={saved}",
                                says=rf"^error: step (\d+): the loss is not finite; first offending tensor: {tensor}; "
                                     r"the last good state, of step \d+, is in .*last.safetensors\n$")
            step, kept = map(int, re.search(r"step (\d+): .* of step (\d+),", done.stderr).groups())
            self.assertGreater(step, 1)
            self.assertEqual(kept, step - 1)
            self.assertEqual(len(losses(done.stdout)), step - 1)
            self.run_ok(self.program, data, f"--batch-limit={step - 1}", f"--save={expected}")
            self.assertEqual(read(saved), read(expected))

    def test_input_that_is_not_a_number(self):
        self.stopped(self.damaged_digits(1, "nan"), "image, an input")

    def changed_state(self, value):
        """The saved state with every weight of the first convolution set to a value."""
        data, path = bytearray(read(self.state)), self.path("changed.safetensors")
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8:8 + length])
        name = next(name for name, entry in header.items() if len(entry.get("shape", [])) == 4)
        begin, end = (8 + length + offset for offset in header[name]["data_offsets"])
        data[begin:end] = struct.pack("<f", value) * ((end - begin) // 4)
        with open(path, "wb") as file:
            file.write(data)
        return path, name

    def test_values_that_overflow(self):
        path, name = self.changed_state(3e38)
        saved = self.path("overflow.safetensors")
        for words in ((self.program,), (FLUXION, "train", "vision/lenet_digits")):
            self.refused(*words, self.data, f"--resume={path}", f"--save={saved}",
                         says=r"^error: step 4: the loss is not finite; first offending tensor: "
                              rf"\S*conv2d\S*\({re.escape(name)}.*\) f32\[[\d, ]+\]; the last good state, of step 3, is in ")
            self.assertEqual(read(saved), read(path))

    def test_state_that_is_not_finite(self):
        path, name = self.changed_state(float("inf"))
        self.refused(self.program, self.data, f"--resume={path}",
                     says=f"step 4: the loss is not finite; neither is {re.escape(name)} in the state that it began with")

    def test_not_finite_without_save(self):
        self.refused(self.program, self.damaged_digits(1, "nan"), says="; use --save to keep the last good state\n$")

    def test_labels_that_are_no_classes(self):
        rows = digits_rows()
        rows[1] = rows[1].rsplit(",", 1)[0] + ",10"
        with open(self.path("labels.csv"), "w", encoding="utf-8") as file:
            file.write("\n".join(rows))
        self.refused(self.program, f"--data={self.path('labels.csv')}",
                     says="^error: the data has the label 10, vision/lenet_digits has the classes 0 to 9\n$")

    def test_no_linker(self):
        path = self.path("unlinked")
        self.refused(FLUXION, "build", "vision/lenet_digits", "-o", path, env={**os.environ, "PATH": "/nowhere", "CXX": ""},
                     says=r"no linker: none of .*c\+\+, g\+\+.* is on the PATH; install one \(Debian: apt install g\+\+\) "
                          r"or use --emit=object")
        self.assertFalse(os.path.exists(path))

    def test_too_little_memory(self):
        write_mnist(self.folder, train=256)
        large = self.build("vision/mlp", "large", "--batch=16384")
        done = self.refused(large, f"--data={self.folder}", "--threads=1", "--json",
                            preexec_fn=limited(resource.RLIMIT_AS, 96 << 20),
                            says=r"^error: out of memory: vision/mlp needs (\d+) bytes \(state \d+, arena \d+\), "
                                 r"\d+ are free; use a smaller batch\n$")
        needed, free = map(int, re.search(r"needs (\d+) .* (\d+) are free", done.stderr).groups())
        self.assertGreater(needed, free)
        self.assertEqual(events(done.stdout), [])


if __name__ == "__main__":
    unittest.main()
