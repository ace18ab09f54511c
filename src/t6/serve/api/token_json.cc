#include "t6/serve/api/token_json.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "t6/text/utf8.h"

namespace t6 {
namespace {

// JSON has no infinity; so little a probability is none.
double finite(double value) { return std::isfinite(value) ? value : -9999.0; }

// As JSON shows it: tokens that are parts of characters are then alike.
std::string valid_text(const std::string& text) {
  std::string valid;
  append_valid_utf8(text, valid);
  return valid;
}

OrderedJson bytes_json(const std::string& text) {
  OrderedJson bytes = OrderedJson::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

OrderedJson token_object(const Tokenizer& tokenizer, int32_t id, double value) {
  const std::string text = token_text(tokenizer, id);
  return {{"token", text}, {"logprob", finite(value)}, {"bytes", bytes_json(text)}};
}

}  // namespace

std::string token_text(const Tokenizer& tokenizer, int32_t id) {
  return tokenizer.decode_bytes({&id, 1}, /*skip_special=*/false);
}

void CompletionLogprobs::add_text(const std::string& text) {
  tokens_.push_back(text);
  offsets_.push_back(offset_);
  offset_ += std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
}

void CompletionLogprobs::add_first(int32_t id) {
  add_text(valid_text(token_text(tokenizer_, id)));
  values_.push_back(nullptr);
  likeliest_of_.push_back(nullptr);
}

void CompletionLogprobs::add(std::span<const WrittenToken> tokens) {
  for (const WrittenToken& token : tokens) {
    const std::string text = valid_text(token_text(tokenizer_, token.id));
    add_text(text);
    values_.push_back(finite(token.log_probability));
    OrderedJson top = OrderedJson::object();
    const auto count = std::min(token.likeliest.size(), static_cast<size_t>(likeliest_));
    for (const TokenLogProbability& other : std::span(token.likeliest).first(count)) {
      const std::string name = valid_text(token_text(tokenizer_, other.id));
      if (!top.contains(name)) top[name] = finite(other.value);  // the likelier one of two that look alike
    }
    if (!top.contains(text)) top[text] = finite(token.log_probability);
    likeliest_of_.push_back(std::move(top));
  }
}

OrderedJson CompletionLogprobs::take() {
  return {{"tokens", std::exchange(tokens_, OrderedJson::array())},
          {"token_logprobs", std::exchange(values_, OrderedJson::array())},
          {"top_logprobs", std::exchange(likeliest_of_, OrderedJson::array())},
          {"text_offset", std::exchange(offsets_, OrderedJson::array())}};
}

OrderedJson chat_logprobs(const Tokenizer& tokenizer, std::span<const WrittenToken> tokens, int64_t likeliest) {
  OrderedJson list = OrderedJson::array();
  for (const WrittenToken& token : tokens) {
    OrderedJson item = token_object(tokenizer, token.id, token.log_probability);
    OrderedJson& top = item["top_logprobs"] = OrderedJson::array();
    const auto count = std::min(token.likeliest.size(), static_cast<size_t>(likeliest));
    for (const TokenLogProbability& other : std::span(token.likeliest).first(count)) {
      top.push_back(token_object(tokenizer, other.id, other.value));
    }
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace t6
