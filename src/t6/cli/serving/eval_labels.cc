#include "t6/cli/serving/eval_labels.h"

#include <cstdio>
#include <vector>

#include "t6/cli/interrupt.h"
#include "t6/cli/progress_bar.h"
#include "t6/core/error.h"
#include "t6/core/sample_mean.h"
#include "t6/core/units.h"
#include "t6/formats/json.h"

namespace t6 {
namespace {

struct Sums {
  std::vector<double> right, nats;
};

void print_document(const LoadedClassifier& classifier, const GivenLabel& each) {
  const auto& labels = classifier.task.labels;
  const nlohmann::ordered_json line = {{"document", each.document},
                                       {"label", labels[static_cast<size_t>(each.label)]},
                                       {"given", labels[static_cast<size_t>(each.given)]},
                                       {"right", each.label == each.given},
                                       {"loss", each.nats}};
  fmt::print("{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::fflush(stdout);
}

void print_json(const SampleMean& accuracy, const SampleMean& loss) {
  nlohmann::ordered_json line;
  auto& summary = line["summary"];
  summary = {{"documents", accuracy.count}, {"accuracy", accuracy.mean}};
  const auto error = accuracy.standard_error();
  summary["standard_error"] = error ? nlohmann::ordered_json(*error) : nlohmann::ordered_json();
  summary["loss"] = loss.mean;
  fmt::print("{}\n", line.dump());
}

void print_text(const SampleMean& accuracy, const SampleMean& loss) {
  const auto error = accuracy.standard_error();
  fmt::print("{:<12}{:>10}\n", "documents", format_digits(static_cast<int64_t>(accuracy.count)));
  fmt::print("{:<12}{:>10.2f}  %{}\n", "accuracy", 100 * accuracy.mean,
             error ? fmt::format(" ± {:.2f}", 100 * *error) : "");
  fmt::print("{:<12}{:>10.4f}  nats per label\n", "loss", loss.mean);
}

}  // namespace

void run_labels(const std::string& model, const std::string& file, ClassifyOptions options, int threads, bool json) {
  catch_interrupts();
  options.cancel = &interrupt_token();
  Context context(threads);
  const LoadedClassifier classifier = load_classifier(context, model);
  const LabelledSet set = labelled_set(classifier, file);
  if (set.cut() > 0) {
    fmt::print(stderr, "note: {} of {} documents have more than {} tokens; they end there\n", format_digits(set.cut()),
               format_digits(set.size() * set.texts()), format_digits(classifier.task.longest));
  }
  Sums sums;
  ProgressBar bar("classifying", options.limit > 0 ? std::min(options.limit, set.size()) : set.size(), "documents");
  classify(context, classifier, set, options, [&](const GivenLabel& each) {
    sums.right.push_back(each.label == each.given ? 1 : 0);
    sums.nats.push_back(each.nats);
    if (json) print_document(classifier, each);
    bar.update(each.document + 1);
  });
  bar.hide();
  const SampleMean right = sample_mean(sums.right), nats = sample_mean(sums.nats);
  if (json) {
    print_json(right, nats);
  } else {
    print_text(right, nats);
  }
}

}  // namespace t6
