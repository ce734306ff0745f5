// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/report/Verdict.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace fluxion;
using namespace fluxion::passes;
using llvm::ArrayRef, llvm::StringRef;

namespace {

using Keys = llvm::SmallVector<StringRef>;

Keys keysOf(const Measurement &measured) {
  Keys keys;
  StringRef(measured.schedule).split(keys, ',', -1, /*KeepEmpty=*/false);
  return keys;
}

StringRef backendOf(const Measurement &measured) {
  for (StringRef key : keysOf(measured))
    if (key.consume_front("backend="))
      return key;
  return "";
}

// The best of every backend where there are several, else the two best schedules.
llvm::SmallVector<const Measurement *> contenders(ArrayRef<Measurement> fastestFirst) {
  llvm::SmallVector<const Measurement *> best;
  for (const Measurement &measured : fastestFirst)
    if (llvm::none_of(best, [&](auto *m) { return backendOf(*m) == backendOf(measured); }))
      best.push_back(&measured);
  if (best.size() == 1 && fastestFirst.size() > 1)
    best.push_back(&fastestFirst[1]);
  return best;
}

// What tells a schedule from another: its backend, or the keys that the other one has not so.
std::string difference(const Measurement &from, const Measurement &other) {
  if (backendOf(from) != backendOf(other))
    return backendOf(from).str();
  Keys keys = keysOf(from), others = keysOf(other);
  llvm::erase_if(keys, [&](StringRef key) { return llvm::is_contained(others, key); });
  // A key that only the other has: nothing of this one differs.
  return keys.empty() ? backendOf(from).str() : llvm::join(keys, ",");
}

std::string ratio(double more, double less) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.2fx", more / less);
  return text;
}

// Whether the cost model would have taken the winner, or what it loses; its time where that is not
// among the contenders.
std::string ofTheModel(ArrayRef<Measurement> fastestFirst,
                       ArrayRef<const Measurement *> contenders) {
  const Measurement &winner = fastestFirst[0];
  auto chosen = llvm::find_if(fastestFirst, [](const Measurement &m) { return m.chosen; });
  if (chosen == fastestFirst.end())
    return "";
  if (chosen == &winner)
    return " (as the cost model chose)";
  std::string text = " (the cost model chose " + difference(*chosen, winner);
  if (!llvm::is_contained(contenders, chosen))
    text += ", " + duration(chosen->seconds) + ": " + ratio(chosen->seconds, winner.seconds);
  return text + ")";
}

} // namespace

std::string fluxion::passes::duration(double seconds) {
  std::string text;
  auto [unit, scale] = seconds < 1e-6   ? std::pair(" ns", 1e9)
                       : seconds < 1e-3 ? std::pair(" us", 1e6)
                                        : std::pair(" ms", 1e3);
  llvm::raw_string_ostream(text) << llvm::format("%.3g", seconds * scale) << unit;
  return text;
}

double fluxion::passes::lead(ArrayRef<Measurement> fastestFirst) {
  auto best = contenders(fastestFirst);
  return best.size() < 2 ? 0 : best[1]->seconds / best[0]->seconds;
}

std::string fluxion::passes::verdict(ArrayRef<Measurement> fastestFirst) {
  auto best = contenders(fastestFirst);
  if (best.size() < 2)
    return "";
  const Measurement &winner = *best[0];
  std::string text = difference(winner, *best[1]) + " " + duration(winner.seconds);
  for (const Measurement *other : llvm::drop_begin(best))
    text += ", " + difference(*other, winner) + " " + duration(other->seconds) + ": " +
            ratio(other->seconds, winner.seconds);
  return text + ofTheModel(fastestFirst, best);
}
