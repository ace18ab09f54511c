#!/usr/bin/env python3
"""The library as a stranger has it: installed into a folder, and the installed examples built against it."""
import os
import re
import shutil
import subprocess
import unittest

from support import BUILD, SOURCE, TRAINING, ProgramTest


def cached(name):
    """A variable of the build that is installed."""
    found = re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE)
    return found.group(1) if found else ""


def is_first_in_its_source(header):
    source = (SOURCE / "src" / header).with_suffix(".cc")
    return source.is_file() and re.search(r"#include (.*)", source.read_text()).group(1) == f'"{header}"'


class InstalledPackage(ProgramTest):
    def setUp(self):
        super().setUp()
        self.prefix = self.folder / "t6"
        self.run_command("cmake", "--install", BUILD, "--prefix", self.prefix)
        self.documents = self.prefix / "share/doc/t6"

    def run_command(self, *command):
        environment = dict(os.environ, DESTDIR="", CXX=cached("CMAKE_CXX_COMPILER"), CMAKE_GENERATOR="Ninja",
                           CCACHE_BASEDIR=str(self.folder))
        if shutil.which("ccache"):
            environment["CMAKE_CXX_COMPILER_LAUNCHER"] = "ccache"
        result = subprocess.run([str(word) for word in command], cwd=self.folder, env=environment, text=True,
                                capture_output=True, timeout=300)
        self.assertEqual(result.returncode, 0, f"{command}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}")
        return result.stdout

    def example_commands(self):
        """What the examples' page says to type, after the installation itself."""
        block = re.search(r"^```console\n(.*?)^```", (self.documents / "examples/README.md").read_text(), re.M | re.S).group(1)
        commands = [line.removeprefix("$ ").replace("$HOME", str(self.folder)) for line in block.splitlines()]
        self.assertTrue(commands[0].startswith(f"make install PREFIX={self.prefix} "))
        return commands[1:]

    def test_examples_are_built_without_the_source_folder_and_run(self):
        shutil.copytree(self.documents / "examples", self.folder / "examples")
        self.make_tiny_model()
        (self.folder / "tiny").rename(self.folder / "model.gguf")
        *builds, attention, generate = self.example_commands()
        self.run_command("bash", "-euc", "\n".join(builds))
        package = [*self.prefix.glob("lib*/**/cmake/t6/*.cmake"), self.folder / "build/examples/build.ninja"]
        self.assertGreaterEqual(len(package), 4)
        for file in package:
            self.assertNotIn(str(SOURCE), file.read_text(), file)

        lines = self.run_command("bash", "-euc", attention).splitlines()
        for line in lines[:-1]:
            kernel, loop = map(float, re.fullmatch(r"kernel +(\S+) +loop +(\S+)", line).groups())
            self.assertAlmostEqual(kernel, loop, delta=1e-5)
        self.assertRegex(lines[-1], r"^largest difference of 32 numbers: \d\.\de-0[5-9]$")

        text = self.run_command("bash", "-euc", generate)
        same = self.run_program("generate", "model.gguf", "--prompt", "Once upon a time", "--max-tokens", "50", "--seed", "7",
                                "--cache-type", "float32", program=self.prefix / "bin/t6").stdout
        self.assertEqual(text.rstrip("\n"), same.rstrip("\n"))
        self.assertGreater(len(text), 10)

    def test_headers_are_doors_that_stand_alone(self):
        headers = sorted(path.relative_to(self.prefix / "include").as_posix()
                         for path in (self.prefix / "include").rglob("*.h"))
        self.assertIn("t6/kernels/attention.h", headers)
        self.assertIn("t6/infer/generate.h", headers)
        self.assertEqual([name for name in headers if "-inl" in name or not (SOURCE / "src" / name).is_file()], [])
        for name in headers:
            self.assertNotRegex((self.prefix / "include" / name).read_text(), r"#include .(hwy|pcre2|utf8proc|torch)")
        # A header that its own source file includes first was compiled alone there; the others are here, then all at once.
        alone = [name for name in headers if not is_first_in_its_source(name)]
        self.assertLess(len(alone), len(headers) / 4)
        for names in [[name] for name in alone] + [headers]:
            (self.folder / "user.cc").write_text("".join(f'#include "{name}"\n' for name in names))
            self.run_command(cached("CMAKE_CXX_COMPILER"), "-std=c++20", "-fsyntax-only", f"-I{self.prefix}/include", "user.cc")

    def test_programs_and_papers_are_installed(self):
        programs = ["t6", "t6-train"] if TRAINING else ["t6"]
        for program in programs:
            self.assertRegex(self.run_command(self.prefix / "bin" / program, "--version"), rf"^{program} \d")
        for name in ("LICENSE", "README.md", "CHANGELOG.md", "docs/serving.md"):
            self.assertTrue((self.documents / name).is_file(), name)


if __name__ == "__main__":
    unittest.main()
