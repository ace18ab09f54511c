#include "t6/serve/api/chat_request.h"

#include <limits>
#include <utility>

#include "t6/serve/api/answer_form.h"
#include "t6/serve/api/api_error.h"
#include "t6/serve/api/sampling.h"
#include "t6/serve/api/tool_prompt.h"

namespace t6 {
namespace {

// What the template writes after an answer ends it, unless it could be part of a format, which has an end of its own.
void add_stops(const AnswerStops& stops, bool formatted, GenerateOptions& options) {
  if (options.ignore_eos) return;
  options.stop_tokens.insert(options.stop_tokens.end(), stops.tokens.begin(), stops.tokens.end());
  if (formatted) return;
  options.stop.insert(options.stop.end(), stops.texts.begin(), stops.texts.end());
}

}  // namespace

ChatRequest read_chat_request(Body& body, const Service& service, ChatPrompt prompt, const Tools& tools,
                              const OutputFormat& format, std::initializer_list<const char*> limits) {
  ChatRequest request;
  request.options = read_sampling(body, service);
  request.deadline = read_deadline(body, service);
  add_tools(prompt, tools, service);
  request.prompt = render_prompt(prompt, service);
  request.form = answer_form(service, request.prompt.text, tools.offered());
  request.options.max_tokens = read_max_tokens(body, limits, static_cast<int64_t>(request.prompt.ids.size()), service,
                                               std::numeric_limits<int64_t>::max(), 1);
  check_min_tokens(request.options);
  request.grammar = grammar_of(service, format, tools, request.form);
  const bool formatted = format.kind != OutputFormat::Kind::free || tools.forced();
  add_stops(service.answer_stops, formatted, request.options);
  return request;
}

}  // namespace t6
