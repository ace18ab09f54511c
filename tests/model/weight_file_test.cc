#include "t6/model/weight_file.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::ThrowsMessage;

class WeightFiles : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return folder_ / "model.safetensors"; }
  void expect_error(const std::string& text) {
    EXPECT_THAT([&] { WeightFile file(path()); }, ThrowsMessage<Error>(HasSubstr(text)));
  }
  // A file with one tensor of `type`, called w, and this metadata.
  void write(NumberType type, const Shape& shape, const std::string& types) {
    const std::vector<std::byte> bytes(static_cast<size_t>(stored_bytes(type, element_count(shape))));
    const NamedTensor tensor = {"w", {type, shape, bytes}};
    write_safetensors(path(), std::span(&tensor, 1), {{"t6.weight_types", types}});
  }

  TemporaryFolder folder_;
};

TEST_F(WeightFiles, HoldEveryType) {
  std::vector<std::byte> bytes(3 * 64 * 4);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
  TensorViews written;
  for (const NumberType type : kWeightTypes) {
    const auto size = static_cast<size_t>(3 * stored_bytes(type, 64));
    written[std::string(weight_type_name(type))] = {type, {3, 64}, std::span(bytes).first(size)};
  }
  written["vector"] = {NumberType::f32, {5}, std::span(bytes).first(20)};
  write_weights(path(), written, {{"format", "pt"}});
  const WeightFile file(path());
  EXPECT_THAT(file.metadata(), ElementsAre(Pair("format", "pt")));
  EXPECT_EQ(file.tensors().size(), written.size());
  for (const auto& [name, tensor] : written) {
    SCOPED_TRACE(name);
    const TensorView& read = file.tensors().at(name);
    EXPECT_EQ(read.type, tensor.type);
    EXPECT_EQ(read.shape, tensor.shape);
    EXPECT_THAT(std::vector(read.bytes.begin(), read.bytes.end()), ElementsAreArray(tensor.bytes));
  }
}

TEST_F(WeightFiles, AreOrdinarySafetensors) {
  const std::vector<std::byte> bytes(2 * 20);
  write_weights(path(), {{"w", {NumberType::q4_1, {2, 32}, bytes}}});
  const SafetensorsFile file(path());
  EXPECT_EQ(file.at("w").type, NumberType::u8);
  EXPECT_EQ(file.at("w").shape, (Shape{2, 20}));
  EXPECT_THAT(file.metadata(), ElementsAre(Pair("t6.weight_types", "{\"w\":\"q4\"}")));
}

TEST_F(WeightFiles, RefuseWhatTheyCannotBe) {
  write(NumberType::u8, {2, 34}, R"({"w": "q5"})");
  expect_error(R"(its type in "t6.weight_types" is "q5"; wanted "q8" or "q4")");
  write(NumberType::u8, {2, 34}, R"({"w": "f32"})");
  expect_error(R"(is "f32"; wanted)");
  write(NumberType::u8, {2, 34}, R"({"w": 4})");
  expect_error("is 4; wanted a string");
  write(NumberType::u8, {2, 34}, R"({"w": "q4"})");
  expect_error("tensor \"w\" has rows of 34 bytes; wanted whole blocks of 20");
  write(NumberType::u8, {34}, R"({"w": "q8"})");
  expect_error("is U8 of shape [34]; wanted U8 of two sizes");
  write(NumberType::i8, {2, 34}, R"({"w": "q8"})");
  expect_error("is I8 of shape [2, 34]; wanted U8");
  write(NumberType::u8, {2, 34}, "{}");
  expect_error("tensor \"w\" is U8; wanted F32, F16, BF16, or U8 with a type");
  write(NumberType::f32, {2, 34}, R"({"v": "q8"})");
  expect_error("names the tensor \"v\", which is not there");
  write(NumberType::f32, {2, 34}, "[]");
  expect_error("is not a JSON object");
  write(NumberType::f32, {2, 34}, "{");
  expect_error("t6.weight_types");
}

TEST_F(WeightFiles, AreNotWrittenFromBytesThatDoNotFit) {
  const std::vector<std::byte> bytes(40);
  const auto expect_refusal = [&](NumberType type, const Shape& shape, const std::string& text) {
    EXPECT_THAT([&] { write_weights(path(), {{"w", {type, shape, bytes}}}); }, ThrowsMessage<Error>(HasSubstr(text)));
    EXPECT_FALSE(std::filesystem::exists(path()));
  };
  expect_refusal(NumberType::q4_1, {40}, "tensor \"w\" of shape [40] cannot be q4");
  expect_refusal(NumberType::q4_1, {2, 40}, "the second a multiple of 32");
  expect_refusal(NumberType::q4_1, {3, 32}, "as q4 needs 60 bytes and has 40");
  expect_refusal(NumberType::f32, {11}, "as f32 needs 44 bytes and has 40");
  expect_refusal(NumberType::f32, {int64_t{1} << 40, int64_t{1} << 40}, "is not possible");
  expect_refusal(NumberType::f32, {-1, 10}, "is not possible");
}

}  // namespace
}  // namespace t6
