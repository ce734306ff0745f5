// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where schedules come from besides the cost model, and the key they are stored under.
#pragma once

#include "ir/Target.h"
#include "ir/ops/Update.h"

#include <string>
#include <vector>

namespace fluxion::passes {

struct Measurement {
  std::string schedule; // as printScheduleText writes it
  double seconds = 0;   // best time
  bool chosen = false;  // what the cost model takes where there is no source
};

class ScheduleSource {
public:
  virtual ~ScheduleSource() = default;
  // Null where nothing is known of the kernel on the target.
  virtual mlir::DictionaryAttr lookup(llvm::StringRef fingerprint, const ir::TargetInfo &target,
                                      mlir::MLIRContext *context) const = 0;
  // Every schedule that was timed for the kernel on the target, fastest first.
  virtual std::vector<Measurement> measurements(llvm::StringRef fingerprint,
                                                const ir::TargetInfo &target,
                                                mlir::MLIRContext *context) const {
    return {};
  }
};

// Equal for kernels that generate equal code up to their schedule: 16 hex digits of a hash of the
// body and the operand types, whatever the kernel's name, places and locations.
std::string kernelFingerprint(ir::KernelOp kernel);

// "key=value,key=value": integers, true, false, floats; anything else is a string. Null and `error`
// set where an entry has no `=`.
mlir::DictionaryAttr parseScheduleText(llvm::StringRef text, mlir::MLIRContext *context,
                                       std::string &error);
// The text that parses to it.
std::string printScheduleText(mlir::DictionaryAttr schedule);

} // namespace fluxion::passes
