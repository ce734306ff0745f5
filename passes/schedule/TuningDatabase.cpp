// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/schedule/TuningDatabase.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"

#include "passes/schedule/tuning.pb.h"

#include <cmath>

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

tuning::Entry *find(tuning::Database &database, StringRef target, StringRef fingerprint) {
  for (tuning::Entry &entry : *database.mutable_entries())
    if (entry.target() == target && entry.fingerprint() == fingerprint)
      return &entry;
  return nullptr;
}

// What is known of the kernel on the target, at first nothing.
tuning::Entry &findOrAdd(tuning::Database &database, const std::string &target,
                         const std::string &fingerprint) {
  if (tuning::Entry *known = find(database, target, fingerprint))
    return *known;
  tuning::Entry *added = database.add_entries();
  added->set_target(target);
  added->set_fingerprint(fingerprint);
  auto &entries = *database.mutable_entries();
  std::sort(entries.begin(), entries.end(), [](const tuning::Entry &a, const tuning::Entry &b) {
    return std::tie(a.target(), a.fingerprint()) < std::tie(b.target(), b.fingerprint());
  });
  return *find(database, target, fingerprint);
}

void setSchedule(tuning::Entry &entry, DictionaryAttr schedule) {
  entry.clear_schedule();
  for (NamedAttribute pair : schedule) {
    tuning::Key *key = entry.add_schedule();
    key->set_name(pair.getName().str());
    *key->mutable_value() = toValue(pair.getValue());
  }
}

DictionaryAttr scheduleOf(const tuning::Entry &entry, MLIRContext *context) {
  Builder b(context);
  NamedAttrList config;
  for (const tuning::Key &key : entry.schedule())
    if (Attribute value = toAttribute(key.value(), b))
      config.set(key.name(), value);
  return config.getDictionary(context);
}

// The entry's own schedule among them, if it was measured.
std::vector<Measurement> measurementsOf(const tuning::Entry &entry, MLIRContext *context) {
  std::vector<Measurement> list;
  if (entry.seconds() > 0)
    list.push_back(
        {printScheduleText(scheduleOf(entry, context)), entry.seconds(), entry.chosen()});
  for (const tuning::Measurement &other : entry.others())
    list.push_back({other.schedule(), other.seconds(), other.chosen()});
  return list;
}

// The cost model has one choice, the later one; a schedule has one time, the shorter one.
void add(std::vector<Measurement> &list, const Measurement &measured) {
  if (measured.chosen)
    for (Measurement &known : list)
      known.chosen = false;
  for (Measurement &known : list)
    if (known.schedule == measured.schedule) {
      known.seconds = std::min(known.seconds, measured.seconds);
      known.chosen |= measured.chosen;
      return;
    }
  list.push_back(measured);
}

void assign(tuning::Entry &entry, std::vector<Measurement> list, MLIRContext *context) {
  llvm::sort(list, [](const Measurement &a, const Measurement &b) {
    return std::tie(a.seconds, a.schedule) < std::tie(b.seconds, b.schedule);
  });
  entry.clear_others();
  for (auto [i, measured] : llvm::enumerate(list)) {
    if (i == 0) {
      std::string error;
      setSchedule(entry, parseScheduleText(measured.schedule, context, error));
      entry.set_seconds(measured.seconds);
      entry.set_chosen(measured.chosen);
      continue;
    }
    tuning::Measurement *other = entry.add_others();
    other->set_schedule(measured.schedule);
    other->set_seconds(measured.seconds);
    other->set_chosen(measured.chosen);
  }
}

using ParseTree = google::protobuf::TextFormat::ParseInfoTree;

// Looks for what tune would not write. `tree` says where in a text things stand; it may be null.
class Checker {
public:
  Checker(StringRef path, const ParseTree *tree) : path(path), tree(tree) {}
  llvm::Error check(const tuning::Database &database) const;

private:
  std::string path;
  const ParseTree *tree;
  mutable MLIRContext context{MLIRContext::Threading::DISABLED};

  llvm::Error check(const tuning::Entry &entry, int number) const;
  // The field of a message with this tree; the entry itself where the field is left out.
  llvm::Error complain(const tuning::Entry &entry, int number, StringRef field, int index,
                       const std::string &what) const;
};

