#include "t6/serve/api/chat_request.h"

#include <limits>
#include <utility>

#include "t6/serve/api/answer_form.h"
#include "t6/serve/api/api_error.h"
#include "t6/serve/api/sampling.h"
#include "t6/serve/api/tool_prompt.h"

namespace t6 {

ChatRequest read_chat_request(Body& body, const Service& service, ChatPrompt prompt, const Tools& tools,
                              std::initializer_list<const char*> limits) {
  if (tools.choice == Tools::Choice::required || tools.choice == Tools::Choice::named || !tools.parallel) {
    throw ApiError(400, "this server cannot force calls of tools", "tool_choice");
  }
  ChatRequest request;
  request.options = read_sampling(body, service);
  const AnswerStops& stops = service.answer_stops;
  auto& options = request.options;
  options.stop_tokens.insert(options.stop_tokens.end(), stops.tokens.begin(), stops.tokens.end());
  options.stop.insert(options.stop.end(), stops.texts.begin(), stops.texts.end());
  request.deadline = read_deadline(body, service);
  add_tools(prompt, tools, service);
  request.prompt = render_prompt(prompt, service);
  request.form = answer_form(service, request.prompt.text, tools.offered());
  options.max_tokens = read_max_tokens(body, limits, static_cast<int64_t>(request.prompt.ids.size()), service,
                                       std::numeric_limits<int64_t>::max(), 1);
  return request;
}

}  // namespace t6
