#include "t6/serve/api/tools.h"

#include <algorithm>

#include "t6/serve/api/api_error.h"

namespace t6 {
namespace {

constexpr size_t kMostTools = 128;
constexpr size_t kLongestName = 64;

void check_name(const OrderedJson& name, const std::string& where) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  const bool good = name.is_string() && !name.get_ref<const std::string&>().empty() &&
                    name.get_ref<const std::string&>().size() <= kLongestName &&
                    std::ranges::all_of(name.get_ref<const std::string&>(), allowed);
  if (!good) bad_value(where + ".name", name, "1 to 64 letters, digits, '_', '-' and '.'");
}

// `schema_key`: under which the parameters' schema is.
OrderedJson read_function(const OrderedJson& given, const char* schema_key, const std::string& where) {
  if (!given.is_object()) bad_value(where, given, "an object");
  check_name(given.value("name", OrderedJson(nullptr)), where);
  OrderedJson function = {{"name", given["name"]}};
  const auto description = given.find("description");
  if (description != given.end() && !description->is_null()) {
    if (!description->is_string()) bad_value(where + ".description", *description, "a string");
    function["description"] = *description;
  }
  const auto schema = given.find(schema_key);
  const bool has_schema = schema != given.end() && !schema->is_null();
  if (has_schema && !schema->is_object()) bad_value(where + "." + schema_key, *schema, "a JSON schema");
  function["parameters"] =
      has_schema ? *schema : OrderedJson{{"type", "object"}, {"properties", OrderedJson::object()}};
  const auto strict = given.find("strict");
  if (strict != given.end() && !strict->is_null() && !strict->is_boolean()) {
    bad_value(where + ".strict", *strict, "true or false");
  }
  return {{"type", "function"}, {"function", std::move(function)}};
}

template <typename Read>
void read_list(Body& body, Tools& tools, Read read) {
  const OrderedJson* const given = body.find("tools");
  if (!given) return;
  if (!given->is_array()) bad_value("tools", *given, "a list of tools");
  if (given->size() > kMostTools) bad_value("tools", given->size(), fmt::format("a list of {} at most", kMostTools));
  for (const OrderedJson& tool : *given) {
    const std::string where = fmt::format("tools[{}]", tools.functions.size());
    if (!tool.is_object()) bad_value(where, tool, "an object");
    OrderedJson function = read(tool, where);
    for (const OrderedJson& other : tools.functions) {
      if (other["function"]["name"] != function["function"]["name"]) continue;
      bad_value(where + ".name", function["function"]["name"], "a name that no other tool has");
    }
    tools.functions.push_back(std::move(function));
  }
  if (!tools.functions.empty()) tools.choice = Tools::Choice::automatic;
}

void choose(Tools& tools, Tools::Choice choice) {
  const bool forced = choice == Tools::Choice::required || choice == Tools::Choice::named;
  if (tools.functions.empty() && forced) throw ApiError(400, "tool_choice without tools", "tool_choice");
  if (!tools.functions.empty()) tools.choice = choice;
}

void choose_by_name(Tools& tools, const OrderedJson& choice, const OrderedJson& name) {
  const bool known = std::ranges::any_of(
      tools.functions, [&](const OrderedJson& function) { return function["function"]["name"] == name; });
  if (!name.is_string() || !known) bad_value("tool_choice", choice, "of one of the tools");
  choose(tools, Tools::Choice::named);
  tools.name = name.get<std::string>();
}

// OpenAI's words. `name`: where an object has the function's.
template <typename Name>
void read_choice(Body& body, Tools& tools, Name name) {
  tools.parallel = body.boolean("parallel_tool_calls", true);
  const OrderedJson* const given = body.find("tool_choice");
  if (!given) return;
  if (*given == "none") return choose(tools, Tools::Choice::none);
  if (*given == "auto") return choose(tools, Tools::Choice::automatic);
  if (*given == "required") return choose(tools, Tools::Choice::required);
  if (!given->is_object() || given->value("type", OrderedJson(nullptr)) != "function") {
    bad_value("tool_choice", *given, "\"none\", \"auto\", \"required\" or a function");
  }
  only_keys(*given, {"type", "name", "function"}, "tool_choice");
  choose_by_name(tools, *given, name(*given));
}

void require_function(const OrderedJson& tool, const std::string& where) {
  const OrderedJson type = tool.value("type", OrderedJson(nullptr));
  if (type != "function") bad_value(where + ".type", type, "\"function\", which is all that this server has");
}

OrderedJson name_of(const OrderedJson& object) { return object.value("name", OrderedJson(nullptr)); }

}  // namespace

Tools read_chat_tools(Body& body) {
  Tools tools;
  read_list(body, tools, [&](const OrderedJson& tool, const std::string& where) {
    require_function(tool, where);
    only_keys(tool, {"type", "function"}, where);
    const OrderedJson function = tool.value("function", OrderedJson(nullptr));
    OrderedJson read = read_function(function, "parameters", where + ".function");
    only_keys(function, {"name", "description", "parameters", "strict"}, where + ".function");
    return read;
  });
  read_choice(body, tools, [](const OrderedJson& choice) {
    const OrderedJson function = choice.value("function", OrderedJson(nullptr));
    return function.is_object() ? name_of(function) : OrderedJson(nullptr);
  });
  return tools;
}

Tools read_response_tools(Body& body) {
  Tools tools;
  read_list(body, tools, [&](const OrderedJson& tool, const std::string& where) {
    require_function(tool, where);
    only_keys(tool, {"type", "name", "description", "parameters", "strict"}, where);
    return read_function(tool, "parameters", where);
  });
  read_choice(body, tools, name_of);
  return tools;
}

Tools read_message_tools(Body& body) {
  Tools tools;
  read_list(body, tools, [&](const OrderedJson& tool, const std::string& where) {
    const OrderedJson type = tool.value("type", OrderedJson("custom"));
    if (type != "custom" && !type.is_null()) {
      bad_value(where + ".type", type, "\"custom\", which is all that this server has");
    }
    only_keys(tool, {"type", "name", "description", "input_schema", "cache_control", "strict"}, where);
    if (tool.value("input_schema", OrderedJson(nullptr)).is_null())
      throw ApiError(400, where + ".input_schema is missing", where);
    return read_function(tool, "input_schema", where);
  });
  const OrderedJson* const given = body.find("tool_choice");
  if (!given) return tools;
  const OrderedJson type = given->is_object() ? given->value("type", OrderedJson(nullptr)) : OrderedJson(nullptr);
  if (type == "none") {
    choose(tools, Tools::Choice::none);
  } else if (type == "auto") {
    choose(tools, Tools::Choice::automatic);
  } else if (type == "any") {
    choose(tools, Tools::Choice::required);
  } else if (type == "tool") {
    choose_by_name(tools, *given, name_of(*given));
  } else {
    bad_value("tool_choice", *given, "of type \"none\", \"auto\", \"any\" or \"tool\"");
  }
  only_keys(*given, {"type", "name", "disable_parallel_tool_use"}, "tool_choice");
  const OrderedJson alone = given->value("disable_parallel_tool_use", OrderedJson(false));
  if (!alone.is_boolean() && !alone.is_null())
    bad_value("tool_choice.disable_parallel_tool_use", alone, "true or false");
  tools.parallel = alone != true;
  return tools;
}

}  // namespace t6
