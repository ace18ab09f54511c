#include <charconv>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/labelled/formats/readers.h"

namespace t6 {
namespace {

constexpr size_t kPixels = 32 * 32, kRecord = 1 + 3 * kPixels;
constexpr int64_t kMostSide = 1 << 12;  // of a PGM
const std::vector<std::string> kDigits = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

// Of TensorFlow's rgb_to_grayscale, which the arena uses: bytes as fractions of 255, weighed, times 255.5, cut off.
char grey(std::byte red, std::byte green, std::byte blue) {
  const auto share = [](std::byte value) { return static_cast<float>(std::to_integer<int>(value)) / 255; };
  const float sum = 0.2989F * share(red) + 0.5870F * share(green) + 0.1140F * share(blue);
  return static_cast<char>(static_cast<unsigned char>(sum * 255.5F));
}

// A number of a PGM's head and the white space behind it.
int64_t take_number(std::string_view& text, int64_t most, const std::string& file, const char* what) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto size = static_cast<size_t>(end - text.data());
  const bool space = size < text.size() && (text[size] == ' ' || text[size] == '\n' || text[size] == '\t');
  require(error == std::errc() && space && value >= 1 && value <= most,
          "{}: the {} of this PGM is no number from 1 to {} with white space behind it", file, what, most);
  text.remove_prefix(size + 1);
  return value;
}

std::vector<std::string> between_spaces(std::string_view line) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < line.size();) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    if (end > begin) parts.emplace_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// A file of the folder and nothing above it.
bool stays_below(const std::filesystem::path& path) {
  if (path.is_absolute()) return false;
  for (const auto& part : path) {
    if (part == "..") return false;
  }
  return true;
}

}  // namespace

std::string read_pgm(const std::filesystem::path& path) {
  const std::string file = path.string(), bytes = read_text(path);
  std::string_view text = bytes;
  require(text.starts_with("P5\n"), "{}: wanted is a binary PGM, which begins with P5 and a new line", file);
  text.remove_prefix(3);
  const int64_t width = take_number(text, kMostSide, file, "width");
  const int64_t height = take_number(text, kMostSide, file, "height");
  take_number(text, 255, file, "largest value");
  require(std::ssize(text) == width * height, "{}: {} x {} pixels take {} bytes, and there are {}", file, width, height,
          width * height, text.size());
  return std::string(text);
}

void read_labelled_cifar10(const std::filesystem::path& path, const TakeLabelled& take) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  require(!bytes.empty() && bytes.size() % kRecord == 0,
          "{}: has {} bytes; wanted are records of {}, as the binary version of CIFAR-10 has them", path.string(),
          bytes.size(), kRecord);
  for (size_t i = 0; i < bytes.size() / kRecord; ++i) {
    const auto record = bytes.subspan(i * kRecord, kRecord);
    const std::string place = fmt::format("{}, picture {}", path.string(), i + 1);
    const auto label = std::to_integer<size_t>(record[0]);
    require(label < kDigits.size(), "{}: the label is {}, wanted is 0 to 9", place, label);
    std::string pixels(kPixels, '\0');
    for (size_t p = 0; p < kPixels; ++p) {
      pixels[p] = grey(record[1 + p], record[1 + kPixels + p], record[1 + 2 * kPixels + p]);
    }
    take({{std::move(pixels)}, kDigits[label], kDigits}, place);
  }
}

void read_labelled_pathfinder(const std::filesystem::path& path, const TakeLabelled& take) {
  each_line(path, [&](std::string&& line, const std::string& place) {
    const std::vector<std::string> parts = between_spaces(line);
    require(parts.size() >= 4 && (parts[3] == "0" || parts[3] == "1"),
            "{}: wanted are a folder, a picture, a number and a label of 0 or 1, with spaces between them", place);
    const std::filesystem::path picture = std::filesystem::path(parts[0]) / parts[1];
    require(stays_below(picture), "{}: the picture {} is not beside this file", place, picture.string());
    take({{read_pgm((path.parent_path() / picture).replace_extension(".pgm"))}, parts[3], {"0", "1"}}, place);
  });
}

}  // namespace t6
