#include <gmock/gmock.h>

#include <chrono>

#include "t6/grammar/grammar.h"
#include "tests/error_of.h"
#include "tests/grammar/constrained_text.h"
#include "tests/grammar/schema_checker.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

// Schemas of many shapes, all enforced.
const char* const kSchemas[] = {
    "true",
    "{}",
    R"({"type": "string"})",
    R"({"type": "integer"})",
    R"({"type": "number"})",
    R"({"type": "boolean"})",
    R"({"type": "null"})",
    R"({"type": "array"})",
    R"({"type": "object"})",
    R"({"type": ["string", "null"]})",
    R"({"type": ["integer", "number", "boolean"], "minimum": 3})",
    R"({"title": "T", "description": "d", "default": 3, "examples": [1], "$comment": "c", "x-own": 1})",
    R"({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"]})",
    R"({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}}})",
    R"({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}}, "required": ["b"]})",
    R"({"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": false})",
    R"({"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": {"type": "integer"}})",
    R"({"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": true, "required": ["a"]})",
    R"({"type": "object", "additionalProperties": {"type": "boolean"}})",
    R"({"type": "object", "required": ["a", "b c"], "additionalProperties": {"type": "boolean"}})",
    R"({"type": "object", "required": ["a"]})",
    R"({"properties": {"a": {"const": 1}}, "required": ["a", "z"]})",
    R"({"type": "object", "patternProperties": {"^x_[a-z]{1,3}$": {"type": "integer"}}})",
    R"({"type": "object", "patternProperties": {"[ab]+": {"type": "integer"}}, "additionalProperties": false})",
    R"({"type": "object", "propertyNames": {"pattern": "^[a-c]{1,2}$"}, "additionalProperties": {"type": "null"}})",
    R"({"type": "object", "additionalProperties": {"type": "null"}, "minProperties": 1, "maxProperties": 2})",
    R"({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}},
        "minProperties": 2})",
    R"({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}},
        "required": ["c"], "maxProperties": 2})",
    R"({"type": "object", "properties": {"title": {"type": "integer"}, "o": {"type": "object", "properties":
        {"title": {"type": "string", "pattern": "^t+$"}}, "required": ["title"]}, "p": {"type": "object", "properties":
        {"title": {"type": "boolean"}}, "required": ["title"]}}, "required": ["title", "o", "p"]})",
    R"({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 4})",
    R"({"type": "array", "items": {"type": "null"}, "minItems": 0, "maxItems": 0})",
    R"({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false})",
    R"({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": {"type": "null"}})",
    R"({"type": "array", "prefixItems": [{"type": "integer"}], "minItems": 3, "uniqueItems": false})",
    R"({"items": {"items": {"type": "boolean"}}, "minItems": 1})",
    R"({"type": "string", "minLength": 2, "maxLength": 5})",
    R"({"type": "string", "maxLength": 0})",
    R"({"type": "string", "minLength": 3})",
    R"({"type": "string", "maxLength": 300})",
    R"({"type": "string", "pattern": "^[A-Z][a-z]*$"})",
    R"({"type": "string", "pattern": "a|b.c"})",
    R"({"type": "string", "pattern": "^\\d{3}-\\w+\\s\\S$"})",
    R"({"type": "string", "pattern": "^[^a]{2,3}$"})",
    R"({"type": "string", "pattern": "^(a|\")+$"})",
    R"({"minLength": 1, "maxLength": 2})",
    R"({"minLength": 150, "maxLength": 700})",
    R"({"minLength": 140})",
    R"({"type": "string", "pattern": "^(\\S{0,128}-)*$"})",
    R"({"type": "integer", "minimum": -3, "maximum": 117})",
    R"({"type": "integer", "exclusiveMinimum": 9.5, "exclusiveMaximum": 12})",
    R"({"type": "integer", "minimum": 1000000000000})",
    R"({"type": "integer", "maximum": -77})",
    R"({"type": "integer", "multipleOf": 7})",
    R"({"type": "integer", "multipleOf": 5, "minimum": 3, "maximum": 40})",
    R"({"type": "number", "multipleOf": 3})",
    R"({"type": "number", "minimum": 0, "maximum": 1})",
    R"({"type": "number", "exclusiveMinimum": -0.25, "exclusiveMaximum": 0.125})",
    R"({"type": "number", "minimum": 1.5})",
    R"({"type": "number", "maximum": -3.75})",
    R"({"type": "number", "minimum": 0.000001, "maximum": 0.000002})",
    R"({"type": "number", "minimum": 2.5, "maximum": 2.5})",
    R"({"enum": ["a", 1, null, 2.5, true, {"title": [1]}, "\"\\\u0007\u00e9"]})",
    R"({"enum": ["a", 1, 2.5, null], "type": ["string", "integer"]})",
    R"({"const": {"a": [1, {"b": "c"}]}})",
    R"({"const": -9223372036854775808})",
    R"({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 3}]})",
    R"({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})",
    R"({"type": "string", "anyOf": [{"minLength": 4}, {"enum": ["x"]}]})",
    R"({"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": ["null", "boolean"]}]})",
    R"({"oneOf": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/dog"}], "discriminator": {"propertyName": "kind"}, "$defs": {
        "cat": {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}},
                "required": ["kind"]},
        "dog": {"type": "object", "properties": {"kind": {"const": "dog"}, "name": {"type": "string"}},
                "required": ["kind"]}}})",
    R"({"allOf": [{"$ref": "#/definitions/a"}], "definitions": {"a": {"type": "integer"}}, "description": "x"})",
    R"({"allOf": [{"properties": {"a": {"type": "null"}}}, {"properties": {"b": {"type": "null"}}, "required": ["b"]}],
        "type": "object", "required": ["a"]})",
    R"({"allOf": [{"type": "integer"}, {"minimum": 3}, {"maximum": 5}, true]})",
    R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"value": {"type": "integer"},
        "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}}, "required": ["value", "next"]}}})",
    R"({"type": "array", "items": {"$ref": "#"}})",
    R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"$ref": "#/properties/a"}}, "required": ["b"]})",
};

