// How the served model's answers are to be taken apart, by what its chat template shows.
#pragma once

#include <string_view>

#include "t6/serve/api/answer_reader.h"
#include "t6/serve/api/service.h"

namespace t6 {

// `prompt` is the conversation as the template has written it; `tools`: whether the model may call some.
AnswerForm answer_form(const Service& service, std::string_view prompt, bool tools);

// Of a model whose template is `source`.
CallFormat call_format(std::string_view source);

}  // namespace t6
