#include "t6/kernels/attention.h"

#include "t6/kernels/attention/plan.h"
#include "t6/kernels/reference/attention.h"
#include "tests/context.h"
#include "tests/kernels/attention_problem.h"

namespace t6 {
namespace {

using ::testing::Each;
using ::testing::IsNan;

void expect_agreement(const Problem& problem, double tolerance) {
  const AttentionResult wanted = attention_reference(problem.arguments);
  EXPECT_LT(largest_error(problem.out, wanted.out), tolerance);
  EXPECT_LT(largest_error(problem.lse, wanted.lse), tolerance);
}

const Case& case_named(const std::string& name) {
  static const std::vector<Case> all = attention_cases();
  for (const Case& one : all) {
    if (one.name == name) return one;
  }
  throw std::out_of_range(name);
}

class Kinds : public ::testing::TestWithParam<Case> {};

TEST_P(Kinds, AgreesWithTheReference) {
  on_every_target([] {
    struct Size {
      int64_t T, start;
    };
    for (const auto [T, start] : {Size{1, 0}, Size{1, 1}, Size{2, 0}, Size{1, 64}, Size{39, 63}, Size{3, 130}}) {
      SCOPED_TRACE(fmt::format("T {} start {}", T, start));
      for (const float stretch : {1.0f, 9.0f}) {
        Problem problem(GetParam(), T, start, stretch);
        attention(test_context(), problem.arguments);
        expect_agreement(problem, 1e-5);
      }
    }
  });
}

TEST_P(Kinds, AgreesInTheCachesPages) {
  on_every_target([] {
    for (const auto& [name, type, largest] : kCacheTypes) {
      for (const int64_t T : {1, 5, 39}) {
        for (const bool key_rows : {false, true}) {
          SCOPED_TRACE(fmt::format("{} T {} rows {}", name, T, key_rows));
          Problem problem(GetParam(), T, 127 - T);
          const Pages keys(problem.arguments.k, GetParam().heads, 127, type, key_rows);
          const Pages values(problem.arguments.v, GetParam().heads, 127, type, true);
          attention(test_context(), problem.arguments);
          expect_agreement(problem, 1e-5);
        }
      }
    }
  });
}

TEST_P(Kinds, SeesAWindowAndSinks) {
  struct View {
    int64_t window, sinks, T;  // a few queries of one tile, or tiles as long as they come
  };
  on_every_target([] {
    for (const auto& [window, sinks, T] :
         {View{1, 0, 4}, View{3, 2, 4}, View{64, 0, 4}, View{100, 70, 4}, View{3, 2, 70}, View{64, 70, 70}}) {
      SCOPED_TRACE(fmt::format("window {} sinks {} of {} queries", window, sinks, T));
      Problem problem(GetParam(), T, 140);
      problem.arguments.window = window;
      problem.arguments.sinks = sinks;
      attention(test_context(), problem.arguments);
      expect_agreement(problem, 1e-5);
    }
  });
}

// With sinks in the first page, a window in the last ones, and a page before that for the shift.
TEST_P(Kinds, ReadsNoPageThatItsWindowHasLeft) {
  for (const bool bfloats : {false, true}) {
    for (const int64_t T : {1, 5, 70}) {
      Problem whole(GetParam(), T, 400), part(GetParam(), T, 400);
      for (Problem* problem : {&whole, &part}) {
        Attention& x = problem->arguments;
        x.bfloats = bfloats;
        x.window = 70;
        x.sinks = 3;
        Pages keys(x.k, x.heads, x.start + T, NumberType::f32, false),
            values(x.v, x.heads, x.start + T, NumberType::f32, true);
        const int64_t first = (x.start + 1 - x.window) / kPageTokens - (x.k_shift ? 1 : 0);
        if (problem == &part) keys.drop(1, first), values.drop(1, first);
        attention(test_context(), x);
      }
      EXPECT_EQ(part.out, whole.out) << T << (bfloats ? " in bfloat16" : "");
    }
  }
}

// One query of a problem, as if it came alone.
Attention single_query(const Attention& all, int64_t t) {
  Attention one = all;
  one.T = 1;
  one.start = all.start + t;
  if (one.q.a) one.q.a += t * one.q.a_stride;
  one.q.b += t * one.q.b_stride;
  if (one.q.c) one.q.c += t * one.q.c_stride;
  if (one.q.rotary) one.q.rotary += t * one.q.rotary_dim;
  one.out += t * one.heads * one.v.features;
  one.lse += t * one.heads;
  return one;
}

TEST_P(Kinds, GivesAQueryTheSameBitsInAnyCompanyAndOnAnyThreads) {
  on_every_target([] {
    const int64_t T = 40, start = 270;
    Problem whole(GetParam(), T, start), singles(GetParam(), T, start);
    attention(test_context(), whole.arguments);
    const ThreadCount threads(3);
    std::vector<Attention> batch;
    for (int64_t t = 0; t < T; ++t) batch.push_back(single_query(singles.arguments, t));
    attention(test_context(), batch);
    const AttentionPlan one = plan_attention(batch[0]), many = plan_attention(whole.arguments);
    if (one.keys == many.keys && one.values == many.values) {
      EXPECT_EQ(singles.out, whole.out);
    } else {
      expect_agreement(singles, 1e-5);
    }
    std::vector<float> before = whole.out;
    attention(test_context(), whole.arguments);
    EXPECT_EQ(whole.out, before);
  });
}

// One query multiplies a page as it is stored, many make floats of it first.
TEST_P(Kinds, GivesAQueryTheSameBitsFromPagesWhereNoFactorsAre) {
  on_every_target([] {
    for (const auto& [name, type, largest] : kCacheTypes) {
      SCOPED_TRACE(name);
      const int64_t T = 40, start = 87;
      Problem whole(GetParam(), T, start), singles(GetParam(), T, start);
      Attention& x = whole.arguments;
      const AttentionPlan plan = plan_attention(x);
      if (plan.k.has_a || plan.v.has_a) return;
      const Pages keys(x.k, x.heads, start + T, type, false), values(x.v, x.heads, start + T, type, true);
      const Attention before = singles.arguments;
      singles.arguments = x;
      singles.arguments.q = before.q;
      singles.arguments.out = before.out;
      singles.arguments.lse = before.lse;
      attention(test_context(), x);
      for (int64_t t = 0; t < T; ++t) attention(test_context(), single_query(singles.arguments, t));
      EXPECT_EQ(singles.out, whole.out);
    }
  });
}

// Of numbers rounded to bfloat16, where the processor multiplies them: 2^-9 of each of queries, keys, weights and
// values. Here logits of a rank of 17 reach 20, and an error of a hundredth in one is as much of its weight.
double bfloat_tolerance() { return has_bfloat_attention() ? 4e-2 : 1e-5; }

TEST_P(Kinds, AgreesInBfloats) {
  on_every_target([] {
    // A few queries, some rows of one tile, and tiles, strips and sections of keys.
    for (const int64_t T : {1, 5, 39, 70, 333}) {
      for (const int64_t window : {0, 70}) {
        if (T > 70 && (window == 0 || !has_bfloat_attention())) continue;
        SCOPED_TRACE(fmt::format("T {} window {}", T, window));
        Problem problem(GetParam(), T, T < 140 ? 140 - T : 300);
        problem.arguments.bfloats = true;
        problem.arguments.window = window;
        problem.arguments.sinks = window / 20;
        attention(test_context(), problem.arguments);
        expect_agreement(problem, bfloat_tolerance());
      }
    }
  });
}

TEST_P(Kinds, AgreesInBfloatsOfACachesPages) {
  on_every_target([] {
    for (const auto& [name, type, largest] : kCacheTypes) {
      for (const bool key_rows : {false, true}) {
        SCOPED_TRACE(fmt::format("{} rows {}", name, key_rows));
        Problem problem(GetParam(), 39, 127 - 39);
        const Pages keys(problem.arguments.k, GetParam().heads, 127, type, key_rows);
        const Pages values(problem.arguments.v, GetParam().heads, 127, type, true);
        problem.arguments.bfloats = true;
        attention(test_context(), problem.arguments);
        expect_agreement(problem, bfloat_tolerance());
      }
    }
  });
}

TEST_P(Kinds, GivesAQueryTheSameBfloatsInAnyCompanyAndOnAnyThreads) {
  on_every_target([] {
    if (!has_bfloat_attention()) return;
    const int64_t T = 140, start = 400;
    Problem whole(GetParam(), T, start), singles(GetParam(), T, start);
    whole.arguments.bfloats = singles.arguments.bfloats = true;
    attention(test_context(), whole.arguments);
    const ThreadCount threads(3);
    std::vector<Attention> batch;
    for (int64_t t = 0; t < T; ++t) batch.push_back(single_query(singles.arguments, t));
    attention(test_context(), batch);
    EXPECT_EQ(singles.out, whole.out);
    EXPECT_EQ(singles.lse, whole.lse);
  });
}

INSTANTIATE_TEST_SUITE_P(Attention, Kinds, ::testing::ValuesIn(attention_cases()),
                         [](const auto& test) { return test.param.name; });

// A bias of some pairs of features, other ones and other numbers of them for each key.
struct BiasProblem : Problem {
  BiasProblem(const Case& shape, int64_t T, int64_t start, int64_t dim) : Problem(shape, T, start), rotary(dim, 10000) {
    rotary.extend(std::max(start + T, kPageTokens));
    first.push_back(0);
    for (int64_t r = 0; r < shape.k.rank; ++r) {
      if (r != 2) {  // not each key has one
        for (int64_t i = r % 2; i < dim / 2; i += 1 + r) hold(i);
      }
      first.push_back(static_cast<int64_t>(features.size()));
    }
    arguments.k_bias = {first.data(), features.data(), rows.data(), rotary.at(0), dim};
  }

