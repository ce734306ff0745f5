// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums over the rows of what a contraction makes (gradients of biases), found by its own tiles,
// emulated beside the reference evaluator.
#include "tests/codegen/Harness.h"

#include <gtest/gtest.h>

using namespace fluxion_testing;

namespace {

struct Product {
  const char *name;
  int64_t m, n, k;
  const char *element = "f32", *result = "f32"; // of factors; of what is stored
  const char *attributes = "", *target = "cuda-emulated", *schedule = "";
  bool twoSums = false;
};
void PrintTo(const Product &p, std::ostream *out) { *out << p.name; }

std::string matrix(int64_t rows, int64_t columns, const char *element) {
  return "tensor<" + std::to_string(rows) + "x" + std::to_string(columns) + "x" + element + ">";
}

// g = where(h > 0, x . y, 0), b' = b - sum of g over its rows, and where asked for the sum of g *
// h. All of it is one kernel where `isKernel`, else fusion decides.
std::string textOf(const Product &p, bool isKernel) {
  std::string x = matrix(p.m, p.k, p.element), y = matrix(p.k, p.n, p.element),
              h = matrix(p.m, p.n, "f32"), g = matrix(p.m, p.n, p.result),
              b = "tensor<" + std::to_string(p.n) + "xf32>";
  std::string results = g + ", " + b + (p.twoSums ? ", " + b : "");
  std::string types = "(" + x + ", " + y + ", " + h + ", " + b + ")",
              body = "%p = fluxion.dot_general %x, %y contracting [1] x [0] " +
                     std::string(p.attributes) + " : (" + x + ", " + y + ") -> " + h +
                     "\n%zero = fluxion.constant dense<0.0> : " + h +
                     "\n%c = fluxion.compare gt %h, %zero : " + h +
                     "\n%g = fluxion.select %c, %p, %zero : " + matrix(p.m, p.n, "i1") + ", " + h +
                     "\n%s = fluxion.reduce sum %g dims [0] : (" + h + ") -> " + b +
                     "\n%n = fluxion.sub %b, %s : " + b + "\n";
  std::string last = "%g, %n";
  if (std::string(p.result) != "f32") {
    body += "%q = fluxion.convert %g : (" + h + ") -> " + g + "\n";
    last = "%q, %n";
  }
  if (p.twoSums) {
    body += "%gh = fluxion.mul %g, %h : " + h + "\n%t = fluxion.reduce sum %gh dims [0] : (" + h +
            ") -> " + b + "\n";
    last += ", %t";
  }
  std::string text = "func.func @main(%x: " + x + ", %y: " + y + ", %h: " + h + ", %b: " + b +
                     ") -> (" + results + ") attributes {fluxion.entry} {\n";
  if (!isKernel)
    return text + body + "return " + last + " : " + results + "\n}";
  std::string values = p.twoSums ? "%r#0, %r#1, %r#2" : "%r#0, %r#1";
  std::string arguments = "^bb0(%x: " + x + ", %y: " + y + ", %h: " + h + ", %b: " + b + "):\n";
  for (std::string *part : {&arguments, &body, &last}) // names of the kernel's own
    for (size_t at = 0; (at = part->find('%', at)) != std::string::npos; at += 2)
      part->insert(at + 1, "k");
  return text + "%r:" + (p.twoSums ? "3" : "2") +
         " = fluxion.kernel contract \"sums\"(%x, %y, %h, %b) {\n" + arguments + body +
         "fluxion.yield " + last + " : " + results + "\n} : " + types + " -> (" + results +
         ")\nreturn " + values + " : " + results + "\n}";
}

driver::Request requestOf(const Product &p) {
  driver::Request request;
  request.options.target = p.target;
  request.options.schedule = p.schedule;
  return request;
}

std::string ptxOf(const Product &p, bool isKernel) {
  Product onDevice = p;
  onDevice.target = std::string(p.target).ends_with("sm_90a") ? "cuda:sm_90a" : "cuda:sm_80";
  driver::Request request = requestOf(onDevice);
  request.assembly = true;
  return Case(textOf(p, isKernel)).text(request);
}

class ColumnSums : public ::testing::TestWithParam<Product> {};

TEST_P(ColumnSums, EqualTheReferenceInTwoLaunches) {
  const Product &p = GetParam();
  Case program(textOf(p, true));
  program.compile(requestOf(p));
  std::vector<Tensor> inputs = program.inputsOf("main", {.low = -1, .high = 1});
  for (Tensor &input : inputs)
    input = rounded(input);
  bool isNarrow = std::string(p.element) != "f32" || *p.attributes;
  std::vector<Tensor> found = program.compiled("main", inputs);
  EXPECT_EQ(difference(program.reference("main", inputs), found, isNarrow ? 3e-2 : 2e-5), "");
  EXPECT_EQ(difference(found, program.compiled("main", inputs), 0), "");
  EXPECT_EQ(launchesIn(ptxOf(p, true)), 2);
}

const char *const tf32 = "{precision = #fluxion<precision tf32>}", *const wide = "{wide_result}",
                  *const ampere = "cuda-emulated:sm_80", *const hopper = "cuda-emulated:sm_90a";

INSTANTIATE_TEST_SUITE_P(
    Gpu, ColumnSums,
    ::testing::Values(
        Product{"f32", 64, 72, 40, "f32", "f32", "", ampere, "chunks=1"},
        Product{"f32_ragged", 77, 45, 33, "f32", "f32", "", ampere, "chunks=1"},
        Product{"f32_many_tiles", 300, 24, 16, "f32", "f32", "", ampere, "chunks=1"},
        Product{"f32_two", 70, 68, 32, "f32", "f32", "", ampere, "chunks=1", true},
        Product{"f32_shared_k", 40, 48, 64, "f32", "f32", "", ampere,
                "chunks=1,warps_m=1,warps_n=1,warps_k=4,per_warp_m=4,per_warp_n=4", true},
        Product{"f32_wide_tile", 40, 150, 32, "f32", "f32", "", ampere,
                "chunks=1,warps_m=1,warps_n=1,warps_k=1,per_warp_m=2,per_warp_n=8"},
        Product{"tf32", 70, 48, 32, "f32", "f32", tf32, ampere, "chunks=1"},
        Product{"bf16", 70, 48, 64, "bf16", "bf16", wide, ampere, "chunks=1"},
        Product{"bf16_two", 70, 44, 64, "bf16", "f32", wide, ampere, "chunks=1", true},
        Product{"engines", 128, 128, 64, "bf16", "f32", wide, hopper},
        Product{"engines_copies", 200, 192, 128, "bf16", "bf16", wide, hopper},
        Product{"engines_ragged", 150, 136, 72, "bf16", "f32", wide, hopper},
        Product{"engines_two", 200, 136, 64, "bf16", "bf16", wide, hopper, "", true},
        Product{"engines_sharing", 64, 64, 512, "bf16", "f32", wide, hopper, "tile_m=64,tile_n=64"},
        Product{"engines_many_tiles", 1100, 1032, 64, "bf16", "bf16", wide, hopper,
                "tile_m=128,tile_n=64"},
        Product{"engines_tf32", 150, 136, 72, "f32", "f32", tf32, hopper,
                "engines=true,exchange=false"}),
    [](const auto &info) { return info.param.name; });

// Bias gradients of large results join the product; another sweep over small ones costs less.
TEST(ColumnSums, JoinWhereASweepIsSaved) {
  Product large{"large", 8192, 3072, 64, "bf16", "f32", wide, hopper}, small = large;
  auto isJoined = [](const Product &p) {
    return ptxOf(p, false).find("matmul_select_reduce_sum_sub") != std::string::npos;
  };
  EXPECT_TRUE(isJoined(large));
  small.m = 128, small.n = 512;
  EXPECT_FALSE(isJoined(small));
}

// Where k is cut into chunks no block has the results, and tiles of the transpose have them the
// other way round; the sums are then a sweep of their own.
TEST(ColumnSums, SomeTilesLeaveThemToASweep) {
  for (const Product &p : {Product{"chunks", 48, 40, 256, "f32", "f32", "", ampere, "chunks=2"},
                           Product{"exchanged", 150, 136, 72, "f32", "f32", tf32, hopper,
                                   "engines=true,exchange=true"}}) {
    Case program(textOf(p, true));
    program.compile(requestOf(p));
    std::vector<Tensor> inputs = program.inputsOf("main", {});
    EXPECT_EQ(difference(program.reference("main", inputs), program.compiled("main", inputs),
                         *p.attributes ? 3e-2 : 1e-4),
              "")
        << p.name;
  }
}

} // namespace
