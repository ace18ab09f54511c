#include "t6/formats/run_files.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/error_of.h"

#include "t6/formats/json.h"

namespace t6 {
namespace {

using testing::HasSubstr;

template <typename Record>
Record read_back(const std::string& line) {
  const Json json = parse_json(line, "line");
  return std::get<Record>(metrics_record(JsonObject(json, "line")));
}

TEST(MetricsLine, HasTheKeysInOrder) {
  EXPECT_EQ(metrics_line(StepRecord{.step = 7,
                                    .tokens = 448,
                                    .loss = 3.25,
                                    .learning_rate = 1e-3,
                                    .gradient_norm = 2,
                                    .tokens_per_second = 10.5,
                                    .seconds = 6}),
            R"({"step":7,"tokens":448,"loss":3.25,"learning_rate":0.001,"grad_norm":2.0,"tokens_per_second":10.5,)"
            R"("seconds":6.0})"
            "\n");
  ValidationRecord record = {.step = 7, .tokens = 448, .loss = 3.5};
  EXPECT_EQ(metrics_line(record), "{\"step\":7,\"tokens\":448,\"validation_loss\":3.5}\n");
  record.bits_per_byte = 1.5;
  EXPECT_EQ(metrics_line(record),
            "{\"step\":7,\"tokens\":448,\"validation_loss\":3.5,\"validation_bits_per_byte\":1.5}\n");
  const ValidationRecord labels = {.step = 7, .tokens = 9, .loss = 2, .accuracy = 0.75, .accuracy_error = 0.25};
  EXPECT_TRUE(labels.is_classifiers());
  EXPECT_FALSE(record.is_classifiers());
  EXPECT_EQ(metrics_line(labels),
            "{\"step\":7,\"tokens\":9,\"validation_loss\":2.0,\"validation_accuracy\":0.75,"
            "\"validation_accuracy_error\":0.25}\n");
  EXPECT_EQ(read_back<ValidationRecord>(metrics_line(labels)).accuracy, 0.75);
}

TEST(MetricsRecord, IsWhatTheLineWasWrittenFrom) {
  const StepRecord step = {
      .step = 1, .tokens = 2, .loss = 3, .learning_rate = 4, .gradient_norm = 5, .tokens_per_second = 6, .seconds = 7};
  const auto read = read_back<StepRecord>(metrics_line(step));
  EXPECT_EQ(metrics_line(read), metrics_line(step));
  const auto validation =
      read_back<ValidationRecord>(metrics_line(ValidationRecord{.step = 1, .tokens = 2, .loss = 3}));
  EXPECT_EQ(validation.loss, 3);
  EXPECT_TRUE(std::isnan(validation.bits_per_byte));
}

TEST(MetricsRecord, NamesTheKeyThatIsWrong) {
  EXPECT_THAT(error_of([] { read_back<StepRecord>(R"({"tokens":8})"); }),
              HasSubstr("line: the key \"step\" is missing"));
  EXPECT_THAT(error_of([] { read_back<StepRecord>(R"({"step":1,"tokens":8,"grad_norm":"high"})"); }),
              HasSubstr("\"grad_norm\""));
}

}  // namespace
}  // namespace t6
