// What documents are made of: random words, numbers and identifiers, and lists in random order.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "t6/core/random.h"
#include "t6/tasks/make/makers.h"

namespace t6 {

// "brave-otter": an adjective and a noun of our own lists, which make some 87,000 pairs.
std::string random_pair(Random& random);
int64_t pair_count();

std::string random_digits(Random& random, int count);               // the first is not 0
std::string random_letters(Random& random, char first, int count);  // of the 26 from `first` on
std::string random_uuid(Random& random);                            // version 4
std::string random_secret(Random& random, Secret kind);

// Draws secrets that differ from all before. Error: nearly all that there are were drawn.
class DistinctSecrets {
 public:
  explicit DistinctSecrets(Secret kind) : kind_(kind) {}
  std::string next(Random& random);

 private:
  Secret kind_;
  std::set<std::string> drawn_;
};

template <typename T>
void shuffle(std::vector<T>& list, Random& random) {
  for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[random.below(i)]);
}

// `list` with `separator` between any two.
std::string join(const std::vector<std::string>& list, std::string_view separator);
// "1. a 2. b".
std::string numbered(const std::vector<std::string>& list);

}  // namespace t6
