// A saved cache, shortened and overwritten at places: an Error that leaves the cache alone, or a cache that goes on.
// The input: 4 bytes, how many of the file's bytes stay, then for each byte that changes 2 of its place and its value.
#include <cstring>

#include "t6/core/error.h"
#include "t6/core/file.h"
#include "t6/infer/cache_file.h"
#include "tests/context.h"
#include "tests/infer/model_folder.h"
#include "tests/memory_file.h"
#include "tests/temporary_folder.h"

namespace {

class SavedCache {
 public:
  SavedCache() : model_(t6::random_model(t6::byte_config())) {
    const std::vector<int32_t> tokens = t6::random_ids(model_->config(), 5);
    t6::FactorCache cache = empty();
    t6::ForwardPass(t6::test_context(), model_).run(tokens, cache, t6::Logits::last);
    const t6::TemporaryFolder folder;
    t6::save_cache(folder / "cache", *model_, cache, tokens);
    file_ = t6::read_text(folder / "cache");
  }

  void load(std::string_view damage) const {
    std::string file = file_;
    uint32_t length = 0;
    if (damage.size() < sizeof(length)) return;
    std::memcpy(&length, damage.data(), sizeof(length));
    file.resize(std::min<size_t>(file.size(), length));
    for (size_t i = sizeof(length); i + 3 <= damage.size(); i += 3) {
      uint16_t place = 0;
      std::memcpy(&place, damage.data() + i, sizeof(place));
      if (place < file.size()) file[place] = damage[i + 2];
    }
    t6::FactorCache cache = empty();
    const t6::MemoryFile damaged(file);
    try {
      const std::vector<int32_t> tokens = t6::load_cache(damaged.path(), *model_, cache);
      t6::require(static_cast<int64_t>(tokens.size()) == cache.size(), "as many tokens as the cache holds");
      if (cache.room() > 0)
        t6::ForwardPass(t6::test_context(), model_).run(std::vector<int32_t>{1}, cache, t6::Logits::last);
    } catch (const t6::Error&) {
    }
  }

 private:
  t6::FactorCache empty() const { return t6::FactorCache(model_->config(), {.type = t6::NumberType::i8}); }

  std::shared_ptr<const t6::Model> model_;
  std::string file_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const SavedCache saved;
  saved.load({reinterpret_cast<const char*>(data), size});
  return 0;
}
