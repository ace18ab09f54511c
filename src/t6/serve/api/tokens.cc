// POST /tokenize and POST /detokenize, in vLLM's shapes.
#include "t6/serve/api/api_error.h"
#include "t6/serve/api/body.h"
#include "t6/serve/api/endpoints.h"
#include "t6/serve/api/messages_json.h"
#include "t6/serve/api/sampling.h"
#include "t6/serve/api/token_json.h"

namespace t6 {

void tokenize(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  Body body(exchange->request().body);
  require_model(body, service);
  const Tokenizer& tokenizer = *service.loaded.tokenizer;
  std::vector<int32_t> ids;
  const bool texts = body.boolean("return_token_strs", false);
  if (body.has("messages")) {
    if (body.has("prompt")) throw ApiError(400, "either prompt or messages", "prompt");
    ids = render_prompt(read_chat_prompt(body), service).ids;
    body.only("add_special_tokens", {false}, "the template writes them");
  } else {
    (void)body.at("prompt");
    const std::string text = body.string("prompt");
    ids = body.boolean("add_special_tokens", true) ? tokenizer.encode_whole(text) : tokenizer.encode(text);
  }
  body.finish();
  OrderedJson answer = {
      {"count", ids.size()}, {"max_model_len", service.context}, {"tokens", ids}, {"token_strs", nullptr}};
  if (texts) {
    OrderedJson& list = answer["token_strs"] = OrderedJson::array();
    for (const int32_t id : ids) list.push_back(token_text(tokenizer, id));
  }
  exchange->reply({200, json_text(answer)});
}

void detokenize(const Service& service, const std::shared_ptr<Exchange>& exchange) {
  Body body(exchange->request().body);
  require_model(body, service);
  (void)body.at("tokens");
  const auto ids = body.ids("tokens", SIZE_MAX, service.vocab_size());
  body.finish();
  exchange->reply({200, json_text({{"prompt", service.loaded.tokenizer->decode(ids, /*skip_special=*/false)}})});
}

}  // namespace t6
