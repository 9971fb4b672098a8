# Compiler settings that hold for every target.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_LINK_DEPENDS_NO_SHARED ON)

set(HG_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")
option(HG_WERROR "Treat warnings as errors" ON)
option(HG_HARDEN "Hardening flags of a release" OFF)
option(HG_FAULTS "Compile the fault points that the tests use" OFF)

find_program(HG_CCACHE ccache)
if(HG_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${HG_CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(PostgreSQL REQUIRED)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.87)
pkg_check_modules(GNUTLS REQUIRED IMPORTED_TARGET gnutls>=3.6)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(MHD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(ARGON2 REQUIRED IMPORTED_TARGET libargon2)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
# Debian's libwslay-dev describes itself to neither pkg-config nor CMake.
find_path(HG_WSLAY_INCLUDE wslay/wslay.h REQUIRED)
find_library(HG_WSLAY_LIBRARY wslay REQUIRED)
add_library(hg_wslay INTERFACE IMPORTED GLOBAL)
target_include_directories(hg_wslay INTERFACE ${HG_WSLAY_INCLUDE})
target_link_libraries(hg_wslay INTERFACE ${HG_WSLAY_LIBRARY})
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

add_compile_definitions(_GNU_SOURCE)
if(HG_FAULTS)
  add_compile_definitions(HG_FAULTS)
endif()

set(HG_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wformat=2 -Wundef -Wvla
    -Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wredundant-decls -Wnull-dereference
    -Wdouble-promotion -Wimplicit-fallthrough)
set(HG_WARNINGS_GNU -Wformat-signedness -Wduplicated-cond -Wduplicated-branches -Wlogical-op
                    -Wjump-misses-init -Walloc-zero -Wtrampolines)
set(HG_WARNINGS_Clang
    -Wconditional-uninitialized -Wcomma -Wassign-enum -Wstring-concatenation
    -Wshift-sign-overflow -Wextra-semi-stmt -Wmissing-variable-declarations -Wunreachable-code
    -Wdocumentation)
add_compile_options(${HG_WARNINGS} ${HG_WARNINGS_${CMAKE_C_COMPILER_ID}} -fno-common
                    -fvisibility=hidden -fno-omit-frame-pointer)
# Errors in every build, with or without HG_WERROR.
add_compile_options(-Werror=implicit-function-declaration -Werror=incompatible-pointer-types
                    -Werror=int-conversion -Werror=return-type -Werror=format)
if(HG_WERROR)
  add_compile_options(-Werror)
endif()

if(HG_SANITIZE)
  add_compile_options(-fsanitize=${HG_SANITIZE} -fno-sanitize-recover=all -Wno-null-dereference)
  if(CMAKE_C_COMPILER_ID STREQUAL GNU)
    # The compiler's own value tracking changes under instrumentation and warns wrongly.
    add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-truncation -Wno-format-truncation)
  endif()
  add_link_options(-fsanitize=${HG_SANITIZE})
  add_compile_definitions(HG_SANITIZED)
endif()

if(HG_HARDEN)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong
                      -fstack-clash-protection -fcf-protection)
  add_link_options(-Wl,-z,relro,-z,now)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  # With machine code beside it for the tests, which would take minutes to link as one.
  add_compile_options(-ffat-lto-objects)
endif()
