// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/report/FusionReport.h"

#include "passes/Program.h"
#include "passes/report/Verdict.h"
#include "passes/schedule/Cost.h"

#include "ir/ops/Update.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace fluxion;
using namespace fluxion::passes;

namespace {

KernelReport describe(ir::KernelOp kernel) {
  KernelReport line;
  line.name = kernel.getName().str();
  line.kind = ir::stringifyKernelKind(kernel.getKind()).str();
  if (auto schedule = kernel.getSchedule())
    if (auto backend = schedule->getConfig().getAs<StringAttr>("backend"))
      line.backend = backend.getValue().str();
  ir::KernelCost counted;
  ir::countWork(kernel, counted);
  auto integer = [&](StringRef name, double otherwise) {
    auto attr = kernel->getAttrOfType<IntegerAttr>(name);
    return attr ? (double)attr.getInt() : otherwise;
  };
  line.flops = integer(flopsAttrName, counted.flops);
  line.bytes = integer(bytesAttrName, counted.bytes);
  if (auto seconds = kernel->getAttrOfType<FloatAttr>(secondsAttrName))
    line.seconds = seconds.getValueAsDouble();
  if (auto others = kernel->getAttrOfType<DictionaryAttr>(othersAttrName))
    for (NamedAttribute other : others)
      line.others.emplace_back(other.getName().str(),
                               cast<FloatAttr>(other.getValue()).getValueAsDouble());
  if (auto tasks = kernel->getAttrOfType<IntegerAttr>(tasksAttrName))
    line.tasks = tasks.getInt();
  return line;
}

void addMeasurements(KernelReport &line, ir::KernelOp kernel, StringRef fingerprint,
                     const ir::TargetInfo &target, const ScheduleSource &measured) {
  line.measurements = measured.measurements(fingerprint, target, kernel.getContext());
  auto schedule = kernel.getSchedule();
  std::string inUse = schedule ? printScheduleText(schedule->getConfig()) : "";
  for (const Measurement &each : line.measurements)
    if (each.schedule == inUse)
      line.measured = each.seconds;
}

// "1.50 MB", "12.0 kB", "320 Mflop": three figures, decimal units.
std::string scaled(double value, StringRef unit) {
  const char *prefix[] = {"", "k", "M", "G", "T"};
  int step = 0;
  while (value >= 1000 && step < 4)
    value /= 1000, ++step;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(value < 10    ? "%.2f"
                                                 : value < 100 ? "%.1f"
                                                               : "%.0f",
                                                 value)
                                 << " " << prefix[step] << unit;
  return text;
}

llvm::json::Object summary(const EntryReport &entry) {
  return llvm::json::Object{{"kernels", entry.kernelCount},
                            {"bytes", entry.bytes},
                            {"flops", entry.flops},
                            {"arena_bytes", entry.arenaBytes},
                            {"seconds", entry.seconds}};
}

const EntryReport *find(ArrayRef<EntryReport> entries, StringRef name) {
  auto it = llvm::find_if(entries, [&](const EntryReport &e) { return e.name == name; });
  return it == entries.end() ? nullptr : it;
}

void printLine(llvm::raw_ostream &out, const KernelReport &line, bool timed) {
  auto time = [](double seconds) { return seconds > 0 ? duration(seconds) : "-"; };
  out << llvm::format("  %5d  %-9s %-14s %12s %12s %11s", (int)line.count, line.kind.c_str(),
                      line.backend.empty() ? "-" : line.backend.c_str(),
                      scaled(line.flops, "flop").c_str(), scaled(line.bytes, "B").c_str(),
                      time(line.seconds).c_str());
  if (timed)
    out << llvm::formatv("{0,12}", time(line.measured));
  out << "  " << line.name;
  for (auto &[backend, seconds] : line.others)
    out << " (" << backend << ": " << duration(seconds) << ")";
  out << "\n";
  if (std::string text = verdict(line.measurements); !text.empty())
    out << "         measured: " << text << "\n";
}

llvm::json::Object toJson(const KernelReport &line) {
  llvm::json::Object others;
  for (auto &[backend, seconds] : line.others)
    others[backend] = seconds;
  llvm::json::Object object{
      {"name", line.name},   {"kind", line.kind},   {"backend", line.backend},
      {"flops", line.flops}, {"bytes", line.bytes}, {"seconds", line.seconds},
      {"tasks", line.tasks}, {"count", line.count}, {"others", std::move(others)}};
  if (line.measured > 0)
    object["measured"] = line.measured;
  if (line.measurements.empty())
    return object;
  llvm::json::Array list;
  for (const Measurement &each : line.measurements)
    list.push_back(llvm::json::Object{
        {"schedule", each.schedule}, {"seconds", each.seconds}, {"chosen", each.chosen}});
  object["measurements"] = std::move(list);
  if (double times = lead(line.measurements))
    object["lead"] = times;
  return object;
}

} // namespace

