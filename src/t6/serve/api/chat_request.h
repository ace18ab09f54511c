// What the endpoints of conversations make of a request alike: the prompt's tokens, and how the answer is written and
// read.
#pragma once

#include <initializer_list>
#include <memory>

#include "t6/serve/api/answer_reader.h"
#include "t6/serve/api/body.h"
#include "t6/serve/api/messages_json.h"
#include "t6/serve/api/output_format.h"
#include "t6/serve/api/service.h"
#include "t6/serve/api/tools.h"

namespace t6 {

struct ChatRequest {
  RenderedPrompt prompt;
  AnswerForm form;
  GenerateOptions options;
  std::shared_ptr<const Grammar> grammar;  // that each answer keeps to; null: any
  Job::Clock::time_point deadline;
};

// Reads the parameters of the generation; `limits` are the endpoint's names for the answer's tokens at most, of which
// the first one that is there counts. `format` is what the answer must be like. Errors: those of read_sampling(),
// render_prompt(), read_max_tokens() and grammar_of().
ChatRequest read_chat_request(Body& body, const Service& service, ChatPrompt prompt, const Tools& tools,
                              const OutputFormat& format, std::initializer_list<const char*> limits);

}  // namespace t6
