// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes filter.o and filter.h, compiled for any x86-64 of the last decade.
#include <fluxion/fluxion.h>

#include <cstdio>
#include <exception>

using namespace fluxion;

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s filter.o\n", argv[0]);
    return 2;
  }
  // Mean over three neighbours, and the root mean square of the result.
  Function filter = function({f32(256)}, [](Tensor x) -> Tensors {
    Tensor sum3 = slice(x, {0}, {254}) + slice(x, {1}, {255}) + slice(x, {2}, {256});
    Tensor smooth = sum3 / 3;
    return {smooth, fluxion::sqrt(mean(square(smooth)))};
  });
  filter.name = "filter";
  try {
    emit(program(filter),
         {.kind = Emit::Object, .path = argv[1], .compile = {.target = "cpu:x86-64-v3"}});
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
