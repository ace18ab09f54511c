#include "t6/formats/safetensors.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "t6/core/error.h"
#include "t6/core/random.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::string file_of(const std::string& header, size_t data) {
  const uint64_t size = header.size();
  std::string bytes(sizeof(size), '\0');
  std::memcpy(bytes.data(), &size, sizeof(size));
  return bytes + header + std::string(data, '\1');
}

class Safetensors : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& bytes) {
    std::ofstream(folder_ / "a.safetensors", std::ios::binary) << bytes;  // thousands of them: no sync
    return folder_ / "a.safetensors";
  }
  void expect_error(const std::string& header, size_t data, const std::string& message) {
    const auto path = write(file_of(header, data));
    EXPECT_THAT([&] { SafetensorsFile file(path); }, ThrowsMessage<Error>(HasSubstr(message))) << header;
  }

  TemporaryFolder folder_;
};

TEST_F(Safetensors, RoundTripsTensorsAndMetadata) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6}, empty;
  const auto path = folder_ / "a.safetensors";
  const std::vector<NamedTensor> tensors = {{"x", {NumberType::f32, {2, 3}, std::as_bytes(std::span(x))}},
                                            {"none", {NumberType::f32, {0, 3}, std::as_bytes(std::span(empty))}}};
  write_safetensors(path, tensors, {{"k", "v"}});
  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata().at("k"), "v");
  std::vector<float> read(6);
  copy_as_float(file.at("x", {2, 3}), "x", read);
  EXPECT_EQ(read, x);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.at("x").bytes.data()) % 64, 0u);
  EXPECT_THAT([&] { file.at("x", {3, 2}); }, ThrowsMessage<Error>(HasSubstr("has shape [2, 3], wanted [3, 2]")));
  EXPECT_THAT([&] { file.at("y"); }, ThrowsMessage<Error>(HasSubstr("\"y\" is missing")));
}

TEST_F(Safetensors, WritesTensorsFromPieces) {
  const std::vector<uint8_t> first = {1, 2, 3}, second = {4}, other = {9};
  const auto bytes = [](const std::vector<uint8_t>& of) { return std::as_bytes(std::span(of)); };
  const auto path = folder_ / "a.safetensors";
  const std::vector<NamedTensor> tensors = {{"x", {NumberType::u8, {2, 2}, {}}, {bytes(first), {}, bytes(second)}},
                                            {"y", {NumberType::u8, {1}, bytes(other)}}};
  write_safetensors(path, tensors);
  const SafetensorsFile file(path);
  const auto x = file.at("x", {2, 2}).bytes;
  ASSERT_EQ(x.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(x[i], std::byte(i + 1));
  EXPECT_EQ(file.at("y").bytes[0], std::byte{9});
}

TEST_F(Safetensors, ConvertsHalfTypes) {
  const std::vector<uint16_t> bf16 = {0x3f80, 0xc000}, f16 = {0x3c00, 0xc000};
  std::vector<float> out(2);
  copy_as_float({NumberType::bf16, {2}, std::as_bytes(std::span(bf16))}, "x", out);
  EXPECT_EQ(out, (std::vector<float>{1, -2}));
  copy_as_float({NumberType::f16, {2}, std::as_bytes(std::span(f16))}, "x", out);
  EXPECT_EQ(out, (std::vector<float>{1, -2}));
  EXPECT_THROW(copy_as_float({NumberType::i16, {2}, std::as_bytes(std::span(f16))}, "x", out), Error);
}

TEST_F(Safetensors, RefusesHostileHeaders) {
  const auto tensor = [](const std::string& fields) { return "{\"x\": {" + fields + "}}"; };
  expect_error("[]", 0, "not a JSON object");
  expect_error("{", 0, "not valid JSON");
  expect_error("{}", 4, "cover 0 bytes, but the file holds 4");
  expect_error(R"({"x": 3})", 0, "wanted a JSON object");
  expect_error(R"({"__metadata__": {"a": 1}})", 0, "not a string");
  expect_error(tensor(R"("dtype": "F99", "shape": [1], "data_offsets": [0, 4])"), 4, "F99");
  expect_error(tensor(R"("dtype": "F32", "shape": [1])"), 4, "data_offsets");
  expect_error(tensor(R"("dtype": "F32", "shape": [1], "data_offsets": [0, 8])"), 4, "outside");
  expect_error(tensor(R"("dtype": "F32", "shape": [1], "data_offsets": [4, 0])"), 4, "outside");
  expect_error(tensor(R"("dtype": "F32", "shape": [-1], "data_offsets": [0, 4])"), 4, "not a size");
  expect_error(tensor(R"("dtype": "F32", "shape": [2], "data_offsets": [0, 4])"), 4, "needs 8 bytes");
  expect_error(tensor(R"("dtype": "F32", "shape": [4611686018427387905, 4], "data_offsets": [0, 4])"), 4, "overflows");
  expect_error(R"({"x": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
                   "y": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}})",
               4, "cover 8 bytes");
}

TEST_F(Safetensors, RefusesShortFiles) {
  EXPECT_THROW(SafetensorsFile(write("")), Error);
  EXPECT_THROW(SafetensorsFile(write("1234567")), Error);
  EXPECT_THROW(SafetensorsFile(write(std::string(8, '\xff') + "{}")), Error);
}

TEST_F(Safetensors, SurvivesFlippedBitsAndTruncation) {
  const std::vector<float> x(12, 1.5f);
  const auto path = folder_ / "good.safetensors";
  const std::vector<NamedTensor> tensors = {{"x", {NumberType::f32, {3, 4}, std::as_bytes(std::span(x))}}};
  write_safetensors(path, tensors, {{"k", "v"}});
  const std::string good = read_text(path);
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    if (i % 3 == 0) bad.resize(random.below(bad.size()));
    for (int flips = 0; flips < 3 && !bad.empty(); ++flips) bad[random.below(bad.size())] ^= char(1 << random.below(8));
    try {
      const SafetensorsFile file(write(bad));
      for (const auto& [name, view] : file.tensors()) {
        std::vector<float> out(static_cast<size_t>(element_count(view.shape)));
        copy_as_float(view, name, out);
      }
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace t6
