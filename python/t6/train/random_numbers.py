"""T6's random numbers, bit for bit (src/t6/core/random.h): SplitMix64, whose n-th number can be had directly."""

import numpy

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def mix64(x: int) -> int:
    """SplitMix64's step of a 64-bit number."""
    x = (x + GOLDEN) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


class Random:
    """The numbers of a seed and a stream."""

    def __init__(self, seed: int, stream: int = 0):
        self.state = mix64(seed) ^ mix64(stream ^ MASK)

    def next(self) -> int:
        self.state = (self.state + GOLDEN) & MASK
        return mix64(self.state)

    def below(self, bound: int) -> int:
        """In [0, bound)."""
        return (self.next() * bound) >> 64

    def uniform(self, count: int) -> numpy.ndarray:
        """The next `count` numbers in [0, 1), float64."""
        with numpy.errstate(over="ignore"):
            x = numpy.arange(2, count + 2, dtype=numpy.uint64) * numpy.uint64(GOLDEN) + numpy.uint64(self.state)
            x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        self.state = (self.state + count * GOLDEN) & MASK
        return ((x ^ (x >> numpy.uint64(31))) >> numpy.uint64(11)).astype(numpy.float64) * 2.0 ** -53
