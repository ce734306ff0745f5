# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# fluxion_test(NAME SOURCES files... [DEPS targets...] [MLIR] [SLOW] [TIMEOUT seconds] [LABELS more...])
#   a GoogleTest program, one CTest entry
# fluxion_lit_suite(FOLDER [SLOW] [TIMEOUT seconds])
#   the lit tests of tests/FOLDER, one CTest entry
# fluxion_register(NAME COMMAND command... [SLOW] [ALL_CORES] [TIMEOUT seconds] [LABELS more...])
#   any other test
# An entry is labelled fast (seconds) or slow; CTest starts the fast ones first.

find_package(GTest REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(FLUXION_LIT NAMES lit-22 llvm-lit lit HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)
cmake_host_system_information(RESULT FLUXION_CORES QUERY NUMBER_OF_LOGICAL_CORES)

function(fluxion_register name)
  cmake_parse_arguments(ARG "SLOW;ALL_CORES" "TIMEOUT" "COMMAND;LABELS" ${ARGN})
  set(speed fast)
  set(cost 100)
  set(timeout 120)
  if(ARG_SLOW)
    set(speed slow)
    set(cost 1)
    set(timeout 600)
  endif()
  if(ARG_TIMEOUT)
    set(timeout ${ARG_TIMEOUT})
  endif()
  add_test(NAME ${name} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "${speed};${ARG_LABELS}" COST ${cost} TIMEOUT ${timeout})
  # Compiled objects are cached in the build folder, never in the user's home.
  set_property(TEST ${name} PROPERTY ENVIRONMENT FLUXION_CACHE_DIR=${CMAKE_BINARY_DIR}/tests/cache
    FLUXION_SOURCE_DIR=${CMAKE_SOURCE_DIR} FLUXION_BINARY_DIR=${CMAKE_BINARY_DIR})
  if(ARG_ALL_CORES)
    set_property(TEST ${name} PROPERTY PROCESSORS ${FLUXION_CORES})
  endif()
endfunction()

# The options a function below hands on to fluxion_register.
macro(fluxion_registration_options out)
  set(${out} LABELS ${ARG_LABELS})
  if(ARG_SLOW)
    list(APPEND ${out} SLOW)
  endif()
  if(ARG_TIMEOUT)
    list(APPEND ${out} TIMEOUT ${ARG_TIMEOUT})
  endif()
endmacro()

function(fluxion_test name)
  cmake_parse_arguments(ARG "MLIR;SLOW" "TIMEOUT" "DEPS;SOURCES;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/bin)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  if(ARG_MLIR)
    fluxion_uses_mlir(${name})
  endif()
  list(APPEND ARG_LABELS unit)
  fluxion_registration_options(options)
  fluxion_register(${name} COMMAND ${name} --gtest_brief=1 ${options})
endfunction()

function(fluxion_lit_suite folder)
  cmake_parse_arguments(ARG "SLOW" "TIMEOUT" "LABELS" ${ARGN})
  list(APPEND ARG_LABELS lit)
  fluxion_registration_options(options)
  fluxion_register(lit.${folder} ALL_CORES ${options}
    COMMAND ${Python3_EXECUTABLE} ${FLUXION_LIT} -q -j ${FLUXION_CORES} ${CMAKE_BINARY_DIR}/tests/${folder})
endfunction()
