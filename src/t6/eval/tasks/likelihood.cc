#include "t6/eval/tasks/likelihood.h"

#include <algorithm>
#include <utility>

#include "t6/kernels/pointwise.h"

namespace t6 {
namespace {

constexpr int64_t kBatchTokens = 512;          // in one forward pass, as far as pieces allow
constexpr int64_t kLogits = int64_t{1} << 25;  // numbers in the logits of one piece
constexpr size_t kWorthSharing = 32;           // tokens; each document copies a page for it

size_t common_beginning(std::span<const int32_t> a, std::span<const int32_t> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

// Tokens that all choices begin with, as far as no token is wanted before the last of them.
size_t common_tokens(const EncodedDocument& document) {
  const std::span<const int32_t> first = document.front().inputs;
  size_t common = first.size();
  for (const EncodedText& each : document) {
    common = std::min({common, each.first_wanted() + 1, common_beginning(first, each.inputs)});
  }
  return common;
}

// Of equal ones the first. Mostly a likelier one is found soon.
bool is_likeliest(std::span<const float> row, size_t token) {
  const float own = row[token];
  return std::ranges::none_of(row.first(token), [own](float each) { return each >= own; }) &&
         std::ranges::none_of(row.subspan(token), [own](float each) { return each > own; });
}

}  // namespace

LikelihoodReader::LikelihoodReader(Context& context, const LoadedModel& loaded, NumberType cache_type)
    : context_(context),
      model_(loaded.model),
      options_{.type = cache_type},
      pass_(context, loaded.model),
      most_rows_(std::clamp<int64_t>(kLogits / loaded.config().vocab_size, 16, kBatchTokens)) {}

FactorCache LikelihoodReader::new_cache() const {
  return beginning_ ? beginning_->fork() : FactorCache(model_->config(), options_);
}

void LikelihoodReader::begin_group(std::span<const EncodedDocument> documents) {
  shared_.clear();
  beginning_.reset();
  if (documents.size() < 2) return;
  const std::span<const int32_t> first = documents.front().front().inputs;
  size_t common = first.size();
  for (const EncodedDocument& each : documents) {
    // Something is left for each document to read.
    common = std::min({common, common_tokens(each) - (common_tokens(each) > 0 ? 1 : 0),
                       common_beginning(first, each.front().inputs)});
  }
  if (common < kWorthSharing) return;
  beginning_.emplace(model_->config(), options_);
  run({{.cache = &*beginning_, .tokens = first.first(common)}});
  shared_.assign(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(common));
}

int64_t LikelihoodReader::cache_bytes(const EncodedDocument& document) const {
  size_t longest = 0;
  for (const EncodedText& each : document) longest = std::max(longest, each.inputs.size());
  const FactorCache empty(model_->config(), options_);
  return empty.bytes_to_reserve(static_cast<int64_t>(longest)) * (empty.keeps_pages() ? 1 : 2);
}

std::vector<std::vector<ChoiceScore>> LikelihoodReader::read(std::span<const EncodedDocument> documents) {
  std::vector<std::vector<ChoiceScore>> scores;
  for (const EncodedDocument& each : documents) scores.emplace_back(each.size());
  std::vector<Reading> readings(documents.size());
  size_t choices = 0;
  for (size_t i = 0; i < documents.size(); ++i) {
    readings[i] = {&documents[i], &scores[i], common_tokens(documents[i]), new_cache(), std::nullopt};
    choices = std::max(choices, documents[i].size());
  }
  read_common(readings);
  for (size_t choice = 0; choice < choices; ++choice) read_choices(readings, choice);
  return scores;
}

void LikelihoodReader::read_common(std::vector<Reading>& readings) {
  std::vector<Piece> pieces;
  for (Reading& each : readings) {
    const std::span<const int32_t> tokens(each.document->front().inputs.data(), each.common);
    if (each.common <= shared_.size()) continue;
    pieces.push_back({.cache = &*each.cache,
                      .tokens = tokens.subspan(shared_.size()),
                      .wanted = Logits::last,
                      .reading = &each,
                      .position = shared_.size()});
  }
  run(std::move(pieces));
}

// The rest of one choice of each document, on a branch of its cache, which is then as it was before.
void LikelihoodReader::read_choices(std::vector<Reading>& readings, size_t choice) {
  std::vector<Piece> pieces;
  for (Reading& each : readings) {
    if (choice >= each.document->size()) continue;
    const std::span<const int32_t> tokens = (*each.document)[choice].inputs;
    if (tokens.size() == each.common) continue;
    const bool keeps = each.cache->keeps_pages();  // else what is cut off cannot be gone back to
    if (!keeps) each.branch = each.cache->fork();
    pieces.push_back({.cache = keeps ? &*each.cache : &*each.branch,
                      .tokens = tokens.subspan(each.common),
                      .wanted = Logits::all,
                      .reading = &each,
                      .choice = choice,
                      .position = each.common});
  }
  run(pieces);
  for (const Piece& each : pieces) {
    if (each.reading->branch) {
      each.reading->branch.reset();
    } else {
      each.reading->cache->truncate(static_cast<int64_t>(each.reading->common));
    }
  }
}

int64_t LikelihoodReader::piece_size(const Piece& piece) const {
  return std::min(std::ssize(piece.tokens), piece.wanted == Logits::all ? most_rows_ : kBatchTokens);
}

// Where a text is cut into pieces depends on nothing but the text.
void LikelihoodReader::run(std::vector<Piece> pieces) {
  while (!pieces.empty()) {
    std::vector<Step> steps;
    int64_t tokens = 0;
    for (const Piece& piece : pieces) {
      const int64_t size = piece_size(piece);
      if (tokens > 0 && tokens + size > kBatchTokens) break;
      const bool last = size == std::ssize(piece.tokens);
      steps.push_back({.tokens = piece.tokens.first(static_cast<size_t>(size)),
                       .cache = piece.cache,
                       .logits = piece.wanted == Logits::last && !last ? Logits::none : piece.wanted,
                       .reading = true});
      tokens += size;
    }
    const StepLogits logits = pass_.run(steps);
    targets_.clear();
    for (size_t i = 0; i < steps.size(); ++i) {
      if (pieces[i].reading) gather(pieces[i], logits[i]);
      pieces[i].tokens = pieces[i].tokens.subspan(steps[i].tokens.size());
      pieces[i].position += steps[i].tokens.size();
    }
    score_targets();
    std::erase_if(pieces, [](const Piece& piece) { return piece.tokens.empty(); });
  }
}

// Which tokens the rows are asked for: of the common part's last row the first of all choices, of a choice's own rows
// those that follow.
void LikelihoodReader::gather(const Piece& piece, std::span<const float> rows) {
  const auto V = static_cast<size_t>(model_->config().vocab_size);
  const EncodedDocument& document = *piece.reading->document;
  const auto add = [&](const float* row, size_t choice, size_t position) {
    const EncodedText& text = document[choice];
    if (position < text.first_wanted()) return;
    targets_.push_back({row, text.targets[position - text.first_wanted()], &(*piece.reading->scores)[choice]});
  };
  if (piece.wanted == Logits::last) {
    if (rows.empty()) return;
    for (size_t choice = 0; choice < document.size(); ++choice) add(rows.data(), choice, piece.reading->common - 1);
    return;
  }
  for (size_t i = 0; i * V < rows.size(); ++i) add(rows.data() + i * V, piece.choice, piece.position + i);
}

void LikelihoodReader::score_targets() {
  const int64_t V = model_->config().vocab_size;
  context_.parallel_for(std::ssize(targets_), 1 + (int64_t{1} << 15) / V, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Target& target = targets_[static_cast<size_t>(i)];
      target.log_probability = target.row[target.token] - log_sum_exp(target.row, V);
      target.greedy = is_likeliest({target.row, static_cast<size_t>(V)}, static_cast<size_t>(target.token));
    }
  });
  for (const Target& target : targets_) {
    target.score->log_likelihood += target.log_probability;
    target.score->greedy &= target.greedy;
    ++target.score->tokens;
  }
}

}  // namespace t6
