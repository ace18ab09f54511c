#include "t6/tasks/questions.h"

#include <unordered_map>
#include <utility>

#include "t6/core/error.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

const Json& list(const JsonObject& object, const std::string& key) {
  const Json& found = object.at(key);
  require(found.is_array(), "{}: \"{}\": wanted is a list", object.source(), key);
  return found;
}

class Reader {
 public:
  explicit Reader(std::string source) : source_(std::move(source)) {}

  QuestionSet read(const JsonObject& file) {
    for (const Json& article : list(file, "data")) {
      const JsonObject object(article, fmt::format("{}: article {}", source_, articles_ + 1));
      for (const Json& paragraph : list(object, "paragraphs")) add_paragraph(JsonObject(paragraph, object.source()));
      ++articles_;
    }
    require(!set_.questions.empty(), "{}: no question that can be answered", source_);
    return std::move(set_);
  }

 private:
  void add_paragraph(const JsonObject& paragraph) {
    const std::string text = paragraph.string("context");
    const auto [place, added] = known_.try_emplace(text, set_.paragraphs.size());
    if (added) {
      set_.paragraphs.push_back(text);
      set_.article.push_back(articles_);
    }
    for (const Json& question : list(paragraph, "qas")) {
      add_question(JsonObject(question, paragraph.source()), place->second);
    }
  }

  void add_question(const JsonObject& json, size_t paragraph) {
    Question question{json.string("question"), {}, paragraph};
    if (json.boolean_or("is_impossible", false)) return;
    for (const Json& answer : list(json, "answers")) {
      question.answers.push_back(JsonObject(answer, json.source()).string("text"));
    }
    if (!question.answers.empty()) set_.questions.push_back(std::move(question));
  }

  std::string source_;
  QuestionSet set_;
  size_t articles_ = 0;
  std::unordered_map<std::string, size_t> known_;
};

}  // namespace

QuestionSet read_questions(const std::filesystem::path& path) {
  const Json json = read_json(path);
  return Reader(path.string()).read(JsonObject(json, path.string()));
}

}  // namespace t6
