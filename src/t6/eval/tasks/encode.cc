#include "t6/eval/tasks/encode.h"

#include <optional>
#include <string>

#include "t6/core/error.h"
#include "t6/eval/tasks/characters.h"

namespace t6 {
namespace {

int32_t first_token(const LoadedModel& loaded) {
  const Tokenizer& tokenizer = *loaded.tokenizer;
  if (!tokenizer.prefix().empty()) return tokenizer.prefix().front();
  for (const std::string& name : {loaded.text.bos_token, loaded.text.eos_token}) {
    if (name.empty()) continue;
    if (const std::optional<int32_t> id = tokenizer.id_of(name)) return *id;
  }
  const std::optional<int32_t> end = tokenizer.end_of_text();
  require(end.has_value(), "the context is empty, and the tokenizer has no token that begins or ends a text");
  return *end;
}

// Context and text, one after the other, and where the text begins.
struct Split {
  std::vector<int32_t> tokens;
  size_t text_begin = 0;
};

Split encode_alone(const LoadedModel& loaded, std::string_view text) {
  Split split{loaded.tokenizer->encode(text), 1};
  const int32_t first = first_token(loaded);
  if (split.tokens.empty() || split.tokens.front() != first) split.tokens.insert(split.tokens.begin(), first);
  return split;
}

Split encode_pair(const LoadedModel& loaded, std::string_view context, std::string_view text) {
  const size_t kept = context.size() - trailing_space(context);
  const std::string whole = std::string(context) + std::string(text);
  if (kept == 0) return encode_alone(loaded, whole);
  Split split{loaded.tokenizer->encode_whole(context.substr(0, kept)), 0};
  split.text_begin = split.tokens.size();
  const std::vector<int32_t> all = loaded.tokenizer->encode_whole(whole);
  if (all.size() > split.text_begin) {
    split.tokens.insert(split.tokens.end(), all.begin() + static_cast<std::ptrdiff_t>(split.text_begin), all.end());
  }
  return split;
}

}  // namespace

EncodedText encode_text(const LoadedModel& loaded, std::string_view context, std::string_view text) {
  const Split split = encode_pair(loaded, context, text);
  require(split.tokens.size() > split.text_begin, "the text \"{}\" adds no token to its context", text);
  const auto longest = static_cast<size_t>(loaded.config().max_position_embeddings);
  const std::span<const int32_t> all = split.tokens;
  EncodedText result;
  const auto targets = all.subspan(split.text_begin);
  require(targets.size() <= longest, "a text of {} tokens does not fit into the model's context of {}", targets.size(),
          longest);
  result.cut = all.size() > longest + 1;
  const auto read = result.cut ? all.last(longest + 1) : all;
  result.inputs.assign(read.begin(), read.end() - 1);
  result.targets.assign(targets.begin(), targets.end());
  return result;
}

}  // namespace t6
