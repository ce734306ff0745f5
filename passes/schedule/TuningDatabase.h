// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Measured schedules in a file (tuning.proto): binary, or text where the file's name ends in
// .txtpb.
#pragma once

#include "passes/schedule/ScheduleSource.h"

#include "llvm/Support/Error.h"

#include <memory>

namespace fluxion::tuning {
class Database;
}

namespace fluxion::passes {

class TuningDatabase final : public ScheduleSource {
public:
  TuningDatabase();
  TuningDatabase(TuningDatabase &&) noexcept;
  TuningDatabase &operator=(TuningDatabase &&) noexcept;
  ~TuningDatabase() override;

  // Errors name the file and, for text, the line.
  static llvm::Expected<TuningDatabase> load(llvm::StringRef path);
  // Replaces the file in one step; a failure leaves it as it was.
  llvm::Error save(llvm::StringRef path) const;
  // Of all schedules of a kernel on a target the fastest is the one to use; of two times of one
  // schedule the shorter stays. `chosen`: what the cost model takes where there is no database.
  void record(ir::KernelOp kernel, const ir::TargetInfo &target, mlir::DictionaryAttr schedule,
              double seconds, bool chosen = false);
  int64_t size() const;

  mlir::DictionaryAttr lookup(llvm::StringRef fingerprint, const ir::TargetInfo &target,
                              mlir::MLIRContext *context) const override;
  std::vector<Measurement> measurements(llvm::StringRef fingerprint, const ir::TargetInfo &target,
                                        mlir::MLIRContext *context) const override;

private:
  std::unique_ptr<tuning::Database> database;
};

} // namespace fluxion::passes
