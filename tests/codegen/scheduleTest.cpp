// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Schedules as data: keys change the plan, every candidate computes what the definition says with
// equal bits on any number of threads, and what does not fit is refused in words.
#include "codegen/common/Backend.h"
#include "codegen/common/Target.h"
#include "codegen/llvm/loops/Plan.h"
#include "frontend/dsl/Trace.h"
#include "passes/schedule/ScheduleSource.h"
#include "tests/codegen/Harness.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fluxion_testing;
using testing::HasSubstr;

namespace {

const std::string product =
    "func.func @main(%x: tensor<37x130xf32>, %y: tensor<130x70xf32>, %b: tensor<70xf32>) -> "
    "tensor<37x70xf32> attributes {fluxion.entry} {\n"
    "%z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<37x130xf32>, "
    "tensor<130x70xf32>) -> tensor<37x70xf32>\n"
    "%c = fluxion.broadcast_in_dim %b dims [1] : (tensor<70xf32>) -> tensor<37x70xf32>\n"
    "%r = fluxion.add %z, %c : tensor<37x70xf32>\nreturn %r : tensor<37x70xf32>\n}";
const std::string transposedProduct =
    "func.func @main(%x: tensor<130x37xf32>, %y: tensor<70x130xf32>) -> tensor<37x70xf32> "
    "attributes {fluxion.entry} {\n"
    "%z = fluxion.dot_general %x, %y contracting [0] x [1] : (tensor<130x37xf32>, "
    "tensor<70x130xf32>) -> tensor<37x70xf32>\nreturn %z : tensor<37x70xf32>\n}";

std::string convolution(const std::string &attributes, const std::string &out) {
  return "func.func @main(%x: tensor<2x9x11x6xf32>, %w: tensor<3x3x6x20xf32>) -> " + out +
         " attributes {fluxion.entry} {\n%y = fluxion.convolution %x, %w {" + attributes +
         ", rhs_dilation = array<i64: 1, 1>, input_dims = array<i64: 0, 3, 1, 2>, kernel_dims = "
         "array<i64: 3, 2, 0, 1>, output_dims = array<i64: 0, 3, 1, 2>} : (tensor<2x9x11x6xf32>, "
         "tensor<3x3x6x20xf32>) -> " +
         out + "\nreturn %y : " + out + "\n}";
}

// Results are the window's taps; summed are the batch and the image.
std::string weightGradient(const std::string &stride, const std::string &image) {
  std::string type = "tensor<3x3x6x20xf32>", dy = "tensor<4x" + image + "x20xf32>";
  return "func.func @main(%x: tensor<4x9x11x6xf32>, %dy: " + dy + ") -> " + type +
         " attributes {fluxion.entry} {\n%y = fluxion.convolution %x, %dy {window_strides = "
         "array<i64: 1, 1>, lhs_dilation = array<i64: 1, 1>, padding = array<i64: 1, 1, 1, 1>, "
         "rhs_dilation = array<i64: " +
         stride +
         ">, input_dims = array<i64: 3, 0, 1, 2>, kernel_dims = array<i64: 3, 0, 1, 2>, "
         "output_dims = array<i64: 2, 3, 0, 1>} : (tensor<4x9x11x6xf32>, " +
         dy + ") -> " + type + "\nreturn %y : " + type + "\n}";
}

struct Scheduled {
  std::shared_ptr<mlir::MLIRContext> context = fluxion::dsl::makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module;
  driver::Product product;
  ir::TargetInfo target;
  ir::KernelOp kernel; // the first contraction

