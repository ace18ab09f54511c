#include "t6/text/chat_template.h"

#include <gmock/gmock.h>

#include "t6/text/control_tokens.h"
#include "tests/error_of.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<ChatMessage> kTalk = {{"user", "Hi"}, {"assistant", "Yes."}, {"user", "And?"}};

std::vector<ChatMessage> with_system(std::vector<ChatMessage> messages) {
  messages.insert(messages.begin(), {"system", "S"});
  return messages;
}

TextSettings settings(std::string source) {
  TextSettings settings;
  settings.chat_template = std::move(source);
  settings.bos_token = "<s>";
  settings.eos_token = "</s>";
  return settings;
}

std::string written(const std::string& source, const std::vector<ChatMessage>& messages,
                    const OrderedJson& arguments = OrderedJson::object()) {
  return chat_template_of(settings(source), *byte_tokenizer(), {}, arguments).render(messages);
}

TEST(ChatTemplate, WritesAsTheModelsOwn) {
  const std::string chatml =
      "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou\\'re T.<|im_end|>\n' }}{% endif %}"
      "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
  const std::string talk =
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYes.<|im_end|>\n"
      "<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n";
  EXPECT_EQ(written(chatml, kTalk), "<|im_start|>system\nYou're T.<|im_end|>\n" + talk);
  EXPECT_EQ(written(chatml, with_system(kTalk)), "<|im_start|>system\nS<|im_end|>\n" + talk);

  const std::string llama =
      "{{ bos_token }}<|start_header_id|>system<|end_header_id|>\n\nUntil 2023\n\n<|eot_id|>"
      "{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim }}"
      "{{ '<|eot_id|>' }}{% endfor %}{% if tools is not none %}tools{% endif %}";
  EXPECT_EQ(written(llama, {{"user", " Hi\n"}}),
            "<s><|start_header_id|>system<|end_header_id|>\n\nUntil 2023\n\n<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>");

  const std::string mistral =
      "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + '[/INST]' }}"
      "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}";
  EXPECT_EQ(written(mistral, kTalk), "<s>[INST] Hi[/INST] Yes.</s>[INST] And?[/INST]");

  const std::string thinking =
      "{% for m in messages %}{{ m.role }}: {{ m.content.split('</think>')[-1] }}\n{% endfor %}"
      "{% if add_generation_prompt %}assistant: {% if enable_thinking is false %}<think></think>{% endif %}{% endif %}";
  const std::vector<ChatMessage> thought = {{"user", "Hi"}, {"assistant", "<think>x</think>O"}};
  EXPECT_EQ(written(thinking, thought), "user: Hi\nassistant: O\nassistant: ");
  EXPECT_EQ(written(thinking, thought, {{"enable_thinking", false}}),
            "user: Hi\nassistant: O\nassistant: <think></think>");
}

TEST(ChatTemplate, RefusesWhatItCannotWrite) {
  const auto error = [](const std::string& source, const OrderedJson& arguments = OrderedJson::object()) {
    return error_of([&] { written(source, kTalk, arguments); });
  };
  EXPECT_THAT(error("\n{{ messages[0].content.x.y }}"), HasSubstr("template line 2: "));
  EXPECT_THAT(error("{% for %}"), HasSubstr("template line 1: "));
  EXPECT_EQ(error("{{ raise_exception('roles must alternate') }}"), "roles must alternate");
  EXPECT_THAT(error("x", {{"messages", 1}}), HasSubstr("variable messages"));
  EXPECT_THAT(error_of([] { chat_template_of({}, *byte_tokenizer(), "alpaca"); }),
              HasSubstr("chatml, llama3, llama2, mistral, plain"));
}

TEST(ChatTemplate, MayBeAnotherThanTheModels) {
  const TemporaryFolder folder;
  folder.write("own.jinja", "{{ messages | length }} {{ eos_token }}");
  const auto render = [&](const std::string& chosen) {
    return chat_template_of(settings("T"), *byte_tokenizer(), chosen).render(kTalk);
  };
  EXPECT_EQ(render(""), "T");
  EXPECT_EQ(render(folder / "own.jinja"), "3 </s>");
  EXPECT_EQ(render("plain"), "user: Hi\nassistant:Yes.\nuser: And?\nassistant:");
  EXPECT_EQ(chat_template_of({}, *byte_tokenizer()).render(kTalk), render("plain"));
}

TEST(ChatTemplate, HasSomeOfItsOwn) {
  const auto render = [](std::string_view name) {
    return built_in_chat_template(name, *byte_tokenizer()).render(with_system(kTalk));
  };
  EXPECT_EQ(render("chatml"),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYes.<|im_end|>\n"
            "<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(
      render("llama3"),
      "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
      "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
      "<|start_header_id|>assistant<|end_header_id|>\n\nYes.<|eot_id|>"
      "<|start_header_id|>user<|end_header_id|>\n\nAnd?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(render("llama2"), "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nHi [/INST] Yes. </s><s>[INST] And? [/INST]");
  EXPECT_EQ(render("mistral"), "<s>[INST] S\n\nHi [/INST] Yes.</s>[INST] And? [/INST]");
  EXPECT_EQ(render("plain"), "system: S\nuser: Hi\nassistant:Yes.\nuser: And?\nassistant:");
}

TEST(ChatTemplate, KnowsWhatFollowsAnAnswer) {
  const auto end = [](std::string_view name) { return built_in_chat_template(name, *byte_tokenizer()).answer_end(); };
  EXPECT_EQ(end("chatml").last, "<|im_end|>\n");
  EXPECT_EQ(end("llama2").next, " </s><s>[INST] ");
  EXPECT_EQ(end("plain").next, "\nuser: ");
  EXPECT_EQ(ChatTemplate("{{ raise_exception('no') }}").answer_end().next, "");
}

TEST(ControlTokens, AreTextWhereTheyAreMarked) {
  const Tokenizer& tokenizer = *byte_tokenizer();
  const ControlTokens control(tokenizer);
  const std::string name = "<|endoftext|>", typed = control.marked("a" + name + "b");
  EXPECT_NE(typed, "a" + name + "b");
  EXPECT_EQ(without_marks(typed), "a" + name + "b");
  EXPECT_EQ(control.marked("a|<b"), "a|<b");
  EXPECT_EQ(control.marked(typed), typed);
  const auto ids = [&](const std::string& text, size_t from) {
    std::vector<int32_t> found;
    encode_marked(tokenizer, text, from, found);
    return found;
  };
  EXPECT_THAT(ids("a" + name, 0), ElementsAre('a', 256));
  EXPECT_EQ(tokenizer.decode(ids(typed, 0), /*skip_special=*/true), "a" + name + "b");
  EXPECT_EQ(tokenizer.decode(ids(typed, 1), true), name + "b");
  EXPECT_EQ(tokenizer.decode(ids(typed, 3), true), "endoftext|>b");
  EXPECT_THAT(ids(typed, 14), ElementsAre('b'));
}

}  // namespace
}  // namespace t6
