#include "t6/eval/perplexity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/stopwatch.h"
#include "t6/infer/engine.h"
#include "t6/kernels/pointwise.h"
#include "t6/text/document_tokens.h"

namespace t6 {
namespace {

constexpr int64_t kDefaultContext = 1024;
// Tokens in one forward pass: enough to fill the kernels, few enough for logits of large vocabularies.
constexpr int64_t kChunk = 256;

// -log p(targets[t]) by row t of the logits [T, V].
std::vector<double> cross_entropy(Context& context, std::span<const float> logits, std::span<const int32_t> targets,
                                  int64_t V) {
  std::vector<double> losses(targets.size());
  context.parallel_for(static_cast<int64_t>(targets.size()), 1 + (int64_t{1} << 15) / V,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t t = begin; t < end; ++t) {
                           const auto row = static_cast<size_t>(t);
                           const float* x = logits.data() + t * V;
                           losses[row] = log_sum_exp(x, V) - x[targets[row]];
                         }
                       });
  return losses;
}

// Losses of tokens whose first has `position` tokens before it in its window, and each further one more.
void add_losses(Perplexity& result, std::span<const double> losses, int64_t position) {
  double sum = 0;
  for (const double loss : losses) {
    sum += loss;
    const auto bucket = static_cast<size_t>(std::bit_width(static_cast<uint64_t>(position++))) - 1;
    for (size_t i = result.by_position.size(); i <= bucket; ++i) {
      result.by_position.push_back({.begin = int64_t{1} << i, .end = int64_t{2} << i});
    }
    ++result.by_position[bucket].tokens;
    result.by_position[bucket].nats += loss;
  }
  result.nats += sum;
}

int64_t text_bytes(const Tokenizer& tokenizer, std::span<const int32_t> tokens) {
  std::vector<int64_t> sizes(static_cast<size_t>(tokenizer.vocab_size()), -1);
  int64_t bytes = 0;
  for (const int32_t id : tokens) {
    if (id >= tokenizer.vocab_size()) continue;  // a padded row of the model, which decodes to nothing
    int64_t& size = sizes[static_cast<size_t>(id)];
    if (size < 0) size = static_cast<int64_t>(tokenizer.decode_bytes({&id, 1}, /*skip_special=*/true).size());
    bytes += size;
  }
  return bytes;
}

}  // namespace

double Perplexity::perplexity() const { return std::exp(loss()); }
double Perplexity::bits_per_byte() const { return nats / std::numbers::ln2 / static_cast<double>(bytes); }

std::vector<int32_t> text_tokens(const Tokenizer& tokenizer, const std::filesystem::path& path, int64_t limit) {
  return document_tokens(tokenizer, {path}, {}, limit);
}

Perplexity perplexity(Context& context, const LoadedModel& loaded, std::span<const int32_t> tokens,
                      const PerplexityOptions& options, const std::function<void(int64_t, int64_t)>& progress) {
  const int64_t V = loaded.config().vocab_size, longest = loaded.config().max_position_embeddings;
  Perplexity result;
  result.context = options.context ? options.context : std::min(longest, kDefaultContext);
  result.stride = options.stride ? options.stride : std::max<int64_t>(1, result.context / 2);
  require(result.context >= 1, "the context must be 1 or more, not {}", result.context);
  require(result.stride >= 1 && result.stride <= result.context,
          "the stride must be from 1 to the context of {}, not {}", result.context, result.stride);
  require(tokens.size() >= 2, "a text of {} tokens is too short: the first is not predicted", tokens.size());
  for (const int32_t id : tokens) {
    require(id >= 0 && id < V, "token id {} is outside the model's vocabulary of {}", id, V);
  }
  result.bytes = text_bytes(*loaded.tokenizer, tokens.subspan(1));
  require(result.bytes > 0, "the tokens hold no text");

  const Stopwatch time;
  const auto last = static_cast<int64_t>(tokens.size()) - 1;
  Engine engine(context, loaded.model, {.prompt_chunk = kChunk});
  const auto window = std::make_shared<Sequence>(
      loaded, CacheOptions{.limit = result.context, .type = options.cache_type, .extrapolates = true});
  for (int64_t begin = 0; result.tokens < last; begin += result.stride) {
    const int64_t end = std::min(begin + result.context, last);
    window->truncate(0);
    window->append(tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
    const auto predict = [&](int64_t first, std::span<const float> logits) {
      const auto from = static_cast<size_t>(begin + first), size = logits.size() / static_cast<size_t>(V);
      add_losses(result, cross_entropy(context, logits, tokens.subspan(from + 1, size), V), first + 1);
      result.tokens += static_cast<int64_t>(size);
      progress(result.tokens, last);
    };
    // result.tokens is also the position from which on the next token was not yet predicted.
    window->begin({.max_tokens = 0, .prompt_logits = {.from = result.tokens - begin, .take = predict}});
    run_to_end(engine, window, [](std::string_view) {});
  }
  result.seconds = time.seconds();
  std::erase_if(result.by_position, [](const PositionLoss& each) { return each.tokens == 0; });
  return result;
}

}  // namespace t6
