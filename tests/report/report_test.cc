#include "t6/report/report.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "t6/core/error.h"
#include "t6/core/units.h"
#include "t6/model/costs.h"
#include "t6/model/presets.h"
#include "t6/numbers/cache_type.h"
#include "t6/report/page/html.h"
#include "tests/error_of.h"
#include "tests/report/page_checks.h"
#include "tests/temporary_folder.h"

namespace t6 {
namespace {

using testing::HasSubstr;

class ReadRunTest : public testing::Test {
 protected:
  void SetUp() override {
    write("run.json", Json{{"model", config_to_json(preset("nano-tpa"))}, {"train", {{"steps", 30}}}}.dump());
  }
  void write(const std::string& name, const std::string& text) { folder_.write(name, text); }
  ReportData read() const { return read_run(folder_.path()); }

  TemporaryFolder folder_;
};

TEST_F(ReadRunTest, ReadsTrainingAndValidationLines) {
  write("metrics.jsonl",
        R"({"step":10,"tokens":1000,"loss":5.5,"learning_rate":0.1,"grad_norm":2,"tokens_per_second":50,"seconds":20})"
        "\n"
        R"({"step":10,"tokens":1000,"validation_loss":5.25,"validation_bits_per_byte":7.5})"
        "\n");
  const ReportData data = read();
  EXPECT_EQ(data.name, folder_.path().filename().string());
  EXPECT_EQ(data.model.num_hidden_layers, preset("nano-tpa").num_hidden_layers);
  ASSERT_EQ(data.training.size(), 1u);
  EXPECT_EQ(data.training[0].step, 10);
  EXPECT_EQ(data.training[0].tokens, 1000);
  EXPECT_EQ(data.training[0].loss, 5.5);
  EXPECT_EQ(data.training[0].learning_rate, 0.1);
  EXPECT_EQ(data.training[0].gradient_norm, 2);
  EXPECT_EQ(data.training[0].tokens_per_second, 50);
  EXPECT_EQ(data.training[0].seconds, 20);
  ASSERT_EQ(data.validation.size(), 1u);
  EXPECT_EQ(data.validation[0].loss, 5.25);
  EXPECT_EQ(data.validation[0].bits_per_byte, 7.5);
}

TEST_F(ReadRunTest, ReadsTextsThatWereDrawnWhileItTrained) {
  write("samples.jsonl", R"({"step":10,"prompt":"a","text":"b"})"
                         "\n"
                         R"({"step":20,"prompt":"a","text":"lost"})"
                         "\n"
                         R"({"step":20,"prompt":"a","text":"<c>"})"
                         "\n"
                         R"({"step":30)");
  const ReportData data = read();
  ASSERT_EQ(data.training_samples.size(), 2u);
  EXPECT_EQ(data.training_samples[1].sample.text, "<c>") << "a resumed run draws again";
  EXPECT_THAT(render_report(data),
              HasSubstr("<h3>After step 20</h3>\n<pre class=\"sample\" dir=\"auto\"><mark>a</mark>&lt;c&gt;"));
}

TEST_F(ReadRunTest, ARunWithoutMetricsIsEmpty) {
  EXPECT_TRUE(read().training.empty());
  write("metrics.jsonl", "");
  EXPECT_TRUE(read().training.empty());
}

TEST_F(ReadRunTest, LeavesOutALastLineThatAKillCutShort) {
  const std::string line = R"({"step":1,"tokens":8,"loss":1})";
  write("metrics.jsonl", line + "\n" + R"({"step":2,"tok)");
  EXPECT_EQ(read().training.size(), 1u);
}

TEST_F(ReadRunTest, NamesTheLineThatIsMalformed) {
  const std::string good = R"({"step":1,"tokens":8,"loss":1})"
                           "\n";
  const auto error_with = [&](const std::string& line) {
    write("metrics.jsonl", good + line + "\n" + good);
    return error_of([&] { read(); });
  };
  const std::string place = (folder_ / "metrics.jsonl:2").string();
  for (const std::string line : {R"({"step":2,)", "", "[]", R"({"tokens":8})", R"({"step":-1,"tokens":8})",
                                 R"({"step":2,"tokens":8,"loss":"low"})", R"({"step":2,"tokens":8,"loss":1e300})"}) {
    EXPECT_THAT(error_with(line), testing::StartsWith(place + ": ")) << line;
  }
}

TEST_F(ReadRunTest, NullAndAbsentNumbersAreNaN) {
  write("metrics.jsonl", R"({"step":1,"tokens":8,"loss":null})"
                         "\n"
                         R"({"step":1,"tokens":8,"validation_loss":null})"
                         "\n");
  const ReportData data = read();
  ASSERT_EQ(data.training.size(), 1u);
  EXPECT_TRUE(std::isnan(data.training[0].loss));
  EXPECT_TRUE(std::isnan(data.training[0].gradient_norm));
  ASSERT_EQ(data.validation.size(), 1u);
  EXPECT_TRUE(std::isnan(data.validation[0].loss));
}

TEST_F(ReadRunTest, StepsThatAResumedRunRepeatsReplaceTheOldOnes) {
  std::string lines;
  const auto train = [&](int step, int loss) {
    lines += Json{{"step", step}, {"tokens", 8 * step}, {"loss", loss}}.dump() + "\n";
  };
  const auto evaluate = [&](int step, int loss) {
    lines += Json{{"step", step}, {"tokens", 8 * step}, {"validation_loss", loss}}.dump() + "\n";
  };
  train(1, 9), evaluate(1, 9), train(2, 9), train(3, 9), evaluate(3, 9);
  train(2, 5), evaluate(2, 5);
  write("metrics.jsonl", lines);
  const ReportData data = read();
  ASSERT_EQ(data.training.size(), 2u);
  EXPECT_EQ(data.training[0].loss, 9);
  EXPECT_EQ(data.training[1].loss, 5);
  ASSERT_EQ(data.validation.size(), 2u);
  EXPECT_EQ(data.validation[0].step, 1);
  EXPECT_EQ(data.validation[1].step, 2);
}

TEST_F(ReadRunTest, TheSavedModelCountsBeforeRunJson) {
  write("model/config.json", config_to_json(preset("nano-mha")).dump());
  EXPECT_EQ(read().model.attention_kind, AttentionKind::mha);
}

TEST_F(ReadRunTest, SaysWhatIsNoRunFolder) {
  EXPECT_THAT(error_of([&] { read_run(folder_ / "absent"); }), HasSubstr("absent: no such folder"));
  std::filesystem::remove(folder_ / "run.json");
  EXPECT_THAT(error_of([&] { read(); }), HasSubstr("it has no run.json"));
  write("run.json", "{}");
  EXPECT_THAT(error_of([&] { read(); }), HasSubstr("the key \"model\" is missing"));
}

ReportData example() {
  ReportData data;
  data.name = "example";
  data.model = preset("nano-tpa");
  data.run = {{"model", config_to_json(data.model)},
              {"optimizer", {{"learning_rate", 0.001}, {"betas", {0.9, 0.95}}}},
              {"train", {{"steps", 500}, {"note", "a <note>"}}}};
  for (int64_t step = 1; step <= 400; ++step) {
    const auto s = static_cast<double>(step);
    data.training.push_back({step, step * 1000, 1 + 4 / s, 1e-3, 1 + 50 / s, 12345, s});
  }
  data.validation = {{200, 200'000, 1.25, 1.875}, {400, 400'000, 1.125, 1.625}};
  data.samples = {{"Once upon", " a time\nthere was"}};
  data.samples_note = "The samples' note.";
  return data;
}

// Not a matcher: its message would print the page.
bool contains(const std::string& html, const std::string& part) { return html.find(part) != std::string::npos; }

// Every element that is opened is closed, in order; what <style> and <script> hold is skipped.
std::string first_unbalanced_tag(const std::string& html) {
  std::vector<std::string> open;
  for (size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const size_t end = html.find('>', at);
    if (end == std::string::npos) return html.substr(at, 40);
    const std::string tag = html.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" \n"));
    if (name == "!DOCTYPE" || name == "meta" || tag.back() == '/') continue;
    if (tag[0] != '/') {
      open.push_back(name);
      if (name == "style" || name == "script") at = html.find("</" + name, end) - 1;
      continue;
    }
    if (open.empty() || open.back() != tag.substr(1)) return html.substr(at, 40);
    open.pop_back();
  }
  return open.empty() ? "" : open.back();
}

