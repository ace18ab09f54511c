#include "t6/formats/gguf.h"

#include <bit>
#include <cstring>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/gguf/type_codes.h"
#include "t6/formats/gguf/value_codes.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read as it lies in memory");

constexpr std::string_view kMagic = "GGUF";
constexpr uint32_t kOldestVersion = 2, kNewestVersion = 3;
constexpr uint32_t kMaxDimensions = 4;      // the format's own limit
constexpr uint64_t kMaxKey = 65535;         // the format's own limit
constexpr uint64_t kDefaultAlignment = 32;  // the format's own
// Eight is the format's own limit, and lets numbers be used where they lie; more than any page is nobody's wish.
constexpr int64_t kMinAlignment = 8, kMaxAlignment = 1 << 20;

constexpr int64_t kMostParts = 65535;  // what gguf-split can count

// How the name of part `number` (from 0) ends.
std::string part_ending(int64_t number, int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

using gguf::Code;

constexpr uint64_t kCodeSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
constexpr std::string_view kCodeNames[] = {"uint8",   "int8", "uint16", "int16",  "uint32", "int32",  "float32",
                                           "boolean", "text", "array",  "uint64", "int64",  "float64"};

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// The number at `from` as visit(value) sees it: uint64_t, int64_t or double.
template <typename Visitor>
auto visit_number(uint32_t code, const std::byte* from, Visitor&& visit) {
  switch (code) {
    case Code::u8:
      return visit(uint64_t{load<uint8_t>(from)});
    case Code::i8:
      return visit(int64_t{load<int8_t>(from)});
    case Code::u16:
      return visit(uint64_t{load<uint16_t>(from)});
    case Code::i16:
      return visit(int64_t{load<int16_t>(from)});
    case Code::u32:
      return visit(uint64_t{load<uint32_t>(from)});
    case Code::i32:
      return visit(int64_t{load<int32_t>(from)});
    case Code::u64:
      return visit(load<uint64_t>(from));
    case Code::i64:
      return visit(load<int64_t>(from));
    case Code::f32:
      return visit(double{load<float>(from)});
    case Code::f64:
      return visit(load<double>(from));
    default:
      return visit(uint64_t{load<uint8_t>(from)});  // a boolean of an array
  }
}

}  // namespace

class GgufFile::Parser {
 public:
  explicit Parser(GgufFile& file) : file_(file), bytes_(file.file_.bytes()), source_(file.path().string()) {}

  void parse();

