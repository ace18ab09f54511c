#!/usr/bin/env python3
"""Prints the numbers of statistics_test.cc, by SciPy: python tests/compare/make_statistics.py (it needs scipy)."""
import numpy
from scipy import stats

for degrees in (1, 2, 3, 4, 9, 30, 1000):
    print(f"{{{degrees}, {stats.t.ppf(0.975, degrees):.15g}, {stats.t.ppf(0.6, degrees):.15g}}},")


def interval(values):
    low, high = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    return f"{values.mean():.15g} {(high - low) / 2:.15g}"


ours, baseline = numpy.array([2.31, 2.28, 2.35, 2.30]), numpy.array([2.40, 2.36, 2.41, 2.37])
print("mean and half width:", interval(ours))
print("of the differences:", interval(ours - baseline))
