#include "t6/formats/gguf_writer.h"

#include <gmock/gmock.h>

#include <cstring>

#include "t6/formats/gguf.h"
#include "t6/formats/json.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class GgufWriterTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  GgufWriter writer_;
};

TEST_F(GgufWriterTest, IsReadAsItWasWritten) {
  const std::vector<float> numbers = {1, 2, 3, 4, 5, 6};
  const std::vector<std::string> texts = {"a", "", "b c"};
  const std::vector<int32_t> integers = {-1, 7};
  writer_.add("bool", true);
  writer_.add("u32", 4000000000u);
  writer_.add("i32", -3);
  writer_.add("f32", 0.5f);
  writer_.add("text", "\u00e4");
  writer_.add("texts", std::span<const std::string>(texts));
  writer_.add("integers", std::span<const int32_t>(integers));
  writer_.add("numbers", std::span<const float>(numbers));
  writer_.add("none", std::span<const std::string>());
  writer_.add_tensor("b", {NumberType::f32, {2, 3}, std::as_bytes(std::span(numbers))});
  writer_.add_tensor("a", {NumberType::f32, {2}, std::as_bytes(std::span(numbers).first(2))});
  writer_.write(folder_ / "x.gguf");

  const GgufFile file(folder_ / "x.gguf");
  EXPECT_EQ(file.values().json().dump(), R"({"bool":true,"f32":0.5,"i32":-3,"text":")"
                                         "\u00e4"
                                         R"(","u32":4000000000})");
  EXPECT_THAT(file.strings("texts"), ElementsAre("a", "", "b c"));
  EXPECT_THAT(file.integers("integers"), ElementsAre(-1, 7));
  EXPECT_THAT(file.numbers("numbers"), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(file.strings("none"), IsEmpty());
  ASSERT_EQ(file.tensors().size(), 2u);
  EXPECT_THAT(file.find("b")->shape, ElementsAre(2, 3));
  EXPECT_EQ(std::memcmp(file.find("b")->bytes.data(), numbers.data(), 24), 0);
  EXPECT_EQ(file.find("a")->bytes.size(), 8u);
}

TEST_F(GgufWriterTest, RefusesTensorsThatAreNone) {
  const std::vector<float> numbers(32);
  const auto bytes = std::as_bytes(std::span(numbers));
  const auto error = [&](const TensorView& tensor) { return error_of([&] { writer_.add_tensor("x", tensor); }); };
  EXPECT_THAT(error({NumberType::f32, {31}, bytes}), HasSubstr("\"x\" has 128 bytes; wanted 124"));
  EXPECT_THAT(error({NumberType::u8, {128}, bytes}), HasSubstr("is no type of GGUF (F32, F16"));
  EXPECT_THAT(error({NumberType::q8_0, {4, 8}, bytes}), HasSubstr("[4, 8] is not whole blocks of 32"));
  EXPECT_EQ(error({NumberType::f32, {32}, bytes}), "no error");
  EXPECT_THAT(error({NumberType::f32, {32}, bytes}), HasSubstr("\"x\" is there twice"));
}

}  // namespace
}  // namespace t6
