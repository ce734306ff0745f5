// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a planned module to an LLVM module: kernels by their backends, entry points as C functions
// of fluxion/abi.h, and the constant descriptor `fx_program` that names them.
#pragma once

#include "codegen/nvptx/Image.h"
#include "ir/Target.h"

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <map>
#include <string>
#include <vector>

namespace fluxion::codegen {

struct Fork {
  std::string function;
  double seconds = 0; // of the work it divides, as predicted
};

struct LoweredProgram {
  std::unique_ptr<llvm::Module> module;
  std::string descriptor;                 // symbol of the fx_program
  std::vector<std::string> extraObjects;  // from backends that emit native code themselves
  std::vector<Image> images;              // of a program for a GPU; the descriptor holds them too
  std::map<std::string, int64_t> kernels; // distinct kernel symbols and how often each is called
  std::map<std::string, double> contractions; // functions of contract kernels, and their flops
  std::vector<Fork> forks;                    // calls that may wake threads
};

struct LowerOptions {
  std::string name = "program"; // C identifiers are made of it
  std::string hash;             // identity written into the descriptor
  std::string descriptor;       // its symbol; empty: descriptorSymbol(name)
  std::string next;             // symbol of the same program for another target, or empty
  // Called with the text of every intermediate form when set: "lower" (MLIR), "llvm" (LLVM IR).
  std::function<void(llvm::StringRef stage, llvm::StringRef text)> dump;
};

// Before: every kernel is scheduled and has places; `fluxion.state_bytes` and `fluxion.arena_bytes`
// are set. The planned module is left as it was.
llvm::Expected<LoweredProgram> lowerProgram(mlir::ModuleOp planned, llvm::LLVMContext &context,
                                            const LowerOptions &options);

// Optimises and emits a native object for the host part of the target. The assembly of a program
// for a GPU is its PTX.
llvm::Expected<std::string> emitObject(LoweredProgram &program, const ir::TargetInfo &target,
                                       const LowerOptions &options);
llvm::Expected<std::string> emitAssembly(LoweredProgram &program, const ir::TargetInfo &target);

// Adds the `main` of a standalone program, which trains on the named kind of data (runtime/tools).
void emitMain(llvm::Module &module, llvm::StringRef descriptor, llvm::StringRef data);

// The symbol of the descriptor: of several targets' programs, the one at this position.
std::string descriptorSymbol(llvm::StringRef name, size_t position = 0);

// A C identifier from a dotted or slashed name.
std::string identifier(llvm::StringRef name);

} // namespace fluxion::codegen
