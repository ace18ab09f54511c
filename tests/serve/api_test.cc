#include <gmock/gmock.h>

#include "tests/serve/test_server.h"

namespace t6 {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

const OrderedJson kUser = OrderedJson::array({{{"role", "user"}, {"content", "Hi"}}});

// The endpoints that write, each with a request that is well.
struct Writer {
  std::string path;
  OrderedJson body;
};

std::vector<Writer> writers() {
  return {{"/v1/completions", {{"prompt", "Once"}, {"max_tokens", 12}, {"temperature", 0}}},
          {"/v1/chat/completions", {{"messages", kUser}, {"max_tokens", 12}, {"temperature", 0}}},
          {"/v1/responses", {{"input", "Hi"}, {"max_output_tokens", 12}, {"temperature", 0}}},
          {"/v1/messages", {{"messages", kUser}, {"max_tokens", 12}, {"temperature", 0}}}};
}

class Api : public ::testing::Test {
 protected:
  int status_of(const std::string& path, const std::string& body) const {
    return server_.ask("POST", path, body).status;
  }
  // The message of an error that names what is wrong.
  std::string error_of(const std::string& path, OrderedJson body, const OrderedJson& change) const {
    body.update(change);
    const HttpResponse response = server_.ask("POST", path, json_text(body));
    EXPECT_EQ(response.status, 400) << path << ' ' << body << ' ' << response.body;
    const OrderedJson error = OrderedJson::parse(response.body);
    EXPECT_EQ(error["error"]["type"], "invalid_request_error");
    return error["error"]["message"];
  }

