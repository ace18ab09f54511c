#include "t6/kernels/attention_backward.h"
#include "tests/context.h"
#include "tests/error_of.h"
#include "tests/kernels/attention_problem.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

Case tpa() {
  const FactorCase factors = {Head::contextual, Feature::contextual, 2, 8};
  return {"tpa", factors, factors, factors, 6};
}

// The error of attention over factors that `change` spoils.
template <typename Change>
std::string error_with(Change&& change, const Case& shape = tpa()) {
  Problem problem(shape, 3, 5);
  change(problem.arguments);
  return error_of([&] { attention(test_context(), problem.arguments); });
}

TEST(AttentionCheck, TakesWhatGoesTogether) {
  for (const Case& shape : attention_cases()) {
    EXPECT_EQ(error_with([](Attention&) {}, shape), "no error") << shape.name;
  }
}

TEST(AttentionCheck, RefusesSizesThatDoNotGoTogether) {
  EXPECT_THAT(error_with([](Attention& x) { x.heads = 0; }), HasSubstr("at least 1 head, not 0"));
  EXPECT_THAT(error_with([](Attention& x) { x.T = -1; }), HasSubstr("-1 queries from position 5"));
  EXPECT_THAT(error_with([](Attention& x) { x.start = -4; }), HasSubstr("3 queries from position -4"));
  EXPECT_THAT(error_with([](Attention& x) { x.window = -1; }), HasSubstr("a window of -1 keys"));
  EXPECT_THAT(error_with([](Attention& x) { x.k.rank = 0; }), HasSubstr("the keys have 0 factors of 8 features"));
  EXPECT_THAT(error_with([](Attention& x) { x.v.features = 0; }), HasSubstr("the values have 2 factors of 0 features"));
  EXPECT_THAT(error_with([](Attention& x) { x.k.features = 4; }), HasSubstr("queries have 8 features and keys 4"));
  const auto grouped = [](Attention& x) {
    x.k.a = nullptr;
    x.k.rank = 4;
  };
  EXPECT_THAT(error_with(grouped), HasSubstr("the keys have no head factors, and 4 feature factors do not divide 6"));
}

TEST(AttentionCheck, RefusesHalfOfAThirdOrderOrARotation) {
  const std::vector<float> numbers(64);
  EXPECT_THAT(error_with([](Attention& x) { x.q.third = 3; }), HasSubstr("the queries have 8 features, which third"));
  EXPECT_THAT(error_with([](Attention& x) { x.q.third = 2; }), HasSubstr("third factors of length 2, but none"));
  EXPECT_THAT(error_with([&](Attention& x) { x.v.c = numbers.data(); }), HasSubstr("of length 1, but some"));
  const auto rotated = [&](int64_t dim) {
    return error_with([&](Attention& x) {
      x.k.rotary = numbers.data();
      x.k.rotary_dim = dim;
    });
  };
  EXPECT_THAT(rotated(3), HasSubstr("3 of 8 features of the keys are to be rotated"));
  EXPECT_THAT(rotated(10), HasSubstr("10 of 8 features"));
}

TEST(AttentionCheck, RefusesABiasThatItCannotAdd) {
  const FactorCase grouped = {Head::grouped, Feature::contextual, 6, 8};
  const std::vector<int64_t> first(7);
  const std::vector<int32_t> features(1);
  const std::vector<float> numbers(128);
  const HeldBias bias = {first.data(), features.data(), numbers.data(), numbers.data(), 8};
  const auto error = [&](auto&& change, const Case& shape) {
    return error_with(
        [&](Attention& x) {
          x.k_bias = bias;
          change(x);
        },
        shape);
  };
  const Case mha = {"mha", grouped, grouped, grouped, 6};
  EXPECT_EQ(error([](Attention&) {}, mha), "no error");
  EXPECT_THAT(error([](Attention&) {}, tpa()), HasSubstr("held apart where queries and keys have no head factors"));
  Case shifted = mha;
  shifted.shift = true;
  EXPECT_THAT(error([](Attention&) {}, shifted), HasSubstr("third order or shift"));
  EXPECT_THAT(error([](Attention& x) { x.k_bias.rotary_dim = 10; }, mha), HasSubstr("10 rotated features of 8"));
  EXPECT_THAT(error([](Attention& x) { x.k_bias.rotary_dim = 3; }, mha), HasSubstr("3 rotated features of 8"));
  EXPECT_THAT(error([](Attention& x) { x.k_bias.rotary = nullptr; }, mha), HasSubstr("no rotation"));
  EXPECT_THAT(error([](Attention& x) { x.k_bias.rows = nullptr; }, mha), HasSubstr("no numbers"));
}

