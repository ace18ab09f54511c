// What the lines of 't6 task' look like.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "t6/formats/json.h"
#include "t6/tasks/task.h"
#include "t6/text/jinja.h"
#include "t6/text/tokenizer.h"

namespace t6 {

// The keys: task, context, answer_prefix, choices (where there are any), answer (a text; of several that
// are wanted, all in one), answers (where there are several), metric, max_tokens, length.
OrderedJson task_json(const TaskKind& kind, const TaskDocument& document);

// The number of tokens of a text from its beginning, for TaskSettings::count.
std::function<int64_t(std::string_view)> token_counter(std::shared_ptr<const Tokenizer> tokenizer);

}  // namespace t6
