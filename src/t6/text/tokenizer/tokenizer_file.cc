#include "t6/text/tokenizer/tokenizer_file.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"
#include "t6/text/tokenizer/byte_level.h"
#include "t6/text/tokenizer/decoder.h"
#include "t6/text/tokenizer/tokenizer_json.h"
#include "t6/text/utf8.h"

namespace t6 {
namespace {

const Json& entry_or_null(const JsonObject& object, const std::string& key) {
  static const Json null;
  return object.has(key) ? object.at(key) : null;
}

// The entries of the array `key`, none when it is absent or null.
const Json& array_or_empty(const JsonObject& object, const std::string& key) {
  static const Json empty = Json::array();
  if (!object.has(key)) return empty;
  require(object.at(key).is_array(), "{}: \"{}\" must be an array", object.source(), key);
  return object.at(key);
}

void refuse_other_models(const JsonObject& model) {
  const auto refuse = [&](bool used, std::string_view what) {
    require(!used, "{}: {} is not supported; BPE over bytes or with byte_fallback is", model.source(), what);
  };
  const std::string type = model.string_or("type", "BPE");  // GPT-2's own file does not say
  refuse(type != "BPE", fmt::format("the type \"{}\"", type));
  refuse(model.number_or("dropout", 0, 0, 1) > 0, "\"dropout\"");
  refuse(!model.string_or("continuing_subword_prefix", "").empty(), "\"continuing_subword_prefix\"");
  refuse(!model.string_or("end_of_word_suffix", "").empty(), "\"end_of_word_suffix\"");
}

std::vector<AddedToken> read_added_tokens(const JsonObject& file) {
  std::vector<AddedToken> tokens;
  const Json& array = array_or_empty(file, "added_tokens");
  for (size_t i = 0; i < array.size(); ++i) {
    const JsonObject entry(array[i], fmt::format("{}: added_tokens[{}]", file.source(), i));
    AddedToken token = added_token_from_json(entry);
    token.id = static_cast<int32_t>(entry.integer("id", 0, std::numeric_limits<int32_t>::max()));
    if (!token.content.empty()) tokens.push_back(std::move(token));
  }
  return tokens;
}

Vocabulary read_vocabulary(const JsonObject& model, size_t added, Spelling spelling, const std::string& source) {
  const JsonObject entries = model.object("vocab");
  Vocabulary vocabulary(source, static_cast<int64_t>(entries.json().size() + added), spelling);
  for (auto entry = entries.json().begin(); entry != entries.json().end(); ++entry) {
    const Json& id = entry.value();
    require(id.is_number_integer(), "{}: the id of {:?} is not a whole number", entries.source(), entry.key());
    require(!id.is_number_unsigned() || id.get<uint64_t>() <= uint64_t{std::numeric_limits<int32_t>::max()},
            "{}: the id of {:?} is too large: {}", entries.source(), entry.key(), id.get<uint64_t>());
    vocabulary.add("model: vocab", entry.key(), id.get<int64_t>());
  }
  return vocabulary;
}

// What is different about ids, in one line.
void note_other_ids(const std::vector<AddedToken>& told, const Vocabulary& vocabulary, const std::string& source,
                    std::vector<std::string>& notes) {
  const auto differs = [&](const AddedToken& token) { return vocabulary.find(token.content) != token.id; };
  const auto first = std::find_if(told.begin(), told.end(), differs);
  if (first == told.end()) return;
  notes.push_back(fmt::format(
      "{}: {} added tokens have ids that follow on the vocabulary, as in Hugging Face's tokenizers, and not those of "
      "the file: {:?} is {}, not {}",
      source, std::count_if(first, told.end(), differs), first->content, *vocabulary.find(first->content), first->id));
}

// Each once, as the last entry has it.
std::vector<AddedToken> add_tokens(std::vector<AddedToken> told, const Normalizer& normalizer, Vocabulary& vocabulary) {
  AddedTokenIds ids(vocabulary.count());
  std::vector<AddedToken> tokens;
  std::unordered_map<int32_t, size_t> places;  // in `tokens`, by id
  for (AddedToken& token : told) {
    const std::optional<int32_t> known = vocabulary.find(token.content);
    int64_t id = known ? *known : ids.next();
    // Where the vocabulary has holes, the id that follows on their number may be another token's.
    while (!known && id < vocabulary.size() && vocabulary.has(static_cast<int32_t>(id))) ++id;
    ids.take(id);
    vocabulary.add("added_tokens", token.content, id);
    token.id = static_cast<int32_t>(id);
    if (token.special) vocabulary.set_special(token.id);
    // Hugging Face keeps such a token in its normal form, and decodes it to that.
    std::string storage;
    vocabulary.decode_as(token.id,
                         token.normalized ? normalizer.apply(token.content, storage) : std::string_view(token.content));
    const auto [place, is_new] = places.emplace(token.id, tokens.size());
    if (is_new) {
      tokens.push_back(std::move(token));
    } else {
      tokens[place->second] = std::move(token);
    }
  }
  return tokens;
}

std::array<int32_t, 256> read_byte_tokens(const JsonObject& model, const Vocabulary& vocabulary, Spelling spelling) {
  std::array<int32_t, 256> tokens{};
  for (int byte = 0; byte < 256; ++byte) {
    const std::string name = spelling == Spelling::sentence_piece
                                 ? byte_token(byte)
                                 : byte_level_spelling(std::string(1, static_cast<char>(byte)));
    const std::optional<int32_t> token = vocabulary.find(name);
    require(token || !model.has("unk_token"),
            "{}: \"unk_token\" is needed, for no token is {:?} (byte 0x{:02x}), and is not supported", model.source(),
            name, byte);
    tokens[static_cast<size_t>(byte)] = token.value_or(BytePairEncoder::kNoToken);
  }
  return tokens;
}

struct MergeSpelling {
  std::string_view left, right;
};

// ["a", "b"], or "a b" in older files; none for anything else.
std::optional<MergeSpelling> merge_spelling(const Json& json) {
  if (json.is_array() && json.size() == 2 && json[0].is_string() && json[1].is_string()) {
    return MergeSpelling{json[0].get_ref<const std::string&>(), json[1].get_ref<const std::string&>()};
  }
  if (!json.is_string()) return std::nullopt;
  const std::string_view text = json.get_ref<const std::string&>();
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) return std::nullopt;
  return MergeSpelling{text.substr(0, space), text.substr(space + 1)};
}

std::vector<Merge> read_merges(const JsonObject& model, const Vocabulary& vocabulary) {
  std::vector<Merge> merges;
  const Json& array = array_or_empty(model, "merges");
  merges.reserve(array.size());
  std::string whole;
  for (const Json& entry : array) {
    const auto spelling = merge_spelling(entry);
    require(spelling.has_value(), "{}: merges[{}] is not two tokens", model.source(), merges.size());
    const auto token = [&](std::string_view text) {
      const std::optional<int32_t> id = vocabulary.find(text);
      if (!id) fail("{}: merges[{}]: no token is {:?}", model.source(), merges.size(), std::string(text));
      return *id;
    };
    whole.assign(spelling->left).append(spelling->right);
    merges.push_back({token(spelling->left), token(spelling->right), token(whole)});
  }
  return merges;
}

std::unordered_map<std::string, int32_t> read_whole_words(const JsonObject& model, Spelling spelling) {
  std::unordered_map<std::string, int32_t> words;
  if (!model.boolean_or("ignore_merges", false)) return words;
  for (const auto& [key, id] : model.at("vocab").items()) {
    // Words are bytes for the one, and what the normalizer made of them for the other.
    auto bytes = spelling == Spelling::byte_level ? byte_level_bytes(key) : std::optional(key);
    if (bytes) words.emplace(std::move(*bytes), id.get<int32_t>());
  }
  return words;
}

std::unordered_map<char32_t, int32_t> read_character_tokens(const JsonObject& model) {
  std::unordered_map<char32_t, int32_t> tokens;
  for (const auto& [key, id] : model.at("vocab").items()) {
    if (!key.empty() && utf8_step(key, 0).length == key.size()) tokens.emplace(decode_utf8(key), id.get<int32_t>());
  }
  return tokens;
}

// Whether no token goes on with a space after something else, so that nothing is merged across the beginning of a word.
bool tokens_keep_to_words(const JsonObject& model) {
  for (const auto& [key, id] : model.at("vocab").items()) {
    size_t begin = 0;
    while (std::string_view(key).substr(begin).starts_with(kSpaceMark)) begin += kSpaceMark.size();
    if (key.find(kSpaceMark, begin) != std::string::npos) return false;
  }
  return true;
}

// The special tokens that a TemplateProcessing puts before a text, at any place of a Sequence.
void read_prefix(const JsonObject& processor, const Vocabulary& vocabulary, std::vector<int32_t>& prefix) {
  const std::string type = processor.string("type");
  if (type == "Sequence") {
    for (const Json& part : array_or_empty(processor, "processors")) {
      read_prefix(JsonObject(part, processor.source() + ": processors"), vocabulary, prefix);
    }
  }
  if (type != "TemplateProcessing") return;
  for (const Json& entry : array_or_empty(processor, "single")) {
    const JsonObject piece(entry, processor.source() + ": single");
    if (!piece.has("SpecialToken")) return;
    const std::string name = piece.object("SpecialToken").string("id");
    const std::optional<int32_t> id = vocabulary.find(name);
    require(id.has_value(), "{}: no token is {:?}", piece.source(), name);
    prefix.push_back(*id);
  }
}

}  // namespace

