// The tools that a request offers to the model: functions with schemas.
#pragma once

#include <string>

#include "t6/serve/api/body.h"
#include "t6/serve/api/json_text.h"

namespace t6 {

struct Tools {
  enum class Choice { none, automatic, required, named };

  // Each {"type": "function", "function": {"name", "description", "parameters"}}, as templates read them.
  OrderedJson functions = OrderedJson::array();
  Choice choice = Choice::none;  // none: the model is not told about the functions
  std::string name = {};         // of the function, where one is named
  bool parallel = true;          // several calls in one answer

  bool offered() const { return choice != Choice::none; }
  bool forced() const { return choice == Choice::required || choice == Choice::named; }
};

// "tools", "tool_choice" and what goes with them, as the three endpoints spell them. Errors (ApiError 400): a tool that
// is not a function, a name that is missing, malformed or there twice, a choice of what is not offered.
Tools read_chat_tools(Body& body);
Tools read_response_tools(Body& body);
Tools read_message_tools(Body& body);

}  // namespace t6
