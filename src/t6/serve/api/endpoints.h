// The endpoints. They throw an ApiError for a request that is wrong, and else see to it that the exchange is answered.
#pragma once

#include <memory>

#include "t6/serve/api/service.h"
#include "t6/serve/http/exchange.h"

namespace t6 {

using Endpoint = void (*)(const Service& service, const std::shared_ptr<Exchange>& exchange);

void complete(const Service& service, const std::shared_ptr<Exchange>& exchange);       // POST /v1/completions
void complete_chat(const Service& service, const std::shared_ptr<Exchange>& exchange);  // POST /v1/chat/completions
void respond(const Service& service, const std::shared_ptr<Exchange>& exchange);        // POST /v1/responses
// POST /v1/messages and /v1/messages/count_tokens
void answer_messages(const Service& service, const std::shared_ptr<Exchange>& exchange);
void count_message_tokens(const Service& service, const std::shared_ptr<Exchange>& exchange);
void embed(const Service& service, const std::shared_ptr<Exchange>& exchange);              // POST /v1/embeddings
void tokenize(const Service& service, const std::shared_ptr<Exchange>& exchange);           // POST /tokenize
void detokenize(const Service& service, const std::shared_ptr<Exchange>& exchange);         // POST /detokenize
void send_conversation(const Service& service, const std::shared_ptr<Exchange>& exchange);  // GET /v1/cache/ID
void take_conversation(const Service& service, const std::shared_ptr<Exchange>& exchange);  // PUT /v1/cache

// GET of the rest (about.cc).
void show_page(const Service& service, const std::shared_ptr<Exchange>& exchange);
void show_openapi(const Service& service, const std::shared_ptr<Exchange>& exchange);
void show_health(const Service& service, const std::shared_ptr<Exchange>& exchange);
void show_version(const Service& service, const std::shared_ptr<Exchange>& exchange);
void show_models(const Service& service, const std::shared_ptr<Exchange>& exchange);
void show_metrics(const Service& service, const std::shared_ptr<Exchange>& exchange);
void show_tokenizer(const Service& service, const std::shared_ptr<Exchange>& exchange);
void show_properties(const Service& service, const std::shared_ptr<Exchange>& exchange);

// Between whom the scheduler is fair: a client's key, or else its address.
std::string client_of(const HttpRequest& request);

}  // namespace t6
