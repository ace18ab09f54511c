#!/usr/bin/env python3
"""Writes src/t6/text/tokenizer/unicode_additions.cc: what Unicode 15 to 16 added to the general categories.

Hugging Face's tokenizers know Unicode 16 (through Oniguruma); PCRE2 10.40 to 10.42 know Unicode 14, as does the
unicodedata of Python 3.11, which stands for PCRE2 here. Later PCRE2 releases contain the additions already.
"""
import pathlib
import sys
import textwrap
import unicodedata

from tokenizers import Regex, pre_tokenizers

CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cf".split()


def additions(category, unassigned):
    """Code points of `unassigned` that Hugging Face puts into `category`, as [first, last] ranges."""
    removing = pre_tokenizers.Split(Regex(r"\p{%s}" % category), "removed")
    ranges = []
    for code_point in unassigned:
        if removing.pre_tokenize_str(chr(code_point)):
            continue
        if ranges and ranges[-1][1] == code_point - 1:
            ranges[-1][1] = code_point
        else:
            ranges.append([code_point, code_point])
    return ranges


def main():
    if unicodedata.unidata_version != "14.0.0":
        sys.exit(f"run this with a Python that has Unicode 14.0.0, not {unicodedata.unidata_version}")
    unassigned = [c for c in range(0x110000) if unicodedata.category(chr(c)) == "Cn"]
    rows = []
    for category in CATEGORIES:
        ranges = additions(category, unassigned)
        if not ranges:
            continue
        parts = ["\\\\x{%x}" % a + ("" if a == b else "-\\\\x{%x}" % b) for a, b in ranges]
        lines = textwrap.wrap(" ".join(parts), 100, break_long_words=False, break_on_hyphens=False)
        body = "\n".join('     "%s"' % line.replace(" ", "") for line in lines)
        rows.append('    {"%s",\n%s},' % (category, body))
    text = """// Written by tests/text/make_unicode_additions.py: change the script, not this file.
#include "t6/text/tokenizer/unicode_additions.h"

namespace t6 {
namespace {

struct Addition {
  std::string_view category, ranges;
};

constexpr Addition kAdditions[] = {
%s
};

}  // namespace

std::string unicode_additions(std::string_view category) {
  std::string ranges;
  for (const Addition& addition : kAdditions) {
    if (addition.category.starts_with(category)) ranges += addition.ranges;
  }
  return ranges;
}

}  // namespace t6
""" % "\n".join(rows)
    pathlib.Path(__file__).parents[2].joinpath("src/t6/text/tokenizer/unicode_additions.cc").write_text(text)


if __name__ == "__main__":
    main()