  explicit Scheduled(const std::string &text, const std::string &schedule = "") {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    driver::Request request;
    request.options.schedule = schedule;
    request.stopAfter = "schedule";
    product = driver::compileModule(*module, request);
    target = ir::TargetInfo::of(*product.planned);
    product.planned->walk([&](ir::KernelOp found) {
      if (!kernel && found.getSchedule()->getConfig().contains("tile_vectors"))
        kernel = found;
    });
  }
  codegen::KernelPlan plan() { return codegen::planKernel(kernel, target); }
  const codegen::Phase &tiles(const codegen::KernelPlan &plan) {
    for (const codegen::Phase &phase : plan.phases)
      if (phase.kind == codegen::Phase::Reduce)
        return phase;
    throw std::runtime_error("no phase of register tiles");
  }
};

TEST(ScheduleKeys, ChangeThePlan) {
  Scheduled given(product, "tile_rows=5,tile_vectors=2,unroll=3,pack_lhs=true,pack_rhs=true,"
                           "block_depth=40,block_lane_tiles=1,block_row_tiles=3");
  codegen::KernelPlan plan = given.plan();
  const codegen::Phase &tiles = given.tiles(plan);
  EXPECT_EQ(plan.scheduleRefusal, "");
  EXPECT_EQ(tiles.tile.rows, 5);
  EXPECT_EQ(tiles.tile.vectors, 2);
  EXPECT_EQ(tiles.reductions[0].unroll, 3);
  EXPECT_TRUE(tiles.reductions[0].lhs && tiles.reductions[0].rhs);
  EXPECT_EQ(tiles.blocking.depth, 40);
  EXPECT_EQ(tiles.blocking.laneTiles, 1);
  EXPECT_EQ(tiles.blocking.rowTiles, 3);
  Scheduled chunked(product, "chunks=13");
  codegen::KernelPlan split = chunked.plan();
  EXPECT_EQ(chunked.tiles(split).reductions[0].chunks, 13);
  EXPECT_EQ(split.phases.back().kind, codegen::Phase::Combine);
}

TEST(ScheduleKeys, WhatIsDecidedDecidesTheSame) {
  for (const std::string &text : {product, transposedProduct}) {
    Scheduled own(text);
    std::string decided = fluxion::passes::printScheduleText(own.kernel.getSchedule()->getConfig());
    Scheduled again(text, decided);
    EXPECT_EQ(fluxion::passes::printScheduleText(again.kernel.getSchedule()->getConfig()), decided);
    EXPECT_EQ(again.plan().phases.size(), own.plan().phases.size());
  }
}

std::string refusal(const std::string &schedule) {
  try {
    Scheduled refused(product, schedule);
  } catch (const driver::InternalError &error) {
    return std::string("internal: ") + error.what();
  } catch (const std::runtime_error &error) {
    return error.what();
  }
  return "taken";
}

TEST(ScheduleKeys, WhatDoesNotFitIsRefused) {
  EXPECT_THAT(refusal("tile_rows=38"),
              HasSubstr("of llvm-loops: schedule key tile_rows=38 does not fit: it is 1 to "));
  EXPECT_THAT(refusal("tile_vectors=0"), HasSubstr("tile_vectors=0 does not fit: it is 1 to "));
  EXPECT_THAT(refusal("chunks=4"),
              HasSubstr("chunks=4 does not fit: it is a divisor of 130, at most 64"));
  EXPECT_THAT(refusal("pack_rhs=2"), HasSubstr("pack_rhs=2 does not fit: it is true or false"));
  EXPECT_THAT(refusal("unroll=many"), HasSubstr("unroll=many does not fit: it is 1 to 16"));
  EXPECT_EQ(refusal("tile_row=4"), "unknown schedule key \"tile_row\"; did you mean tile_rows?");
}

struct CandidateCase {
  const char *name;
  std::string text;
  double tolerance = 1e-5;
};
void PrintTo(const CandidateCase &c, std::ostream *out) { *out << c.name; }

class Candidates : public testing::TestWithParam<CandidateCase> {};

TEST_P(Candidates, ComputeTheDefinition) {
  Scheduled own(GetParam().text);
  Case program(GetParam().text);
  std::vector<Tensor> inputs = program.inputsOf("main", {});
  std::vector<Tensor> expected = program.reference("main", inputs);
  size_t tried = 0;
  for (const auto &backend : codegen::backendsFor(own.target))
    for (mlir::DictionaryAttr candidate : backend->candidates(own.kernel, own.target)) {
      driver::Request request;
      request.options.schedule = fluxion::passes::printScheduleText(candidate);
      SCOPED_TRACE(request.options.schedule);
      ++tried;
      std::vector<Tensor> first;
      program.compile(request);
      for (int threads : {1, 3}) {
        program.start(threads);
        std::vector<Tensor> found = program.compiled("main", inputs);
        EXPECT_EQ(difference(expected, found, GetParam().tolerance), "");
        if (first.empty())
          first = found;
        EXPECT_EQ(toBytes(first[0]), toBytes(found[0])) << "depends on the threads";
      }
    }
  EXPECT_GE(tried, 6u);
}

#define STRIDES(window, lhs, padding)                                                              \
  "window_strides = array<i64: " window ">, lhs_dilation = array<i64: " lhs                        \
  ">, padding = array<i64: " padding ">"

INSTANTIATE_TEST_SUITE_P(
    Loops, Candidates,
    testing::Values(CandidateCase{"product", product},
                    CandidateCase{"transposed", transposedProduct},
                    CandidateCase{"convolution", convolution(STRIDES("1, 1", "1, 1", "1, 1, 1, 1"),
                                                             "tensor<2x9x11x20xf32>")},
                    CandidateCase{"dilated", convolution(STRIDES("1, 1", "2, 2", "1, 2, 1, 2"),
                                                         "tensor<2x18x22x20xf32>")},
                    // 396 products a sum
                    CandidateCase{"weight_gradient", weightGradient("1, 1", "9x11"), 3e-5},
                    CandidateCase{"strided_weight_gradient", weightGradient("2, 2", "5x6")}),
    [](const auto &info) { return std::string(info.param.name); });

struct ProductCase {
  const char *name;
  std::string signature, body;
  double tolerance = 1e-5;

