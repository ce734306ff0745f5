// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: fluxion-opt --fluxion-fuse %s | FileCheck %s
// RUN: fluxion-opt --fluxion-fuse=recompute=false %s | FileCheck %s --check-prefix=KEEP

module attributes {fluxion.target = #fluxion.target<{kind = "cuda"}>} {

// A mask takes fewer bytes than the elements that it compares: the kernel that makes these stores it
// for the product behind it, which reads no more of them.
// CHECK-LABEL: func.func @stored_mask
// CHECK: %[[Y:.+]]:2 = fluxion.kernel row
// CHECK: fluxion.compare gt
// CHECK: fluxion.kernel contract "{{.*}}"(%[[Y]]#0, %{{.+}})
// CHECK: fluxion.kernel contract "{{.*}}"(%{{.+}}, %{{.+}}, %[[Y]]#1)
// CHECK-NOT: fluxion.compare
// CHECK: fluxion.select
func.func @stored_mask(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {fluxion.entry} {
  %zero = fluxion.constant dense<0.0> : tensor<64x64xf32>
  %s = fluxion.reduce sum %x dims [1] : (tensor<64x64xf32>) -> tensor<64xf32>
  %sb = fluxion.broadcast_in_dim %s dims [0] : (tensor<64xf32>) -> tensor<64x64xf32>
  %c = fluxion.sub %x, %sb : tensor<64x64xf32>
  %e = fluxion.exp %c : tensor<64x64xf32>
  %t = fluxion.sub %e, %c : tensor<64x64xf32>
  %y = fluxion.max %t, %zero : tensor<64x64xf32>
  %d = fluxion.dot_general %y, %w contracting [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %f = fluxion.dot_general %d, %w contracting [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %m = fluxion.compare gt %y, %zero : tensor<64x64xf32>
  %g = fluxion.select %m, %f, %zero : tensor<64x64xi1>, tensor<64x64xf32>
  return %g : tensor<64x64xf32>
}

// Where the elements are read anyway, the mask is compared again.
// CHECK-LABEL: func.func @compared_again
// CHECK: %[[Y:.+]] = fluxion.kernel row
// CHECK: fluxion.kernel contract
// CHECK: fluxion.kernel contract "{{.*}}"(%{{.+}}, %{{.+}}, %[[Y]])
// CHECK: fluxion.compare gt
func.func @compared_again(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> attributes {fluxion.entry} {
  %zero = fluxion.constant dense<0.0> : tensor<64x64xf32>
  %s = fluxion.reduce sum %x dims [1] : (tensor<64x64xf32>) -> tensor<64xf32>
  %sb = fluxion.broadcast_in_dim %s dims [0] : (tensor<64xf32>) -> tensor<64x64xf32>
  %c = fluxion.sub %x, %sb : tensor<64x64xf32>
  %y = fluxion.exp %c : tensor<64x64xf32>
  %d = fluxion.dot_general %y, %w contracting [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %f = fluxion.dot_general %d, %w contracting [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %m = fluxion.compare gt %y, %zero : tensor<64x64xf32>
  %g = fluxion.select %m, %f, %zero : tensor<64x64xi1>, tensor<64x64xf32>
  %h = fluxion.mul %g, %y : tensor<64x64xf32>
  return %h : tensor<64x64xf32>
}

// What is standardised is not stored: the other kernel makes it of x, its means and deviations again.
// CHECK-LABEL: func.func @standardised
// CHECK: %[[A:.+]]:3 = fluxion.kernel row "{{.*}}"(%[[X:.+]])
// CHECK: fluxion.yield %{{.+}}, %{{.+}}, %{{.+}} : tensor<64xf32>, tensor<64xf32>, tensor<64x64xf32>
// CHECK: fluxion.dot_general
// CHECK: fluxion.kernel row "{{.*}}"(%{{.+}}, %[[X]], %[[A]]#0, %[[A]]#1)
// CHECK: fluxion.sub
// CHECK: fluxion.mul
// CHECK: fluxion.reduce sum
// KEEP-LABEL: func.func @standardised
// KEEP: fluxion.yield %{{.+}}, %{{.+}} : tensor<64x64xf32>, tensor<64x64xf32>
func.func @standardised(%x: tensor<64x64xf32>) -> tensor<64xf32> attributes {fluxion.entry} {
  %s = fluxion.reduce sum %x dims [1] : (tensor<64x64xf32>) -> tensor<64xf32>
  %sb = fluxion.broadcast_in_dim %s dims [0] : (tensor<64xf32>) -> tensor<64x64xf32>
  %c = fluxion.sub %x, %sb : tensor<64x64xf32>
  %q = fluxion.mul %c, %c : tensor<64x64xf32>
  %v = fluxion.reduce sum %q dims [1] : (tensor<64x64xf32>) -> tensor<64xf32>
  %r = fluxion.rsqrt %v : tensor<64xf32>
  %rb = fluxion.broadcast_in_dim %r dims [0] : (tensor<64xf32>) -> tensor<64x64xf32>
  %h = fluxion.mul %c, %rb : tensor<64x64xf32>
  %y = fluxion.exp %h : tensor<64x64xf32>
  %d = fluxion.dot_general %y, %y contracting [1] x [0] : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %t = fluxion.reduce sum %d dims [1] : (tensor<64x64xf32>) -> tensor<64xf32>
  %tb = fluxion.broadcast_in_dim %t dims [0] : (tensor<64xf32>) -> tensor<64x64xf32>
  %g = fluxion.mul %tb, %h : tensor<64x64xf32>
  %z = fluxion.reduce sum %g dims [1] : (tensor<64x64xf32>) -> tensor<64xf32>
  return %z : tensor<64xf32>
}
}