TEST(RenderReportTest, SaysWhatTheRunIsAndReached) {
  const ReportData data = example();
  const std::string html = render_report(data);
  EXPECT_EQ(first_unbalanced_tag(html), "");
  const auto parameters = parameter_count(data.model);
  EXPECT_TRUE(
      contains(html, "TPA model of " + format_count(static_cast<double>(parameters)) +
                         " parameters after 400.0 K training tokens: validation loss 1.125 nats per token, 1.625 "
                         "bits per byte."));
  EXPECT_TRUE(contains(html, ">6m40s<"));
  EXPECT_TRUE(contains(html, "400 of 500 steps"));
  EXPECT_TRUE(contains(html, ">Evaluations (2)<"));
  EXPECT_TRUE(contains(html, "<th scope=\"row\">200</th><td>200,000</td><td>1.2500</td><td>1.8750</td>"));
  EXPECT_TRUE(contains(html, "<th scope=\"row\">betas</th><td>[0.9,0.95]</td>"));
  EXPECT_TRUE(contains(html, "<th scope=\"row\">attention_kind</th><td>tpa</td>"));
  EXPECT_TRUE(contains(html, "<mark>Once upon</mark> a time\nthere was</pre>"));
  EXPECT_TRUE(contains(html, "The samples&#39; note."));
}

