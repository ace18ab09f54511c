#include "t6/infer/generate.h"

#include "t6/core/error.h"

namespace t6 {

Generated generate(Context& context, const LoadedModel& loaded, std::string_view prompt, const GenerateOptions& options,
                   const std::function<void(std::string_view)>& show, const CacheOptions& cache) {
  const std::vector<int32_t> ids = loaded.tokenizer->encode_whole(prompt);
  require(!ids.empty(), "the prompt is empty");
  require(options.max_tokens >= 1, "the number of tokens to generate must be at least 1, not {}", options.max_tokens);
  Session session(context, loaded, cache);
  require(static_cast<int64_t>(ids.size()) <= session.room(),
          "the prompt has {} tokens, and the model's context (max_position_embeddings) is {}", ids.size(),
          session.room());
  session.append(ids);
  return session.generate(options, show);
}

}  // namespace t6
