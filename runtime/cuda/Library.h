// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Libraries of NVIDIA's that do what a program's tables give them, found at run time as the driver
// is: never linked and never needed.
#pragma once

#include "fluxion/runtime.h"
#include "runtime/cuda/MiniCuda.h"

#include <dlfcn.h>
#include <initializer_list>
#include <memory>

namespace fluxion::rt::cuda {

struct CallPlaces {
  CUdeviceptr left, right, result, workspace;
};

class Library {
public:
  virtual ~Library() = default;
  // Gives the call to the stream; the library's own first choice among its algorithms whose sums
  // have one order. `what` names it in messages.
  virtual Status enqueue(const fx_library_call &call, const CallPlaces &places, CUstream stream,
                         const std::string &what) const = 0;
};

// cuBLASLt for products: $FLUXION_CUBLASLT, else libcublasLt.so.13 or .12; one sentence where there
// is none.
Status openCublasLt(std::unique_ptr<const Library> &out);
// cuDNN for convolutions: $FLUXION_CUDNN, else libcudnn.so.9. Before: the context is current.
Status openCudnn(std::unique_ptr<const Library> &out);

// Those that the calls of a program need.
class Libraries {
public:
  // What is missing, and what is done instead, is in `remark`.
  void open(const fx_program &program, std::string &remark);
  // Who does the call that a launch names; null where there is none.
  const Library *of(const fx_launch &launch) const;
  // Is every call of the entry point done by its library?
  bool serve(const fx_entry &entry) const;

private:
  std::unique_ptr<const Library> products, convolutions;
};

// ---- For those who implement one ---------------------------------------------------------------

class SharedObject {
public:
  // $variable, else the first of `names` that there is; `package` is what to install.
  Status open(const char *variable, std::initializer_list<const char *> names, const char *package);
  template <typename Function> void find(const char *name, Function &function) {
    function = reinterpret_cast<Function>(dlsym(opened, name));
    if (!function && missing.empty())
      missing = name;
  }
  // Was everything found?
  Status complete() const;

private:
  void *opened = nullptr;
  std::string path, missing;
};

// Calls one behind the other, none after the first that fails.
class Calls {
public:
  template <typename Function, typename... Args>
  void run(const char *name, Function function, Args... args) {
    if (code == 0 && (code = function(args...)))
      failed = name;
  }
  // `words`: what the library says of the code; may be empty.
  Status status(const std::string &what, const std::string &words = "") const;
  int code = 0;

private:
  const char *failed = "";
};

// `Made` has `Status open()`.
template <typename Made> Status openAs(std::unique_ptr<const Library> &out) {
  auto made = std::make_unique<Made>();
  Status status = made->open();
  if (status)
    out = std::move(made);
  return status;
}

// A descriptor and the function that gives it back.
struct Descriptor {
  void *handle = nullptr;
  int (*release)(void *) = nullptr;
  ~Descriptor() {
    if (handle)
      release(handle);
  }
};

} // namespace fluxion::rt::cuda