  TestServer server_;
};

std::string text_of_completion(const std::vector<OrderedJson>& events) {
  std::string text;
  for (const OrderedJson& event : events) text += event["choices"][0]["text"].get<std::string>();
  return text;
}

std::string text_of_chat(const std::vector<OrderedJson>& events) {
  std::string text;
  for (const OrderedJson& event : events) text += event["choices"][0]["delta"].value("content", "");
  return text;
}

TEST_F(Api, StreamsWhatItWouldAnswerAtOnce) {
  const auto all = writers();
  EXPECT_EQ(text_of_completion(server_.stream(all[0].path, all[0].body)),
            server_.post(all[0].path, all[0].body)["choices"][0]["text"]);
  EXPECT_EQ(text_of_chat(server_.stream(all[1].path, all[1].body)),
            server_.post(all[1].path, all[1].body)["choices"][0]["message"]["content"]);
  std::string text;
  std::vector<std::string> names;
  int64_t number = 0;
  OrderedJson whole;
  for (const OrderedJson& event : server_.stream(all[2].path, all[2].body)) {
    EXPECT_EQ(event["sequence_number"], number++);
    const std::string name = event["type"];
    if (names.empty() || names.back() != name) names.push_back(name);
    if (name == "response.output_text.delta") text += event["delta"];
    if (name == "response.incomplete") whole = event["response"];
  }
  EXPECT_THAT(names, ::testing::ElementsAre("response.created", "response.in_progress", "response.output_item.added",
                                            "response.content_part.added", "response.output_text.delta",
                                            "response.output_text.done", "response.content_part.done",
                                            "response.output_item.done", "response.incomplete"));
  EXPECT_EQ(whole["output"][0]["content"][0]["text"], text);
  EXPECT_EQ(server_.post(all[2].path, all[2].body)["output"][0]["content"][0]["text"], text);
  text.clear();
  names.clear();
  for (const OrderedJson& event : server_.stream(all[3].path, all[3].body)) {
    if (names.empty() || names.back() != event["type"]) names.push_back(event["type"]);
    if (event["type"] == "content_block_delta") text += event["delta"]["text"];
  }
  EXPECT_THAT(names, ::testing::ElementsAre("message_start", "content_block_start", "content_block_delta",
                                            "content_block_stop", "message_delta", "message_stop"));
  EXPECT_EQ(server_.post(all[3].path, all[3].body)["content"][0]["text"], text);
}

TEST_F(Api, SaysHowAnAnswerEnded) {
  const auto all = writers();
  EXPECT_EQ(server_.post(all[0].path, all[0].body)["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(server_.post(all[1].path, all[1].body)["choices"][0]["finish_reason"], "length");
  const OrderedJson response = server_.post(all[2].path, all[2].body);
  EXPECT_EQ(response["status"], "incomplete");
  EXPECT_EQ(response["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(response["store"], false);
  EXPECT_EQ(response["usage"]["output_tokens"], 12);
  OrderedJson message = server_.post(all[3].path, all[3].body);
  EXPECT_EQ(message["stop_reason"], "max_tokens");
  EXPECT_EQ(message["usage"]["output_tokens"], 12);
  // Any byte that it writes is a stop sequence then.
  OrderedJson body = all[3].body;
  body["stop_sequences"] = {message["content"][0]["text"].get<std::string>().substr(0, 1)};
  if (body["stop_sequences"][0].get<std::string>()[0] > 0) {
    message = server_.post(all[3].path, body);
    EXPECT_EQ(message["stop_reason"], "stop_sequence");
    EXPECT_EQ(message["stop_sequence"], body["stop_sequences"][0]);
    EXPECT_EQ(message["content"], OrderedJson::array());
  }
}

TEST_F(Api, RefusesWhatItDoesNotKnow) {
  for (const auto& [path, body] : writers()) {
    EXPECT_THAT(error_of(path, body, {{"temprature", 0}}), HasSubstr("temprature"));
    EXPECT_THAT(error_of(path, body, {{"temperature", "warm"}}), AllOf(HasSubstr("temperature"), HasSubstr("warm")));
    EXPECT_THAT(error_of(path, body, {{"temperature", -1}}), HasSubstr("-1"));
    EXPECT_THAT(error_of(path, body, {{"top_p", 1.5}}), HasSubstr("top_p"));
    EXPECT_THAT(error_of(path, body, {{"seed", 1e300}}), HasSubstr("seed"));
    EXPECT_THAT(error_of(path, body, {{"stream", 1}}), HasSubstr("stream"));
    EXPECT_THAT(error_of(path, body, {{"logit_bias", {{"-1", 1}}}}), HasSubstr("logit_bias"));
    EXPECT_THAT(error_of(path, body, {{"stop_token_ids", {257}}}), HasSubstr("stop_token_ids"));
    EXPECT_THAT(error_of(path, body, {{"timeout", -1}}), HasSubstr("timeout"));
    const char* const limit = body.contains("max_tokens") ? "max_tokens" : "max_output_tokens";
    EXPECT_THAT(error_of(path, body, {{limit, -1}}), HasSubstr(limit));
    EXPECT_THAT(error_of(path, body, {{limit, int64_t{1} << 62}}), HasSubstr("maximum context length"));
    EXPECT_EQ(status_of(path, json_text(body).insert(1, "\"model\":\"other\",")), 404);
  }
  for (const std::string path : {"/v1/completions", "/v1/chat/completions"}) {
    const OrderedJson body = path == "/v1/completions" ? writers()[0].body : writers()[1].body;
    EXPECT_THAT(error_of(path, body, {{"n", 1'000'000'000}}), HasSubstr("n must be"));
    EXPECT_THAT(error_of(path, body, {{"n", 0}}), HasSubstr("n must be"));
    EXPECT_THAT(error_of(path, body, {{"n", -1}}), HasSubstr("n must be"));
  }
  EXPECT_THAT(error_of("/v1/responses", writers()[2].body, {{"store", true}}), HasSubstr("nothing is stored"));
  EXPECT_THAT(error_of("/v1/responses", writers()[2].body, {{"previous_response_id", "x"}}), HasSubstr("stored"));
}

TEST_F(Api, RefusesWhatIsNoRequest) {
  const std::string deep(100'000, '['), nested = std::string(1000, '[') + std::string(1000, ']');
  for (const auto& [path, body] : writers()) {
    for (const std::string& text : {std::string(), std::string("{"), std::string("[]"), std::string("1"), deep,
                                    "{\"a\":" + deep, "{\"a\":" + nested + "}", std::string("{\"\xff\":1}"),
                                    std::string("{\"model\":\"\xc3\"}"), std::string("{}")}) {
      EXPECT_EQ(status_of(path, text), 400) << path << ' ' << text.substr(0, 40);
    }
  }
}

TEST_F(Api, RefusesPromptsThatAreNone) {
  EXPECT_THAT(error_of("/v1/completions", {}, {{"prompt", ""}}), HasSubstr("empty"));
  EXPECT_THAT(error_of("/v1/completions", {}, {{"prompt", OrderedJson::array()}}), HasSubstr("prompt"));
  EXPECT_THAT(error_of("/v1/completions", {}, {{"prompt", {1, 257}}}), HasSubstr("256"));
  EXPECT_THAT(error_of("/v1/completions", {}, {{"prompt", {1, -1}}}), HasSubstr("-1"));
  EXPECT_THAT(error_of("/v1/completions", {}, {{"prompt", {{"a", 1}}}}), HasSubstr("prompt"));
  EXPECT_THAT(error_of("/v1/chat/completions", {}, {{"messages", OrderedJson::array()}}), HasSubstr("messages"));
  EXPECT_THAT(error_of("/v1/responses", {}, {{"input", OrderedJson::array()}}), HasSubstr("input"));
  EXPECT_THAT(error_of("/v1/responses", {}, {{"input", {{{"type", "item_reference"}}}}}), HasSubstr("item_reference"));
  EXPECT_THAT(error_of("/v1/messages", {{"max_tokens", 1}}, {{"messages", {{{"role", "system"}, {"content", "a"}}}}}),
              HasSubstr("role"));
  EXPECT_THAT(error_of("/v1/messages", {}, {{"messages", kUser}}), HasSubstr("max_tokens is missing"));
  const OrderedJson image = {{"type", "image"}, {"source", {{"type", "url"}, {"url", "x"}}}};
  const OrderedJson seen = OrderedJson::array({{{"role", "user"}, {"content", OrderedJson::array({image})}}});
  EXPECT_THAT(error_of("/v1/chat/completions", {}, {{"messages", seen}}), HasSubstr("text"));
  EXPECT_THAT(error_of("/v1/messages", {{"max_tokens", 1}}, {{"messages", seen}}), HasSubstr("text"));
}

TEST_F(Api, ErrorsHaveTheFormOfTheirEndpoint) {
  const OrderedJson one = OrderedJson::parse(server_.ask("POST", "/v1/messages", "{}").body);
  EXPECT_EQ(one["type"], "error");
  EXPECT_EQ(one["error"].size(), 2u);
  const OrderedJson other = OrderedJson::parse(server_.ask("POST", "/v1/responses", "{}").body);
  EXPECT_FALSE(other.contains("type"));
  EXPECT_EQ(other["error"]["param"], "input");
}

TEST_F(Api, TellsLogProbabilities) {
  OrderedJson body = writers()[0].body;
  body.update({{"logprobs", 2}, {"echo", true}, {"n", 2}, {"best_of", 3}, {"max_tokens", 3}});
  const OrderedJson completion = server_.post("/v1/completions", body);
  ASSERT_EQ(completion["choices"].size(), 2u);
  for (const OrderedJson& choice : completion["choices"]) {
    const OrderedJson& logprobs = choice["logprobs"];
    ASSERT_EQ(logprobs["tokens"].size(), 7u);
    EXPECT_EQ(logprobs["tokens"][0], "O");
    EXPECT_EQ(logprobs["token_logprobs"][0], nullptr);
    EXPECT_EQ(logprobs["top_logprobs"][0], nullptr);
    EXPECT_EQ(logprobs["text_offset"][3], 3);
    for (size_t i = 1; i < 7; ++i) {
      EXPECT_LE(logprobs["token_logprobs"][i], 0);
      EXPECT_GE(logprobs["top_logprobs"][i].size(), 1u);
      EXPECT_LE(logprobs["top_logprobs"][i].size(), 3u);
    }
    EXPECT_TRUE(choice["text"].get<std::string>().starts_with("Once"));
  }
  EXPECT_EQ(completion["usage"]["prompt_tokens"], 4);
  EXPECT_EQ(completion["usage"]["completion_tokens"], 9);
  body = writers()[1].body;
  body.update({{"logprobs", true}, {"top_logprobs", 3}});
  const OrderedJson list = server_.post("/v1/chat/completions", body)["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(list.size(), 12u);
  for (const OrderedJson& token : list) {
    EXPECT_EQ(token["top_logprobs"].size(), 3u);
    EXPECT_EQ(token["top_logprobs"][0]["logprob"], token["logprob"]);  // the likeliest, at temperature 0
    EXPECT_EQ(token["bytes"].size(), 1u);
  }
  size_t streamed = 0;
  for (const OrderedJson& event : server_.stream("/v1/chat/completions", body)) {
    const OrderedJson& logprobs = event["choices"][0]["logprobs"];
    if (!logprobs.is_null()) streamed += logprobs["content"].size();
  }
  EXPECT_EQ(streamed, 12u);
}

TEST_F(Api, TellsReasoningApart) {
  const TestServer thinking(
      "{% for m in messages %}{{ m.content.split('</think>')[-1] }}\n{% endfor %}{% if add_generation_prompt %}"
      "<think>\n{% endif %}");
  const auto all = writers();
  const OrderedJson message = thinking.post(all[1].path, all[1].body)["choices"][0]["message"];
  EXPECT_EQ(message["content"], "");
  EXPECT_NE(message["reasoning"], "");
  EXPECT_EQ(message["reasoning"], message["reasoning_content"]);
  std::string streamed;
  for (const OrderedJson& event : thinking.stream(all[1].path, all[1].body)) {
    streamed += event["choices"][0]["delta"].value("reasoning", "");
  }
  EXPECT_EQ(message["reasoning"], streamed);
  const OrderedJson response = thinking.post(all[2].path, all[2].body);
  EXPECT_EQ(response["output"][0]["type"], "reasoning");
  EXPECT_EQ(response["output"][0]["content"][0]["type"], "reasoning_text");
  EXPECT_EQ(response["output"][1]["type"], "message");
  EXPECT_EQ(response["usage"]["output_tokens_details"]["reasoning_tokens"], 12);
  const OrderedJson content = thinking.post(all[3].path, all[3].body)["content"];
  ASSERT_EQ(content.size(), 1u);
  EXPECT_EQ(content[0]["type"], "thinking");
}

// What a model writes is chosen by a format here, since a random one writes no tags.
TEST_F(Api, TellsReasoningFromWhatFollows) {
  const TestServer thinks("{% for m in messages %}{{ m.content.split('</think>')[-1] }}\n{% endfor %}");
  OrderedJson body = writers()[1].body;
  body.update({{"max_tokens", 40}, {"structured_outputs", {{"choice", {"<think>Hm.</think>\n\nYes."}}}}});
  const OrderedJson choice = thinks.post("/v1/chat/completions", body)["choices"][0];
  EXPECT_EQ(choice["message"]["reasoning"], "Hm.");
  EXPECT_EQ(choice["message"]["content"], "Yes.");
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(text_of_chat(thinks.stream("/v1/chat/completions", body)), "Yes.");
}

TEST_F(Api, EnforcesFormats) {
  const OrderedJson schema = {{"type", "object"},
                              {"properties", {{"a", {{"enum", {"x", "y"}}}}}},
                              {"required", {"a"}},
                              {"additionalProperties", false}};
  const auto is_well = [](const std::string& text) {
    const OrderedJson value = OrderedJson::parse(text);
    return value == OrderedJson{{"a", "x"}} || value == OrderedJson{{"a", "y"}};
  };
  OrderedJson body = writers()[1].body;
  body["temperature"] = 1;
  body["max_tokens"] = 100;
  body["response_format"] = {{"type", "json_schema"}, {"json_schema", {{"name", "n"}, {"schema", schema}}}};
  const OrderedJson choice = server_.post("/v1/chat/completions", body)["choices"][0];
  EXPECT_TRUE(is_well(choice["message"]["content"])) << choice;
  EXPECT_EQ(choice["finish_reason"], "stop");
  const OrderedJson response = server_.post(
      "/v1/responses",
      {{"input", "Hi"},
       {"max_output_tokens", 100},
       {"text", {{"format", {{"type", "json_schema"}, {"name", "n"}, {"strict", true}, {"schema", schema}}}}}});
  EXPECT_TRUE(is_well(response["output"][0]["content"][0]["text"])) << response;
  const auto completed = [&](const OrderedJson& outputs) {
    return server_
        .post("/v1/completions",
              {{"prompt", "a"}, {"max_tokens", 100}, {"structured_outputs", outputs}})["choices"][0]["text"]
        .get<std::string>();
  };
  EXPECT_EQ(completed({{"regex", "[0-9]{3}-a"}}).substr(3), "-a");
  EXPECT_EQ(completed({{"grammar", "root ::= \"b\" \"c\""}}), "bc");
  EXPECT_EQ(completed({{"choice", {"yes"}}}), "yes");
  EXPECT_TRUE(is_well(completed({{"json", schema}})));
}

TEST_F(Api, RefusesFormatsThatItCannotEnforce) {
  const OrderedJson chat = writers()[1].body;
  const auto refused = [&](const OrderedJson& change) { return error_of("/v1/chat/completions", chat, change); };
  EXPECT_NE(refused({{"structured_outputs", {{"regex", "("}}}}), "");
  EXPECT_NE(refused({{"structured_outputs", {{"grammar", "root ::= "}}}}), "");
  EXPECT_NE(refused({{"structured_outputs", {{"json", {{"type", "strange"}}}}}}), "");
  EXPECT_NE(refused({{"structured_outputs", {{"choice", OrderedJson::array()}}}}), "");
  EXPECT_THAT(refused({{"structured_outputs", {{"structural_tag", "a"}}}}), HasSubstr("structural_tag"));
  EXPECT_THAT(refused({{"structured_outputs", {{"regex", "a"}, {"grammar", "b"}}}}), HasSubstr("one way"));
  EXPECT_THAT(refused({{"guided_json", OrderedJson::object()}}), HasSubstr("guided_json"));
  EXPECT_THAT(refused({{"response_format", {{"type", "structural_tag"}}}}), HasSubstr("structural_tag"));
  EXPECT_THAT(refused({{"response_format", {{"type", "json_schema"}}}}), HasSubstr("json_schema"));
  EXPECT_THAT(refused({{"min_tokens", 13}}), HasSubstr("min_tokens"));
  const std::string open(60'000, '('), close(60'000, ')');
  EXPECT_NE(refused({{"structured_outputs", {{"regex", open + "a" + close}}}}), "");
  EXPECT_NE(refused({{"structured_outputs", {{"grammar", "root ::= " + open + "\"a\"" + close}}}}), "");
}

const OrderedJson kSchema = {{"type", "object"}, {"properties", {{"a", {{"enum", {"x", "y"}}}}}}, {"required", {"a"}}};

OrderedJson chat_tool(const std::string& name) {
  return {{"type", "function"}, {"function", {{"name", name}, {"description", "Does it."}, {"parameters", kSchema}}}};
}

TEST_F(Api, CallsTools) {
  const TestServer calls(kPlainTemplate, 2048);
  OrderedJson body = writers()[1].body;
  body.update({{"max_tokens", 300},
               {"temperature", 1},
               {"tools", {chat_tool("f"), chat_tool("g")}},
               {"tool_choice", "required"},
               {"parallel_tool_calls", false}});
  OrderedJson choice = calls.post("/v1/chat/completions", body)["choices"][0];
  ASSERT_EQ(choice["message"]["tool_calls"].size(), 1u) << choice;
  EXPECT_EQ(choice["message"]["content"], nullptr);
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  EXPECT_TRUE(
      OrderedJson::parse(choice["message"]["tool_calls"][0]["function"]["arguments"].get<std::string>()).contains("a"));
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "g"}}}};
  std::string name, reason;
  for (const OrderedJson& event : calls.stream("/v1/chat/completions", body)) {
    const OrderedJson& delta = event["choices"][0]["delta"];
    if (delta.contains("tool_calls")) {
      EXPECT_EQ(delta["tool_calls"][0]["index"], 0);
      EXPECT_TRUE(delta["tool_calls"][0]["id"].is_string());
      name += delta["tool_calls"][0]["function"]["name"];
    }
    if (event["choices"][0]["finish_reason"].is_string()) reason = event["choices"][0]["finish_reason"];
  }
  EXPECT_EQ(name, "g");
  EXPECT_EQ(reason, "tool_calls");
  const OrderedJson response = calls.post("/v1/responses", {{"input", "Hi"},
                                                            {"tools", {{{"type", "function"}, {"name", "f"}}}},
                                                            {"tool_choice", {{"type", "function"}, {"name", "f"}}}});
  EXPECT_EQ(response["output"][0]["type"], "function_call");
  EXPECT_EQ(response["output"][0]["name"], "f");
  const OrderedJson message = calls.post("/v1/messages", {{"messages", kUser},
                                                          {"max_tokens", 300},
                                                          {"tools", {{{"name", "f"}, {"input_schema", kSchema}}}},
                                                          {"tool_choice", {{"type", "tool"}, {"name", "f"}}}});
  EXPECT_EQ(message["stop_reason"], "tool_use");
  EXPECT_EQ(message["content"][0]["type"], "tool_use");
  EXPECT_TRUE(message["content"][0]["input"].contains("a"));
}

TEST_F(Api, ReadsCallsAndResultsOfTools) {
  const TestServer calls(kPlainTemplate, 2048);
  const OrderedJson use = {{"type", "tool_use"}, {"id", "1"}, {"name", "f"}, {"input", {{"a", "x"}}}};
  const OrderedJson result = {{"type", "tool_result"}, {"tool_use_id", "1"}, {"content", "4"}};
  const auto tokens = [&](const OrderedJson& messages) {
    return calls.post("/v1/messages/count_tokens", {{"messages", messages}})["input_tokens"];
  };
  const OrderedJson one = OrderedJson::array({kUser[0],
                                              {{"role", "assistant"}, {"content", OrderedJson::array({use})}},
                                              {{"role", "user"}, {"content", OrderedJson::array({result})}}});
  const std::string text =
      "user: Hi\nassistant: <tool_call>\n{\"name\":\"f\",\"arguments\":{\"a\":\"x\"}}\n</tool_call>\n"
      "user: <tool_response>\n4\n</tool_response>\nassistant: ";
  EXPECT_EQ(tokens(one), text.size());
}

TEST_F(Api, RefusesToolsThatAreNone) {
  const OrderedJson chat = writers()[1].body;
  const auto refused = [&](const OrderedJson& change) { return error_of("/v1/chat/completions", chat, change); };
  EXPECT_THAT(refused({{"tools", {{{"type", "web_search"}}}}}), HasSubstr("web_search"));
  EXPECT_THAT(refused({{"tools", {chat_tool("f g")}}}), HasSubstr("f g"));
  EXPECT_THAT(refused({{"tools", {chat_tool("f"), chat_tool("f")}}}), HasSubstr("no other tool"));
  EXPECT_THAT(refused({{"tool_choice", "required"}}), HasSubstr("without tools"));
  for (const OrderedJson& arguments : {OrderedJson("[1]"), OrderedJson("{"), OrderedJson::array({1})}) {
    const OrderedJson call = {{"function", {{"name", "f"}, {"arguments", arguments}}}};
    const OrderedJson called = {{"role", "assistant"}, {"tool_calls", OrderedJson::array({call})}};
    EXPECT_THAT(refused({{"messages", OrderedJson::array({called})}}), HasSubstr("messages[0].tool_calls"));
  }
  EXPECT_THAT(refused({{"tools", {chat_tool("f")}}, {"tool_choice", "always"}}), HasSubstr("always"));
  EXPECT_THAT(
      refused({{"tools", {chat_tool("f")}}, {"tool_choice", {{"type", "function"}, {"function", {{"name", "g"}}}}}}),
      HasSubstr("one of the tools"));
}

// The description has every route, and of each endpoint the keys that it knows.
TEST_F(Api, IsDescribed) {
  const OrderedJson api = OrderedJson::parse(server_.ask("GET", "/openapi.json").body);
  for (const Route& route : routes()) {
    const std::string method = route.method == "GET" ? "get" : route.method == "PUT" ? "put" : "post";
    const std::string path = route.path == "/v1/cache/" ? "/v1/cache/{id}" : std::string(route.path);
    EXPECT_TRUE(api["paths"][path].contains(method)) << route.path;
  }
  std::vector<Writer> all = writers();
  all.push_back({"/v1/messages/count_tokens", {{"messages", kUser}}});
  all.push_back({"/v1/embeddings", {{"input", "a"}}});
  all.push_back({"/detokenize", {{"tokens", {1}}}});
  EXPECT_EQ(api["paths"].size(), routes().size());
  for (const auto& [path, body] : all) {
    const std::string name = api["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    const OrderedJson& schema = api["components"]["schemas"][name.substr(name.rfind('/') + 1)];
    EXPECT_EQ(schema["additionalProperties"], false);
    OrderedJson request = body;
    for (const auto& [key, value] : schema["properties"].items()) {
      if (!request.contains(key)) request[key] = nullptr;
    }
    const HttpResponse response = server_.ask("POST", path, json_text(request));
    EXPECT_EQ(response.status, 200) << path << ' ' << response.body;
  }
}

TEST_F(Api, EmbedsTexts) {
  const OrderedJson one = server_.post("/v1/embeddings", {{"input", {"Once", "Twice"}}});
  ASSERT_EQ(one["data"].size(), 2u);
  EXPECT_EQ(one["usage"]["prompt_tokens"], 9);
  for (const OrderedJson& item : one["data"]) {
    double squares = 0;
    for (const double x : item["embedding"]) squares += x * x;
    EXPECT_EQ(item["embedding"].size(), 20u);
    EXPECT_NEAR(squares, 1, 1e-5);
  }
  // "Once" as ids, and a text of one token, whose mean is its last.
  const OrderedJson ids = server_.post("/v1/embeddings", {{"input", {79, 110, 99, 101}}});
  EXPECT_EQ(ids["data"][0]["embedding"], one["data"][0]["embedding"]);
  EXPECT_EQ(server_.post("/v1/embeddings", {{"input", "O"}})["data"],
            server_.post("/v1/embeddings", {{"input", "O"}, {"pooling", "last"}})["data"]);
  EXPECT_NE(server_.post("/v1/embeddings", {{"input", "On"}})["data"],
            server_.post("/v1/embeddings", {{"input", "On"}, {"pooling", "last"}})["data"]);
  const OrderedJson text = server_.post("/v1/embeddings", {{"input", "Once"}, {"encoding_format", "base64"}});
  EXPECT_EQ(text["data"][0]["embedding"].get<std::string>().size(), 108u);  // of 80 bytes
  EXPECT_THAT(error_of("/v1/embeddings", {{"input", "a"}}, {{"dimensions", 3}}), HasSubstr("dimensions"));
  EXPECT_THAT(error_of("/v1/embeddings", {{"input", "a"}}, {{"pooling", "max"}}), HasSubstr("pooling"));
  EXPECT_THAT(error_of("/v1/embeddings", {}, {{"input", {"a", ""}}}), HasSubstr("empty"));
  EXPECT_THAT(error_of("/v1/embeddings", {}, {{"input", std::string(300, 'a')}}), HasSubstr("context length"));
}

}  // namespace
}  // namespace t6
