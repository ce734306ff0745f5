# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The same bits in process and standalone, on any number of threads, and over every way to be stopped and resumed."""
import glob
import json
import os
import random
import signal
import struct
import subprocess
import time
import unittest

from programs import DIGITS, FLUXION, ProgramTest, losses, run, write_mnist

EPOCHS = 30


def read(path):
    with open(path, "rb") as file:
        return file.read()


def metadata(state):
    (length,) = struct.unpack_from("<Q", state)
    header = json.loads(state[8:8 + length])
    end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
    if len(state) != 8 + length + end:
        raise AssertionError(f"the state file has {len(state)} bytes, its header promises {8 + length + end}")
    return header["__metadata__"]


class ResumeTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls.build("vision/lenet_digits", "digits")
        cls.words = (cls.program, f"--data={DIGITS}", "--json")
        cls.state = cls.path("reference.safetensors")
        whole = run(*cls.words, f"--epochs={EPOCHS}", f"--save={cls.state}")
        cls.curve, cls.final = losses(whole.stdout), read(cls.state)
        cls.steps = len(cls.curve) // EPOCHS

    def test_curves_in_process_and_threads(self):
        here = lambda *words: losses(self.run_ok(FLUXION, "train", "vision/lenet_digits", f"--data={DIGITS}", "--json", *words))
        part = self.curve[:2 * self.steps]
        self.assertEqual(here("--epochs=2"), part)
        self.assertEqual(here("--epochs=2", "--no-cache", "--threads=1"), part)
        for threads in 1, 2, 3, 4:
            self.assertEqual(losses(self.run_ok(*self.words, "--epochs=2", f"--threads={threads}")), part)

    def test_states_of_different_threads(self):
        states = []
        for threads in 1, 4:
            self.run_ok(*self.words, "--epochs=3", f"--threads={threads}", f"--save={self.path('threads')}")
            states.append(read(self.path("threads")))
        self.assertEqual(*states)

    def test_epoch_by_epoch(self):
        state, curve = self.path("chain.safetensors"), []
        for epoch in range(EPOCHS):
            resume = [f"--resume={state}"] if epoch else []
            curve += losses(self.run_ok(*self.words, f"--save={state}", *resume))
        self.assertEqual(curve, self.curve)
        self.assertEqual(read(state), self.final)

    def test_in_process_takes_the_states_of_the_executable(self):
        state = self.path("exchanged.safetensors")
        self.run_ok(*self.words, "--epochs=2", f"--save={state}")
        text = self.run_ok(FLUXION, "train", "vision/lenet_digits", f"--data={DIGITS}", "--json", f"--resume={state}")
        self.assertEqual(losses(text), self.curve[2 * self.steps:3 * self.steps])

    def test_seed_is_part_of_the_state(self):
        state = self.path("seeded.safetensors")
        whole = losses(self.run_ok(*self.words, "--epochs=2", "--seed=9"))
        first = losses(self.run_ok(*self.words, "--seed=9", f"--save={state}"))
        self.assertEqual(first + losses(self.run_ok(*self.words, f"--resume={state}")), whole)
        self.refused(*self.words, f"--resume={state}", "--seed=8", says="began with --seed=9, not 8; leave --seed out")

    def test_killed_at_any_moment(self):
        # Three steps an epoch, so that much of the time is saving.
        words, epochs, rng, states, unfinished = (*self.words, "--batch-limit=3"), 80, random.Random(3), {}, 0
        state = self.path("killed.safetensors")
        curve = losses(self.run_ok(*words, f"--epochs={epochs}", f"--save={state}"))
        final = read(state)
        for round_number in range(30):
            state = self.path(f"killed{round_number}.safetensors")
            process = subprocess.Popen([*words, f"--epochs={epochs}", f"--save={state}"], stdout=subprocess.PIPE)
            while b'"step"' not in process.stdout.readline():
                pass
            time.sleep(rng.uniform(0, 0.2))
            process.kill()
            process.stdout.read()
            process.stdout.close()
            process.wait()
            left = glob.glob(state + ".*")
            self.assertIn(left, ([], [state + ".partial"]))
            unfinished += len(left)
            if left and unfinished == 1: # the next save takes its place
                self.run_ok(*words, f"--save={state}")
                self.assertEqual(glob.glob(state + ".*"), [])
            if os.path.exists(state):
                found = read(state)
                states[int(metadata(found)["step"])] = found
        self.assertGreater(len(states), 1, "no save was seen: the test is too short for this machine")
        print(f"{unfinished} of 30 kills fell into a save; states of {len(states)} different steps were found")
        state = self.path("survivor.safetensors")
        for step, found in states.items():
            self.assertEqual(step % 3, 0)
            with open(state, "wb") as file:
                file.write(found)
            if step < len(curve):
                rest = f"--epochs={epochs - step // 3}"
                self.assertEqual(losses(self.run_ok(*words, rest, f"--resume={state}", f"--save={state}")), curve[step:])
            self.assertEqual(read(state), final)

    def test_interrupted_within_an_epoch(self):
        write_mnist(self.folder, train=12800)
        words = (self.build("vision/mlp", "mlp"), f"--data={self.folder}", "--json")
        whole, state = losses(self.run_ok(*words, "--epochs=3")), self.path("mlp.safetensors")
        reference, rng, inside = self.path("mlp-reference.safetensors"), random.Random(5), 0
        self.run_ok(*words, "--epochs=3", f"--save={reference}")
        for signalled in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            process = subprocess.Popen([*words, "--epochs=3", f"--save={state}"], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
            first = process.stdout.readline() + process.stdout.readline()
            time.sleep(rng.uniform(0.01, 0.3))
            process.send_signal(signalled)
            rest, errors = process.communicate(timeout=60)
            curve, step = losses(first + rest), int(metadata(read(state))["step"])
            self.assertEqual(process.returncode, 130)
            self.assertEqual(errors, f"interrupted after step {step}; --resume={state} goes on from there\n")
            self.assertEqual(json.loads(rest.splitlines()[-1])["steps"], step)
            inside += step % 100 != 0
            self.assertEqual(curve, whole[:step])
            more = self.run_ok(*words, f"--epochs={3 - step // 100}", f"--resume={state}", f"--save={state}")
            self.assertEqual(curve + losses(more), whole)
            self.assertEqual(read(state), read(reference))
        self.assertGreater(inside, 0)
        process = subprocess.Popen([*words, "--epochs=3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        self.assertIn("nothing is saved, --save=FILE keeps the state", process.communicate(timeout=60)[1])


if __name__ == "__main__":
    unittest.main()
