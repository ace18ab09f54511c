#include "t6/formats/gguf.h"

#include <gmock/gmock.h>

#include "t6/core/error.h"
#include "t6/numbers/dequantize.h"
#include "tests/damage.h"
#include "tests/error_of.h"
#include "tests/formats/gguf_builder.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Gguf : public ::testing::Test {
 protected:
  GgufFile read(const std::string& content) { return GgufFile(folder_.write("x.gguf", content)); }
  std::string error(const std::string& content) {
    return error_of([&] { read(content); });
  }
  std::string error(const GgufBuilder& builder) { return error(builder.file()); }

  TemporaryFolder folder_;
};

std::string bytes_of(uint64_t value) { return {reinterpret_cast<const char*>(&value), sizeof(value)}; }
std::string code(uint32_t value) { return {reinterpret_cast<const char*>(&value), sizeof(value)}; }

GgufBuilder small_file(uint64_t alignment = 32) {
  GgufBuilder builder;
  builder.alignment = alignment;
  builder.add("general.architecture", "llama");
  builder.add("count", 7u);
  builder.add("negative", -7);
  builder.add("ratio", 0.5f);
  builder.add("exact", 0.1);
  builder.add("large", uint64_t{1} << 63);
  builder.add("flag", true);
  builder.add("names", std::vector<std::string>{"a", "", "\xff"});
  builder.add("ids", std::vector<int32_t>{3, -4});
  builder.add("scores", std::vector<float>{0.5f, -1.5f});
  builder.add_tensor("matrix", {2, 3}, {1, 2, 3, 4, 5, 6});
  builder.add_tensor("blocks", {1, 32}, 8, std::string(34, '\x01'));
  builder.add_tensor("vector", {2}, {7, 8});
  return builder;
}

