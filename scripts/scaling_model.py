#!/usr/bin/env python3
"""What a step of data-parallel training takes: compute, bytes, delays, and what of them the backward pass hides.

  scripts/scaling_model.py step --parameters 35e6 --ranks 4 --rate 100e6 --compute 1.2 [--delay 50e-6]
  scripts/scaling_model.py check docs/scaling.json      # measured steps beside the model's
  scripts/scaling_model.py paper                        # 8 to 1,024 GPUs

Each rank sums its part of every bucket of gradients while the backward pass makes them, one bucket after another, as t6-train
does it; then it updates its parts of the parameters, and all gather them. Rates are bytes a second that a rank sends while it receives as many.
"""
import argparse
import dataclasses
import json
import math
import pathlib
import sys

LARGEST_BUCKET, SMALLEST_BUCKET, SMALLEST_PART, BUCKETS = 4 << 20, 64 << 10, 64 << 10, 16  # as in src/t6/train/distributed/layout.cc
SMALL_SUMS = 2  # of a step: whether a signal came, and the loss
TCP = 1.016  # bytes sent for a byte of payload, as measured: headers, and the acknowledgements of what came
LEFT = 0.5  # of what processors do for messages, where a slow line goes on meanwhile: fitted to docs/scaling.json


@dataclasses.dataclass
class Machine:
    rate: float  # bytes a second
    delay: float = 50e-6  # seconds of a message without bytes
    message: float = 10e-6  # seconds by which one more message that is under way at once makes them longer
    overhead: float = TCP
    software: float = 0  # seconds of a step's communication where the line takes no time: copies, sums, waiting for a processor


@dataclasses.dataclass
class Step:
    compute: float  # seconds of both passes and the update
    sums: float  # seconds in which gradients are under way
    hidden: float  # of these, while the backward pass goes on
    hidden_bytes: float  # of gradients whose sum was done before the last ones came
    gather: float
    small: float
    sent: float  # bytes that a rank sends, headers among them

    @property
    def communication(self):
        return self.sums + self.gather + self.small

    @property
    def seconds(self):
        return self.compute + self.communication - self.hidden


def exchange_seconds(size, ranks, machine):
    """Parts of a bucket from each rank to each: N - 1 messages and (N - 1) / N of the bytes, in either direction."""
    return machine.delay + (ranks - 2) * machine.message + (ranks - 1) / ranks * size * machine.overhead / machine.rate


