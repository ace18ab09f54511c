// A model as Python holds it, with the threads that run it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "t6/infer/cache.h"
#include "t6/infer/load.h"
#include "t6/kernels/context.h"
#include "t6/text/control_tokens.h"

namespace t6 {

struct PythonModelOptions {
  std::optional<int> threads = {};           // nothing: as many as there are processors
  std::string cache_type = "float32";        // a name of kCacheTypes
  std::optional<int64_t> cache_memory = {};  // bytes of all its caches together; nothing: no limit
  int64_t context = 0;                       // tokens of a cache; 0: the model's context
};

// A prompt as a template writes it, and what ends the answer beside the ends of the model's own.
struct PythonPrompt {
  std::vector<int32_t> tokens, stop_tokens;
  std::vector<std::string> stop;
};

class PythonModel {
 public:
  // Errors: those of load_model(), an option out of range.
  PythonModel(const std::filesystem::path& path, const PythonModelOptions& options);

  Context& context() { return context_; }
  // Held for what runs on the context: one step of one engine at a time.
  std::mutex& mutex() { return mutex_; }
  const LoadedModel& loaded() const { return loaded_; }
  const CacheOptions& cache() const { return cache_; }

  // What the files say and is passed over, a line each.
  std::vector<std::string> notes() const;
  // JSON: {"path": ..., "parameters": ..., "config": {...}, ...}
  std::string info() const;
  // Conversations are JSON: a list of messages, and an object of further variables of the template. `chosen` is as in
  // chat_template_of(). Errors: no such list, the template's.
  PythonPrompt chat_prompt(const std::string& messages, const std::string& variables, const std::string& chosen,
                           bool control_tokens) const;

 private:
  Context context_;
  std::mutex mutex_;
  CacheOptions cache_;
  LoadedModel loaded_;
  ControlTokens control_tokens_;
};

}  // namespace t6
