#include <gmock/gmock.h>

#include <algorithm>

#include "t6/formats/json.h"
#include "t6/import/import.h"
#include "t6/infer/conversation.h"
#include "t6/infer/forward.h"
#include "t6/infer/generate.h"
#include "t6/infer/load.h"
#include "t6/model/layer_attention.h"
#include "t6/numbers/dequantize.h"
#include "t6/numbers/half.h"
#include "tests/context.h"
#include "tests/damage.h"
#include "tests/error_of.h"
#include "tests/import/foreign_model.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::vector<double> divisors_of(const ModelConfig& config) {
  const Rotation rotation = layer_attention(config, 0).rotation;
  return frequency_divisors(rotation.scaling, rotation.dim, rotation.theta);
}

std::vector<float> logits_of(const ModelConfig& config, const NamedFloats& tensors) {
  return logits_of(model_of(config, tensors));
}

class ImportGguf : public ::testing::Test {
 protected:
  std::filesystem::path write(const GgufBuilder& builder) { return folder_.write("x.gguf", builder.file()); }
  LoadedModel load(const GgufBuilder& builder) { return load_model(test_context(), write(builder)); }
  std::string error(const GgufBuilder& builder) {
    return error_of([&] { import_gguf(test_context(), write(builder)); });
  }
  // Of a whole model with one more key.
  template <typename Value>
  std::string error_with(const std::string& key, const Value& value) {
    GgufBuilder builder = gguf_model(config_, tensors_);
    builder.add(key, value);
    return error(builder);
  }

  ModelConfig config_ = llama_config();
  NamedFloats tensors_ = random_tensors(config_);
  TemporaryFolder folder_;
};

TEST_F(ImportGguf, GivesTheModelThatWasWritten) {
  for (const bool tied : {true, false}) {
    config_.tie_word_embeddings = tied;
    tensors_ = random_tensors(config_);
    const LoadedModel loaded = load(gguf_model(config_, tensors_));
    EXPECT_EQ(config_to_json(loaded.config()).dump(), config_to_json(read_model_config(folder_ / "x.gguf")).dump());
    EXPECT_EQ(loaded.config().attention_kind, AttentionKind::gqa);
    EXPECT_THAT(logits_of(loaded.model), ElementsAreArray(logits_of(config_, tensors_)));
  }
}

TEST_F(ImportGguf, KnowsEveryArchitecture) {
  for (const Architecture& architecture : architectures()) {
    if (architecture.gguf.empty()) continue;
    config_ = config_of(architecture);
    tensors_ = random_tensors(config_);
    EXPECT_THAT(logits_of(load(gguf_model(config_, tensors_, std::string(architecture.gguf))).model),
                ElementsAreArray(logits_of(config_, tensors_)))
        << architecture.title;
  }
}

TEST_F(ImportGguf, TalksWithSentencePieces) {
  GgufBuilder builder;
  add_sizes(builder, config_, "llama");
  add_sentence_pieces(builder);
  add_tensors(builder, config_, tensors_, true);
  const LoadedModel loaded = load(builder);
  const std::vector<int32_t> prompt = {1, 259, 3 + 'H', 3 + 'i'};
  EXPECT_EQ(loaded.tokenizer->encode_whole("Hi"), prompt);
  EXPECT_EQ(loaded.tokenizer->encode_whole("<s>Hi"), prompt);
  const Generated generated = generate(test_context(), loaded, "Hi", {.max_tokens = 5}, [](std::string_view) {});
  EXPECT_EQ(generated.prompt_tokens, 4);
  EXPECT_TRUE(loaded.ends_text(2));

  Conversation conversation(test_context(), loaded, chat_template_of(loaded.text, *loaded.tokenizer), {});
  std::string shown;
  GenerateOptions spaces = {.max_tokens = 3};
  spaces.sampler.logit_bias = {{259, 1000.0f}};
  const Generated answer = conversation.ask("Hi", spaces, [&](std::string_view piece) { shown += piece; });
  EXPECT_EQ(answer.text, "  ");  // the first space is SentencePiece's
  EXPECT_EQ(shown, answer.text);
  std::vector<int32_t> tokens = conversation.session().tokens();
  tokens.resize(9);
  EXPECT_THAT(tokens, ElementsAre(1, 259, 3 + '[', 3 + 'I', 3 + 'N', 3 + 'S', 3 + 'T', 3 + ']', 259));
}

