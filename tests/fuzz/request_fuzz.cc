// Any body to each endpoint that takes one: an answer or an error that says what is wrong, as JSON or a stream, and
// never a status of 500. The input: a byte that chooses the endpoint, then the body.
#include <array>
#include <stdexcept>

#include "t6/text/utf8.h"
#include "tests/serve/test_server.h"

namespace {

constexpr std::array kPaths = {"/v1/completions",           "/v1/chat/completions", "/v1/responses", "/v1/messages",
                               "/v1/messages/count_tokens", "/v1/embeddings",       "/tokenize",     "/detokenize"};

t6::TestServer& server() {
  static t6::TestServer server(t6::kPlainTemplate, /*context=*/640);
  server.service().limits.sequences = 3;
  return server;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const char* const path = kPaths[data[0] % kPaths.size()];
  const t6::HttpResponse response =
      server().ask("POST", path, std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  if (response.status == 500) throw std::logic_error(response.body);
  if (!t6::is_valid_utf8(response.body)) throw std::logic_error("an answer that is not UTF-8");
  if (response.content_type == "application/json" && !t6::OrderedJson::accept(response.body)) {
    throw std::logic_error("an answer that is not JSON");
  }
  return 0;
}
