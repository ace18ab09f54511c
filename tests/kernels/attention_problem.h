// Problems for the tests of attention: random factors of every sort, in rows or in the pages of a cache.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstddef>
#include <string>
#include <vector>

#include "t6/kernels/attention.h"
#include "t6/kernels/rotary.h"
#include "tests/kernels/kernel_test.h"

namespace t6 {

enum class Head { grouped, contextual, constant };
enum class Feature { contextual, constant, third, on_use, constant_on_use };

struct FactorCase {
  Head head;
  Feature feature;
  int64_t rank, features;
};

struct Case {
  std::string name;
  FactorCase q, k, v;
  int64_t heads;
  bool shift = false;
};

// Random factors of `tokens` tokens, NaN after them.
struct Factors {
  std::vector<float> a, b, c, norm;
  FactorView view;
};

inline Factors make_factors(const FactorCase& shape, int64_t heads, int64_t tokens, int64_t position,
                            const RotaryTable& table, uint64_t seed) {
  Factors out;
  FactorView& view = out.view;
  view.rank = shape.rank;
  view.features = shape.features;
  const int64_t third = shape.feature == Feature::third ? 2 : 1, base = shape.features / third;
  const bool constant = shape.feature == Feature::constant || shape.feature == Feature::constant_on_use;
  if (shape.head != Head::grouped) {
    const bool contextual = shape.head == Head::contextual;
    view.a_stride = contextual ? shape.rank * heads : 0;
    out.a = random_floats(shape.rank * heads * (contextual ? tokens : 1), seed);
    view.a = out.a.data();
  }
  out.b = random_floats(shape.rank * base * (constant ? 1 : tokens), seed + 1);
  view.b = out.b.data();
  view.b_stride = constant ? 0 : shape.rank * base;
  if (third > 1) {
    out.c = random_floats(shape.rank * third * tokens, seed + 2);
    view.c = out.c.data();
    view.c_stride = shape.rank * third;
    view.third = third;
  }
  if (shape.feature == Feature::on_use || shape.feature == Feature::constant_on_use) {
    out.norm = random_floats(base, seed + 3);
    view.norm_weight = out.norm.data();
    view.norm_epsilon = 1e-3f;
    view.rotary = table.at(position);
    view.rotary_dim = table.dim();
  }
  return out;
}

// Everything that one call reads; `stretch` makes the softmax sharp, so that maxima move from block to block.
struct Problem {
  Problem(const Case& shape, int64_t T, int64_t start, float stretch = 1)
      : table(4, 100),
        out(static_cast<size_t>(T * shape.heads * shape.v.features), kNaN),
        lse(static_cast<size_t>(T * shape.heads), kNaN) {
    table.extend(start + T);
    q = make_factors(shape.q, shape.heads, T, start, table, 10);
    k = make_factors(shape.k, shape.heads, start + T, 0, table, 20);
    v = make_factors(shape.v, shape.heads, start + T, 0, table, 30);
    arguments.q = q.view;
    arguments.k = k.view;
    arguments.v = v.view;
    arguments.T = T;
    arguments.start = start;
    arguments.heads = shape.heads;
    arguments.logit_scale = stretch;
    arguments.value_scale = 0.7f;
    if (shape.shift) {
      k_shift = random_floats(2 * shape.heads, 40);
      v_shift = random_floats(2 * shape.heads, 41);
      arguments.k_shift = k_shift.data();
      arguments.v_shift = v_shift.data();
    }
    arguments.out = out.data();
    arguments.lse = lse.data();
  }
  Problem(const Problem&) = delete;

