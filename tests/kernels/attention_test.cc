#include "t6/kernels/attention.h"

#include <optional>

#include "t6/kernels/reference.h"
#include "t6/kernels/rotary.h"
#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

using ::testing::Each;
using ::testing::IsNan;

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

Factors make_factors(const FactorCase& shape, int64_t heads, int64_t tokens, int64_t position, const RotaryTable& table,
                     uint64_t seed) {
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
      : table(4, 100), out(static_cast<size_t>(T * shape.heads * shape.v.features), kNaN) {
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
  }
  Problem(const Problem&) = delete;

  RotaryTable table;
  Factors q, k, v;
  std::vector<float> k_shift, v_shift, out;
  Attention arguments;
};

std::vector<Case> cases() {
  using enum Feature;
  constexpr Head own = Head::contextual, group = Head::grouped, fixed = Head::constant;
  std::vector<Case> list = {
      {"mha", {group, contextual, 6, 10}, {group, contextual, 6, 10}, {group, contextual, 6, 14}, 6},
      {"gqa", {group, contextual, 6, 16}, {group, contextual, 2, 16}, {group, contextual, 2, 16}, 6},
      {"mqa_many_heads", {group, contextual, 70, 5}, {group, contextual, 1, 5}, {group, contextual, 1, 33}, 70},
      {"tpa", {own, contextual, 3, 12}, {own, contextual, 2, 12}, {own, contextual, 2, 12}, 5},
      {"tpa_ranks", {own, contextual, 4, 20}, {own, contextual, 1, 20}, {own, contextual, 3, 17}, 37},
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

class Kinds : public ::testing::TestWithParam<Case> {};

TEST_P(Kinds, AgreesWithTheReference) {
  on_every_target([] {
    struct Size {
      int64_t T, start;
    };
    for (const auto [T, start] : {Size{1, 0}, Size{1, 1}, Size{2, 0}, Size{1, 64}, Size{19, 63}, Size{3, 130}}) {
      SCOPED_TRACE(fmt::format("T {} start {}", T, start));
      for (const float stretch : {1.0f, 9.0f}) {
        Problem problem(GetParam(), T, start, stretch);
        attention(problem.arguments);
        EXPECT_LT(largest_error(problem.out, attention_reference(problem.arguments)), 1e-5);
      }
    }
  });
}

TEST_P(Kinds, GivesAQueryTheSameBitsInAnyCompanyAndOnAnyThreads) {
  on_every_target([] {
    const int64_t T = 90, start = 40;
    Problem whole(GetParam(), T, start), single(GetParam(), T, start);
    attention(whole.arguments);
    const ThreadCount threads(3);
    const Attention& all = single.arguments;
    for (int64_t t = 0; t < T; ++t) {
      Attention one = all;
      one.T = 1;
      one.start = start + t;
      if (one.q.a) one.q.a += t * one.q.a_stride;
      one.q.b += t * one.q.b_stride;
      if (one.q.c) one.q.c += t * one.q.c_stride;
      if (one.q.rotary) one.q.rotary += t * one.q.rotary_dim;
      one.out += t * one.heads * one.v.features;
      attention(one);
    }
    EXPECT_EQ(single.out, whole.out);
  });
}

INSTANTIATE_TEST_SUITE_P(Attention, Kinds, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

// MLA's values are the first numbers of its keys: rows of v lie further apart than they are long.
TEST(Attention, ReadsValuesInsideTheKeys) {
  const Case shape = {"mla",
                      {Head::grouped, Feature::contextual, 4, 11},
                      {Head::grouped, Feature::contextual, 1, 11},
                      {Head::grouped, Feature::contextual, 1, 7},
                      4};
  on_every_target([&] {
    Problem problem(shape, 9, 70);
    problem.arguments.v.b = problem.arguments.k.b;
    problem.arguments.v.b_stride = 11;
    attention(problem.arguments);
    EXPECT_LT(largest_error(problem.out, attention_reference(problem.arguments)), 1e-5);
  });
}

TEST(Attention, DividesTheHeadsOfOneQueryAmongThreads) {
  const Case shape = {"tpa",
                      {Head::contextual, Feature::contextual, 2, 32},
                      {Head::contextual, Feature::contextual, 2, 32},
                      {Head::contextual, Feature::contextual, 2, 32},
                      23};
  const ThreadCount threads(5);
  Problem problem(shape, 1, 3000);
  attention(problem.arguments);
  EXPECT_LT(largest_error(problem.out, attention_reference(problem.arguments)), 1e-5);
}

// Far beyond what exp can hold without the running maximum.
TEST(Attention, StandsLargeLogits) {
  on_every_target([] {
    Problem problem(cases().front(), 5, 150, 2000);
    attention(problem.arguments);
    EXPECT_LT(largest_error(problem.out, attention_reference(problem.arguments)), 1e-3);
  });
}

TEST(Attention, PassesOnWhatIsNotANumber) {
  Problem problem(cases().front(), 2, 3);
  std::fill(problem.q.b.begin(), problem.q.b.end(), kNaN);
  attention(problem.arguments);
  EXPECT_THAT(problem.out, Each(IsNan()));
}

}  // namespace
}  // namespace t6