  // The definition, and the same bits under every schedule and on any number of threads.
  void check(const std::vector<std::string> &schedules) const {
    Case program("func.func @main" + signature + " attributes {fluxion.entry} { " + body + " }");
    std::vector<Tensor> inputs = program.inputsOf("main", {});
    std::vector<Tensor> expected = program.reference("main", inputs), first;
    for (const std::string &schedule : schedules) {
      driver::Request request;
      request.options.schedule = schedule;
      program.compile(request);
      for (int threads : {1, 2, 4}) {
        SCOPED_TRACE(schedule + " on " + std::to_string(threads));
        program.start(threads);
        std::vector<Tensor> found = program.compiled("main", inputs);
        EXPECT_EQ(difference(expected, found, tolerance), "");
        if (first.empty())
          first = found;
        EXPECT_EQ(toBytes(first[0]), toBytes(found[0]));
      }
    }
  }
};
void PrintTo(const ProductCase &c, std::ostream *out) { *out << c.name; }

class PanelTasks : public testing::TestWithParam<ProductCase> {};

// Whoever copies the panels, and however many a task takes.
TEST_P(PanelTasks, ComputeTheDefinition) {
  std::vector<std::string> schedules;
  for (const char *panels : {"0", "1", "2", "5"})
    schedules.push_back(
        std::string("chunks=1,pack_rhs=true,tile_rows=4,tile_vectors=2,task_panels=") + panels);
  GetParam().check(schedules);
}

class FewRowsOrColumns : public testing::TestWithParam<ProductCase> {};

TEST_P(FewRowsOrColumns, ComputeTheDefinition) { GetParam().check({""}); }

INSTANTIATE_TEST_SUITE_P(
    Loops, FewRowsOrColumns,
    testing::Values(
        ProductCase{"rows", // of a right side beyond the cache
                    "(%x: tensor<13x1100xf32>, %y: tensor<1100x1101xf32>) -> tensor<13x1101xf32>",
                    "%z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<13x1100xf32>, "
                    "tensor<1100x1101xf32>) -> tensor<13x1101xf32> return %z : tensor<13x1101xf32>",
                    1e-4}, // 1100 products a sum
        ProductCase{"row",
                    "(%x: tensor<1x1100xf32>, %y: tensor<1100x1101xf32>) -> tensor<1x1101xf32>",
                    "%z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<1x1100xf32>, "
                    "tensor<1100x1101xf32>) -> tensor<1x1101xf32> return %z : tensor<1x1101xf32>",
                    1e-4},
        ProductCase{"columns",
                    "(%x: tensor<37x331xf32>, %y: tensor<10x331xf32>, %b: tensor<10xf32>) -> "
                    "tensor<37x10xf32>",
                    "%z = fluxion.dot_general %x, %y contracting [1] x [1] : (tensor<37x331xf32>, "
                    "tensor<10x331xf32>) -> tensor<37x10xf32> %c = fluxion.broadcast_in_dim %b "
                    "dims [1] : (tensor<10xf32>) -> tensor<37x10xf32> %s = fluxion.add %z, %c : "
                    "tensor<37x10xf32> %r = fluxion.relu %s : tensor<37x10xf32> return %r : "
                    "tensor<37x10xf32>"},
        ProductCase{"columns_in_chunks",
                    "(%x: tensor<5x8192xf32>, %y: tensor<3x8192xf32>) -> tensor<5x3xf32>",
                    "%z = fluxion.dot_general %x, %y contracting [1] x [1] : (tensor<5x8192xf32>, "
                    "tensor<3x8192xf32>) -> tensor<5x3xf32> return %z : tensor<5x3xf32>",
                    1e-4},
        ProductCase{"columns_batched_f64",
                    "(%x: tensor<3x9x200xf64>, %y: tensor<3x7x200xf64>) -> tensor<3x9x7xf64>",
                    "%z = fluxion.dot_general %x, %y batching [0] x [0] contracting [2] x [2] : "
                    "(tensor<3x9x200xf64>, tensor<3x7x200xf64>) -> tensor<3x9x7xf64> return %z : "
                    "tensor<3x9x7xf64>",
                    1e-13}),
    [](const auto &info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Loops, PanelTasks,
    testing::Values(
        ProductCase{"ragged",
                    "(%x: tensor<37x67xf32>, %y: tensor<67x333xf32>) -> tensor<37x333xf32>",
                    "%z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<37x67xf32>, "
                    "tensor<67x333xf32>) -> tensor<37x333xf32> return %z : tensor<37x333xf32>"},
        ProductCase{"many_rows", // far more steps than lines to copy
                    "(%x: tensor<203x20xf32>, %y: tensor<20x320xf32>) -> tensor<203x320xf32>",
                    "%z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<203x20xf32>, "
                    "tensor<20x320xf32>) -> tensor<203x320xf32> return %z : tensor<203x320xf32>"},
        ProductCase{"few_rows",
                    "(%x: tensor<4x64xf32>, %y: tensor<64x320xf32>) -> tensor<4x320xf32>",
                    "%z = fluxion.dot_general %x, %y contracting [1] x [0] : (tensor<4x64xf32>, "
                    "tensor<64x320xf32>) -> tensor<4x320xf32> return %z : tensor<4x320xf32>"},
        ProductCase{"transposed",
                    "(%x: tensor<130x37xf32>, %y: tensor<333x130xf32>) -> tensor<37x333xf32>",
                    "%z = fluxion.dot_general %x, %y contracting [0] x [1] : (tensor<130x37xf32>, "
                    "tensor<333x130xf32>) -> tensor<37x333xf32> return %z : tensor<37x333xf32>"},
        ProductCase{"batched_f64",
                    "(%x: tensor<3x19x17xf64>, %y: tensor<3x17x45xf64>) -> tensor<3x19x45xf64>",
                    "%z = fluxion.dot_general %x, %y batching [0] x [0] contracting [2] x [1] : "
                    "(tensor<3x19x17xf64>, tensor<3x17x45xf64>) -> tensor<3x19x45xf64> return %z : "
                    "tensor<3x19x45xf64>",
                    1e-13},
        ProductCase{
            "fused",
            "(%x: tensor<37x64xf32>, %y: tensor<64x200xf32>, %b: tensor<200xf32>) -> "
            "tensor<37x200xf32>",
            "%s = fluxion.mul %y, %y : tensor<64x200xf32> %z = fluxion.dot_general %x, %s "
            "contracting [1] x [0] : (tensor<37x64xf32>, tensor<64x200xf32>) -> "
            "tensor<37x200xf32> %c = fluxion.broadcast_in_dim %b dims [1] : (tensor<200xf32>) "
            "-> tensor<37x200xf32> %r = fluxion.add %z, %c : tensor<37x200xf32> return %r : "
            "tensor<37x200xf32>"}),
    [](const auto &info) { return std::string(info.param.name); });

} // namespace
