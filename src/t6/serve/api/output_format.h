// What an answer must be like, and how that is enforced while it is written.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "t6/grammar/grammar.h"
#include "t6/serve/api/answer_reader.h"
#include "t6/serve/api/body.h"
#include "t6/serve/api/service.h"
#include "t6/serve/api/tools.h"

namespace t6 {

struct OutputFormat {
  enum class Kind { free, json_object, json_schema, regex, choice, grammar };

  Kind kind = Kind::free;
  std::string text = {};  // the schema, the expression or the grammar
  std::vector<std::string> choices = {};
};

// "response_format" (OpenAI's) or "structured_outputs" (vLLM's). Errors (ApiError 400): both, a type or key that is not
// known, more than one way at once.
OutputFormat read_output_format(Body& body);
// {"type": "text"}, {"type": "json_object"} or {"type": "json_schema", "schema": {}, ...}, as the Responses endpoint
// has it. `where` names it in errors.
OutputFormat read_flat_format(const OrderedJson& format, const std::string& where);

// Null: the answer is free. An answer in which the model may call tools keeps to their schemas. Errors (ApiError 400):
// what cannot be enforced.
std::shared_ptr<const Grammar> grammar_of(const Service& service, const OutputFormat& format, const Tools& tools,
                                          const AnswerForm& form);
std::shared_ptr<const Grammar> grammar_of(const Service& service, const OutputFormat& format);

}  // namespace t6
