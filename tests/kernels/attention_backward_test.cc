#include "t6/kernels/attention_backward.h"

#include "t6/kernels/linear/matrix_tiles.h"
#include "t6/kernels/reference/attention_backward.h"
#include "tests/context.h"
#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

struct FactorCase {
  bool grouped;
  int64_t rank, features;
};

struct Case {
  std::string name;
  FactorCase q, k, v;
  int64_t heads;
};

// Factors of `tokens` tokens with NaN between the tokens and after them, and room for their gradients, NaN at first.
struct Factors {
  Factors(const FactorCase& shape, int64_t heads, int64_t tokens, int64_t gap, uint64_t seed) {
    view.rank = shape.rank;
    view.features = shape.features;
    if (!shape.grouped) {
      view.a_stride = fill(a, shape.rank * heads, gap, tokens, seed);
      view.a = a.data();
      da.assign(static_cast<size_t>(tokens * shape.rank * heads), kNaN);
    }
    view.b_stride = fill(b, shape.rank * shape.features, gap, tokens, seed + 1);
    view.b = b.data();
    db.assign(static_cast<size_t>(tokens * shape.rank * shape.features), kNaN);
  }

  // Returns the stride.
  static int64_t fill(std::vector<float>& numbers, int64_t count, int64_t gap, int64_t tokens, uint64_t seed) {
    const int64_t stride = count + gap;
    numbers = random_floats(tokens * stride, seed);
    for (int64_t i = 0; i < tokens * stride; ++i) {
      if (i % stride >= count) numbers[static_cast<size_t>(i)] = kNaN;
    }
    return stride;
  }

  std::vector<float> a, b, da, db;
  FactorView view;
};

struct Problem {
  Problem(const Case& shape, int64_t T, int64_t start, uint64_t seed = 10, int64_t gap = 3, float stretch = 1,
          int64_t window = 0, int64_t sinks = 0, bool bfloats = false)
      : q(shape.q, shape.heads, T, gap, seed),
        k(shape.k, shape.heads, start + T, gap, seed + 10),
        v(shape.v, shape.heads, start + T, gap, seed + 20),
        out(static_cast<size_t>(T * shape.heads * shape.v.features)),
        lse(static_cast<size_t>(T * shape.heads)),
        d_out(random_floats(T * shape.heads * shape.v.features, seed + 30)) {
    Attention& forward = arguments.forward;
    forward = {.q = q.view, .k = k.view, .v = v.view, .T = T, .start = start, .heads = shape.heads};
    forward.logit_scale = stretch;
    forward.value_scale = 0.7f;
    forward.window = window;
    forward.sinks = sinks;
    forward.bfloats = bfloats;
    forward.out = out.data();
    forward.lse = lse.data();
    attention(test_context(), forward);
    forward.out = forward.lse = nullptr;
    arguments.lse = lse.data();
    arguments.d_out = d_out.data();
    arguments.out = out.data();
    arguments.dq_a = q.da.data();
    arguments.dq_b = q.db.data();
    arguments.dk_a = k.da.data();
    arguments.dk_b = k.db.data();
    arguments.dv_a = v.da.data();
    arguments.dv_b = v.db.data();
  }
  Problem(const Problem&) = delete;

  // Errors are relative to the largest of all gradients: those of queries and keys may be zero (one key alone), the
  // difference of large numbers.
  void expect_agreement(double tolerance = 5e-6) const {
    const AttentionGradients wanted = attention_backward_reference(arguments);
    std::vector<float> got;
    std::vector<double> all;
    for (const auto& [ours, theirs] : {std::pair(&q, &wanted.q), {&k, &wanted.k}, {&v, &wanted.v}}) {
      got.insert(got.end(), ours->da.begin(), ours->da.end());
      got.insert(got.end(), ours->db.begin(), ours->db.end());
      all.insert(all.end(), theirs->a.begin(), theirs->a.end());
      all.insert(all.end(), theirs->b.begin(), theirs->b.end());
    }
    EXPECT_LT(largest_error(got, all), tolerance);
  }

  Factors q, k, v;
  std::vector<float> out, lse, d_out;
  AttentionBackward arguments;
};

constexpr bool grouped = true, own = false;

Case tpa() { return {"tpa", {own, 3, 12}, {own, 2, 12}, {own, 2, 12}, 5}; }
// Products of feature factors are fewer multiply-adds than those of so many heads.
Case tpa_more_heads() { return {"tpa_more_heads", {own, 3, 13}, {own, 2, 13}, {own, 3, 17}, 45}; }

std::vector<Case> cases() {
  return {{"mha", {grouped, 6, 10}, {grouped, 6, 10}, {grouped, 6, 14}, 6},
          {"gqa", {grouped, 6, 16}, {grouped, 2, 16}, {grouped, 2, 16}, 6},
          {"mqa", {grouped, 5, 33}, {grouped, 1, 33}, {grouped, 1, 33}, 5},
          tpa(),
          {"tpa_ranks", {own, 4, 20}, {own, 1, 20}, {own, 3, 17}, 7},
          tpa_more_heads(),
          {"tpa_many_heads", {own, 2, 20}, {own, 1, 20}, {own, 1, 20}, 17},
          {"tpa_four_key_ranks", {own, 1, 16}, {own, 4, 16}, {own, 1, 8}, 20},
          {"tpa_grouped_values", {own, 1, 32}, {own, 3, 32}, {grouped, 4, 9}, 32},
          {"kvonly", {grouped, 7, 9}, {own, 2, 9}, {own, 2, 9}, 7},
          {"grouped_keys_only", {grouped, 6, 8}, {grouped, 3, 8}, {own, 2, 8}, 6},
          {"one_head", {own, 2, 4}, {own, 1, 4}, {own, 1, 1}, 1}};
}

