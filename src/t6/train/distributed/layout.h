// Where the numbers of all parameters lie in one row of memory, and which part of the row is a rank's.
#pragma once

#include <cstdint>
#include <vector>

namespace t6 {

struct Layout {
  // Parts begin at multiples of this within a parameter, so that what is computed of a number in vectors is, whoever
  // computes it.
  static constexpr int64_t kAlignment = 64;

  std::vector<int64_t> sizes, places;  // of each parameter: its numbers, and where they begin
  int64_t share = 0;                   // numbers of the row for each rank; the last ones may belong to no parameter
  int64_t ranks = 1;

  int64_t total() const { return share * ranks; }

  // What a rank has of a parameter: `count` of its numbers from `begin` on, which may be none.
  struct Part {
    int64_t begin = 0, count = 0;
  };
  Part part(size_t parameter, int64_t rank) const;
};

Layout make_layout(const std::vector<int64_t>& sizes, int64_t ranks);

}  // namespace t6
