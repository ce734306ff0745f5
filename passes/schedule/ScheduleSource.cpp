// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedule/ScheduleSource.h"

#include "ir/KernelModel.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace fluxion;

std::string fluxion::passes::kernelFingerprint(ir::KernelOp kernel) {
  OwningOpRef<Operation *> owner(kernel->clone());
  auto copy = cast<ir::KernelOp>(*owner);
  copy.setName("");
  copy.removePlacesAttr();
  copy.removeScheduleAttr();
  for (NamedAttribute attr : llvm::to_vector(copy->getDiscardableAttrs()))
    copy->removeDiscardableAttr(attr.getName());
  std::string text;
  llvm::raw_string_ostream out(text);
  copy->print(out, OpPrintingFlags().printGenericOpForm().useLocalScope());
  return llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true, /*Width=*/16);
}

DictionaryAttr fluxion::passes::parseScheduleText(StringRef text, MLIRContext *context,
                                                  std::string &error) {
  Builder b(context);
  NamedAttrList entries;
  SmallVector<StringRef> pairs;
  text.split(pairs, ',', -1, /*KeepEmpty=*/false);
  for (StringRef pair : pairs) {
    auto [key, value] = pair.split('=');
    key = key.trim(), value = value.trim();
    if (key.empty() || value.empty()) {
      error = ("schedule entry '" + pair + "' is not key=value").str();
      return {};
    }
    int64_t number;
    double real;
    if (!value.getAsInteger(10, number))
      entries.set(key, b.getI64IntegerAttr(number));
    else if (value == "true" || value == "false")
      entries.set(key, b.getBoolAttr(value == "true"));
    else if (!value.getAsDouble(real))
      entries.set(key, b.getF64FloatAttr(real));
    else
      entries.set(key, b.getStringAttr(value));
  }
  return entries.getDictionary(context);
}

std::string fluxion::passes::printScheduleText(DictionaryAttr schedule) {
  std::string text;
  llvm::raw_string_ostream out(text);
  for (NamedAttribute entry : schedule) {
    out << (text.empty() ? "" : ",") << entry.getName().getValue() << "=";
    if (auto word = dyn_cast<StringAttr>(entry.getValue()))
      out << word.getValue();
    else
      entry.getValue().print(out, /*elideType=*/true);
  }
  return text;
}
