#!/usr/bin/env python3
"""Schemathesis reads /openapi.json and asks each endpoint for what the description allows and for what it does not."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

from served import Server, main, make_tiny_model

CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
          "negative_data_rejection,unsupported_method,allow_header_conformance")
# A request that gives itself next to no time is answered with 504.
SETTINGS = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "504"]
"""


def ask_everything(folder, description, url):
    """The finished process of Schemathesis."""
    settings = folder / "schemathesis.toml"
    settings.write_text(SETTINGS)
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", settings, "run", description, "--url", url,
        "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--seed", "1",
        "--request-timeout", "30", "--suppress-health-check", "all", "--no-color"
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)


class Description(unittest.TestCase):
    def test_the_server_does_as_it_is_described(self):
        with tempfile.TemporaryDirectory(prefix="t6-schemathesis-") as name:
            folder = pathlib.Path(name)
            with Server(make_tiny_model(folder / "tiny", positions=256), "--template", "chatml", "--cache-transfer") as server:
                if server.request("/openapi.json")[0] == 404:
                    self.skipTest("this server has no /openapi.json")
                result = ask_everything(folder, server.url + "/openapi.json", server.url)
                self.assertEqual(result.returncode, 0, result.stdout[-12000:] + result.stderr[-2000:])
                server.wait_until_idle()


if __name__ == "__main__":
    main()
