// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedule/TuningDatabase.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"

#include "passes/schedule/tuning.pb.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

namespace {

std::string targetKey(const ir::TargetInfo &target) { return target.kind + ":" + target.cpu; }

bool isText(StringRef path) { return path.ends_with(".txtpb"); }

// The first complaint of the text parser, with its line.
struct ParseErrors : google::protobuf::io::ErrorCollector {
  std::string first;
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string &message) override {
    if (first.empty())
      first = std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": " + message;
  }
};

tuning::Value toValue(Attribute attribute) {
  tuning::Value value;
  if (auto flag = dyn_cast<BoolAttr>(attribute))
    value.set_flag(flag.getValue());
  else if (auto integer = dyn_cast<IntegerAttr>(attribute))
    value.set_integer(integer.getInt());
  else if (auto number = dyn_cast<FloatAttr>(attribute))
    value.set_number(number.getValueAsDouble());
  else if (auto text = dyn_cast<StringAttr>(attribute))
    value.set_text(text.getValue().str());
  return value;
}

Attribute toAttribute(const tuning::Value &value, Builder &b) {
  switch (value.kind_case()) {
  case tuning::Value::kInteger:
    return b.getI64IntegerAttr(value.integer());
  case tuning::Value::kFlag:
    return b.getBoolAttr(value.flag());
  case tuning::Value::kNumber:
    return b.getF64FloatAttr(value.number());
  case tuning::Value::kText:
    return b.getStringAttr(value.text());
  case tuning::Value::KIND_NOT_SET:
    break;
  }
  return {};
}

bool sameKernel(const tuning::Entry &a, const tuning::Entry &b) {
  return a.target() == b.target() && a.fingerprint() == b.fingerprint();
}

// Inserts by (target, fingerprint), or replaces a slower entry.
void insert(tuning::Database &database, const tuning::Entry &entry) {
  for (tuning::Entry &known : *database.mutable_entries())
    if (sameKernel(known, entry)) {
      if (entry.seconds() < known.seconds())
        known = entry;
      return;
    }
  *database.add_entries() = entry;
  auto &entries = *database.mutable_entries();
  std::sort(entries.begin(), entries.end(), [](const tuning::Entry &a, const tuning::Entry &b) {
    return std::tie(a.target(), a.fingerprint()) < std::tie(b.target(), b.fingerprint());
  });
}

} // namespace

TuningDatabase::TuningDatabase() : database(std::make_unique<tuning::Database>()) {}
TuningDatabase::TuningDatabase(TuningDatabase &&) noexcept = default;
TuningDatabase &TuningDatabase::operator=(TuningDatabase &&) noexcept = default;
TuningDatabase::~TuningDatabase() = default;

llvm::Expected<TuningDatabase> TuningDatabase::load(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(path + ": " + buffer.getError().message());
  TuningDatabase result;
  std::string bytes = (*buffer)->getBuffer().str();
  if (isText(path)) {
    ParseErrors errors;
    google::protobuf::TextFormat::Parser parser;
    parser.RecordErrorsTo(&errors);
    if (!parser.ParseFromString(bytes, result.database.get()))
      return llvm::createStringError(path + ":" + errors.first);
  } else if (!result.database->ParseFromString(bytes)) {
    return llvm::createStringError(path + ": not a tuning database (text databases end in .txtpb)");
  }
  return result;
}

llvm::Error TuningDatabase::save(StringRef path) const {
  // A rename would put a file in the place of a device.
  if (llvm::sys::fs::exists(path) && !llvm::sys::fs::is_regular_file(path))
    return llvm::createStringError(path + ": not a regular file");
  std::string bytes;
  bool written = isText(path) ? google::protobuf::TextFormat::PrintToString(*database, &bytes)
                              : database->SerializeToString(&bytes);
  if (!written)
    return llvm::createStringError(path + ": the tuning database cannot be written as text");
  llvm::Error problem = llvm::writeToOutput(path, [&](llvm::raw_ostream &out) {
    out << bytes;
    return llvm::Error::success();
  });
  if (problem)
    return llvm::createStringError(path + ": " + llvm::toString(std::move(problem)));
  return llvm::Error::success();
}

void TuningDatabase::merge(const TuningDatabase &other) {
  for (const tuning::Entry &entry : other.database->entries())
    insert(*database, entry);
}

void TuningDatabase::record(ir::KernelOp kernel, const ir::TargetInfo &target,
                            DictionaryAttr schedule, double seconds) {
  tuning::Entry entry;
  entry.set_target(targetKey(target));
  entry.set_fingerprint(kernelFingerprint(kernel));
  entry.set_kernel(kernel.getName().str());
  entry.set_seconds(seconds);
  for (NamedAttribute pair : schedule) {
    tuning::Key *key = entry.add_schedule();
    key->set_name(pair.getName().str());
    *key->mutable_value() = toValue(pair.getValue());
  }
  insert(*database, entry);
}

int64_t TuningDatabase::size() const { return database->entries_size(); }

DictionaryAttr TuningDatabase::lookup(StringRef fingerprint, const ir::TargetInfo &target,
                                      MLIRContext *context) const {
  Builder b(context);
  std::string wanted = targetKey(target);
  for (const tuning::Entry &entry : database->entries()) {
    if (entry.target() != wanted || entry.fingerprint() != fingerprint)
      continue;
    NamedAttrList config;
    for (const tuning::Key &key : entry.schedule())
      if (Attribute value = toAttribute(key.value(), b))
        config.set(key.name(), value);
    return config.getDictionary(context);
  }
  return {};
}
