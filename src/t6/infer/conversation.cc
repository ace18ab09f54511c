#include "t6/infer/conversation.h"

#include <algorithm>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

constexpr char kMessages[] = "messages";  // the note of a saved conversation
std::string messages_json(const std::vector<ChatMessage>& messages) {
  Json json = Json::array();
  for (const ChatMessage& message : messages) json.push_back({{"role", message.role}, {"content", message.content}});
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<ChatMessage> load_messages(const std::filesystem::path& path) {
  const std::string source = path.string() + ": messages";
  const Json json = parse_json(load_cache_note(path, kMessages), source);
  require(json.is_array(), "{}: wanted is a list", source);
  std::vector<ChatMessage> messages;
  for (const Json& item : json) {
    const JsonObject message(item, source);
    messages.push_back({message.string("role"), message.string("content")});
  }
  return messages;
}

std::vector<ChatMessage> beginning(const std::string& system) {
  if (system.empty()) return {};
  return {{"system", system}};
}

}  // namespace

Conversation::Conversation(Context& context, const LoadedModel& loaded, ChatTemplate chat_template,
                           const CacheOptions& cache, const ConversationOptions& options)
    : tokenizer_(loaded.tokenizer),
      template_(std::move(chat_template)),
      control_tokens_(*tokenizer_),
      stops_(answer_stops(template_, *tokenizer_)),
      reads_control_tokens_(options.control_tokens),
      system_(options.system),
      messages_(beginning(system_)),
      session_(context, loaded, cache) {}

std::string Conversation::render(std::vector<ChatMessage> messages) const {
  for (ChatMessage& message : messages) {
    if (!reads_control_tokens_ && message.role != "assistant")
      message.content = control_tokens_.marked(message.content);
  }
  return template_.render(messages);
}

// Makes these messages, up to where an answer begins, the session's tokens. Those that the model wrote stay as it wrote
// them where the text goes on as they do.
void Conversation::write(const std::vector<ChatMessage>& messages) {
  const std::string text = render(messages), read = tokenizer_->decode(session_.tokens(), /*skip_special=*/false);
  std::vector<int32_t> ids;
  if (!read.empty() && without_marks(text).starts_with(read)) {
    encode_marked(*tokenizer_, text, read.size(), ids);
    return session_.append(ids);
  }
  encode_marked(*tokenizer_, text, 0, ids);
  const auto& held = session_.tokens();
  const auto count = static_cast<int64_t>(ids.size()), limit = session_.cache().limit();
  require(count <= limit, "the conversation's {} tokens do not fit into the context of {}", count, limit);
  answer_begin_.reset();
  const auto agree = std::ranges::mismatch(held, ids).in2 - ids.begin();
  session_.truncate(agree);
  session_.append(std::span(ids).subspan(static_cast<size_t>(agree)));
}

// What the session holds from a token on, with control tokens, as templates look for some of them; without the text
// that ended it.
std::string Conversation::answer_from(size_t begin, const Generated& answer,
                                      const std::vector<std::string>& stops) const {
  std::string text = tokenizer_->decode(std::span(session_.tokens()).subspan(begin), /*skip_special=*/false);
  if (answer.reason != StopReason::stop_string) return text;
  size_t end = text.size();
  for (const std::string& stop : stops) end = std::min(end, text.find(stop));
  return text.substr(0, end);
}

Generated Conversation::ask(std::string_view message, GenerateOptions options,
                            const std::function<void(std::string_view)>& show) {
  std::vector<ChatMessage> messages = messages_;
  messages.push_back({"user", std::string(message)});
  write(messages);
  return answer(std::move(messages), std::move(options), show);
}

Generated Conversation::ask_again(GenerateOptions options, const std::function<void(std::string_view)>& show) {
  require(messages_.size() >= 2 && messages_.back().role == "assistant", "there is no question yet to ask again");
  std::vector<ChatMessage> messages = messages_;
  messages.pop_back();
  if (answer_begin_) {
    session_.truncate(*answer_begin_);
  } else {
    write(messages);
  }
  return answer(std::move(messages), std::move(options), show);
}

// The answer to messages that are the session's tokens.
Generated Conversation::answer(std::vector<ChatMessage> messages, GenerateOptions options,
                               const std::function<void(std::string_view)>& show) {
  answer_begin_.reset();
  options.stop_tokens.insert(options.stop_tokens.end(), stops_.tokens.begin(), stops_.tokens.end());
  options.stop.insert(options.stop.end(), stops_.texts.begin(), stops_.texts.end());
  const size_t begin = session_.tokens().size();
  const bool strips = tokenizer_->strips_space();
  bool begins = strips;
  Generated answer = session_.generate(options, [&](std::string_view piece) {
    if (begins && piece.starts_with(' ')) piece.remove_prefix(1);
    begins = false;
    if (!piece.empty()) show(piece);
  });
  if (strips && answer.text.starts_with(' ')) answer.text.erase(0, 1);
  messages.push_back({"assistant", answer_from(begin, answer, options.stop)});
  messages_ = std::move(messages);
  answer_begin_ = static_cast<int64_t>(begin);
  return answer;
}

void Conversation::reset(std::string system) {
  system_ = std::move(system);
  messages_ = beginning(system_);
  session_.truncate(0);
  answer_begin_.reset();
}

void Conversation::save(const std::filesystem::path& path, const CancelToken* cancel) {
  session_.save(path, cancel, {{kMessages, messages_json(messages_)}});
}

void Conversation::load(const std::filesystem::path& path) {
  std::vector<ChatMessage> messages = load_messages(path);
  session_.load(path);
  answer_begin_.reset();
  messages_ = std::move(messages);
  system_ = !messages_.empty() && messages_[0].role == "system" ? messages_[0].content : std::string();
}

}  // namespace t6
