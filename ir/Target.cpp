// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/Target.h"

#include "ir/Dialect.h"

using namespace mlir;
using namespace fluxion::ir;

int64_t TargetInfo::computeCapability() const {
  StringRef digits = cpu;
  int64_t number = 0;
  return digits.consume_front("sm_") && !digits.consumeInteger(10, number) ? number : 0;
}

TargetAttr TargetInfo::toAttr(MLIRContext *context) const {
  Builder b(context);
  NamedAttrList config;
  config.set("kind", b.getStringAttr(kind));
  config.set("triple", b.getStringAttr(triple));
  config.set("cpu", b.getStringAttr(cpu));
  config.set("features", b.getStringAttr(features));
  config.set("vector_bytes", b.getI64IntegerAttr(vectorBytes));
  config.set("vector_registers", b.getI64IntegerAttr(vectorRegisters));
  config.set("l1_bytes", b.getI64IntegerAttr(l1Bytes));
  config.set("l2_bytes", b.getI64IntegerAttr(l2Bytes));
  config.set("l3_bytes", b.getI64IntegerAttr(l3Bytes));
  config.set("cores", b.getI64IntegerAttr(cores));
  config.set("fma", b.getBoolAttr(fma));
  if (sharedBytes)
    config.set("shared_bytes", b.getI64IntegerAttr(sharedBytes));
  return TargetAttr::get(context, config.getDictionary(context));
}

TargetInfo TargetInfo::fromAttr(TargetAttr attr) {
  TargetInfo info;
  DictionaryAttr config = attr.getConfig();
  auto text = [&](StringRef key, std::string &out) {
    if (auto value = config.getAs<StringAttr>(key))
      out = value.str();
  };
  auto number = [&](StringRef key, int64_t &out) {
    if (auto value = config.getAs<IntegerAttr>(key))
      out = value.getInt();
  };
  text("kind", info.kind);
  text("triple", info.triple);
  text("cpu", info.cpu);
  text("features", info.features);
  number("vector_bytes", info.vectorBytes);
  number("vector_registers", info.vectorRegisters);
  number("l1_bytes", info.l1Bytes);
  number("l2_bytes", info.l2Bytes);
  number("l3_bytes", info.l3Bytes);
  number("cores", info.cores);
  number("shared_bytes", info.sharedBytes);
  if (auto value = config.getAs<BoolAttr>("fma"))
    info.fma = value.getValue();
  return info;
}

TargetInfo TargetInfo::of(ModuleOp module) {
  auto attr = module->getAttrOfType<TargetAttr>(targetAttrName);
  return attr ? fromAttr(attr) : TargetInfo();
}

int64_t TargetInfo::lanes(Type element) const {
  int64_t bytes = std::max<int64_t>(1, (element.getIntOrFloatBitWidth() + 7) / 8);
  return std::max<int64_t>(1, vectorBytes / bytes);
}
