// Whether no value can fit two schemas, as oneOf wants it.
#pragma once

#include "t6/grammar/schema/keywords.h"

namespace t6 {

// By their types, by the values that they list, or by a required property that tells them apart; what cannot be told
// this way is no. References are looked up in the root, which outlives this.
class Disjointness {
 public:
  explicit Disjointness(const SchemaJson& root) : root_(root) {}

  // Error: all questions together take too many comparisons.
  bool holds(const SchemaJson& a, const SchemaJson& b) { return disjoint(a, b, kDepth); }

 private:
  static constexpr int kDepth = 4;  // of properties that tell schemas apart

  bool disjoint(const SchemaJson& in_a, const SchemaJson& in_b, int depth);
  bool told_apart(const SchemaJson& a, const SchemaJson& b, int depth);
  void charge(size_t steps);

  const SchemaJson& root_;
  size_t steps_ = 0;
};

}  // namespace t6
