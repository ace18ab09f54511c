#include "t6/train/run/metrics.h"

#include <gmock/gmock.h>

#include <cstring>

#include "tests/train/sample_run.h"

namespace t6 {
namespace {

using testing::HasSubstr;

TEST(Crc32c, IsThatOfRfc3720) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c(""), 0u);
}

template <typename T>
T number_at(const std::string& bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Undoes the mask as TensorFlow's reader does.
uint32_t unmasked(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return (rotated >> 17) | (rotated << 15);
}

std::vector<std::string> records_of(const std::filesystem::path& path) {
  const std::string bytes = read_text(path);
  std::vector<std::string> records;
  for (size_t offset = 0; offset < bytes.size();) {
    const auto length = number_at<uint64_t>(bytes, offset);
    EXPECT_EQ(unmasked(number_at<uint32_t>(bytes, offset + 8)), crc32c(bytes.substr(offset, 8)));
    records.push_back(bytes.substr(offset + 12, length));
    EXPECT_EQ(unmasked(number_at<uint32_t>(bytes, offset + 12 + length)), crc32c(records.back()));
    offset += 16 + length;
  }
  return records;
}

TEST(EventFile, RecordsAreFramedProtobufMessages) {
  const TemporaryFolder folder;
  EventFile events(folder.path(), 4);
  events.add(5, {{"loss", 0.5}});
  const auto records = records_of(events.path());
  ASSERT_EQ(records.size(), 3u);
  EXPECT_THAT(records[0], HasSubstr("\x1a\x0d"
                                    "brain.Event:2"));                                // field 3, file_version
  EXPECT_THAT(records[1], HasSubstr("\x3a\x02\x08\x01"));                             // field 7, session_log: START
  EXPECT_THAT(records[1], HasSubstr("\x10\x04"));                                     // field 2, step
  EXPECT_THAT(records[2], HasSubstr(std::string("\x0a\x04loss\x15\0\0\0\x3f", 11)));  // tag, simple_value
  EXPECT_EQ(records[2][0], '\x09') << "wall_time is field 1, a double";
  EXPECT_GT(number_at<double>(records[2], 1), 1.7e9);
}

TEST(EventFile, ASecondOneInTheSameSecondHasAnotherName) {
  const TemporaryFolder folder;
  const EventFile first(folder.path(), 0), second(folder.path(), 0);
  EXPECT_LT(first.path(), second.path());
}

TEST(Metrics, WritesALineARecord) {
  const TemporaryFolder folder;
  {
    Metrics metrics(folder.path(), 0);
    metrics.add(StepRecord{.step = 1,
                           .tokens = 64,
                           .loss = 3.25,
                           .learning_rate = 0.1,
                           .gradient_norm = 2,
                           .tokens_per_second = 10,
                           .seconds = 6.4});
    metrics.add(ValidationRecord{.step = 1, .tokens = 64, .loss = 3.5, .bits_per_byte = 1.5});
    metrics.add(ValidationRecord{.step = 1, .tokens = 64, .loss = 3.5});
  }
  const auto lines = read_lines(folder / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], parse_json(R"({"step":1,"tokens":64,"loss":3.25,"learning_rate":0.1,"grad_norm":2.0,
                                     "tokens_per_second":10.0,"seconds":6.4})",
                                 "wanted"));
  EXPECT_EQ(lines[1]["validation_loss"], 3.5);
  EXPECT_EQ(lines[1]["validation_bits_per_byte"], 1.5);
  EXPECT_FALSE(lines[2].contains("validation_bits_per_byte"));
}

TEST(Metrics, AreCutBackWhereARunResumes) {
  const std::string one = "{\"step\":1,\"loss\":2}\n", two = "{\"step\":2,\"loss\":2}\n";
  const std::string val = "{\"step\":2,\"validation_loss\":2}\n", three = "{\"step\":3,\"loss\":2}\n";
  EXPECT_EQ(metrics_until(one + two + val + three, 2), one + two + val);
  EXPECT_EQ(metrics_until(one + two, 5), one + two);
  EXPECT_EQ(metrics_until(one + two, 0), "");
  EXPECT_EQ(metrics_until(one + "{\"step\":2,\"lo", 5), one) << "a torn line goes";
  EXPECT_EQ(metrics_until(one + "garbage\n" + two, 5), one);
  EXPECT_EQ(metrics_until("", 5), "");

  const TemporaryFolder folder;
  folder.write("metrics.jsonl", one + two + three);
  Metrics(folder.path(), 2).add(ValidationRecord{.step = 2, .tokens = 1, .loss = 9});
  const auto lines = read_lines(folder / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[2]["validation_loss"], 9.0);
}

}  // namespace
}  // namespace t6
