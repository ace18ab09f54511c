#include "t6/formats/json.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"

namespace t6 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(ParseJson, NamesTheSource) {
  EXPECT_THAT([] { parse_json("{\"a\": ", "x.json"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("x.json"), HasSubstr("not valid JSON"))));
}

TEST(ParseJson, RefusesHostileNesting) {
  EXPECT_THAT([] { parse_json(std::string(1'000'000, '['), "x"); }, ThrowsMessage<Error>(HasSubstr("deeper")));
  EXPECT_THAT([] { parse_json(std::string(200, '[') + std::string(200, ']'), "x"); },
              ThrowsMessage<Error>(HasSubstr("deeper")));
}

TEST(JsonObject, ChecksTypesAndRanges) {
  const Json json =
      parse_json(R"({"n": 3, "x": 2.5, "s": "text", "b": true, "z": null, "big": 18446744073709551615})", "f");
  const JsonObject object(json, "f");
  EXPECT_EQ(object.integer("n", 0, 10), 3);
  EXPECT_EQ(object.number("x", 0, 10), 2.5);
  EXPECT_EQ(object.string("s"), "text");
  EXPECT_TRUE(object.boolean("b"));
  EXPECT_FALSE(object.has("z"));
  EXPECT_EQ(object.integer_or("absent", 7, 0, 10), 7);
  EXPECT_THAT([&] { object.integer("n", 5, 10); },
              ThrowsMessage<Error>("f: \"n\" must be a whole number from 5 to 10, not 3"));
  EXPECT_THROW(object.integer("x", 0, 10), Error);
  EXPECT_THROW(object.integer("big", 0, INT64_MAX), Error);
  EXPECT_THROW(object.number("s", 0, 10), Error);
  EXPECT_THROW(object.boolean("n"), Error);
  EXPECT_THROW(object.string("n"), Error);
  EXPECT_THAT([&] { object.at("absent"); }, ThrowsMessage<Error>(HasSubstr("\"absent\" is missing")));
  EXPECT_THROW(JsonObject(Json::array(), "f"), Error);
}

}  // namespace
}  // namespace t6
