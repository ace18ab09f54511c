#include "t6/serve/api/prompts.h"

#include <fmt/format.h>

namespace t6 {
namespace {

std::vector<int32_t> read_ids(const OrderedJson& list, const Service& service, const std::string& key) {
  std::vector<int32_t> ids;
  for (const OrderedJson& item : list) {
    if (!item.is_number_integer() || item.get<int64_t>() < 0 || item.get<int64_t>() >= service.vocab_size()) {
      bad_value(key, item, fmt::format("of ids from 0 to {}", service.vocab_size() - 1));
    }
    ids.push_back(item.get<int32_t>());
  }
  return ids;
}

}  // namespace

std::vector<std::vector<int32_t>> read_prompts(Body& body, const Service& service, const std::string& key,
                                               size_t most) {
  const Tokenizer& tokenizer = *service.loaded.tokenizer;
  const OrderedJson& given = body.at(key);
  const bool whole = body.boolean("add_special_tokens", true);
  const auto encode = [&](const OrderedJson& text) {
    return whole ? tokenizer.encode_whole(text.get_ref<const std::string&>())
                 : tokenizer.encode(text.get_ref<const std::string&>());
  };
  if (given.is_string()) return {encode(given)};
  if (!given.is_array() || given.empty()) {
    bad_value(key, given, "a text, a list of token ids, or a list of either");
  }
  if (given[0].is_number()) return {read_ids(given, service, key)};
  if (given.size() > most) bad_value(key, given.size(), fmt::format("a list of {} at most", most));
  std::vector<std::vector<int32_t>> prompts;
  for (const OrderedJson& item : given) {
    if (!item.is_string() && !item.is_array()) bad_value(key, item, "a list of texts or of lists of token ids");
    prompts.push_back(item.is_string() ? encode(item) : read_ids(item, service, key));
  }
  return prompts;
}

}  // namespace t6
