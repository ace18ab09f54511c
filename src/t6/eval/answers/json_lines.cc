#include "t6/eval/answers/json_lines.h"

#include <algorithm>
#include <string_view>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

}  // namespace

void read_json_lines(const std::filesystem::path& path, int64_t limit,
                     const std::function<void(const JsonObject&)>& add) {
  const MappedFile file(path);
  const std::string_view text = file.text();
  int64_t number = 0, count = 0;
  const auto take = [&](const Json& value) {
    add(JsonObject(value, fmt::format("{}:{}", path.string(), number)));
    ++count;
  };
  const auto more = [&] { return limit == 0 || count < limit; };
  const size_t first = text.find_first_not_of(kSpace);
  if (first != std::string_view::npos && text[first] == '[') {
    for (const Json& value : parse_json(text, path.string())) {
      ++number;
      if (more()) take(value);
    }
  } else {
    for (size_t begin = 0; begin < text.size() && more();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = text.substr(begin, end - begin);
      begin = end + 1;
      ++number;
      if (line.find_first_not_of(kSpace) == std::string_view::npos) continue;
      take(parse_json(line, fmt::format("{}:{}", path.string(), number)));
    }
  }
  require(count > 0, "{}: it holds no documents", path.string());
}

std::vector<std::string> text_list(const JsonObject& object, const std::string& key) {
  const Json& list = object.at(key);
  const bool good = list.is_array() && std::ranges::all_of(list, [](const Json& each) { return each.is_string(); });
  require(good, "{}: \"{}\": wanted is a list of texts", object.source(), key);
  return list.get<std::vector<std::string>>();
}

}  // namespace t6