TEST(RenderReportTest, ComparesTheCacheWithBaselinesOfTheSameSize) {
  const ReportData data = example();
  const std::string html = render_report(data);
  EXPECT_TRUE(contains(html, "TPA, this model"));
  std::vector<ModelConfig> models = {data.model};
  using enum AttentionKind;
  for (const AttentionKind kind : {mha, mqa, gqa, mla}) models.push_back(equal_size_baseline(data.model, kind));
  for (const ModelConfig& model : models) {
    for (const CacheType& cache : kCacheTypes) {
      const NumberType type = cache.type;
      EXPECT_TRUE(contains(html, "<td>" + format_digits(cache_bytes(model, type)) + "</td>"));
      EXPECT_THAT(html,
                  HasSubstr("<td>" + format_digits(longest_context(model, type, parse_bytes("16GiB"))) + "</td>"));
    }
  }
}

TEST(RenderReportTest, ReachesForNothingOutsideThePage) {
  const std::string html = render_report(example());
  for (const std::string reference :
       {"http:", "https:", "src=", "href", "url(", "@import", "<link", "<img", "fetch("}) {
    EXPECT_FALSE(contains(html, reference)) << reference;
  }
  EXPECT_TRUE(contains(html, "default-src 'none'"));
}

TEST(RenderReportTest, EscapesEveryTextOfTheRun) {
  const std::string hostile = "\"'></pre></style><script>alert(1)</script><img onerror=x>&amp;";
  ReportData data = example();
  data.name = data.samples_note = hostile;
  data.samples = {{hostile, hostile}};
  data.run[hostile] = {{hostile, hostile}, {"list", {hostile}}};
  data.run["loose " + hostile] = hostile;
  data.run["model"]["preset"] = hostile;
  const std::string html = render_report(data);
  EXPECT_EQ(first_unbalanced_tag(html), "");
  EXPECT_FALSE(contains(html, "alert(1)</script>"));
  EXPECT_FALSE(contains(html, "<img"));
  EXPECT_TRUE(contains(html, "<h1>&quot;&#39;&gt;&lt;/pre&gt;&lt;/style&gt;&lt;script&gt;alert(1)"));
  EXPECT_TRUE(contains(html, "&amp;amp;"));
}

TEST(RenderReportTest, BrokenBytesBecomeVisible) {
  EXPECT_EQ(escape_html("a\xff z"), "a\xef\xbf\xbd z");
  EXPECT_EQ(escape_html(std::string_view("\0\x1b\x7f", 3)), "\xe2\x90\x80\xe2\x90\x9b\xe2\x90\xa1");
  EXPECT_EQ(escape_html("tab\tline\n"), "tab\tline\n");
}

TEST(RenderReportTest, ARunThatHasNotBegunHasAPage) {
  ReportData data = example();
  data.training.clear(), data.validation.clear(), data.samples.clear();
  data.samples_note = "No checkpoint yet.";
  const std::string html = render_report(data);
  EXPECT_EQ(first_unbalanced_tag(html), "");
  EXPECT_TRUE(contains(html, "before its first training step."));
  EXPECT_TRUE(contains(html, "The run has written no metrics yet."));
  EXPECT_TRUE(contains(html, "No checkpoint yet."));
  EXPECT_TRUE(contains(html, "Longest context"));
}

TEST(RenderReportTest, SaysWhereLossesAreNotFinite) {
  ReportData data = example();
  for (auto& metrics : data.training) metrics.loss = metrics.step > 300 ? kNaN : metrics.loss;
  data.validation.back() = {400, 400'000, kNaN, kNaN};
  const std::string html = render_report(data);
  EXPECT_TRUE(contains(html, "100 of 400 training lines have no finite loss"));
  EXPECT_TRUE(contains(html, "validation loss 1.250 nats per token"));  // the last that is a number
  EXPECT_FALSE(contains(html, "nan"));
}

TEST(RenderReportTest, DrawsNumbersOfAnySize) {
  for (const double value : {0.0, -1.0, 5e-324, 1e-39, 1e39, -1e39, kNaN}) {
    ReportData data = example();
    data.training = {{1, 0, value, value, value, value, value},
                     {2, INT64_MAX, 1, 1, 1, 1, 1},
                     {3, INT64_MAX, value, value, value, value, value}};
    data.validation = {{3, INT64_MAX, value, value}};
    for (const size_t lines : {3, 1, 0}) {
      data.training.resize(lines);
      const std::string html = render_report(data);
      EXPECT_EQ(first_unbalanced_tag(html), "") << value;
      EXPECT_FALSE(contains(html, "nan")) << value;
      EXPECT_FALSE(contains(html, "inf")) << value;
    }
  }
}

TEST(RenderReportTest, ALongRunStaysASmallPage) {
  ReportData data = example();
  data.training.clear();
  for (int64_t step = 1; step <= 200'000; ++step) {
    data.training.push_back({step, step * 1000, step % 7 == 0 ? 3.0 : 2.0, 1e-3, 1, 1, 1});
  }
  EXPECT_LT(render_report(data).size(), 200'000u);
}

}  // namespace
}  // namespace t6