// llama.cpp's converter interleaves biases, too.
TEST_F(ImportGguf, MovesBiasesWithTheirRows) {
  config_.attention_bias = config_.attention_output_bias = true;
  tensors_ = random_tensors(config_);
  EXPECT_THAT(logits_of(load(gguf_model(config_, tensors_, "llama")).model),
              ElementsAreArray(logits_of(config_, tensors_)));
}

TEST_F(ImportGguf, KeepsQuantizedRowsAndMovesThemWhole) {
  // Every q row is one block of Q8_0, whose scale and values tell which row it was.
  GgufBuilder builder;
  add_sizes(builder, config_, "llama");
  add_vocabulary(builder);
  const std::string name = "model.layers.0.self_attn.q_proj.weight";
  NamedFloats others = tensors_;
  std::string blocks;
  for (int row = 0; row < 48; ++row) {
    const uint16_t scale = float16_from_float(0.01f * static_cast<float>(row + 1));
    blocks.append(reinterpret_cast<const char*>(&scale), 2);
    blocks.append(32, static_cast<char>(row));
  }
  for (const Parameter& parameter : parameters(config_)) {
    if (parameter.name == name) {
      builder.add_tensor("blk.0.attn_q.weight", parameter.shape, 8, blocks);
    } else {
      builder.add_tensor(gguf_tensor_name(parameter.name), parameter.shape, tensors_.at(parameter.name));
    }
  }
  const ImportedModel model = import_gguf(test_context(), write(builder));
  const TensorView& q = model.tensors.at(name);
  EXPECT_EQ(q.type, NumberType::q8_0);
  const std::vector<float> numbers = dequantize(q);
  for (int row = 0; row < 48; ++row) {
    const int source = row / 12 * 12 + row % 6 * 2 + row % 12 / 6;
    const float scale = float_from_float16(float16_from_float(0.01f * static_cast<float>(source + 1)));
    EXPECT_EQ(numbers[static_cast<size_t>(row) * 32], scale * static_cast<float>(source)) << row;
  }
}

TEST_F(ImportGguf, ReadsRopeScaling) {
  GgufBuilder linear = gguf_model(config_, tensors_);
  linear.add("llama.rope.scaling.type", "linear");
  linear.add("llama.rope.scaling.factor", 4.0f);
  EXPECT_EQ(read_model_config(write(linear)).rope_scaling.kind, RopeScalingKind::linear);
  EXPECT_EQ(read_model_config(write(linear)).rope_scaling.factor, 4);

  config_.rope_theta = 500000;
  config_.rope_scaling = {.kind = RopeScalingKind::llama3, .factor = 8};
  std::vector<float> divisors;
  for (const double divisor : divisors_of(config_)) divisors.push_back(static_cast<float>(divisor));
  GgufBuilder llama3 = gguf_model(config_, tensors_);
  llama3.add_tensor("rope_freqs.weight", {6}, divisors);
  const ModelConfig read = read_model_config(write(llama3));
  EXPECT_EQ(read.rope_scaling.kind, RopeScalingKind::llama3);
  EXPECT_EQ(read.rope_scaling.factor, 8);
  EXPECT_EQ(divisors_of(read), divisors_of(config_));

  divisors[2] = 3;
  GgufBuilder other = gguf_model(config_, tensors_);
  other.add_tensor("rope_freqs.weight", {6}, divisors);
  EXPECT_THAT(error(other), HasSubstr("rope_freqs.weight are not those of Llama 3.1"));

  ModelConfig unrotated = config_;  // heads of one number have no pair to rotate
  unrotated.head_dim = unrotated.v_head_dim = 1;
  GgufBuilder empty;
  add_sizes(empty, unrotated, "llama");
  add_vocabulary(empty);
  add_tensors(empty, unrotated, random_tensors(unrotated), /*interleave=*/false);
  empty.add_tensor("rope_freqs.weight", {0}, {});
  EXPECT_THAT(error(empty), HasSubstr("rope_freqs.weight has shape [0]"));
  EXPECT_THAT(error_with("llama.rope.scaling.type", "longrope"),
              HasSubstr("rope scaling \"longrope\" is not supported"));
}

