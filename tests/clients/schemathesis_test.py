#!/usr/bin/env python3
"""Schemathesis reads /openapi.json and asks each endpoint for what the description allows and for what it does not."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

from served import Server, main, make_tiny_model

# Not among them: negative_data_rejection, for which a field that is null is of the wrong type and not left out.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method," \
         "allow_header_conformance"


class Description(unittest.TestCase):
    def test_the_server_does_as_it_is_described(self):
        with tempfile.TemporaryDirectory(prefix="t6-schemathesis-") as folder:
            model = make_tiny_model(pathlib.Path(folder) / "tiny", positions=256)
            with Server(model, "--template", "chatml") as server:
                if server.request("/openapi.json")[0] == 404:
                    self.skipTest("this server has no /openapi.json")
                command = [sys.executable, "-m", "schemathesis.cli", "run", server.url + "/openapi.json", "--checks", CHECKS, "--phases",
                           "examples,coverage,fuzzing", "--max-examples", "25", "--seed", "1", "--request-timeout", "30",
                           "--suppress-health-check", "all", "--no-color"]
                result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
                self.assertEqual(result.returncode, 0, result.stdout[-12000:] + result.stderr[-2000:])
                server.wait_until_idle()


if __name__ == "__main__":
    main()
