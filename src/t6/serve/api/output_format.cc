#include "t6/serve/api/output_format.h"

#include <array>
#include <utility>

#include "t6/serve/api/api_error.h"

namespace t6 {
namespace {

using Kind = OutputFormat::Kind;

constexpr const char* kAnyObject = R"({"type": "object", "additionalProperties": true})";

OutputFormat read_schema(const OrderedJson& format, const std::string& where) {
  only_keys(format, {"type", "name", "description", "schema", "strict"}, where);
  const OrderedJson strict = at(format, "strict");
  if (!strict.is_null() && !strict.is_boolean()) bad_value(where + ".strict", strict, "true or false");
  const OrderedJson schema = at(format, "schema");
  if (!schema.is_object() && !schema.is_boolean()) bad_value(where + ".schema", schema, "a JSON schema");
  return {.kind = Kind::json_schema, .text = json_text(schema)};
}

// OpenAI's: a schema has an object of its own.
OutputFormat read_nested_format(const OrderedJson& format, const std::string& where) {
  const bool nested = format.is_object() && at(format, "type") == "json_schema";
  if (!nested) return read_flat_format(format, where);
  const OrderedJson schema = at(format, "json_schema");
  if (format.size() != 2 || !schema.is_object()) bad_value(where, format, "an object of type and json_schema");
  return read_schema(schema, where + ".json_schema");
}

OutputFormat read_json(const OrderedJson& value, const std::string& where) {
  if (value.is_object()) return {.kind = Kind::json_schema, .text = json_text(value)};
  if (!value.is_string()) bad_value(where, value, "a JSON schema, or its text");
  return {.kind = Kind::json_schema, .text = value.get<std::string>()};
}

OutputFormat read_choice(const OrderedJson& value, const std::string& where) {
  if (!value.is_array() || value.empty()) bad_value(where, value, "a list of texts");
  OutputFormat format = {.kind = Kind::choice};
  for (const OrderedJson& choice : value) {
    if (!choice.is_string()) bad_value(where, choice, "a list of texts");
    format.choices.push_back(choice.get<std::string>());
  }
  return format;
}

OutputFormat read_one(const std::string& key, const OrderedJson& value, const std::string& where) {
  if (key == "json") return read_json(value, where);
  if (key == "choice") return read_choice(value, where);
  if (key == "json_object" && value == true) return {.kind = Kind::json_object};
  const bool regex = key == "regex";
  if (!regex && key != "grammar") throw ApiError(400, fmt::format("{} is not supported", shown(where)), where);
  if (!value.is_string()) bad_value(where, value, "a string");
  return {.kind = regex ? Kind::regex : Kind::grammar, .text = value.get<std::string>()};
}

OutputFormat read_structured(const OrderedJson& given) {
  if (!given.is_object()) bad_value("structured_outputs", given, "an object");
  OutputFormat format;
  bool found = false;
  for (const auto& [key, value] : given.items()) {
    if (value.is_null() || (key == "json_object" && value == false)) continue;
    if (std::exchange(found, true)) throw ApiError(400, "structured_outputs wants one way only", "structured_outputs");
    format = read_one(key, value, "structured_outputs." + key);
  }
  return format;
}

std::shared_ptr<const Grammar> compile(GrammarCompiler& compiler, const OutputFormat& format) {
  switch (format.kind) {
    case Kind::free:
      return nullptr;
    case Kind::json_object:
      return compiler.compile_json_object();
    case Kind::json_schema:
      return compiler.compile_json_schema(format.text);
    case Kind::regex:
      return compiler.compile_regex(format.text);
    case Kind::choice:
      return compiler.compile_choice(format.choices);
    case Kind::grammar:
      return compiler.compile_ebnf(format.text);
  }
  return nullptr;
}

// JSON after what the model thinks: as a call of a tool without a name.
ToolCalls json_after_thought(const OutputFormat& format) {
  if (format.kind != Kind::json_object && format.kind != Kind::json_schema) {
    throw ApiError(400, "this model thinks first: only JSON can be enforced after that", "structured_outputs");
  }
  const std::string schema = format.kind == Kind::json_object ? kAnyObject : format.text;
  return {
      .tags = {{"\n\n", schema, ""}}, .triggers = {"\n\n"}, .text = false, .many = false, .preamble_end = "</think>"};
}

struct CallTag {
  const char *trigger, *begin, *middle, *end;  // trigger and begin, the name, middle, the arguments, end
};

CallTag tag_of(CallFormat format) {
  switch (format) {
    case CallFormat::llama:
      return {"{\"name\": \"", "", "\", \"parameters\": ", "}"};
    case CallFormat::mistral:
      return {"[{\"name\": \"", "", "\", \"arguments\": ", "}]"};
    default:
      return {"<tool_call>", "\n{\"name\": \"", "\", \"arguments\": ", "}\n</tool_call>"};
  }
}

// A marker that is a control token comes in no text that keeps to a grammar: such calls are only read.
bool marks_by_token(const Service& service, CallFormat format) {
  if (format != CallFormat::mistral) return false;
  const auto id = service.loaded.tokenizer->id_of("[TOOL_CALLS]");
  return id && service.loaded.tokenizer->is_special(*id);
}

ToolCalls calls_of(const Tools& tools, const AnswerForm& form) {
  const CallTag tag = tag_of(form.calls);
  ToolCalls calls = {.tags = {},
                     .triggers = {tag.trigger},
                     .text = tools.choice == Tools::Choice::automatic,
                     .many = tools.parallel && tools.choice != Tools::Choice::named,
                     .preamble_end = form.thinking ? "</think>" : ""};
  for (const OrderedJson& tool : tools.functions) {
    const OrderedJson& function = tool["function"];
    const std::string name = function["name"];
    if (tools.choice == Tools::Choice::named && name != tools.name) continue;
    calls.tags.push_back(
        {tag.trigger + std::string(tag.begin) + name + tag.middle, json_text(function["parameters"]), tag.end});
  }
  return calls;
}

// The compiler's errors tell what cannot be enforced.
template <typename Compile>
std::shared_ptr<const Grammar> compiled(Compile compile_it, const char* parameter) {
  try {
    return compile_it();
  } catch (const ApiError&) {
    throw;
  } catch (const Error& error) {
    throw ApiError(400, error.what(), parameter);
  }
}

}  // namespace

OutputFormat read_flat_format(const OrderedJson& format, const std::string& where) {
  const OrderedJson type = format.is_object() ? at(format, "type") : OrderedJson(nullptr);
  if (type == "json_schema") return read_schema(format, where);
  if ((type != "text" && type != "json_object") || format.size() != 1) {
    bad_value(where, format, "of type text, json_object or json_schema");
  }
  return {.kind = type == "text" ? Kind::free : Kind::json_object};
}

OutputFormat read_output_format(Body& body) {
  for (const char* key : {"guided_json", "guided_regex", "guided_choice", "guided_grammar"}) {
    body.only(key, {}, "structured_outputs has its place");
  }
  const OrderedJson* const structured = body.find("structured_outputs");
  const OrderedJson* const format = body.find("response_format");
  if (structured && format) {
    throw ApiError(400, "response_format and structured_outputs exclude each other", "response_format");
  }
  if (structured) return read_structured(*structured);
  return format ? read_nested_format(*format, "response_format") : OutputFormat{};
}

std::shared_ptr<const Grammar> grammar_of(const Service& service, const OutputFormat& format) {
  return compiled([&] { return compile(*service.grammars, format); }, "response_format");
}

std::shared_ptr<const Grammar> grammar_of(const Service& service, const OutputFormat& format, const Tools& tools,
                                          const AnswerForm& form) {
  GrammarCompiler& compiler = *service.grammars;
  if (format.kind != Kind::free) {
    if (tools.offered()) {
      throw ApiError(400, "tools that may be called and a format of the answer exclude each other", "response_format");
    }
    if (!form.thinking) return grammar_of(service, format);
    return compiled([&] { return compiler.compile_tool_calls(json_after_thought(format)); }, "response_format");
  }
  if (!tools.offered() || (!tools.forced() && marks_by_token(service, form.calls))) return nullptr;
  return compiled([&] { return compiler.compile_tool_calls(calls_of(tools, form)); }, "tools");
}

}  // namespace t6
