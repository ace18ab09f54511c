// Which parts of a range are taken: each block at the lowest place that it fits into.
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <optional>

namespace t6 {

class FirstFit {
 public:
  explicit FirstFit(size_t size) { free_[0] = size; }

  // The place of a block of `size` > 0; nothing when none is left for it.
  std::optional<size_t> take(size_t size) {
    for (auto gap = free_.begin(); gap != free_.end(); ++gap) {
      const auto [place, room] = *gap;
      if (room < size) continue;
      free_.erase(gap);
      if (room > size) free_[place + size] = room - size;
      taken_[place] = size;
      return place;
    }
    return {};
  }

  // `place` is a taken block's.
  void give_back(size_t place) {
    size_t size = taken_.at(place);
    taken_.erase(place);
    auto after = free_.lower_bound(place);
    if (after != free_.end() && after->first == place + size) {
      size += after->second;
      after = free_.erase(after);
    }
    if (after != free_.begin()) {
      const auto before = std::prev(after);
      if (before->first + before->second == place) {
        before->second += size;
        return;
      }
    }
    free_[place] = size;
  }

  size_t gaps() const { return free_.size(); }

 private:
  std::map<size_t, size_t> free_, taken_;  // place to size; no two gaps are neighbours
};

}  // namespace t6
