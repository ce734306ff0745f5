// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Object bytes linked into this process: the same bytes that would go to a file.
#pragma once

#include "fluxion/abi.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fluxion::codegen {

// Owns the memory of a linked program; the descriptor lives as long as this does.
class LinkedProgram {
public:
  virtual ~LinkedProgram() = default;
  virtual const fx_program *program() const = 0;
};

// Links the objects of one program. `runtime` names the functions the program calls
// (fx_parallel_for).
llvm::Expected<std::unique_ptr<LinkedProgram>>
linkInProcess(llvm::ArrayRef<std::string> objects, llvm::StringRef descriptor,
              llvm::ArrayRef<std::pair<std::string, void *>> runtime);

} // namespace fluxion::codegen
