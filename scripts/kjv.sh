#!/usr/bin/env bash
# Writes the King James Bible, out of Debian's package bible-kjv, as JSONL: scripts/kjv.sh OUT.jsonl
# One document a chapter: its name, an empty line, then a line a verse with its number. 4.2 MB, plain ASCII.
set -euo pipefail

(($# == 1)) || { echo "usage: scripts/kjv.sh OUT.jsonl" >&2; exit 2; }
command -v bible >/dev/null || { echo "kjv: error: the program bible is missing; 'make setup' installs it." >&2; exit 1; }

mkdir -p "$(dirname "$1")"
trap 'rm -f "$1.partial"' EXIT
# Lines of any length: a verse is one line, and only verses begin with a space. The text has no character that JSON escapes.
bible -l100000 gen1:1-rev22:21 | awk '
  function end() { if (text != "") printf "{\"text\": \"%s\"}\n", text; text = "" }
  /["\\]/ { print "kjv: error: a character that JSON escapes in: " $0 > "/dev/stderr"; exit failed = 1 }
  /^ /    { sub(/^ +/, ""); text = text $0 "\\n"; ++verses; next }
  /./     { end(); text = $0 "\\n\\n"; ++chapters }
  END {
    if (failed) exit 1
    end()
    if (chapters != 1189 || verses != 31102) {
      print "kjv: error: found " chapters " chapters and " verses " verses, not 1189 and 31102" > "/dev/stderr"
      exit 1
    }
  }' >"$1.partial"
mv "$1.partial" "$1"
