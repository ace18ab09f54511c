// t6 tokenizer: text to ids and back, and what a tokenizer is. Training one is in tokenizer_train.cc.
#include "t6/text/tokenizer.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <limits>

#include "t6/cli/program.h"
#include "t6/cli/serving/commands.h"
#include "t6/core/error.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

struct TokenizerOptions {
  std::string tokenizer = "bytes";
  std::string input = "-";
  bool jsonl = false;
  bool skip_special = false;
  bool json = false;
};

std::shared_ptr<const Tokenizer> open_tokenizer(const std::string& name) {
  auto tokenizer = name == "bytes" ? byte_tokenizer() : load_tokenizer(name);
  print_notes(tokenizer->notes());
  return tokenizer;
}

void print(std::string_view text) {
  require(std::fwrite(text.data(), 1, text.size(), stdout) == text.size(), "cannot write to the standard output");
}

// The input as a stream, with a name for errors.
class Input {
 public:
  explicit Input(const std::string& path) : name_(path == "-" ? "standard input" : path) {
    if (path == "-") return;
    require(!std::filesystem::is_directory(path), "{}: is a folder", path);
    file_.open(path, std::ios::binary);
    require(file_.is_open(), "{}: cannot be opened", path);
  }

  std::string all() { return {std::istreambuf_iterator<char>(stream()), {}}; }

  // Calls `body` with each line and its name ("standard input: line 3"); prints what it returns, and a line end.
  void each_line(const std::function<std::string(const std::string& line, const std::string& where)>& body) {
    std::string line;
    for (int64_t number = 1; std::getline(stream(), line); ++number) {
      print(body(line, fmt::format("{}: line {}", name_, number)) + "\n");
    }
  }

  const std::string& name() const { return name_; }

 private:
  std::istream& stream() { return file_.is_open() ? file_ : std::cin; }

  std::string name_;
  std::ifstream file_;
};