  void hold(int64_t i) {
    const std::vector<float> bias = random_floats(2, static_cast<uint64_t>(50 + features.size()));
    features.push_back(static_cast<int32_t>(i));
    const size_t row = rows.size();
    rows.resize(row + 2 * kPageTokens);
    for (int64_t t = 0; t < kPageTokens; ++t) {
      std::vector<float> pair = {bias[0] * 5, bias[1] * 5};
      const float entry[] = {rotary.at(t)[i], rotary.at(t)[rotary.dim() / 2 + i]};
      rotate(pair.data(), 1, 2, entry, 2);
      rows[row + static_cast<size_t>(t)] = pair[0];
      rows[row + static_cast<size_t>(kPageTokens + t)] = pair[1];
    }
  }

  RotaryTable rotary;
  std::vector<int64_t> first;
  std::vector<int32_t> features;
  std::vector<float> rows;
};

TEST(Attention, AddsTheBiasThatKeysLack) {
  for (const char* name : {"mha", "gqa", "groups_of_two_sizes", "mqa_many_heads", "grouped_keys_only"}) {
    const Case& shape = case_named(name);
    const int64_t dim = shape.k.features / 2 * 2;
    on_every_target([&] {
      for (const auto& [T, start] : {std::pair{1, 0}, {1, 63}, {1, 64}, {3, 130}, {70, 63}, {1, 1100}}) {
        SCOPED_TRACE(fmt::format("{} T {} start {}", name, T, start));
        BiasProblem problem(shape, T, start, dim), paged(shape, T, start, dim), without(shape, T, start, dim);
        attention(test_context(), problem.arguments);
        expect_agreement(problem, 2e-5);
        const Pages keys(paged.arguments.k, shape.heads, start + T, NumberType::i8, false);
        paged.arguments.window = 50;
        attention(test_context(), paged.arguments);
        expect_agreement(paged, 2e-5);
        if (start == 0) continue;
        without.arguments.k_bias = {};
        attention(test_context(), without.arguments);
        EXPECT_NE(without.out, problem.out);
      }
    });
  }
}

TEST(Attention, AddsABiasWithTheSameBitsInAnyCompanyAndOnAnyThreads) {
  on_every_target([] {
    const int64_t T = 40, start = 1100;
    BiasProblem whole(case_named("gqa"), T, start, 16), singles(case_named("gqa"), T, start, 16);
    attention(test_context(), whole.arguments);
    const ThreadCount threads(3);
    std::vector<Attention> batch;
    for (int64_t t = 0; t < T; ++t) batch.push_back(single_query(singles.arguments, t));
    attention(test_context(), batch);
    EXPECT_EQ(singles.out, whole.out);
  });
}

// MLA's values are the first numbers of its keys, in rows as in pages; either may end in the middle of a vector.
TEST(Attention, ReadsValuesInsideTheKeys) {
  for (const auto& [keys, values] : {std::pair{11, 7}, {16, 7}, {32, 16}}) {
    SCOPED_TRACE(fmt::format("{} numbers, {} of them values", keys, values));
    const Case shape = {"mla",
                        {Head::grouped, Feature::contextual, 4, keys},
                        {Head::grouped, Feature::contextual, 1, keys},
                        {Head::grouped, Feature::contextual, 1, values},
                        4};
    on_every_target([&] {
      Problem problem(shape, 9, 70);
      problem.arguments.v.b = problem.arguments.k.b;
      problem.arguments.v.b_stride = keys;
      attention(test_context(), problem.arguments);
      expect_agreement(problem, 1e-5);
      for (const auto& [name, type, largest] : kCacheTypes) {
        SCOPED_TRACE(name);
        Problem paged(shape, 9, 70);
        const Pages pages(paged.arguments.k, 4, 79, type, true);
        paged.arguments.v.b = nullptr;
        paged.arguments.v.pages = paged.arguments.k.pages;
        paged.arguments.v.paged_b = paged.arguments.k.paged_b;
        attention(test_context(), paged.arguments);
        expect_agreement(paged, 1e-5);
      }
    });
  }
}

TEST(Attention, SharesALongCacheAmongThreads) {
  for (const char* name : {"tpa", "gqa", "tpa_shift", "mqa_many_heads"}) {
    SCOPED_TRACE(name);
    for (const int64_t start : {700, 4500, 9000}) {
      Problem problem(case_named(name), 1, start), alone(case_named(name), 1, start);
      {
        const ThreadCount threads(5);
        attention(test_context(), problem.arguments);
      }
      const ThreadCount threads(1);
      attention(test_context(), alone.arguments);
      EXPECT_EQ(problem.out, alone.out);
      expect_agreement(problem, 1e-5);
    }
  }
}

// As many sequences as wanted, of any lengths, each with its own pages; one without a single key.
TEST(Attention, TakesSequencesOfDifferentLengths) {
  on_every_target([] {
    const ThreadCount threads(4);
    std::vector<std::unique_ptr<Problem>> problems;
    std::vector<std::unique_ptr<Pages>> pages;
    std::vector<Attention> batch;
    for (const int64_t keys : {1, 63, 64, 65, 300, 2000}) {
      problems.push_back(std::make_unique<Problem>(case_named("tpa_ranks"), 1, keys - 1));
      Attention& x = problems.back()->arguments;
      pages.push_back(std::make_unique<Pages>(x.k, x.heads, keys, NumberType::bf16, false));
      pages.push_back(std::make_unique<Pages>(x.v, x.heads, keys, NumberType::bf16, true));
      batch.push_back(x);
    }
    Problem empty(case_named("tpa_ranks"), 1, 0);
    empty.arguments.start = -1;
    batch.push_back(empty.arguments);
    Attention none = empty.arguments;
    none.T = 0;
    batch.push_back(none);
    attention(test_context(), batch);
    for (const auto& problem : problems) expect_agreement(*problem, 1e-5);
    EXPECT_THAT(empty.out, Each(0.0f));
    EXPECT_THAT(empty.lse, Each(-std::numeric_limits<float>::infinity()));
  });
}

// Far beyond what exp can hold without the running maximum.
TEST(Attention, StandsLargeLogits) {
  on_every_target([] {
    Problem problem(case_named("mha"), 5, 150, 1e4f);
    attention(test_context(), problem.arguments);
    expect_agreement(problem, 1e-3);
  });
}

TEST(Attention, AveragesValuesWhereAllLogitsAreEqual) {
  on_every_target([] {
    Problem problem(case_named("tpa"), 3, 150, 0);
    attention(test_context(), problem.arguments);
    expect_agreement(problem, 1e-5);
  });
}

TEST(Attention, TakesDenormalNumbers) {
  on_every_target([] {
    Problem problem(case_named("gqa"), 3, 90, 1e38f);
    for (float& number : problem.k.b) number *= 1e-38f;
    for (float& number : problem.v.b) number *= 1e-39f;
    attention(test_context(), problem.arguments);
    expect_agreement(problem, 1e-4);
  });
}

TEST(Attention, PassesOnWhatIsNotANumber) {
  Problem problem(case_named("mha"), 2, 3);
  std::fill(problem.q.b.begin(), problem.q.b.end(), kNaN);
  attention(test_context(), problem.arguments);
  EXPECT_THAT(problem.out, Each(IsNan()));
}

}  // namespace
}  // namespace t6
