#include "t6/model/toml.h"

#include <gmock/gmock.h>

#include "t6/formats/json.h"
#include "tests/error_of.h"

namespace t6 {
namespace {

TEST(Toml, ValuesOfTheCommandLine) {
  EXPECT_EQ(parse_toml_value("3"), Json(3));
  EXPECT_EQ(parse_toml_value("1e-3"), Json(1e-3));
  EXPECT_EQ(parse_toml_value("true"), Json(true));
  EXPECT_EQ(parse_toml_value("\"3\""), Json("3"));
  EXPECT_EQ(parse_toml_value("small-tpa"), Json("small-tpa"));
  EXPECT_EQ(parse_toml_value("3\nother = 4"), Json("3\nother = 4"));
  EXPECT_EQ(parse_toml_value(""), Json(""));
}

TEST(Toml, IsReadAsItWasWritten) {
  const Json values = {
      {"whole", -3},
      {"name", "a \"b\" \\ \n\t\x01\x7f é"},
      {"train", {{"rate", 3e-5}, {"large", 1e30}, {"one", 1.0}, {"on", true}, {"lists", {{1, 2}, {3, 4}}}}},
      {"model",
       {{"rope_scaling", {{"type", "yarn"}, {"factor", 4.0}}}, {"a key", "x"}, {"", 1}, {"empty", Json::array()}}}};
  const std::string text = to_toml(values);
  EXPECT_EQ(parse_toml(text, "x"), values) << text;
  EXPECT_TRUE(parse_toml(text, "x")["train"]["one"].is_number_float());
  EXPECT_EQ(to_toml({{"train", {{"steps", 3}}}}), "[train]\nsteps = 3\n");
}

TEST(Toml, HasNoNull) {
  EXPECT_EQ(error_of([] { to_toml({{"a", nullptr}}); }), "null cannot be written as TOML");
}

}  // namespace
}  // namespace t6
