#include "t6/python/model.h"

#include <memory>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/model/cache_layout.h"
#include "t6/model/costs.h"
#include "t6/numbers/cache_type.h"
#include "t6/text/chat_template.h"

namespace t6 {
namespace {

CacheOptions cache_options(const PythonModelOptions& options) {
  require(options.context >= 0, "context is {}; wanted are tokens, or 0 for the model's own", options.context);
  require(options.cache_memory.value_or(0) >= 0, "cache_memory is {}; wanted are bytes", *options.cache_memory);
  CacheOptions cache = {.limit = options.context, .type = parse_cache_type(options.cache_type)};
  if (options.cache_memory) cache.memory = std::make_shared<CacheMemory>(*options.cache_memory);
  return cache;
}

// Control tokens that others than the assistant spell stay text.
void mark_content(const ControlTokens& control_tokens, OrderedJson& content) {
  if (content.is_string()) {
    content = control_tokens.marked(content.get_ref<const std::string&>());
  } else if (content.is_structured()) {
    for (OrderedJson& part : content) mark_content(control_tokens, part);
  }
}

OrderedJson parse_messages(const std::string& text) {
  OrderedJson messages = OrderedJson::parse(text);
  require(messages.is_array() && !messages.empty(), "messages: wanted is a list of them, which is not empty");
  for (const OrderedJson& message : messages) {
    const bool whole = message.is_object() && message.contains("role") && message["role"].is_string();
    require(whole && message.contains("content"), "messages: {} has no \"role\" or no \"content\"", message.dump());
  }
  return messages;
}

}  // namespace

PythonModel::PythonModel(const std::filesystem::path& path, const PythonModelOptions& options)
    : context_(options.threads.value_or(processor_count())),
      cache_(cache_options(options)),
      loaded_(load_model(context_, path)),
      control_tokens_(*loaded_.tokenizer) {
  (void)FactorCache(loaded_.config(), cache_);  // an Error if its options are out of range
}

std::vector<std::string> PythonModel::notes() const {
  std::vector<std::string> notes = loaded_.notes;
  for (const std::string& each : loaded_.text.sampling.unused) {
    notes.push_back("the model's settings, not used: " + each);
  }
  return notes;
}

std::string PythonModel::info() const {
  const ModelConfig& config = loaded_.config();
  const FactorCache cache(config, cache_);
  const Json json = {{"path", loaded_.path.string()},
                     {"kind", attention_kind_name(config.attention_kind)},
                     {"parameters", parameter_count(config)},
                     {"weight_bytes", loaded_.model->weight_bytes()},
                     {"vocabulary", config.vocab_size},
                     {"context", cache.limit()},
                     {"cache_type", cache_type_name(cache_.type)},
                     {"cache_bytes_per_token", cache.bytes_per_token()},
                     {"threads", context_.thread_count()},
                     {"chat_template", !loaded_.text.chat_template.empty()},
                     {"config", config_to_json(config)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

PythonPrompt PythonModel::chat_prompt(const std::string& messages, const std::string& variables,
                                      const std::string& chosen, bool control_tokens) const {
  OrderedJson list = parse_messages(messages);
  for (OrderedJson& message : list) {
    if (!control_tokens && message["role"] != "assistant") mark_content(control_tokens_, message["content"]);
  }
  const ChatTemplate chat_template = chat_template_of(loaded_.text, *loaded_.tokenizer, chosen);
  const std::string text = chat_template.render(list, OrderedJson::parse(variables), /*continues=*/true);
  const AnswerStops stops = answer_stops(chat_template, *loaded_.tokenizer);
  PythonPrompt prompt = {{}, stops.tokens, stops.texts};
  encode_marked(*loaded_.tokenizer, text, 0, prompt.tokens);
  return prompt;
}

}  // namespace t6
