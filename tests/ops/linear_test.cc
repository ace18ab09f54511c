#include "t6/ops/linear.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/ops/product.h"
#include "tests/error_of.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

double error(const torch::Tensor& got, const torch::Tensor& wanted) {
  EXPECT_EQ(got.sizes(), wanted.sizes());
  return (got.to(torch::kDouble) - wanted).abs().max().item<double>() / wanted.abs().max().item<double>();
}

class Types : public ::testing::TestWithParam<torch::ScalarType> {};

TEST_P(Types, LinearHasTheValuesAndGradientsOfTorchs) {
  torch::manual_seed(1);
  const auto leaf = [](torch::IntArrayRef shape) {
    return torch::randn(shape, torch::dtype(GetParam())).requires_grad_();
  };
  for (const auto& shape : {std::vector<int64_t>{7}, {5, 7}, {2, 3, 7}, {0, 7}}) {
    torch::Tensor x = leaf(shape), weight = leaf({4, 7});
    const torch::Tensor wide_x = x.detach().to(torch::kDouble).requires_grad_(),
                        wide_weight = weight.detach().to(torch::kDouble).requires_grad_();
    const torch::Tensor y = t6::linear(x, weight), wide_y = torch::linear(wide_x, wide_weight);
    const torch::Tensor direction = torch::randn_like(wide_y);
    y.backward(direction.to(GetParam()));
    wide_y.backward(direction);
    EXPECT_EQ(y.sizes(), wide_y.sizes());
    if (y.numel() > 0) {
      EXPECT_LT(error(y, wide_y), 1e-6);
      EXPECT_LT(error(x.grad(), wide_x.grad()), 1e-6);
      EXPECT_LT(error(weight.grad(), wide_weight.grad()), 1e-6);
    } else {
      EXPECT_EQ(weight.grad().abs().max().item<double>(), 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Types, ::testing::Values(torch::kFloat, torch::kDouble),
                         [](const auto& test) { return toString(test.param); });

TEST(Linear, TakesOperandsThatLieAnyhow) {
  torch::manual_seed(2);
  const torch::Tensor x = torch::randn({6, 5}), weight = torch::randn({3, 5});
  for (const torch::Tensor& other : {x.t().contiguous().t(), x.narrow(1, 0, 5), torch::randn({1, 5}).expand({6, 5}),
                                     torch::randn({6, 1}).expand({6, 5})}) {
    EXPECT_LT(error(t6::linear(other, weight), torch::linear(other, weight).to(torch::kDouble)), 1e-6);
  }
  const torch::Tensor wide = torch::randn({3, 11}).narrow(1, 2, 5);
  EXPECT_LT(error(t6::linear(x, wide), torch::linear(x, wide).to(torch::kDouble)), 1e-6);
}

TEST(Linear, AsksForOneGradientOnly) {
  const torch::Tensor x = torch::randn({6, 5}), weight = torch::randn({3, 5}).requires_grad_();
  t6::linear(x, weight).sum().backward();
  EXPECT_FALSE(x.grad().defined());
  EXPECT_LT(error(weight.grad(), x.sum(0).expand({3, 5}).to(torch::kDouble)), 1e-6);
}

TEST(Linear, NamesTheArgumentThatIsWrong) {
  const torch::Tensor x = torch::randn({6, 5}), weight = torch::randn({3, 5});
  EXPECT_THAT(error_of([&] { t6::linear(x, torch::randn({5, 3})); }), HasSubstr("weight must be [N, K]"));
  EXPECT_THAT(error_of([&] { t6::linear(x, weight.to(torch::kDouble)); }), HasSubstr("weight must be Float"));
  EXPECT_THAT(error_of([&] { t6::linear(x.to(torch::kLong), weight); }), HasSubstr("x must be of a floating type"));
  EXPECT_THAT(error_of([&] { t6::product(x, weight); }), HasSubstr("b [3, 5] does not go with a [6, 5]"));
}

TEST(Product, HasEveryForm) {
  torch::manual_seed(3);
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      const torch::Tensor a = torch::randn(transpose_a ? torch::IntArrayRef{5, 4} : torch::IntArrayRef{4, 5});
      const torch::Tensor b = torch::randn(transpose_b ? torch::IntArrayRef{3, 5} : torch::IntArrayRef{5, 3});
      const torch::Tensor wanted =
          (transpose_a ? a.t() : a).to(torch::kDouble).mm((transpose_b ? b.t() : b).to(torch::kDouble));
      EXPECT_LT(error(product(a, b, {transpose_a, transpose_b}), wanted), 1e-6);
      const torch::Tensor c = torch::ones({4, 9}).narrow(1, 3, 3);
      product_into(c, a, b, {transpose_a, transpose_b}, true);
      EXPECT_LT(error(c, wanted + 1), 1e-6);
    }
  }
}

}  // namespace
}  // namespace t6