class SchemaTest : public ::testing::Test {
 protected:
  GrammarCompiler bytes_{*byte_tokenizer(), 257};
  GrammarCompiler words_{*small_tokenizer(), 200};
  Random random_{7};
};

TEST_F(SchemaTest, WhatIsWrittenFits) {
  for (const char* text : kSchemas) {
    const auto schema = nlohmann::ordered_json::parse(text);
    const SchemaChecker checker(schema);
    std::shared_ptr<const Grammar> grammar;
    ASSERT_NO_THROW(grammar = words_.compile_json_schema(text)) << text;
    int whole = 0;
    for (int i = 0; i < 60; ++i) {
      const auto written = constrained_text(*small_tokenizer(), *grammar, random_);
      if (!written) continue;
      ++whole;
      nlohmann::ordered_json value;
      try {
        value = nlohmann::ordered_json::parse(*written);
      } catch (const nlohmann::ordered_json::out_of_range&) {  // 1e999
        continue;
      } catch (const nlohmann::ordered_json::exception& error) {
        if (std::string_view(error.what()).find("surrogate") != std::string_view::npos)
          continue;  // JSON by its grammar
        FAIL() << error.what() << "\n" << text << "\n" << *written;
      }
      ASSERT_TRUE(checker.fits(value)) << text << "\n" << *written;
    }
    EXPECT_GE(whole, 30) << text;
  }
}