  RotaryTable table;
  Factors q, k, v;
  std::vector<float> k_shift, v_shift, out, lse;
  Attention arguments;
};

inline std::vector<Case> attention_cases() {
  using enum Feature;
  constexpr Head own = Head::contextual, group = Head::grouped, fixed = Head::constant;
  std::vector<Case> list = {
      {"mha", {group, contextual, 6, 10}, {group, contextual, 6, 10}, {group, contextual, 6, 14}, 6},
      {"gqa", {group, contextual, 6, 16}, {group, contextual, 2, 16}, {group, contextual, 2, 16}, 6},
      {"mqa_many_heads", {group, contextual, 70, 5}, {group, contextual, 1, 5}, {group, contextual, 1, 33}, 70},
      {"tpa", {own, contextual, 3, 12}, {own, contextual, 2, 12}, {own, contextual, 2, 12}, 5},
      {"tpa_ranks", {own, contextual, 4, 20}, {own, contextual, 1, 20}, {own, contextual, 3, 17}, 37},
      {"tpa_more_heads", {own, contextual, 3, 13}, {own, contextual, 2, 13}, {own, contextual, 3, 17}, 45},
      {"tpa_high_rank", {own, contextual, 16, 8}, {own, contextual, 17, 8}, {own, contextual, 1, 8}, 4},
      {"kvonly", {group, contextual, 7, 9}, {own, contextual, 2, 9}, {own, contextual, 2, 9}, 7},
      {"constant_a", {fixed, contextual, 3, 8}, {fixed, contextual, 2, 8}, {fixed, contextual, 2, 8}, 6},
      {"constant_b", {own, constant_on_use, 3, 8}, {own, constant_on_use, 2, 8}, {own, constant, 2, 6}, 6},
      {"constant_b_unrotated", {own, constant, 3, 8}, {own, constant, 2, 8}, {own, constant, 2, 8}, 6},
      {"third", {own, third, 3, 12}, {own, third, 2, 12}, {own, third, 2, 8}, 5},
      {"on_use", {own, contextual, 3, 10}, {own, on_use, 2, 10}, {own, contextual, 2, 10}, 5},
      {"grouped_keys_only", {group, contextual, 6, 8}, {group, contextual, 3, 8}, {own, contextual, 2, 8}, 6},
      {"groups_of_two_sizes", {group, contextual, 12, 8}, {group, contextual, 3, 8}, {group, contextual, 2, 8}, 12},
      {"one_head", {own, contextual, 2, 4}, {own, contextual, 1, 4}, {own, contextual, 1, 1}, 1}};
  for (size_t i = 0, count = list.size(); i < count; ++i) {
    Case shifted = list[i];
    shifted.name += "_shift";
    shifted.shift = true;
    list.push_back(shifted);
  }
  return list;
}

// Pages with the factors of a view, in a cache of some type; slots and page numbers that are not used hold nonsense.
class Pages {
 public:
  // From now on `view` reads what it read from its pointers, rounded to `type`, from these pages.
  Pages(FactorView& view, int64_t heads, int64_t tokens, NumberType type, bool token_rows) {
    const bool on_use = view.c || view.norm_weight || view.rotary;
    int64_t size = 0;
    const auto stream = [&](const float* numbers, int64_t stride, int64_t width, bool rows) {
      PagedStream made;
      if (!numbers || stride == 0) return made;
      made = {.type = type, .token_rows = rows, .vectors = view.rank, .width = width};
      size = made.place(size);
      return made;
    };
    view.paged_a = stream(view.a, view.a_stride, heads, false);
    view.paged_b = stream(view.b, view.b_stride, view.features / view.third, token_rows || on_use);
    view.paged_c = stream(view.c, view.c_stride, view.third, true);
    for (int64_t first = 0; first < tokens; first += kPageTokens) {
      // Every byte 0xff: a NaN in each floating type, and each scale a NaN.
      pages_.push_back(hwy::AllocateAligned<std::byte>(static_cast<size_t>(size) + 1));
      std::fill_n(pages_.back().get(), size, std::byte{0xff});
      for (int64_t t = first; t < std::min(tokens, first + kPageTokens); ++t) {
        const auto write = [&](const PagedStream& to, const float* numbers, int64_t stride) {
          if (to.width > 0) write_token(to, pages_.back().get(), t - first, numbers + t * stride);
        };
        write(view.paged_a, view.a, view.a_stride);
        write(view.paged_b, view.b, view.b_stride);
        write(view.paged_c, view.c, view.c_stride);
      }
      table_.push_back(pages_.back().get());
    }
    table_.push_back(reinterpret_cast<const std::byte*>(0x10));
    view.pages = table_.data();
    if (view.paged_a.width > 0) view.a = nullptr;
    if (view.paged_b.width > 0) view.b = nullptr;
    if (view.paged_c.width > 0) view.c = nullptr;
  }

  // Pages [first, last) are no longer there.
  void drop(int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      pages_[static_cast<size_t>(i)].reset();
      table_[static_cast<size_t>(i)] = nullptr;
    }
  }

 private:
  std::vector<hwy::AlignedFreeUniquePtr<std::byte[]>> pages_;
  std::vector<const std::byte*> table_;
};

}  // namespace t6
