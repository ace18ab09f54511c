#include "t6/import/quantize_model.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "t6/core/error.h"
#include "t6/import/import.h"
#include "t6/infer/forward.h"
#include "t6/infer/load.h"
#include "tests/context.h"
#include "tests/infer/model_folder.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

void no_progress(int64_t, int64_t) {}

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Sizes that fit blocks, for each kind of attention.
ModelConfig blocks_config(AttentionKind kind) {
  ModelConfig config = byte_config();
  config.attention_kind = kind;
  config.hidden_size = 64;
  config.intermediate_size = 96;
  config.head_dim = 16;
  config.output_gate = true;
  if (kind == AttentionKind::gqa) config.num_key_value_heads = 2;
  if (kind == AttentionKind::mla || kind == AttentionKind::mfa) config.q_lora_rank = 32;
  if (kind == AttentionKind::mla) config.kv_lora_rank = 32, config.qk_rope_head_dim = 8;
  check_config(config, "test");
  return config;
}

ImportedModel stored_model(const ModelConfig& config) {
  const auto owner = std::make_shared<NamedFloats>(random_tensors(config));
  ImportedModel model = {
      .config = config, .tensors = {}, .owners = {owner}, .tokenizer_json = byte_tokenizer()->json(), .text = {}};
  for (const Parameter& parameter : parameters(config)) {
    model.tensors[parameter.name] = {NumberType::f32, parameter.shape,
                                     std::as_bytes(std::span(owner->at(parameter.name)))};
  }
  return model;
}

std::vector<float> logits_of(const std::shared_ptr<const Model>& model, const std::vector<size_t>& pieces) {
  ForwardPass pass(test_context(), model);
  return logits_in_pieces(pass, random_ids(model->config(), 24), pieces);
}

std::shared_ptr<const Model> made(const ImportedModel& stored) {
  return std::make_shared<const Model>(test_context(), stored.config, Weights(stored.config, stored.tensors, "test"));
}

double relative_error(const std::vector<float>& got, const std::vector<float>& wanted) {
  double error = 0, size = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    error += (double{got[i]} - wanted[i]) * (double{got[i]} - wanted[i]);
    size += double{wanted[i]} * wanted[i];
  }
  return std::sqrt(error / size);
}

class QuantizedKinds : public ::testing::TestWithParam<AttentionKind> {};

TEST_P(QuantizedKinds, ComeNearTheirLogitsAndDecodeTheSameBits) {
  const ImportedModel stored = stored_model(blocks_config(GetParam()));
  const auto wanted = logits_of(made(stored), {24});
  for (const auto& [type, most] : {std::pair{NumberType::f16, 0.003},
                                   {NumberType::bf16, 0.02},
                                   {NumberType::q8_0, 0.05},
                                   {NumberType::q4_1, 0.4}}) {
    SCOPED_TRACE(weight_type_name(type));
    const auto model = made(quantize_model(test_context(), stored, type, "test", no_progress));
    EXPECT_EQ(model->layers()[0].mlp_up.type(), type);
    const auto logits = logits_of(model, {24});
    EXPECT_LT(relative_error(logits, wanted), most);
    // The same bits where attention's order does not depend on the queries' number; else a rounded activation may
    // become its neighbour.
    const auto in_pieces = logits_of(model, {1, 9, 1, 13});
    if (stored.config.is_factored()) {
      EXPECT_LT(relative_error(in_pieces, logits), 0.02);
    } else {
      EXPECT_TRUE(in_pieces == logits);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, QuantizedKinds,
                         ::testing::Values(AttentionKind::mha, AttentionKind::gqa, AttentionKind::mfa,
                                           AttentionKind::mla, AttentionKind::tpa, AttentionKind::tpa_kvonly),
                         [](const auto& test) { return attention_kind_name(test.param); });

TEST(QuantizeModel, ChoosesTypes) {
  const auto type_of = [](const std::string& name, NumberType stored, const Shape& shape, NumberType wanted) {
    return quantized_type(name, {stored, shape, {}}, wanted);
  };
  using enum NumberType;
  constexpr NumberType q8 = q8_0, q4 = q4_1;
  EXPECT_EQ(type_of("model.layers.0.mlp.up_proj.weight", f32, {8, 64}, q4), q4);
  EXPECT_EQ(type_of("model.layers.0.mlp.up_proj.weight", bf16, {8, 64}, q8), q8);
  EXPECT_EQ(type_of("model.layers.0.mlp.up_proj.weight", q4, {8, 64}, q8), q4);
  EXPECT_EQ(type_of("model.layers.0.mlp.up_proj.weight", f16, {8, 64}, bf16), f16);
  EXPECT_EQ(type_of("model.layers.0.mlp.up_proj.weight", f32, {8, 40}, q4), bf16);
  EXPECT_EQ(type_of("model.embed_tokens.weight", f32, {8, 64}, q4), q8);
  EXPECT_EQ(type_of("lm_head.weight", f32, {8, 64}, q4), q8);
  EXPECT_EQ(type_of("model.norm.weight", f32, {64}, q4), f32);
  EXPECT_EQ(type_of("model.layers.0.self_attn.q_proj.a", f32, {8, 64}, q4), f32);
  EXPECT_EQ(type_of("model.layers.0.self_attn.k_shift", f32, {2, 64}, q4), f32);
}

TEST(QuantizeModel, IsTheSameFromAFile) {
  const ImportedModel stored = stored_model(blocks_config(AttentionKind::tpa));
  const ImportedModel quantized = quantize_model(test_context(), stored, NumberType::q4_1, "test", no_progress);
  EXPECT_LT(weight_sizes(quantized.tensors).bytes, weight_sizes(stored.tensors).bytes / 4);
  const TemporaryFolder folder;
  write_model(quantized, folder / "q4");
  const auto wanted = logits_of(made(quantized), {24});
  EXPECT_TRUE(logits_of(load_model(test_context(), folder / "q4").model, {24}) == wanted);
  // Once more changes nothing.
  const ImportedModel again =
      quantize_model(test_context(), read_model(test_context(), folder / "q4"), NumberType::q4_1, "test", no_progress);
  EXPECT_TRUE(logits_of(made(again), {24}) == wanted);
}

TEST(QuantizeModel, RefusesWhatIsNotFinite) {
  ImportedModel stored = stored_model(blocks_config(AttentionKind::mha));
  TensorView& tensor = stored.tensors.at("model.layers.1.mlp.down_proj.weight");
  std::vector<float> numbers(64 * 96);
  numbers[100] = std::numeric_limits<float>::infinity();
  tensor.bytes = std::as_bytes(std::span(numbers));
  EXPECT_THAT([&] { quantize_model(test_context(), stored, NumberType::q8_0, "there", no_progress); },
              ThrowsMessage<Error>(HasSubstr("there: tensor \"model.layers.1.mlp.down_proj.weight\" holds inf")));
}

}  // namespace
}  // namespace t6