TEST_F(Gguf, ReadsValuesArraysAndTensors) {
  for (const uint32_t version : {2u, 3u}) {
    GgufBuilder builder = small_file();
    builder.version = version;
    const GgufFile file = read(builder.file());
    const JsonObject values = file.values();
    EXPECT_EQ(values.string("general.architecture"), "llama");
    EXPECT_EQ(values.integer("count", 0, 100), 7);
    EXPECT_EQ(values.integer("negative", -100, 100), -7);
    EXPECT_EQ(values.number("ratio", 0, 1), 0.5);
    EXPECT_EQ(values.number("exact", 0, 1), 0.1);
    EXPECT_TRUE(values.boolean("flag"));
    EXPECT_THAT(error_of([&] { values.integer("large", 0, INT64_MAX); }), HasSubstr("\"large\" must be"));
    EXPECT_THAT(file.strings("names"), ElementsAre("a", "", "\xff"));
    EXPECT_THAT(file.integers("ids"), ElementsAre(3, -4));
    EXPECT_THAT(file.numbers("scores"), ElementsAre(0.5, -1.5));
    EXPECT_EQ(file.tensors().size(), 3u);
    const TensorView& matrix = *file.find("matrix");
    EXPECT_EQ(matrix.shape, (Shape{2, 3}));
    EXPECT_THAT(dequantize(matrix), ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_EQ(file.find("blocks")->type, NumberType::q8_0);
    EXPECT_EQ(file.find("blocks")->bytes.size(), 34u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(file.find("vector")->bytes.data()) % 32, 0u);
    EXPECT_EQ(file.find("nothing"), nullptr);
  }
}

TEST_F(Gguf, NamesArraysThatAreMissingOrOfAnotherType) {
  const GgufFile file = read(small_file().file());
  EXPECT_THAT(error_of([&] { file.strings("nothing"); }), HasSubstr("the array \"nothing\" is missing"));
  EXPECT_THAT(error_of([&] { file.strings("ids"); }), HasSubstr("\"ids\" must be an array of texts"));
  EXPECT_THAT(error_of([&] { file.integers("scores"); }), HasSubstr("\"scores\" must be an array of whole numbers"));
  EXPECT_THAT(error_of([&] { file.numbers("names"); }), HasSubstr("\"names\" must be an array of numbers"));
}

TEST_F(Gguf, RefusesOtherFiles) {
  EXPECT_THAT(error(""), HasSubstr("x.gguf: ends inside the first four bytes"));
  EXPECT_THAT(error("PK\x03\x04 and more"), HasSubstr("not a GGUF file"));
  GgufBuilder builder;
  builder.version = 1;
  EXPECT_THAT(error(builder), HasSubstr("GGUF version 1 is not supported (2 and 3 are)"));
  builder.version = 3u << 24;
  EXPECT_THAT(error(builder), HasSubstr("big-endian"));
}

TEST_F(Gguf, RefusesFalseCountsWithoutAllocating) {
  const auto array = [](uint32_t type, uint64_t count) { return code(type) + bytes_of(count); };
  GgufBuilder builder;
  builder.add_raw("texts", 9, array(8, uint64_t{1} << 60));
  EXPECT_THAT(error(builder.header()),
              HasSubstr("\"texts\" claims 1152921504606846976 texts; the file has 0 bytes left"));
  builder = {};
  builder.add_raw("numbers", 9, array(10, uint64_t{1} << 61));  // eight bytes each: the product is zero
  EXPECT_THAT(error(builder.header()), HasSubstr("\"numbers\" claims 2305843009213693952 values of uint64"));
  builder = {};
  builder.add_raw("nested", 9, array(9, 1) + array(4, 0));
  EXPECT_THAT(error(builder.header()), HasSubstr("an array of arrays"));
  builder = {};
  builder.add_raw("text", 8, bytes_of(UINT64_MAX));
  EXPECT_THAT(error(builder.header()), HasSubstr("ends inside text"));
  builder = {};
  builder.add_raw("odd", 13, "");
  EXPECT_THAT(error(builder.header()), HasSubstr("\"odd\" is of the unknown type 13"));
  EXPECT_THAT(error("GGUF" + code(3) + bytes_of(0) + bytes_of(UINT64_MAX)), HasSubstr("ends inside a key"));
}

TEST_F(Gguf, RefusesTensorsThatDoNotFit) {
  const auto one = [&](const Shape& shape, uint32_t type, const std::string& bytes) {
    GgufBuilder builder;
    builder.add_tensor("t", shape, type, bytes);
    return error(builder);
  };
  EXPECT_THAT(one({4}, 0, "123"), HasSubstr("tensor \"t\" has 16 bytes from 0 on, and the file's data has 3"));
  EXPECT_THAT(one({1, 48}, 8, std::string(51, ' ')), HasSubstr("rows of 48 are not whole blocks of 32 (Q8_0)"));
  EXPECT_THAT(one({64}, 15, ""),
              HasSubstr("tensor \"t\" is of type Q8_K (15), which is not supported; these are: F32, F16, Q4_0"));
  EXPECT_THAT(one({64}, 99, ""), HasSubstr("unknown (99)"));
  EXPECT_THAT(one({1, 1, 1, 1, 1}, 0, "1234"), HasSubstr("has 5 dimensions; wanted 1 to 4"));
  EXPECT_THAT(one({}, 0, ""), HasSubstr("has 0 dimensions"));
  EXPECT_THAT(one({INT64_MAX, 3}, 0, ""), HasSubstr("the product of its sizes overflows"));
  EXPECT_THAT(one({-1}, 0, ""), HasSubstr("the product of its sizes overflows"));
  EXPECT_THAT(one({INT64_MAX, 1}, 0, ""), HasSubstr("its size overflows"));
  GgufBuilder twice;
  twice.add_tensor("t", {1}, {1});
  twice.add_tensor("t", {1}, {1});
  EXPECT_THAT(error(twice), HasSubstr("tensor \"t\" is there twice"));
  GgufBuilder keys;
  keys.add("k", 1u);
  keys.add("k", "2");
  EXPECT_THAT(error(keys), HasSubstr("the key \"k\" is there twice"));
}

TEST_F(Gguf, KeepsToTheAlignmentThatTheFileNames) {
  GgufBuilder builder = small_file(64);
  builder.add("general.alignment", 64u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(read(builder.file()).find("vector")->bytes.data()) % 64, 0u);
  GgufBuilder odd;
  odd.add("general.alignment", 24u);
  EXPECT_THAT(error(odd), HasSubstr("general.alignment is 24; wanted a power of two"));
  GgufBuilder zero;
  zero.add("general.alignment", 0u);
  EXPECT_THAT(error(zero), HasSubstr("\"general.alignment\" must be a whole number from 8"));
  GgufBuilder moved = small_file();
  std::string file = moved.file();
  const size_t offset = moved.header().size() - sizeof(uint64_t);  // of the last tensor
  file[offset] = static_cast<char>(file[offset] + 4);
  EXPECT_THAT(error(file), HasSubstr("which is no multiple of 32"));
}

// Part `no` of `count` with one tensor.
GgufBuilder part(uint32_t no, uint32_t count, const std::string& tensor) {
  GgufBuilder builder;
  builder.add("split.no", no);
  builder.add("split.count", count);
  builder.add("split.tensors.count", 2);
  builder.add_tensor(tensor, {1}, {static_cast<float>(no)});
  return builder;
}

class GgufParts : public ::testing::Test {
 protected:
  std::filesystem::path write(const char* name, const GgufBuilder& builder) {
    return folder_.write(name, builder.file());
  }
  std::string error(const std::filesystem::path& path) const {
    return error_of([&] { GgufFile{path}; });
  }

  TemporaryFolder folder_;
  std::filesystem::path first_ = write("m-00001-of-00002.gguf", part(0, 2, "a"));
  std::filesystem::path second_ = write("m-00002-of-00002.gguf", part(1, 2, "b"));
};

TEST_F(GgufParts, AreReadAsOne) {
  const GgufFile file(first_);
  EXPECT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(dequantize(*file.find("a")), std::vector<float>{0});
  EXPECT_EQ(dequantize(*file.find("b")), std::vector<float>{1});
  const GgufFile alone(write("whole.gguf", part(0, 1, "a")));  // a count of one is a whole file
  EXPECT_EQ(alone.tensors().size(), 1u);
}

TEST_F(GgufParts, ErrorsNameThem) {
  EXPECT_THAT(error(second_), HasSubstr("m-00002-of-00002.gguf: part 2 of a model in several files, 2; give the first "
                                        "one, " +
                                        first_.string()));
  EXPECT_THAT(error(write("other.gguf", part(1, 2, "b"))), HasSubstr("give the first one, NAME-00001-of-00002.gguf"));
  EXPECT_THAT(error(write("other.gguf", part(0, 2, "b"))),
              HasSubstr("which are found by names such as NAME-00001-of-00002.gguf"));
  write("m-00002-of-00002.gguf", part(0, 2, "b"));
  EXPECT_THAT(error(first_), HasSubstr("m-00002-of-00002.gguf: says that it is part 1 of 2, and not 2 of 2"));
  write("m-00002-of-00002.gguf", part(1, 3, "b"));
  EXPECT_THAT(error(first_), HasSubstr("says that it is part 2 of 3, and not 2 of 2"));
  write("m-00002-of-00002.gguf", part(1, 2, "a"));
  EXPECT_THAT(error(first_), HasSubstr("m-00002-of-00002.gguf: the tensor \"a\" is in another part, too"));
  GgufBuilder more = part(1, 2, "b");
  more.add_tensor("c", {1}, {0});
  write("m-00002-of-00002.gguf", more);
  EXPECT_THAT(error(first_), HasSubstr("its 2 files hold 3 tensors, but split.tensors.count is 2"));
  std::filesystem::remove(second_);
  EXPECT_THAT(error(first_),
              HasSubstr("m-00002-of-00002.gguf: missing; it is part 2 of the 2 that begin with " + first_.string()));
}

TEST_F(Gguf, DamageIsAnErrorOrHarmless) {
  const std::string file = small_file().file();
  expect_errors_or_success(file, file.size(), 1, [](const auto& path) {
    const GgufFile damaged(path);
    for (const auto& [name, tensor] : damaged.tensors()) dequantize(tensor);
  });
}

}  // namespace
}  // namespace t6
