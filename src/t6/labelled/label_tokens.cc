#include "t6/labelled/label_tokens.h"

#include "t6/core/error.h"

namespace t6 {
namespace {

constexpr size_t kMostSymbols = 1 << 16;
constexpr int64_t kBytes = 256;

template <typename Take>
void each_symbol(std::string_view text, Take&& take) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  for (size_t begin = text.find_first_not_of(kSpace); begin != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kSpace, begin), text.size());
    take(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kSpace, end);
  }
}

}  // namespace

LabelTokens::LabelTokens(const std::string& name) : name_(name) {
  if (name != "bytes" && name != "symbols") tokenizer_ = load_tokenizer(name);
}

void LabelTokens::learn(std::string_view text, const std::string& place) {
  if (name_ != "symbols") return;
  each_symbol(text, [&](std::string_view symbol) {
    const auto [entry, is_new] = ids_.emplace(symbol, static_cast<int32_t>(symbols_.size() + 1));
    if (!is_new) return;
    require(symbols_.size() < kMostSymbols,
            "{}: \"{}\" is one more than {} different symbols; for text, tokenizer is \"bytes\" or a tokenizer.json",
            place, symbol.substr(0, 40), kMostSymbols);
    symbols_.emplace_back(symbol);
  });
}

std::vector<int32_t> LabelTokens::encode(std::string_view text) const {
  if (tokenizer_) return tokenizer_->encode_whole(text);
  std::vector<int32_t> tokens;
  if (name_ == "bytes") {
    for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
  } else {
    each_symbol(text, [&](std::string_view symbol) {
      const auto id = ids_.find(std::string(symbol));
      tokens.push_back(id == ids_.end() ? 0 : id->second);
    });
  }
  return tokens;
}

int64_t LabelTokens::vocab_size() const {
  if (tokenizer_) return tokenizer_->vocab_size();
  return name_ == "bytes" ? kBytes : std::ssize(symbols_) + 1;
}

}  // namespace t6