 private:
  std::span<const std::byte> take(uint64_t size, std::string_view what) {
    require(size <= bytes_.size() - position_, "{}: ends inside {} (at byte {} of {})", source_, what, position_,
            bytes_.size());
    const auto taken = bytes_.subspan(position_, size);
    position_ += size;
    return taken;
  }
  template <typename T>
  T number(std::string_view what) {
    return load<T>(take(sizeof(T), what).data());
  }
  std::string_view text(std::string_view what) {
    const auto size = number<uint64_t>(what);
    const auto taken = take(size, what);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  std::string key(std::string_view what) {
    const std::string_view name = text(what);
    require(name.size() <= kMaxKey, "{}: {} has {} bytes, more than {}", source_, what, name.size(), kMaxKey);
    return std::string(name);
  }
  void parse_value();
  Array parse_array(const std::string& key);
  void parse_tensor();
  uint64_t alignment() const;
  void place_tensors();

  struct Placed {
    std::string name;
    uint64_t offset, bytes;
  };
  GgufFile& file_;
  std::span<const std::byte> bytes_;
  std::string source_;
  uint64_t position_ = 0;
  std::vector<Placed> placed_;
};

void GgufFile::Parser::parse() {
  const auto magic = take(kMagic.size(), "the first four bytes");
  require(std::memcmp(magic.data(), kMagic.data(), kMagic.size()) == 0, "{}: not a GGUF file", source_);
  const auto version = number<uint32_t>("the version");
  require(version != __builtin_bswap32(kOldestVersion) && version != __builtin_bswap32(kNewestVersion),
          "{}: a big-endian GGUF, which is not supported", source_);
  require(version >= kOldestVersion && version <= kNewestVersion,
          "{}: GGUF version {} is not supported ({} and {} are)", source_, version, kOldestVersion, kNewestVersion);
  const auto tensors = number<uint64_t>("the number of tensors"), values = number<uint64_t>("the number of keys");
  // Each turn takes bytes from the file, so a false count ends with the file.
  for (uint64_t i = 0; i < values; ++i) parse_value();
  for (uint64_t i = 0; i < tensors; ++i) parse_tensor();
  place_tensors();
}

void GgufFile::Parser::parse_value() {
  std::string name = key("a key");
  require(!file_.values_->contains(name) && !file_.has_array(name), "{}: the key {:?} is there twice", source_, name);
  const auto code = number<uint32_t>(name);
  if (code == Code::array) {
    Array parsed = parse_array(name);
    file_.arrays_.emplace(std::move(name), std::move(parsed));
  } else if (code == Code::string) {
    (*file_.values_)[name] = text(name);
  } else if (code == Code::boolean) {
    (*file_.values_)[name] = number<uint8_t>(name) != 0;
  } else {
    require(code < std::size(kCodeSizes), "{}: {:?} is of the unknown type {}", source_, name, code);
    const auto from = take(kCodeSizes[code], name);
    visit_number(code, from.data(), [&](auto value) { (*file_.values_)[name] = value; });
  }
}

GgufFile::Array GgufFile::Parser::parse_array(const std::string& key) {
  const auto code = number<uint32_t>(key);
  const auto count = number<uint64_t>(key);
  const uint64_t left = bytes_.size() - position_;
  if (code == Code::string) {
    require(count <= left / sizeof(uint64_t), "{}: {:?} claims {} texts; the file has {} bytes left", source_, key,
            count, left);
    std::vector<std::string_view> texts;
    texts.reserve(count);
    for (uint64_t i = 0; i < count; ++i) texts.push_back(text(key));
    return texts;
  }
  require(code != Code::array, "{}: {:?} is an array of arrays, which is not supported", source_, key);
  require(code < std::size(kCodeSizes), "{}: {:?} is an array of the unknown type {}", source_, key, code);
  require(count <= left / kCodeSizes[code], "{}: {:?} claims {} values of {}; the file has {} bytes left", source_, key,
          count, kCodeNames[code], left);
  return Numbers{code, take(count * kCodeSizes[code], key)};
}

void GgufFile::Parser::parse_tensor() {
  const std::string name = key("a tensor's name");
  const std::string what = fmt::format("tensor {:?}", name);
  const auto dimensions = number<uint32_t>(what);
  require(dimensions >= 1 && dimensions <= kMaxDimensions, "{}: {} has {} dimensions; wanted 1 to {}", source_, what,
          dimensions, kMaxDimensions);
  TensorView tensor;
  uint64_t count = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    const auto size = number<uint64_t>(what);
    require(size <= uint64_t{INT64_MAX} && !__builtin_mul_overflow(count, size, &count) && count <= uint64_t{INT64_MAX},
            "{}: {}: the product of its sizes overflows", source_, what);
    tensor.shape.insert(tensor.shape.begin(), static_cast<int64_t>(size));
  }
  const auto code = number<uint32_t>(what);
  const auto type = gguf_type_from_code(code);
  require(type.has_value(), "{}: {} is of type {} ({}), which is not supported; these are: {}", source_, what,
          gguf_type_name(code), code, gguf_types());
  tensor.type = *type;
  const NumberTypeInfo& info = number_type_info(tensor.type);
  require(tensor.shape.back() % info.block_numbers == 0, "{}: {}: rows of {} are not whole blocks of {} ({})", source_,
          what, tensor.shape.back(), info.block_numbers, info.name);
  uint64_t bytes = 0;
  require(!__builtin_mul_overflow(count / static_cast<uint64_t>(info.block_numbers),
                                  static_cast<uint64_t>(info.block_bytes), &bytes),
          "{}: {}: its size overflows", source_, what);
  placed_.push_back({name, number<uint64_t>(what), bytes});
  require(file_.tensors_.emplace(name, std::move(tensor)).second, "{}: {} is there twice", source_, what);
}

uint64_t GgufFile::Parser::alignment() const {
  const auto value = static_cast<uint64_t>(
      file_.values().integer_or("general.alignment", int64_t{kDefaultAlignment}, kMinAlignment, kMaxAlignment));
  require(std::has_single_bit(value), "{}: general.alignment is {}; wanted a power of two", source_, value);
  return value;
}

void GgufFile::Parser::place_tensors() {
  const uint64_t align = alignment(), start = (position_ + align - 1) / align * align;
  const uint64_t size = start <= bytes_.size() ? bytes_.size() - start : 0;
  for (const auto& [name, offset, bytes] : placed_) {
    require(offset % align == 0, "{}: tensor {:?} begins at {}, which is no multiple of {}", source_, name, offset,
            align);
    require(offset <= size && bytes <= size - offset,
            "{}: tensor {:?} has {} bytes from {} on, and the file's data has {}: it is cut short or damaged", source_,
            name, bytes, offset, size);
    if (bytes > 0) file_.tensors_.at(name).bytes = bytes_.subspan(start + offset, bytes);
  }
}

