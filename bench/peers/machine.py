"""What a table has to say of the machine that it was measured on."""
import datetime
import os
import pathlib
import platform
import re

# Instruction sets that decide how fast a model runs, as /proc/cpuinfo spells them.
FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "asimddp", "i8mm", "sve")


def field(text, name):
    found = re.search(rf"^{name}\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text() if pathlib.Path("/proc/cpuinfo").exists() else ""
    flags = set((field(text, "flags") or field(text, "Features")).split())
    family, model = field(text, "cpu family"), field(text, "model")
    return {"processor": field(text, "model name") or platform.processor() or platform.machine(),
            "family": f"{family}/{model}" if family else "",
            "instruction_sets": [flag for flag in FLAGS if flag in flags],
            "processors": len(os.sched_getaffinity(0)),
            "load_before": round(os.getloadavg()[0], 2),  # what else ran
            "date": datetime.date.today().isoformat()}
