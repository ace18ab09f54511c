#include "t6/infer/session.h"

#include <utility>

#include "t6/core/error.h"
#include "t6/core/stopwatch.h"

namespace t6 {

Session::Session(Context& context, LoadedModel loaded, const CacheOptions& options)
    : loaded_(std::move(loaded)),
      engine_(context, loaded_.model, {.memory = options.memory}),
      sequence_(std::make_shared<Sequence>(loaded_, options)) {}

Generated Session::generate(const GenerateOptions& options, const std::function<void(std::string_view)>& show) {
  sequence_->begin(options);
  return run_to_end(engine_, sequence_, show);
}

void Session::save(const std::filesystem::path& path, const CancelToken* cancel, const CacheNotes& notes) {
  if (cache().size() < static_cast<int64_t>(tokens().size())) {
    const Generated read = generate({.max_tokens = 0, .cancel = cancel}, [](std::string_view) {});
    require(read.reason != StopReason::interrupted, "{}: not written, the reading was interrupted", path.string());
  }
  save_cache(path, *loaded_.model, cache(), tokens(), notes);
}

void Session::load(const std::filesystem::path& path) {
  FactorCache loaded = cache().fork();
  std::vector<int32_t> tokens = load_cache(path, *loaded_.model, loaded);
  sequence_->restore(std::move(tokens), std::move(loaded));
}

}  // namespace t6
