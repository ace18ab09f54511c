// What was made before it was asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

namespace t6 {

// At most one thing, with its number.
template <typename Thing>
class OneAhead {
 public:
  void put(int64_t number, Thing thing) { kept_.emplace(number, std::move(thing)); }

  // The thing of this number, or else what `make` gives. What was kept is gone afterwards.
  template <typename Make>
  Thing take(int64_t number, Make&& make) {
    const auto kept = std::exchange(kept_, std::nullopt);
    return kept && kept->first == number ? kept->second : make();
  }

 private:
  std::optional<std::pair<int64_t, Thing>> kept_;
};

}  // namespace t6
