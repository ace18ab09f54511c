#include "t6/formats/state_dict.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "tests/damage.h"
#include "tests/error_of.h"
#include "tests/formats/state_dict_builder.h"
#include "tests/memory_file.h"
#include "tests/source_dir.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kFolder = source_dir() / "tests/formats";

std::string error(const std::string& content) {
  const MemoryFile file(content);
  return error_of([&] { StateDictFile{file.path()}; });
}

// Of a dict with the one entry "a", beside a storage "0" of six float32 numbers.
std::string error_of_entry(const std::string& value) {
  return error(zip_file({{"x/data.pkl", pickled_dict({{"a", value}})}, {"x/data/0", std::string(24, '\0')}}));
}

PickledTensor six_numbers() { return {"torch\nFloatStorage\n", "0", 0, {2, 3}, {3, 1}}; }

TEST(StateDict, IsWhatTorchSaved) {
  const StateDictFile file(kFolder / "state_dict.bin");
  const SafetensorsFile wanted(kFolder / "state_dict.safetensors");
  EXPECT_EQ(file.tensors().size(), wanted.tensors().size());
  for (const auto& [name, tensor] : wanted.tensors()) {
    const TensorView& found = tensor_at(file.tensors(), name, tensor.shape, "state_dict.bin");
    EXPECT_EQ(found.type, tensor.type) << name;
    EXPECT_TRUE(std::ranges::equal(found.bytes, tensor.bytes)) << name;
  }
}

TEST(StateDict, MayLieInALargeArchive) {
  const std::string storage(24, 'x');
  for (const bool wide : {false, true}) {
    const MemoryFile content(zip_file(
        {{"x/data.pkl", pickled_dict({{"a", six_numbers().pickle()}})}, {"x/data/0", storage}}, /*method=*/0, wide));
    const StateDictFile file(content.path());
    const std::span bytes = file.tensors().at("a").bytes;
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), storage) << wide;
  }
}

TEST(StateDict, RunsNothing) {
  const std::string command = "touch it";
  const std::string call = "cposix\nsystem\n" + pickled(command) + "\x85R";
  EXPECT_THAT(error_of_entry(call), HasSubstr("\"a\" is a call of posix.system; wanted a tensor"));
  EXPECT_THAT(error_of_entry("cbuiltins\neval\n"), HasSubstr("\"a\" is builtins.eval; wanted a tensor"));
  EXPECT_THAT(error(zip_file({{"x/data.pkl", "\x80\x02" + call + "."}})),
              HasSubstr("holds a call of posix.system; wanted a dict of tensors"));
}

TEST(StateDict, NamesWhatIsNotATensor) {
  EXPECT_THAT(error_of_entry(pickled(int64_t{3})), HasSubstr("\"a\" is a number; wanted a tensor"));
  EXPECT_THAT(error_of_entry("}"), HasSubstr("\"a\" is a dict; wanted a tensor"));
  EXPECT_THAT(error_of_entry("ccollections\nOrderedDict\n)R"), HasSubstr("\"a\" is a dict; wanted a tensor"));
  EXPECT_THAT(error(zip_file({{"x/data.pkl", "cmodels\nModel\n)\x81}b."}})),
              HasSubstr("holds a call of models.Model; wanted a dict of tensors"));
  EXPECT_THAT(error_of_entry("N"), HasSubstr("\"a\" is None"));
  EXPECT_THAT(error(zip_file({{"x/data.pkl", "\x80\x02N."}})), HasSubstr("holds None; wanted a dict of tensors"));
  EXPECT_THAT(error(zip_file({{"x/data.pkl", "\x80\x02}NNs."}})), HasSubstr("a key of its dict is None"));
  EXPECT_THAT(error(zip_file({{"x/y", ""}})), HasSubstr("no data.pkl in the archive"));
  EXPECT_THAT(error(zip_file({{"x/data.pkl", pickled_dict({})}, {"x/byteorder", "big"}})), HasSubstr("\"big\" endian"));
  const std::string twice = six_numbers().pickle();
  EXPECT_THAT(
      error(zip_file({{"x/data.pkl", pickled_dict({{"a", twice}, {"a", twice}})}, {"x/data/0", std::string(24, 0)}})),
      HasSubstr("the tensor \"a\" is there twice"));
}

