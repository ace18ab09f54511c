// Any bytes as a tokenizer.json. One that is accepted must take any text, and its tokens must give text back.
#include <string>
#include <vector>

#include "t6/core/error.h"
#include "t6/text/tokenizer.h"

namespace {

constexpr std::string_view kTexts[] = {"", " Hello, world!  It's 2024.\n\n",
                                       "<|endoftext|>caf\xc3\xa9 e\xcc\x81\xff \xf0\x9f\x98\x80"};

void use(const std::string& json) {
  const t6::Tokenizer tokenizer(json, "tokenizer.json");
  for (const std::string_view text : kTexts) {
    const std::vector<int32_t> ids = tokenizer.encode_whole(text);
    (void)tokenizer.decode(ids, false);
    (void)tokenizer.decode(ids, true);
  }
  (void)tokenizer.encode(json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    use(std::string(reinterpret_cast<const char*>(data), size));
  } catch (const t6::Error&) {
  }
  return 0;
}