std::vector<EntryReport> fluxion::passes::reportEntries(ModuleOp module,
                                                        const ScheduleSource *measured) {
  std::vector<EntryReport> reports;
  ir::TargetInfo target = ir::TargetInfo::of(module);
  for (func::FuncOp entry : entryPoints(module)) {
    EntryReport report;
    report.name = entry.getSymName().str();
    if (auto arena = entry->getAttrOfType<IntegerAttr>("fluxion.arena_bytes"))
      report.arenaBytes = arena.getInt();
    llvm::StringMap<size_t> lines;
    for (auto kernel : entry.getOps<ir::KernelOp>()) {
      KernelReport line = describe(kernel);
      ++report.kernelCount;
      report.flops += line.flops, report.bytes += line.bytes, report.seconds += line.seconds;
      std::string fingerprint = kernelFingerprint(kernel);
      auto [known, isNew] = lines.try_emplace(line.name + fingerprint, report.kernels.size());
      if (!isNew) {
        ++report.kernels[known->second].count;
        continue;
      }
      if (measured)
        addMeasurements(line, kernel, fingerprint, target, *measured);
      report.kernels.push_back(std::move(line));
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

std::string fluxion::passes::fusionReport(ModuleOp module, ModuleOp unfused,
                                          const ScheduleSource *measured) {
  std::string text;
  llvm::raw_string_ostream out(text);
  std::vector<EntryReport> before = unfused ? reportEntries(unfused) : std::vector<EntryReport>();
  for (const EntryReport &entry : reportEntries(module, measured)) {
    out << entry.name << ": " << entry.kernelCount << " kernels, " << scaled(entry.bytes, "B")
        << " moved, " << scaled(entry.flops, "flop") << ", arena "
        << scaled((double)entry.arenaBytes, "B") << "\n";
    if (const EntryReport *apart = find(before, entry.name))
      out << "  without fusion: " << apart->kernelCount << " kernels, " << scaled(apart->bytes, "B")
          << " moved, arena " << scaled((double)apart->arenaBytes, "B") << "\n";
    bool timed = llvm::any_of(entry.kernels, [](auto &line) { return !line.measurements.empty(); });
    out << llvm::format("  %5s  %-9s %-14s %12s %12s %11s", "count", "kind", "backend", "flops",
                        "bytes", "predicted")
        << (timed ? llvm::formatv("{0,12}", "measured").str() : "") << "  kernel\n";
    for (const KernelReport &line : entry.kernels)
      printLine(out, line, timed);
  }
  return text;
}

llvm::json::Value fluxion::passes::fusionReportJson(ModuleOp module, ModuleOp unfused,
                                                    const ScheduleSource *measured) {
  std::vector<EntryReport> before = unfused ? reportEntries(unfused) : std::vector<EntryReport>();
  llvm::json::Array entries;
  for (const EntryReport &entry : reportEntries(module, measured)) {
    llvm::json::Object object = summary(entry);
    object["entry"] = entry.name;
    if (const EntryReport *apart = find(before, entry.name))
      object["unfused"] = summary(*apart);
    llvm::json::Array list;
    for (const KernelReport &line : entry.kernels)
      list.push_back(toJson(line));
    object["list"] = std::move(list);
    entries.push_back(std::move(object));
  }
  return entries;
}
