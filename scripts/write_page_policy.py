#!/usr/bin/env python3
"""Writes the hashes of the chat page's style and script into its content security policy, after a change of either."""
import base64
import hashlib
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[1] / "src/t6/serve/page/index.html"

text = PAGE.read_text()
for tag in ("style", "script"):
    content = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    text = re.sub(rf"{tag}-src '[^']*'", f"{tag}-src 'sha256-{digest}'", text, count=1)
PAGE.write_text(text)