std::vector<int32_t> ids_from_json(const Json& json, const std::string& where) {
  require(json.is_array(), "{}: wanted an array of ids", where);
  std::vector<int32_t> ids;
  for (const Json& id : json) {
    const bool fits = id.is_number_unsigned() && id.get<uint64_t>() <= uint64_t{std::numeric_limits<int32_t>::max()};
    require(fits, "{}: {} is not an id", where, id.dump(-1, ' ', false, Json::error_handler_t::replace));
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

// Ids as encode prints them; commas and brackets between them do no harm.
std::vector<int32_t> ids_from_text(std::string text, const std::string& where) {
  for (char& byte : text) {
    if (byte == '[' || byte == ']' || byte == ',' || byte == '\n' || byte == '\r' || byte == '\t') byte = ' ';
  }
  std::vector<int32_t> ids;
  for (size_t begin = text.find_first_not_of(' '); begin != std::string::npos;) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    int32_t id = -1;
    const auto [last, error] = std::from_chars(text.data() + begin, text.data() + end, id);
    require(error == std::errc() && last == text.data() + end && id >= 0, "{}: {:?} is not an id", where,
            text.substr(begin, std::min<size_t>(end - begin, 40)));
    ids.push_back(id);
    begin = text.find_first_not_of(' ', end);
  }
  return ids;
}

void encode(const TokenizerOptions& arguments) {
  const auto tokenizer = open_tokenizer(arguments.tokenizer);
  Input input(arguments.input);
  if (!arguments.jsonl) return print(fmt::format("{}\n", fmt::join(tokenizer->encode(input.all()), " ")));
  input.each_line([&](const std::string& line, const std::string& where) {
    const Json json = parse_json(line, where);
    require(json.is_string(), "{}: wanted a JSON string", where);
    return fmt::format("[{}]", fmt::join(tokenizer->encode(json.get_ref<const std::string&>()), ","));
  });
}

void decode(const TokenizerOptions& arguments) {
  const auto tokenizer = open_tokenizer(arguments.tokenizer);
  Input input(arguments.input);
  if (!arguments.jsonl) {
    return print(tokenizer->decode_bytes(ids_from_text(input.all(), input.name()), arguments.skip_special));
  }
  input.each_line([&](const std::string& line, const std::string& where) {
    return Json(tokenizer->decode(ids_from_json(parse_json(line, where), where), arguments.skip_special)).dump();
  });
}

void info(const TokenizerOptions& arguments) {
  const auto tokenizer = open_tokenizer(arguments.tokenizer);
  std::vector<int32_t> special;
  for (int32_t id = 0; id < tokenizer->vocab_size(); ++id) {
    if (tokenizer->is_special(id)) special.push_back(id);
  }
  const auto end_of_text = tokenizer->end_of_text();
  if (arguments.json) {
    Json json = {
        {"kind", "byte-level BPE"}, {"vocab_size", tokenizer->vocab_size()}, {"special_tokens", Json::object()}};
    json["end_of_text"] = end_of_text ? Json(*end_of_text) : Json();
    for (const int32_t id : special) json["special_tokens"][std::string(tokenizer->token(id))] = id;
    return print(json.dump(2) + "\n");
  }
  std::string text = fmt::format("byte-level BPE, {} tokens, {} of them special\n",
                                 format_digits(tokenizer->vocab_size()), special.size());
  text += end_of_text ? fmt::format("end of text: {}\n", *end_of_text) : "no end-of-text token\n";
  for (const int32_t id : special) text += fmt::format("{:>10}  {}\n", id, tokenizer->token(id));
  print(text);
}

using Action = void (*)(const TokenizerOptions&);

CLI::App* add_action(CLI::App& tokenizer, const std::shared_ptr<TokenizerOptions>& arguments, const char* name,
                     const char* description, Action action) {
  CLI::App* command = tokenizer.add_subcommand(name, description);
  command->callback([=] {
    action(*arguments);
    require(std::fflush(stdout) == 0 && std::ferror(stdout) == 0, "cannot write to the standard output");
  });
  return command;
}

void add_conversion_options(CLI::App& command, TokenizerOptions& arguments) {
  command.add_option("input", arguments.input, "A file; - is the standard input")->capture_default_str();
  command
      .add_option("--tokenizer", arguments.tokenizer,
                  "A tokenizer.json or a folder that holds one; 'bytes' is the built-in one")
      ->capture_default_str();
}

}  // namespace

void add_tokenizer(CLI::App& app) {
  auto arguments = std::make_shared<TokenizerOptions>();
  CLI::App* tokenizer = app.add_subcommand("tokenizer", "Turn text into token ids and back; train a tokenizer");
  tokenizer->require_subcommand(1);

  CLI::App* encode_command = add_action(*tokenizer, arguments, "encode", "Text to ids", encode);
  add_conversion_options(*encode_command, *arguments);
  encode_command->add_flag("--jsonl", arguments->jsonl, "Every line is a JSON string; gives an array of ids for each");
  encode_command->footer(
      "Examples:\n  t6 tokenizer encode book.txt --tokenizer models/smollm2\n"
      "  echo '\"Hello\"' | t6 tokenizer encode --jsonl");

  CLI::App* decode_command = add_action(*tokenizer, arguments, "decode", "Ids to text", decode);
  add_conversion_options(*decode_command, *arguments);
  decode_command->add_flag("--jsonl", arguments->jsonl, "Every line is an array of ids; gives a JSON string for each");
  decode_command->add_flag("--skip-special", arguments->skip_special, "Leave special tokens out");
  decode_command->footer(
      "Examples:\n  echo '72 105' | t6 tokenizer decode\n"
      "  echo '[72, 105, 256]' | t6 tokenizer decode --jsonl --skip-special");

  CLI::App* info_command = add_action(*tokenizer, arguments, "info", "Size and special tokens of a tokenizer", info);
  info_command
      ->add_option("tokenizer", arguments->tokenizer,
                   "A tokenizer.json, a folder that holds one, a GGUF file, or 'bytes'")
      ->capture_default_str();
  info_command->add_flag("--json", arguments->json, "Print JSON");

  add_tokenizer_train(*tokenizer);
}

}  // namespace t6
