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
        self.prefix = self.folder / "prefix"
        self.run_command("cmake", "--install", BUILD, "--prefix", self.prefix)
        self.documents = self.prefix / "share/doc/t6"

    def run_command(self, *command):
        environment = dict(os.environ, CCACHE_BASEDIR=str(self.folder), CCACHE_NOHASHDIR="1", DESTDIR="")
        result = subprocess.run([str(word) for word in command], cwd=self.folder, env=environment, text=True,
                                capture_output=True, timeout=300)
        self.assertEqual(result.returncode, 0, f"{command}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}")
        return result

    def build_examples(self):
        launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        self.run_command("cmake", "-G", "Ninja", "-S", self.documents / "examples", "-B", "build", *launcher,
                         f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_CXX_COMPILER={cached('CMAKE_CXX_COMPILER')}")
        self.run_command("cmake", "--build", "build")

    def test_examples_are_built_without_the_source_folder_and_run(self):
        self.build_examples()
        package = [*self.prefix.glob("lib*/**/cmake/t6/*.cmake"), self.folder / "build/build.ninja"]
        self.assertGreaterEqual(len(package), 4)
        for file in package:
            self.assertNotIn(str(SOURCE), file.read_text(), file)

        lines = self.run_command("build/factor_attention").stdout.splitlines()
        for line in lines[:-1]:
            kernel, loop = map(float, re.fullmatch(r"kernel +(\S+) +loop +(\S+)", line).groups())
            self.assertAlmostEqual(kernel, loop, delta=1e-5)
        self.assertRegex(lines[-1], r"^largest difference of 32 numbers: \d\.\de-0[5-9]$")

        self.make_tiny_model()
        text = self.run_command("build/generate_text", "tiny", "The king").stdout
        same = self.run_program("generate", "tiny", "--prompt", "The king", "--max-tokens", "50", "--seed", "7", "--cache-type",
                                "float32", program=self.prefix / "bin/t6").stdout
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
        self.assertLess(len(alone), 15)
        for names in [[name] for name in alone] + [headers]:
            (self.folder / "user.cc").write_text("".join(f'#include "{name}"\n' for name in names))
            self.run_command(cached("CMAKE_CXX_COMPILER"), "-std=c++20", "-fsyntax-only", f"-I{self.prefix}/include", "user.cc")

    def test_programs_and_papers_are_installed(self):
        programs = ["t6", "t6-train"] if TRAINING else ["t6"]
        for program in programs:
            self.assertRegex(self.run_command(self.prefix / "bin" / program, "--version").stdout, rf"^{program} \d")
        for name in ("LICENSE", "README.md", "CHANGELOG.md", "docs/serving.md"):
            self.assertTrue((self.documents / name).is_file(), name)


if __name__ == "__main__":
    unittest.main()
