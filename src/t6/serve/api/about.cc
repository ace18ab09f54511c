// What a server says about itself and its model.
#include <fmt/format.h>

#include "t6/core/version.h"
#include "t6/model/costs.h"
#include "t6/numbers/cache_type.h"
#include "t6/serve/api/api_error.h"
#include "t6/serve/api/endpoints.h"
#include "t6/serve/api/json_text.h"
#include "t6/serve/api/openapi.h"
#include "t6/serve/page/page.h"

namespace t6 {
namespace {

OrderedJson model_json(const Service& service, const std::string& name) {
  return {{"id", name},
          {"object", "model"},
          {"created", service.created},
          {"owned_by", "t6"},
          {"root", service.names[0]},
          {"parent", nullptr},
          {"max_model_len", service.context}};
}

// Of keys and values of every head, as a model without factors or groups would cache them in 16 bits.
int64_t mha_bytes_per_token(const ModelConfig& config) {
  return 2 * config.num_hidden_layers * config.num_attention_heads * (config.head_dim + config.value_dim());
}

}  // namespace

void show_health(const Service&, const std::shared_ptr<Exchange>& exchange) {
  exchange->reply({200, json_text({{"status", "ok"}})});
}

void show_version(const Service&, const std::shared_ptr<Exchange>& exchange) {
  exchange->reply({200, json_text({{"version", version()}})});
}

void show_models(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  OrderedJson list = OrderedJson::array();
  for (const std::string& name : service.names) list.push_back(model_json(service, name));
  exchange->reply({200, json_text({{"object", "list"}, {"data", std::move(list)}})});
}

void show_metrics(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  exchange->reply({200, service.metrics->print(service.gauges()), "text/plain; version=0.0.4; charset=utf-8"});
}

void show_tokenizer(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  const TextSettings& text = service.loaded.text;
  const Tokenizer& tokenizer = *service.loaded.tokenizer;
  OrderedJson answer = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                        {"model_max_length", service.context},
                        {"vocab_size", tokenizer.vocab_size()},
                        {"add_bos_token", !tokenizer.prefix().empty()}};
  const auto name = [&](const char* key, const std::string& token) {
    answer[key] = token.empty() ? OrderedJson(nullptr) : OrderedJson(token);
  };
  name("bos_token", text.bos_token);
  const auto end = tokenizer.end_of_text();
  name("eos_token", text.eos_token.empty() && end ? std::string(tokenizer.token(*end)) : text.eos_token);
  for (const auto& [key, token] : text.other_tokens) name(key.c_str(), token);
  name("chat_template", text.chat_template);
  exchange->reply({200, json_text(answer)});
}

void show_properties(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  const ModelConfig& config = service.loaded.config();
  exchange->reply({200, json_text({{"model", service.names[0]},
                                   {"context", service.context},
                                   {"cache",
                                    {{"type", cache_type_name(service.cache.type)},
                                     {"bytes_per_token", cache_bytes(config, service.cache.type)},
                                     {"mha_float16_bytes_per_token", mha_bytes_per_token(config)}}},
                                   {"version", version()}})});
}

void show_openapi(const Service&, const std::shared_ptr<Exchange>& exchange) {
  exchange->reply({200, std::string(openapi_text())});
}

void show_page(const Service&, const std::shared_ptr<Exchange>& exchange) {
  exchange->reply({200,
                   std::string(page_text()),
                   "text/html; charset=utf-8",
                   {{"Cache-Control", "no-cache"},
                    {"X-Content-Type-Options", "nosniff"},
                    {"X-Frame-Options", "DENY"},
                    {"Referrer-Policy", "no-referrer"}}});
}

}  // namespace t6
