#include <gmock/gmock.h>

#include <string>

#include "t6/formats/json.h"
#include "t6/text/text_settings.h"
#include "t6/text/tokenizer.h"
#include "t6/text/tokenizer/byte_level.h"
#include "t6/text/tokenizer/tokenizer_json.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A folder with a tokenizer of 256 bytes, "he", <s> and </s>. The ids are those of transformers 5.24 for the same
// files, which tests/text/folder_tokens_oracle.py compares on many more.
class FolderTokens : public ::testing::Test {
 protected:
  FolderTokens() { write_tokenizer(); }

  void write_tokenizer(const Json& more = Json::array()) {
    Json vocabulary = Json::object();
    for (int byte = 0; byte < 256; ++byte) {
      vocabulary[byte_level_spelling(std::string(1, static_cast<char>(byte)))] = byte;
    }
    vocabulary["he"] = 256;
    Json added = {added_token("<s>", 257, true), added_token("</s>", 258, true)};
    for (const Json& token : more) added.push_back(token);
    text_ = tokenizer_json({.preparation = text_preparation("gpt2"),
                            .vocabulary = std::move(vocabulary),
                            .merges = Json::array({Json::array({"h", "e"})}),
                            .added_tokens = std::move(added)})
                .dump();
    folder_.write("tokenizer.json", text_);
  }
  void write(const std::string& name, const Json& json) { folder_.write(name, json.dump()); }
  std::shared_ptr<const Tokenizer> load() const { return load_tokenizer(folder_.path()); }

  TemporaryFolder folder_;
  std::string text_;
};

Json described(const char* content, bool special = true) { return {{"content", content}, {"special", special}}; }

TEST_F(FolderTokens, NothingNewLeavesTheTextAsItIs) {
  write("tokenizer_config.json", {{"bos_token", "<s>"}, {"chat_template", "x"}, {"add_bos_token", true}});
  EXPECT_EQ(load()->json(), text_);
  EXPECT_THAT(load()->notes(), IsEmpty());
}

TEST_F(FolderTokens, ComeFromTokenizerConfig) {
  write("tokenizer_config.json",
        {{"added_tokens_decoder", {{"262", described("<|x|>")}, {"261", described("<|y|>", false)}}}});
  write("added_tokens.json", {{"<a>", 259}});  // not looked at
  const auto tokenizer = load();
  EXPECT_THAT(tokenizer->encode("<|x|><|y|>"), ElementsAre(260, 259));
  EXPECT_TRUE(tokenizer->is_special(260));
  EXPECT_FALSE(tokenizer->is_special(259));
  EXPECT_EQ(tokenizer->id_of("<a>"), std::nullopt);
  EXPECT_THAT(tokenizer->notes(), IsEmpty());
}

TEST_F(FolderTokens, AreDescribedAnew) {
  write_tokenizer(Json::array({added_token("<|x|>", 259, false)}));
  Json token = described("<|x|>");
  token["lstrip"] = true;
  write("tokenizer_config.json", {{"added_tokens_decoder", {{"259", token}}}});
  const auto tokenizer = load();
  EXPECT_THAT(tokenizer->encode("b <|x|>"), ElementsAre('b', 259));
  EXPECT_TRUE(tokenizer->is_special(259));
}

TEST_F(FolderTokens, ComeFromAddedTokens) {
  write("added_tokens.json", {{"<|x|>", 260}, {"<|y|>", 259}});
  const auto tokenizer = load();
  EXPECT_THAT(tokenizer->encode("<|x|><|y|>"), ElementsAre(260, 259));
  EXPECT_FALSE(tokenizer->is_special(260));
}

TEST_F(FolderTokens, ComeFromNamesOfSpecialOnes) {
  write("tokenizer_config.json", {{"pad_token", "<pad>"}, {"additional_special_tokens", {"<a>", "he"}}});
  EXPECT_THAT(load()->encode("<pad><a>"), ElementsAre(259, 260));
  EXPECT_TRUE(load()->is_special(256));

  write("tokenizer_config.json", {{"bos_token", "<s>"}});
  write("special_tokens_map.json", {{"bos_token", "</s>"}, {"pad_token", {{"content", "<pad>"}, {"lstrip", true}}}});
  EXPECT_THAT(load()->encode("  <pad>"), ElementsAre(259));
  EXPECT_EQ(read_text_settings(folder_.path()).bos_token, "</s>");
  EXPECT_EQ(read_text_settings(folder_.path()).other_tokens.at("pad_token"), "<pad>");
}

TEST_F(FolderTokens, BelongToFoldersOfOtherPrograms) {
  write("tokenizer_config.json", {{"pad_token", "<pad>"}});
  write("config.json", {{"model_type", "t6"}});
  EXPECT_EQ(load()->json(), text_);
  write("config.json", {{"model_type", "llama"}});
  EXPECT_EQ(load()->id_of("<pad>"), 259);
  EXPECT_EQ(load_tokenizer(folder_ / "tokenizer.json")->id_of("<pad>"), std::nullopt);
}

TEST_F(FolderTokens, ErrorsNameFilesAndKeys) {
  write("tokenizer_config.json", {{"added_tokens_decoder", {{"x", described("<|x|>")}}}});
  EXPECT_THAT(error_of([&] { load(); }), HasSubstr("tokenizer_config.json: added_tokens_decoder: \"x\" is not an id"));
  write("tokenizer_config.json", {{"added_tokens_decoder", {{"1", {{"content", 1}}}}}});
  EXPECT_THAT(error_of([&] { load(); }), HasSubstr("added_tokens_decoder: 1: \"content\""));
  write("tokenizer_config.json", Json::object());
  write("added_tokens.json", {{"<|x|>", -1}});
  EXPECT_THAT(error_of([&] { load(); }), HasSubstr("added_tokens.json: \"<|x|>\" must be a whole number"));
}

}  // namespace
}  // namespace t6