GgufFile::GgufFile(const std::filesystem::path& path) : GgufFile(path, Part::first) {
  if (split_count() > 1) read_other_parts();
}

GgufFile::GgufFile(const std::filesystem::path& path, Part)
    : file_(path), values_(std::make_unique<Json>(Json::object())) {
  Parser(*this).parse();
}

int64_t GgufFile::split_count() const { return values().integer_or("split.count", 1, 0, kMostParts); }

void GgufFile::read_other_parts() {
  const int64_t count = split_count(), number = values().integer_or("split.no", 0, 0, count - 1);
  const std::string ending = part_ending(number, count), name = path().string();
  const bool named = name.size() > ending.size() && name.ends_with(ending);
  const std::string stem = named ? name.substr(0, name.size() - ending.size()) : "NAME";
  require(number == 0, "{}: part {} of a model in several files, {}; give the first one, {}{}", name, number + 1, count,
          stem, part_ending(0, count));
  require(named, "{}: the first part of a model in several files, {}, which are found by names such as NAME{}", name,
          count, ending);
  for (int64_t i = 1; i < count; ++i) add_part(stem + part_ending(i, count), i, count);
  const auto tensors = static_cast<int64_t>(tensors_.size());
  const int64_t wanted = values().integer_or("split.tensors.count", tensors, 0, INT64_MAX);
  require(tensors == wanted, "{}: its {} files hold {} tensors, but split.tensors.count is {}", name, count, tensors,
          wanted);
}

void GgufFile::add_part(const std::filesystem::path& part_path, int64_t number, int64_t count) {
  require(path_exists(part_path), "{}: missing; it is part {} of the {} that begin with {}", part_path.string(),
          number + 1, count, path().string());
  std::unique_ptr<GgufFile> part(new GgufFile(part_path, Part::other));
  const int64_t its_number = part->values().integer_or("split.no", -1, 0, kMostParts), its_count = part->split_count();
  require(its_number == number && its_count == count,
          "{}: says that it is part {} of {}, and not {} of {} as its name does", part_path.string(), its_number + 1,
          its_count, number + 1, count);
  for (const auto& [name, tensor] : part->tensors()) {
    require(tensors_.emplace(name, tensor).second, "{}: the tensor {:?} is in another part, too", part_path.string(),
            name);
  }
  parts_.push_back(std::move(part));
}

GgufFile::~GgufFile() = default;

const TensorView* GgufFile::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

void GgufFile::let_go(std::span<const std::byte> bytes) const {
  file_.let_go(bytes);
  for (const auto& part : parts_) part->let_go(bytes);
}

void GgufFile::let_go() const {
  file_.let_go(file_.bytes());
  for (const auto& part : parts_) part->let_go();
}

const GgufFile::Array& GgufFile::array(const std::string& key) const {
  const auto found = arrays_.find(key);
  require(found != arrays_.end(), "{}: the array {:?} is missing", path().string(), key);
  return found->second;
}

const std::vector<std::string_view>& GgufFile::strings(const std::string& key) const {
  const auto* texts = std::get_if<std::vector<std::string_view>>(&array(key));
  require(texts != nullptr, "{}: {:?} must be an array of texts", path().string(), key);
  return *texts;
}

std::vector<int64_t> GgufFile::integers(const std::string& key) const {
  const auto* found = std::get_if<Numbers>(&array(key));
  require(found && found->type != Code::f32 && found->type != Code::f64, "{}: {:?} must be an array of whole numbers",
          path().string(), key);
  const uint64_t step = kCodeSizes[found->type];
  std::vector<int64_t> values(found->bytes.size() / step);
  for (size_t i = 0; i < values.size(); ++i) {
    visit_number(found->type, found->bytes.data() + i * step, [&](auto value) {
      if constexpr (std::is_integral_v<decltype(value)>) {
        require(std::in_range<int64_t>(value), "{}: {:?} holds {}, which is too large", path().string(), key, value);
      }
      values[i] = static_cast<int64_t>(value);
    });
  }
  return values;
}

std::vector<double> GgufFile::numbers(const std::string& key) const {
  const auto* found = std::get_if<Numbers>(&array(key));
  require(found != nullptr, "{}: {:?} must be an array of numbers", path().string(), key);
  const uint64_t step = kCodeSizes[found->type];
  std::vector<double> values(found->bytes.size() / step);
  for (size_t i = 0; i < values.size(); ++i) {
    visit_number(found->type, found->bytes.data() + i * step,
                 [&](auto value) { values[i] = static_cast<double>(value); });
  }
  return values;
}

bool is_gguf(const std::filesystem::path& path) { return MappedFile(path).text().starts_with(kMagic); }

}  // namespace t6