TEST_F(ImportGguf, ReadsYarn) {
  GgufBuilder builder = gguf_model(config_, tensors_);
  builder.add("llama.rope.scaling.type", "yarn");
  builder.add("llama.rope.scaling.factor", 4.0f);
  builder.add("llama.rope.scaling.original_context_length", 16u);
  const RopeScaling read = read_model_config(write(builder)).rope_scaling;
  EXPECT_EQ(read.kind, RopeScalingKind::yarn);
  EXPECT_EQ(read.original_max_position_embeddings, 16);
  EXPECT_NEAR(read.attention_factor, 1 + 0.1 * std::log(4), 1e-12);
  builder.add("llama.rope.scaling.yarn_log_multiplier", 0.1f);
  EXPECT_THAT(error(builder), HasSubstr("\"rope.scaling.yarn_log_multiplier\" is not supported"));
}

// llama.cpp looks at the window of some architectures alone.
TEST_F(ImportGguf, PassesOverAWindowThatLlamaCppPassesOver) {
  EXPECT_EQ(error_with("llama.attention.sliding_window", 16u), "no error");
  EXPECT_EQ(read_model_config(folder_ / "x.gguf").sliding_window, 0);
}

TEST_F(ImportGguf, ReadsTheTokenizerAndWhereTextsEnd) {
  const LoadedModel loaded = load(gguf_model(config_, tensors_));
  EXPECT_THAT(loaded.tokenizer->encode("hi<|turn|>x"), ElementsAre(259, 258, 'x'));
  EXPECT_TRUE(loaded.tokenizer->prefix().empty());
  EXPECT_TRUE(loaded.tokenizer->is_special(257));
  EXPECT_FALSE(loaded.tokenizer->is_special(258));
  EXPECT_EQ(loaded.text.chat_template, "{{ messages }}");
  EXPECT_EQ(loaded.text.bos_token, "<s>");
  EXPECT_EQ(loaded.text.eos_token, "</s>");
  EXPECT_THAT(loaded.text.end_of_text, ElementsAre(257, 258));
  EXPECT_TRUE(loaded.ends_text(258));
  EXPECT_FALSE(loaded.ends_text(256));

  GgufBuilder begins = gguf_model(config_, tensors_);
  begins.add("tokenizer.ggml.add_bos_token", true);
  const auto tokenizer = load(begins).tokenizer;
  EXPECT_THAT(tokenizer->encode_whole("hi"), ElementsAre(256, 259));
  EXPECT_THAT(tokenizer->encode_whole("<s>hi"), ElementsAre(256, 259));
}

TEST_F(ImportGguf, WritesAFolderThatIsTheSameModel) {
  const ImportedModel model = import_gguf(test_context(), write(gguf_model(config_, tensors_)));
  write_model(model, folder_ / "out");
  const LoadedModel loaded = load_model(test_context(), folder_ / "out");
  EXPECT_THAT(logits_of(loaded.model), ElementsAreArray(logits_of(config_, tensors_)));
  EXPECT_EQ(loaded.text, model.text);
  EXPECT_EQ(loaded.tokenizer->json(), model.tokenizer_json);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.partial"));
  EXPECT_THAT(error_of([&] { write_model(model, folder_ / "out"); }), HasSubstr("exists already"));
  EXPECT_THAT(error_of([&] { import_model(test_context(), find_model(folder_ / "out")); }),
              HasSubstr("is a T6 model already"));
}

TEST_F(ImportGguf, PassesOverWhatLlamaCppPassesOver) {
  GgufBuilder builder = gguf_model(config_, tensors_);
  builder.add("llama.attention.sliding_window", 16u);
  builder.add("tokenizer.ggml.padding_token_id", UINT32_MAX);
  builder.add("tokenizer.ggml.eom_token_id", -1);
  const LoadedModel loaded = load(builder);
  EXPECT_THAT(logits_of(loaded.model), ElementsAreArray(logits_of(config_, tensors_)));
  EXPECT_THAT(loaded.notes, ElementsAre(HasSubstr("these keys give, which are passed over: "
                                                  "tokenizer.ggml.eom_token_id, tokenizer.ggml.padding_token_id"),
                                        HasSubstr("a sliding window of 16 tokens is passed over")));
}

