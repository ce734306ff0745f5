// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The keys of one kernel's schedule, as a generator asks for them one by one.
#pragma once

#include "ir/ops/Update.h"

#include <string>

namespace fluxion::codegen {

// A decision is what the schedule gives, or else what the model chose; a value that does not fit is
// refused. The first refusal stays and stands for the whole schedule.
class ScheduleKeys {
public:
  explicit ScheduleKeys(ir::KernelOp kernel);

  // In [least, most]; `why` says in words what else binds it.
  int64_t integer(llvm::StringRef key, int64_t chosen, int64_t least, int64_t most,
                  llvm::StringRef why = "");
  // A divisor of `whole`, at most `most`.
  int64_t divisor(llvm::StringRef key, int64_t chosen, int64_t whole, int64_t most);
  bool flag(llvm::StringRef key, bool chosen);
  // Where decisions that each fit do not fit together.
  void refuse(const llvm::Twine &why);
  // Once every decision is made: a given key that nothing asked for is refused.
  void finish();

  // Everything that was asked for, and `backend`.
  mlir::DictionaryAttr decided(llvm::StringRef backend) const;
  const std::string &refusal() const { return refused; }

private:
  mlir::MLIRContext *context;
  mlir::DictionaryAttr given;
  mlir::NamedAttrList decisions;
  std::string refused;

  void refuse(llvm::StringRef key, mlir::Attribute value, const llvm::Twine &valid);
  int64_t decide(llvm::StringRef key, int64_t chosen, const llvm::Twine &valid,
                 llvm::function_ref<bool(int64_t)> fits);
};

} // namespace fluxion::codegen
