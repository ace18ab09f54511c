// The keys that clients show a server, from a file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "t6/serve/http/exchange.h"

namespace t6 {

class ApiKeys {
 public:
  ApiKeys() = default;  // none are wanted
  // A key on each line; blank lines and lines that begin with '#' are passed over. Errors: no such file, no key in it,
  // a key with blanks or other than printable ASCII.
  explicit ApiKeys(const std::filesystem::path& path);

  bool wanted() const { return !keys_.empty(); }
  // Compares in a time that depends on the lengths alone.
  bool known(std::string_view key) const;

 private:
  std::vector<std::string> keys_;
};

// What the request shows, as "Authorization: Bearer KEY" or "x-api-key: KEY"; empty: nothing.
std::string_view shown_key(const HttpRequest& request);

}  // namespace t6
