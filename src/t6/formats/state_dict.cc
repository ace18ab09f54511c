#include "t6/formats/state_dict.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "t6/core/error.h"
#include "t6/formats/state_dict/pickle.h"

namespace t6 {
namespace {

using Kind = PickleValue::Kind;
using Values = std::vector<const PickleValue*>;

constexpr size_t kMostDimensions = 16;

struct StorageType {
  std::string_view name;
  NumberType type;
};
constexpr StorageType kStorageTypes[] = {
    {"torch.DoubleStorage", NumberType::f64}, {"torch.FloatStorage", NumberType::f32},
    {"torch.HalfStorage", NumberType::f16},   {"torch.BFloat16Storage", NumberType::bf16},
    {"torch.LongStorage", NumberType::i64},   {"torch.IntStorage", NumberType::i32},
    {"torch.ShortStorage", NumberType::i16},  {"torch.CharStorage", NumberType::i8},
    {"torch.ByteStorage", NumberType::u8},    {"torch.BoolStorage", NumberType::boolean}};

// The archive's files stand in one folder, whose name is that of the file when it was saved.
std::string find_folder(const ZipFile& archive) {
  constexpr std::string_view kPickle = "data.pkl";
  for (const auto& [name, bytes] : archive.files()) {
    if (name.ends_with(kPickle) && name.find('/') == name.size() - kPickle.size() - 1) {
      return name.substr(0, name.size() - kPickle.size());
    }
  }
  fail("{}: no data.pkl in the archive; wanted what torch.save writes", archive.path().string());
}

// Turns descriptions into tensors. Messages begin with the file and the tensor's name.
class TensorReader {
 public:
  TensorReader(const ZipFile& archive, std::string folder) : archive_(archive), folder_(std::move(folder)) {}

  TensorView read(const PickleValue& value, const std::string& source) const {
    // A parameter is its tensor, and whether it wants gradients.
    if (value.calls("torch._utils._rebuild_parameter") && !value.arguments().empty() &&
        !value.arguments()[0]->calls("torch._utils._rebuild_parameter")) {
      return read(*value.arguments()[0], source);
    }
    require(value.calls("torch._utils._rebuild_tensor_v2"), "{} is {}; wanted a tensor", source, describe(value));
    const Values& arguments = value.arguments();
    require(arguments.size() >= 4, "{}: a tensor of {} values; wanted storage, offset, sizes and strides", source,
            arguments.size());
    TensorView tensor = read_storage(*arguments[0], source);
    const std::vector<int64_t> strides = read_sizes(*arguments[3], source + ": strides");
    tensor.shape = read_sizes(*arguments[2], source + ": sizes");
    require_rows(tensor.shape, strides, source);
    const uint64_t size = byte_size(tensor, source), offset = read_size(*arguments[1], source + ": offset");
    uint64_t begin = 0;
    require(!__builtin_mul_overflow(offset, static_cast<uint64_t>(stored_bytes(tensor.type, 1)), &begin) &&
                begin <= tensor.bytes.size() && size <= tensor.bytes.size() - begin,
            "{}: shape {} of {} from number {} on does not fit its storage of {} bytes", source,
            format_shape(tensor.shape), number_type_name(tensor.type), offset, tensor.bytes.size());
    tensor.bytes = tensor.bytes.subspan(begin, size);
    return tensor;
  }

 private:
  // ('storage', torch.FloatStorage, 'KEY', 'cpu', COUNT), as a tensor without a shape.
  TensorView read_storage(const PickleValue& value, const std::string& source) const {
    const Values none;
    const Values& id = value.kind == Kind::persistent ? value.items[0]->items : none;
    require(id.size() == 5 && id[0]->text == "storage" && id[1]->kind == Kind::global && id[2]->kind == Kind::text,
            "{}: its storage is not described as torch.save does it", source);
    TensorView storage;
    storage.type = storage_type(id[1]->text, source);
    const auto found = archive_.files().find(folder_ + "data/" + id[2]->text);
    require(found != archive_.files().end(), "{}: its storage \"{}\" is missing", source, id[2]->text);
    storage.bytes = found->second;
    return storage;
  }

  static NumberType storage_type(const std::string& name, const std::string& source) {
    for (const StorageType& known : kStorageTypes) {
      if (known.name == name) return known.type;
    }
    fail("{}: the type {} is not supported", source, name);
  }

  static int64_t read_size(const PickleValue& value, const std::string& source) {
    require(value.kind == Kind::integer && value.integer >= 0, "{}: {} is not a size", source,
            value.kind == Kind::integer ? std::to_string(value.integer) : describe(value));
    return value.integer;
  }

  static std::vector<int64_t> read_sizes(const PickleValue& value, const std::string& source) {
    require(value.kind == Kind::list && value.items.size() <= kMostDimensions, "{}: wanted at most {} sizes", source,
            kMostDimensions);
    std::vector<int64_t> sizes;
    for (const PickleValue* item : value.items) sizes.push_back(read_size(*item, source));
    return sizes;
  }

  static uint64_t byte_size(const TensorView& tensor, const std::string& source) {
    auto bytes = static_cast<uint64_t>(stored_bytes(tensor.type, 1));
    for (const int64_t size : tensor.shape) {
      require(!__builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes), "{}: the sizes' product overflows",
              source);
    }
    return bytes;
  }

  static void require_rows(const Shape& shape, const std::vector<int64_t>& strides, const std::string& source) {
    uint64_t wanted = 1;
    bool good = shape.size() == strides.size();
    for (size_t i = shape.size(); good && i-- > 0;) {
      good = shape[i] <= 1 || static_cast<uint64_t>(strides[i]) == wanted;
      good = good && !__builtin_mul_overflow(wanted, static_cast<uint64_t>(std::max<int64_t>(shape[i], 1)), &wanted);
    }
    require(good, "{}: shape {} with strides {} is not stored row by row; save it with .contiguous()", source,
            format_shape(shape), format_shape(strides));
  }

  const ZipFile& archive_;
  std::string folder_;
};

}  // namespace

StateDictFile::StateDictFile(const std::filesystem::path& path) : archive_(path) {
  const std::string source = path.string(), folder = find_folder(archive_);
  if (const auto order = archive_.files().find(folder + "byteorder"); order != archive_.files().end()) {
    const std::string_view text(reinterpret_cast<const char*>(order->second.data()), order->second.size());
    require(text == "little", "{}: its numbers are \"{}\" endian; wanted little", source, text);
  }
  const Pickle pickle(archive_.files().at(folder + "data.pkl"), source + ": data.pkl");
  const PickleValue& root = pickle.root();
  require(root.kind == Kind::dict, "{}: holds {}; wanted a dict of tensors", source, describe(root));
  const TensorReader reader(archive_, folder);
  for (const auto& [key, value] : root.entries) {
    require(key->kind == Kind::text, "{}: a key of its dict is {}; wanted the name of a tensor", source,
            describe(*key));
    require(!tensors_.contains(key->text), "{}: the tensor \"{}\" is there twice", source, key->text);
    tensors_[key->text] = reader.read(*value, fmt::format("{}: \"{}\"", source, key->text));
  }
}

}  // namespace t6