class BackwardKinds : public ::testing::TestWithParam<Case> {};

// One thread takes blocks of keys however few there are; several take heads where blocks are few.
template <typename Check>
void on_every_target_and_threads(const Check& check) {
  for (const int threads : {1, 3}) {
    SCOPED_TRACE(threads);
    const ThreadCount count(threads);
    on_every_target(check);
  }
}

TEST_P(BackwardKinds, AgreesWithTheReference) {
  on_every_target_and_threads([] {
    struct Size {
      int64_t T, start;
    };
    for (const auto [T, start] : {Size{1, 0}, Size{2, 0}, Size{37, 0}, Size{64, 0}, Size{70, 0}, Size{5, 66}}) {
      SCOPED_TRACE(fmt::format("T {} start {}", T, start));
      for (const float stretch : {0.5f, 4.0f}) {
        const Problem problem(GetParam(), T, start, 10, 3, stretch);
        attention_backward(test_context(), {&problem.arguments, 1});
        problem.expect_agreement();
      }
    }
  });
}

TEST_P(BackwardKinds, NeedsNoOutput) {
  const ThreadCount one(1);
  Problem problem(GetParam(), 70, 3);
  problem.arguments.out = nullptr;
  attention_backward(test_context(), {&problem.arguments, 1});
  problem.expect_agreement();
}

TEST_P(BackwardKinds, SeesAWindowAndSinks) {
  struct View {
    int64_t window, sinks, T, start;
  };
  on_every_target_and_threads([] {
    for (const auto [window, sinks, T, start] : {View{1, 0, 5, 0}, View{3, 2, 70, 0}, View{64, 0, 140, 0},
                                                 View{20, 70, 140, 0}, View{100, 3, 70, 130}, View{500, 4, 70, 0}}) {
      SCOPED_TRACE(fmt::format("window {} sinks {} T {} start {}", window, sinks, T, start));
      const Problem problem(GetParam(), T, start, 10, 3, 1, window, sinks);
      attention_backward(test_context(), {&problem.arguments, 1});
      problem.expect_agreement();
    }
  });
}

// However sequences and heads fall to the threads.
TEST_P(BackwardKinds, TakesSequencesOfAnyLengthsOnAnyThreads) {
  for (const int threads : {1, 2, 3, 7}) {
    SCOPED_TRACE(threads);
    const ThreadCount count(threads);
    const Problem first(GetParam(), 80, 0, 1), empty(GetParam(), 0, 0, 2), second(GetParam(), 90, 0, 3),
        third(GetParam(), 3, 100, 4);
    const std::vector<AttentionBackward> batch = {first.arguments, empty.arguments, second.arguments, third.arguments};
    attention_backward(test_context(), batch);
    for (const Problem* problem : {&first, &second, &third}) problem->expect_agreement();
  }
}

// By matrix tiles, where there are any, and without.
TEST_P(BackwardKinds, TakesBfloats) {
  struct Size {
    int64_t T, start, window, sinks;
  };
  for (const bool tiles : {true, false}) {
    SCOPED_TRACE(tiles);
    allow_matrix_tiles(tiles);
    for (const auto [T, start, window, sinks] :
         {Size{1, 0, 0, 0}, Size{37, 0, 0, 0}, Size{70, 0, 0, 0}, Size{5, 66, 0, 0}, Size{300, 3, 0, 0},
          Size{290, 270, 0, 0}, Size{5, 0, 1, 0}, Size{70, 0, 3, 2}, Size{290, 300, 40, 0}, Size{290, 300, 300, 70}}) {
      if (T > 100 && GetParam().heads > 7) continue;  // blocks and strips are alike for every head
      SCOPED_TRACE(fmt::format("T {} start {} window {} sinks {}", T, start, window, sinks));
      const Problem problem(GetParam(), T, start, 10, 3, 0.5f, window, sinks, true);
      attention_backward(test_context(), {&problem.arguments, 1});
      problem.expect_agreement(has_bfloat_attention() ? 2e-2 : 5e-6);
    }
  }
  allow_matrix_tiles(true);
}

INSTANTIATE_TEST_SUITE_P(AttentionBackward, BackwardKinds, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

TEST(AttentionBackward, GivesTheSameBitsEachTime) {
  const ThreadCount threads(3);
  for (const Case& shape : {tpa(), tpa_more_heads()}) {
    for (const bool bfloats : {false, true}) {
      const Problem first(shape, 400, 0, 10, 3, 1, 0, 0, bfloats), second(shape, 400, 0, 10, 3, 1, 0, 0, bfloats);
      attention_backward(test_context(), {&first.arguments, 1});
      attention_backward(test_context(), {&second.arguments, 1});
      EXPECT_EQ(first.q.db, second.q.db);
      EXPECT_EQ(first.k.db, second.k.db);
      EXPECT_EQ(first.v.db, second.v.db);
    }
  }
}

// A constant factor has stride 0; its gradient is each token's own.
TEST(AttentionBackward, ReadsConstantsAgain) {
  const ThreadCount one(1);
  for (const Case& shape : {tpa(), tpa_more_heads()}) {
    for (const bool head_factors : {false, true}) {
      Problem problem(shape, 40, 0, 10, 0);
      for (FactorView* view : {&problem.arguments.forward.q, &problem.arguments.forward.k}) {
        (head_factors ? view->a_stride : view->b_stride) = 0;
      }
      Attention forward = problem.arguments.forward;
      forward.out = problem.out.data();
      forward.lse = problem.lse.data();
      attention(test_context(), forward);
      attention_backward(test_context(), {&problem.arguments, 1});
      problem.expect_agreement();
    }
  }
}

}  // namespace
}  // namespace t6
