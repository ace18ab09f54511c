// Any bytes as a list of words, or as a model of characters that cuts a text: an Error, or slices that are the text.
// The input: a byte that chooses, the file.
#include <string>
#include <string_view>
#include <vector>

#include "t6/core/error.h"
#include "t6/eval/chinese/character_model.h"
#include "t6/eval/chinese/word_list.h"
#include "t6/formats/json.h"

namespace {

void read_list(std::string_view text) {
  const t6::WordList list(std::string(text), "list");
  for (const t6::FrequentWord& word : list.all()) {
    if (list.frequency(word.text) != word.frequency) __builtin_trap();
  }
}

void read_model(std::string_view text) {
  const t6::Json json = t6::parse_json(text, "model");
  const t6::CharacterModel model(t6::JsonObject(json, "model"));
  const std::string_view characters = "我们今天去龘我";
  std::vector<std::string_view> words;
  model.cut(characters, words);
  size_t size = 0;
  for (const std::string_view word : words) size += word.size();
  if (size != characters.size()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view file(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    data[0] % 2 == 0 ? read_list(file) : read_model(file);
  } catch (const t6::Error&) {
  }
  return 0;
}
