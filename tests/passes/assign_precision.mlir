// RUN: fluxion-opt --fluxion-assign-precision=precision=tf32 %s | FileCheck %s --check-prefix=TF32
// RUN: fluxion-opt --fluxion-assign-precision=precision=bf16 %s | FileCheck %s --check-prefix=BF16
// RUN: fluxion-opt --fluxion-assign-precision %s | FileCheck %s --check-prefix=F32
// RUN: not fluxion-opt --fluxion-assign-precision=precision=fp8 %s 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: unknown precision 'fp8'; it is f32, tf32 or bf16

// A value that two products take is converted once, where it is made.
// TF32-LABEL: func.func @products
// TF32: %[[H:.+]] = fluxion.dot_general {{.*}}precision = #fluxion<precision tf32>{{.*}}tensor<4x8xf32>
// TF32: fluxion.dot_general %[[H]], %[[H]] {{.*}}precision = #fluxion<precision tf32>{{.*}}-> tensor<4x4xf32>
// BF16-LABEL: func.func @products
// BF16-SAME: (%[[X:.+]]: tensor<4x6xf32>, %[[W:.+]]: tensor<6x8xf32>)
// BF16-DAG: %[[XN:.+]] = fluxion.convert %[[X]] : (tensor<4x6xf32>) -> tensor<4x6xbf16>
// BF16-DAG: %[[WN:.+]] = fluxion.convert %[[W]] : (tensor<6x8xf32>) -> tensor<6x8xbf16>
// BF16: %[[H:.+]] = fluxion.dot_general %[[XN]], %[[WN]] {{.*}}wide_result{{.*}} : (tensor<4x6xbf16>, tensor<6x8xbf16>) -> tensor<4x8xf32>
// BF16: %[[HN:.+]] = fluxion.convert %[[H]]
// BF16-NOT: fluxion.convert
// BF16: fluxion.dot_general %[[HN]], %[[HN]] {{.*}}wide_result
// F32-LABEL: func.func @products
// F32-NOT: precision
func.func @products(%x: tensor<4x6xf32>, %w: tensor<6x8xf32>) -> tensor<4x4xf32> attributes {fluxion.entry} {
  %h = fluxion.dot_general %x, %w contracting [1] x [0] : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  %g = fluxion.dot_general %h, %h contracting [1] x [1] : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  return %g : tensor<4x4xf32>
}

// Only f32 products change.
// TF32-LABEL: func.func @other_types
// TF32-NOT: precision
// BF16-LABEL: func.func @other_types
// BF16-NOT: wide_result
func.func @other_types(%x: tensor<4x4xf64>, %i: tensor<4x4xi32>) -> (tensor<4x4xf64>, tensor<4x4xi32>) attributes {fluxion.entry} {
  %y = fluxion.dot_general %x, %x contracting [1] x [0] : (tensor<4x4xf64>, tensor<4x4xf64>) -> tensor<4x4xf64>
  %j = fluxion.dot_general %i, %i contracting [1] x [0] : (tensor<4x4xi32>, tensor<4x4xi32>) -> tensor<4x4xi32>
  return %y, %j : tensor<4x4xf64>, tensor<4x4xi32>
}
