// The operators as compositions of ATen's, beside our kernels: on the CPU, where both run.
#include "t6/ops/composite/composites.h"

#include <gmock/gmock.h>

#include "t6/ops/attention.h"
#include "t6/ops/composite/devices.h"
#include "t6/ops/gated_linear.h"
#include "t6/ops/linear.h"
#include "t6/ops/linear_cross_entropy.h"
#include "t6/ops/product.h"
#include "t6/ops/rms_norm.h"
#include "t6/ops/rotary.h"
#include "tests/error_of.h"
#include "tests/ops/composites_on.h"

namespace t6 {
namespace {

using testing::HasSubstr;
using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Function = std::function<Tensor(const Tensors&)>;

double distance(const Tensor& got, const Tensor& wanted) {
  EXPECT_EQ(got.sizes(), wanted.sizes());
  const double length = wanted.norm().item<double>();
  const double off = (got.to(torch::kDouble) - wanted).norm().item<double>();
  return length > 0 ? off / length : off;
}

Tensor random(torch::IntArrayRef sizes, torch::ScalarType type) { return torch::randn(sizes).to(type); }

// What `function` gives of these numbers, and the gradients of the floating ones among them.
Tensors results(const Function& function, const Tensors& arguments) {
  Tensors leaves;
  for (const Tensor& each : arguments) {
    leaves.push_back(each.is_floating_point() ? each.detach().clone().requires_grad_() : each);
  }
  const Tensor out = function(leaves);
  Tensors all = {out.detach()};
  torch::manual_seed(9);
  out.backward(torch::randn(out.sizes()).to(out.scalar_type()));
  for (const Tensor& leaf : leaves) {
    if (leaf.is_floating_point()) all.push_back(leaf.grad());
  }
  return all;
}

Tensors wide(const Tensors& arguments) {
  Tensors all;
  for (const Tensor& each : arguments) all.push_back(each.is_floating_point() ? each.to(torch::kDouble) : each);
  return all;
}

// The composition's values and gradients are as near to `formula` in float64 as those of PyTorch's operators in the
// arguments' types, within a factor of two and `allowance` of float32's rounding; our kernel's are near them, too.
void compare(const Function& op, const Function& formula, const Tensors& arguments, const std::string& what) {
  const Tensors wanted = results(formula, wide(arguments)), plain = results(formula, arguments);
  const Tensors kernel = results(op, arguments);
  Tensors composed;
  {
    const CompositesOn composites = CompositesOn::cpu();
    composed = results(op, arguments);
  }
  ASSERT_EQ(composed.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(composed[i].scalar_type(), kernel[i].scalar_type()) << what << ' ' << i;
    const double theirs = distance(plain[i], wanted[i]), most = 2 * theirs + 2e-6;
    EXPECT_LE(distance(composed[i], wanted[i]), most) << what << ", result or gradient " << i;
    EXPECT_LE(distance(composed[i], kernel[i].to(torch::kDouble)), 2 * most) << what << ", result or gradient " << i;
  }
}

struct AttentionCase {
  std::string name;
  int64_t batch, length, heads, q_rank, k_rank, v_rank;
  bool q_factors, k_factors, v_factors;
  AttentionWindow window = {};
};

Tensor heads_of(const Tensors& x, size_t& next, bool factored, int64_t heads, double scale) {
  if (factored) {
    const Tensor &a = x[next], &b = x[next + 1];
    next += 2;
    return (torch::matmul(a.transpose(2, 3), b) * scale).transpose(1, 2);
  }
  const Tensor b = x[next++] * scale;
  return b.repeat_interleave(heads / b.size(2), 2).transpose(1, 2);
}

void compare_attention(const AttentionCase& c, torch::ScalarType type) {
  torch::manual_seed(3);
  const int64_t D = 10, E = 7;
  Tensors x;
  const auto add = [&](bool factored, int64_t rank, int64_t width) {
    if (factored) x.push_back(random({c.batch, c.length, rank, c.heads}, type));
    x.push_back(random({c.batch, c.length, rank, width}, type));
  };
  add(c.q_factors, c.q_rank, D), add(c.k_factors, c.k_rank, D), add(c.v_factors, c.v_rank, E);
  const double logits = 0.11, values = 0.4;
  const Function op = [&](const Tensors& t) {
    size_t i = 0;
    const auto factors = [&](bool factored) {
      AttentionFactors of;
      if (factored) of.a = t[i++];
      of.b = t[i++];
      return of;
    };
    const AttentionFactors q = factors(c.q_factors), k = factors(c.k_factors), v = factors(c.v_factors);
    return std::get<0>(attention(q, k, v, c.heads, {logits, values}, c.window));
  };
  const Function formula = [&](const Tensors& t) {
    size_t i = 0;
    const Tensor q = heads_of(t, i, c.q_factors, c.heads, 1), k = heads_of(t, i, c.k_factors, c.heads, 1);
    const Tensor v = heads_of(t, i, c.v_factors, c.heads, values);
    const Tensor scores = torch::matmul(q, k.transpose(2, 3)) * logits;
    const Tensor seen = visible(c.window, c.length, torch::kCPU);
    return torch::matmul(scores.masked_fill(seen.logical_not(), -1e30).softmax(-1), v).transpose(1, 2);
  };
  compare(op, formula, x, c.name + ' ' + toString(type));
}

TEST(Composites, AttentionIsThatOfTheKernels) {
  const std::vector<AttentionCase> cases = {{"factors", 2, 13, 6, 3, 2, 2, true, true, true},
                                            {"dense", 2, 13, 6, 6, 6, 6, false, false, false},
                                            {"grouped", 2, 13, 6, 6, 2, 2, false, false, false},
                                            {"keys and values", 2, 9, 6, 6, 1, 3, false, true, true},
                                            {"two groups", 1, 9, 6, 6, 3, 2, false, false, false},
                                            {"one token", 1, 1, 5, 3, 1, 2, true, true, true},
                                            {"window", 2, 13, 6, 3, 2, 2, true, true, true, {4, 0}},
                                            {"sinks", 2, 13, 6, 3, 2, 2, true, true, true, {4, 2}},
                                            {"long window", 1, 9, 6, 3, 2, 2, true, true, true, {64, 0}}};
  for (const AttentionCase& each : cases) {
    compare_attention(each, torch::kFloat);
    compare_attention(each, torch::kBFloat16);
  }
}

TEST(Composites, NothingInGivesNothing) {
  const auto none = [](torch::IntArrayRef sizes) { return torch::empty(sizes, torch::kBFloat16).requires_grad_(); };
  const CompositesOn composites = CompositesOn::cpu();
  for (const auto& [batch, length] : {std::pair<int64_t, int64_t>{0, 5}, {2, 0}}) {
    const AttentionFactors x = {none({batch, length, 2, 3}), none({batch, length, 2, 8})};
    const Tensor out = std::get<0>(attention(x, x, x, 3, {}));
    EXPECT_EQ(out.sizes(), (torch::IntArrayRef{batch, length, 3, 8}));
    out.sum().backward();
    EXPECT_EQ(x.b.grad().sizes(), x.b.sizes());
  }
  EXPECT_EQ(t6::linear(none({0, 7}), none({3, 7})).sizes(), (torch::IntArrayRef{0, 3}));
  EXPECT_EQ(rms_norm_to_bfloat16(none({0, 7}), {}, 1e-6).sizes(), (torch::IntArrayRef{0, 7}));
  EXPECT_EQ(rotate_bfloat16(none({2, 0, 3, 8}), torch::ones({4, 1, 4}), torch::ones({4, 1, 4})).numel(), 0);
  const Tensor weight = torch::randn({3, 7}).requires_grad_();
  gated_linear(none({0, 7}), none({0, 7}), weight, false).sum().backward();
  EXPECT_EQ(weight.grad().abs().sum().item<double>(), 0);
}

TEST(Composites, LinearIsThatOfTheKernels) {
  torch::manual_seed(4);
  using Type = torch::ScalarType;
  const Type wide_type = torch::kFloat, narrow = torch::kBFloat16;
  struct Case {
    Type x, weight;
    std::optional<Type> result;
  };
  for (const Case& c : {Case{wide_type, wide_type, {}},
                        {torch::kDouble, torch::kDouble, {}},
                        {narrow, wide_type, {}},
                        {narrow, wide_type, wide_type},
                        {narrow, narrow, {}},
                        {wide_type, wide_type, narrow}}) {
    const bool rounded = c.x == narrow || c.weight == narrow || c.result == narrow;
    const Function op = [&](const Tensors& t) { return t6::linear(t[0], t[1], c.result); };
    const Function formula = [&](const Tensors& t) {
      if (t[0].scalar_type() == torch::kDouble) return torch::linear(t[0], t[1]);
      const Type type = rounded ? narrow : c.x;
      return torch::linear(t[0].to(type), t[1].to(type)).to(c.result.value_or(c.x));
    };
    for (const auto& shape : {std::vector<int64_t>{11}, {5, 11}, {2, 33, 11}}) {
      compare(op, formula, {random(shape, c.x), random({7, 11}, c.weight)}, "linear");
    }
  }
}

TEST(Composites, GatedLinearIsThatOfTheKernels) {
  torch::manual_seed(5);
  for (const bool gelu : {false, true}) {
    const Function op = [&](const Tensors& t) { return gated_linear(t[0], t[1], t[2], gelu); };
    const Function formula = [&](const Tensors& t) {
      const Tensor act = gelu ? torch::gelu(t[0], "tanh") : torch::silu(t[0]);
      return torch::linear(act * t[1], t[2].to(t[0].scalar_type())).to(t[2].scalar_type());
    };
    for (const auto& shape : {std::vector<int64_t>{19}, {1, 19}, {3, 5, 19}}) {
      compare(op, formula, {random(shape, torch::kBFloat16), random(shape, torch::kBFloat16), torch::randn({7, 19})},
              "gated linear");
    }
  }
}

TEST(Composites, NormsAreThoseOfTheKernels) {
  torch::manual_seed(6);
  for (const torch::ScalarType type : {torch::kFloat, torch::kBFloat16}) {
    for (const bool weighted : {false, true}) {
      const Function op = [&](const Tensors& t) {
        return rms_norm_to_bfloat16(t[0], weighted ? t[1] : Tensor(), 1e-5);
      };
      const Function formula = [&](const Tensors& t) {
        const bool exact = t[0].scalar_type() == torch::kDouble;
        const Tensor x = exact ? t[0] : t[0].to(torch::kFloat);
        const Tensor y = x * (x.square().mean(-1, true) + 1e-5).rsqrt();
        return (weighted ? y * t[1] : y).to(exact ? torch::kDouble : torch::kBFloat16);
      };
      const Tensor x = random({3, 4, 35}, type), weight = torch::rand({35}) + 0.5;
      compare(op, formula, weighted ? Tensors{x, weight} : Tensors{x}, "norm");
    }
  }
}

TEST(Composites, RotationIsThatOfTheKernels) {
  torch::manual_seed(7);
  const Tensor angle = torch::randn({9, 1, 3}), cos = angle.cos(), sin = angle.sin();
  const Function op = [&](const Tensors& t) { return rotate_bfloat16(t[0], cos, sin); };
  const Function formula = [&](const Tensors& t) {
    const int64_t T = t[0].size(1);
    const Tensor c = cos.narrow(0, 0, T), s = sin.narrow(0, 0, T),
                 x = t[0].to(torch::promoteTypes(torch::kFloat, t[0].scalar_type()));
    const Tensor first = x.narrow(-1, 0, 3), second = x.narrow(-1, 3, 3);
    return torch::cat({first * c - second * s, second * c + first * s, x.narrow(-1, 6, x.size(-1) - 6)}, -1)
        .to(t[0].scalar_type());
  };
  compare(op, formula, {random({2, 9, 3, 10}, torch::kBFloat16)}, "rotation of some features");
  compare(op, formula, {random({2, 7, 3, 6}, torch::kBFloat16)}, "rotation of all features");
}

TEST(Composites, LossOfTheOutputHeadIsThatOfTheKernels) {
  torch::manual_seed(8);
  for (const auto& [x_type, weight_type] :
       {std::pair{torch::kFloat, torch::kFloat}, {torch::kDouble, torch::kDouble}, {torch::kBFloat16, torch::kFloat}}) {
    Tensor targets = torch::randint(0, 37, {21}, torch::kLong);
    targets[3] = -1, targets[20] = -1;
    const Function op = [&](const Tensors& t) { return linear_cross_entropy(t[0], t[1], t[2]); };
    const Function formula = [&](const Tensors& t) {
      const Tensor logits = torch::linear(t[0], t[1].to(t[0].scalar_type())).to(t[1].scalar_type());
      return torch::cross_entropy_loss(logits, t[2], {}, at::Reduction::Mean, -1);
    };
    const Tensors x = {random({21, 11}, x_type), random({37, 11}, weight_type), targets};
    compare(op, formula, x, "loss");
    const auto all = composite::linear_cross_entropy_by_blocks(x[0], x[1], targets, true, 21);
    for (const int64_t block : {1, 4, 7, 20}) {
      const auto parts = composite::linear_cross_entropy_by_blocks(x[0], x[1], targets, true, block);
      const double most = x_type == torch::kBFloat16 ? 0.01 : 1e-6;
      EXPECT_LT(distance(std::get<0>(parts), std::get<0>(all)), most);
      EXPECT_LT(distance(std::get<1>(parts), std::get<1>(all)), most);
      EXPECT_LT(distance(std::get<2>(parts), std::get<2>(all)), most);
    }
  }
}

TEST(Composites, ALossWithoutATargetIsNoNumber) {
  const Tensor x = torch::randn({3, 4}), weight = torch::randn({5, 4});
  EXPECT_TRUE(
      std::isnan(composite::linear_cross_entropy(x, weight, torch::full({3}, -1, torch::kLong)).item<double>()));
}

TEST(Composites, ErrorsAreThoseOfTheOperators) {
  const Tensor x = torch::randn({5, 7});
  EXPECT_THAT(error_of([&] {
                composite::product(x, torch::randn({4, 8}), false, true, {});
              }),
              HasSubstr("t6::product: b [4, 8] does not go with a [5, 7]"));
  EXPECT_THAT(error_of([&] { composite::attention({}, x, {}, x, {}, x, 0, 1, 1, 0, 0); }),
              HasSubstr("t6::attention: heads must be at least 1"));
  EXPECT_THAT(error_of([&] {
                composite::linear_cross_entropy(x, torch::randn({4, 8}), torch::zeros({5}, torch::kLong));
              }),
              HasSubstr("weight must be [V, C]"));
}

// What a GPU would find, which this machine may not have: the composition, and nothing that fails.
TEST(Dispatch, OperatorsOfTheForwardPassAreComposedOnOtherDevices) {
  auto& dispatcher = c10::Dispatcher::singleton();
  for (const char* name : {"attention", "linear", "product", "linear_cross_entropy", "gated_linear", "rotate_bfloat16",
                           "rms_norm_to_bfloat16", "linear_input_gradient", "linear_weight_gradient",
                           "linear_cross_entropy_gradients", "gated_linear_backward"}) {
    const auto op = dispatcher.findSchemaOrThrow(("t6::" + std::string(name)).c_str(), "");
    const std::string table = op.dumpComputedTable();
    for (const OtherDevice& device : kOtherDevices) {
      EXPECT_TRUE(op.hasKernelForDispatchKey(device.backend)) << name << " on " << toString(device.backend) << '\n'
                                                              << table;
      EXPECT_TRUE(op.hasComputedKernelForDispatchKey(device.autograd)) << name << '\n' << table;
    }
  }
  for (const char* name : {"t6::attention", "t6::rms_norm_to_bfloat16"}) {
    for (const OtherDevice& device : kOtherDevices) {
      EXPECT_TRUE(dispatcher.findSchemaOrThrow(name, "").hasKernelForDispatchKey(device.autograd)) << name;
    }
  }
}

TEST(Dispatch, EveryOperatorIsKnownHere) {
  std::vector<std::string> ours;
  for (const auto& name : c10::Dispatcher::singleton().getAllOpNames()) {
    if (name.name.starts_with("t6::")) ours.push_back(name.name.substr(4));
  }
  // A subset: what nothing here calls, as paged caches, is linked only where it is compiled as one with what is called.
  EXPECT_THAT(ours, testing::IsSubsetOf({"attention", "attention_backward", "linear", "linear_input_gradient",
                                         "linear_weight_gradient", "product", "linear_cross_entropy",
                                         "linear_cross_entropy_gradients", "gated_linear", "gated_linear_backward",
                                         "rms_norm_to_bfloat16", "rms_norm_to_bfloat16_backward", "rotate_bfloat16",
                                         "paged_attention", "write_pages"}))
      << "a new operator of training needs a composition for devices without kernels of ours, and each a line here";
}

TEST(Composites, ShapesAreThoseOfTheOperators) {
  const auto options = torch::TensorOptions(torch::kMeta);
  const Tensor x = torch::empty({2, 5, 3, 8}, options.dtype(torch::kBFloat16)),
               a = torch::empty({2, 5, 3, 6}, x.options());
  const Tensor weight = torch::empty({8}, options), matrix = torch::empty({7, 8}, options);
  const Tensor table = torch::empty({9, 1, 4}, options), targets = torch::empty({2}, options.dtype(torch::kLong));
  const auto shapes = [&] {
    const AttentionFactors factors = {a, x};
    const auto [out, lse] = attention(factors, factors, factors, 6, {});
    const Tensors all = {out,
                         lse,
                         rms_norm_to_bfloat16(x, weight, 1e-6),
                         rotate_bfloat16(x, table, table),
                         t6::linear(x, matrix),
                         t6::linear(x, matrix, torch::kFloat),
                         gated_linear(x, x, matrix, true),
                         linear_cross_entropy(x[0][0].narrow(0, 0, 2), matrix, targets)};
    std::vector<std::pair<std::vector<int64_t>, torch::ScalarType>> found;
    for (const Tensor& each : all) found.emplace_back(each.sizes().vec(), each.scalar_type());
    return found;
  };
  const auto wanted = shapes();
  const CompositesOn composites = CompositesOn::meta();
  EXPECT_EQ(shapes(), wanted);
}

}  // namespace
}  // namespace t6
