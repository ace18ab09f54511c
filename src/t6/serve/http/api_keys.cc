#include "t6/serve/http/api_keys.h"

#include <algorithm>
#include <sstream>

#include "t6/core/error.h"
#include "t6/core/file.h"

namespace t6 {
namespace {

bool same(std::string_view a, std::string_view b) {
  volatile unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = difference | static_cast<unsigned>(a[i] ^ b[i < b.size() ? i : 0]);
  }
  return difference == 0;
}

}  // namespace

ApiKeys::ApiKeys(const std::filesystem::path& path) {
  std::istringstream lines(read_text(path));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    require(std::ranges::all_of(line, [](char c) { return c > ' ' && c < 127; }),
            "{}: line {}: a key is printable ASCII without blanks", path.string(), number);
    keys_.push_back(line);
  }
  require(!keys_.empty(), "{}: holds no key (one on each line)", path.string());
}

bool ApiKeys::known(std::string_view key) const {
  bool found = false;
  for (const std::string& known : keys_) found = same(known, key.empty() ? std::string_view("\0", 1) : key) || found;
  return found;
}

std::string_view shown_key(const HttpRequest& request) {
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view authorization = request.header("authorization");
  const auto lower_equal = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  if (authorization.size() > kBearer.size() &&
      std::ranges::equal(authorization.substr(0, kBearer.size()), kBearer, lower_equal)) {
    return authorization.substr(kBearer.size());
  }
  return request.header("x-api-key");
}

}  // namespace t6
