// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/common/ScheduleKeys.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::codegen;

ScheduleKeys::ScheduleKeys(ir::KernelOp kernel)
    : context(kernel.getContext()), given(kernel.getSchedule() ? kernel.getSchedule()->getConfig()
                                                               : DictionaryAttr::get(context)) {}

void ScheduleKeys::refuse(StringRef key, Attribute value, const Twine &valid) {
  if (!refused.empty())
    return;
  llvm::raw_string_ostream out(refused);
  out << "schedule key " << key << "=";
  if (auto text = dyn_cast<StringAttr>(value))
    out << text.getValue();
  else
    value.print(out, /*elideType=*/true);
  out << " does not fit: it is " << valid;
}

void ScheduleKeys::refuse(const Twine &why) {
  if (refused.empty())
    refused = ("schedule does not fit: " + why).str();
}

int64_t ScheduleKeys::decide(StringRef key, int64_t chosen, const Twine &valid,
                             llvm::function_ref<bool(int64_t)> fits) {
  if (Attribute value = given.get(key)) {
    auto number = dyn_cast<IntegerAttr>(value);
    if (number && !isa<BoolAttr>(value) && fits(number.getInt()))
      chosen = number.getInt();
    else
      refuse(key, value, valid);
  }
  decisions.set(key, Builder(context).getI64IntegerAttr(chosen));
  return chosen;
}

int64_t ScheduleKeys::integer(StringRef key, int64_t chosen, int64_t least, int64_t most,
                              StringRef why) {
  return decide(key, chosen, Twine(least) + " to " + Twine(most) + why,
                [&](int64_t value) { return least <= value && value <= most; });
}

int64_t ScheduleKeys::divisor(StringRef key, int64_t chosen, int64_t whole, int64_t most) {
  return decide(key, chosen, "a divisor of " + Twine(whole) + ", at most " + Twine(most),
                [&](int64_t value) { return value >= 1 && value <= most && whole % value == 0; });
}

bool ScheduleKeys::flag(StringRef key, bool chosen) {
  if (Attribute value = given.get(key)) {
    if (auto flag = dyn_cast<BoolAttr>(value))
      chosen = flag.getValue();
    else
      refuse(key, value, "true or false");
  }
  decisions.set(key, BoolAttr::get(context, chosen));
  return chosen;
}

void ScheduleKeys::finish() {
  for (NamedAttribute entry : given) {
    StringRef key = entry.getName();
    if (key == "backend" || decisions.get(key) || !refused.empty())
      continue;
    StringRef nearest;
    for (NamedAttribute known : decisions)
      if (nearest.empty() ||
          key.edit_distance(known.getName().getValue()) < key.edit_distance(nearest))
        nearest = known.getName().getValue();
    refused =
        ("unknown schedule key \"" + key + "\"; " +
         (nearest.empty() ? "this kernel has none but backend" : "did you mean " + nearest + "?"))
            .str();
  }
}

DictionaryAttr ScheduleKeys::decided(StringRef backend) const {
  NamedAttrList all(decisions);
  all.set("backend", StringAttr::get(context, backend));
  return all.getDictionary(context);
}