def buckets_of(sizes, ranks):
    """Bytes of each bucket, in the order in which the backward pass fills them. sizes: of each parameter, in bytes."""
    wanted = min(max(sum(sizes) // BUCKETS, SMALLEST_BUCKET), max(LARGEST_BUCKET, ranks * SMALLEST_PART))
    buckets, filled = [], wanted
    for size in reversed(sizes):
        if filled >= wanted:
            buckets.append(0)
            filled = 0
        buckets[-1] += size
        filled += size
    return buckets


def even_sizes(parameters, number=4, embedding=0.0):
    """Sizes of a model's parameters: the table of tokens, then layers' matrices of one size."""
    table = int(parameters * embedding)
    matrices = max(1, min(400, int(parameters - table) // 4096))
    return [table * number] * (table > 0) + [int((parameters - table) / matrices) * number] * matrices


def step(sizes, ranks, machine, forward, backward, update=0.0):
    """A step of `ranks`, each with passes of these seconds."""
    if ranks == 1:
        return Step(forward + backward + update, 0, 0, 0, 0, 0, 0)
    total, made, free, sums, hidden, hidden_bytes = sum(sizes), 0, 0.0, 0.0, 0.0, 0
    software = LEFT * machine.software / 2  # for each of twice (N - 1) / N of the bytes
    buckets = buckets_of(sizes, ranks)
    for bucket in buckets:
        made += bucket
        ready = backward * made / total
        begin = max(ready, free)
        seconds = exchange_seconds(bucket, ranks, machine) + software * bucket / total
        free, sums = begin + seconds, sums + seconds
        hidden += max(0.0, min(free, backward) - begin)
        hidden_bytes += bucket if free <= backward else 0
    gather = sum(exchange_seconds(bucket, ranks, machine) for bucket in buckets) + software
    small = SMALL_SUMS * 2 * math.ceil(math.log2(ranks)) * machine.delay
    sent = 2 * (ranks - 1) / ranks * total * machine.overhead
    return Step(forward + backward + update / ranks, sums, hidden, hidden_bytes, gather, small, sent)


def check(path):
    """Prints measured steps beside the model's; the exit code says whether bytes and seconds of a step are within 15 %."""
    data, worst = json.loads(pathlib.Path(path).read_text()), 0.0
    sizes = [4 * numbers for count, numbers in data["parameters"] for _ in range(count)]
    print("ranks  Mbit/s  passes s   " + "   ".join(f"{name}: measured, model" for name in ("MB sent", "communication s", "step s")))
    for case in data["steps"]:
        machine = Machine(case["megabits"] * 1e6 / 8, data["delay"], software=data["software"][str(case["ranks"])])
        mine = step(sizes, case["ranks"], machine, case["passes"] / 3, case["passes"] * 2 / 3)
        pairs = [(case["sent"] / 1e6, mine.sent / 1e6), (case["communication"], mine.communication), (case["seconds"], mine.seconds)]
        print(f"{case['ranks']:5d} {case['megabits']:7g} {case['passes']:9.2f}   " +
              "  ".join(f"{a:12.2f} {b:8.2f} {b / a - 1:+5.0%}" for a, b in pairs) +
              f"   hidden MB {case['hidden'] / 1e6:.2f}, {mine.hidden_bytes / 1e6:.2f}")
        worst = max(worst, *(abs(b / a - 1) for a, b in (pairs[0], pairs[2])))
    print(f"largest difference of bytes and of steps {worst:.1%}")
    return worst > 0.15


# A GPU's bfloat16 as training reaches it, and its share of a network of 400 Gbit/s: assumptions, not measurements.
GPU = {"flops": 400e12, "machine": Machine(rate=40e9, delay=8e-6, message=1e-6, overhead=1.03)}
MODELS = {"small": (124e6, 0.31), "medium": (353e6, 0.15), "large": (773e6, 0.08), "xl": (1555e6, 0.05)}  # parameters, embedding
RANKS = (8, 64, 256, 1024)


def paper():
    """The paper's sizes on GPUs: with its step of 480 sequences of 1,024 tokens, and with 32 sequences a GPU."""
    for title, tokens_of in (("491,520 tokens a step, of all", lambda ranks: 480 * 1024), ("32,768 tokens a GPU", lambda ranks: 32768 * ranks)):
        print(f"{title}: ms of a step, the share of it that is compute")
        for name, (parameters, embedding) in MODELS.items():
            cells = []
            for ranks in RANKS:
                passes = 6 * parameters * tokens_of(ranks) / ranks / GPU["flops"]
                mine = step(even_sizes(parameters, embedding=embedding), ranks, GPU["machine"], passes / 3, passes * 2 / 3)
                cells.append(f"{1e3 * mine.seconds:7.0f} {mine.compute / mine.seconds:4.0%}")
            print(f"  {name:7s}" + "   ".join(f"{ranks:4d}:{cell}" for ranks, cell in zip(RANKS, cells)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("step")
    for name in ("parameters", "rate", "compute"):
        one.add_argument(f"--{name}", type=float, required=True)
    one.add_argument("--ranks", type=int, required=True)
    one.add_argument("--delay", type=float, default=50e-6)
    commands.add_parser("check").add_argument("file")
    commands.add_parser("paper")
    arguments = parser.parse_args()
    if arguments.command == "check":
        return check(arguments.file)
    if arguments.command == "paper":
        return paper()
    mine = step(even_sizes(arguments.parameters), arguments.ranks, Machine(arguments.rate, arguments.delay),
                arguments.compute / 3, arguments.compute * 2 / 3)
    print(f"{mine.seconds:.4f} s a step: compute {mine.compute:.4f}, sums {mine.sums:.4f} ({mine.hidden:.4f} hidden), "
          f"gathering {mine.gather:.4f}, small messages {mine.small:.4f}; a rank sends {mine.sent / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
