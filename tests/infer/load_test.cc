#include "t6/infer/load.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/infer/forward.h"
#include "t6/infer/sequence.h"
#include "t6/numbers/half.h"
#include "tests/context.h"
#include "tests/infer/model_folder.h"
#include "tests/infer/random_weights.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class Load : public ::testing::Test {
 protected:
  Load() { write_model_folder(folder_ / "model", config_); }

  std::filesystem::path weights() const { return folder_ / "model" / "model.safetensors"; }
  void expect_error(const std::string& text) {
    EXPECT_THAT([&] { load_model(test_context(), folder_ / "model"); }, ThrowsMessage<Error>(HasSubstr(text)));
  }

  TemporaryFolder folder_;
  ModelConfig config_ = byte_config();
};

TEST_F(Load, ReadsAModelFolderAndARunsFolder) {
  const auto wanted = logits_of(random_model(config_));
  EXPECT_THAT(logits_of(load_model(test_context(), folder_ / "model").model), ElementsAreArray(wanted));
  const LoadedModel run = load_model(test_context(), folder_.path());
  EXPECT_EQ(run.path, folder_ / "model");
  EXPECT_EQ(run.tokenizer->vocab_size(), 257);
  EXPECT_THAT(logits_of(run.model), ElementsAreArray(wanted));
}

TEST_F(Load, SaysWhatAFolderLacks) {
  EXPECT_THAT([&] { load_model(test_context(), folder_ / "nothing"); },
              ThrowsMessage<Error>(HasSubstr("no such file or folder")));
  EXPECT_THAT([&] { load_model(test_context(), "/dev/null"); },
              ThrowsMessage<Error>(HasSubstr("neither a file nor a folder")));
  EXPECT_THAT([&] { load_model(test_context(), weights()); },
              ThrowsMessage<Error>(HasSubstr("not a checkpoint of the paper's code")));
  std::filesystem::remove(folder_ / "model" / "config.json");
  expect_error("holds neither config.json");
}

TEST_F(Load, ConvertsHalfPrecisionAndReadsUnalignedFloats) {
  // Values that both half formats hold exactly.
  auto tensors = random_tensors(config_);
  for (auto& [name, tensor] : tensors) {
    for (float& x : tensor) x = std::round(x * 64) / 64;
  }
  const auto wanted = logits_of(model_of(config_, tensors));
  for (const NumberType type : {NumberType::f16, NumberType::bf16, NumberType::f32}) {
    std::vector<std::vector<uint16_t>> halves;
    std::vector<NamedTensor> list;
    const std::vector<std::byte> odd(2);  // puts every tensor after it at an address that is no float's
    config_.tie_word_embeddings = true;
    if (type == NumberType::f32) list.push_back({"lm_head.weight", {NumberType::bf16, {1}, odd}});
    for (const Parameter& parameter : parameters(config_)) {
      auto& half = halves.emplace_back();
      for (const float x : tensors[parameter.name]) {
        half.push_back(type == NumberType::f16 ? float16_from_float(x) : bfloat16_from_float(x));
      }
      const auto bytes =
          type == NumberType::f32 ? std::as_bytes(std::span(tensors[parameter.name])) : std::as_bytes(std::span(half));
      list.push_back({parameter.name, {type, parameter.shape, bytes}});
    }
    write_safetensors(weights(), list);
    EXPECT_THAT(logits_of(load_model(test_context(), folder_.path()).model), ElementsAreArray(wanted))
        << number_type_name(type);
  }
}

TEST_F(Load, RefusesWeightsThatDoNotFitTheConfiguration) {
  auto tensors = random_tensors(config_);
  tensors.erase("model.layers.1.mlp.up_proj.weight");
  write_weights(weights(), tensors, config_);
  expect_error("the tensor \"model.layers.1.mlp.up_proj.weight\" is missing");

  ModelConfig other = config_;
  other.q_rank = 5;
  write_weights(weights(), random_tensors(other), other);
  expect_error("tensor \"model.layers.0.self_attn.q_proj.a.weight\" has shape [20, 24], wanted [24, 24]");

  other = config_;
  other.output_gate = true;
  write_weights(weights(), random_tensors(other), other);
  expect_error("the tensor \"model.layers.0.self_attn.gate_proj.weight\" is not a parameter of this tpa model");

  const auto text = read_text(weights());
  write_text(weights(), text.substr(0, text.size() - 10));
  expect_error("model.safetensors");
  write_text(weights(), "");
  expect_error("too few for a safetensors file");
  std::filesystem::remove(weights());
  expect_error("model.safetensors: cannot open");
}

TEST_F(Load, RefusesTensorsOfAnotherType) {
  auto tensors = random_tensors(config_);
  std::vector<NamedTensor> list;
  std::vector<int32_t> integers(tensors["model.norm.weight"].size());
  for (const Parameter& parameter : parameters(config_)) {
    list.push_back(
        {parameter.name, {NumberType::f32, parameter.shape, std::as_bytes(std::span(tensors[parameter.name]))}});
    if (parameter.name == "model.norm.weight")
      list.back().view = {NumberType::i32, {24}, std::as_bytes(std::span(integers))};
  }
  write_safetensors(weights(), list);
  EXPECT_THAT([&] { load_model(test_context(), folder_.path()); },
              ThrowsMessage<Error>(AllOf(HasSubstr("model.norm.weight"), HasSubstr("I32"))));
}

TEST_F(Load, TakesATokenizerWithMoreTokensThanTheModel) {
  config_.vocab_size = 256;
  write_model_folder(folder_ / "model", config_);
  write_text(folder_ / "model" / "tokenizer.json", byte_tokenizer()->json());
  const LoadedModel loaded = load_model(test_context(), folder_ / "model");
  EXPECT_THAT(loaded.notes,
              ::testing::ElementsAre(HasSubstr("the tokenizer has 257 tokens, but the model's vocab_size is 256")));
  Sequence sequence(loaded);
  sequence.append(loaded.tokenizer->encode("Hello"));
  EXPECT_THAT([&] { sequence.append(loaded.tokenizer->encode("<|endoftext|>")); },
              ThrowsMessage<Error>(
                  HasSubstr("the token \"<|endoftext|>\" has the id 256, outside the model's vocabulary of 256")));
  EXPECT_EQ(sequence.tokens().size(), 5u);
}

TEST(Weights, ChecksTensorsInMemory) {
  const ModelConfig config = byte_config();
  auto tensors = random_tensors(config);
  tensors["model.norm.weight"].pop_back();
  EXPECT_THAT(
      [&] { Weights(config, tensors, "golden"); },
      ThrowsMessage<Error>(HasSubstr("golden: tensor \"model.norm.weight\" has 23 numbers, wanted shape [24]")));
  tensors.erase("model.norm.weight");
  EXPECT_THAT([&] { Weights(config, tensors, "golden"); }, ThrowsMessage<Error>(HasSubstr("is missing")));
}

}  // namespace
}  // namespace t6
