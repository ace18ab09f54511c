#include "t6/tasks/make/vocabulary.h"

#include <algorithm>

#include "t6/core/error.h"

namespace t6 {
namespace {

constexpr std::string_view kAdjectives =
    "able ample aqua arid avid azure bald bare basic beige big bitter black bland blank blue blunt bold bony "
    "brave brief bright brisk broad brown bumpy busy calm candid careful cheap chief chilly civil clean clear "
    "clever cloudy cold cool coral cosy crisp cubic curly curved daily damp dark deaf dear deep dense dim "
    "dire dizzy double drab dry dual dull dusty eager early easy elder empty equal even exact extra faint "
    "fair famous fancy fast fierce final fine firm fit flat fluffy fond formal frail frank free fresh frosty "
    "full funny fuzzy gentle giant glad glossy golden good grand grave gray great green grim gross half handy "
    "happy hard harsh hasty hazy heavy hidden high hollow honest hot huge humble humid icy ideal idle inner "
    "ivory joint jolly jumbo just keen kind large last late lazy lean legal level light likely lilac little "
    "lively local lonely long loose loud loyal lucky mad major maroon mature mellow mild minor misty modern "
    "modest muddy narrow native neat new nice noble noisy normal odd old olive open orange oval pale past "
    "patient plain polite proud pure purple quick quiet rapid rare raw ready real red remote rich ripe rough "
    "round royal rural rusty sad safe salty scarlet secret serious shallow sharp shiny short shy silent "
    "silver simple sleepy slim slow small smart smooth snowy soft solar solid sore spare square steady steep "
    "stiff still strange strong sturdy sunny sweet swift tall tame tan teal tender thick thin tidy tiny tired "
    "tough true upper urban vague vast violet vital vivid warm wary weak wet white whole wide wild windy wise "
    "witty wooden yellow young";

constexpr std::string_view kNouns =
    "acorn actor anchor angle ant apple apron arch arm arrow ash autumn axe badge bag baker ball banjo bank "
    "barn barrel basin basket bat bath bay beach bead beam bean bear bed bee bell belt bench berry bike bird "
    "blade board boat bolt bone book boot bottle bowl box branch brass bread brick bridge broom brush bucket "
    "bud bus bush cabin cake camel camp candle canoe canyon cap card carpet cart castle cat cave chain chair "
    "chalk chest circle clay cliff clock cloud coach coast coat coin comet copper corn cotton cow crab crane "
    "creek crow crown cup curtain deer desert desk dish dock dog door dove dragon dream dress drum duck eagle "
    "ear earth egg elbow elm engine falcon farm feather fence fern ferry field finger fire fish flag flame "
    "flute fog forest fork fox frog fruit garden gate ghost giraffe glass glove goat gold goose grape grass "
    "guitar hammer harbor hat hawk hill honey horn horse house island ivy jacket jar jewel kettle key king "
    "kite knee knife ladder lake lamp lantern leaf lemon letter lion lizard lock maple market marsh mask "
    "meadow melon mirror mole moon mountain mouse museum nail nest net nickel night oak oar ocean onion "
    "orchard otter owl paddle palace paper parrot path peach pearl pencil pepper piano pigeon pillow pine "
    "pirate plane planet plate plum pocket pond pony pot potato prince pump puzzle queen rabbit rail rain "
    "raven ribbon rice ring river road robin rocket roof root rope rose sail salt sand saw scarf school seal "
    "seed shadow sheep shelf shell ship shoe shovel silk skirt sky snail snake snow soap sock spider spoon "
    "spring squirrel stable stairs star stone storm stove stream street sugar summer sun swan table tail tent "
    "thread throne thumb tiger timber toad tower train tree trumpet tulip tunnel turtle valley vase village "
    "violin wagon wall walnut water wave weasel whale wheat wheel window wing winter wolf wool yard zebra";

std::vector<std::string_view> split(std::string_view words) {
  std::vector<std::string_view> list;
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    list.push_back(words.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

const std::vector<std::string_view>& adjectives() {
  static const std::vector<std::string_view> list = split(kAdjectives);
  return list;
}

const std::vector<std::string_view>& nouns() {
  static const std::vector<std::string_view> list = split(kNouns);
  return list;
}

}  // namespace

int64_t pair_count() { return std::ssize(adjectives()) * std::ssize(nouns()); }

std::string random_pair(Random& random) {
  const std::string_view first = adjectives()[random.below(adjectives().size())];
  return fmt::format("{}-{}", first, nouns()[random.below(nouns().size())]);
}

std::string random_digits(Random& random, int count) {
  std::string digits(1, static_cast<char>('1' + random.below(9)));
  while (std::ssize(digits) < count) digits += static_cast<char>('0' + random.below(10));
  return digits;
}

std::string random_letters(Random& random, char first, int count) {
  std::string letters;
  while (std::ssize(letters) < count) letters += static_cast<char>(first + static_cast<char>(random.below(26)));
  return letters;
}

std::string random_uuid(Random& random) {
  // The bits of RFC 9562 that say version 4 and its variant.
  const uint64_t high = (random.next() & ~uint64_t{0xf000}) | 0x4000;
  const uint64_t low = (random.next() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff, high & 0xffff, low >> 48,
                     low & 0xffffffffffff);
}

std::string random_secret(Random& random, Secret kind) {
  if (kind == Secret::number) return random_digits(random, 7);
  return kind == Secret::pair ? random_pair(random) : random_uuid(random);
}

std::string DistinctSecrets::next(Random& random) {
  const int64_t all = kind_ == Secret::pair ? pair_count() : kind_ == Secret::number ? 9'000'000 : INT64_MAX;
  require(std::ssize(drawn_) < all - all / 8, "the context is too long: it would need more than {} different {}",
          drawn_.size(), kind_ == Secret::pair ? "words" : "numbers");
  for (;;) {
    const auto [place, added] = drawn_.insert(random_secret(random, kind_));
    if (added) return *place;
  }
}

std::string join(const std::vector<std::string>& list, std::string_view separator) {
  std::string text;
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) text += separator;
    text += list[i];
  }
  return text;
}

std::string numbered(const std::vector<std::string>& list) {
  std::string text;
  for (size_t i = 0; i < list.size(); ++i) text += fmt::format("{}{}. {}", i > 0 ? " " : "", i + 1, list[i]);
  return text;
}

}  // namespace t6
