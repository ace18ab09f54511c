// Whether a JSON value fits a schema, read literally: the slow reference for what grammars write.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "t6/text/utf8.h"
#include "tests/grammar/regex.h"

namespace t6 {

class SchemaChecker {
 public:
  using Value = nlohmann::ordered_json;
  explicit SchemaChecker(const Value& root) : root_(root) {}

  bool fits(const Value& value) const { return fits(value, root_); }

 private:
  static bool is_type(const Value& value, const std::string& type) {
    if (type == "integer") return value.is_number() && std::floor(value.get<double>()) == value.get<double>();
    if (type == "number") return value.is_number();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    return type == "array" ? value.is_array() : value.is_object();
  }

  static int64_t length(const std::string& text) {
    return std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
  }

  // std::regex counts bytes: a character of several is one beyond ASCII's letters.
  static bool matches(const std::string& text, const std::string& pattern) {
    std::string characters;
    for (const char c : text) {
      if ((c & 0xC0) != 0x80) characters += c < 0 ? '~' : c;
    }
    return std::regex_search(characters, std::regex(pattern));
  }

  bool fits(const Value& value, const Value& schema) const {
    if (schema.is_boolean()) return schema.get<bool>();
    if (schema.contains("$ref")) {
      return fits(value, root_.at(Value::json_pointer(schema.at("$ref").get<std::string>().substr(1))));
    }
    if (schema.contains("const") && value != schema.at("const")) return false;
    if (schema.contains("enum") && std::ranges::find(schema.at("enum"), value) == schema.at("enum").end()) return false;
    return fits_type(value, schema) && fits_combinations(value, schema) && fits_number(value, schema) &&
           fits_string(value, schema) && fits_array(value, schema) && fits_object(value, schema);
  }

  bool fits_type(const Value& value, const Value& schema) const {
    if (!schema.contains("type")) return true;
    const Value& type = schema.at("type");
    if (type.is_string()) return is_type(value, type);
    return std::ranges::any_of(type, [&](const Value& one) { return is_type(value, one); });
  }

  int64_t count_fits(const Value& value, const Value& schemas) const {
    return std::ranges::count_if(schemas, [&](const Value& one) { return fits(value, one); });
  }

  bool fits_combinations(const Value& value, const Value& schema) const {
    if (schema.contains("anyOf") && count_fits(value, schema.at("anyOf")) == 0) return false;
    if (schema.contains("oneOf") && count_fits(value, schema.at("oneOf")) != 1) return false;
    return !schema.contains("allOf") || count_fits(value, schema.at("allOf")) == std::ssize(schema.at("allOf"));
  }

  bool fits_number(const Value& value, const Value& schema) const {
    if (!value.is_number()) return true;
    const auto x = value.get<double>();
    if (schema.contains("minimum") && x < schema.at("minimum").get<double>()) return false;
    if (schema.contains("maximum") && x > schema.at("maximum").get<double>()) return false;
    if (schema.contains("exclusiveMinimum") && x <= schema.at("exclusiveMinimum").get<double>()) return false;
    if (schema.contains("exclusiveMaximum") && x >= schema.at("exclusiveMaximum").get<double>()) return false;
    const bool exact = std::abs(x) < 9e15;  // as a double
    return !exact || !schema.contains("multipleOf") || std::fmod(x, schema.at("multipleOf").get<double>()) == 0;
  }

  bool fits_string(const Value& value, const Value& schema) const {
    if (!value.is_string()) return true;
    const auto text = value.get<std::string>();
    if (schema.contains("minLength") && length(text) < schema.at("minLength").get<int64_t>()) return false;
    if (schema.contains("maxLength") && length(text) > schema.at("maxLength").get<int64_t>()) return false;
    return !schema.contains("pattern") || matches(text, schema.at("pattern"));
  }

  bool fits_array(const Value& value, const Value& schema) const {
    if (!value.is_array()) return true;
    if (schema.contains("minItems") && std::ssize(value) < schema.at("minItems").get<int64_t>()) return false;
    if (schema.contains("maxItems") && std::ssize(value) > schema.at("maxItems").get<int64_t>()) return false;
    const size_t first = schema.contains("prefixItems") ? schema.at("prefixItems").size() : 0;
    for (size_t i = 0; i < value.size(); ++i) {
      if (i < first && !fits(value[i], schema.at("prefixItems")[i])) return false;
      if (i >= first && schema.contains("items") && !fits(value[i], schema.at("items"))) return false;
    }
    return true;
  }

  bool fits_object(const Value& value, const Value& schema) const {
    if (!value.is_object()) return true;
    if (schema.contains("minProperties") && std::ssize(value) < schema.at("minProperties").get<int64_t>()) return false;
    if (schema.contains("maxProperties") && std::ssize(value) > schema.at("maxProperties").get<int64_t>()) return false;
    if (schema.contains("required")) {
      for (const Value& name : schema.at("required")) {
        if (!value.contains(name.get<std::string>())) return false;
      }
    }
    for (const auto& [name, part] : value.items()) {
      if (!fits_property(name, part, schema)) return false;
    }
    return true;
  }

  bool fits_property(const std::string& name, const Value& part, const Value& schema) const {
    if (schema.contains("propertyNames") && !fits(Value(name), schema.at("propertyNames"))) return false;
    bool named = false;
    if (schema.contains("properties") && schema.at("properties").contains(name)) {
      named = true;
      if (!fits(part, schema.at("properties").at(name))) return false;
    }
    if (schema.contains("patternProperties")) {
      for (const auto& [pattern, one] : schema.at("patternProperties").items()) {
        if (!matches(name, pattern)) continue;
        named = true;
        if (!fits(part, one)) return false;
      }
    }
    return named || !schema.contains("additionalProperties") || fits(part, schema.at("additionalProperties"));
  }

  const Value& root_;
};

}  // namespace t6
