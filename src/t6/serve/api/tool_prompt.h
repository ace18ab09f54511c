// How a model is told about tools, and shown what was called and what came of it.
#pragma once

#include "t6/serve/api/messages_json.h"
#include "t6/serve/api/tools.h"

namespace t6 {

// Gives the tools to the model's template, or writes them, their calls and results into the messages where the template
// knows nothing of tools.
void add_tools(ChatPrompt& prompt, const Tools& tools, const Service& service);

}  // namespace t6
