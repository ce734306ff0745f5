// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled programs as files: object, C header, standalone executable. A file appears whole or not
// at all.
#pragma once

#include "fluxion/abi.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace fluxion::codegen {

// Writes to a temporary file beside `path` and renames it.
llvm::Error writeFile(llvm::StringRef path, llvm::StringRef bytes, bool executable = false);

// One relocatable object from the objects of a program.
llvm::Error writeObject(llvm::StringRef path, llvm::ArrayRef<std::string> objects);

// The C header that goes with the object: sizes, entry points in their order, the descriptor.
std::string headerText(const fx_program &program, llvm::StringRef descriptor);

struct LinkOptions {
  std::string libraries;             // folder of libfluxion_rt.a and libfluxion_train.a
  std::vector<std::string> archives; // linked after the objects, in order
};

// Links objects (one of them defines `main`) into a stripped executable with the C++ compiler found
// as $CXX, c++, g++ or clang++; says what to install where there is none.
llvm::Error linkExecutable(llvm::StringRef path, llvm::ArrayRef<std::string> objects,
                           const LinkOptions &options);

} // namespace fluxion::codegen