llvm::Error Checker::complain(const tuning::Entry &entry, int number, StringRef field, int index,
                              const std::string &what) const {
  std::string where = path;
  if (tree) {
    const auto *entries = tuning::Database::descriptor()->FindFieldByName("entries");
    auto place = tree->GetLocation(entries, number);
    const auto *inner = tuning::Entry::descriptor()->FindFieldByName(field.str());
    auto within = tree->GetTreeForNested(entries, number)->GetLocation(inner, index);
    if (within.line >= 0)
      place = within;
    where += ":" + std::to_string(place.line + 1) + ":" + std::to_string(place.column + 1);
  }
  return llvm::createStringError(where + ": entry " + std::to_string(number + 1) + " (\"" +
                                 entry.kernel() + "\"): " + what +
                                 "; write the file again with fluxion tune");
}

llvm::Error Checker::check(const tuning::Entry &entry, int number) const {
  auto isTime = [](double seconds) { return std::isfinite(seconds) && seconds > 0; };
  if (entry.target().empty())
    return complain(entry, number, "target", -1, "it has no target");
  if (entry.fingerprint().empty())
    return complain(entry, number, "fingerprint", -1, "it has no fingerprint");
  if (entry.seconds() != 0 && !isTime(entry.seconds()))
    return complain(entry, number, "seconds", -1,
                    "a time is a positive number, not " + std::to_string(entry.seconds()));
  for (int i = 0; i < entry.schedule_size(); ++i)
    if (const tuning::Key &key = entry.schedule(i);
        key.name().empty() || key.value().kind_case() == tuning::Value::KIND_NOT_SET)
      return complain(entry, number, "schedule", i, "a key needs a name and a value");
  for (int i = 0; i < entry.others_size(); ++i) {
    const tuning::Measurement &other = entry.others(i);
    std::string error;
    if (!parseScheduleText(other.schedule(), &context, error))
      return complain(entry, number, "others", i, error);
    if (!isTime(other.seconds()))
      return complain(entry, number, "others", i,
                      "a time is a positive number, not " + std::to_string(other.seconds()));
  }
  return llvm::Error::success();
}

llvm::Error Checker::check(const tuning::Database &database) const {
  for (int i = 0; i < database.entries_size(); ++i)
    if (llvm::Error problem = check(database.entries(i), i))
      return problem;
  return llvm::Error::success();
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
  ParseTree tree;
  if (isText(path)) {
    ParseErrors errors;
    google::protobuf::TextFormat::Parser parser;
    parser.RecordErrorsTo(&errors);
    parser.WriteLocationsTo(&tree);
    if (!parser.ParseFromString(bytes, result.database.get()))
      return llvm::createStringError(path + ":" + errors.first);
  } else if (!result.database->ParseFromString(bytes)) {
    return llvm::createStringError(path + ": not a tuning database (text databases end in .txtpb)");
  }
  if (llvm::Error damage = Checker(path, isText(path) ? &tree : nullptr).check(*result.database))
    return damage;
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

void TuningDatabase::record(ir::KernelOp kernel, const ir::TargetInfo &target,
                            DictionaryAttr schedule, double seconds, bool chosen) {
  tuning::Entry &entry = findOrAdd(*database, targetKey(target), kernelFingerprint(kernel));
  entry.set_kernel(kernel.getName().str());
  std::vector<Measurement> list = measurementsOf(entry, kernel.getContext());
  add(list, {printScheduleText(schedule), seconds, chosen});
  assign(entry, std::move(list), kernel.getContext());
}

int64_t TuningDatabase::size() const { return database->entries_size(); }

DictionaryAttr TuningDatabase::lookup(StringRef fingerprint, const ir::TargetInfo &target,
                                      MLIRContext *context) const {
  const tuning::Entry *entry = find(*database, targetKey(target), fingerprint);
  return entry ? scheduleOf(*entry, context) : DictionaryAttr();
}

std::vector<Measurement> TuningDatabase::measurements(StringRef fingerprint,
                                                      const ir::TargetInfo &target,
                                                      MLIRContext *context) const {
  const tuning::Entry *entry = find(*database, targetKey(target), fingerprint);
  return entry ? measurementsOf(*entry, context) : std::vector<Measurement>();
}
