/**
 * What ONNX Runtime's binaries for Node are made of. Its npm package carries no licence text, so the components are named here:
 * read from the paths and words in the binaries of 1.30.0 (Linux, macOS, Windows; x64 and arm64) and from ONNX Runtime's
 * cmake/deps.txt; copyright lines from the components' own licence files.
 */

/** @typedef {{ name: string, licence: string, copyright: string, source: string, where?: string }} Component `licence` is an SPDX id */

/** The version that the table was made for: another one asks for a new look (tools/notices.mjs refuses it). */
export const ONNX_RUNTIME = '1.30.0';

/** Where ONNX Runtime publishes the notices of everything that it can be built with. */
export const ONNX_RUNTIME_NOTICES = `https://github.com/microsoft/onnxruntime/blob/v${ONNX_RUNTIME}/ThirdPartyNotices.txt`;

/** @type {readonly Component[]} */
export const COMPONENTS = [
  {
    name: 'ONNX Runtime',
    licence: 'MIT',
    copyright: 'Copyright (c) Microsoft Corporation',
    source: 'https://github.com/microsoft/onnxruntime',
  },
  {
    name: 'Abseil',
    licence: 'Apache-2.0',
    copyright: 'Copyright The Abseil Authors',
    source: 'https://github.com/abseil/abseil-cpp',
  },
  {
    name: 'Boost.Mp11',
    licence: 'BSL-1.0',
    copyright: 'Copyright 2015-2023 Peter Dimov',
    source: 'https://github.com/boostorg/mp11',
  },
  {
    name: '1DS C++ client (cpp_client_telemetry; switched off by EDM Workbench)',
    licence: 'Apache-2.0',
    copyright: 'Copyright (c) Microsoft Corporation',
    source: 'https://github.com/microsoft/cpp_client_telemetry',
  },
  {
    name: 'coremltools (format of Core ML models)',
    licence: 'BSD-3-Clause',
    copyright: 'Copyright (c) 2020 Apple Inc.',
    source: 'https://github.com/apple/coremltools',
    where: 'macOS',
  },
  {
    name: 'cpuinfo',
    licence: 'BSD-2-Clause',
    copyright:
      'Copyright (c) 2019 Google LLC; (c) 2017-2018 Facebook Inc.; (c) 2012-2017 Georgia Institute of Technology; (c) 2010-2012 Marat Dukhan',
    source: 'https://github.com/pytorch/cpuinfo',
  },
  {
    name: 'curl',
    licence: 'curl',
    copyright: 'Copyright (c) 1996-2026 Daniel Stenberg and contributors',
    source: 'https://github.com/curl/curl',
    where: 'Linux',
  },
  {
    name: 'date',
    licence: 'MIT',
    copyright: 'Copyright (c) 2015-2017 Howard Hinnant and contributors',
    source: 'https://github.com/HowardHinnant/date',
  },
  {
    name: 'Dawn and Tint',
    licence: 'BSD-3-Clause',
    copyright: 'Copyright 2017-2026 The Dawn & Tint Authors',
    source: 'https://dawn.googlesource.com/dawn',
    where: 'Linux x64, macOS, Windows',
  },
  {
    name: 'DirectML (DirectML.dll), under the Microsoft Software License Terms of its own package',
    licence: 'LicenseRef-Microsoft-DirectML',
    copyright: 'Copyright (c) Microsoft Corporation',
    source: 'https://www.nuget.org/packages/Microsoft.AI.DirectML',
    where: 'Windows',
  },
  {
    name: 'DirectX-Headers',
    licence: 'MIT',
    copyright: 'Copyright (c) Microsoft Corporation',
    source: 'https://github.com/microsoft/DirectX-Headers',
    where: 'Windows',
  },
  {
    name: 'DirectX Shader Compiler (dxcompiler.dll, dxil.dll)',
    licence: 'NCSA',
    copyright: 'Copyright (c) 2003-2015 University of Illinois at Urbana-Champaign; (c) Microsoft Corporation',
    source: 'https://github.com/microsoft/DirectXShaderCompiler',
    where: 'Windows',
  },
  {
    name: 'Eigen',
    licence: 'MPL-2.0',
    copyright: 'Copyright (c) the authors of Eigen (Gael Guennebaud, Benoit Jacob and others)',
    source: 'https://gitlab.com/libeigen/eigen',
  },
  {
    name: 'FlatBuffers',
    licence: 'Apache-2.0',
    copyright: 'Copyright 2014 Google Inc.',
    source: 'https://github.com/google/flatbuffers',
  },
  {
    name: 'FP16, FXdiv, psimd, pthreadpool',
    licence: 'MIT',
    copyright: 'Copyright (c) 2017 Facebook Inc.; (c) 2017-2019 Marat Dukhan; (c) 2019 Google LLC',
    source: 'https://github.com/Maratyszcza',
  },
  {
    name: 'GSL (Guidelines Support Library)',
    licence: 'MIT',
    copyright: 'Copyright (c) 2015 Microsoft Corporation',
    source: 'https://github.com/microsoft/GSL',
  },
  {
    name: 'JSON for Modern C++',
    licence: 'MIT',
    copyright: 'Copyright (c) 2013-2025 Niels Lohmann',
    source: 'https://github.com/nlohmann/json',
  },
  {
    name: 'KleidiAI',
    licence: 'Apache-2.0',
    copyright: 'Copyright 2024-2026 Arm Limited and/or its affiliates',
    source: 'https://gitlab.arm.com/kleidi/kleidiai',
  },
  {
    name: 'Mbed TLS',
    licence: 'Apache-2.0',
    copyright: 'Copyright The Mbed TLS Contributors',
    source: 'https://github.com/Mbed-TLS/mbedtls',
    where: 'Linux',
  },
  {
    name: 'node-addon-api',
    licence: 'MIT',
    copyright: 'Copyright (c) 2017 Node.js API collaborators',
    source: 'https://github.com/nodejs/node-addon-api',
  },
  {
    name: 'ONNX',
    licence: 'Apache-2.0',
    copyright: 'Copyright (c) ONNX Project Contributors',
    source: 'https://github.com/onnx/onnx',
  },
  {
    name: 'Protocol Buffers',
    licence: 'BSD-3-Clause',
    copyright: 'Copyright 2008 Google Inc.',
    source: 'https://github.com/protocolbuffers/protobuf',
  },
  {
    name: 'RE2',
    licence: 'BSD-3-Clause',
    copyright: 'Copyright (c) 2009 The RE2 Authors',
    source: 'https://github.com/google/re2',
  },
  {
    name: 'SafeInt',
    licence: 'MIT',
    copyright: 'Copyright (c) 2018 Microsoft Corporation',
    source: 'https://github.com/dcleblanc/SafeInt',
  },
  {
    name: 'SPIRV-Headers and SPIRV-Tools',
    licence: 'Apache-2.0',
    copyright: 'Copyright (c) 2015-2026 The Khronos Group Inc.; (c) Google LLC',
    source: 'https://github.com/KhronosGroup/SPIRV-Tools',
    where: 'Linux x64, Windows',
  },
  {
    name: 'SQLite (part of the 1DS client)',
    licence: 'blessing',
    copyright: 'The authors of SQLite disclaim copyright',
    source: 'https://sqlite.org',
    where: 'Linux, macOS',
  },
  {
    name: 'utf8_range',
    licence: 'MIT',
    copyright: 'Copyright (c) 2019 Yibo Cai; (c) 2022 Google LLC',
    source: 'https://github.com/protocolbuffers/utf8_range',
  },
  {
    name: 'Vulkan-Headers',
    licence: 'Apache-2.0',
    copyright: 'Copyright 2015-2026 The Khronos Group Inc.',
    source: 'https://github.com/KhronosGroup/Vulkan-Headers',
    where: 'Linux x64, Windows',
  },
  {
    name: 'WIL (Windows Implementation Libraries)',
    licence: 'MIT',
    copyright: 'Copyright (c) Microsoft Corporation',
    source: 'https://github.com/microsoft/wil',
    where: 'Windows',
  },
  {
    name: 'zlib',
    licence: 'Zlib',
    copyright: 'Copyright (c) 1995-2026 Jean-loup Gailly and Mark Adler',
    source: 'https://github.com/madler/zlib',
    where: 'Linux',
  },
];
