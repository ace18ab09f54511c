// What the tests of patterns and of the pre-tokenizer share: the words into which a text is cut.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "t6/formats/json.h"
#include "t6/text/tokenizer/pre_tokenizer.h"

namespace t6 {

inline std::vector<std::string> words(const char* json, std::string_view text) {
  const PreTokenizer pre_tokenizer(Json::parse(json), "test");
  Pattern::Scratch scratch;
  std::vector<std::string> result;
  pre_tokenizer.split(text, scratch, [&](std::string_view word) { result.emplace_back(word); });
  return result;
}

inline std::vector<std::string> split(const std::string& pattern, const std::string& behavior, std::string_view text,
                                      bool invert = false) {
  const Json json = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}, {"invert", invert}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  return words(json.dump().c_str(), text);
}

using Words = std::vector<std::string>;

}  // namespace t6