TEST_F(SchemaTest, WhatFitsMayBeWritten) {
  const std::tuple<const char*, std::vector<const char*>, std::vector<const char*>> rows[] = {
      {R"({"type": "object"})",
       {"{}", R"({"a": [1, {"b": null}], "c": "\u00e9\n"})", "{ \n\t\"a\" :1}"},
       {"[]", "{\"a\"}", "{\"a\": 1,}", "{\"a\": tru}", "\"a\""}},
      {R"({"type": "string", "maxLength": 2})",
       {"\"\"", "\"ab\"", "\"\xc3\xa9\xe2\x82\xac\""},
       {"\"abc\"", "\"a", "\"\t\""}},
      {R"({"type": "integer", "minimum": 5})", {"5", "123456"}, {"4", "-7", "5.5", "05"}},
      {R"({"type": "number", "exclusiveMaximum": 1})", {"0.5", "0", "-3"}, {"1", "1.5"}},
      {R"({"enum": ["\"\\/é\n", 1.5]})", {"1.5"}, {"1", "\"\""}},
      {R"({"type": "string", "format": "date"})",
       {"\"2024-02-29\"", "\"1999-12-31\"", "\"2000-02-29\""},
       {"\"2023-02-29\"", "\"1900-02-29\"", "\"2023-04-31\"", "\"2023-13-01\"", "\"23-01-01\""}},
      {R"({"type": "string", "format": "date-time"})",
       {"\"2024-02-29T23:59:59.123Z\"", "\"1999-12-31T00:00:00+02:00\""},
       {"\"2024-02-29\"", "\"2024-02-29T24:00:00Z\"", "\"2024-02-29T10:00:00\""}},
      {R"({"type": "string", "format": "ipv4"})",
       {"\"127.0.0.1\"", "\"255.255.255.255\""},
       {"\"256.0.0.1\"", "\"01.1.1.1\""}},
      {R"({"type": "string", "format": "ipv6"})",
       {"\"::\"", "\"::1\"", "\"1::\"", "\"fe80::1:2\"", "\"1:2:3:4:5:6:7:8\""},
       {"\":\"", "\"1\"", "\"1::2::3\"", "\"1:2:3:4:5:6:7:8:9\"", "\"12345::\"", "\"1:2:3:4:5:6:7::8\""}},
      {R"({"type": "string", "format": "uuid"})", {"\"123e4567-e89b-12d3-a456-426614174000\""}, {"\"123e4567\""}},
      {R"({"type": "string", "format": "email"})", {"\"a.b+c@example.org\""}, {"\"a@b\"", "\"@b.c\"", "\"a@-b.c\""}},
      {R"({"type": "string", "format": "hostname"})", {"\"a-1.example.org\""}, {"\"-a\"", "\"a_b\""}},
      {R"({"type": "string", "format": "uri"})", {"\"https://example.org/a?b=c#d\""}, {"\"example\"", "\"http:// \""}},
      {R"({"type": "string", "format": "duration"})",
       {"\"P1Y2M3DT4H\"", "\"PT5M\"", "\"P3W\""},
       {"\"P\"", "\"PT\"", "\"1D\""}},
      {R"({"type": "string", "format": "time"})", {"\"12:30:00Z\""}, {"\"12:30\"", "\"12:30:60Z\""}},
  };
  for (const auto& [schema, wanted, unwanted] : rows) {
    const auto grammar = bytes_.compile_json_schema(schema);
    for (const char* text : wanted) EXPECT_TRUE(allows(*grammar, text)) << schema << " " << text;
    for (const char* text : unwanted) EXPECT_FALSE(allows(*grammar, text)) << schema << " " << text;
  }
}

TEST_F(SchemaTest, PropertiesComeInTheirOrder) {
  const auto grammar = bytes_.compile_json_schema(
      R"({"type": "object", "properties": {"z": {"type": "null"}, "a": {"type": "null"}}, "required": ["a", "z"]})");
  EXPECT_TRUE(allows(*grammar, R"({"z": null, "a": null})"));
  EXPECT_FALSE(allows(*grammar, R"({"a": null, "z": null})"));
}

