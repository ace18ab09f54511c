// How often nested repetitions repeat what is innermost and what compiling them costs, counted while an expression is
// read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "t6/core/error.h"
#include "t6/grammar/grammar.h"

namespace t6 {

// Reads the counts of `{m}`, `{m,}` or `{m,n}` at `at`, a brace; the larger one. 0 where it is something else.
int64_t repetition_count(std::string_view text, size_t at);

// xgrammar writes out a repetition of at most so many.
inline constexpr int64_t kMostCopies = 128;

// What a position that takes one character costs: compiling it looks at the tokens that go on from there. In hundredths
// of those that take nearly any character.
inline constexpr int64_t kWideCost = 100, kLettersCost = 30, kNarrowCost = 1;
// Of a class, from its first bracket to its last, or an escape.
int64_t class_cost(std::string_view text);

class Repetitions {
 public:
  explicit Repetitions(const GrammarLimits& limits) : limits_(limits) {}

  int64_t depth() const { return std::ssize(open_) - 1; }
  // Error: too deep.
  void open() {
    open_.push_back({});
    require(depth() <= limits_.depth, "its groups are nested more than {} deep", limits_.depth);
  }
  // Error: nothing is open.
  void close() {
    require(depth() > 0, "a ')' closes no group");
    const Group inside = open_.back();
    open_.pop_back();
    atom(inside.cost, inside.largest);
  }
  // What is not a group.
  void atom(int64_t cost, int64_t product = 1) {
    Group& group = open_.back();
    group.last = product;
    group.last_cost = cost;
    group.largest = std::max(group.largest, product);
    group.cost = std::min(kMostCost, group.cost + cost);
  }
  // Of the atom before. Error: too often.
  void repeat(int64_t count) {
    const int64_t product = open_.back().last * std::max<int64_t>(1, count);
    require(count <= limits_.repetitions && product <= limits_.repetitions, "it repeats a part more than {} times",
            limits_.repetitions);
    // More copies than these are not written out.
    atom(open_.back().last_cost * (std::clamp<int64_t>(count, 1, kMostCopies) - 1), product);
  }
  // Of all that was read.
  int64_t cost() const { return open_.front().cost; }

 private:
  static constexpr int64_t kMostCost = int64_t{1} << 40;

  struct Group {
    int64_t last = 1, largest = 1;    // products: of the atom before, of any within
    int64_t last_cost = 0, cost = 0;  // of the atom before, of all
  };

  const GrammarLimits& limits_;
  std::vector<Group> open_ = {{}};
};

}  // namespace t6