// A file for each part of llama.cpp's gguf-split: the tensors in order, the keys in the first.
TEST_F(ImportGguf, ReadsSeveralFiles) {
  const auto name = [](int part) { return "m-0000" + std::to_string(part + 1) + "-of-00003.gguf"; };
  const auto all = parameters(config_);
  for (const size_t in_first : {size_t{4}, size_t{0}}) {
    for (int part = 0; part < 3; ++part) {
      GgufBuilder builder;
      if (part == 0) {
        add_sizes(builder, config_, "llama");
        add_vocabulary(builder);
      }
      builder.add("split.no", static_cast<uint32_t>(part));
      builder.add("split.count", 3u);
      builder.add("split.tensors.count", static_cast<int32_t>(all.size()));
      const size_t begin = part == 0   ? 0
                           : part == 1 ? in_first
                                       : 9,
                   end = part == 0   ? in_first
                         : part == 1 ? 9
                                     : all.size();
      add_tensors(builder, config_, tensors_, true, std::span(all).subspan(begin, end - begin));
      folder_.write(name(part), builder.file());
    }
    EXPECT_THAT(logits_of(load_model(test_context(), folder_ / name(0)).model),
                ElementsAreArray(logits_of(config_, tensors_)));
    EXPECT_EQ(read_model_config(folder_ / name(0)).num_hidden_layers, config_.num_hidden_layers);
  }
}

TEST_F(ImportGguf, RefusesByName) {
  EXPECT_THAT(error_with("llama.expert_count", 8u), HasSubstr("\"expert_count\" is not supported"));
  EXPECT_THAT(error_with("llama.rope.dimension_count", 6u), HasSubstr("rotation of 6 of 12 features"));
  EXPECT_THAT(error_with("llama.logit_scale", 0.5f), HasSubstr("\"logit_scale\" is not supported"));

  GgufBuilder builder;
  add_sizes(builder, config_, "mamba");
  EXPECT_THAT(error(builder), HasSubstr("the architecture \"mamba\" is not supported (" + gguf_names() + " are)"));

  builder = gguf_model(config_, tensors_);
  builder.add_tensor("blk.0.ffn_up.bias", {32}, std::vector<float>(32));
  EXPECT_THAT(error(builder), HasSubstr("the tensor \"blk.0.ffn_up.bias\" is not supported"));

  builder = GgufBuilder();
  add_sizes(builder, config_, "llama");
  add_vocabulary(builder, "bloom");
  add_tensors(builder, config_, tensors_, true);
  EXPECT_THAT(error(builder), HasSubstr("the pre-tokenizer \"bloom\" (tokenizer.ggml.pre) is not supported"));

  builder = GgufBuilder();
  add_sizes(builder, config_, "llama");
  builder.add("tokenizer.ggml.model", "t5");
  add_tensors(builder, config_, tensors_, true);
  EXPECT_THAT(error(builder),
              HasSubstr("the tokenizer \"t5\" (tokenizer.ggml.model) is not supported; gpt2, llama and gemma are"));

  ModelConfig other = config_;
  other.intermediate_size = 96;
  builder = GgufBuilder();
  add_sizes(builder, other, "llama");
  add_vocabulary(builder);
  add_tensors(builder, config_, tensors_, true);
  EXPECT_THAT(error(builder), HasSubstr("tensor \"blk.0.ffn_gate.weight\" has shape [64, 32], wanted [96, 32]"));

  other = config_;
  other.num_hidden_layers = 3;
  builder = GgufBuilder();
  add_sizes(builder, other, "llama");
  add_vocabulary(builder);
  add_tensors(builder, config_, tensors_, true);
  EXPECT_THAT(error(builder), HasSubstr("the tensor \"blk.2.attn_norm.weight\" is missing"));
}

TEST_F(ImportGguf, RefusesListsOfSizesALayer) {
  GgufBuilder builder;
  builder.add("general.architecture", "llama");
  for (const char* key : {"embedding_length", "block_count", "feed_forward_length", "context_length"}) {
    builder.add(std::string("llama.") + key, 1u);
  }
  builder.add("llama.attention.head_count", std::vector<int32_t>{4, 8});
  builder.add_tensor("token_embd.weight", {1, 1}, {1});
  EXPECT_THAT(error(builder),
              HasSubstr("\"llama.attention.head_count\" is a list: layers that differ are not supported"));
}

TEST_F(ImportGguf, DamageIsAnErrorOrHarmless) {
  config_.num_hidden_layers = 1;
  const GgufBuilder builder = gguf_model(config_, random_tensors(config_));
  // Most of the header is tokens; a prime step meets every kind of byte.
  expect_errors_or_success(builder.file(), builder.header().size(), 13,
                           [](const auto& path) { load_model(test_context(), path); });
}

}  // namespace
}  // namespace t6
