#include "t6/cli/serving/chat_flags.h"

#include <cstdio>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

OrderedJson template_arguments(const std::vector<std::string>& flags) {
  OrderedJson arguments = OrderedJson::object();
  for (const std::string& flag : flags) {
    const size_t equals = flag.find('=');
    require(equals != std::string::npos && equals > 0, "--template-argument {}: wanted is NAME=JSON", flag);
    const std::string name = flag.substr(0, equals);
    arguments[name] = OrderedJson(parse_json(flag.substr(equals + 1), "--template-argument " + name));
  }
  return arguments;
}

}  // namespace

std::vector<CLI::Option*> add_chat_flags(CLI::App& command, ChatFlags& flags) {
  return {command.add_option("--system", flags.conversation.system,
                             "What the model is told first (default: what its template says)"),
          command.add_option("--template", flags.chat_template,
                             "How messages are written: chatml, llama3, llama2, mistral, plain, or a file with a Jinja "
                             "template (default: the model's own)"),
          command
              .add_option("--template-argument", flags.arguments,
                          "NAME=JSON for the template, as enable_thinking=false (may be given several times)")
              ->allow_extra_args(false),
          command.add_flag("--control-tokens", flags.conversation.control_tokens,
                           "Read names of control tokens in messages as those tokens, not as text")};
}

ChatTemplate chosen_template(const LoadedModel& loaded, const ChatFlags& flags) {
  if (flags.chat_template.empty() && loaded.text.chat_template.empty()) {
    fmt::print(stderr, "t6: the model has no chat template; messages are written plainly (--template chooses)\n");
  }
  return chat_template_of(loaded.text, *loaded.tokenizer, flags.chat_template, template_arguments(flags.arguments));
}

Conversation begin_conversation(Context& context, const LoadedModel& loaded, const ChatFlags& flags,
                                const CacheOptions& cache) {
  return Conversation(context, loaded, chosen_template(loaded, flags), cache, flags.conversation);
}

}  // namespace t6
