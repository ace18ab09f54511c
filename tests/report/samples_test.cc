#include "t6/report/samples.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/formats/safetensors.h"
#include "t6/formats/token_shard.h"
#include "t6/text/tokenizer.h"
#include "tests/context.h"
#include "tests/infer/random_weights.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::ThrowsMessage;

TEST(OpeningTest, TakesWholeWordsOfTheFirstLineThatBegins) {
  EXPECT_EQ(opening("e end.\nIn the beginning God created\nthe heaven"), "In the beginning God created");
  EXPECT_EQ(opening("ing God created the heaven and the earth"), "God created the heaven and the earth");
  EXPECT_EQ(opening("x\n\n  " + std::string(50, 'a') + " " + std::string(50, 'b')), std::string(50, 'a'));
  EXPECT_EQ(opening("short \ntext"), "short");  // no line begins with enough after it
  EXPECT_EQ(opening(""), "");
  std::string wide;  // 3 bytes a character and no spaces
  for (int i = 0; i < 40; ++i) wide += "\u4e00";
  EXPECT_EQ(opening(wide), wide.substr(0, 60));
  EXPECT_EQ(opening("a" + wide), "a" + wide.substr(0, 57));
}

// A run with a checkpoint of a tiny byte model whose weights are random.
class DrawSamplesTest : public testing::Test {
 protected:
  DrawSamplesTest() {
    config_.hidden_size = 16;
    config_.num_hidden_layers = 1;
    config_.num_attention_heads = 2;
    config_.head_dim = 8;
    config_.max_position_embeddings = 128;
    data_.model = config_;
    data_.run = Json::object();
    options_.max_tokens = 5;
  }

  void save_checkpoint() {
    const std::string checkpoint = "checkpoints/step-00000007/";
    folder_.write(checkpoint + "config.json", config_to_json(config_).dump());
    folder_.write(checkpoint + "tokenizer.json", byte_tokenizer()->json());
    const auto numbers = random_tensors(config_);
    std::vector<NamedTensor> tensors;
    for (const Parameter& parameter : parameters(config_)) {
      tensors.push_back(
          {parameter.name, {NumberType::f32, parameter.shape, std::as_bytes(std::span(numbers.at(parameter.name)))}});
    }
    write_safetensors(folder_ / (checkpoint + "model.safetensors"), tensors);
    std::filesystem::create_directory_symlink("checkpoints/step-00000007", folder_ / "model");
  }
  void save_validation_data(const std::string& text) {
    data_.run["data"]["path"] = (folder_ / "data").string();
    std::filesystem::create_directory(folder_ / "data");
    TokenShardWriter writer(folder_ / "data/val_000000.bin", 2);
    writer.append(byte_tokenizer()->encode(text));
    writer.commit();
  }
  void draw() {
    draw_samples(test_context(), folder_.path(), options_, data_, [&](int64_t done) { drawn_ = done; });
  }

  TemporaryFolder folder_;
  ModelConfig config_;
  SampleOptions options_;
  ReportData data_;
  int64_t drawn_ = 0;
};

TEST_F(DrawSamplesTest, PromptsTakeTurns) {
  save_checkpoint();
  options_.prompts = {"one", "two"};
  draw();
  ASSERT_THAT(data_.samples, SizeIs(3));
  EXPECT_EQ(drawn_, 3);
  EXPECT_EQ(data_.samples[0].prompt, "one");
  EXPECT_EQ(data_.samples[1].prompt, "two");
  EXPECT_EQ(data_.samples[2].prompt, "one");
  EXPECT_NE(data_.samples[0].text, data_.samples[2].text);  // another seed
  EXPECT_THAT(data_.samples_note,
              HasSubstr("at most 5 tokens, drawn at temperature 0.8 from the checkpoint step-00000007."));
  options_.count = 1;
  draw();
  EXPECT_THAT(data_.samples, SizeIs(2));
}

TEST_F(DrawSamplesTest, TakesPromptsFromTheValidationData) {
  save_checkpoint();
  // Passages are 400 tokens; the second begins after an end of text.
  const std::string first(390, 'x'), second = "  A second document begins here.\n";
  save_validation_data("\nThe first document begins here.\n" + first + "<|endoftext|>" + second +
                       std::string(390, 'y'));
  options_.count = 2;
  draw();
  ASSERT_THAT(data_.samples, SizeIs(2));
  EXPECT_EQ(data_.samples[0].prompt, "The first document begins here.");
  EXPECT_EQ(data_.samples[1].prompt, "A second document begins here.");
  EXPECT_THAT(data_.samples_note, HasSubstr("Prompts from the validation data"));
}

TEST_F(DrawSamplesTest, SaysWhyThereAreNone) {
  draw();
  EXPECT_THAT(data_.samples, IsEmpty());
  EXPECT_THAT(data_.samples_note, HasSubstr("no checkpoint yet"));
  save_checkpoint();
  draw();
  EXPECT_THAT(data_.samples, IsEmpty());
  EXPECT_THAT(data_.samples_note, HasSubstr("validation data is not at hand"));
}

TEST_F(DrawSamplesTest, RefusesAPromptThatDoesNotFit) {
  save_checkpoint();
  options_.prompts = {std::string(200, 'a')};
  EXPECT_THAT([&] { draw(); }, ThrowsMessage<Error>(HasSubstr("the prompt has 200 tokens")));
}

}  // namespace
}  // namespace t6
