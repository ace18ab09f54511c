// The simplest door to a model: one sequence that reads and writes on, and can be kept in a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "t6/core/cancel_token.h"
#include "t6/infer/cache.h"
#include "t6/infer/cache_file.h"
#include "t6/infer/engine.h"
#include "t6/infer/forward.h"
#include "t6/infer/load.h"

namespace t6 {

class Session {
 public:
  // The context outlives this.
  explicit Session(Context& context, LoadedModel loaded, const CacheOptions& options = {});

  // Tokens that the model has read and those that it will read first when it generates.
  const std::vector<int32_t>& tokens() const { return sequence_->tokens(); }
  const FactorCache& cache() const { return sequence_->cache(); }
  int64_t room() const { return sequence_->room(); }

  // Adds tokens; the model reads them when it generates. Error: they do not fit into the context.
  void append(std::span<const int32_t> ids) { sequence_->append(ids); }
  // Forgets the tokens from `size` on.
  void truncate(int64_t size) { sequence_->truncate(size); }

  // Reads what is new and writes on. `show` gets the text in pieces of whole UTF-8 characters, as it comes. What was
  // written is among tokens() afterwards, but for the token that ended it. Errors: no tokens yet, options out of range,
  // the cache's memory is full.
  Generated generate(const GenerateOptions& options, const std::function<void(std::string_view)>& show);

  // The tokens, their cache and `notes` in a file; the model reads first what it has not read, unless it is cancelled:
  // an Error then. Errors: those of cache_file.h.
  void save(const std::filesystem::path& path, const CancelToken* cancel = nullptr, const CacheNotes& notes = {});
  void load(const std::filesystem::path& path);

 private:
  LoadedModel loaded_;
  Engine engine_;
  std::shared_ptr<Sequence> sequence_;
};

}  // namespace t6
