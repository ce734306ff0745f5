// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cuda/Library.h"

#include <cstdlib>

namespace fluxion::rt::cuda {

Status SharedObject::open(const char *variable, std::initializer_list<const char *> names,
                          const char *package) {
  const char *given = std::getenv(variable);
  if (given && *given) {
    path = given;
    opened = dlopen(given, RTLD_NOW | RTLD_LOCAL);
  } else {
    for (const char *name : names) {
      path += (path.empty() ? "" : " or ") + std::string(name);
      if (!opened)
        opened = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
  }
  return opened ? Status()
                : Status(Status::Kind::NotFound, path + " cannot be loaded; install " + package);
}

Status SharedObject::complete() const {
  return missing.empty() ? Status()
                         : Status(Status::Kind::NotFound,
                                  path + " has no " + missing + "; install a newer one");
}

Status Calls::status(const std::string &what, const std::string &words) const {
  if (code == 0)
    return {};
  return {Status::Kind::DeviceFailed, (what.empty() ? "" : what + ": ") + failed +
                                          " failed with status " + std::to_string(code) +
                                          (words.empty() ? "" : ", " + words)};
}

void Libraries::open(const fx_program &program, std::string &remark) {
  int64_t wanted[] = {0, 0};
  for (uint32_t e = 0; e < program.num_entries; ++e)
    for (uint32_t l = 0; l < program.entries[e].num_launches; ++l)
      if (const fx_library_call *call = program.entries[e].launches[l].call)
        ++wanted[call->convolution != nullptr];
  auto need = [&](int64_t count, const char *noun, auto open, auto &library) {
    if (count == 0)
      return;
    if (Status status = open(library); !status)
      remark += (remark.empty() ? "" : "; ") + status.message() + "; " + std::to_string(count) +
                " " + noun + (count == 1 ? " of " : "s of ") + program.name +
                (count == 1 ? " runs" : " run") + " by Fluxion's own kernels";
  };
  need(wanted[0], "product", openCublasLt, products);
  need(wanted[1], "convolution", openCudnn, convolutions);
}

const Library *Libraries::of(const fx_launch &launch) const {
  if (!launch.call)
    return nullptr;
  return launch.call->convolution ? convolutions.get() : products.get();
}

bool Libraries::serve(const fx_entry &entry) const {
  for (uint32_t l = 0; l < entry.num_launches; ++l)
    if (entry.launches[l].call && !of(entry.launches[l]))
      return false;
  return true;
}

} // namespace fluxion::rt::cuda
