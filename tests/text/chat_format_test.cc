#include "t6/text/chat_format.h"

#include <gmock/gmock.h>

#include "tests/error_of.h"

namespace t6 {
namespace {

using ::testing::HasSubstr;

TEST(ChatFormat, WritesEachFormatAsItsModelsReadIt) {
  const ChatFormat chatml = chat_format("chatml");
  EXPECT_EQ(chatml.opening("Be brief."), "<|im_start|>system\nBe brief.<|im_end|>\n");
  EXPECT_EQ(chatml.opening(""), "");
  EXPECT_EQ(chatml.question("Hi", "", true), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");

  const ChatFormat llama = chat_format("llama3");
  EXPECT_EQ(llama.opening("S"), "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>");
  EXPECT_EQ(
      llama.question("Hi", "S", false),
      "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");

  const ChatFormat mistral = chat_format("mistral");
  EXPECT_EQ(mistral.opening("S"), "<s>");
  EXPECT_EQ(mistral.question("Hi", "S", true), "[INST] S\n\nHi [/INST]");
  EXPECT_EQ(mistral.question("Hi", "S", false), "[INST] Hi [/INST]");

  const ChatFormat llama2 = chat_format("llama2");
  EXPECT_EQ(llama2.opening("S") + llama2.question("Hi", "S", true), "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nHi [/INST]");
  EXPECT_EQ(llama2.answer_end + llama2.question("Hi", "S", false), " </s><s>[INST] Hi [/INST]");

  const ChatFormat plain = chat_format("plain");
  EXPECT_EQ(plain.opening("S") + plain.question("Hi", "S", true), "system: S\nuser: Hi\nassistant:");
}

TEST(ChatFormat, IsToldByTheTemplatesTokens) {
  EXPECT_EQ(detect_chat_format("").name, "plain");
  EXPECT_EQ(detect_chat_format("{{ '<|start_header_id|>' + message['role'] }}").name, "llama3");
  EXPECT_EQ(detect_chat_format("{% if m.role == 'user' %}{{ '[INST] ' + m.content }}{% endif %}").name, "mistral");
  EXPECT_EQ(detect_chat_format("{% set content = '<<SYS>>\\n' + system %}{{ '[INST] ' + content }}").name, "llama2");
  const ChatFormat chatml = detect_chat_format(
      "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou help.<|im_end|>\\n' }}{% endif %}"
      "{{ '<|im_start|>' + message['role'] }}");
  EXPECT_EQ(chatml.name, "chatml");
  EXPECT_EQ(chatml.default_system, "You help.");
  EXPECT_EQ(detect_chat_format("{{ '<|im_start|>system\\n' + text + '<|im_end|>' }}").default_system, "");
  EXPECT_THAT(error_of([] { detect_chat_format("{{ '<start_of_turn>' }}"); }), HasSubstr("--template"));
  EXPECT_THAT(error_of([] { chat_format("alpaca"); }), HasSubstr("chatml, llama3, llama2, mistral, plain"));
}

}  // namespace
}  // namespace t6
