#include "t6/grammar/compile/tool_calls.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "t6/core/error.h"
#include "t6/grammar/compile/messages.h"
#include "t6/grammar/schema/schema.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson tag_of(const ToolTag& tag, const ToolCalls& calls, const GrammarLimits& limits) {
  require(!tag.begin.empty() && !tag.end.empty(), "a call needs texts that it begins and ends with");
  const auto begins = [&](const std::string& trigger) { return tag.begin.starts_with(trigger); };
  require(std::ranges::count_if(calls.triggers, begins) == 1, "'{}' must begin with exactly one of the triggers",
          quotable(tag.begin));
  try {
    OrderedJson schema = OrderedJson::parse(enforceable_schema(tag.schema, limits));
    return {
        {"type", "tag"},
        {"begin", tag.begin},
        {"content", {{"type", "json_schema"}, {"json_schema", std::move(schema)}, {"max_whitespace_cnt", kMostBlanks}}},
        {"end", tag.end}};
  } catch (const Error& error) {
    fail("the schema of '{}': {}", quotable(tag.begin), error.what());
  }
}

}  // namespace

std::string tool_calls_key(const ToolCalls& calls) {
  OrderedJson key = {calls.triggers, calls.text, calls.many, calls.preamble_end};
  for (const ToolTag& tag : calls.tags) key.push_back({tag.begin, tag.schema, tag.end});
  try {
    return key.dump();
  } catch (const OrderedJson::exception&) {
    fail("the texts of the calls are not UTF-8");
  }
}

std::string structural_tag(const ToolCalls& calls, const GrammarLimits& limits) {
  require(!calls.tags.empty(), "no calls are given");
  require(std::ssize(calls.tags) <= limits.schemas, "{} calls are given, at most {} are read", calls.tags.size(),
          limits.schemas);
  for (const std::string& trigger : calls.triggers) require(!trigger.empty(), "a trigger must not be empty");
  OrderedJson tags = OrderedJson::array();
  for (const ToolTag& tag : calls.tags) tags.push_back(tag_of(tag, calls, limits));
  OrderedJson format = {{"type", "triggered_tags"},
                        {"triggers", calls.triggers},
                        {"tags", std::move(tags)},
                        {"at_least_one", !calls.text},
                        {"stop_after_first", !calls.many}};
  if (!calls.preamble_end.empty()) {
    OrderedJson preamble = {
        {"type", "tag"}, {"begin", ""}, {"content", {{"type", "any_text"}}}, {"end", calls.preamble_end}};
    format = {{"type", "sequence"}, {"elements", {std::move(preamble), std::move(format)}}};
  }
  return OrderedJson({{"type", "structural_tag"}, {"format", std::move(format)}}).dump();
}

}  // namespace t6