TEST_F(SchemaTest, WhatCannotBeEnforcedIsNamed) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"not": {"type": "string"}})", "'not'"},
      {R"({"if": {}, "then": {}})", "'if'"},
      {R"({"type": "array", "contains": {}})", "'contains'"},
      {R"({"type": "array", "uniqueItems": true})", "'uniqueItems'"},
      {R"({"type": "array", "minContains": 1})", "'minContains'"},
      {R"({"type": "object", "dependentSchemas": {}})", "'dependentSchemas'"},
      {R"({"type": "object", "dependentRequired": {}})", "'dependentRequired'"},
      {R"({"type": "object", "unevaluatedProperties": false})", "'unevaluatedProperties'"},
      {R"({"type": "string", "minlength": 3})", "'minlength'"},
      {R"({"$id": "x"})", "'$id'"},
      {R"({"$dynamicRef": "#a"})", "'$dynamicRef'"},
      {R"({"type": "number", "multipleOf": 0.1})", "multipleOf"},
      {R"({"type": "integer", "multipleOf": 0})", "multipleOf"},
      {R"({"type": "integer", "multipleOf": 3, "minimum": 0})", "multipleOf"},
      {R"({"type": "string", "format": "regex"})", "format \"regex\""},
      {R"({"type": "string", "format": 3})", "format 3"},
      {R"({"type": "string", "format": "date", "maxLength": 3})", "only one is supported"},
      {R"({"type": "string", "pattern": "a", "minLength": 3})", "only one is supported"},
      {R"x({"type": "string", "pattern": "(?=a)"})x", "lookahead"},
      {R"({"type": "string", "pattern": "^\"$"})", "cannot be enforced within a JSON string"},
      {R"({"type": "string", "pattern": "^\\n$"})", "cannot be enforced within a JSON string"},
      {R"({"type": "string", "pattern": "\u00e9"})", "printable ASCII"},
      {R"({"type": "string", "pattern": "[a-z]{129}"})", "more than 128 repetitions"},
      {R"({"type": "string", "pattern": 3})", "must be a string"},
      {R"({"$ref": "https://example.org/schema"})", "leads to no schema"},
      {R"({"$ref": "#/$defs/a"})", "leads to no schema"},
      {R"({"$ref": "#/properties", "properties": {}})", "beside $ref"},
      {R"({"properties": {"a": {"$ref": "#/properties"}}})", "leads to no schema"},
      {R"({"properties": {"a": {"$ref": "#/properties/a"}}})", "leads to itself"},
      {R"({"$ref": "#"})", "leads to itself"},
      {R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}})",
       "leads to itself"},
      {R"({"$ref": 3})", "must be a string"},
      {R"({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {}}})", "leads to no schema"},
      {R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})", "oneOf"},
      {R"({"oneOf": [{"type": "object"}, {"type": "object"}]})", "oneOf"},
      {R"({"oneOf": [{"$ref": "#"}, {"type": "object"}]})", "oneOf"},
      {R"({"anyOf": []})", "anyOf"},
      {R"({"allOf": [{"type": "integer"}, {"type": "number"}]})", "'type'"},
      {R"({"allOf": [{"minimum": 1}, {"minimum": 2}]})", "'minimum'"},
      {R"({"allOf": [{"$ref": "#/$defs/a"}, {"type": "object"}], "$defs": {"a": {}}})", "beside $ref"},
      {R"({"allOf": [{"properties": {"a": {}}, "additionalProperties": false}, {"properties": {"b": {}}}]})",
       "additionalProperties"},
      {R"({"enum": [1], "minimum": 0})", "'minimum' beside 'enum'"},
      {R"({"const": 1, "enum": [1]})", "'enum' beside 'const'"},
      {R"({"enum": []})", "no value fits"},
      {R"({"enum": ["a"], "type": "integer"})", "no value fits"},
      {R"({"enum": [18446744073709551615]})", "64 bits"},
      {R"({"type": "text"})", "a type must be one of"},
      {R"({"type": []})", "list of types is empty"},
      {R"({"minimum": 3, "minLength": 1})", "no type is given"},
      {R"({"type": "object", "properties": {"a": false}})", "no value fits a schema that is false"},
      {R"({"type": "object", "properties": [1]})", "properties must be an object"},
      {R"({"type": "object", "properties": {"a": {}}, "required": ["b"], "additionalProperties": false})", "'b'"},
      {R"({"type": "object", "required": [1]})", "list of names"},
      {R"({"type": "object", "minProperties": 2})", "minProperties"},
      {R"({"type": "object", "minProperties": -1})", "minProperties"},
      {R"({"type": "object", "properties": {"a": {}}, "patternProperties": {"b": {}}})", "patternProperties"},
      {R"({"type": "object", "patternProperties": {"a": {}, "b": {}}})", "one pattern"},
      {R"({"type": "object", "patternProperties": {"a": {}}, "additionalProperties": {}})",
       "additionalProperties is false"},
      {R"({"type": "object", "propertyNames": {"minLength": 3}})", "propertyNames"},
      {R"({"type": "array", "items": [{}]})", "prefixItems"},
      {R"({"type": "array", "minItems": 3, "maxItems": 2})", "minItems"},
      {R"({"type": "array", "minItems": 1000000000})", "from 0 to 10000"},
      {R"({"type": "string", "minLength": 3, "maxLength": 2})", "minLength 3"},
      {R"({"type": "string", "maxLength": 1.5})", "maxLength"},
      {R"({"type": "integer", "minimum": 5, "maximum": 4})", "minimum"},
      {R"({"type": "integer", "minimum": true})", "minimum"},
      {R"({"type": "number", "minimum": 1e300})", "minimum"},
      {R"({"type": "number", "minimum": 1e-7})", "six digits"},
      {R"({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.000001})", "between the bounds"},
      {"false", "false"},
      {"3", "must be an object or true"},
      {"", "not JSON"},
      {"{", "not JSON"},
      {"{\"a\": 1e999}", "not JSON"},
      {"\xff", "not UTF-8"},
  };
  for (const auto& [schema, message] : rows) {
    EXPECT_THAT(error_of([&] { bytes_.compile_json_schema(schema); }),
                testing::AllOf(HasSubstr(message), HasSubstr("the JSON schema")))
        << schema;
  }
  EXPECT_THAT(error_of([&] { bytes_.compile_json_schema(R"({"properties": {"a": {"items": {"not": {}}}}})"); }),
              HasSubstr("#/properties/a/items: "));
}

std::string nested(const std::string& open, const std::string& inside, const std::string& close, int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += inside;
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

std::string chain_of_references(int length) {
  std::string text = R"({"$ref": "#/$defs/d0", "$defs": {)";
  for (int i = 0; i < length; ++i) text += fmt::format(R"("d{}": {{"items": {{"$ref": "#/$defs/d{}"}}}}, )", i, i + 1);
  return text + fmt::format(R"("d{}": {{"type": "null"}}}}}})", length);
}

// Each is an error or a grammar within seconds.
TEST_F(SchemaTest, HostileSchemas) {
  const auto properties = [](int count, const std::string& schema) {
    std::string text = R"({"type": "object", "properties": {)";
    for (int i = 0; i < count; ++i) text += fmt::format(R"({}"p{}": {})", i == 0 ? "" : ", ", i, schema);
    return text + "}";
  };
  const std::string doubling =
      nested(R"({"properties": {"a": )", "{}", R"(}, "anyOf": [{"minProperties": 1}, {"maxProperties": 9}]})", 30);
  const std::pair<std::string, const char*> refused[] = {
      {nested("[", "", "]", 60'000), "nested more than"},
      {nested(R"({"a":)", "1", "}", 20'000), "nested more than"},
      {nested(R"({"items":)", "{}", "}", 10'000), "nested more than"},
      {nested(R"({"anyOf":[)", "{}", "]}", 10'000), "nested more than"},
      {chain_of_references(500), "refer to each other more than 64 deep"},
      {doubling, "more than 2000 schemas"},
      {properties(2500, "{}") + "}", "more than 2000 keys"},
      {properties(300, R"({"type": "string", "maxLength": 100})") + "}", "too long to compile"},
      {properties(300, R"({"type": "null"})") + R"(, "minProperties": 100})", "minProperties"},
      {R"({"pattern": "([a-z]{1,100}){1,100}"})", "more than 1000 times"},
      {R"({"pattern": ")" + nested("(", "a", ")", 60'000) + "\"}", "nested more than 64"},
      {std::string(200'000, ' ') + "{}", "at most 131072"},
  };
  for (const auto& [schema, message] : refused) {
    EXPECT_THAT(error_of([&] { bytes_.compile_json_schema(schema); }), HasSubstr(message)) << schema.substr(0, 80);
  }
  for (const std::string& schema :
       {chain_of_references(60), properties(1000, R"({"type": "string"})") + "}", nested(R"({"items":)", "{}", "}", 60),
        std::string(R"({"type": "array", "items": {"type": "integer"}, "minItems": 10000})"),
        std::string(R"({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]})")}) {
    EXPECT_EQ(error_of([&] { bytes_.compile_json_schema(schema); }), "no error") << schema.substr(0, 80);
  }
}

}  // namespace
}  // namespace t6
