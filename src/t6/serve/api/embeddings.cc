// POST /v1/embeddings.
#include <memory>
#include <utility>

#include "t6/serve/api/api_error.h"
#include "t6/serve/api/body.h"
#include "t6/serve/api/endpoints.h"
#include "t6/serve/api/pooling.h"
#include "t6/serve/api/prompts.h"
#include "t6/serve/api/sampling.h"
#include "t6/serve/api/task.h"

namespace t6 {
namespace {

constexpr size_t kMostTexts = 512;

struct EmbeddingSettings {
  Pooling pooling = Pooling::mean;
  bool base64 = false;
};

class EmbeddingTask : public Task {
 public:
  EmbeddingTask(const Service& service, std::shared_ptr<Exchange> exchange, const EmbeddingSettings& settings)
      : Task(service, std::move(exchange), /*streams=*/false), settings_(settings) {}

  void add_text(std::span<const int32_t> ids, Job::Clock::time_point deadline) {
    states_.push_back(std::make_shared<PooledStates>(settings_.pooling, service_.loaded.config().hidden_size));
    GenerateOptions options = {.max_tokens = 0};
    options.hidden_states = [states = states_.back()](int64_t, std::span<const float> rows) { states->add(rows); };
    add(ids, std::move(options), deadline);
  }

 private:
  void take(size_t, const Piece&) override {}

  void finish() override {
    OrderedJson list = OrderedJson::array();
    for (const auto& states : states_) {
      const std::vector<float> vector = states->vector();
      list.push_back({{"object", "embedding"},
                      {"index", list.size()},
                      {"embedding", settings_.base64 ? OrderedJson(base64(vector)) : OrderedJson(vector)}});
    }
    const int64_t tokens = prompt_tokens();
    reply({{"object", "list"},
           {"data", std::move(list)},
           {"model", service_.names[0]},
           {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}});
  }

  const EmbeddingSettings settings_;
  std::vector<std::shared_ptr<PooledStates>> states_;
};

EmbeddingSettings embedding_settings(Body& body) {
  EmbeddingSettings settings;
  body.only("encoding_format", {"float", "base64"}, "known are \"float\" and \"base64\"");
  settings.base64 = body.string("encoding_format", "float") == "base64";
  body.only("pooling", {"mean", "last"}, "known are \"mean\" and \"last\"");
  settings.pooling = body.string("pooling", "mean") == "mean" ? Pooling::mean : Pooling::last;
  body.only("dimensions", {}, "vectors are as wide as the model");
  body.pass_over({"user"});
  return settings;
}

}  // namespace

void embed(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  Body body(exchange->request().body);
  require_model(body, service);
  const auto texts = read_prompts(body, service, "input", kMostTexts);
  const EmbeddingSettings settings = embedding_settings(body);
  const auto deadline = read_deadline(body, service);
  for (const auto& ids : texts) (void)read_max_tokens(body, {}, static_cast<int64_t>(ids.size()), service, 0, 0);
  body.finish();
  const auto task = std::make_shared<EmbeddingTask>(service, exchange, settings);
  for (const auto& ids : texts) task->add_text(ids, deadline);
  task->start(client_of(exchange->request()));
}

}  // namespace t6