TEST(AttentionCheck, RefusesWhatIsMissing) {
  EXPECT_THAT(error_with([](Attention& x) { x.k.b = nullptr; }), HasSubstr("the keys have no feature factors"));
  EXPECT_THAT(error_with([](Attention& x) { x.out = nullptr; }), HasSubstr("no room for the output"));
  const std::vector<float> shift(12);
  EXPECT_THAT(error_with([&](Attention& x) { x.k_shift = shift.data(); }), HasSubstr("only the keys are shifted"));
  EXPECT_THAT(error_with([&](Attention& x) { x.v_shift = shift.data(); }), HasSubstr("only the values are shifted"));
  const auto nothing = [](Attention& x) {
    x.T = 0;
    x.q.b = x.k.b = nullptr;
  };
  EXPECT_EQ(error_with(nothing), "no error");
}

// Of the pages of keys that `change` spoils.
template <typename Change>
std::string paged_error(Change&& change) {
  Problem problem(tpa(), 3, 5);
  const Pages pages(problem.arguments.k, 6, 8, NumberType::f32, false);
  change(problem.arguments);
  return error_of([&] { attention(test_context(), problem.arguments); });
}

TEST(AttentionCheck, RefusesStreamsOfAnotherShape) {
  EXPECT_EQ(paged_error([](Attention&) {}), "no error");
  EXPECT_THAT(paged_error([](Attention& x) { x.k.paged_a.width = 5; }),
              HasSubstr("pages hold a of 2 vectors of 5 numbers for the keys; wanted 2 of 6"));
  EXPECT_THAT(paged_error([](Attention& x) { x.k.paged_b.vectors = 1; }), HasSubstr("b of 1 vectors of 8 numbers"));
  EXPECT_THAT(paged_error([](Attention& x) { x.k.paged_b.width = 16; }), HasSubstr("b of 2 vectors of 16 numbers"));
  EXPECT_THAT(paged_error([](Attention& x) { x.k.pages = nullptr; }), HasSubstr("the keys lie in pages, but there"));
  EXPECT_THAT(paged_error([](Attention& x) { x.q.pages = x.k.pages; }), HasSubstr("queries cannot lie in pages"));
}

template <typename Change>
std::string backward_error(Change&& change) {
  const Problem problem(tpa(), 3, 5);
  std::vector<float> gradients(8 * 2 * 8);
  AttentionBackward x;
  x.forward = problem.arguments;
  x.forward.out = nullptr;
  x.lse = x.d_out = gradients.data();
  x.dq_a = x.dq_b = x.dk_a = x.dk_b = x.dv_a = x.dv_b = gradients.data();
  change(x);
  return error_of([&] { attention_backward(test_context(), {&x, 1}); });
}

TEST(AttentionCheck, RefusesGradientsThatAreNotKnown) {
  const std::vector<float> numbers(64);
  EXPECT_THAT(backward_error([](AttentionBackward& x) { x.forward.heads = 0; }), HasSubstr("at least 1 head"));
  EXPECT_THAT(backward_error([&](AttentionBackward& x) { x.forward.k_shift = x.forward.v_shift = numbers.data(); }),
              HasSubstr("with a shift"));
  EXPECT_THAT(backward_error([&](AttentionBackward& x) { x.forward.k.norm_weight = numbers.data(); }),
              HasSubstr("the gradient of keys"));
  const int64_t first[] = {0, 0, 0};
  const auto held = [&](AttentionBackward& x) {
    x.forward.k_bias = {first, reinterpret_cast<const int32_t*>(first), numbers.data(), numbers.data(), 2};
    x.forward.q.a = x.forward.k.a = nullptr;
    x.forward.q.rank = x.forward.k.rank = x.forward.heads;
  };
  EXPECT_THAT(backward_error(held), HasSubstr("the gradient with a bias held apart"));
  EXPECT_THAT(backward_error([](AttentionBackward& x) { x.lse = nullptr; }), HasSubstr("needs lse and d_out"));
  EXPECT_THAT(backward_error([](AttentionBackward& x) { x.dk_b = nullptr; }), HasSubstr("gradient of feature factors"));
  EXPECT_THAT(backward_error([](AttentionBackward& x) { x.dv_a = nullptr; }), HasSubstr("gradient of head factors"));
}

}  // namespace
}  // namespace t6