TEST(StateDict, KeepsTensorsInsideTheirStorages) {
  const auto with = [](auto change) {
    PickledTensor tensor = six_numbers();
    change(tensor);
    return error_of_entry(tensor.pickle());
  };
  constexpr int64_t kHuge = int64_t{1} << 62;
  EXPECT_EQ(with([](PickledTensor&) {}), "no error");
  EXPECT_THAT(with([](PickledTensor& t) { t.offset = 1; }),
              HasSubstr("shape [2, 3] of F32 from number 1 on does not fit its storage of 24 bytes"));
  EXPECT_THAT(with([](PickledTensor& t) { t.offset = -1; }), HasSubstr("offset: -1 is not a size"));
  EXPECT_THAT(with([](PickledTensor& t) { t.offset = kHuge; }), HasSubstr("does not fit its storage"));
  EXPECT_THAT(with([](PickledTensor& t) { t.shape[0] = 3; }), HasSubstr("does not fit its storage"));
  EXPECT_THAT(with([](PickledTensor& t) { t.shape[0] = -2; }), HasSubstr("sizes: -2 is not a size"));
  EXPECT_THAT(with([](PickledTensor& t) { t.shape[0] = kHuge; }), HasSubstr("overflows"));
  EXPECT_THAT(with([](PickledTensor& t) {
                t.strides = {1, 2};
              }),
              HasSubstr("shape [2, 3] with strides [1, 2] is not stored row by row"));
  EXPECT_THAT(with([](PickledTensor& t) { t.strides = {1}; }), HasSubstr("is not stored row by row"));
  EXPECT_THAT(with([](PickledTensor& t) { t.shape = t.strides = Shape(17, 1); }), HasSubstr("at most 16 sizes"));
  EXPECT_THAT(with([](PickledTensor& t) { t.key = "1"; }), HasSubstr("its storage \"1\" is missing"));
  EXPECT_THAT(with([](PickledTensor& t) { t.storage = "torch\nQInt8Storage\n"; }),
              HasSubstr("the type torch.QInt8Storage is not supported"));
}

TEST(StateDict, RefusesMalformedPickles) {
  const auto pickle = [](const std::string& opcodes) { return error(zip_file({{"x/data.pkl", opcodes}})); };
  EXPECT_THAT(pickle(""), HasSubstr("data.pkl: byte 0: the pickle ends too early"));
  EXPECT_THAT(pickle("\x80\x04."), HasSubstr("protocol 4; wanted 2 or 3"));
  EXPECT_THAT(pickle("."), HasSubstr("takes a value that is not there"));
  EXPECT_THAT(pickle("N(."), HasSubstr("takes a value that is not there"));
  EXPECT_THAT(pickle("t."), HasSubstr("goes back to a mark that is not there"));
  EXPECT_THAT(pickle("h\x05."), HasSubstr("remembers nothing at 5"));
  EXPECT_THAT(pickle("N(NNu."), HasSubstr("sets entries of None"));
  EXPECT_THAT(pickle("}(Nu."), HasSubstr("sets entries of a dict"));
  EXPECT_THAT(pickle("NNa."), HasSubstr("appends to None"));
  EXPECT_THAT(pickle("N)R."), HasSubstr("calls None"));
  EXPECT_THAT(pickle("X\xff\xff\xff\xff"), HasSubstr("ends too early"));
  EXPECT_THAT(pickle("cposix"), HasSubstr("ends too early"));
  EXPECT_THAT(pickle("\x8a\x09"), HasSubstr("ends too early"));
  EXPECT_THAT(pickle("\x8a\x09" + std::string(9, '\1')), HasSubstr("a whole number of 9 bytes"));
  EXPECT_THAT(pickle("i"), HasSubstr("the opcode 0x69 is not supported"));
  // A list that holds itself, and a call of a call.
  EXPECT_THAT(pickle(std::string("]q\0h\0a.", 7)), HasSubstr("holds a list"));
  EXPECT_THAT(pickle("ca\nb\n)R)R."), HasSubstr("calls a call of a.b"));
}

TEST(StateDict, RefusesMalformedArchives) {
  EXPECT_THAT(error(""), HasSubstr("not a whole zip archive"));
  EXPECT_THAT(error("\x80\x02}."), HasSubstr("not a whole zip archive"));
  EXPECT_THAT(error(zip_file({{"x/data.pkl", "."}}, /*method=*/8)), HasSubstr("\"x/data.pkl\" is compressed"));
  EXPECT_THAT(error(zip_file({{"a", ""}, {"a", ""}})), HasSubstr("\"a\" is in the archive twice"));
  const std::string whole = read_text(kFolder / "state_dict.bin");
  EXPECT_THAT(error(whole.substr(0, whole.size() / 2)), HasSubstr("not a whole zip archive"));
  expect_errors_or_success(whole, whole.size(), 7, [](const std::filesystem::path& path) {
    const StateDictFile file(path);
    for (const auto& [name, tensor] : file.tensors()) std::vector<std::byte>(tensor.bytes.begin(), tensor.bytes.end());
  });
}

}  // namespace
}  // namespace t6
