#include "t6/train/distributed/layout.h"

#include <algorithm>

#include "t6/core/rounding.h"

namespace t6 {

Layout make_layout(const std::vector<int64_t>& sizes, int64_t ranks) {
  constexpr int64_t kUnit = Layout::kAlignment;
  Layout layout;
  layout.sizes = sizes, layout.ranks = ranks;
  int64_t place = 0;
  for (const int64_t size : sizes) {
    layout.places.push_back(place);
    place += round_up(size, kUnit);
  }
  layout.share = divide_up(divide_up(place, kUnit), ranks) * kUnit;
  return layout;
}

Layout::Part Layout::part(size_t parameter, int64_t rank) const {
  const int64_t place = places[parameter], size = sizes[parameter];
  const int64_t begin = std::clamp(rank * share - place, int64_t{0}, size);
  const int64_t end = std::clamp((rank + 1) * share - place, int64_t{0}, size);
  return {begin, end - begin};
}

}  // namespace t6