TokenizerFile parse_tokenizer_file(std::string_view text, const std::string& source) {
  const Json json = parse_json(text, source);
  const JsonObject file(json, source);
  const JsonObject model = file.object("model");
  refuse_other_models(model);
  const bool sentence_piece = model.boolean_or("byte_fallback", false);
  const Spelling spelling = sentence_piece ? Spelling::sentence_piece : Spelling::byte_level;
  const bool strips_space = check_decoder(file.object("decoder"), spelling);
  const std::vector<AddedToken> told = read_added_tokens(file);
  Normalizer normalizer(entry_or_null(file, "normalizer"), source + ": normalizer");
  Vocabulary vocabulary = read_vocabulary(model, told.size(), spelling, source);
  std::vector<AddedToken> added = add_tokens(told, normalizer, vocabulary);
  std::vector<std::string> notes;
  note_other_ids(told, vocabulary, source, notes);
  std::unordered_map<char32_t, int32_t> characters;
  if (sentence_piece) characters = read_character_tokens(model);
  BytePairEncoder encoder(read_byte_tokens(model, vocabulary, spelling), read_merges(model, vocabulary),
                          read_whole_words(model, spelling), std::move(characters));
  PreTokenizer pre_tokenizer(entry_or_null(file, "pre_tokenizer"), source + ": pre_tokenizer", spelling);
  if (sentence_piece && tokens_keep_to_words(model)) pre_tokenizer.cut_at_space_marks();
  std::vector<int32_t> prefix;
  if (file.has("post_processor")) read_prefix(file.object("post_processor"), vocabulary, prefix);
  return {.vocabulary = std::move(vocabulary),
          .added_tokens = std::move(added),
          .normalizer = std::move(normalizer),
          .pre_tokenizer = std::move(pre_tokenizer),
          .encoder = std::move(encoder),
          .prefix = std::move(prefix),
          .strips_space = strips_space,
          .notes = std::move(notes)};
}

}  // namespace t6
