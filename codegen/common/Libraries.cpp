// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "codegen/common/Libraries.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#include <dlfcn.h>

using namespace llvm;

// The program or shared library that has this code.
static SmallString<256> ownFile() {
  Dl_info info;
  SmallString<256> here;
  if (!dladdr((void *)&ownFile, &info) || sys::fs::real_path(info.dli_fname, here))
    here = sys::fs::getMainExecutable(nullptr, (void *)&ownFile);
  return here;
}

std::string fluxion::codegen::compilerIdentity() {
  sys::fs::file_status status;
  if (sys::fs::status(ownFile(), status))
    return "";
  auto time = status.getLastModificationTime().time_since_epoch();
  return std::to_string(status.getSize()) + "," + std::to_string(time.count());
}

std::string fluxion::codegen::libraryDirectory() {
  if (auto given = sys::Process::GetEnv("FLUXION_RUNTIME_DIR"))
    return *given;
  SmallString<256> here = ownFile();
  sys::path::remove_filename(here);
  if (!sys::fs::exists(here + "/libfluxion_rt.a")) {
    SmallString<256> beside(here);
    sys::path::append(beside, "..", "lib");
    if (sys::fs::exists(beside + "/libfluxion_rt.a"))
      return std::string(beside);
  }
  return std::string(here);
}
