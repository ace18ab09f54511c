#include "t6/kernels/cross_entropy.h"

#include "t6/kernels/reference/cross_entropy.h"
#include "t6/numbers/half.h"
#include "tests/context.h"
#include "tests/kernels/kernel_test.h"

namespace t6 {
namespace {

// Rows of random logits up to `spread` in size; every fourth has no target.
struct Problem {
  Problem(int64_t rows, int64_t classes, float spread, float scale = 0.25f) : logits(random_floats(rows * classes, 1)) {
    for (float& logit : logits) logit *= spread;
    for (int64_t row = 0; row < rows; ++row) targets.push_back(row % 4 == 2 ? -1 : row * 7 % classes);
    arguments = {.logits = logits.data(), .targets = targets.data(), .rows = rows, .classes = classes, .scale = scale};
  }
  Problem(const Problem&) = delete;

  std::vector<float> logits;
  std::vector<int64_t> targets;
  CrossEntropy arguments;
};

TEST(CrossEntropy, AgreesWithTheReference) {
  on_every_target([] {
    for (const int64_t rows : {0, 1, 5}) {
      for (const int64_t classes : {1, 3, 16, 37, 64, 1000}) {
        for (const float spread : {1.0f, 30.0f, 1000.0f}) {
          SCOPED_TRACE(fmt::format("rows {} classes {} spread {}", rows, classes, spread));
          Problem problem(rows, classes, spread);
          const CrossEntropyResult wanted = cross_entropy_reference(problem.arguments);
          EXPECT_NEAR(cross_entropy(test_context(), problem.arguments), wanted.loss, 1e-6 * (1 + wanted.loss));
          problem.logits.resize(wanted.gradients.size());
          for (size_t i = 0; i < wanted.gradients.size(); ++i) {
            ASSERT_NEAR(problem.logits[i], wanted.gradients[i], 1e-6) << i;
          }
        }
      }
    }
  });
}

TEST(CrossEntropy, IsTheSameOnAnyThreadsAndWithoutGradients) {
  Problem one(31, 5000, 5), three(31, 5000, 5), plain(31, 5000, 5, 0);
  const double loss = cross_entropy(test_context(), one.arguments);
  EXPECT_EQ(cross_entropy(test_context(), plain.arguments), loss);
  const ThreadCount threads(3);
  EXPECT_EQ(cross_entropy(test_context(), three.arguments), loss);
  EXPECT_EQ(std::vector(one.logits.begin(), one.logits.end() - 40),
            std::vector(three.logits.begin(), three.logits.end() - 40));
}

TEST(CrossEntropy, GradientsMayBeBfloat16) {
  on_every_target([] {
    for (const int64_t classes : {1, 16, 37, 1000}) {
      Problem problem(5, classes, 5);
      const CrossEntropyResult wanted = cross_entropy_reference(problem.arguments);
      problem.arguments.bfloat_gradient = true;
      EXPECT_NEAR(cross_entropy(test_context(), problem.arguments), wanted.loss, 1e-6 * (1 + wanted.loss));
      for (size_t row = 0; row < 5; ++row) {
        const auto* gradient =
            reinterpret_cast<const uint16_t*>(problem.logits.data()) + row * 2 * static_cast<size_t>(classes);
        for (size_t i = 0; i < static_cast<size_t>(classes); ++i) {
          const double number = wanted.gradients[row * static_cast<size_t>(classes) + i];
          ASSERT_NEAR(float_from_bfloat16(gradient[i]), number, 1e-6 + std::abs(number) / 256) << row << " " << i;
        }
      }
    }
  });
}

TEST(CrossEntropy, PassesOnWhatIsNotANumber) {
  for (const size_t place : {0, 17, 36}) {
    Problem problem(1, 37, 1);
    problem.logits[place] = kNaN;
    EXPECT_TRUE(std::isnan(cross_entropy(test_context(), problem.arguments))) << place;
  }
}

}  // namespace
}  // namespace t6
