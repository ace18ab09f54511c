// How the documents of a classifier become tokens: their bytes, symbols between white space, or a tokenizer's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "t6/formats/json_object.h"
#include "t6/text/tokenizer.h"

namespace t6 {

class LabelTokens {
 public:
  // "bytes", "symbols", or a tokenizer.json, a model's folder or a GGUF file. Errors: those of load_tokenizer.
  explicit LabelTokens(const std::string& name);

  // Symbols that were not seen before get the next ids. Error: more than 65,536 of them, which are no symbols.
  void learn(std::string_view text, const std::string& place);
  // Token 0 of symbols is any that was never learned.
  std::vector<int32_t> encode(std::string_view text) const;
  int64_t vocab_size() const;

  const std::string& name() const { return name_; }
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }  // null: bytes or symbols
  const std::vector<std::string>& symbols() const { return symbols_; }

 private:
  std::string name_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<std::string> symbols_;  // of ids 1, 2, ...
  std::unordered_map<std::string, int32_t> ids_;
};

}  // namespace t6
