// Texts that a grammar allows, chosen at random: what a model could write at worst.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "t6/core/random.h"
#include "t6/grammar/grammar.h"

namespace t6 {

// A byte a token, but for some words, among them such as cross what a grammar tells apart.
inline std::shared_ptr<const Tokenizer> small_tokenizer() {
  static const auto tokenizer = std::make_shared<const Tokenizer>(
      [] {
        std::string vocabulary;
        int id = 0;
        const auto add = [&](const std::string& token) {
          vocabulary += (id == 0 ? "" : ",") + std::string("\"") + token + "\":" + std::to_string(id);
          ++id;
        };
        for (char c = '!'; c <= '~'; ++c) add(c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c));
        // GPT-2's letters for the other bytes.
        for (const int code : {0x120, 0x10a, 0x109}) {
          std::string token;
          token += static_cast<char>(0xC0 | (code >> 6));
          token += static_cast<char>(0x80 | (code & 63));
          add(token);
        }
        for (const char* token : {"\\\":", "\\\",", "{\\\"",  "},",       "}]",           "true",   "null",
                                  "ab",    "ba",    "aa",     "\\\\\\\"", "12",           "0.",     "-1",
                                  "\\\"}", "<tool", "_call>", "</",       "\u00c3\u00a9", "\u00c3", "\u00a9"}) {
          add(token);
        }
        return R"({"added_tokens":[{"id":)" + std::to_string(id) +
               R"(,"content":"<|end|>","special":true,"lstrip":false,"rstrip":false,"normalized":false,"single_word":false}],)" +
               R"("normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":false},)" +
               R"("post_processor":null,"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{)" + vocabulary +
               R"(},"merges":[]}})";
      }(),
      "the test's own");
  return tokenizer;
}

// After `calm` tokens it wants to end: what closes something comes first. None: it did not end all the same.
inline std::optional<std::string> constrained_text(const Tokenizer& tokenizer, const Grammar& grammar, Random& random,
                                                   size_t calm = 60, size_t most = 3000) {
  const auto constraint = grammar.constraint();
  std::vector<uint32_t> mask(mask_words(static_cast<size_t>(constraint->vocab_size())));
  std::vector<int32_t> written, allowed, closing;
  while (written.size() < most) {
    constraint->allow(mask);
    allowed.clear();
    closing.clear();
    for (int32_t id = 0; id < constraint->vocab_size(); ++id) {
      if (!in_mask(mask, id)) continue;
      allowed.push_back(id);
      const std::string text = tokenizer.decode_bytes({&id, 1}, false);
      if (text.find_first_of("\"}]>") == 0 && text.find_first_of(",:{ ") == std::string::npos) closing.push_back(id);
    }
    if (allowed.empty() || (constraint->may_end() && (written.size() > calm || random.below(3) == 0))) {
      EXPECT_TRUE(constraint->may_end()) << tokenizer.decode_bytes(written, false);
      return tokenizer.decode_bytes(written, false);
    }
    const std::vector<int32_t>& choice = written.size() > calm && !closing.empty() ? closing : allowed;
    written.push_back(choice[random.below(choice.size())]);
    constraint->accept(written.back());
  }
  return std::nullopt;
}

// Whether a text is one that the grammar allows, byte by byte with the byte tokenizer.
inline bool allows(const Grammar& grammar, std::string_view text) {
  const auto constraint = grammar.constraint();
  std::vector<uint32_t> mask(mask_words(static_cast<size_t>(constraint->vocab_size())));
  for (const char c : text) {
    const auto id = static_cast<int32_t>(static_cast<unsigned char>(c));
    constraint->allow(mask);
    if (!in_mask(mask, id)) return false;
    constraint->accept(id);
  }
  return constraint->may_end();
}

}  // namespace t6
