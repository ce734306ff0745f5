# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The script `dev` on machines that lack something: what it says and how it ends."""
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = ("bash", "env", "dirname", "cat", "awk", "mktemp", "tail", "rm", "nproc")


class DevTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bin = folder.name
        for tool in TOOLS:
            os.symlink(shutil.which(tool), os.path.join(self.bin, tool))
        self.log = os.path.join(self.bin, "log")

    def fake(self, tool, script):
        path = os.path.join(self.bin, tool)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/bash\necho "{tool} $*" >> {self.log}\n{script}\n')
        os.chmod(path, 0o755)

    def machine(self, uid, installed=""):
        self.fake("id", f"echo {uid}")
        self.fake("dpkg-query", f'case " {installed} " in *" ${{@: -1}} "*) echo -n installed;; *) exit 1;; esac')
        self.fake("apt-get", "exit 0")

    def dev(self, *words):
        done = subprocess.run([os.path.join(ROOT, "dev"), *words], env={"PATH": self.bin, "TMPDIR": self.bin}, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        log = ""
        if os.path.exists(self.log):
            with open(self.log, encoding="utf-8") as file:
                log = file.read()
        return done.returncode, done.stdout + done.stderr, log

    def test_help(self):
        code, text, _ = self.dev("help")
        self.assertEqual(code, 0)
        for word in ("setup", "build", "test", "demo", "bench", "lint", "format"):
            self.assertRegex(text, rf"(?m)^  {word} ")

    def test_unknown_command(self):
        code, text, _ = self.dev("tset")
        self.assertEqual(code, 1)
        self.assertIn('unknown command "tset"', text)

    def test_neither_root_nor_sudo(self):
        self.machine(uid=1000)
        code, text, log = self.dev("setup")
        self.assertEqual(code, 1)
        self.assertIn("needs root or sudo; as root, run: apt-get install --no-install-recommends cmake", text)
        self.assertNotIn("apt-get", log)

    def test_sudo(self):
        self.machine(uid=1000)
        self.fake("sudo", 'exec "$@"')
        code, text, log = self.dev("setup")
        self.assertEqual(code, 0, text)
        self.assertRegex(log, r"(?m)^sudo env .*apt-get install -y .* llvm-22-dev ")

    def test_installs_only_what_is_missing(self):
        self.machine(uid=0, installed="cmake ninja-build python3 llvm-22-dev")
        code, text, log = self.dev("setup")
        self.assertEqual(code, 0, text)
        self.assertIn(" ccache ", log)
        self.assertNotRegex(log, r"apt-get install .*(cmake|llvm-22-dev)")

    def test_apt_fails(self):
        self.machine(uid=0)
        self.fake("apt-get", 'echo "E: Unable to locate package clang-22" >&2; exit 100')
        code, text, _ = self.dev("setup")
        self.assertEqual(code, 1)
        self.assertIn("Unable to locate package clang-22", text)
        self.assertIn("bookworm-security", text)

    def test_no_apt(self):
        code, text, _ = self.dev("setup")
        self.assertEqual(code, 0, text)
        self.assertIn('README.md, "Other systems"', text)


if __name__ == "__main__":
    unittest.main()
