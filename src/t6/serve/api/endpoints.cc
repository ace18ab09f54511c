#include "t6/serve/api/endpoints.h"

#include "t6/serve/http/api_keys.h"

namespace t6 {

std::string client_of(const HttpRequest& request) {
  const std::string_view key = shown_key(request);
  return key.empty() ? request.peer : "key " + std::string(key);
}

}  // namespace t6
